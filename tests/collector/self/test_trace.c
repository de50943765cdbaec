#include "collector/self/trace.h"

#include "collector/self/counters.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static struct trace begin(const char *traceparent)
{
    struct trace t;
    trace_begin(&t, text_of(traceparent));
    return t;
}

Test(trace, a_caller_is_followed)
{
    struct trace t = begin("00-" TRACE "-" PARENT "-01");
    cr_assert(t.has_caller && t.is_sampled);
    cr_assert_eq(t.trace_id.at[0], 0x4b);
    cr_assert_eq(t.trace_id.at[15], 0x36);
    cr_assert_eq(t.parent_id.at[1], 0xf0);
    cr_assert_eq(t.parent_id.at[7], 0xb7);
    cr_assert(!begin("00-" TRACE "-" PARENT "-00").is_sampled);
    cr_assert(begin("00-" TRACE "-" PARENT "-00").has_caller);
    cr_assert(begin("cc-" TRACE "-" PARENT "-01-what comes later").is_sampled, "later versions");
}

Test(trace, what_is_no_traceparent_begins_a_trace)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-01-more",
        "00-" TRACE "-" PARENT "-0g",
        "ff-" TRACE "-" PARENT "-01",
        "0x-" TRACE "-" PARENT "-01",
        "00_" TRACE "-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
    };
    static const struct tsdb_span_id none;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct trace t = begin(bad[i]), other = begin(bad[i]);
        cr_assert(!t.has_caller && !t.is_sampled, "%s", bad[i]);
        cr_assert(memcmp(&t.parent_id, &none, sizeof none) == 0, "%s", bad[i]);
        cr_assert(memcmp(&t.span_id, &none, sizeof none) != 0, "%s", bad[i]);
        cr_assert(memcmp(&t.trace_id, &other.trace_id, sizeof t.trace_id) != 0, "%s", bad[i]);
    }
}

static unsigned kept;

static void count(void *arg, const struct trace *t, const struct trace_request *r)
{
    (void)arg;
    (void)t;
    (void)r;
    kept++;
}

/* How many of n such requests, all in one second, are kept. */
static unsigned kept_of(unsigned n, const char *traceparent, const char *path, int status,
                        int64_t took_ns)
{
    static int64_t now = 1000 * NS_PER_S;
    now += 10 * NS_PER_S;
    kept = 0;
    for (unsigned i = 0; i < n; i++) {
        struct trace t = begin(traceparent);
        trace_end(&t, &(struct trace_request){.method = text_of("GET"),
                                              .path = text_of(path),
                                              .status = status,
                                              .start_ns = now - took_ns,
                                              .end_ns = now});
    }
    return kept;
}

Test(trace, which_requests_are_kept)
{
    trace_set_tap(count, NULL);
    cr_assert_eq(kept_of(100, "", "/api/v1/query", 200, 1), TRACE_RATE, "some a second");
    cr_assert_eq(kept_of(100, "", "/api/v1/query", 503, 1), 100, "all that fail");
    cr_assert_eq(kept_of(100, "", "/api/v1/query", 200, TRACE_SLOW_NS), 100, "and slow ones");
    cr_assert_eq(kept_of(100, "", "/-/ready", 200, 1), 0, "no health checks");
    cr_assert_eq(kept_of(100, "", "/-/ready", 500, 1), 100, "unless they fail");
    cr_assert_eq(kept_of(100, "00-" TRACE "-" PARENT "-01", "/v1/logs", 200, 1), 100,
                 "what the caller samples");
    cr_assert_eq(kept_of(100, "00-" TRACE "-" PARENT "-00", "/v1/logs", 200, TRACE_SLOW_NS), 0,
                 "and not what it leaves out");
    trace_set_tap(NULL, NULL);
    cr_assert_eq(kept_of(100, "", "/api/v1/query", 503, 1), 0, "nobody listens");
}

Test(trace, steps_are_bounded)
{
    struct trace t = begin("");
    for (unsigned i = 0; i < TRACE_STEPS_MAX + 3; i++)
        trace_step(&t, &(struct trace_step){.name = "step", .start_ns = i});
    cr_assert_eq(t.step_count, TRACE_STEPS_MAX);
    cr_assert_eq(t.steps[TRACE_STEPS_MAX - 1].start_ns, TRACE_STEPS_MAX - 1);
}
