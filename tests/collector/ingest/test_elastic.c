#include "collector/ingest/elastic.h"

#include "tests/collector/ingest/fake_peer.h"

#include <jansson.h>

TestSuite(elastic);

static struct exchange x;

static struct exchange *request(const char *method, const char *path, const char *agent)
{
    x = (struct exchange){.method = method, .path = path};
    if (agent)
        fake_header(&x, "user-agent", agent);
    return &x;
}

Test(elastic, knows_its_requests)
{
    static const struct {
        const char *method, *path, *agent;
        bool is_ours;
    } rows[] = {
        {"POST", "/_bulk", NULL, true},
        {"PUT", "/logs/_bulk", NULL, true},
        {"POST", "/elasticsearch/_bulk", NULL, true},
        {"POST", "/insert/elasticsearch/logs/_bulk", NULL, true},
        {"GET", "/elasticsearch", NULL, true},
        {"GET", "/elasticsearch/", NULL, true},
        {"GET", "/elasticsearches", NULL, false},
        {"GET", "/_license", NULL, true},
        {"GET", "/_cluster/health", NULL, true},
        {"GET", "/logs/_refresh", NULL, true},
        {"GET", "/", "Mozilla/5.0", false},
        {"GET", "/", NULL, false},
        {"GET", "/", "elasticsearch-py/8.1", true},
        {"HEAD", "/", "Elastic-Filebeat/8.1", true},
        {"POST", "/", "elasticsearch-py/8.1", false},
        {"HEAD", "/logs", "elasticsearch-py/8.1", true},
        {"HEAD", "/explore", "curl/8", false},
        {"GET", "/explore", "elasticsearch-py/8.1", false},
        {"HEAD", "/logs/", "elasticsearch-py/8.1", false},
        {"POST", "/v1/logs", "Elastic-OTel/1", false},
        {"POST", "/a/b/_bulk", NULL, false},
        {"POST", "//_bulk", NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(elastic_has(request(rows[i].method, rows[i].path, rows[i].agent)),
                     rows[i].is_ours, "%s %s %s", rows[i].method, rows[i].path,
                     rows[i].agent ? rows[i].agent : "");
    (void)request("GET", "/", NULL);
    fake_header(&x, "accept", "application/vnd.elasticsearch+json; compatible-with=8");
    cr_expect(elastic_has(&x));
}

Test(elastic, probes_are_answered)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *has;
    } rows[] = {
        {"GET", "/elasticsearch", 200, "\"tagline\":\"You Know, for Search\""},
        {"HEAD", "/elasticsearch/", 200, ""},
        {"GET", "/", 200, "\"number\":\"" ELASTIC_VERSION "\""},
        {"GET", "/_license", 200, "\"status\":\"active\""},
        {"GET", "/_xpack", 200, "\"features\""},
        {"GET", "/_nodes/http", 200, "\"publish_address\":\"andon:4318\""},
        {"GET", "/_cluster/health", 200, "\"green\""},
        {"GET", "/_ilm/policy/filebeat", 200, "{}"},
        {"PUT", "/_ilm/policy/filebeat", 200, "{\"acknowledged\":true}"},
        {"HEAD", "/_index_template/logs", 200, ""},
        {"PUT", "/_index_template/logs", 200, "{\"acknowledged\":true}"},
        {"PUT", "/_component_template/logs", 200, "{\"acknowledged\":true}"},
        {"PUT", "/_template/logs", 200, "{\"acknowledged\":true}"},
        {"PUT", "/_ingest/pipeline/logs", 200, "{\"acknowledged\":true}"},
        {"PUT", "/_data_stream/logs", 200, "{\"acknowledged\":true}"},
        {"GET", "/_cat/templates/logs", 200, "[]"},
        {"GET", "/logs/_refresh", 200, "\"failed\":0"},
        {"POST", "/_refresh", 200, "\"failed\":0"},
        {"HEAD", "/elasticsearch/logs", 200, ""},
        {"GET", "/elasticsearch/logs", 404, "\"status\":404"},
        {"POST", "/_search", 404, "\"status\":404"},
        {"DELETE", "/_license", 404, "\"status\":404"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)request(rows[i].method, rows[i].path, NULL);
        fake_header(&x, "host", "andon:4318");
        elastic_answer_probe(&x);
        x.reply[x.reply_len] = '\0';
        const char *body = (const char *)x.reply;
        cr_expect_eq(x.status, rows[i].status, "%s %s", rows[i].method, rows[i].path);
        cr_expect(strstr(body, rows[i].has), "%s %s: %s", rows[i].method, rows[i].path, body);
        json_t *root = json_loads(body, 0, NULL);
        cr_expect_not_null(root, "%s %s: %s", rows[i].method, rows[i].path, body);
        json_decref(root);
    }
}

Test(elastic, answers_in_the_type_that_was_asked_for)
{
    static const char *const rows[][2] = {
        {"*/*", "application/json"},
        {"application/vnd.elasticsearch+json; compatible-with=8",
         "application/vnd.elasticsearch+json;compatible-with=8"},
        {"application/vnd.elasticsearch+json;compatible-with=9",
         "application/vnd.elasticsearch+json;compatible-with=9"},
    };
    for (size_t i = 0; i < 3; i++) {
        (void)request("GET", "/", NULL);
        fake_header(&x, "accept", rows[i][0]);
        elastic_answer_probe(&x);
        cr_expect_str_eq(x.content_type, rows[i][1]);
    }
}

/* Texts of clients, however hostile, leave the answer JSON, and within its bound. */
Test(elastic, results_are_json_within_their_bound)
{
    static const struct tsdb_text hostile = {"\"}\n\x01\xff\\", 6};
    struct es_bulk_result all[2 * REASON_COUNT];
    struct es_bulk_results results = {all, 0, 2 * REASON_COUNT};
    struct writer w = {0};
    for (unsigned r = TSDB_CONFLICT; r < TSDB_VERDICT_COUNT; r++) {
        struct es_bulk_result *at = &all[results.count++];
        *at = (struct es_bulk_result){.index = hostile, .id = hostile, .action = (uint8_t)(r % 4)};
        elastic_result_refuse(at, (enum reason)r);
        cr_expect_eq(elastic_result_reason(at), (enum reason)r);
        cr_expect_eq(at->status, r == TSDB_SERIES_LIMIT || r == TSDB_CHURN_LIMIT ? 429 : 400);
    }
    for (unsigned r = 0; r < DECODE_REASON_COUNT; r++)
        all[results.count++] = (struct es_bulk_result){
            .index = hostile, .id = {"", 0}, .reason = (uint8_t)r, .status = 400};
    all[results.count++] = (struct es_bulk_result){
        .index = hostile, .id = hostile, .reason = DECODE_REASON_COUNT, .status = 201};
    elastic_results_write(&results, INT64_MAX, &w);
    cr_expect_leq(w.len, elastic_results_bound(&results));
    json_t *root = json_loadb((const char *)w.at, w.len, 0, NULL);
    cr_assert_not_null(root, "%.*s", (int)w.len, (const char *)w.at);
    cr_expect_eq(json_array_size(json_object_get(root, "items")), results.count);
    json_decref(root);
    writer_release(&w);
    results.count = 0;
    elastic_results_write(&results, 0, &w);
    cr_expect_eq(w.len, strlen("{\"took\":0,\"errors\":false,\"items\":[]}"));
    writer_release(&w);
}
