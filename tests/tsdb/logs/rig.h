/* rig.h - a store with a log engine over simulated files and a simulated clock, the
 * small batches that tests append, and an answer as text, so that one string says what a
 * store holds: order, lines, fields and their types. */
#ifndef TESTS_TSDB_LOGS_RIG_H
#define TESTS_TSDB_LOGS_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/logs/engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct store store;
    struct logs *l;
};

#define RIG_NOW (INT64_C(1767225600) * NS_PER_S) /* 2026-01-01 */

/* Of "{name OP QUOTE value QUOTE}" alone; the language is tested where it lives. */
static inline enum tsdb_status rig_selector(struct tsdb_text text, struct arena *arena,
                                            struct matcher **out, uint32_t *count,
                                            struct tsdb_error *err)
{
    char *at = ARENA_ARRAY(arena, char, text.len + 1);
    if (text.len < 6 || text.at[0] != '{' || text.at[text.len - 1] != '}')
        return tsdb_fail(err, TSDB_EINVAL, "not a selector");
    memcpy(at, text.at, text.len);
    size_t name = strcspn(at + 1, "=");
    bool is_regex = at[1 + name + 1] == '~';
    char *value = at + 1 + name + 2 + is_regex;
    *out = MEM_NEW(struct matcher);
    *count = 1;
    return matcher_init(*out, is_regex ? MATCH_RE : MATCH_EQ, (struct tsdb_text){at + 1, name},
                        (struct tsdb_text){value, (size_t)(at + text.len - 2 - value)}, err);
}

static inline enum tsdb_status rig_try_open(struct rig *r, struct tsdb_error *err)
{
    enum tsdb_status st = store_open(&r->options, &r->store, err);
    if (st == TSDB_OK) {
        st = logs_open(&r->store, &r->options, rig_selector, &r->l, err);
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
        .limits = {.memory_bytes = UINT64_C(1) << 30,
                   .labels_max = 64,
                   .name_bytes_max = 256,
                   .value_bytes_max = 4096,
                   .future_max = 10 * NS_PER_MINUTE},
    };
    rig_open(r);
}

static inline void rig_close(struct rig *r)
{
    logs_close(r->l);
    store_close(&r->store);
    r->l = NULL;
}

static inline void rig_release(struct rig *r)
{
    rig_close(r);
    fs_sim_free(r->sim);
}

static inline void rig_reopen(struct rig *r)
{
    while (journal_step(r->store.journal))
        ;
    rig_close(r);
    rig_open(r);
}

static inline void rig_sync(struct rig *r)
{
    while (journal_step(r->store.journal))
        ;
}

static inline struct tsdb_text rig_text(const char *z)
{
    return (struct tsdb_text){z, strlen(z)};
}

/* One record of the stream {app=`app`}. */
static inline enum tsdb_status rig_append(struct rig *r, const char *app, int64_t ts,
                                          const char *line, enum tsdb_verdict *verdict)
{
    struct tsdb_label label = {rig_text("app"), rig_text(app)};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record record = {.ts = ts, .line = rig_text(line)};
    struct tsdb_log_batch batch = {
        .streams = &stream, .records = &record, .stream_count = 1, .record_count = 1};
    struct tsdb_appended out;
    uint8_t verdicts[1];
    enum tsdb_status st = logs_append(r->l, &batch, &out, verdicts, NULL);
    if (st == TSDB_OK && verdict)
        *verdict = (enum tsdb_verdict)verdicts[0];
    return st;
}

static inline void rig_put(struct rig *r, const char *app, int64_t ts, const char *line)
{
    enum tsdb_verdict verdict;
    cr_assert_eq(rig_append(r, app, ts, line, &verdict), TSDB_OK);
    cr_assert_eq(verdict, TSDB_ACCEPTED, "%s: %d", line, (int)verdict);
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
        cr_assert_eq(logs_merge(r->l, true, &did, &err), TSDB_OK, "%s", err.msg);
}

/* ---- answers as text -------------------------------------------------------------- */

static inline void rig_put_field(struct writer *out, const struct tsdb_field *f)
{
    writer_format(out, " %.*s:%u=", (int)f->name.len, f->name.at, f->type);
    if (f->type == TSDB_FIELD_INT || f->type == TSDB_FIELD_BOOL)
        writer_format(out, "%lld", (long long)f->integer);
    else if (f->type == TSDB_FIELD_DOUBLE)
        writer_format(out, "%a", f->real);
    else
        writer_put(out, f->text.at, f->text.len);
}

static inline void rig_put_stream(struct writer *out, const struct logs_stream *s)
{
    writer_text(out, "{");
    for (uint32_t i = 0; i < s->labels.count; i++)
        writer_format(out, "%.*s=%.*s,", (int)s->labels.at[i].name.len, s->labels.at[i].name.at,
                      (int)s->labels.at[i].value.len, s->labels.at[i].value.at);
    writer_text(out, "}");
    for (uint32_t i = 0; i < s->attribute_count; i++)
        rig_put_field(out, &s->attributes[i]);
}

/* A row that was found: its text, and what it is sorted by. */
struct rig_row {
    int64_t ts;
    char *text; /* owned: stream, line, fields sorted by name and type */
};

struct rig_rows {
    struct rig_row *at; /* owned */
    uint32_t count, cap;
};

static inline int rig_by_time(const void *a, const void *b)
{
    const struct rig_row *x = a, *y = b;
    if (x->ts != y->ts)
        return x->ts < y->ts ? -1 : 1;
    return strcmp(x->text, y->text);
}

static inline void rig_rows_add(struct rig_rows *rows, int64_t ts, struct writer *text)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 64;
        rows->at = mem_grow(rows->at, rows->cap, sizeof *rows->at);
    }
    rows->at[rows->count++] = (struct rig_row){ts, mem_text((const char *)text->at, text->len)};
}

static inline void rig_rows_sort(struct rig_rows *rows)
{
    if (rows->count)
        qsort(rows->at, rows->count, sizeof *rows->at, rig_by_time);
}

static inline void rig_rows_release(struct rig_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++)
        mem_free(rows->at[i].text);
    mem_free(rows->at);
    *rows = (struct rig_rows){0};
}

static inline bool rig_has(const uint64_t *bits, uint32_t row)
{
    return !bits || (bits[row / 64] >> row % 64 & 1);
}

/* The row's fields in the order of the group's columns. */
static inline void rig_put_fields(struct writer *out, struct group_reader *reader,
                                  const struct group *g, uint32_t row)
{
    for (uint32_t c = 0; c < group_columns(g); c++) {
        const struct column_info *info = group_column(g, c);
        const uint64_t *bits;
        struct tsdb_field f = {.name = info->name, .type = info->tag};
        const int64_t *ints;
        const double *doubles;
        const struct tsdb_text *texts;
        if (info->tag == LOGS_COLUMN_TAG)
            continue;
        cr_assert_eq(group_presence(reader, c, &bits, NULL), TSDB_OK);
        if (!rig_has(bits, row))
            continue;
        if (info->kind == COLUMN_INT) {
            cr_assert_eq(group_ints(reader, c, &ints, NULL), TSDB_OK);
            f.integer = ints[row];
        } else if (info->kind == COLUMN_DOUBLE) {
            cr_assert_eq(group_doubles(reader, c, &doubles, NULL), TSDB_OK);
            f.real = doubles[row];
        } else {
            cr_assert_eq(group_texts(reader, c, &texts, NULL), TSDB_OK);
            f.text = texts[row];
        }
        rig_put_field(out, &f);
    }
}

static inline bool rig_is_hidden(const struct logs_part *p, uint32_t run, int64_t ts)
{
    for (uint32_t i = 0; i < p->hidden_count; i++)
        if (p->hidden[i].run == run && ts >= p->hidden[i].start && ts < p->hidden[i].end)
            return true;
    return false;
}

static inline void rig_read_part(const struct logs_set *set, const struct logs_part *p,
                                 int64_t start, int64_t end, struct rig_rows *rows)
{
    struct group_reader *reader = group_reader_new(NULL);
    const int64_t *times;
    const struct tsdb_text *lines;
    struct writer out = {0};
    group_reader_open(reader, p->group);
    uint32_t time = group_find(p->group, rig_text(":time"), LOGS_COLUMN_TAG);
    uint32_t line = group_find(p->group, rig_text(":line"), LOGS_COLUMN_TAG);
    cr_assert_eq(group_ints(reader, time, &times, NULL), TSDB_OK);
    cr_assert_eq(group_texts(reader, line, &lines, NULL), TSDB_OK);
    for (uint32_t i = 0; i < p->run_count; i++) {
        const struct logs_run *run = &p->runs[i];
        uint64_t bytes = 0;
        for (uint32_t row = run->first; row < run->first + run->rows; row++) {
            cr_assert(row == run->first || times[row - 1] <= times[row]);
            cr_assert(times[row] >= run->ts_min && times[row] <= run->ts_max);
            bytes += lines[row].len;
            if (times[row] < start || times[row] >= end || rig_is_hidden(p, i, times[row]))
                continue;
            writer_reset(&out);
            rig_put_stream(&out, logs_set_stream(set, run->stream));
            writer_text(&out, " | ");
            writer_put(&out, lines[row].at, lines[row].len);
            writer_text(&out, " |");
            rig_put_fields(&out, reader, p->group, row);
            rig_rows_add(rows, times[row], &out);
        }
        cr_assert_eq(bytes, run->line_bytes);
    }
    writer_release(&out);
    group_reader_free(reader);
}

/* Everything that the selection finds, by time. */
static inline void rig_select(struct rig *r, const struct logs_selection *sel,
                              struct rig_rows *rows, bool *is_partial)
{
    struct logs_set *set;
    struct tsdb_error err = {0};
    cr_assert_eq(logs_select(r->l, sel, NULL, &set, &err), TSDB_OK, "%s", err.msg);
    for (uint32_t i = 0; i < logs_set_parts(set); i++) {
        const struct logs_part *p = logs_set_part(set, i);
        cr_assert(i == 0 || logs_set_part(set, i - 1)->ts_max >= p->ts_max);
        if (logs_set_touch(set, i, &err) == TSDB_OK)
            rig_read_part(set, p, sel->start, sel->end, rows);
        else
            cr_assert(logs_set_is_partial(set));
    }
    if (is_partial)
        *is_partial = logs_set_is_partial(set);
    logs_set_close(set);
    rig_rows_sort(rows);
}

/* The lines of {name=value}, joined by commas. */
static inline const char *rig_lines(struct rig *r, const char *name, const char *value,
                                    int64_t start, int64_t end)
{
    static char text[65536];
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, rig_text(name), rig_text(value), NULL), TSDB_OK);
    struct logs_selection sel = {.matchers = &m, .matcher_count = 1, .start = start, .end = end};
    struct rig_rows rows = {0};
    rig_select(r, &sel, &rows, NULL);
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < rows.count; i++) {
        const char *line = strstr(rows.at[i].text, " | ") + 3;
        const char *stop = strstr(line, " |");
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? "," : "", (int)(stop - line),
                              line);
    }
    rig_rows_release(&rows);
    matcher_release(&m);
    return text;
}

static inline uint64_t rig_seed(uint64_t otherwise)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : otherwise;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

#endif
