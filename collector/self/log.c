#include "collector/self/log.h"

#include "collector/self/counters.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Atomic int log_level_now = LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set before threads start, then only read. */
static struct {
    struct clock *clock;
    void (*sink)(void *arg, struct bytes line);
    void *arg;
    void (*tap)(void *arg, const struct log_event *event);
    void *tap_arg;
} output;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level_now, (int)level, memory_order_relaxed);
}

bool log_level_parse(struct tsdb_text text, enum log_level *out)
{
    for (int i = LEVEL_ERROR; i <= LEVEL_DEBUG; i++)
        if (text_equal(text, text_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_set_clock(struct clock *clock)
{
    output.clock = clock;
}

void log_set_sink(void (*sink)(void *arg, struct bytes line), void *arg)
{
    output.sink = sink;
    output.arg = arg;
}

void log_set_tap(void (*tap)(void *arg, const struct log_event *event), void *arg)
{
    output.tap = tap;
    output.tap_arg = arg;
}

/* False: this line is left out.  Threads that race into a new window may both
 * open it; a line more or less does not matter. */
static bool site_admits(struct log_site *site, int64_t mono_ns, uint32_t *suppressed)
{
    *suppressed = 0;
    int64_t window = mono_ns / (LOG_WINDOW_S * NS_PER_S) + 1;
    if (atomic_exchange_explicit(&site->window, window, memory_order_relaxed) != window)
        atomic_store_explicit(&site->written, 0, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&site->written, 1, memory_order_relaxed) >= LOG_BURST) {
        atomic_fetch_add_explicit(&site->suppressed, 1, memory_order_relaxed);
        counters_add(LOG_SUPPRESSED, NOWHERE, 1);
        return false;
    }
    *suppressed = atomic_exchange_explicit(&site->suppressed, 0, memory_order_relaxed);
    return true;
}

/* Bytes of the well-formed sequence at p, or 0: a control, or no UTF-8. */
static size_t printable(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    for (size_t n = 2; n <= 4 && n <= left; n++)
        if (utf8_check(p, n)) /* U+0080..U+009F are controls */
            return c == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : n;
    return 0;
}

/* Appends text to line, escaped, up to room for the end; false when cut. */
static bool put_escaped(char *line, size_t *len, const char *text, size_t text_len)
{
    enum { TAIL = 4, ESCAPE = 5 }; /* "...\n" and the longest escape */
    for (size_t i = 0; i < text_len;) {
        if (*len + TAIL + ESCAPE > LOG_LINE_MAX)
            return false;
        size_t n = printable(text + i, text_len - i);
        if (n > 0) {
            memcpy(line + *len, text + i, n);
            *len += n;
            i += n;
            continue;
        }
        unsigned char c = (unsigned char)text[i++];
        const char *known = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
        if (known) {
            memcpy(line + *len, known, 2);
            *len += 2;
        } else {
            *len += (size_t)snprintf(line + *len, ESCAPE, "\\x%02x", c);
        }
    }
    return true;
}

static void emit(char *line, size_t len)
{
    line[len++] = '\n';
    if (output.sink)
        output.sink(output.arg, (struct bytes){(const uint8_t *)line, len});
    else
        (void)fwrite(line, 1, len, stderr); /* unbuffered: one write; nowhere to report to */
}

void log_write(struct log_site *site, enum log_level level, const char *room, const char *fmt, ...)
{
    struct clock *clock = output.clock ? output.clock : clock_real();
    uint32_t suppressed;
    if (!site_admits(site, clock_mono_ns(clock), &suppressed))
        return;
    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int wrote = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t text_len = wrote < 0 ? 0 : (size_t)wrote < sizeof text ? (size_t)wrote : sizeof text - 1;

    char ts[RFC3339_MAX], line[LOG_LINE_MAX];
    int64_t now = clock_wall_ns(clock);
    if (output.tap)
        output.tap(output.tap_arg, &(struct log_event){now, level, room, {text, text_len}});
    (void)rfc3339_format(now, 3, ts);
    int head = snprintf(line, sizeof line, "ts=%s level=%s room=%s ", ts, level_names[level], room);
    size_t len = (size_t)head;
    if (suppressed > 0)
        len += (size_t)snprintf(line + len, 24, "suppressed=%u ", (unsigned)suppressed);
    if (!put_escaped(line, &len, text, text_len)) {
        memcpy(line + len, "...", 3);
        len += 3;
    }
    emit(line, len);
}
