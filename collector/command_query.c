#include "collector/command.h"
#include "collector/command_server.h"
#include "collector/command_table.h"
#include "collector/command_trace.h"
#include "collector/self/period.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_WANTED = 60 };

struct query_flags {
    struct server server;
    const char *range, *step, *time;
    bool is_json, is_traces;
};

/* ---- the question ------------------------------------------------------------------------- */

static void put_seconds(struct writer *form, const char *name, int64_t ns)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld.%03d", (long long)(ns / NS_PER_S),
                   (int)(ns % NS_PER_S / NS_PER_MS));
    http_form_put(form, name, text);
}

static int put_range(struct writer *form, const struct query_flags *f)
{
    int64_t range, step;
    if (!period_parse(text_of(f->range), &range) || range == 0)
        return command_fail(COMMAND_USAGE, "--range is \"%s\", want a duration such as 1h",
                            f->range);
    step = range / STEPS_WANTED < NS_PER_S ? NS_PER_S : range / STEPS_WANTED / NS_PER_S * NS_PER_S;
    if (f->step && (!period_parse(text_of(f->step), &step) || step == 0))
        return command_fail(COMMAND_USAGE, "--step is \"%s\", want a duration such as 15s",
                            f->step);
    int64_t now = clock_wall_ns(clock_real());
    put_seconds(form, "start", now - range);
    put_seconds(form, "end", now);
    put_seconds(form, "step", step);
    return COMMAND_OK;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void warn_all(const json_t *notes, const char *kind)
{
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *text = json_string_value(json_array_get(notes, i));
        if (text)
            (void)command_fail(0, "%s: %s", kind, text);
    }
}

static int print_answer(const json_t *root)
{
    const json_t *result = json_object_get(json_object_get(root, "data"), "result");
    const char *kind =
        json_string_value(json_object_get(json_object_get(root, "data"), "resultType"));
    if (!kind || !json_is_array(result))
        return command_fail(COMMAND_FAILED, "the answer is not one of a query API");
    struct writer out = {0};
    if (strcmp(kind, "vector") == 0) {
        table_put_vector(&out, result);
    } else if (strcmp(kind, "matrix") == 0) {
        table_put_matrix(&out, result);
    } else {
        table_put_value(&out, json_array_get(result, 1));
        writer_u8(&out, '\n');
    }
    bool is_written = command_print(&out);
    writer_release(&out);
    warn_all(json_object_get(root, "warnings"), "warning");
    warn_all(json_object_get(root, "infos"), "info");
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}

static int fail_answer(const json_t *root, int status)
{
    const char *type = json_string_value(json_object_get(root, "errorType"));
    const char *text = json_string_value(json_object_get(root, "error"));
    if (!type || !text)
        return command_fail(COMMAND_FAILED, "the server answered HTTP %d", status);
    return command_fail(COMMAND_FAILED, "%s: %s", type, text);
}

static int show(struct http_answer *answer, bool is_json)
{
    if (is_json && answer->status == 200) {
        writer_u8(&answer->body, '\n');
        return command_print(&answer->body) ? COMMAND_OK : COMMAND_FAILED;
    }
    json_t *root = json_loadb((const char *)answer->body.at, answer->body.len, 0, NULL);
    int exit_status =
        answer->status == 200 ? print_answer(root) : fail_answer(root, answer->status);
    json_decref(root);
    return exit_status;
}

static int ask(const struct query_flags *f, struct writer *form)
{
    struct http_answer answer = {0};
    const struct server_question question = {
        .path = f->range ? "/api/v1/query_range" : "/api/v1/query", .form = writer_bytes(form)};
    int exit_status = server_ask(&f->server, &question, &answer);
    if (exit_status == COMMAND_OK)
        exit_status = show(&answer, f->is_json);
    writer_release(&answer.body);
    return exit_status;
}

int command_query(int argc, const char *const *argv)
{
    const char *expr = NULL;
    struct query_flags f = {.server.timeout = "2m"};
    const struct command_flag flags[] = {
        {.name = "--range", .value = &f.range},
        {.name = "--step", .value = &f.step},
        {.name = "--time", .value = &f.time},
        {.name = "--traces", .is_set = &f.is_traces},
        {.name = "--json", .is_set = &f.is_json},
        {.name = "--url", .value = &f.server.url},
        {.name = "--token-file", .value = &f.server.token_file},
        {.name = "--timeout", .value = &f.server.timeout},
    };
    const struct command_line line = {
        "query EXPR [--range 1h [--step 15s]] [--time T] [--traces] [--json] "
        "[--url http://127.0.0.1:4318] [--token-file FILE] [--timeout 2m]",
        flags, sizeof flags / sizeof flags[0], &expr, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct writer form = {0};
    http_form_put(&form, f.is_traces ? "q" : "query", expr);
    int exit_status = COMMAND_OK;
    if (f.range)
        exit_status = put_range(&form, &f);
    else if (f.time && f.is_traces)
        exit_status = command_fail(COMMAND_USAGE, "--time is not for traces: want --range");
    else if (f.time)
        http_form_put(&form, "time", f.time);
    if (exit_status == COMMAND_OK && f.is_traces)
        exit_status = trace_query(&f.server, writer_bytes(&form), f.range != NULL, f.is_json);
    else if (exit_status == COMMAND_OK)
        exit_status = ask(&f, &form);
    writer_release(&form);
    return exit_status;
}
