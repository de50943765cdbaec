/* rig.h - a store with traces over simulated files, traces written as one line of text, and
 * TraceQL's answers as text to compare.
 *
 *   rig_trace(r, "1: a root svc=web http.status=200 ms=10; b db>a svc=db error ms=5")
 *
 * A trace is its number, then spans, each with `;` between: id, name, where it differs from
 * the root ">parent", then words: svc=, ms= (duration), at= (ms after the trace's start),
 * error, ok, kind words, x=5 (int), x=5.5 (double), x="t" (string), x=true, r.x= (of the
 * resource), s.x= (of the scope), ev=name[:ms], ev.x= (of the last event), ln=trace:span.
 */
#ifndef TESTS_TSDB_TRACEQL_RIG_H
#define TESTS_TSDB_TRACEQL_RIG_H

#include "tsdb/base/clock.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/traceql/trace_query.h"
#include "tsdb/traces/engine.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_NOW (INT64_C(1767225600) * NS_PER_S) /* 2026-01-01, on every step */
enum { RIG_FIELDS = 32, RIG_SPANS = 64 };

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct store store;
    struct traces *traces;
    struct writer text; /* of the last answer */
    uint32_t limit, spans_per_set, exemplars;
    uint64_t bytes_max, series_max;
    bool has_threads;
    struct tsdb_trace_stats stats; /* of the last query */
};

static inline void rig_open(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new(), .spans_per_set = 10};
    clock_sim_init(&r->clock, RIG_NOW);
    struct tsdb_options options = {
        .dir = "/traces",
        .fs = fs_sim_fs(r->sim),
        .clock = &r->clock.clock,
        .has_no_threads = true,
        .limits = {.memory_bytes = UINT64_C(1) << 30, .future_max = 10 * NS_PER_DAY}};
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&options, &r->store, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(traces_open(&r->store, &options, &r->traces, &err), TSDB_OK, "%s", err.msg);
}

static inline void rig_close(struct rig *r)
{
    traces_close(r->traces);
    store_close(&r->store);
    fs_sim_free(r->sim);
    writer_release(&r->text);
}

/* Open spans become a hot group of their own. */
static inline void rig_group(struct rig *r)
{
    bool did = true;
    while (did)
        cr_assert_eq(traces_group_open(r->traces, UINT32_MAX, &did, NULL), TSDB_OK);
}

static inline void rig_seal(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(&r->store, &err), TSDB_OK, "%s", err.msg);
}

/* ---- writing traces -------------------------------------------------------------------------- */

struct rig_span {
    char words[4096];
    struct tsdb_field attributes[RIG_FIELDS], resource[RIG_FIELDS], scope[RIG_FIELDS];
    struct tsdb_field event_fields[8][RIG_FIELDS];
    struct tsdb_span_event events[8];
    struct tsdb_span_link links[4];
    struct tsdb_span_source source;
    struct tsdb_span span;
};

static inline struct tsdb_trace_id rig_trace_id(uint32_t n)
{
    struct tsdb_trace_id id = {{0}};
    id.at[0] = 0xab;
    id.at[14] = (uint8_t)(n >> 8);
    id.at[15] = (uint8_t)n;
    return id;
}

static inline struct tsdb_span_id rig_span_id(const char *name)
{
    struct tsdb_span_id id = {{0}};
    for (size_t i = 0; name[i] && i < 8; i++)
        id.at[i] = (uint8_t)name[i];
    return id;
}

static inline void rig_value(struct tsdb_field *f, char *value)
{
    double real;
    size_t len = strlen(value);
    if (value[0] == '"') {
        f->type = TSDB_FIELD_STRING;
        f->text = (struct tsdb_text){value + 1, len - 2};
    } else if (value[0] == '[') {
        f->type = TSDB_FIELD_JSON;
        f->text = (struct tsdb_text){value, len};
    } else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
        f->type = TSDB_FIELD_BOOL;
        f->integer = value[0] == 't';
    } else if (strspn(value, "-0123456789") == len) {
        f->type = TSDB_FIELD_INT;
        f->integer = strtoll(value, NULL, 10);
    } else if (double_parse((struct tsdb_text){value, len}, &real)) {
        f->type = TSDB_FIELD_DOUBLE;
        f->real = real;
    } else {
        f->type = TSDB_FIELD_STRING;
        f->text = (struct tsdb_text){value, len};
    }
}

static inline void rig_put_field(struct tsdb_field *at, struct tsdb_fields *fields,
                                 const char *name, char *value)
{
    at[fields->count].name = text_of(name);
    rig_value(&at[fields->count++], value);
    fields->at = at;
}

static inline void rig_event(struct rig_span *s, char *value)
{
    char *ms = strchr(value, ':');
    struct tsdb_span_event *e = &s->events[s->span.event_count++];
    if (ms)
        *ms++ = '\0';
    *e = (struct tsdb_span_event){.ts = s->span.start + (ms ? atol(ms) : 0) * NS_PER_MS,
                                  .name = text_of(value)};
    s->span.events = s->events;
}

static inline void rig_link(struct rig_span *s, char *value)
{
    char *span = strchr(value, ':');
    *span++ = '\0';
    s->links[s->span.link_count++] = (struct tsdb_span_link){
        .trace_id = rig_trace_id((uint32_t)atol(value)), .span_id = rig_span_id(span)};
    s->span.links = s->links;
}

static inline void rig_pair(struct rig_span *s, char *name, char *value)
{
    if (strcmp(name, "svc") == 0) {
        rig_put_field(s->resource, &s->source.resource, "service.name", value);
    } else if (strcmp(name, "ms") == 0) {
        s->span.end = s->span.start + (int64_t)(strtod(value, NULL) * (double)NS_PER_MS);
    } else if (strcmp(name, "at") == 0) {
        int64_t duration = s->span.end - s->span.start;
        s->span.start += (int64_t)(strtod(value, NULL) * (double)NS_PER_MS);
        s->span.end = s->span.start + duration;
    } else if (strcmp(name, "scope") == 0) {
        s->source.scope_name = text_of(value);
    } else if (strcmp(name, "message") == 0) {
        s->span.status_message = text_of(value);
    } else if (strcmp(name, "ev") == 0) {
        rig_event(s, value);
    } else if (strcmp(name, "ln") == 0) {
        rig_link(s, value);
    } else if (strncmp(name, "ev.", 3) == 0) {
        uint32_t e = s->span.event_count - 1;
        rig_put_field(s->event_fields[e], &s->events[e].attributes, name + 3, value);
    } else if (strncmp(name, "r.", 2) == 0) {
        rig_put_field(s->resource, &s->source.resource, name + 2, value);
    } else if (strncmp(name, "s.", 2) == 0) {
        rig_put_field(s->scope, &s->source.scope, name + 2, value);
    } else {
        rig_put_field(s->attributes, &s->span.attributes, name, value);
    }
}

static inline void rig_word(struct rig_span *s, char *word)
{
    static const char *const kinds[] = {"unspecified", "internal", "server",
                                        "client",      "producer", "consumer"};
    char *value = strchr(word, '=');
    if (value) {
        *value++ = '\0';
        rig_pair(s, word, value);
        return;
    }
    if (strcmp(word, "error") == 0)
        s->span.status = TSDB_STATUS_ERROR;
    else if (strcmp(word, "ok") == 0)
        s->span.status = TSDB_STATUS_OK;
    for (uint8_t i = 0; i < 6; i++)
        if (strcmp(word, kinds[i]) == 0)
            s->span.kind = i;
}

/* The words of one span; returns what is behind them. */
static inline const char *rig_parse(struct rig_span *s, const char *text, int64_t start,
                                    struct tsdb_trace_id trace)
{
    size_t len = strcspn(text, ";");
    memset(s, 0, sizeof *s);
    cr_assert_lt(len, sizeof s->words);
    memcpy(s->words, text, len);
    s->span.trace_id = trace;
    s->span.start = start;
    s->span.end = start + NS_PER_MS;
    char *rest = NULL, *word = strtok_r(s->words, " ", &rest);
    s->span.span_id = rig_span_id(word);
    word = strtok_r(NULL, " ", &rest);
    char *parent = strchr(word, '>');
    if (parent) {
        *parent++ = '\0';
        s->span.parent_id = rig_span_id(parent);
    }
    s->span.name = text_of(word);
    while ((word = strtok_r(NULL, " ", &rest)))
        rig_word(s, word);
    return text[len] ? text + len + 1 : text + len;
}

/* A trace that starts so many ms after RIG_NOW. */
static inline void rig_trace_at(struct rig *r, const char *tenant, int64_t ms, const char *text)
{
    static struct rig_span spans[RIG_SPANS];
    struct tsdb_span batch_spans[RIG_SPANS];
    struct tsdb_span_source sources[RIG_SPANS];
    char *after;
    struct tsdb_trace_id id = rig_trace_id((uint32_t)strtoul(text, &after, 10));
    uint32_t count = 0;
    for (text = after + 1; *text; count++) {
        text = rig_parse(&spans[count], text, RIG_NOW + ms * NS_PER_MS, id);
        spans[count].span.source = count;
        batch_spans[count] = spans[count].span;
        sources[count] = spans[count].source;
    }
    struct tsdb_span_batch batch = {tenant, sources, batch_spans, count, count};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(traces_append(r->traces, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], count, "%u spans were taken of %u",
                 out.counts[TSDB_ACCEPTED], count);
}

static inline void rig_trace(struct rig *r, const char *text)
{
    rig_trace_at(r, "", 0, text);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static inline struct trace_store rig_store(struct rig *r)
{
    return (struct trace_store){r->traces, &r->clock.clock, &r->store.budget, !r->has_threads};
}

static inline void rig_put_fields(struct rig *r, const struct tsdb_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct tsdb_field *f = &fields->at[i];
        char digits[DOUBLE_TEXT_MAX];
        writer_format(&r->text, "%s%.*s=", i ? " " : "", (int)f->name.len, f->name.at);
        if (f->type == TSDB_FIELD_INT)
            writer_format(&r->text, "%lld", (long long)f->integer);
        else if (f->type == TSDB_FIELD_BOOL)
            writer_text(&r->text, f->integer ? "true" : "false");
        else if (f->type == TSDB_FIELD_DOUBLE)
            writer_put(&r->text, digits, double_format(f->real, digits));
        else
            writer_put(&r->text, f->text.at, f->text.len);
    }
}

static inline void rig_put_set(struct rig *r, const struct tsdb_span_set *set)
{
    writer_u8(&r->text, '{');
    for (uint32_t i = 0; i < set->span_count; i++) {
        writer_format(&r->text, "%s%.8s", i ? " " : "", (const char *)set->spans[i].id.at);
        if (set->spans[i].attributes.count > 0) {
            writer_u8(&r->text, '(');
            rig_put_fields(r, &set->spans[i].attributes);
            writer_u8(&r->text, ')');
        }
    }
    if (set->matched != set->span_count)
        writer_format(&r->text, " of %u", set->matched);
    writer_u8(&r->text, '}');
    if (set->attributes.count > 0) {
        writer_u8(&r->text, '[');
        rig_put_fields(r, &set->attributes);
        writer_u8(&r->text, ']');
    }
}

static inline const char *rig_text(struct rig *r)
{
    writer_u8(&r->text, '\0');
    return (const char *)r->text.at;
}

/* "2{b c} 1{a(x=5)}", or the error. */
static inline const char *rig_search_in(struct rig *r, const char *tenant, const char *query,
                                        int64_t start, int64_t end)
{
    struct tsdb_trace_options options = {.tenant = tenant,
                                         .start = start,
                                         .end = end,
                                         .limit = r->limit,
                                         .spans_per_set = r->spans_per_set,
                                         .bytes_max = r->bytes_max};
    struct trace_store store = rig_store(r);
    struct trace_query *q;
    struct tsdb_error err = {0};
    struct tsdb_found_trace trace;
    writer_reset(&r->text);
    enum tsdb_status st = trace_query_open(&store, text_of(query), &options, &q, &err);
    if (st != TSDB_OK) {
        writer_format(&r->text, "error: %s", err.msg);
        return rig_text(r);
    }
    cr_assert_eq(trace_query_kind(q), TSDB_TRACES);
    while ((st = trace_query_trace(q, &trace, &err)) == TSDB_OK) {
        writer_format(&r->text, "%s%u", r->text.len ? " " : "",
                      trace.id.at[14] << 8 | trace.id.at[15]);
        for (uint32_t i = 0; i < trace.set_count; i++)
            rig_put_set(r, &trace.sets[i]);
    }
    if (st != TSDB_END)
        writer_format(&r->text, "error: %s", err.msg);
    trace_query_stats(q, &r->stats);
    trace_query_close(q);
    return rig_text(r);
}

static inline const char *rig_search(struct rig *r, const char *query)
{
    return rig_search_in(r, "", query, RIG_NOW - NS_PER_DAY, RIG_NOW + NS_PER_DAY);
}

/* One series a line: "{a="x", b=int(5)} 10:1 20:2", times in seconds after RIG_NOW. */
static inline const char *rig_metric(struct rig *r, const char *query, int64_t start_s,
                                     int64_t end_s, int64_t step_s)
{
    static const char *const types[] = {"", "int", "double", "bool", "bytes", "id", "json"};
    struct tsdb_trace_options options = {.tenant = "",
                                         .start = RIG_NOW + start_s * NS_PER_S,
                                         .end = RIG_NOW + end_s * NS_PER_S,
                                         .step = step_s * NS_PER_S,
                                         .exemplars = r->exemplars,
                                         .bytes_max = r->bytes_max,
                                         .series_max = r->series_max};
    struct trace_store store = rig_store(r);
    struct trace_query *q;
    struct tsdb_error err = {0};
    struct tsdb_result row;
    const uint8_t *label_types;
    writer_reset(&r->text);
    enum tsdb_status st = trace_query_open(&store, text_of(query), &options, &q, &err);
    if (st != TSDB_OK) {
        writer_format(&r->text, "error: %s", err.msg);
        return rig_text(r);
    }
    while ((st = trace_query_next(q, &row, &label_types, &err)) == TSDB_OK) {
        writer_text(&r->text, r->text.len ? "\n{" : "{");
        for (uint32_t i = 0; i < row.labels.count; i++) {
            const struct tsdb_label *l = &row.labels.at[i];
            writer_format(&r->text, "%s%.*s=%s", i ? ", " : "", (int)l->name.len, l->name.at,
                          types[label_types[i]]);
            writer_format(&r->text, label_types[i] ? "(%.*s)" : "%.*s", (int)l->value.len,
                          l->value.at);
        }
        writer_u8(&r->text, '}');
        for (uint32_t i = 0; i < row.count; i++) {
            char digits[DOUBLE_TEXT_MAX];
            writer_format(&r->text, " %lld:", (long long)((row.ts[i] - RIG_NOW) / NS_PER_S));
            writer_put(&r->text, digits, double_format(row.values[i], digits));
        }
        const struct tsdb_trace_exemplar *e;
        uint32_t n = trace_query_exemplars(q, &e);
        for (uint32_t i = 0; i < n; i++)
            writer_format(&r->text, " #%u/%.8s", e[i].trace_id.at[14] << 8 | e[i].trace_id.at[15],
                          (const char *)e[i].span_id.at);
    }
    if (st != TSDB_END)
        writer_format(&r->text, "error: %s", err.msg);
    trace_query_stats(q, &r->stats);
    trace_query_close(q);
    return rig_text(r);
}

#endif
