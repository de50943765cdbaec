/* rig.h - a store with a trace engine over simulated files and a simulated clock, small spans
 * that tests append, and a trace as text, so that one string says what was read. */
#ifndef TESTS_TSDB_TRACES_RIG_H
#define TESTS_TSDB_TRACES_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/traces/engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct store store;
    struct traces *t;
};

#define RIG_NOW (INT64_C(1767225600) * NS_PER_S) /* 2026-01-01 */

static inline enum tsdb_status rig_try_open(struct rig *r, struct tsdb_error *err)
{
    enum tsdb_status st = store_open(&r->options, &r->store, err);
    if (st == TSDB_OK) {
        st = traces_open(&r->store, &r->options, &r->t, err);
        if (st != TSDB_OK)
            store_close(&r->store);
    }
    return st;
}

static inline void rig_open(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(rig_try_open(r, &err), TSDB_OK, "%s", err.msg);
    store_watch_disk(&r->store);
}

static inline void rig_init(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, RIG_NOW);
    r->options = (struct tsdb_options){
        .dir = "/store",
        .fs = fs_sim_fs(r->sim),
        .clock = &r->clock.clock,
        .has_no_threads = true,
        .limits = {.memory_bytes = UINT64_C(1) << 30, .future_max = 10 * NS_PER_MINUTE},
    };
    rig_open(r);
}

static inline void rig_close(struct rig *r)
{
    traces_close(r->t);
    store_close(&r->store);
    r->t = NULL;
}

static inline void rig_release(struct rig *r)
{
    rig_close(r);
    fs_sim_free(r->sim);
}

static inline void rig_sync(struct rig *r)
{
    while (journal_step(r->store.journal))
        ;
}

static inline void rig_reopen(struct rig *r)
{
    rig_sync(r);
    rig_close(r);
    rig_open(r);
}

static inline void rig_group(struct rig *r)
{
    bool did = true;
    while (did)
        cr_assert_eq(traces_group_open(r->t, UINT32_MAX, &did, NULL), TSDB_OK);
}

static inline void rig_seal(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(&r->store, &err), TSDB_OK, "%s", err.msg);
}

static inline void rig_merge(struct rig *r)
{
    struct tsdb_error err = {0};
    bool did = true;
    store_watch_disk(&r->store);
    while (did)
        cr_assert_eq(traces_merge(r->t, true, &did, &err), TSDB_OK, "%s", err.msg);
}

/* ---- spans ------------------------------------------------------------------------- */

/* Trace 7: all zero but the last two bytes. */
static inline struct tsdb_trace_id rig_trace_id(uint32_t n)
{
    struct tsdb_trace_id id = {{0}};
    id.at[14] = (uint8_t)(n >> 8);
    id.at[15] = (uint8_t)n;
    return id;
}

static inline struct tsdb_span_id rig_span_id(uint32_t n)
{
    struct tsdb_span_id id = {{0}};
    id.at[6] = (uint8_t)(n >> 8);
    id.at[7] = (uint8_t)n;
    return id;
}

static inline struct tsdb_span rig_span(uint32_t trace, uint32_t id, uint32_t parent, int64_t start,
                                        const char *name)
{
    return (struct tsdb_span){.trace_id = rig_trace_id(trace),
                              .span_id = rig_span_id(id),
                              .parent_id = rig_span_id(parent),
                              .start = start,
                              .end = start + NS_PER_MS,
                              .kind = TSDB_KIND_SERVER,
                              .name = text_of(name)};
}

/* Spans of one service and one tenant. */
static inline enum tsdb_status rig_append_all(struct rig *r, const char *tenant,
                                              const char *service, const struct tsdb_span *spans,
                                              uint32_t count, struct tsdb_appended *out,
                                              uint8_t *verdicts)
{
    struct tsdb_field name = {
        .name = text_of("service.name"), .type = TSDB_FIELD_STRING, .text = text_of(service)};
    struct tsdb_span_source source = {.resource = {&name, 1, 0}, .scope_name = text_of("lib")};
    struct tsdb_span_batch batch = {tenant, &source, spans, 1, count};
    struct tsdb_appended ignored;
    return traces_append(r->t, &batch, out ? out : &ignored, verdicts, NULL);
}

static inline enum tsdb_verdict rig_append(struct rig *r, const char *tenant,
                                           const struct tsdb_span *span)
{
    uint8_t verdict;
    cr_assert_eq(rig_append_all(r, tenant, "api", span, 1, NULL, &verdict), TSDB_OK);
    return (enum tsdb_verdict)verdict;
}

static inline void rig_put(struct rig *r, uint32_t trace, uint32_t id, uint32_t parent,
                           int64_t start, const char *name)
{
    struct tsdb_span span = rig_span(trace, id, parent, start, name);
    cr_assert_eq(rig_append(r, "", &span), TSDB_ACCEPTED, "%s", name);
}

/* ---- traces as text ------------------------------------------------------------------- */

static inline const char *rig_trace_text(const struct tsdb_trace *t)
{
    static char text[65536];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < t->span_count && n < sizeof text; i++) {
        const struct tsdb_span *s = &t->spans[i];
        cr_assert(s->source < t->source_count);
        const struct tsdb_fields *of = &t->sources[s->source].resource;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u<%u %.*s@%.*s", i ? ", " : "",
                              s->span_id.at[6] << 8 | s->span_id.at[7],
                              s->parent_id.at[6] << 8 | s->parent_id.at[7], (int)s->name.len,
                              s->name.at, of->count ? (int)of->at[0].text.len : 0,
                              of->count ? of->at[0].text.at : "");
    }
    if (t->is_partial && n < sizeof text)
        (void)snprintf(text + n, sizeof text - n, " partial");
    return text;
}

/* "1<0 name@service, 2<1 ...", or "none". */
static inline const char *rig_read(struct rig *r, const char *tenant, uint32_t trace)
{
    struct tsdb_trace_id id = rig_trace_id(trace);
    struct tsdb_trace *t;
    struct tsdb_error err = {0};
    enum tsdb_status st = traces_read(r->t, tenant, &id, 0, 0, 0, &t, &err);
    if (st == TSDB_ENOTFOUND)
        return "none";
    cr_assert_eq(st, TSDB_OK, "%s", err.msg);
    const char *text = rig_trace_text(t);
    traces_trace_free(t);
    return text;
}

/* ---- everything ------------------------------------------------------------------------- */

struct rig_row {
    uint32_t trace, span; /* the last two bytes of their ids */
    int64_t start;
};

struct rig_rows {
    struct rig_row *at; /* owned; in the order of parts */
    uint32_t count, cap;
    bool is_partial;
};

static inline void rig_rows_release(struct rig_rows *rows)
{
    mem_free(rows->at);
    *rows = (struct rig_rows){0};
}

static inline void rig_rows_add(struct rig_rows *rows, const struct tsdb_span *s)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 64;
        rows->at = mem_grow(rows->at, rows->cap, sizeof *rows->at);
    }
    rows->at[rows->count++] =
        (struct rig_row){(uint32_t)(s->trace_id.at[14] << 8 | s->trace_id.at[15]),
                         (uint32_t)(s->span_id.at[6] << 8 | s->span_id.at[7]), s->start};
}

/* The part's spans that are the tenant's. */
static inline enum tsdb_status rig_read_part(struct traces_set *set, uint32_t part,
                                             struct span_reader *reader, struct arena *arena,
                                             struct rig_rows *rows)
{
    const struct traces_part *p = traces_set_part(set, part);
    uint32_t sources = group_rows(p->tables.at[SPAN_TABLE_SOURCES]);
    uint64_t *bits = MEM_ARRAY(uint64_t, sources / 64 + 1);
    bool all;
    enum tsdb_status st = traces_set_touch(set, part, NULL);
    span_reader_open(reader, &p->tables);
    if (st == TSDB_OK)
        st = traces_part_sources(set, part, span_reader_table(reader, SPAN_TABLE_SOURCES), bits,
                                 &all, NULL);
    for (uint32_t row = 0; row < p->rows && st == TSDB_OK; row++) {
        struct tsdb_span s;
        st = span_reader_span(reader, row, arena, &s, NULL);
        if (st != TSDB_OK)
            break;
        cr_assert(s.start >= p->ts_min && s.start <= p->ts_max);
        if (all || (bits[s.source / 64] >> s.source % 64 & 1))
            rig_rows_add(rows, &s);
    }
    mem_free(bits);
    return st;
}

static inline void rig_select(struct rig *r, const char *tenant, int64_t start, int64_t end,
                              struct rig_rows *rows)
{
    struct traces_selection selection = {tenant, start, end};
    struct traces_set *set;
    struct tsdb_error err = {0};
    struct arena arena;
    struct span_reader *reader = span_reader_new(NULL);
    arena_init(&arena, SIZE_MAX, NULL);
    cr_assert_eq(traces_select(r->t, &selection, NULL, &set, &err), TSDB_OK, "%s", err.msg);
    for (uint32_t i = 0; i < traces_set_parts(set); i++) {
        cr_assert(i == 0 || traces_set_part(set, i - 1)->ts_max >= traces_set_part(set, i)->ts_max);
        if (rig_read_part(set, i, reader, &arena, rows) != TSDB_OK)
            cr_assert(traces_set_is_partial(set));
    }
    rows->is_partial = traces_set_is_partial(set);
    span_reader_free(reader);
    arena_release(&arena);
    traces_set_close(set);
}

/* Segments of traces. */
static inline uint32_t rig_blocks(struct rig *r)
{
    return r->t->shelf.list->count;
}

static inline struct trace_block *rig_block(struct rig *r, uint32_t i)
{
    cr_assert_lt(i, rig_blocks(r));
    return trace_block_of(r->t->shelf.list->at[i]);
}

static inline uint64_t rig_seed(uint64_t otherwise)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : otherwise;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

#endif
