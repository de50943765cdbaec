/* The status table of every route of logs, the conservation of counts, and when answers come. */
#include "collector/ingest/log_doors.h"

#include "collector/decode/envelope.h"
#include "collector/ingest/ingest.h"
#include "collector/self/counters.h"
#include "proto/loki_push.pb-c.h"
#include "proto/otlp_logs.pb-c.h"
#include "tests/collector/ingest/fake_engine.h"
#include "tests/collector/ingest/fake_peer.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"

#include <jansson.h>
#include <snappy-c.h>

static struct ingest *ingest;
static struct ingest_options options;
static struct budget budget;
static struct clock_sim sim;

static void set_up(void)
{
    fake_db = (struct tsdb){.synced = UINT64_MAX};
    budget_init(&budget, (uint64_t)256 << 20, NULL);
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    ingest_options_init(&options);
    options.db = &fake_db;
    options.budget = &budget;
    options.clock = &sim.clock;
    ingest = ingest_new(&options);
}

static void tear_down(void)
{
    ingest_abandon(ingest);
    ingest_free(ingest);
    cr_assert_eq(budget_used(&budget), 0, "everything is paid back");
}

TestSuite(log_doors, .init = set_up, .fini = tear_down);

/* As net finds a handler: the family first. */
static void call(struct exchange *x)
{
    size_t count;
    const struct exchange_family *family = ingest_family(ingest);
    const struct exchange_route *routes = ingest_routes(ingest, &count);
    if (family->has(x)) {
        family->handler(family->arg, x);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, x->path) == 0) {
            routes[i].handler(routes[i].arg, x);
            return;
        }
    }
    cr_assert(false, "no route %s", x->path);
}

static const char *answer_of(struct exchange *x)
{
    x->reply[x->reply_len] = '\0';
    return (const char *)x->reply;
}

/* ---- two records in every format --------------------------------------------------------- */

static struct bytes bytes_of(const char *t)
{
    return (struct bytes){(const uint8_t *)t, strlen(t)};
}

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static struct bytes otlp_body(void)
{
    static uint8_t out[1024];
    Otlp__AnyValue value[2];
    Otlp__LogRecord record[2], *records[] = {&record[0], &record[1]};
    Otlp__ScopeLogs scope = OTLP__SCOPE_LOGS__INIT, *scopes[] = {&scope};
    Otlp__ResourceLogs resource = OTLP__RESOURCE_LOGS__INIT, *resources[] = {&resource};
    Otlp__ExportLogsServiceRequest request = OTLP__EXPORT_LOGS_SERVICE_REQUEST__INIT;
    for (int i = 0; i < 2; i++) {
        otlp__any_value__init(&value[i]);
        value[i].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        value[i].string_value = text("hello");
        otlp__log_record__init(&record[i]);
        record[i].body = &value[i];
    }
    scope.log_records = records;
    scope.n_log_records = 2;
    resource.scope_logs = scopes;
    resource.n_scope_logs = 1;
    request.resource_logs = resources;
    request.n_resource_logs = 1;
    return (struct bytes){out, otlp__export_logs_service_request__pack(&request, out)};
}

static struct bytes loki_body(void)
{
    static uint8_t raw[1024], out[2048];
    Loki__Entry entry[2], *entries[] = {&entry[0], &entry[1]};
    Loki__Stream stream = LOKI__STREAM__INIT, *streams[] = {&stream};
    Loki__PushRequest request = LOKI__PUSH_REQUEST__INIT;
    for (int i = 0; i < 2; i++) {
        loki__entry__init(&entry[i]);
        entry[i].line = text("hello");
    }
    stream.labels = text("{app=\"a\"}");
    stream.entries = entries;
    stream.n_entries = 2;
    request.streams = streams;
    request.n_streams = 1;
    size_t len = sizeof out;
    (void)snappy_compress((const char *)raw, loki__push_request__pack(&request, raw), (char *)out,
                          &len);
    return (struct bytes){out, len};
}

static const char otlp_json[] =
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"hello\"}},"
    "{\"body\":{\"stringValue\":\"hello\"}}]}]}]}";
static const char loki_json[] =
    "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1700000000000000000\",\"hello\"],"
    "[\"1700000000000000001\",\"hello\"]]}]}";
static const char lines[] = "{\"msg\":\"hello\",\"app\":\"a\"}\n{\"msg\":\"hello\"}\n";
static const char bulk[] = "{\"create\":{\"_index\":\"logs\"}}\n{\"message\":\"hello\"}\n"
                           "{\"index\":{\"_index\":\"logs\",\"_id\":\"7\"}}\n"
                           "{\"message\":\"hello\"}\n";

enum carrier { OTLP, OTLP_JSON, GRPC, LOKI, LOKI_JSON, LINES, BULK, CARRIER_COUNT };

static const struct carrier_row {
    const char *name, *path, *type;
    enum door door;
    /* status when all is well, of records refused, over a limit, garbage, overloaded, of
     * an unknown coding */
    int ok, refused, limited, garbage, overloaded, coding;
} carriers[CARRIER_COUNT] = {
    {"OTLP", "/v1/logs", "application/x-protobuf", DOOR_OTLP_HTTP, 200, 200, 429, 400, 503, 415},
    {"OTLP JSON", "/v1/logs", "application/json", DOOR_OTLP_HTTP, 200, 200, 429, 400, 503, 415},
    {"gRPC", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "application/grpc",
     DOOR_OTLP_GRPC, 0, 0, 8, 3, 14, 12},
    {"Loki", "/loki/api/v1/push", "application/x-protobuf", DOOR_LOKI, 204, 400, 429, 400, 503,
     400},
    {"Loki JSON", "/api/prom/push", "application/json", DOOR_LOKI, 204, 400, 429, 400, 503, 400},
    {"lines", "/insert/jsonline", "application/x-ndjson", DOOR_JSON_LINES, 204, 400, 429, 0, 503,
     415},
    {"bulk", "/logs/_bulk", "application/x-ndjson", DOOR_ELASTIC, 200, 200, 200, 400, 503, 415},
};

static void load(enum carrier c, struct exchange *x)
{
    arena_release(&x->arena); /* of the exchange before */
    *x = (struct exchange){.path = carriers[c].path, .is_grpc = c == GRPC};
    fake_header(x, "content-type", carriers[c].type);
    switch (c) {
    case OTLP:
    case GRPC: x->body = otlp_body(); break;
    case OTLP_JSON: x->body = bytes_of(otlp_json); break;
    case LOKI: x->body = loki_body(); break;
    case LOKI_JSON: x->body = bytes_of(loki_json); break;
    case LINES: x->body = bytes_of(lines); break;
    case BULK: x->body = bytes_of(bulk); break;
    case CARRIER_COUNT: break;
    }
}

static int status_of(const struct exchange *x)
{
    return x->is_grpc ? x->grpc_status : x->status;
}

static int carry(enum carrier c, struct exchange *x)
{
    load(c, x);
    call(x);
    arena_release(&x->arena);
    return status_of(x);
}

static void verdict(uint8_t first, uint8_t second)
{
    fake_db.verdict_count = 2;
    fake_db.verdicts[0] = first;
    fake_db.verdicts[1] = second;
    fake_db.records = 0;
}

Test(log_doors, the_status_table)
{
    static struct exchange x;
    for (int c = 0; c < CARRIER_COUNT; c++) {
        const struct carrier_row *row = &carriers[c];
        enum carrier at = (enum carrier)c;
        verdict(TSDB_ACCEPTED, TSDB_ACCEPTED);
        cr_expect_eq(carry(at, &x), row->ok, "%s ok: %d", row->name, status_of(&x));
        cr_expect_eq(fake_db.records, 2, "%s", row->name);
        cr_expect_str_eq(fake_db.lines, "hello\nhello\n", "%s", row->name);
        verdict(TSDB_ACCEPTED, TSDB_TOO_OLD);
        cr_expect_eq(carry(at, &x), row->refused, "%s refused: %d", row->name, status_of(&x));
        cr_expect(strstr(answer_of(&x), "too_old") || at == OTLP || at == GRPC, "%s: %s", row->name,
                  answer_of(&x));
        verdict(TSDB_ACCEPTED, TSDB_SERIES_LIMIT);
        cr_expect_eq(carry(at, &x), row->limited, "%s limited: %d", row->name, status_of(&x));
        load(at, &x);
        x.body = bytes_of("\xff\xff garbage");
        if (row->garbage) {
            call(&x);
            cr_expect_eq(status_of(&x), row->garbage, "%s garbage: %d", row->name, status_of(&x));
        }
        load(at, &x);
        fake_header(&x, at == GRPC ? "grpc-encoding" : "content-encoding", "br");
        x.is_compressed = true;
        call(&x);
        cr_expect_eq(status_of(&x), row->coding, "%s coding: %d", row->name, status_of(&x));
        fake_db.status = TSDB_ELIMIT;
        cr_expect_eq(carry(at, &x), row->overloaded, "%s overloaded: %d", row->name, status_of(&x));
        fake_db.status = TSDB_OK;
    }
}

Test(log_doors, nothing_is_answered_before_it_is_synced)
{
    for (int c = 0; c < CARRIER_COUNT; c++) {
        static struct exchange x;
        fake_db.synced = fake_db.position;
        load((enum carrier)c, &x);
        call(&x);
        cr_expect_eq(x.answers, 0, "%s", carriers[c].name);
        fake_db.synced = fake_db.position;
        ingest_on_synced(ingest);
        fake_run_posted(&x);
        cr_expect_eq(status_of(&x), carriers[c].ok, "%s", carriers[c].name);
        load((enum carrier)c, &x);
        call(&x);
        fake_db.is_unwritable = true;
        ingest_on_synced(ingest);
        fake_run_posted(&x);
        cr_expect_eq(status_of(&x), carriers[c].overloaded, "%s", carriers[c].name);
        fake_db.is_unwritable = false;
        arena_release(&x.arena);
    }
}

Test(log_doors, accepted_and_rejected_are_what_was_received)
{
    static struct exchange x;
    verdict(TSDB_TOO_LARGE, TSDB_ACCEPTED);
    for (int round = 0; round < 3; round++)
        for (int c = 0; c < CARRIER_COUNT; c++)
            (void)carry((enum carrier)c, &x);
    for (int c = 0; c < CARRIER_COUNT; c++) {
        enum door door = carriers[c].door;
        int64_t rejected = 0;
        for (unsigned r = 0; r < REASON_COUNT; r++)
            rejected += counters_get(ITEMS_REJECTED, AT(SIGNAL_LOGS, door, r));
        int64_t received = counters_get(ITEMS_RECEIVED, AT(SIGNAL_LOGS, door));
        int64_t accepted = counters_get(ITEMS_ACCEPTED, AT(SIGNAL_LOGS, door));
        cr_expect(received > 0 && rejected > 0);
        cr_expect_eq(received, accepted + rejected, "%s", carriers[c].name);
    }
}

Test(log_doors, refusals_are_counted_as_those_of_logs)
{
    static struct exchange x;
    load(LOKI_JSON, &x);
    x.body = bytes_of("[]]");
    call(&x);
    cr_expect_eq(counters_get(MESSAGES_REJECTED, AT(SIGNAL_LOGS, DOOR_LOKI, REASON_MALFORMED)), 1);
    load(OTLP, &x);
    x.values[0] = "text/csv";
    call(&x);
    cr_expect_eq(x.status, 415);
    cr_expect_eq(
        counters_get(MESSAGES_REJECTED, AT(SIGNAL_LOGS, DOOR_OTLP_HTTP, REASON_UNSUPPORTED)), 1);
    cr_expect_eq(
        counters_get(MESSAGES_REJECTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP, REASON_UNSUPPORTED)), 0);
}

/* ---- JSON lines --------------------------------------------------------------------------- */

Test(log_doors, json_lines_take_names_from_the_query)
{
    static struct exchange x;
    load(LINES, &x);
    x.path = "/api/v1/import/jsonl";
    x.query = "_msg_field=body%2Ewords,&_stream_fields=app,the+host&_time_field=at";
    x.body =
        bytes_of("{\"body.words\":\"hi\",\"app\":\"a\",\"the host\":\"h\",\"at\":1700000000}\n");
    call(&x);
    cr_expect_eq(x.status, 204, "%s", answer_of(&x));
    cr_expect_str_eq(fake_db.lines, "hi\n");
    cr_expect(strstr(fake_db.labels, "app=a;"), "%s", fake_db.labels);
    cr_expect(strstr(fake_db.labels, "the_host=h;"), "%s", fake_db.labels);
    arena_release(&x.arena);
    load(LINES, &x);
    x.query = "_msg_field=%zz";
    call(&x);
    cr_expect_eq(x.status, 400);
    arena_release(&x.arena);
}

Test(log_doors, a_bad_line_is_named_and_the_others_are_kept)
{
    static struct exchange x;
    load(LINES, &x);
    x.body = bytes_of("{\"msg\":\"one\"}\nnonsense\n{\"msg\":\"two\"}\n");
    call(&x);
    cr_expect_eq(x.status, 400);
    cr_expect_eq(fake_db.records, 2);
    cr_expect(strstr(answer_of(&x), "line 2"), "%s", answer_of(&x));
    arena_release(&x.arena);
}

/* ---- bulk ---------------------------------------------------------------------------------- */

static json_t *ask_bulk(struct exchange *x, const char *body)
{
    json_error_t error;
    load(BULK, x);
    x->body = bytes_of(body);
    call(x);
    json_t *root = json_loads(answer_of(x), 0, &error);
    cr_assert_not_null(root, "%s: %s", error.text, answer_of(x));
    arena_release(&x->arena);
    return root;
}

static int item_status(const json_t *root, size_t i, const char *action)
{
    const json_t *item = json_array_get(json_object_get(root, "items"), i);
    return (int)json_integer_value(json_object_get(json_object_get(item, action), "status"));
}

Test(log_doors, every_action_of_a_bulk_has_its_item)
{
    static struct exchange x;
    verdict(TSDB_ACCEPTED, TSDB_TOO_OLD);
    fake_db.verdict_count = 3;
    fake_db.verdicts[2] = TSDB_CHURN_LIMIT;
    json_t *root = ask_bulk(&x, "{\"create\":{}}\n{\"message\":\"a\"}\n"
                                "{\"delete\":{\"_id\":\"1\"}}\n"
                                "{\"index\":{\"_index\":\"o\\\"ther\"}}\n{\"message\":\"b\"}\n"
                                "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n"
                                "{\"create\":{}}\nnot json\n"
                                "{\"create\":{}}\n{\"message\":\"c\"}\n");
    cr_expect_eq(x.status, 200);
    cr_expect(json_is_true(json_object_get(root, "errors")));
    cr_expect_eq(json_array_size(json_object_get(root, "items")), 6);
    cr_expect_eq(item_status(root, 0, "create"), 201);
    cr_expect_eq(item_status(root, 1, "delete"), 400);
    cr_expect_eq(item_status(root, 2, "index"), 400);
    cr_expect_eq(item_status(root, 3, "update"), 400);
    cr_expect_eq(item_status(root, 4, "create"), 400);
    cr_expect_eq(item_status(root, 5, "create"), 429);
    json_decref(root);
    root = ask_bulk(&x, bulk);
    json_decref(root);
    fake_db.verdict_count = 0;
    root = ask_bulk(&x, bulk);
    cr_expect(json_is_false(json_object_get(root, "errors")));
    cr_expect_eq(item_status(root, 1, "index"), 201);
    json_decref(root);
}

/* What borrowed from the inflated body must not be needed when the answer goes out. */
Test(log_doors, a_late_answer_of_a_packed_bulk_still_has_its_items)
{
    static struct exchange x;
    static char packed[512];
    size_t len = sizeof packed;
    cr_assert_eq(snappy_compress(bulk, sizeof bulk - 1, packed, &len), SNAPPY_OK);
    fake_db.synced = 0;
    load(BULK, &x);
    fake_header(&x, "content-encoding", "snappy");
    x.body = (struct bytes){(const uint8_t *)packed, len};
    call(&x);
    cr_assert_eq(x.answers, 0);
    fake_db.synced = 1;
    ingest_on_synced(ingest);
    fake_run_posted(&x);
    cr_expect_eq(x.status, 200);
    cr_expect(strstr(answer_of(&x), "{\"index\":{\"_index\":\"logs\",\"_id\":\"7\""), "%s",
              answer_of(&x));
    arena_release(&x.arena);
}

Test(log_doors, the_index_of_the_path_is_decoded)
{
    static struct exchange x;
    load(BULK, &x);
    x.path = "/elasticsearch/a%2Db/_bulk";
    x.body = bytes_of("{\"create\":{}}\n{\"message\":\"a\"}\n");
    call(&x);
    cr_expect_eq(x.status, 200);
    cr_expect(strstr(fake_db.labels, "index=a-b;"), "%s", fake_db.labels);
    arena_release(&x.arena);
    load(BULK, &x);
    x.path = "/a%zz/_bulk";
    call(&x);
    cr_expect_eq(x.status, 400);
    arena_release(&x.arena);
    load(BULK, &x);
    x.method = "GET";
    call(&x);
    cr_expect_eq(x.status, 405);
}

/* ---- native envelopes ------------------------------------------------------------------------ */

Test(log_doors, envelopes_of_logs_over_both_doors)
{
    struct frame_conn conn = {0};
    struct writer w = {0};
    struct ack ack;
    struct tsdb_error err;
    struct address peer;
    struct envelope e = {
        .sender = text_of("probe"), .sequence = 1, .kind = ENVELOPE_LOGS, .payload = otlp_body()};
    envelope_encode(&e, &w);
    verdict(TSDB_ACCEPTED, TSDB_TOO_NEW);
    fake_db.synced = 0;
    cr_expect(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_expect_eq(conn.acks, 0);
    fake_db.synced = 1;
    ingest_on_synced(ingest);
    cr_assert_eq(ack_decode((struct bytes){conn.ack, conn.ack_len}, &ack, &err), TSDB_OK);
    cr_expect_eq(ack.status, (uint32_t)ACK_PARTIAL);
    cr_expect_eq(ack.rejected, 1);
    cr_assert_eq(address_parse(text_of("10.0.0.7:4319"), &peer, NULL), TSDB_OK);
    ingest_datagrams(ingest, &(struct udp_datagram){&peer, writer_bytes(&w)}, 1);
    cr_expect_eq(counters_get(ITEMS_RECEIVED, AT(SIGNAL_LOGS, DOOR_UDP)), 2);
    cr_expect_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_LOGS, DOOR_UDP)), 1);
    cr_expect_eq(counters_get(ITEMS_REJECTED, AT(SIGNAL_LOGS, DOOR_UDP, REASON_TOO_NEW)), 1);
    writer_release(&w);
}
