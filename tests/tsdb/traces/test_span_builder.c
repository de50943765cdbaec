/* Goal: a group is what span_group.h says, ends where it is full, and is whole or not at all. */
#include "tests/tsdb/traces/span_rig.h"
#include "tsdb/traces/span_limits.h"

#include <criterion/criterion.h>

static struct tsdb_span span_like(uint8_t trace, uint8_t id, uint8_t parent, int64_t start)
{
    struct tsdb_span s = {.start = start, .end = start + 10, .name = text_of("GET /")};
    s.trace_id.at[15] = trace;
    s.span_id.at[7] = id;
    s.parent_id.at[7] = parent;
    return s;
}

static void finish(struct span_builder *b, struct span_rig *rig)
{
    cr_assert_eq(span_builder_finish(b, GROUP_HOT, &rig->made, NULL), TSDB_OK);
    span_rig_open(rig, NULL);
}

static const int64_t *ints_of(struct span_rig *rig, enum span_table table, const char *name)
{
    const int64_t *v;
    uint32_t column = group_find(rig->groups[table], text_of(name), SPAN_TAG_INTRINSIC);
    cr_assert_neq(column, UINT32_MAX, "%s", name);
    cr_assert_eq(group_ints(span_reader_table(rig->reader, table), column, &v, NULL), TSDB_OK);
    return v;
}

static uint64_t presence_of(struct span_rig *rig, enum span_table table, const char *name)
{
    const uint64_t *bits;
    uint32_t column = group_find(rig->groups[table], text_of(name), SPAN_TAG_INTRINSIC);
    if (column == UINT32_MAX)
        return 0;
    cr_assert_eq(group_presence(span_reader_table(rig->reader, table), column, &bits, NULL),
                 TSDB_OK);
    return bits ? bits[0] : (UINT64_C(1) << group_rows(rig->groups[table])) - 1;
}

/* Rows: 0 root of trace 1, 1 its child, 2 a second span of the child's id, 3 its own parent;
 * 4 a child before its parent, 5 that parent, 6 of a parent elsewhere. */
Test(span_builder, rows_are_in_order_and_know_their_parents)
{
    static const struct tsdb_span_source none;
    const struct tsdb_span spans[] = {
        span_like(2, 9, 1, 30), span_like(1, 2, 1, 20), span_like(2, 8, 0, 20),
        span_like(1, 1, 0, 10), span_like(1, 3, 3, 40), span_like(1, 2, 2, 30),
        span_like(2, 7, 8, 10),
    };
    struct span_rig rig = {0};
    struct span_builder *b = span_builder_new(NULL);
    cr_assert_eq(span_builder_source(b, text_of(""), &none), 0);
    for (uint32_t i = 0; i < 7; i++)
        cr_assert(span_builder_span(b, &spans[i]));
    finish(b, &rig);
    const int64_t *start = ints_of(&rig, SPAN_TABLE_SPANS, "start");
    const int64_t *parent = ints_of(&rig, SPAN_TABLE_SPANS, "parent");
    const int64_t *trace_start = ints_of(&rig, SPAN_TABLE_SPANS, "trace_start");
    static const int64_t starts[] = {0, 10, 10, 10, 0, 10, 10}, ups[] = {0, 1, 1, 0, -1, 0, 0};
    cr_assert_eq(memcmp(start, starts, sizeof starts), 0);
    cr_assert_eq(memcmp(parent, ups, sizeof ups), 0);
    cr_assert(trace_start[0] == 10 && trace_start[4] == 10);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "trace_start"), 0x11);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "start"), 0x6e);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "trace_id"), 0x11);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "parent"), 0x16);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "parent_id"), 0x48);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "kind"), 0);
    cr_assert_eq(presence_of(&rig, SPAN_TABLE_SPANS, "name"), 0x7f);
    cr_assert_eq(rig.made.hash_count, 2);
    cr_assert(rig.made.ts_min == 10 && rig.made.ts_max == 40 && rig.made.rows == 7);
    cr_assert_eq(rig.made.tables[SPAN_TABLE_EVENTS].head.len, 0);
    cr_assert_eq(rig.made.tables[SPAN_TABLE_LINKS].head.len, 0);
    span_rig_close(&rig);
    span_builder_free(b);
}

/* A trace of more spans than are looked through one by one. */
Test(span_builder, parents_are_found_in_long_traces)
{
    static const struct tsdb_span_source none;
    struct span_rig rig = {0};
    struct span_builder *b = span_builder_new(NULL);
    (void)span_builder_source(b, text_of(""), &none);
    for (uint32_t i = 0; i < 2000; i++) {
        struct tsdb_span s = span_like(1, 0, 0, 5000 - i);
        s.span_id.at[0] = (uint8_t)(1 + i % 250);
        s.span_id.at[1] = (uint8_t)(i / 500); /* every id twice */
        s.parent_id = s.span_id;
        s.parent_id.at[0] = (uint8_t)(s.span_id.at[0] + 1); /* of 251: none */
        cr_assert(span_builder_span(b, &s));
    }
    finish(b, &rig);
    const int64_t *parent = ints_of(&rig, SPAN_TABLE_SPANS, "parent");
    cr_assert_eq(group_column(rig.groups[SPAN_TABLE_SPANS],
                              group_find(rig.groups[SPAN_TABLE_SPANS], text_of("parent"),
                                         SPAN_TAG_INTRINSIC))
                     ->present,
                 2000 - 8);
    /* Row 1999 - i has span i; the first row of an id is that of the second span with it. */
    cr_assert_eq(parent[1999], 1999 - (1999 - 251));
    cr_assert_eq(parent[1999 - 250], 1999 - 250 - (1999 - 251));
    span_rig_close(&rig);
    span_builder_free(b);
}

Test(span_builder, equal_sources_are_one_and_unused_ones_none)
{
    struct tsdb_field fields[2] = {{.name = text_of("a"), .type = TSDB_FIELD_STRING},
                                   {.name = text_of("b"), .type = TSDB_FIELD_INT, .integer = 1}};
    fields[0].text = text_of("x");
    struct tsdb_span_source s = {.resource = {fields, 2, 0}, .scope_name = text_of("scope")};
    struct span_rig rig = {0};
    struct span_builder *b = span_builder_new(NULL);
    cr_assert_eq(span_builder_source(b, text_of("blue"), &s), 0);
    cr_assert_eq(span_builder_source(b, text_of("blue"), &s), 0);
    cr_assert_eq(span_builder_source(b, text_of("green"), &s), 1);
    fields[1].integer = 2;
    struct tsdb_field other[2] = {fields[0], fields[1]};
    s.resource.at = other;
    fields[1].integer = 1;
    cr_assert_eq(span_builder_source(b, text_of("green"), &s), 2);
    s.resource.dropped = 1;
    cr_assert_eq(span_builder_source(b, text_of("green"), &s), 3);
    struct tsdb_span span = span_like(1, 1, 0, 1);
    span.source = 3;
    cr_assert(span_builder_span(b, &span));
    span.source = 1;
    span.start = 2;
    cr_assert(span_builder_span(b, &span));
    finish(b, &rig);
    cr_assert_eq(group_rows(rig.groups[SPAN_TABLE_SOURCES]), 2);
    const int64_t *source = ints_of(&rig, SPAN_TABLE_SPANS, "source");
    cr_assert(source[0] == 1 && source[1] == 0);
    cr_assert_eq(span_builder_source(b, text_of("green"), &s), 0); /* it is empty again */
    span_rig_close(&rig);
    span_builder_free(b);
}

Test(span_builder, attributes_are_columns_by_name_type_and_place)
{
    struct tsdb_field fields[3] = {{.name = text_of("n"), .type = TSDB_FIELD_STRING},
                                   {.name = text_of("n"), .type = TSDB_FIELD_INT, .integer = 1},
                                   {.name = text_of("n"), .type = TSDB_FIELD_INT, .integer = 2}};
    fields[0].text = text_of("x");
    struct tsdb_fields list = {fields, 3, 0};
    struct tsdb_span_source source = {.resource = list, .scope = list};
    struct tsdb_span_event event = {.attributes = list};
    struct tsdb_span_link link = {.attributes = list};
    struct tsdb_span span = span_like(1, 1, 0, 1);
    struct span_rig rig = {0};
    struct span_builder *b = span_builder_new(NULL);
    span.attributes = list;
    span.events = &event;
    span.links = &link;
    span.event_count = span.link_count = 1;
    span.source = span_builder_source(b, text_of("blue"), &source);
    cr_assert(span_builder_span(b, &span));
    finish(b, &rig);
    static const struct {
        enum span_table table;
        enum tsdb_trace_place place;
    } places[] = {{SPAN_TABLE_SPANS, TSDB_PLACE_SPAN},
                  {SPAN_TABLE_SOURCES, TSDB_PLACE_RESOURCE},
                  {SPAN_TABLE_SOURCES, TSDB_PLACE_SCOPE},
                  {SPAN_TABLE_EVENTS, TSDB_PLACE_EVENT},
                  {SPAN_TABLE_LINKS, TSDB_PLACE_LINK}};
    for (uint32_t i = 0; i < 5; i++) {
        const struct group *g = rig.groups[places[i].table];
        uint32_t text =
            group_find(g, text_of("n"), span_attribute_tag(places[i].place, TSDB_FIELD_STRING));
        uint32_t number =
            group_find(g, text_of("n"), span_attribute_tag(places[i].place, TSDB_FIELD_INT));
        const int64_t *v;
        cr_assert(text != UINT32_MAX && number != UINT32_MAX);
        cr_assert(group_column(g, text)->flags & COLUMN_VALUES);
        cr_assert(group_may_have(g, text, text_of("x")));
        cr_assert_eq(group_ints(span_reader_table(rig.reader, places[i].table), number, &v, NULL),
                     TSDB_OK);
        cr_assert_eq(v[0], 1, "the first of a name and type counts");
    }
    span_rig_close(&rig);
    span_builder_free(b);
}

Test(span_builder, a_group_ends_with_its_rows_its_events_and_its_texts)
{
    enum { EVENTS = 4096, LONG = TSDB_SPAN_BYTES_MAX };
    static char text[LONG];
    static const struct tsdb_span_source none;
    struct tsdb_span_event *events = MEM_ARRAY(struct tsdb_span_event, EVENTS);
    struct tsdb_span_link *links = MEM_ARRAY(struct tsdb_span_link, EVENTS);
    struct tsdb_span plain = span_like(1, 1, 0, 1), many = plain, linked = plain, large = plain;
    many.events = events;
    many.event_count = EVENTS;
    linked.links = links;
    linked.link_count = EVENTS;
    large.status_message = (struct tsdb_text){text, LONG - 5};
    const struct tsdb_span *const kinds[] = {&plain, &many, &linked, &large};
    static const uint32_t most[] = {GROUP_ROWS_MAX, 16, 16, 48};
    struct span_builder *b = span_builder_new(NULL);
    for (int i = 0; i < 4; i++) {
        struct made_spans made;
        uint32_t n = 0;
        cr_assert_eq(span_check(kinds[i]), TSDB_ACCEPTED);
        (void)span_builder_source(b, text_of(""), &none);
        while (span_builder_span(b, kinds[i]))
            n++;
        cr_assert_eq(n, most[i], "%d", i);
        cr_assert_eq(span_builder_spans(b), n);
        cr_assert_eq(span_builder_finish(b, GROUP_HOT, &made, NULL), TSDB_OK);
        cr_assert_eq(made.rows, n);
        made_spans_release(&made);
    }
    span_builder_free(b);
    mem_free(events);
    mem_free(links);
}

Test(span_builder, whatever_passes_the_limits_fits_into_an_empty_one)
{
    enum { MANY = SPAN_ATTRIBUTE_COLUMNS_MAX };
    static char names[MANY][12];
    struct tsdb_field *fields = MEM_ARRAY(struct tsdb_field, MANY);
    struct tsdb_span_event events[4];
    struct tsdb_span span = span_like(1, 1, 0, 1);
    struct tsdb_span_source source = {.resource = {fields, 1024, 1}, .scope = {fields, 1024, 1}};
    struct made_spans made;
    for (uint32_t i = 0; i < MANY; i++) {
        int n = snprintf(names[i], sizeof names[i], "n%u", i);
        fields[i] = (struct tsdb_field){.name = {names[i], (size_t)n}, .type = TSDB_FIELD_BOOL};
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t rest = MANY - i * 1024;
        events[i] = (struct tsdb_span_event){
            .attributes = {fields + i * 1024, rest < 1024 ? rest : 1024, 1}};
    }
    span.attributes = events[0].attributes;
    span.events = events;
    span.event_count = 4;
    struct span_builder *b = span_builder_new(NULL);
    cr_assert_eq(span_check(&span), TSDB_ACCEPTED);
    cr_assert_eq(span_source_check(&source), TSDB_ACCEPTED);
    cr_assert_eq(span_builder_source(b, text_of("blue"), &source), 0);
    cr_assert(span_builder_span(b, &span));
    cr_assert_eq(span_builder_finish(b, GROUP_SEALED, &made, NULL), TSDB_OK);
    made_spans_release(&made);
    span_builder_free(b);
    mem_free(fields);
}

Test(span_builder, past_the_budget_the_spans_are_still_there)
{
    struct span_model m;
    struct budget budget;
    span_model_init(&m, span_model_seed(), 2000);
    uint32_t refused = 0;
    for (uint64_t limit = 1 << 16; limit < UINT64_C(1) << 32; limit *= 2) {
        struct span_rig rig = {0};
        budget_init(&budget, limit, NULL);
        struct span_builder *b = span_builder_new(&budget);
        cr_assert_eq(span_rig_add(b, &m, 0, m.count), m.count);
        enum tsdb_status st = span_builder_finish(b, GROUP_HOT, &rig.made, NULL);
        if (st != TSDB_OK) {
            cr_assert_eq(st, TSDB_ELIMIT);
            cr_assert_eq(span_builder_spans(b), m.count);
            cr_assert_eq(rig.made.rows, 0);
            refused++;
            atomic_store(&budget.limit, UINT64_MAX);
            cr_assert_eq(span_builder_finish(b, GROUP_HOT, &rig.made, NULL), TSDB_OK);
        }
        cr_assert_eq(rig.made.rows, m.count);
        span_rig_open(&rig, NULL);
        struct tsdb_span span;
        for (uint32_t row = 0; row < m.count; row++)
            cr_assert_eq(span_reader_span(rig.reader, row, &rig.arena, &span, NULL), TSDB_OK);
        span_rig_close(&rig);
        span_builder_free(b);
        cr_assert_eq(budget_used(&budget), 0);
    }
    cr_assert(refused > 3, "%u", refused);
    span_model_release(&m);
}

Test(span_builder, the_hash_of_a_trace_is_the_low_half_of_xxh3)
{
    struct tsdb_trace_id id = {{0}};
    cr_assert_eq(span_trace_hash(&id), 0xc7528968);
    for (uint8_t i = 0; i < sizeof id.at; i++)
        id.at[i] = i;
    cr_assert_eq(span_trace_hash(&id), 0xf61770db);
}
