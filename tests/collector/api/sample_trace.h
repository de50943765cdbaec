/* sample_trace.h - a trace that has everything a trace may have, and a found one. */
#ifndef TESTS_COLLECTOR_API_SAMPLE_TRACE_H
#define TESTS_COLLECTOR_API_SAMPLE_TRACE_H

#include "tsdb/tsdb.h"

#define T(text)                                                                                    \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define FIELD_TEXT(key, kind, value)                                                               \
    {                                                                                              \
        .name = T(key), .type = (kind), .text = T(value)                                           \
    }
#define FIELD_INT(key, value)                                                                      \
    {                                                                                              \
        .name = T(key), .type = TSDB_FIELD_INT, .integer = (value)                                 \
    }
#define FIELD_BOOL(key, value)                                                                     \
    {                                                                                              \
        .name = T(key), .type = TSDB_FIELD_BOOL, .integer = (value)                                \
    }
#define FIELD_DOUBLE(key, value)                                                                   \
    {                                                                                              \
        .name = T(key), .type = TSDB_FIELD_DOUBLE, .real = (value)                                 \
    }
#define FIELDS(array, lost)                                                                        \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0]), (lost)                                        \
    }

#define SAMPLE_ID                                                                                  \
    {                                                                                              \
        {                                                                                          \
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255                                  \
        }                                                                                          \
    }
#define SAMPLE_ID_HEX "000102030405060708090a0b0c0d0eff"
#define SAMPLE_START INT64_C(1795521600123456789)

static const struct tsdb_field sample_resources[2][2] = {
    {FIELD_TEXT("service.name", TSDB_FIELD_STRING, "shop"), FIELD_INT("process.pid", 7)},
    {FIELD_TEXT("service.name", TSDB_FIELD_STRING, "cart")},
};
static const struct tsdb_field sample_scope[] = {FIELD_BOOL("scoped", 1)};
static const struct tsdb_span_source sample_sources[] = {
    {.resource = {sample_resources[0], 2, 3},
     .scope = FIELDS(sample_scope, 4),
     .scope_name = T("lib"),
     .scope_version = T("1.2"),
     .resource_schema_url = T("https://r"),
     .scope_schema_url = T("https://s")},
    {.resource = {sample_resources[1], 1, 0}},
};

static const struct tsdb_field sample_attributes[] = {
    FIELD_TEXT("http.method", TSDB_FIELD_STRING, "GET"),
    FIELD_INT("big", INT64_C(9007199254740993)),
    FIELD_DOUBLE("ratio", 0.5),
    FIELD_BOOL("cached", 0),
    FIELD_TEXT("raw", TSDB_FIELD_BYTES, "\x01\x02\xff"),
    FIELD_TEXT("list", TSDB_FIELD_JSON, "[\"a\",1,2.0,true,null,{\"k\":[]}]"),
};
static const struct tsdb_field sample_event_fields[] = {
    FIELD_TEXT("exception.type", TSDB_FIELD_STRING, "Oops")};
static const struct tsdb_span_event sample_events[] = {
    {.ts = SAMPLE_START + 1500,
     .name = T("exception"),
     .attributes = FIELDS(sample_event_fields, 1)}};
static const struct tsdb_field sample_link_fields[] = {FIELD_INT("n", 1)};
static const struct tsdb_span_link sample_links[] = {{.trace_id = {{1}},
                                                      .span_id = {{2}},
                                                      .trace_state = T("l=1"),
                                                      .attributes = FIELDS(sample_link_fields, 2),
                                                      .flags = 1}};
static const struct tsdb_span sample_spans[] = {
    {.trace_id = SAMPLE_ID,
     .span_id = {{0xa0}},
     .source = 0,
     .flags = 0x101,
     .start = SAMPLE_START,
     .end = SAMPLE_START + 2500000,
     .kind = TSDB_KIND_SERVER,
     .status = TSDB_STATUS_ERROR,
     .name = T("GET /cart"),
     .status_message = T("it broke"),
     .trace_state = T("v=1"),
     .attributes = FIELDS(sample_attributes, 5),
     .events = sample_events,
     .event_count = 1,
     .links = sample_links,
     .link_count = 1,
     .dropped_events = 6,
     .dropped_links = 7},
    {.trace_id = SAMPLE_ID,
     .span_id = {{0xb0}},
     .parent_id = {{0xa0}},
     .source = 1,
     .start = SAMPLE_START + 1000,
     .end = SAMPLE_START + 2000,
     .kind = TSDB_KIND_CLIENT,
     .status = TSDB_STATUS_OK,
     .name = T("read")},
    {.trace_id = SAMPLE_ID,
     .span_id = {{0xc0}},
     .parent_id = {{0xb0}},
     .source = 0,
     .start = SAMPLE_START + 3000,
     .end = SAMPLE_START + 1000, /* before its start */
     .kind = 9,
     .name = T("odd")},
};
static const struct tsdb_trace sample_trace = {.id = SAMPLE_ID,
                                               .spans = sample_spans,
                                               .sources = sample_sources,
                                               .span_count = 3,
                                               .source_count = 2};

static const struct tsdb_field sample_found_fields[] = {FIELD_INT("span.http.status_code", 500)};
static const struct tsdb_field sample_set_fields[] = {FIELD_INT("count()", 2)};
static const struct tsdb_found_span sample_found_spans[] = {
    {.id = {{0xa0}},
     .name = T("GET /cart"),
     .start = SAMPLE_START,
     .duration = 2500000,
     .attributes = FIELDS(sample_found_fields, 0)}};
static const struct tsdb_span_set sample_sets[] = {{.spans = sample_found_spans,
                                                    .span_count = 1,
                                                    .matched = 2,
                                                    .attributes = FIELDS(sample_set_fields, 0)}};
static const struct tsdb_service_count sample_services[] = {{T("shop"), 2, 1}, {T("cart"), 1, 0}};
static const struct tsdb_found_trace sample_found = {.id = SAMPLE_ID,
                                                     .root_service = T("shop"),
                                                     .root_name = T("GET /cart"),
                                                     .start = SAMPLE_START,
                                                     .duration = 2500000,
                                                     .sets = sample_sets,
                                                     .set_count = 1,
                                                     .services = sample_services,
                                                     .service_count = 2};

#endif
