/* Lengths put together by hand from the encoding of protobuf: a tag of a field below 16 is one
 * byte, a length and a number are varints. */
#include "collector/derive/wire_bytes.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

enum { BARE = 18 + 10 /* trace id, span id */ };

static struct tsdb_span bare(void)
{
    return (struct tsdb_span){.trace_id = {{1}}, .span_id = {{1}}};
}

Test(wire_bytes, what_is_not_set_is_not_written)
{
    struct tsdb_span s = bare();
    cr_assert_eq(span_wire_bytes(&s), BARE);
}

Test(wire_bytes, each_field_has_its_length)
{
    struct tsdb_span s = bare();
    uint64_t want = BARE;
#define SET(member, value, bytes)                                                                  \
    s.member = value;                                                                              \
    cr_assert_eq(span_wire_bytes(&s), want += (bytes), #member)
    SET(parent_id.at[7], 1, 10);
    SET(name, text_of("GET /"), 2 + 5);
    SET(trace_state, text_of("a=b"), 2 + 3);
    SET(kind, TSDB_KIND_SERVER, 2);
    SET(start, 1, 9);
    SET(end, -1, 9);
    SET(status, TSDB_STATUS_ERROR, 2 + 2);
    SET(status_message, text_of("no"), 2 + 2);
    SET(flags, 1, 6);
    SET(attributes.dropped, 127, 2);
    SET(dropped_events, 128, 3);
    SET(dropped_links, UINT32_MAX, 6);
}

struct value_case {
    struct tsdb_field field;
    uint64_t bytes; /* of the AnyValue */
};

Test(wire_bytes, attributes_are_written_by_type)
{
    static char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    const struct value_case cases[] = {
        {{.type = TSDB_FIELD_INT, .integer = 0}, 2},
        {{.type = TSDB_FIELD_INT, .integer = 300}, 3},
        {{.type = TSDB_FIELD_INT, .integer = -1}, 11},
        {{.type = TSDB_FIELD_BOOL, .integer = 1}, 2},
        {{.type = TSDB_FIELD_DOUBLE, .real = 1.5}, 9},
        {{.type = TSDB_FIELD_STRING, .text = {"", 0}}, 2},
        {{.type = TSDB_FIELD_STRING, .text = {long_text, 100}}, 102},
        {{.type = TSDB_FIELD_STRING, .text = {long_text, 117}}, 119},
        {{.type = TSDB_FIELD_JSON, .text = {"[1,2]", 5}}, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_field f = cases[i].field;
        struct tsdb_span s = bare();
        f.name = text_of("key");
        s.attributes = (struct tsdb_fields){&f, 1, 0};
        cr_assert_eq(span_wire_bytes(&s), BARE + 2 + 5 + 2 + cases[i].bytes, "case %zu", i);
    }
}

/* Around 128 each length in turn needs a second byte. */
static uint64_t framed(uint64_t len)
{
    return 1 + (len < 128 ? 1u : len < 16384 ? 2u : 3u) + len;
}

Test(wire_bytes, lengths_are_varints)
{
    static char text[20000];
    for (size_t len = 0; len < sizeof text; len += len < 400 ? 1u : 97u) {
        struct tsdb_field f = {.name = text_of("key"), .text = {text, len}};
        struct tsdb_span s = bare();
        s.attributes = (struct tsdb_fields){&f, 1, 0};
        cr_assert_eq(span_wire_bytes(&s), BARE + framed(5 + framed(framed(len))), "%zu", len);
    }
}

Test(wire_bytes, events_and_links_are_messages)
{
    struct tsdb_field f = {.name = text_of("k"), .type = TSDB_FIELD_BOOL, .integer = 1};
    const struct tsdb_span_event event = {.ts = 1, .name = text_of("e"), .attributes = {&f, 1, 3}};
    const struct tsdb_span_link link = {
        .trace_id = {{1}}, .span_id = {{1}}, .trace_state = text_of("s"), .flags = 1};
    struct tsdb_span s = bare();
    s.events = &event;
    s.event_count = 1;
    cr_assert_eq(span_wire_bytes(&s), BARE + 2 + (9 + 3 + (2 + 3 + 4) + 2));
    s.event_count = 0;
    s.links = &link;
    s.link_count = 1;
    cr_assert_eq(span_wire_bytes(&s), BARE + 2 + (28 + 3 + 5));
}
