/* A store in memory with logs in it, and LogQL answers as text to compare. */
#ifndef TESTS_TSDB_LOGQL_RIG_H
#define TESTS_TSDB_LOGQL_RIG_H

#include "tsdb/base/clock.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/logql/log_scope.h"
#include "tsdb/logql/logql_query.h"
#include "tsdb/logql/logql_tail.h"
#include "tsdb/logs/logs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RIG_NOW (INT64_C(1000000) * NS_PER_S)

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct store store;
    struct logs *logs;
    struct writer text; /* of the last answer */
};

static inline void rig_open(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, RIG_NOW);
    struct tsdb_options options = {.dir = "/logs",
                                   .fs = fs_sim_fs(r->sim),
                                   .clock = &r->clock.clock,
                                   .has_no_threads = true,
                                   .limits = {.memory_bytes = UINT64_C(1) << 30,
                                              .series_max = 100000,
                                              .series_new_per_s = 1000000,
                                              .labels_max = 64,
                                              .name_bytes_max = 256,
                                              .value_bytes_max = 4096,
                                              .future_max = NS_PER_DAY}};
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&options, &r->store, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(logs_open(&r->store, &options, log_scope_selector, &r->logs, &err), TSDB_OK, "%s",
                 err.msg);
}

static inline void rig_close(struct rig *r)
{
    logs_close(r->logs);
    store_close(&r->store);
    fs_sim_free(r->sim);
    writer_release(&r->text);
}

static inline struct logql_store rig_store(struct rig *r)
{
    return (struct logql_store){r->logs, &r->clock.clock, &r->store.budget, false};
}

/* "a=b c=d" */
static inline uint32_t rig_pairs(const char *text, struct tsdb_label *out)
{
    uint32_t n = 0;
    while (*text) {
        const char *eq = strchr(text, '='), *end = text + strcspn(text, " ");
        out[n].name = (struct tsdb_text){text, (size_t)(eq - text)};
        out[n++].value = (struct tsdb_text){eq + 1, (size_t)(end - eq - 1)};
        text = *end ? end + 1 : end;
    }
    return n;
}

/* One record at second `s` after RIG_NOW - 1000 s; fields: "name=text", or "name:i=5",
 * "name:d=0.5", "name:b=1". */
static inline void rig_put(struct rig *r, const char *labels, int64_t ms, const char *line,
                           const char *fields)
{
    struct tsdb_label l[32], f[32];
    struct tsdb_field field[32];
    uint32_t n = rig_pairs(fields, f);
    for (uint32_t i = 0; i < n; i++) {
        char type = 's';
        if (f[i].name.len > 2 && f[i].name.at[f[i].name.len - 2] == ':') {
            type = f[i].name.at[f[i].name.len - 1];
            f[i].name.len -= 2;
        }
        field[i] = (struct tsdb_field){.name = f[i].name, .type = TSDB_FIELD_STRING};
        double real = 0;
        (void)double_parse(f[i].value, &real);
        if (type == 'i' || type == 'b') {
            field[i].type = type == 'i' ? TSDB_FIELD_INT : TSDB_FIELD_BOOL;
            field[i].integer = (int64_t)real;
        } else if (type == 'd') {
            field[i].type = TSDB_FIELD_DOUBLE;
            field[i].real = real;
        } else {
            field[i].text = f[i].value;
        }
    }
    struct tsdb_log_stream stream = {.labels = {l, rig_pairs(labels, l)}};
    struct tsdb_log_record record = {.ts = RIG_NOW - 1000 * NS_PER_S + ms * NS_PER_MS,
                                     .line = text_of(line),
                                     .fields = field,
                                     .field_count = n};
    struct tsdb_log_batch batch = {"", &stream, &record, 1, 1};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    uint8_t verdict = 99;
    cr_assert_eq(logs_append(r->logs, &batch, &out, &verdict, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(verdict, TSDB_ACCEPTED, "%s", tsdb_verdict_name(verdict));
}

static inline void rig_seal(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(&r->store, &err), TSDB_OK, "%s", err.msg);
}

static inline void rig_put_labels(struct rig *r, struct tsdb_labels set)
{
    writer_text(&r->text, "{");
    for (uint32_t i = 0; i < set.count; i++)
        writer_format(&r->text, "%s%.*s=%.*s", i ? "," : "", (int)set.at[i].name.len,
                      set.at[i].name.at, (int)set.at[i].value.len, set.at[i].value.at);
    writer_text(&r->text, "}");
}

/* The answer: a line an entry "ms {stream}{metadata}{parsed} line", or a line a series
 * "{labels} value@s ..."; or "error: ...". */
static inline const char *rig_ask_with(struct rig *r, const char *query,
                                       struct tsdb_log_options options)
{
    struct logql_store store = rig_store(r);
    struct logql_query *q;
    struct tsdb_error err = {0};
    int64_t base = RIG_NOW - 1000 * NS_PER_S;
    writer_reset(&r->text);
    enum tsdb_status st = logql_query_open(&store, text_of(query), &options, &q, &err);
    if (st == TSDB_OK) {
        if (logql_query_kind(q) == TSDB_STREAMS) {
            struct tsdb_log_entry e;
            while ((st = logql_query_entry(q, &e, &err)) == TSDB_OK) {
                writer_format(&r->text, "%lld ", (long long)((e.ts - base) / NS_PER_MS));
                rig_put_labels(r, e.stream);
                rig_put_labels(r, e.metadata);
                rig_put_labels(r, e.parsed);
                writer_format(&r->text, " %.*s\n", (int)e.line.len, e.line.at);
            }
        } else {
            struct tsdb_result s;
            while ((st = logql_query_next(q, &s, &err)) == TSDB_OK) {
                rig_put_labels(r, s.labels);
                for (uint32_t i = 0; i < s.count; i++)
                    writer_format(&r->text, " %.10g@%lld", s.values[i],
                                  (long long)((s.ts[i] - base) / NS_PER_S));
                writer_text(&r->text, "\n");
            }
        }
        logql_query_close(q);
    }
    if (st != TSDB_END && st != TSDB_OK) {
        writer_reset(&r->text);
        writer_format(&r->text, "error: %s", err.msg);
    }
    writer_u8(&r->text, 0);
    return (const char *)r->text.at;
}

/* Over the whole of the rig's time: log queries newest first without limit, metric queries
 * at second 100. */
static inline const char *rig_ask(struct rig *r, const char *query)
{
    int64_t base = RIG_NOW - 1000 * NS_PER_S;
    bool is_logs = query[0] == '{';
    return rig_ask_with(
        r, query,
        (struct tsdb_log_options){.start = base,
                                  .end = is_logs ? base + 1000 * NS_PER_S : base + 100 * NS_PER_S});
}

#endif
