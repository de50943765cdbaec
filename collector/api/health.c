#include "collector/api/request.h"
#include "collector/self/counters.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <stdio.h>
#include <string.h>

enum { WHY_MAX = 200 };

static bool is_ready(const struct api *api, char why[WHY_MAX])
{
    (void)snprintf(why, WHY_MAX, "starting");
    return !api->options.ready || api->options.ready(api->options.arg, why, WHY_MAX);
}

void handle_healthy(void *arg, struct exchange *x)
{
    (void)arg;
    reply_text(x, 200, "Andon is Healthy.\n");
}

void handle_ready(void *arg, struct exchange *x)
{
    char why[WHY_MAX], text[WHY_MAX + 32];
    bool ready = is_ready(arg, why);
    (void)snprintf(text, sizeof text, "Andon is not ready: %s\n", why);
    reply_text(x, ready ? 200 : 503, ready ? "Andon is Ready.\n" : text);
}

/* The form InfluxDB's clients look for. */
void handle_health_json(void *arg, struct exchange *x)
{
    char why[WHY_MAX];
    bool ready = is_ready(arg, why);
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_object(&j);
    json_key(&j, "name");
    json_word(&j, "andon");
    json_key(&j, "message");
    json_word(&j, ready ? "ready" : why);
    json_key(&j, "status");
    json_word(&j, ready ? "pass" : "fail");
    json_key(&j, "version");
    json_word(&j, ANDON_VERSION);
    json_end_object(&j);
    struct exchange_answer head = {.status = ready ? 200 : 503, .content_type = "application/json"};
    exchange_reply(x, &head, writer_bytes(&j.out));
    json_release(&j);
}

void handle_metrics(void *arg, struct exchange *x)
{
    (void)arg;
    static const char open_type[] = "application/openmetrics-text";
    struct tsdb_text accept = exchange_header(x, "accept");
    bool is_open = accept.len > 0 && memmem(accept.at, accept.len, open_type, sizeof open_type - 1);
    enum counters_form form = is_open ? FORM_OPENMETRICS : FORM_PROMETHEUS_TEXT;
    struct writer page = {0};
    counters_render(&page, form);
    struct exchange_answer head = {.status = 200, .content_type = counters_content_type(form)};
    exchange_reply(x, &head, writer_bytes(&page));
    writer_release(&page);
}
