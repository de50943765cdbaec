/* Goal: what goes in comes out, whatever happens to it in between.
 * Method: random batches, seals, merges, deletions, reopenings and lost power against an array
 * of rows; after each step selections of random streams and ranges are compared record by
 * record, every field with its type, as text. */
#include "tests/tsdb/logs/rig.h"

#include <errno.h>

enum { APPS = 5, STEPS = 60, LINE_MAX = 200, FIELDS = 6 };

/* A row that was accepted. */
struct kept {
    int64_t ts;
    char *text; /* owned: as rig_put_stream and the fields write it */
    uint32_t app;
    uint8_t tenant;
    uint64_t position;
    bool is_gone;
};

struct model {
    struct rig r;
    struct random random;
    struct kept *rows; /* owned */
    uint32_t count, cap;
};

static const char *const tenants[] = {"", "blue"};
static const char *const apps[APPS] = {"api", "db", "web", "cron", "queue"};

static void add_row(struct model *m, const struct kept *row)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 256;
        m->rows = mem_grow(m->rows, m->cap, sizeof *m->rows);
    }
    m->rows[m->count++] = *row;
}

static uint64_t below(struct model *m, uint64_t n)
{
    return random_below(&m->random, n);
}

/* Names sorted, as columns come. */
static const char *const names[FIELDS] = {"code", "http.method", "note", "ok", "ratio", "trace"};

static struct tsdb_field random_field(struct model *m, uint32_t which, char room[32])
{
    struct tsdb_field f = {.name = rig_text(names[which])};
    switch (which) {
    case 0:
        f.type = TSDB_FIELD_INT;
        f.integer = below(m, 4) ? (int64_t)below(m, 600) : (int64_t)random_next(&m->random);
        break;
    case 3:
        f.type = TSDB_FIELD_BOOL;
        f.integer = (int64_t)below(m, 2);
        break;
    case 4:
        f.type = TSDB_FIELD_DOUBLE;
        f.real = below(m, 3) ? (double)below(m, 100) / 4 : random_unit(&m->random);
        break;
    case 5:
        f.type = TSDB_FIELD_ID;
        for (int i = 0; i < 16; i++)
            room[i] = (char)('a' + below(m, 26));
        f.text = (struct tsdb_text){room, 16};
        break;
    default:
        f.type = which == 1 ? TSDB_FIELD_STRING : TSDB_FIELD_JSON;
        f.text = (struct tsdb_text){room, (size_t)snprintf(room, 32, "v%u", (unsigned)below(m, 9))};
    }
    return f;
}

struct sent {
    char lines[64][LINE_MAX];
    char rooms[64][FIELDS][32];
    struct tsdb_field fields[64][FIELDS];
    struct tsdb_log_record records[64];
    struct tsdb_label labels[APPS][2];
    struct tsdb_log_stream streams[APPS];
    struct tsdb_field attribute;
};

static int64_t random_time(struct model *m)
{
    int64_t now = clock_wall_ns(&m->r.clock.clock);
    if (below(m, 8) == 0)
        return now - (int64_t)below(m, 400) * NS_PER_DAY - (int64_t)below(m, 1000); /* late */
    return now - (int64_t)below(m, 3600) * NS_PER_S;
}

static void fill(struct model *m, struct sent *s, uint32_t n)
{
    s->attribute =
        (struct tsdb_field){.name = rig_text("host.cores"), .type = TSDB_FIELD_INT, .integer = 8};
    for (uint32_t i = 0; i < APPS; i++) {
        s->labels[i][0] = (struct tsdb_label){rig_text("app"), rig_text(apps[i])};
        s->labels[i][1] = (struct tsdb_label){rig_text("env"), rig_text(i % 2 ? "prod" : "test")};
        s->streams[i] = (struct tsdb_log_stream){{s->labels[i], 2}, &s->attribute, 1};
    }
    for (uint32_t i = 0; i < n; i++) {
        struct tsdb_log_record *r = &s->records[i];
        *r = (struct tsdb_log_record){.stream = (uint32_t)below(m, APPS), .ts = random_time(m)};
        r->line.at = s->lines[i];
        r->line.len = (size_t)snprintf(s->lines[i], LINE_MAX, "request %u took %u ms",
                                       (unsigned)random_next(&m->random), (unsigned)below(m, 99));
        r->fields = s->fields[i];
        for (uint32_t f = 0; f < FIELDS; f++)
            if (below(m, 3))
                s->fields[i][r->field_count++] = random_field(m, f, s->rooms[i][f]);
    }
}

static char *text_of_row(const struct sent *s, uint32_t i)
{
    struct writer out = {0};
    const struct tsdb_log_record *r = &s->records[i];
    const struct tsdb_log_stream *in = &s->streams[r->stream];
    struct logs_stream stream = {in->labels, in->attributes, in->attribute_count};
    rig_put_stream(&out, &stream);
    writer_text(&out, " | ");
    writer_put(&out, r->line.at, r->line.len);
    writer_text(&out, " |");
    for (uint32_t f = 0; f < r->field_count; f++)
        rig_put_field(&out, &r->fields[f]);
    char *text = mem_text((const char *)out.at, out.len);
    writer_release(&out);
    return text;
}

static void append(struct model *m)
{
    static struct sent s;
    uint32_t n = 1 + (uint32_t)below(m, 64);
    uint8_t tenant = (uint8_t)(below(m, 4) == 0), verdicts[64];
    fill(m, &s, n);
    struct tsdb_log_batch batch = {.tenant = tenants[tenant],
                                   .streams = s.streams,
                                   .records = s.records,
                                   .stream_count = APPS,
                                   .record_count = n};
    struct tsdb_appended out;
    struct tsdb_error err = {0};
    cr_assert_eq(logs_append(m->r.l, &batch, &out, verdicts, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], n);
    for (uint32_t i = 0; i < n; i++)
        add_row(m, &(struct kept){s.records[i].ts, text_of_row(&s, i), s.records[i].stream, tenant,
                                  out.position, false});
}

static bool is_chosen(const struct kept *row, uint8_t tenant, uint32_t app, int64_t start,
                      int64_t end)
{
    return !row->is_gone && row->tenant == tenant && (app == APPS || row->app == app) &&
           row->ts >= start && row->ts < end;
}

/* app APPS: all. */
static void compare(struct model *m, uint8_t tenant, uint32_t app, int64_t start, int64_t end)
{
    struct matcher is_app;
    cr_assert_eq(matcher_init(&is_app, app == APPS ? MATCH_NE : MATCH_EQ, rig_text("app"),
                              rig_text(app == APPS ? "" : apps[app]), NULL),
                 TSDB_OK);
    struct logs_selection sel = {tenants[tenant], &is_app, 1, start, end};
    struct rig_rows want = {0}, got = {0};
    bool is_partial;
    rig_select(&m->r, &sel, &got, &is_partial);
    cr_assert(!is_partial);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct kept *row = &m->rows[i];
        struct writer text = {(uint8_t *)row->text, strlen(row->text), 0};
        if (is_chosen(row, tenant, app, start, end))
            rig_rows_add(&want, row->ts, &text);
    }
    rig_rows_sort(&want);
    cr_assert_eq(got.count, want.count, "%u rows, want %u", got.count, want.count);
    for (uint32_t i = 0; i < got.count; i++) {
        cr_assert_eq(got.at[i].ts, want.at[i].ts);
        cr_assert_str_eq(got.at[i].text, want.at[i].text);
    }
    rig_rows_release(&want);
    rig_rows_release(&got);
    matcher_release(&is_app);
}

static void compare_some(struct model *m)
{
    int64_t now = clock_wall_ns(&m->r.clock.clock);
    compare(m, 0, APPS, INT64_MIN, INT64_MAX);
    int64_t start = now - (int64_t)below(m, 7200) * NS_PER_S;
    compare(m, (uint8_t)below(m, 2), (uint32_t)below(m, APPS + 1), start,
            start + (int64_t)below(m, 3600) * NS_PER_S);
    start = now - (int64_t)below(m, 400) * NS_PER_DAY;
    compare(m, (uint8_t)below(m, 2), (uint32_t)below(m, APPS + 1), start,
            start + (int64_t)below(m, 90) * NS_PER_DAY);
}

static void delete_some(struct model *m)
{
    uint32_t app = (uint32_t)below(m, APPS);
    int64_t end = random_time(m), start = end - (int64_t)below(m, 86400) * NS_PER_S;
    struct matcher is_app;
    cr_assert_eq(matcher_init(&is_app, MATCH_EQ, rig_text("app"), rig_text(apps[app]), NULL),
                 TSDB_OK);
    struct logs_selection sel = {tenants[0], &is_app, 1, start, end};
    struct tsdb_error err = {0};
    cr_assert_eq(logs_delete(m->r.l, &sel, &err), TSDB_OK, "%s", err.msg);
    matcher_release(&is_app);
    for (uint32_t i = 0; i < m->count; i++)
        if (is_chosen(&m->rows[i], 0, app, start, end))
            m->rows[i].is_gone = true;
}

/* Power goes off: what was not synced may be gone, and stays so. */
static void crash(struct model *m)
{
    uint64_t synced = journal_synced(m->r.store.journal);
    fs_sim_power_off_after(m->r.sim, 0);
    rig_close(&m->r);
    fs_sim_crash(m->r.sim, FS_SIM_TORN, &m->random);
    rig_open(&m->r);
    struct rig_rows got = {0};
    for (uint8_t t = 0; t < 2; t++) {
        struct matcher all;
        cr_assert_eq(matcher_init(&all, MATCH_NE, rig_text("app"), rig_text(""), NULL), TSDB_OK);
        struct logs_selection sel = {tenants[t], &all, 1, INT64_MIN, INT64_MAX};
        rig_select(&m->r, &sel, &got, NULL);
        matcher_release(&all);
    }
    for (uint32_t i = 0; i < m->count; i++) {
        bool is_there = m->rows[i].position <= synced;
        for (uint32_t k = 0; k < got.count && !is_there; k++)
            is_there = got.at[k].ts == m->rows[i].ts && !strcmp(got.at[k].text, m->rows[i].text);
        m->rows[i].is_gone = m->rows[i].is_gone || !is_there;
    }
    rig_rows_release(&got);
}

static void step(struct model *m)
{
    bool did;
    switch (below(m, 12)) {
    case 0: rig_seal(&m->r); break;
    case 1: cr_assert_eq(logs_group_open(m->r.l, UINT32_MAX, &did, NULL), TSDB_OK); break;
    case 2: cr_assert_eq(logs_merge(m->r.l, below(m, 2), &did, NULL), TSDB_OK); break;
    case 3: delete_some(m); break;
    case 4: rig_reopen(&m->r); break;
    case 5: cr_assert_eq(logs_expire(m->r.l, NULL), TSDB_OK); break;
    case 6:
        rig_sync(&m->r);
        crash(m);
        break;
    default: append(m);
    }
    if (below(m, 3) == 0)
        rig_sync(&m->r);
    clock_sim_advance(&m->r.clock, (int64_t)below(m, 20) * NS_PER_MINUTE);
}

Test(logs, random_work_equals_an_array)
{
    uint64_t seed = rig_seed(20260101);
    for (uint64_t round = 0; round < 12; round++) {
        struct model m = {0};
        random_init(&m.random, seed + round);
        rig_init(&m.r);
        for (int i = 0; i < STEPS; i++) {
            step(&m);
            compare_some(&m);
        }
        rig_seal(&m.r);
        rig_merge(&m.r);
        compare_some(&m);
        rig_reopen(&m.r);
        compare_some(&m);
        for (uint32_t i = 0; i < m.count; i++)
            mem_free(m.rows[i].text);
        mem_free(m.rows);
        rig_release(&m.r);
    }
}

Test(logs, one_record_comes_back)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "hello");
    cr_assert_str_eq(rig_lines(&r, "app", "api", RIG_NOW, RIG_NOW + 1), "hello");
    cr_assert_str_eq(rig_lines(&r, "app", "api", RIG_NOW + 1, INT64_MAX), "");
    rig_seal(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", RIG_NOW, RIG_NOW + 1), "hello");
    rig_release(&r);
}
