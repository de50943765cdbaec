#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/traces/span_limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tsdb_span good(void)
{
    struct tsdb_span s = {.name = text_of("GET /")};
    s.trace_id.at[15] = s.span_id.at[0] = 1;
    return s;
}

static char long_text[TSDB_SPAN_BYTES_MAX + 8];

Test(span_limits, ids_are_not_all_zero)
{
    struct tsdb_span s = good();
    cr_assert_eq(span_check(&s), TSDB_ACCEPTED);
    s.span_id.at[0] = 0;
    cr_assert_eq(span_check(&s), TSDB_BAD_LABELS);
    s = good();
    s.trace_id.at[15] = 0;
    cr_assert_eq(span_check(&s), TSDB_BAD_LABELS);
}

Test(span_limits, texts_of_a_span_are_bounded)
{
    struct tsdb_span s = good();
    struct tsdb_span_event event = {.name = text_of("x")};
    s.status_message = (struct tsdb_text){long_text, TSDB_SPAN_BYTES_MAX - 6};
    s.events = &event;
    s.event_count = 1;
    cr_assert_eq(span_check(&s), TSDB_ACCEPTED);
    s.status_message.len++;
    cr_assert_eq(span_check(&s), TSDB_TOO_LARGE);
}

Test(span_limits, lists_are_bounded)
{
    struct tsdb_field *fields = MEM_ARRAY(struct tsdb_field, TSDB_SPAN_FIELDS_MAX + 1);
    struct tsdb_span_event *events = MEM_ARRAY(struct tsdb_span_event, TSDB_SPAN_CHILDREN_MAX + 1);
    struct tsdb_span_link *links = MEM_ARRAY(struct tsdb_span_link, TSDB_SPAN_CHILDREN_MAX + 1);
    for (uint32_t i = 0; i <= TSDB_SPAN_FIELDS_MAX; i++)
        fields[i] = (struct tsdb_field){.name = text_of("n"), .type = TSDB_FIELD_INT};
    struct tsdb_span s = good();
    struct tsdb_span_source source = {0};
    s.events = events;
    s.links = links;
    s.event_count = s.link_count = TSDB_SPAN_CHILDREN_MAX;
    s.attributes = source.scope = (struct tsdb_fields){fields, TSDB_SPAN_FIELDS_MAX, 0};
    cr_assert_eq(span_check(&s), TSDB_ACCEPTED);
    cr_assert_eq(span_source_check(&source), TSDB_ACCEPTED);
    s.event_count++;
    cr_assert_eq(span_check(&s), TSDB_TOO_LARGE);
    s.event_count--;
    s.link_count++;
    cr_assert_eq(span_check(&s), TSDB_TOO_LARGE);
    s.link_count--;
    s.attributes.count++;
    source.scope.count++;
    cr_assert_eq(span_check(&s), TSDB_TOO_LARGE);
    cr_assert_eq(span_source_check(&source), TSDB_TOO_LARGE);
    mem_free(fields);
    mem_free(events);
    mem_free(links);
}

Test(span_limits, names_are_utf8_and_not_empty)
{
    static const struct tsdb_text bad[] = {{"", 0}, {"\xff", 1}, {long_text, GROUP_NAME_MAX + 1}};
    struct tsdb_field f = {.type = TSDB_FIELD_BOOL};
    struct tsdb_fields fields = {&f, 1, 0};
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tsdb_span_event event = {.attributes = fields};
        struct tsdb_span_link link = {.attributes = fields};
        struct tsdb_span a = good(), b = good(), c = good();
        struct tsdb_span_source source = {.resource = fields};
        f.name = bad[i];
        a.attributes = fields;
        b.events = &event;
        b.event_count = 1;
        c.links = &link;
        c.link_count = 1;
        cr_assert(span_check(&a) == TSDB_BAD_LABELS && span_check(&b) == TSDB_BAD_LABELS &&
                  span_check(&c) == TSDB_BAD_LABELS &&
                  span_source_check(&source) == TSDB_BAD_LABELS);
        f.name = text_of("\xc3\xa4");
        cr_assert(span_check(&a) == TSDB_ACCEPTED && span_check(&b) == TSDB_ACCEPTED &&
                  span_check(&c) == TSDB_ACCEPTED && span_source_check(&source) == TSDB_ACCEPTED);
    }
    f.type = TSDB_FIELD_TYPE_COUNT;
    struct tsdb_span s = good();
    s.attributes = fields;
    cr_assert_eq(span_check(&s), TSDB_BAD_LABELS);
}

/* Events whose attributes are all different, in name or type alone, up to what a table has
 * room for, then one more. */
Test(span_limits, events_and_links_have_no_more_attributes_than_a_table_has_columns)
{
    enum { MANY = SPAN_ATTRIBUTE_COLUMNS_MAX + 1, EACH = 1000, LISTS = MANY / EACH + 1 };
    static char names[MANY][12];
    struct tsdb_field *fields = MEM_ARRAY(struct tsdb_field, MANY);
    static struct tsdb_span_event events[LISTS + 1];
    static struct tsdb_span_link links[LISTS + 1];
    for (uint32_t i = 0; i < MANY; i++) {
        int n = snprintf(names[i], sizeof names[i], "n%u", i / 2);
        fields[i] = (struct tsdb_field){.name = {names[i], (size_t)n},
                                        .type = i % 2 ? TSDB_FIELD_INT : TSDB_FIELD_BOOL};
    }
    struct tsdb_span a = good(), b = good();
    a.events = events;
    b.links = links;
    a.event_count = b.link_count = LISTS + 1;
    for (uint32_t most = MANY - 1; most <= MANY; most++) {
        for (uint32_t i = 0; i < LISTS; i++) {
            uint32_t rest = most - i * EACH;
            events[i].attributes = links[i].attributes =
                (struct tsdb_fields){fields + i * EACH, rest < EACH ? rest : EACH, 0};
        }
        events[LISTS].attributes = links[LISTS].attributes = events[0].attributes; /* again */
        enum tsdb_verdict want = most < MANY ? TSDB_ACCEPTED : TSDB_TOO_LARGE;
        cr_assert_eq(span_check(&a), want, "%u", most);
        cr_assert_eq(span_check(&b), want, "%u", most);
    }
    mem_free(fields);
}
