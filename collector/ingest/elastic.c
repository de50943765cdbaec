#include "collector/ingest/elastic.h"

#include "collector/ingest/json_text.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>
#include <strings.h>

enum {
    ITEM_BYTES_MAX = 200,    /* of one item but for its texts */
    RESULTS_BYTES_MAX = 100, /* around the items */
    ESCAPED_BYTES_MAX = 6,   /* a byte as \u0000 */
};

/* ---- whose request --------------------------------------------------------------------- */

/* "/a/b/c" below a prefix or not: first "a", rest "b/c". */
struct place {
    bool is_below; /* of a prefix that is ours alone */
    struct tsdb_text first, rest;
};

static bool begins(struct tsdb_text text, const char *word)
{
    size_t n = strlen(word);
    return text.len >= n && memcmp(text.at, word, n) == 0;
}

static bool strip(struct tsdb_text *path, const char *prefix)
{
    size_t n = strlen(prefix);
    if (!begins(*path, prefix) || (path->len > n && path->at[n] != '/'))
        return false;
    path->at += n;
    path->len -= n;
    return true;
}

static struct place place_of(const struct exchange *x)
{
    struct tsdb_text path = exchange_path(x);
    struct place p = {.is_below =
                          strip(&path, "/insert/elasticsearch") || strip(&path, "/elasticsearch")};
    if (path.len > 0) {
        path.at++;
        path.len--;
    }
    const char *slash = path.len ? memchr(path.at, '/', path.len) : NULL;
    size_t n = slash ? (size_t)(slash - path.at) : path.len, used = n + (slash != NULL);
    p.first = (struct tsdb_text){path.at, n};
    p.rest = (struct tsdb_text){path.at + used, path.len - used};
    return p;
}

static bool says(struct tsdb_text header, const char *word)
{
    size_t n = strlen(word);
    return header.len >= n && strncasecmp(header.at, word, n) == 0;
}

static bool is_client(const struct exchange *x)
{
    static const char media[] = "application/vnd.elasticsearch";
    struct tsdb_text agent = exchange_header(x, "user-agent");
    return says(agent, "elastic") || says(agent, "logstash") ||
           says(exchange_header(x, "accept"), media) ||
           says(exchange_header(x, "content-type"), media);
}

static bool is(struct tsdb_text text, const char *word)
{
    return text_equal(text, text_of(word));
}

static bool is_name(struct tsdb_text first)
{
    return first.len > 0 && first.at[0] != '_';
}

static bool is_read(const struct exchange *x)
{
    return is(exchange_method(x), "GET") || is(exchange_method(x), "HEAD");
}

bool elastic_has(const struct exchange *x)
{
    struct place p = place_of(x);
    if (p.is_below || (p.first.len > 0 && !is_name(p.first)))
        return true;
    if (is_name(p.first) && (is(p.rest, "_bulk") || is(p.rest, "_refresh")))
        return true;
    bool is_root = exchange_path(x).len == 1 && is_read(x);
    bool is_index = is_name(p.first) && exchange_path(x).len == p.first.len + 1 &&
                    is(exchange_method(x), "HEAD");
    return (is_root || is_index) && is_client(x);
}

bool elastic_is_bulk(const struct exchange *x, struct tsdb_text *index)
{
    struct place p = place_of(x);
    bool has_index = is_name(p.first) && is(p.rest, "_bulk");
    *index = has_index ? p.first : (struct tsdb_text){"", 0};
    return has_index || (is(p.first, "_bulk") && p.rest.len == 0);
}

/* ---- what clients ask first ------------------------------------------------------------------ */

/* (The clients' product check: build_flavor, tagline and the header.) */
static const char root[] =
    "{\"name\":\"andon\",\"cluster_name\":\"andon\",\"cluster_uuid\":\"andon\",\"version\":{"
    "\"number\":\"" ELASTIC_VERSION "\",\"build_flavor\":\"default\",\"build_type\":\"tar\","
    "\"build_hash\":\"0\",\"build_date\":\"2026-01-01T00:00:00Z\",\"build_snapshot\":false,"
    "\"lucene_version\":\"9.12.0\",\"minimum_wire_compatibility_version\":\"7.17.0\","
    "\"minimum_index_compatibility_version\":\"7.0.0\"},\"tagline\":\"You Know, for Search\"}";

static const char license[] =
    "{\"license\":{\"uid\":\"andon\",\"type\":\"basic\",\"mode\":\"basic\","
    "\"status\":\"active\",\"issued_to\":\"andon\",\"issuer\":\"andon\"}}";

static const char xpack[] =
    "{\"build\":{},\"license\":{\"uid\":\"andon\",\"type\":\"basic\",\"mode\":\"basic\","
    "\"status\":\"active\"},\"features\":{\"ilm\":{\"available\":false,\"enabled\":false},"
    "\"security\":{\"available\":true,\"enabled\":false}}}";

static const char health[] =
    "{\"cluster_name\":\"andon\",\"status\":\"green\",\"timed_out\":false,\"number_of_nodes\":1,"
    "\"number_of_data_nodes\":1,\"active_primary_shards\":1,\"active_shards\":1,"
    "\"relocating_shards\":0,\"initializing_shards\":0,\"unassigned_shards\":0}";

static const char refreshed[] = "{\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0}}";

/* What is answered at /first/rest...; there and taken, where `read` is "{}". */
static const struct probe {
    const char *first, *rest, *read, *write;
} probes[] = {
    {"", "", root, NULL},
    {"_license", "", license, NULL},
    {"_xpack", "", xpack, NULL},
    {"_cluster", "health", health, NULL},
    {"_cat", "templates", "[]", NULL},
    {"_refresh", "", refreshed, refreshed},
    {"_ilm", "policy", "{}", "{\"acknowledged\":true}"},
    {"_index_template", "", "{}", "{\"acknowledged\":true}"},
    {"_component_template", "", "{}", "{\"acknowledged\":true}"},
    {"_template", "", "{}", "{\"acknowledged\":true}"},
    {"_ingest", "pipeline", "{}", "{\"acknowledged\":true}"},
    {"_data_stream", "", "{}", "{\"acknowledged\":true}"},
    {"_logstash", "", "{}", "{\"acknowledged\":true}"},
};

const char *elastic_content_type(const struct exchange *x)
{
    struct tsdb_text accept = exchange_header(x, "accept");
    if (says(accept, "application/vnd.elasticsearch+json;compatible-with=9") ||
        says(accept, "application/vnd.elasticsearch+json; compatible-with=9"))
        return "application/vnd.elasticsearch+json;compatible-with=9";
    if (says(accept, "application/vnd.elasticsearch+json"))
        return "application/vnd.elasticsearch+json;compatible-with=8";
    return "application/json";
}

static void reply(struct exchange *x, int status, const struct writer *body)
{
    const struct exchange_answer answer = {.status = status,
                                           .content_type = elastic_content_type(x)};
    exchange_reply(x, &answer, writer_bytes(body));
}

static void reply_error(struct exchange *x, int status, const char *reason)
{
    struct writer w = {0};
    elastic_error_write(status, reason, &w);
    reply(x, status, &w);
    writer_release(&w);
}

/* One node, at the address that the client came to: clients that look for more stay here. */
static void nodes_write(const struct exchange *x, struct writer *w)
{
    writer_text(w, "{\"_nodes\":{\"total\":1,\"successful\":1,\"failed\":0},"
                   "\"cluster_name\":\"andon\",\"nodes\":{\"andon\":{\"name\":\"andon\","
                   "\"version\":\"" ELASTIC_VERSION "\",\"roles\":[\"data\",\"ingest\"],"
                   "\"http\":{\"publish_address\":");
    json_text_write(w, exchange_header(x, "host"));
    writer_text(w, "}}}}");
}

/* NULL: nothing is there for this method. */
static const char *probe_find(const struct exchange *x, const struct place *p)
{
    if (is_name(p->first) && is(p->rest, "_refresh"))
        return refreshed;
    if (is_name(p->first) && p->rest.len == 0 && is(exchange_method(x), "HEAD"))
        return "{}";
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        if (is(p->first, probes[i].first) && begins(p->rest, probes[i].rest))
            return is_read(x) ? probes[i].read : probes[i].write;
    return NULL;
}

void elastic_answer_probe(struct exchange *x)
{
    struct place p = place_of(x);
    struct writer w = {0};
    const char *body = probe_find(x, &p);
    if (is(p.first, "_nodes") && is_read(x))
        nodes_write(x, &w);
    else if (body)
        writer_text(&w, body);
    if (w.len > 0)
        reply(x, 200, &w);
    else
        reply_error(x, 404, "of Elasticsearch's API there is _bulk and what clients ask first");
    writer_release(&w);
}

void elastic_refuse_method(struct exchange *x)
{
    reply_error(x, 405, "want POST or PUT");
}

/* ---- answers of _bulk --------------------------------------------------------------------------
 */

/* Reasons of the engine lie behind those of the decoder. */
enum { ENGINE_REASONS = DECODE_REASON_COUNT + 1 };

static_assert((int)ENGINE_REASONS + (int)REASON_COUNT <= UINT8_MAX, "fits es_bulk_result.reason");

void elastic_result_refuse(struct es_bulk_result *result, enum reason reason)
{
    bool is_limit = reason == REASON_SERIES_LIMIT || reason == REASON_CHURN_LIMIT;
    result->status = is_limit ? 429 : 400;
    result->reason = (uint8_t)((unsigned)ENGINE_REASONS + (unsigned)reason);
}

enum reason elastic_result_reason(const struct es_bulk_result *result)
{
    ASSERT(result->reason != DECODE_REASON_COUNT);
    if (result->reason < DECODE_REASON_COUNT)
        return outcome_reason_of((enum decode_reason)result->reason);
    return (enum reason)(result->reason - (unsigned)ENGINE_REASONS);
}

static const char *error_type(int status)
{
    switch (status) {
    case 404: return "resource_not_found_exception";
    case 413: return "content_too_long_exception";
    case 415: return "media_type_header_exception";
    case 429:
    case 503: return "es_rejected_execution_exception";
    default: return "illegal_argument_exception";
    }
}

static void result_write(const struct es_bulk_result *r, struct writer *w)
{
    writer_format(w, "{\"%s\":{\"_index\":", es_bulk_action_name((enum es_bulk_action)r->action));
    json_text_write(w, r->index);
    if (r->id.len > 0) {
        writer_text(w, ",\"_id\":");
        json_text_write(w, r->id);
    }
    if (r->status == 201)
        writer_text(w, ",\"_version\":1,\"result\":\"created\",\"_shards\":{\"total\":1,"
                       "\"successful\":1,\"failed\":0},\"status\":201}}");
    else
        writer_format(w, ",\"status\":%u,\"error\":{\"type\":\"%s\",\"reason\":\"%s\"}}}",
                      (unsigned)r->status,
                      r->status == 400 ? "document_parsing_exception" : error_type(r->status),
                      outcome_reason_name(elastic_result_reason(r)));
}

size_t elastic_results_bound(const struct es_bulk_results *results)
{
    size_t n = RESULTS_BYTES_MAX;
    for (uint32_t i = 0; i < results->count; i++)
        n +=
            ITEM_BYTES_MAX + ESCAPED_BYTES_MAX * (results->at[i].index.len + results->at[i].id.len);
    return n;
}

void elastic_results_write(const struct es_bulk_results *results, int64_t took_ms,
                           struct writer *out)
{
    bool has_errors = false;
    for (uint32_t i = 0; i < results->count; i++)
        has_errors |= results->at[i].status != 201;
    writer_format(out, "{\"took\":%lld,\"errors\":%s,\"items\":[", (long long)took_ms,
                  has_errors ? "true" : "false");
    for (uint32_t i = 0; i < results->count; i++) {
        writer_text(out, i > 0 ? "," : "");
        result_write(&results->at[i], out);
    }
    writer_text(out, "]}");
}

void elastic_error_write(int status, const char *reason, struct writer *out)
{
    writer_format(out, "{\"error\":{\"type\":\"%s\",\"reason\":", error_type(status));
    json_text_write(out, text_of(reason));
    writer_format(out, ",\"root_cause\":[{\"type\":\"%s\",\"reason\":", error_type(status));
    json_text_write(out, text_of(reason));
    writer_format(out, "}]},\"status\":%d}", status);
}
