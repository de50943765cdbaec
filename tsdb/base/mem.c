#include "tsdb/base/mem.h"

#include "tsdb/base/assert.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(ANDON_JEMALLOC) && !defined(ANDON_LIBC_MALLOC)
#include <jemalloc/jemalloc.h>
#define HAVE_JEMALLOC 1
/* Pages go back to the kernel after a second: memory figures stay true. */
const char *malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:4";
#else
#define HAVE_JEMALLOC 0
#endif

static void *must(void *block, size_t bytes)
{
    if (!block && bytes > 0) {
        (void)fprintf(stderr, "level=error room=mem msg=\"out of memory\" bytes=%zu\n", bytes);
        abort();
    }
    return block;
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        must(NULL, SIZE_MAX);
    return bytes ? bytes : 1;
}

void *mem_array(size_t count, size_t size)
{
    size_t bytes = product(count, size);
    return must(calloc(1, bytes), bytes);
}

void *mem_alloc(size_t bytes)
{
    return must(malloc(bytes ? bytes : 1), bytes);
}

void *mem_grow(void *block, size_t count, size_t size)
{
    size_t bytes = product(count, size);
    return must(realloc(block, bytes), bytes);
}

void mem_free(void *block)
{
    free(block);
}

size_t mem_usable(void *block)
{
    return malloc_usable_size(block);
}

char *mem_text(const char *at, size_t len)
{
    char *copy = mem_alloc(len + 1);
    memcpy(copy, at, len);
    copy[len] = '\0';
    return copy;
}

uint64_t mem_in_use(void)
{
#if HAVE_JEMALLOC
    uint64_t epoch = 1;
    size_t bytes = 0, len = sizeof epoch;
    (void)mallctl("epoch", &epoch, &len, &epoch, sizeof epoch);
    len = sizeof bytes;
    if (mallctl("stats.allocated", &bytes, &len, NULL, 0) != 0)
        return 0;
    return bytes;
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

void mem_trim(void)
{
#if HAVE_JEMALLOC
    char name[48];
    (void)snprintf(name, sizeof name, "arena.%d.purge", MALLCTL_ARENAS_ALL);
    (void)mallctl(name, NULL, NULL, NULL, 0);
#else
    (void)malloc_trim(0);
#endif
}
