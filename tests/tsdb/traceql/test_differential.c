/* Goal: columns say of every span what the span itself says.  Method: random traces of two
 * tenants over open spans, hot groups and blocks, pieces of a trace in several; random
 * filters and pipelines.  Three ways must agree:
 *
 *   { f } | count_over_time() by (trace:id, span:id)      masks over columns
 *   span_test_passes over the test's own spans            span by span
 *   a search, against sets_plan_run over all traces       candidates, then whole traces
 *
 * and metric functions over columns against the same over whole traces.  TEST_SEED replays. */
#include "tests/tsdb/traceql/rig.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/traceql/span_sets.h"

enum { TRACES = 40, SPANS_MAX = 12, POOL = TRACES * SPANS_MAX, SOURCES = 6, FIELDS = 8 };

struct model {
    struct random random;
    struct arena arena;
    struct tsdb_span_source sources[SOURCES];
    struct tsdb_span spans[POOL]; /* of the tenant asked for, by trace */
    uint32_t first[TRACES + 1];
};

static uint32_t below(struct model *m, uint32_t n)
{
    return (uint32_t)random_below(&m->random, n);
}

static struct tsdb_text pick(struct model *m, const char *const *from, uint32_t count)
{
    return text_of(from[below(m, count)]);
}

static const char *const strings[] = {"a", "b", "ab", "", "GET", "ten", "\303\244"};
static const char *const lists[] = {"[\"a\",\"b\"]", "[1,2,3]", "[1.5,2.0]",
                                    "[true]",        "[]",      "[\"x\\\"y\",\"ab\"]"};
static const char *const names[] = {"get", "put", "query", "a", "step"};
static const char *const services[] = {"web", "db", "api"};

static struct tsdb_field random_field(struct model *m)
{
    static const char *const of[] = {"s", "i", "d", "b", "l", "mixed", "bytes", "rare"};
    uint32_t kind = below(m, 40) == 0 ? 7 : below(m, 7);
    struct tsdb_field f = {.name = text_of(of[kind])};
    if (kind == 5)
        kind = below(m, 5); /* any type under one name */
    switch (kind) {
    case 1:
        f.type = TSDB_FIELD_INT;
        f.integer = (int64_t)below(m, 7) - 2;
        break;
    case 2:
        f.type = TSDB_FIELD_DOUBLE;
        f.real = (double)below(m, 9) / 2 - 1;
        break;
    case 3:
        f.type = TSDB_FIELD_BOOL;
        f.integer = below(m, 2);
        break;
    case 4:
        f.type = TSDB_FIELD_JSON;
        f.text = pick(m, lists, 6);
        break;
    case 6:
        f.type = TSDB_FIELD_BYTES;
        f.text = pick(m, strings, 7);
        break;
    default: f.type = TSDB_FIELD_STRING; f.text = pick(m, strings, 7);
    }
    return f;
}

static struct tsdb_fields random_fields(struct model *m, uint32_t most)
{
    struct tsdb_field *at = ARENA_ARRAY(&m->arena, struct tsdb_field, FIELDS);
    struct tsdb_fields out = {.at = at};
    for (uint32_t n = below(m, most + 1); n > 0; n--) {
        struct tsdb_field f = random_field(m);
        bool is_there = false;
        for (uint32_t i = 0; i < out.count; i++)
            is_there |= text_equal(at[i].name, f.name) && at[i].type == f.type;
        if (!is_there)
            at[out.count++] = f;
    }
    return out;
}

static void random_sources(struct model *m)
{
    for (uint32_t i = 0; i < SOURCES; i++) {
        struct tsdb_fields fields = random_fields(m, 3);
        struct tsdb_field *at = ARENA_ARRAY(&m->arena, struct tsdb_field, FIELDS);
        memcpy(at, fields.at, fields.count * sizeof *at);
        if (i > 0)
            at[fields.count++] = (struct tsdb_field){.name = text_of("service.name"),
                                                     .type = TSDB_FIELD_STRING,
                                                     .text = text_of(services[i % 3])};
        fields.at = at;
        m->sources[i] = (struct tsdb_span_source){
            .resource = fields, .scope = random_fields(m, 2), .scope_name = pick(m, strings, 4)};
    }
}

static void random_children(struct model *m, struct tsdb_span *s)
{
    struct tsdb_span_event *events = ARENA_ARRAY(&m->arena, struct tsdb_span_event, 3);
    struct tsdb_span_link *links = ARENA_ARRAY(&m->arena, struct tsdb_span_link, 2);
    s->event_count = below(m, 3) ? 0 : below(m, 4);
    s->link_count = below(m, 4) ? 0 : below(m, 3);
    for (uint32_t i = 0; i < s->event_count; i++)
        events[i] = (struct tsdb_span_event){.ts = s->start + below(m, 5) * NS_PER_MS,
                                             .name = pick(m, names, 3),
                                             .attributes = random_fields(m, 2)};
    for (uint32_t i = 0; i < s->link_count; i++)
        links[i] = (struct tsdb_span_link){.trace_id = rig_trace_id(below(m, 3)),
                                           .span_id = rig_span_id("a"),
                                           .attributes = random_fields(m, 2)};
    s->events = events;
    s->links = links;
}

static struct tsdb_span random_span(struct model *m, uint32_t trace, uint32_t index, int64_t start)
{
    char id[3] = {'a', (char)('a' + index), 0},
         parent[3] = {'a', (char)('a' + below(m, SPANS_MAX)), 0};
    struct tsdb_span s = {.trace_id = rig_trace_id(trace),
                          .span_id = rig_span_id(id),
                          .source = below(m, SOURCES),
                          .start = start + below(m, 50) * NS_PER_MS,
                          .kind = (uint8_t)below(m, 6),
                          .status = (uint8_t)(below(m, 3) ? 0 : below(m, 3)),
                          .name = pick(m, names, 5),
                          .attributes = random_fields(m, 5)};
    s.end = s.start + below(m, 20) * NS_PER_MS;
    if (index > 0 && below(m, 10))
        s.parent_id = rig_span_id(parent);
    if (s.status == TSDB_STATUS_ERROR && below(m, 2))
        s.status_message = pick(m, strings, 3);
    random_children(m, &s);
    return s;
}

static void append(struct rig *r, struct model *m, const char *tenant, const struct tsdb_span *at,
                   uint32_t count)
{
    struct tsdb_span_batch batch = {tenant, m->sources, at, SOURCES, count};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(traces_append(r->traces, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], count);
}

static int by_start(const void *a, const void *b)
{
    const struct tsdb_span *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return memcmp(&x->span_id, &y->span_id, sizeof x->span_id);
}

static void fill(struct rig *r, struct model *m)
{
    uint32_t n = 0;
    random_sources(m);
    for (uint32_t t = 0; t < TRACES; t++) {
        int64_t start = RIG_NOW + (int64_t)t * 100 * NS_PER_MS;
        m->first[t] = n;
        for (uint32_t i = 0, count = 1 + below(m, SPANS_MAX); i < count; i++)
            m->spans[n++] = random_span(m, t, i, start);
        struct tsdb_span other = random_span(m, t, 0, start);
        append(r, m, "other", &other, 1);
        for (uint32_t at = m->first[t]; at < n;) { /* in pieces */
            uint32_t piece = 1 + below(m, n - at);
            append(r, m, "", m->spans + at, piece);
            at += piece;
            if (below(m, 12) == 0)
                rig_group(r);
            if (below(m, 60) == 0)
                rig_seal(r);
        }
    }
    m->first[TRACES] = n;
    for (uint32_t t = 0; t < TRACES; t++)
        qsort(m->spans + m->first[t], m->first[t + 1] - m->first[t], sizeof m->spans[0], by_start);
}

/* ---- random expressions ---------------------------------------------------------------------- */

static void put_literal(struct model *m, struct writer *out)
{
    switch (below(m, 5)) {
    case 0: writer_format(out, "%d", (int)below(m, 7) - 2); break;
    case 1: writer_format(out, "%.1f", (double)below(m, 9) / 2 - 1); break;
    case 2: writer_text(out, below(m, 2) ? "true" : "false"); break;
    default: writer_format(out, "\"%s\"", strings[below(m, 7)]);
    }
}

static void put_attribute(struct model *m, struct writer *out)
{
    static const char *const places[] = {"span.",  "resource.", ".",
                                         "event.", "link.",     "instrumentation."};
    static const char *const of[] = {"s", "i", "d", "b", "l", "mixed", "bytes", "rare", "none"};
    writer_text(out, places[below(m, 3) ? below(m, 3) : below(m, 6)]);
    writer_text(out, of[below(m, 9)]);
}

static void put_comparison(struct model *m, struct writer *out)
{
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    static const char *const fixed[] = {"name = \"get\"",
                                        "name != \"put\"",
                                        "name =~ \"g.t|a\"",
                                        "name !~ \"s.*\"",
                                        "status = error",
                                        "status != ok",
                                        "status = unset",
                                        "kind = server",
                                        "kind != client",
                                        "duration > 5ms",
                                        "duration <= 3ms",
                                        "statusMessage = \"a\"",
                                        "statusMessage = \"\"",
                                        "event:name = \"get\"",
                                        "event:name != \"put\"",
                                        "event:timeSinceStart > 1ms",
                                        "link:spanID != \"\"",
                                        "instrumentation:name = \"ab\"",
                                        "instrumentation:name != \"a\"",
                                        "resource.service.name = \"db\"",
                                        "resource.service.name != \"web\"",
                                        ".service.name =~ \"d.*\"",
                                        "span:parentID = \"6161000000000000\"",
                                        "span:parentID = \"\"",
                                        "trace:id = \"ab000000000000000000000000000003\"",
                                        "span:id = \"6162000000000000\"",
                                        "nestedSetParent < 0",
                                        "span:childCount > 1",
                                        "rootName = \"get\"",
                                        "traceDuration > 40ms",
                                        "true",
                                        "false"};
    switch (below(m, 8)) {
    case 0:
    case 1: writer_text(out, fixed[below(m, sizeof fixed / sizeof fixed[0])]); return;
    case 2:
        put_attribute(m, out);
        writer_text(out, below(m, 2) ? " = nil" : " != nil");
        return;
    case 3:
        put_attribute(m, out);
        writer_format(out, " %s \"%s\"", below(m, 2) ? "=~" : "!~", below(m, 2) ? "a|G.*" : ".*");
        return;
    case 4:
        put_attribute(m, out);
        writer_format(out, " %s ", ops[below(m, 6)]);
        put_attribute(m, out);
        return;
    case 5:
        put_attribute(m, out);
        writer_format(out, " %c %d %s ", "+-*/%"[below(m, 5)], (int)below(m, 3), ops[below(m, 6)]);
        writer_format(out, "%d", (int)below(m, 4));
        return;
    default:
        put_attribute(m, out);
        writer_format(out, " %s ", ops[below(m, 6)]);
        put_literal(m, out);
    }
}

static void put_expr(struct model *m, struct writer *out, uint32_t depth)
{
    uint32_t kind = depth == 0 ? 0 : below(m, 6);
    if (kind == 0) {
        put_comparison(m, out);
        return;
    }
    writer_text(out, kind == 1 ? "!(" : "(");
    put_expr(m, out, depth - 1);
    writer_u8(out, ')');
    if (kind == 1)
        return;
    writer_text(out, kind % 2 ? " && (" : " || (");
    put_expr(m, out, depth - 1);
    writer_u8(out, ')');
}

static void put_filter(struct model *m, struct writer *out)
{
    writer_text(out, "{ ");
    put_expr(m, out, below(m, 4));
    writer_text(out, " }");
}

/* ---- the reference --------------------------------------------------------------------------- */

struct reference {
    struct arena arena, arenas[2];
    struct traceql q;
    struct sets_plan plan;
};

static bool reference_open(struct reference *ref, const char *query)
{
    struct tsdb_error err = {0};
    arena_init(&ref->arena, SIZE_MAX, NULL);
    arena_init(&ref->arenas[0], SIZE_MAX, NULL);
    arena_init(&ref->arenas[1], SIZE_MAX, NULL);
    ref->q = (struct traceql){0};
    if (traceql_parse(text_of(query), &ref->arena, &ref->q, &err) != TSDB_OK)
        return false; /* types that do not go together */
    cr_assert_eq(sets_plan_init(&ref->plan, &ref->q, ref->q.pipeline, &ref->arena, &err), TSDB_OK);
    return true;
}

static void reference_close(struct reference *ref)
{
    traceql_release(&ref->q);
    arena_release(&ref->arena);
    arena_release(&ref->arenas[0]);
    arena_release(&ref->arenas[1]);
}

static uint32_t put_trace(struct reference *ref, const struct model *m, uint32_t t, int64_t start,
                          int64_t end, struct writer *out)
{
    struct tsdb_trace trace = {.id = rig_trace_id(t),
                               .spans = m->spans + m->first[t],
                               .sources = m->sources,
                               .span_count = m->first[t + 1] - m->first[t],
                               .source_count = SOURCES};
    struct trace_view view;
    const struct span_set *sets;
    uint32_t count;
    struct tsdb_error err = {0};
    arena_reset(&ref->arenas[0]);
    cr_assert_eq(trace_view_init(&view, &trace, start, end, ref->arenas, &err), TSDB_OK);
    enum tsdb_status st = sets_plan_run(&ref->plan, &view, &ref->arenas[0], &sets, &count, &err);
    cr_assert_eq(st, TSDB_OK, "%s", err.msg);
    if (count > 0)
        writer_format(out, "%s%u", out->len ? " " : "", t);
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(out, '{');
        for (uint32_t k = 0; k < sets[i].count; k++)
            writer_format(out, "%s%.8s", k ? " " : "",
                          (const char *)trace.spans[sets[i].spans[k]].span_id.at);
        writer_u8(out, '}');
    }
    return count;
}

static uint32_t reference_text(struct reference *ref, const struct model *m, int64_t start,
                               int64_t end, struct writer *out)
{
    uint32_t found = 0;
    writer_reset(out);
    for (uint32_t t = TRACES; t > 0; t--)
        found += put_trace(ref, m, t - 1, start, end, out);
    writer_u8(out, '\0');
    return found;
}

/* ---- the three ways -------------------------------------------------------------------------- */

static struct trace_query *open_query(struct rig *r, const char *query, int64_t start, int64_t end)
{
    struct tsdb_trace_options options = {
        .tenant = "", .start = start, .end = end, .limit = 1000, .spans_per_set = 1000};
    struct trace_store store = rig_store(r);
    struct trace_query *q;
    struct tsdb_error err = {0};
    cr_assert_eq(trace_query_open(&store, text_of(query), &options, &q, &err), TSDB_OK, "%s: %s",
                 query, err.msg);
    return q;
}

/* Traces in the order of the reference: by number, the highest first. */
static void search_text(struct rig *r, const char *query, int64_t start, int64_t end,
                        struct writer *out)
{
    struct trace_query *q = open_query(r, query, start, end);
    struct tsdb_found_trace found, traces[TRACES] = {0};
    struct tsdb_error err = {0};
    enum tsdb_status st;
    while ((st = trace_query_trace(q, &found, &err)) == TSDB_OK)
        traces[found.id.at[15]] = found;
    cr_assert_eq(st, TSDB_END, "%s", err.msg);
    writer_reset(out);
    for (uint32_t t = TRACES; t > 0; t--) {
        const struct tsdb_found_trace *f = &traces[t - 1];
        if (f->set_count > 0)
            writer_format(out, "%s%u", out->len ? " " : "", t - 1);
        for (uint32_t i = 0; i < f->set_count; i++) {
            writer_u8(out, '{');
            for (uint32_t k = 0; k < f->sets[i].span_count; k++)
                writer_format(out, "%s%.8s", k ? " " : "", (const char *)f->sets[i].spans[k].id.at);
            writer_u8(out, '}');
        }
    }
    writer_u8(out, '\0');
    trace_query_close(q);
}

/* Bits of the model's spans that a metric query over columns counts. */
static void count_spans(struct rig *r, const struct model *m, const char *filter, int64_t start,
                        int64_t end, bool is_there[POOL], bool *by_columns)
{
    char query[8192];
    (void)snprintf(query, sizeof query, "%s | count_over_time() by (trace:id, span:id)", filter);
    struct trace_query *q = open_query(r, query, start - 1, end - 1); /* (start, end] */
    struct tsdb_result row;
    const uint8_t *types;
    struct tsdb_error err = {0};
    enum tsdb_status st;
    memset(is_there, 0, POOL);
    while ((st = trace_query_next(q, &row, &types, &err)) == TSDB_OK) {
        char id[17] = {0}, trace[33] = {0};
        cr_assert_eq(row.labels.count, 2);
        memcpy(id, row.labels.at[0].value.at, row.labels.at[0].value.len);
        memcpy(trace, row.labels.at[1].value.at, row.labels.at[1].value.len);
        uint32_t t = (uint32_t)strtoul(trace + 28, NULL, 16);
        uint64_t span = strtoull(id, NULL, 16);
        for (uint32_t i = m->first[t]; i < m->first[t + 1]; i++) {
            uint64_t of = (uint64_t)m->spans[i].span_id.at[0] << 56 |
                          (uint64_t)m->spans[i].span_id.at[1] << 48;
            if (of == span && row.values[0] > 0)
                is_there[i] = true;
        }
        cr_assert_eq(row.values[0], 1);
    }
    cr_assert_eq(st, TSDB_END, "%s", err.msg);
    struct tsdb_trace_stats stats;
    trace_query_stats(q, &stats);
    *by_columns = stats.spans_read == 0;
    trace_query_close(q);
}

static uint64_t seed_of(uint64_t otherwise)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : otherwise;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

static struct model *setup(struct rig *r, uint64_t seed)
{
    struct model *m = MEM_NEW(struct model);
    rig_open(r);
    random_init(&m->random, seed);
    arena_init(&m->arena, SIZE_MAX, NULL);
    fill(r, m);
    return m;
}

static void teardown(struct rig *r, struct model *m)
{
    arena_release(&m->arena);
    mem_free(m);
    rig_close(r);
}

static void random_range(struct model *m, int64_t *start, int64_t *end)
{
    *start = RIG_NOW - NS_PER_S;
    *end = RIG_NOW + NS_PER_MINUTE;
    if (below(m, 3) == 0)
        *start = RIG_NOW + below(m, 2000) * NS_PER_MS;
    if (below(m, 3) == 0)
        *end = *start + 1 + below(m, 3000) * NS_PER_MS;
}

static void compare_filter(struct rig *r, struct model *m, const char *filter, uint32_t *some,
                           uint32_t *columns)
{
    struct reference ref;
    struct writer want = {0}, got = {0};
    int64_t start, end;
    bool is_there[POOL], by_columns;
    random_range(m, &start, &end);
    if (!reference_open(&ref, filter)) {
        reference_close(&ref);
        return;
    }
    uint32_t found = reference_text(&ref, m, start, end, &want);
    *some += found > 0 && found < TRACES;
    count_spans(r, m, filter, start, end, is_there, &by_columns);
    *columns += by_columns;
    for (uint32_t t = TRACES; t > 0; t--) {
        uint32_t n = 0;
        for (uint32_t i = m->first[t - 1]; i < m->first[t]; i++) {
            if (!is_there[i])
                continue;
            if (n++ == 0)
                writer_format(&got, "%s%u{", got.len ? " " : "", t - 1);
            writer_format(&got, "%s%.8s", n > 1 ? " " : "", (const char *)m->spans[i].span_id.at);
        }
        if (n > 0)
            writer_u8(&got, '}');
    }
    writer_u8(&got, '\0');
    cr_assert_str_eq((char *)got.at, (char *)want.at, "%s\n  columns %s\n  spans   %s", filter,
                     (char *)got.at, (char *)want.at);
    search_text(r, filter, start, end, &got);
    cr_assert_str_eq((char *)got.at, (char *)want.at, "%s\n  search %s\n  spans  %s", filter,
                     (char *)got.at, (char *)want.at);
    writer_release(&want);
    writer_release(&got);
    reference_close(&ref);
}

Test(traceql_differential, filters, .timeout = 240)
{
    uint64_t seed = seed_of(20261124);
    uint32_t some = 0, columns = 0;
    for (uint64_t round = 0; round < 6; round++) {
        struct rig r;
        struct model *m = setup(&r, seed + round);
        struct writer filter = {0};
        for (int i = 0; i < 250; i++) {
            writer_reset(&filter);
            put_filter(m, &filter);
            writer_u8(&filter, '\0');
            compare_filter(&r, m, (char *)filter.at, &some, &columns);
        }
        writer_release(&filter);
        teardown(&r, m);
    }
    cr_log_info("%u filters found some of the traces, %u by columns alone", some, columns);
    cr_assert_gt(some, 200);
    cr_assert_gt(columns, 500);
}

Test(traceql_differential, pipelines, .timeout = 240)
{
    static const char *const ops[] = {"&&",  "||",  ">",  "<",  ">>", "<<",  "~",   "!>", "!<",
                                      "!>>", "!<<", "!~", "&>", "&<", "&>>", "&<<", "&~"};
    static const char *const tails[] = {"",
                                        "",
                                        " | count() > 2",
                                        " | by(name)",
                                        " | by(resource.service.name) | count() > 1",
                                        " | avg(duration) > 5ms",
                                        " | by(kind) | coalesce()",
                                        " | max(span.i) >= 2",
                                        " | { status = error }"};
    uint64_t seed = seed_of(20261125);
    uint32_t some = 0, asked = 0;
    for (uint64_t round = 0; round < 6; round++) {
        struct rig r;
        struct model *m = setup(&r, seed + round);
        struct writer query = {0}, want = {0}, got = {0};
        for (int i = 0; i < 250; i++) {
            struct reference ref;
            int64_t start, end;
            random_range(m, &start, &end);
            writer_reset(&query);
            put_filter(m, &query);
            for (uint32_t n = 1 + below(m, 2); n > 0; n--) {
                writer_format(&query, " %s ", ops[below(m, sizeof ops / sizeof ops[0])]);
                put_filter(m, &query);
            }
            writer_text(&query, tails[below(m, sizeof tails / sizeof tails[0])]);
            writer_u8(&query, '\0');
            if (reference_open(&ref, (char *)query.at)) {
                uint32_t found = reference_text(&ref, m, start, end, &want);
                some += found > 0 && found < TRACES;
                asked++;
                search_text(&r, (char *)query.at, start, end, &got);
                cr_assert_str_eq((char *)got.at, (char *)want.at, "%s\n  search %s\n  spans  %s",
                                 (char *)query.at, (char *)got.at, (char *)want.at);
            }
            reference_close(&ref);
        }
        writer_release(&query);
        writer_release(&want);
        writer_release(&got);
        teardown(&r, m);
    }
    cr_log_info("%u of %u pipelines found some of the traces", some, asked);
    cr_assert_gt(some, 200);
}

Test(traceql_differential, functions, .timeout = 240)
{
    static const char *const functions[] = {"rate()",
                                            "count_over_time()",
                                            "sum_over_time(span.i)",
                                            "avg_over_time(.mixed)",
                                            "min_over_time(duration)",
                                            "max_over_time(.d)",
                                            "quantile_over_time(duration, 0, .5, .9)",
                                            "histogram_over_time(duration)",
                                            "histogram_over_time(span.i)",
                                            "avg_over_time(event:timeSinceStart)"};
    static const char *const by[] = {"",
                                     " by (name)",
                                     " by (resource.service.name)",
                                     " by (.s)",
                                     " by (status, kind)",
                                     " by (.mixed, name)",
                                     " by (event:name)",
                                     " by (span.l)",
                                     " by (instrumentation:name, .i, span.bytes)"};
    uint64_t seed = seed_of(20261126);
    uint32_t asked = 0, columns = 0;
    for (uint64_t round = 0; round < 4; round++) {
        struct rig r;
        struct model *m = setup(&r, seed + round);
        struct writer filter = {0};
        r.has_threads = round % 2;
        for (int i = 0; i < 200; i++) {
            char query[16384], *want;
            struct reference ref;
            writer_reset(&filter);
            put_filter(m, &filter);
            writer_u8(&filter, '\0');
            const char *f = (const char *)filter.at;
            bool is_query = reference_open(&ref, f);
            reference_close(&ref);
            if (!is_query)
                continue;
            const char *function = functions[below(m, sizeof functions / sizeof functions[0])];
            const char *groups = by[below(m, sizeof by / sizeof by[0])];
            (void)snprintf(query, sizeof query, "%s && %s | %s%s", f, f, function, groups);
            const char *got = rig_metric(&r, query, 0, 4, 1);
            cr_assert_neq(strncmp(got, "error", 5), 0, "%s: %s", query, got);
            want = mem_text(got, strlen(got));
            (void)snprintf(query, sizeof query, "%s | %s%s", f, function, groups);
            got = rig_metric(&r, query, 0, 4, 1);
            columns += r.stats.spans_read == 0;
            asked++;
            cr_assert_str_eq(got, want, "%s\n  columns %s\n  traces  %s", query, got, want);
            mem_free(want);
        }
        writer_release(&filter);
        teardown(&r, m);
    }
    cr_log_info("%u of %u by columns alone", columns, asked);
    cr_assert_gt(columns, 300);
}
