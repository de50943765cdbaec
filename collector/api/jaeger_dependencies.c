/* Who calls whom: the links between services in the newest traces of a range, at most
 * JAEGER_DEPENDENCY_TRACES_MAX of them.  A link is a span whose parent another service made. */
#include "collector/api/jaeger.h"
#include "collector/api/jaeger_trace.h"
#include "collector/api/param.h"
#include "collector/api/tally.h"
#include "collector/api/trace_run.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

struct dependencies {
    struct request *r;
    struct tsdb_trace_options options;
    struct tally links; /* by "parent\0child" */
    struct writer name; /* owned */
};

static int by_id(const void *a, const void *b)
{
    const struct tsdb_span *const *x = a, *const *y = b;
    return memcmp(&(*x)->span_id, &(*y)->span_id, sizeof(*x)->span_id);
}

static void count_link(struct dependencies *d, const struct tsdb_trace *t,
                       const struct tsdb_span *parent, const struct tsdb_span *child)
{
    struct tsdb_text from = jaeger_service(&t->sources[parent->source]);
    struct tsdb_text to = jaeger_service(&t->sources[child->source]);
    if (text_equal(from, to))
        return;
    writer_reset(&d->name);
    writer_put(&d->name, from.at, from.len);
    writer_u8(&d->name, 0);
    writer_put(&d->name, to.at, to.len);
    tally_add(&d->links, (struct tsdb_text){(const char *)d->name.at, d->name.len}, 1);
}

static void count_links(struct dependencies *d, const struct tsdb_trace *t)
{
    if (t->source_count < 2)
        return;
    const struct tsdb_span **spans = MEM_ARRAY(const struct tsdb_span *, t->span_count);
    for (uint32_t i = 0; i < t->span_count; i++)
        spans[i] = &t->spans[i];
    qsort(spans, t->span_count, sizeof(const struct tsdb_span *), by_id);
    for (uint32_t i = 0; i < t->span_count; i++) {
        const struct tsdb_span want = {.span_id = t->spans[i].parent_id}, *key = &want;
        const struct tsdb_span **parent =
            bsearch(&key, spans, t->span_count, sizeof(const struct tsdb_span *), by_id);
        if (parent)
            count_link(d, t, *parent, &t->spans[i]);
    }
    mem_free(spans);
}

static enum tsdb_status read(void *arg, struct tsdb_trace_query *query, struct tsdb_error *err)
{
    struct dependencies *d = arg;
    struct tsdb_found_trace found;
    enum tsdb_status st;
    while ((st = tsdb_trace_query_trace(query, &found, err)) == TSDB_OK) {
        struct tsdb_trace *trace = NULL;
        if (found.service_count == 1)
            continue; /* nobody calls anybody */
        st = jaeger_read(d->r, &found, &trace, err);
        if (st == TSDB_ENOTFOUND)
            continue;
        if (st != TSDB_OK)
            return st;
        count_links(d, trace);
        tsdb_trace_free(trace);
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static void finish(void *arg, const struct tsdb_trace_stats *stats)
{
    struct dependencies *d = arg;
    struct json *j = &d->r->reply.json;
    struct tsdb_text service = request_param(d->r, "service");
    uint32_t count = tally_top(&d->links, TALLY_NAMES_MAX);
    uint64_t shown = 0;
    (void)stats;
    jaeger_begin(d->r);
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_text name = d->links.entries[i].name;
        struct tsdb_text parent = text_of(name.at);
        struct tsdb_text child = {name.at + parent.len + 1, name.len - parent.len - 1};
        if (service.len > 0 && !text_equal(parent, service) && !text_equal(child, service))
            continue;
        shown++;
        json_object(j);
        json_key(j, "parent");
        json_text(j, parent);
        json_key(j, "child");
        json_text(j, child);
        json_key(j, "callCount");
        json_u64(j, d->links.entries[i].count);
        json_end_object(j);
    }
    jaeger_end(d->r, shown);
}

/* Milliseconds. */
static bool ask_ms(struct request *r, const char *name, int64_t *ns)
{
    uint64_t ms;
    struct tsdb_error err = {0};
    struct tsdb_text text = request_param(r, name);
    if (text.len == 0)
        return true;
    if (param_limit(text, &ms, &err) == TSDB_OK && ms <= INT64_MAX / (uint64_t)NS_PER_MS) {
        *ns = (int64_t)ms * NS_PER_MS;
        return true;
    }
    reply_fail(&r->reply, REPLY_BAD_DATA,
               "unable to parse param '%s': want milliseconds, got \"%.*s\"", name,
               text.len > 100 ? 100 : (int)text.len, text.at);
    return false;
}

static void run(struct request *r)
{
    struct dependencies d = {.r = r, .options.limit = JAEGER_DEPENDENCY_TRACES_MAX};
    const struct trace_work work = {read, finish, &d};
    int64_t lookback = NS_PER_DAY;
    d.options.end = clock_wall_ns(r->api->options.clock);
    d.options.spans_per_set = 1;
    if (!ask_ms(r, "endTs", &d.options.end) || !ask_ms(r, "lookback", &lookback))
        return;
    d.options.start = d.options.end - lookback;
    if (!tally_init(&d.links, request_arena(r))) {
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory");
        return;
    }
    (void)trace_run(r, text_of("{}"), &d.options, &work); /* answered anyway */
    writer_release(&d.name);
}

void handle_jaeger_dependencies(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run);
}
