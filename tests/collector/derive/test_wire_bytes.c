/* Lengths put together by hand from the encoding of protobuf: a tag of a field below 16 is one
 * byte, a length and a number are varints. */
#include "collector/derive/wire_bytes.h"

#include "proto/otlp_trace.pb-c.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

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

/* ---- what protobuf-c would write ------------------------------------------------------------- */

enum { FIELDS = 6, CHILDREN = 3, ROUNDS = 20000 };

static char filler[40000];

static size_t random_len(struct random *r)
{
    return random_below(r, 20) ? random_below(r, 140) : random_below(r, sizeof filler);
}

struct message_fields {
    Otlp__AnyValue values[FIELDS];
    Otlp__KeyValue pairs[FIELDS], *at[FIELDS];
    struct tsdb_field fields[FIELDS];
    char names[FIELDS][200], *texts[FIELDS];
    uint32_t count;
};

static void put_field(struct random *r, struct message_fields *m)
{
    uint32_t i = m->count++;
    size_t len = random_len(r);
    struct tsdb_field *f = &m->fields[i];
    Otlp__AnyValue *v = &m->values[i];
    otlp__any_value__init(v);
    otlp__key_value__init(&m->pairs[i]);
    memset(m->names[i], 'n', sizeof m->names[i]);
    m->names[i][1 + random_below(r, sizeof m->names[i] - 1)] = '\0';
    m->pairs[i].key = m->names[i];
    m->pairs[i].value = v;
    m->at[i] = &m->pairs[i];
    *f = (struct tsdb_field){.name = text_of(m->names[i])};
    switch (random_below(r, 5)) {
    case 0:
        f->type = TSDB_FIELD_INT;
        v->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
        v->int_value = f->integer = (int64_t)(random_next(r) >> random_below(r, 64));
        break;
    case 1:
        f->type = TSDB_FIELD_BOOL;
        v->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        v->bool_value = (f->integer = (int64_t)random_below(r, 2)) != 0;
        break;
    case 2:
        f->type = TSDB_FIELD_DOUBLE;
        v->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        v->double_value = f->real = random_unit(r);
        break;
    case 3:
        f->type = TSDB_FIELD_BYTES;
        f->text = (struct tsdb_text){filler, len};
        v->value_case = OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
        v->bytes_value = (ProtobufCBinaryData){len, (uint8_t *)filler};
        break;
    default:
        f->text = (struct tsdb_text){filler + sizeof filler - 1 - len, len};
        v->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = filler + sizeof filler - 1 - len;
    }
}

static struct tsdb_fields put_fields(struct random *r, struct message_fields *m)
{
    m->count = 0;
    for (uint64_t n = random_below(r, FIELDS + 1); n > 0; n--)
        put_field(r, m);
    return (struct tsdb_fields){m->fields, m->count, (uint32_t)random_below(r, 300)};
}

struct message {
    Otlp__Span span;
    Otlp__Status status;
    Otlp__Span__Event events[CHILDREN], *event_at[CHILDREN];
    Otlp__Span__Link links[CHILDREN], *link_at[CHILDREN];
    struct message_fields fields, event_fields[CHILDREN], link_fields[CHILDREN];
    struct tsdb_span_event tsdb_events[CHILDREN];
    struct tsdb_span_link tsdb_links[CHILDREN];
};

static void put_events(struct random *r, struct message *m, struct tsdb_span *s)
{
    s->event_count = (uint32_t)random_below(r, CHILDREN + 1);
    s->events = m->tsdb_events;
    m->span.n_events = s->event_count;
    m->span.events = m->event_at;
    for (uint32_t i = 0; i < s->event_count; i++) {
        struct tsdb_fields fields = put_fields(r, &m->event_fields[i]);
        m->tsdb_events[i] = (struct tsdb_span_event){
            .ts = (int64_t)random_below(r, 2), .name = text_of("retry"), .attributes = fields};
        otlp__span__event__init(&m->events[i]);
        m->events[i].time_unix_nano = (uint64_t)m->tsdb_events[i].ts;
        m->events[i].name = (char *)(uintptr_t) "retry";
        m->events[i].attributes = m->event_fields[i].at;
        m->events[i].n_attributes = fields.count;
        m->events[i].dropped_attributes_count = fields.dropped;
        m->event_at[i] = &m->events[i];
    }
}

static void put_links(struct random *r, struct message *m, struct tsdb_span *s)
{
    static uint8_t id[TSDB_TRACE_ID_BYTES] = {1};
    s->link_count = (uint32_t)random_below(r, CHILDREN + 1);
    s->links = m->tsdb_links;
    m->span.n_links = s->link_count;
    m->span.links = m->link_at;
    for (uint32_t i = 0; i < s->link_count; i++) {
        struct tsdb_fields fields = put_fields(r, &m->link_fields[i]);
        m->tsdb_links[i] = (struct tsdb_span_link){.trace_id = {{1}},
                                                   .span_id = {{1}},
                                                   .attributes = fields,
                                                   .flags = (uint32_t)random_below(r, 2)};
        otlp__span__link__init(&m->links[i]);
        m->links[i].trace_id = (ProtobufCBinaryData){TSDB_TRACE_ID_BYTES, id};
        m->links[i].span_id = (ProtobufCBinaryData){TSDB_SPAN_ID_BYTES, id};
        m->links[i].attributes = m->link_fields[i].at;
        m->links[i].n_attributes = fields.count;
        m->links[i].dropped_attributes_count = fields.dropped;
        m->links[i].flags = m->tsdb_links[i].flags;
        m->link_at[i] = &m->links[i];
    }
}

/* The same span twice: as a message, and as ours. */
static void put_span(struct random *r, struct message *m, struct tsdb_span *s)
{
    static uint8_t id[TSDB_TRACE_ID_BYTES] = {1};
    char *name = filler + sizeof filler - 1 - random_len(r);
    *s = bare();
    otlp__span__init(&m->span);
    otlp__status__init(&m->status);
    m->span.trace_id = (ProtobufCBinaryData){TSDB_TRACE_ID_BYTES, id};
    m->span.span_id = (ProtobufCBinaryData){TSDB_SPAN_ID_BYTES, id};
    m->span.name = name;
    s->name = text_of(name);
    m->span.start_time_unix_nano = (uint64_t)(s->start = (int64_t)random_below(r, 3));
    m->span.end_time_unix_nano = (uint64_t)(s->end = (int64_t)random_below(r, 3));
    s->kind = (uint8_t)random_below(r, 6);
    m->span.kind = (Otlp__Span__SpanKind)s->kind;
    s->status = (uint8_t)random_below(r, 3);
    m->status.code = (Otlp__Status__StatusCode)s->status;
    if (s->status) {
        s->status_message = text_of("no");
        m->status.message = (char *)(uintptr_t) "no";
        m->span.status = &m->status;
    }
    m->span.flags = s->flags = (uint32_t)random_below(r, 2) * 257;
    m->span.dropped_events_count = s->dropped_events = (uint32_t)random_below(r, 200);
    m->span.dropped_links_count = s->dropped_links = (uint32_t)random_below(r, 200);
    s->attributes = put_fields(r, &m->fields);
    m->span.attributes = m->fields.at;
    m->span.n_attributes = s->attributes.count;
    m->span.dropped_attributes_count = s->attributes.dropped;
    put_events(r, m, s);
    put_links(r, m, s);
}

Test(wire_bytes, protobuf_writes_as_many)
{
    static struct message m;
    struct tsdb_span s;
    struct random r;
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20260201, total = 0;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&r, seed);
    memset(filler, 'x', sizeof filler - 1);
    for (int round = 0; round < ROUNDS; round++) {
        put_span(&r, &m, &s);
        uint64_t want = otlp__span__get_packed_size(&m.span);
        cr_assert_eq(span_wire_bytes(&s), want, "round %d: %llu, want %llu", round,
                     (unsigned long long)span_wire_bytes(&s), (unsigned long long)want);
        total += want;
    }
    cr_assert_gt(total, ROUNDS * 500);
}
