/* log.h - the process' own log: one logfmt line an event, on stderr.
 *
 *   ts=2026-11-24T12:00:00.123Z level=info room=net listening door=http port=4318
 *
 * The room comes first, then what happened, then key=value; no full stop.  The
 * frame that ends an error logs it, once; nothing per sample or per request
 * above debug.  Secrets and payload bytes are never logged.
 *
 * Rate: a call site writes at most LOG_BURST lines per LOG_WINDOW_S seconds;
 * its next line then carries suppressed=N.  A call site is a place in the
 * source, so callers never count for themselves.
 * Safety: control characters, quotes' terminal tricks and bytes that are not
 * UTF-8 are written as \n, \t or \xNN; a line is at most LOG_LINE_MAX bytes (a
 * longer one ends in "...") and is written with one call, so lines of threads
 * do not mix.
 *
 * Process-wide on purpose: a log has one reader.  Thread-safe.  Atomic: the
 * level and each site's counts, relaxed; they order nothing.
 */
#ifndef COLLECTOR_SELF_LOG_H
#define COLLECTOR_SELF_LOG_H

#include "tsdb/base/clock.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

#include <stdatomic.h>

enum log_level {
    LEVEL_ERROR = 0, /* a person must act */
    LEVEL_WARN,      /* degraded, heals itself */
    LEVEL_INFO,      /* life cycle */
    LEVEL_DEBUG,
};

enum {
    LOG_LINE_MAX = 2048, /* bytes, line end included */
    LOG_BURST = 10,      /* lines per site and window */
    LOG_WINDOW_S = 10,
};

/* At start and on reload. */
void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug"; false for anything else. */
bool log_level_parse(struct tsdb_text text, enum log_level *out);
const char *log_level_name(enum log_level level);
/* Before threads start.  clock NULL: the real one. */
void log_set_clock(struct clock *clock);
/* Before threads start.  Every line, its \n included, goes to sink instead of
 * stderr; NULL: stderr again. */
void log_set_sink(void (*sink)(void *arg, struct bytes line), void *arg);

/* What a line was made of; text as it was formatted, not escaped.  Borrowed. */
struct log_event {
    int64_t wall_ns;
    enum log_level level;
    const char *room;
    struct tsdb_text text;
};
/* Before threads start, or after they ended.  Every line that is written goes to the tap as
 * well, on the thread that wrote it; NULL: none. */
void log_set_tap(void (*tap)(void *arg, const struct log_event *event), void *arg);

/* Private to the macros below: what one call site has written. */
struct log_site {
    _Atomic int64_t window; /* monotonic second it began in, / LOG_WINDOW_S, + 1 */
    _Atomic uint32_t written, suppressed;
};

extern _Atomic int log_level_now;

void log_write(struct log_site *site, enum log_level level, const char *room, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define LOG_AT(level, room, ...)                                                                   \
    do {                                                                                           \
        static struct log_site log_site_here;                                                      \
        if ((int)(level) <= atomic_load_explicit(&log_level_now, memory_order_relaxed))            \
            log_write(&log_site_here, (level), (room), __VA_ARGS__);                               \
    } while (0)

#define log_error(room, ...) LOG_AT(LEVEL_ERROR, room, __VA_ARGS__)
#define log_warn(room, ...) LOG_AT(LEVEL_WARN, room, __VA_ARGS__)
#define log_info(room, ...) LOG_AT(LEVEL_INFO, room, __VA_ARGS__)
#define log_debug(room, ...) LOG_AT(LEVEL_DEBUG, room, __VA_ARGS__)

#endif
