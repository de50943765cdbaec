#include "collector/self/trace.h"

#include "collector/self/counters.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"

#include <stdatomic.h>
#include <string.h>

static struct {
    trace_tap_fn *tap;
    void *arg;
    _Atomic int64_t second; /* of the monotonic clock */
    _Atomic uint32_t kept;  /* in it, of those that nobody asked for */
} site;

void trace_set_tap(trace_tap_fn *tap, void *arg)
{
    site.tap = tap;
    site.arg = arg;
}

/* ---- identifiers -------------------------------------------------------------------------- */

static void fill_random(void *out, size_t words)
{
    static _Thread_local struct random random;
    static _Thread_local bool is_seeded;
    if (!is_seeded) {
        uint64_t seed;
        random_secret(&seed, sizeof seed);
        random_init(&random, seed);
        is_seeded = true;
    }
    uint8_t *at = out;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = random_next(&random) | 1;
        memcpy(at + i * sizeof word, &word, sizeof word);
    }
}

struct tsdb_span_id trace_new_span_id(void)
{
    struct tsdb_span_id id;
    fill_random(id.at, 1);
    return id;
}

/* Lower-case hexadecimal, as the specification wants it; false: another character, or only
 * zeros. */
static bool read_hex(const char *text, uint8_t *out, size_t bytes)
{
    uint8_t any = 0;
    for (size_t i = 0; i < 2 * bytes; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
        any |= (uint8_t)digit;
    }
    return any != 0;
}

/* VERSION-TRACE-PARENT-FLAGS; later versions may have more behind it. */
static bool read_parent(struct trace *t, struct tsdb_text text)
{
    enum { VERSION = 0, TRACE = 3, PARENT = 36, FLAGS = 53, LEN = 55 };
    uint8_t version = 0, flags = 0;
    if (text.len < LEN || text.at[2] != '-' || text.at[PARENT - 1] != '-' ||
        text.at[FLAGS - 1] != '-')
        return false;
    (void)read_hex(text.at + VERSION, &version, 1);
    bool is_first = memcmp(text.at, "00", 2) == 0;
    if ((!is_first && (version == 0 || version == 0xff)) || (is_first && text.len != LEN) ||
        (text.len > LEN && text.at[LEN] != '-'))
        return false;
    if (!read_hex(text.at + TRACE, t->trace_id.at, sizeof t->trace_id.at) ||
        !read_hex(text.at + PARENT, t->parent_id.at, sizeof t->parent_id.at))
        return false;
    if (!read_hex(text.at + FLAGS, &flags, 1) && memcmp(text.at + FLAGS, "00", 2) != 0)
        return false;
    t->is_sampled = flags & 1;
    return true;
}

void trace_begin(struct trace *t, struct tsdb_text traceparent)
{
    t->step_count = 0;
    t->is_sampled = false;
    t->trace_id = (struct tsdb_trace_id){0};
    t->parent_id = (struct tsdb_span_id){0};
    t->span_id = trace_new_span_id();
    t->has_caller = read_parent(t, traceparent);
    if (!t->has_caller) {
        t->parent_id = (struct tsdb_span_id){0};
        fill_random(t->trace_id.at, 2);
    }
}

void trace_step(struct trace *t, const struct trace_step *step)
{
    if (t->step_count < TRACE_STEPS_MAX)
        t->steps[t->step_count++] = *step;
}

/* ---- keeping ------------------------------------------------------------------------------ */

/* The first TRACE_RATE of each second; threads that race may keep one more or less. */
static bool is_chosen(int64_t now_ns)
{
    int64_t second = now_ns / NS_PER_S;
    if (atomic_load(&site.second) != second) {
        atomic_store(&site.second, second);
        atomic_store(&site.kept, 0);
    }
    return atomic_fetch_add(&site.kept, 1) < TRACE_RATE;
}

static bool is_kept(const struct trace *t, const struct trace_request *r)
{
    bool is_failed = r->status >= 500;
    if (t->has_caller)
        return t->is_sampled || is_failed;
    if (is_failed)
        return true;
    enum route_class class = route_class_of(r->path);
    if (class == ROUTE_LIVE) /* open as long as its reader is */
        return false;
    if (r->end_ns - r->start_ns >= TRACE_SLOW_NS)
        return true;
    bool is_idle = class == ROUTE_HEALTH || class == ROUTE_METRICS || class == ROUTE_PAGE;
    return !is_idle && is_chosen(r->end_ns);
}

void trace_end(const struct trace *t, const struct trace_request *request)
{
    if (site.tap && is_kept(t, request))
        site.tap(site.arg, t, request);
}
