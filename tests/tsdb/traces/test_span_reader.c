/* Goal: what is wrong in a span group is refused, where it is met and without harm. */
#include "tests/tsdb/traces/prop_span_reader.h"
#include "tsdb/traces/span_columns.h"

#include <criterion/criterion.h>

/* A group of two spans, written column by column, so that each may be wrong. */
struct raw {
    struct group_writer *writers[SPAN_TABLES];
    struct span_rig rig;
};

static void put_int(struct raw *raw, enum span_table table, const char *name, int64_t v)
{
    struct group_writer *w = raw->writers[table];
    group_writer_int(w, group_writer_column(w, text_of(name), SPAN_TAG_INTRINSIC, COLUMN_INT, 0),
                     v);
}

static void put_text(struct raw *raw, enum span_table table, const char *name, const char *v)
{
    struct group_writer *w = raw->writers[table];
    group_writer_text(w, group_writer_column(w, text_of(name), SPAN_TAG_INTRINSIC, COLUMN_TEXT, 0),
                      text_of(v));
}

/* What a case changes: the column of the table, on the second row where there are two. */
struct wrong {
    char table, column[24], text[24];
    int64_t number;
    bool is_missing;
};

static bool is_wrong(const struct wrong *wrong, char table, const char *column)
{
    return wrong->table == table && strcmp(wrong->column, column) == 0;
}

static void raw_int(struct raw *raw, const struct wrong *wrong, enum span_table table,
                    const char *column, int64_t v)
{
    bool is_it = is_wrong(wrong, "srel"[table], column);
    if (!is_it)
        put_int(raw, table, column, v);
    else if (!wrong->is_missing && wrong->text[0])
        put_text(raw, table, column, wrong->text);
    else if (!wrong->is_missing)
        put_int(raw, table, column, wrong->number);
}

static void raw_text(struct raw *raw, const struct wrong *wrong, enum span_table table,
                     const char *column, const char *v)
{
    bool is_it = is_wrong(wrong, "srel"[table], column);
    if (!is_it || !wrong->is_missing)
        put_text(raw, table, column, is_it ? wrong->text : v);
}

static void raw_span(struct raw *raw, const struct wrong *wrong, uint32_t row)
{
    enum span_table t = SPAN_TABLE_SPANS;
    group_writer_row(raw->writers[t]);
    if (row == 0 || is_wrong(wrong, 's', "trace_id"))
        raw_text(raw, wrong, t, "trace_id", "0123456789abcdef");
    raw_text(raw, wrong, t, "span_id", row ? "12345678" : "abcdefgh");
    if (row == 1 || is_wrong(wrong, 's', "parent"))
        raw_int(raw, wrong, t, "parent", 1);
    if (row == 0 && is_wrong(wrong, 's', "parent_id"))
        raw_text(raw, wrong, t, "parent_id", "ABCDEFGH");
    if (row == 0)
        raw_int(raw, wrong, t, "trace_start", 1000);
    else
        raw_int(raw, wrong, t, "start", 5);
    raw_int(raw, wrong, t, "duration", 7);
    raw_text(raw, wrong, t, "name", "GET /");
    raw_int(raw, wrong, t, "source", 0);
    raw_int(raw, wrong, t, "kind", 2);
    raw_int(raw, wrong, t, "status", 1);
    raw_int(raw, wrong, t, "flags", 1);
    raw_int(raw, wrong, t, "dropped_attributes", 1);
    raw_int(raw, wrong, t, "dropped_events", 1);
    raw_int(raw, wrong, t, "dropped_links", 1);
}

static void raw_open(struct raw *raw, const struct wrong *wrong)
{
    *raw = (struct raw){0};
    for (int i = 0; i < SPAN_TABLES; i++)
        raw->writers[i] = group_writer_new(NULL);
    for (uint32_t row = 0; row < 2; row++)
        raw_span(raw, wrong, row);
    group_writer_row(raw->writers[SPAN_TABLE_SOURCES]);
    raw_int(raw, wrong, SPAN_TABLE_SOURCES, "row", 0);
    raw_int(raw, wrong, SPAN_TABLE_SOURCES, "resource_dropped", 4);
    raw_int(raw, wrong, SPAN_TABLE_SOURCES, "scope_dropped", 4);
    group_writer_row(raw->writers[SPAN_TABLE_EVENTS]);
    raw_int(raw, wrong, SPAN_TABLE_EVENTS, "span", 1);
    raw_int(raw, wrong, SPAN_TABLE_EVENTS, "time", -3);
    raw_text(raw, wrong, SPAN_TABLE_EVENTS, "name", "exception");
    raw_int(raw, wrong, SPAN_TABLE_EVENTS, "dropped_attributes", 2);
    group_writer_row(raw->writers[SPAN_TABLE_LINKS]);
    raw_int(raw, wrong, SPAN_TABLE_LINKS, "span", 0);
    raw_text(raw, wrong, SPAN_TABLE_LINKS, "trace_id", "0123456789abcdef");
    raw_text(raw, wrong, SPAN_TABLE_LINKS, "span_id", "01234567");
    raw_int(raw, wrong, SPAN_TABLE_LINKS, "flags", 2);
    for (int i = 0; i < SPAN_TABLES; i++)
        cr_assert_eq(
            group_writer_finish(raw->writers[i], GROUP_HOT, &raw->rig.made.tables[i], NULL),
            TSDB_OK);
    span_rig_open(&raw->rig, NULL);
}

static void raw_close(struct raw *raw)
{
    span_rig_close(&raw->rig);
    for (int i = 0; i < SPAN_TABLES; i++)
        group_writer_free(raw->writers[i]);
}

Test(span_reader, what_is_written_by_hand_is_read)
{
    struct raw raw;
    struct tsdb_span span;
    const struct wrong none = {0};
    raw_open(&raw, &none);
    cr_assert_eq(span_reader_span(raw.rig.reader, 1, &raw.rig.arena, &span, NULL), TSDB_OK);
    cr_assert(span.start == 1005 && span.end == 1012 && span.kind == 2 && span.source == 0);
    cr_assert_eq(memcmp(span.parent_id.at, "abcdefgh", 8), 0);
    cr_assert(span.event_count == 1 && span.events[0].ts == 1002);
    cr_assert(span.events[0].attributes.dropped == 2 && span.link_count == 0);
    cr_assert_eq(span_reader_span(raw.rig.reader, 0, &raw.rig.arena, &span, NULL), TSDB_OK);
    cr_assert(span.link_count == 1 && span.event_count == 0 && span.links[0].flags == 2);
    cr_assert_eq(prop_span_reader(&raw.rig.tables), 2);
    raw_close(&raw);
}

static const struct wrong wrongs[] = {
    {'s', "trace_id", "too short", 0, false},
    {'s', "trace_id", "", 0, true},
    {'s', "span_id", "nine byte", 0, false},
    {'s', "span_id", "", 0, true},
    {'s', "parent", "", 0, false},
    {'s', "parent", "", 2, false},
    {'s', "parent", "", -2, false},
    {'s', "parent", "", INT64_MIN, false},
    {'s', "parent_id", "seven b", 0, false},
    {'s', "trace_start", "", 0, true},
    {'s', "trace_start", "text", 0, false},
    {'s', "start", "", 0, true},
    {'s', "duration", "", 0, true},
    {'s', "duration", "text", 0, false},
    {'s', "name", "", 0, true},
    {'s', "source", "", 0, true},
    {'s', "source", "", 1, false},
    {'s', "source", "", -1, false},
    {'s', "kind", "", 256, false},
    {'s', "kind", "", -1, false},
    {'s', "status", "", 256, false},
    {'s', "flags", "", INT64_C(1) << 32, false},
    {'s', "dropped_attributes", "", -1, false},
    {'s', "dropped_events", "", INT64_C(1) << 32, false},
    {'s', "dropped_links", "", INT64_MIN, false},
    {'r', "row", "", 0, true},
    {'r', "resource_dropped", "", -1, false},
    {'r', "scope_dropped", "", INT64_MAX, false},
    {'e', "span", "", 2, false},
    {'e', "span", "", -1, false},
    {'e', "span", "", 0, true},
    {'e', "time", "", 0, true},
    {'e', "name", "", 0, true},
    {'e', "dropped_attributes", "", -1, false},
    {'l', "span", "", 2, false},
    {'l', "trace_id", "short", 0, false},
    {'l', "trace_id", "", 0, true},
    {'l', "span_id", "a bit too long", 0, false},
    {'l', "flags", "", -1, false},
};

Test(span_reader, every_wrong_value_is_refused)
{
    for (uint32_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *w = &wrongs[i];
        struct raw raw;
        struct tsdb_span span;
        struct tsdb_span_source source;
        struct tsdb_text tenant;
        struct tsdb_error err = {0};
        uint32_t bad = 0;
        raw_open(&raw, w);
        for (uint32_t row = 0; row < 2; row++) {
            enum tsdb_status st =
                span_reader_span(raw.rig.reader, row, &raw.rig.arena, &span, &err);
            cr_assert(st == TSDB_OK || st == TSDB_ECORRUPT);
            bad += st == TSDB_ECORRUPT;
        }
        enum tsdb_status st =
            span_reader_source(raw.rig.reader, 0, &raw.rig.arena, &source, &tenant, &err);
        bad += st == TSDB_ECORRUPT;
        cr_assert_gt(bad, 0, "%c %s %s %lld", w->table, w->column, w->text, (long long)w->number);
        cr_assert(err.status == TSDB_ECORRUPT && err.msg[0]);
        (void)prop_span_reader(&raw.rig.tables);
        raw_close(&raw);
    }
}

static void attribute_case(const char *what, enum span_table table, uint8_t tag,
                           enum column_kind kind)
{
    struct raw raw;
    struct tsdb_span span;
    struct tsdb_span_source source;
    struct tsdb_text tenant;
    const struct wrong none = {0};
    raw_open(&raw, &none);
    struct group *bad;
    struct group_strings strings = {0};
    struct group_writer *w = group_writer_new(NULL);
    uint32_t column = group_writer_column(w, text_of("name"), tag, kind, 0);
    group_writer_row(w);
    if (kind == COLUMN_INT)
        group_writer_int(w, column, 1);
    else
        group_writer_text(w, column, text_of("x"));
    for (int i = 0; i < INTRINSICS; i++) {
        const struct intrinsic *in = &span_intrinsics[i];
        if (!(in->everyone >> table & 1))
            continue;
        column = group_writer_column(w, text_of(in->name), SPAN_TAG_INTRINSIC, in->kind, 0);
        if (in->kind == COLUMN_INT)
            group_writer_int(w, column, 0);
        else
            group_writer_text(w, column, text_of("0123456789abcdef"));
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &strings, NULL), TSDB_OK);
    cr_assert_eq(group_open(rig_bytes(&strings), &bad, NULL), TSDB_OK);
    raw.rig.tables.at[table] = bad;
    span_reader_open(raw.rig.reader, &raw.rig.tables);
    enum tsdb_status st =
        table == SPAN_TABLE_SOURCES
            ? span_reader_source(raw.rig.reader, 0, &raw.rig.arena, &source, &tenant, NULL)
            : span_reader_span(raw.rig.reader, 0, &raw.rig.arena, &span, NULL);
    cr_assert_eq(st, TSDB_ECORRUPT, "%s", what);
    raw_close(&raw);
    group_free(bad);
    group_writer_free(w);
    group_strings_release(&strings);
}

Test(span_reader, attributes_are_of_their_tables_place_and_of_their_types_kind)
{
    uint8_t span_string = span_attribute_tag(TSDB_PLACE_SPAN, TSDB_FIELD_STRING);
    uint8_t event_int = span_attribute_tag(TSDB_PLACE_EVENT, TSDB_FIELD_INT);
    attribute_case("place", SPAN_TABLE_EVENTS, span_string, COLUMN_TEXT);
    attribute_case("kind", SPAN_TABLE_EVENTS, event_int, COLUMN_TEXT);
    attribute_case("type", SPAN_TABLE_EVENTS, TSDB_PLACE_EVENT << 4 | 7, COLUMN_TEXT);
    attribute_case("place of a source", SPAN_TABLE_SOURCES, span_string, COLUMN_TEXT);
    attribute_case("place of a link", SPAN_TABLE_LINKS, event_int, COLUMN_INT);
}

Test(span_reader, nothing_is_nothing)
{
    struct span_tables none = {{0}};
    struct span_reader *r = span_reader_new(NULL);
    const uint32_t *firsts;
    const int64_t *starts;
    uint32_t first, count = 7;
    struct tsdb_trace_id id = {{1}};
    span_reader_open(r, &none);
    cr_assert_eq(span_reader_traces(r, &firsts, &count, NULL), TSDB_OK);
    cr_assert(count == 0 && firsts[0] == 0);
    cr_assert_eq(span_reader_starts(r, &starts, NULL), TSDB_OK);
    cr_assert_eq(span_reader_find(r, &id, &first, &count, NULL), TSDB_ENOTFOUND);
    for (int i = 0; i < SPAN_TABLES; i++)
        cr_assert_null(span_reader_table(r, (enum span_table)i));
    span_reader_free(r);
    span_reader_free(NULL);
}

Test(span_reader, memory_for_what_is_read_is_bounded)
{
    struct span_model m;
    struct span_rig rig = {0};
    struct tsdb_span span;
    span_model_init(&m, 8, 3000);
    struct span_builder *b = span_builder_new(NULL);
    cr_assert_eq(span_rig_add(b, &m, 0, m.count), m.count);
    cr_assert_eq(span_builder_finish(b, GROUP_HOT, &rig.made, NULL), TSDB_OK);
    struct budget budget;
    uint32_t refused = 0, read = 0;
    for (uint64_t limit = 1 << 14; limit < 1 << 25; limit *= 2) {
        budget_init(&budget, limit, NULL);
        span_rig_open(&rig, &budget);
        enum tsdb_status st = span_reader_span(rig.reader, 0, &rig.arena, &span, NULL);
        cr_assert(st == TSDB_OK || st == TSDB_ELIMIT);
        refused += st == TSDB_ELIMIT;
        read += st == TSDB_OK;
        cr_assert(read == 0 || st == TSDB_OK, "%llu", (unsigned long long)limit);
        arena_release(&rig.arena);
        for (size_t bytes = 0; st == TSDB_OK && bytes < 2000; bytes += 50) {
            arena_init(&rig.arena, bytes, NULL);
            (void)prop_status(span_reader_span(rig.reader, 7, &rig.arena, &span, NULL));
            arena_release(&rig.arena);
        }
        span_reader_free(rig.reader);
        for (int i = 0; i < SPAN_TABLES; i++)
            group_free(rig.groups[i]);
        cr_assert_eq(budget_used(&budget), 0);
    }
    cr_assert(refused > 2 && read > 2);
    made_spans_release(&rig.made);
    span_builder_free(b);
    span_model_release(&m);
}

/* Bytes of a group change: as a file that was not checked. */
Test(span_reader, no_flipped_byte_leads_out)
{
    uint64_t seed = span_model_seed(), read = 0, refused = 0;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct span_model m;
    struct made_spans made;
    span_model_init(&m, seed, 60);
    struct span_builder *b = span_builder_new(NULL);
    cr_assert_eq(span_rig_add(b, &m, 0, m.count), m.count);
    cr_assert_eq(span_builder_finish(b, GROUP_SEALED, &made, NULL), TSDB_OK);
    for (int round = 0; round < 3000; round++) {
        struct span_tables tables = {{0}};
        struct group *groups[SPAN_TABLES] = {0};
        struct group_strings *s = &made.tables[below(&m, SPAN_TABLES)];
        struct writer *w = below(&m, 3) ? &s->data : &s->head;
        size_t at = w->len ? below(&m, w->len) : 0;
        uint8_t before = w->len ? w->at[at] : 0;
        if (w->len)
            w->at[at] = (uint8_t)random_next(&m.random);
        for (int i = 0; i < SPAN_TABLES; i++)
            if (group_open(rig_bytes(&made.tables[i]), &groups[i], NULL) == TSDB_OK)
                tables.at[i] = groups[i];
        uint64_t n = prop_span_reader(&tables);
        read += n;
        refused += n == 0;
        for (int i = 0; i < SPAN_TABLES; i++)
            group_free(groups[i]);
        if (w->len)
            w->at[at] = before;
    }
    cr_assert(read > 1000 && refused > 100, "%d %d", (int)read, (int)refused);
    made_spans_release(&made);
    span_builder_free(b);
    span_model_release(&m);
}
