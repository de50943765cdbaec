#include "tsdb/base/writer.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

uint8_t *writer_reserve(struct writer *w, size_t n)
{
    if (n > w->cap - w->len) {
        size_t cap = w->cap ? w->cap : 256;
        while (cap - w->len < n) {
            ASSERT(cap <= SIZE_MAX / 2);
            cap *= 2;
        }
        w->at = mem_grow(w->at, cap, 1);
        w->cap = cap;
    }
    return w->at + w->len;
}

void writer_release(struct writer *w)
{
    mem_free(w->at);
    *w = (struct writer){0};
}

void writer_text(struct writer *w, const char *text)
{
    writer_put(w, text, strlen(text));
}

void writer_format(struct writer *w, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    char *at = (char *)writer_reserve(w, (size_t)n + 1);
    (void)vsnprintf(at, (size_t)n + 1, fmt, again);
    va_end(again);
    w->len += (size_t)n;
}
