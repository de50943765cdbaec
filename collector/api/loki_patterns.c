/* What the lines of streams look like, step by step.  Of each step that has lines a sample
 * is sorted into patterns; the counts are scaled up to the lines there are, which the
 * engine's headers know. */
#include "collector/api/loki.h"
#include "collector/api/pattern.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

enum {
    PATTERN_STEPS_MAX = 300, /* a finer step is made coarser */
    SAMPLE_LINES = 200,      /* of a step */
};

struct search {
    struct request *r;
    struct patterns patterns;
    struct tsdb_scope scope;
    uint32_t step;
    uint32_t *sampled; /* lines of the step by pattern */
    uint32_t sample_count;
};

static bool visit_line(void *arg, const struct tsdb_log_entry *e)
{
    struct search *s = arg;
    struct pattern *p = patterns_add(&s->patterns, e->line);
    s->sample_count++;
    if (p)
        s->sampled[p - s->patterns.at]++;
    return true;
}

static bool add_entries(void *arg, const struct tsdb_log_volume *v)
{
    uint64_t *entries = arg;
    *entries += v->entries;
    return true;
}

static void scale(struct search *s, uint64_t entries)
{
    for (uint32_t i = 0; i < s->patterns.count; i++) {
        struct pattern *p = &s->patterns.at[i];
        double share = s->sample_count ? (double)s->sampled[i] / s->sample_count : 0;
        uint64_t n = (uint64_t)(share * (double)entries + 0.5);
        if (s->sampled[i] > n)
            n = s->sampled[i]; /* the headers may count less: deletions, a moving end */
        p->counts[s->step] = n;
        p->total += n;
        s->sampled[i] = 0;
    }
    s->sample_count = 0;
}

/* False: it was answered why not. */
static bool search_step(struct search *s)
{
    uint64_t entries = 0;
    struct tsdb_error err = {0};
    enum tsdb_status st =
        tsdb_log_volumes(s->r->api->options.db, &s->scope, add_entries, &entries, &err);
    if (st != TSDB_OK) {
        request_fail_engine(s->r, st, &err, NULL);
        return false;
    }
    if (entries == 0)
        return true;
    struct tsdb_log_options options = {
        .start = s->scope.start, .end = s->scope.end, .limit = SAMPLE_LINES};
    if (!loki_each_entry(s->r, s->scope.selectors[0], &options, visit_line, s))
        return false;
    scale(s, entries);
    return true;
}

static bool search_all(struct search *s, const struct loki_range *range)
{
    int64_t start = range->start;
    for (s->step = 0; s->step < s->patterns.step_count; s->step++) {
        s->scope.start = start;
        s->scope.end = s->step + 1 == s->patterns.step_count ? range->end : start + range->step;
        if (!search_step(s))
            return false;
        start = s->scope.end;
    }
    return true;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int greater_first(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return 0;
}

static void put_pattern(struct json *j, const struct search *s, const struct pattern *p,
                        const struct loki_range *range)
{
    struct writer text = {0};
    pattern_write(p, &text);
    json_object(j);
    json_key(j, "pattern");
    json_text(j, (struct tsdb_text){(const char *)text.at, text.len});
    json_key(j, "samples");
    json_array(j);
    for (uint32_t i = 0; i < s->patterns.step_count; i++) {
        if (p->counts[i] == 0)
            continue;
        json_array(j);
        json_i64(j, (range->start + (int64_t)i * range->step) / NS_PER_S);
        json_u64(j, p->counts[i]);
        json_end_array(j);
    }
    json_end_array(j);
    json_end_object(j);
    writer_release(&text);
}

static void answer(struct search *s, const struct loki_range *range)
{
    struct json *j = &s->r->reply.json;
    qsort(s->patterns.at, s->patterns.count, sizeof *s->patterns.at, greater_first);
    reply_begin(&s->r->reply);
    json_array(j);
    for (uint32_t i = 0; i < s->patterns.count; i++)
        put_pattern(j, s, &s->patterns.at[i], range);
    json_end_array(j);
    reply_end(&s->r->reply);
}

/* The steps of the range, coarse enough; how many. */
static uint32_t settle_steps(struct loki_range *range)
{
    uint64_t width = (uint64_t)range->end - (uint64_t)range->start;
    uint64_t step = (uint64_t)range->step, least = width / PATTERN_STEPS_MAX + 1;
    if (step < least)
        step = (least + (uint64_t)NS_PER_S - 1) / (uint64_t)NS_PER_S * (uint64_t)NS_PER_S;
    range->step = (int64_t)step;
    return (uint32_t)(width / step + (width % step > 0));
}

static void run_patterns(struct request *r)
{
    struct search s = {.r = r};
    struct tsdb_text query = request_param(r, "query");
    struct loki_range range;
    if (query.len == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "the parameter \"query\" is missing");
        return;
    }
    if (!loki_ask_range(r, NS_PER_HOUR, &range) || !loki_ask_step(r, INT64_MAX, &range))
        return;
    s.scope =
        (struct tsdb_scope){.tenant = request_tenant(r), .selectors = &query, .selector_count = 1};
    s.sampled = ARENA_ARRAY(request_arena(r), uint32_t, PATTERNS_MAX);
    if (!s.sampled || !patterns_init(&s.patterns, request_arena(r), settle_steps(&range))) {
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory for the request");
        return;
    }
    if (search_all(&s, &range))
        answer(&s, &range);
}

void handle_loki_patterns(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_patterns);
}
