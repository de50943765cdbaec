#include "collector/api/provisioning.h"

#include "collector/api/request.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { URL_MAX = 300 };

/* Dollars are doubled: Grafana replaces $NAME by what the environment has.  '@' stands for
 * the URL. */
static const char head[] =
    "# Andon's four data sources, linked to each other.  Put this file into Grafana's\n"
    "# provisioning/datasources folder.  Where Andon asks for a credential, add to each source\n"
    "#   basicAuth: true, basicAuthUser: USER, secureJsonData: { basicAuthPassword: PASSWORD }\n"
    "apiVersion: 1\n"
    "datasources:\n";

static const char metrics[] = "  - name: Andon metrics\n"
                              "    uid: andon-metrics\n"
                              "    type: prometheus\n"
                              "    access: proxy\n"
                              "    url: @\n"
                              "    jsonData:\n"
                              "      httpMethod: POST\n"
                              "      exemplarTraceIdDestinations:\n"
                              "        - name: trace_id\n"
                              "          datasourceUid: andon-traces\n";

static const char logs[] = "  - name: Andon logs\n"
                           "    uid: andon-logs\n"
                           "    type: loki\n"
                           "    access: proxy\n"
                           "    url: @\n"
                           "    jsonData:\n"
                           "      derivedFields:\n"
                           "        - name: trace_id\n"
                           "          matcherType: label\n"
                           "          matcherRegex: trace_id\n"
                           "          datasourceUid: andon-traces\n"
                           "          url: $${__value.raw}\n";

static const char tempo[] = "  - name: Andon traces\n"
                            "    uid: andon-traces\n"
                            "    type: tempo\n"
                            "    access: proxy\n"
                            "    url: @/tempo\n"
                            "    jsonData:\n"
                            "      serviceMap:\n"
                            "        datasourceUid: andon-metrics\n"
                            "      nodeGraph:\n"
                            "        enabled: true\n";

static const char jaeger[] = "  - name: Andon traces (Jaeger)\n"
                             "    uid: andon-jaeger\n"
                             "    type: jaeger\n"
                             "    access: proxy\n"
                             "    url: @/jaeger\n"
                             "    jsonData:\n"
                             "      nodeGraph:\n"
                             "        enabled: true\n";

/* Of both sources of traces. */
static const char links[] =
    "      tracesToLogsV2:\n"
    "        datasourceUid: andon-logs\n"
    "        spanStartTimeShift: -5m\n"
    "        spanEndTimeShift: 5m\n"
    "        tags:\n"
    "          - key: service.name\n"
    "            value: service_name\n"
    "        customQuery: true\n"
    "        query: '{$${__tags}} | trace_id = \"$${__span.traceId}\"'\n"
    "      tracesToMetrics:\n"
    "        datasourceUid: andon-metrics\n"
    "        spanStartTimeShift: -30m\n"
    "        spanEndTimeShift: 30m\n"
    "        tags:\n"
    "          - key: service.name\n"
    "            value: service\n"
    "        queries:\n"
    "          - name: Calls per second\n"
    "            query: 'sum by (span_name) (rate(traces_spanmetrics_calls_total{$$__tags}[5m]))'\n"
    "          - name: Errors per second\n"
    "            query: 'sum by (span_name) (rate(traces_spanmetrics_calls_total{$$__tags, "
    "status_code=\"STATUS_CODE_ERROR\"}[5m]))'\n"
    "          - name: Latency, 95th percentile\n"
    "            query: 'histogram_quantile(0.95, sum by (le) "
    "(rate(traces_spanmetrics_latency_bucket{$$__tags}[5m])))'\n";

static void put(struct writer *w, const char *text, struct tsdb_text url)
{
    size_t n = strcspn(text, "@");
    writer_put(w, text, n);
    if (text[n] == '\0')
        return;
    writer_put(w, url.at, url.len);
    writer_text(w, text + n + 1);
}

void provisioning_write(struct writer *w, struct tsdb_text url)
{
    writer_text(w, head);
    put(w, metrics, url);
    put(w, logs, url);
    put(w, tempo, url);
    writer_text(w, links);
    put(w, jaeger, url);
    writer_text(w, links);
}

static bool has_prefix(struct tsdb_text text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.len > n && memcmp(text.at, prefix, n) == 0;
}

bool provisioning_url_check(struct tsdb_text url)
{
    if (url.len > URL_MAX || (!has_prefix(url, "http://") && !has_prefix(url, "https://")))
        return false;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && !strchr(".-_~:/[]", c))
            return false;
    }
    return url.at[url.len - 1] != ':';
}

static void run(struct request *r)
{
    static const struct exchange_answer answer = {.status = 200,
                                                  .content_type = "text/yaml; charset=utf-8"};
    struct writer own = {0}, page = {0};
    struct tsdb_text url = request_param(r, "url"), host = exchange_header(r->x, "host");
    if (url.len == 0) {
        writer_text(&own, exchange_is_tls(r->x) ? "https://" : "http://");
        writer_put(&own, host.at, host.len);
        url = (struct tsdb_text){(const char *)own.at, own.len};
    }
    while (url.len > 0 && url.at[url.len - 1] == '/')
        url.len--;
    if (provisioning_url_check(url)) {
        provisioning_write(&page, url);
        exchange_reply(r->x, &answer, writer_bytes(&page));
    } else {
        reply_fail(&r->reply, REPLY_BAD_DATA, "want the URL of this server in url or Host");
    }
    writer_release(&page);
    writer_release(&own);
}

void handle_provisioning(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_TEXT, run);
}
