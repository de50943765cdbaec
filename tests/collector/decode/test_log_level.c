#include "collector/decode/log_level.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(log_level, numbers_are_those_of_opentelemetry)
{
    static const struct {
        int64_t n;
        const char *want;
    } cases[] = {{-1, "unknown"}, {0, "unknown"}, {1, "trace"},  {4, "trace"},   {5, "debug"},
                 {9, "info"},     {12, "info"},   {13, "warn"},  {16, "warn"},   {17, "error"},
                 {20, "error"},   {21, "fatal"},  {24, "fatal"}, {25, "unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert(text_equal(log_level_of_number(cases[i].n), text_of(cases[i].want)), "%d",
                  (int)cases[i].n);
}

Test(log_level, texts)
{
    static const char *const cases[][2] = {{"TRACE", "trace"},
                                           {"trc", "trace"},
                                           {"Debug", "debug"},
                                           {"DBG", "debug"},
                                           {"info", "info"},
                                           {"INF", "info"},
                                           {"information", "info"},
                                           {"Information", "info"},
                                           {"warn", "warn"},
                                           {"WRN", "warn"},
                                           {"Warning", "warn"},
                                           {"error", "error"},
                                           {"ERR", "error"},
                                           {"critical", "critical"},
                                           {"crit", "critical"},
                                           {"FATAL", "fatal"},
                                           {"panic", "fatal"},
                                           {"notice", "info"},
                                           {"", ""},
                                           {"in", ""},
                                           {"infos", ""},
                                           {"informations", ""},
                                           {"unknown", ""},
                                           {"7", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_text got = log_level_of_text(text_of(cases[i][0]));
        cr_assert(text_equal(got, text_of(cases[i][1])), "%s: got %.*s", cases[i][0], (int)got.len,
                  got.at);
    }
}

Test(log_level, lines)
{
    static const char *const cases[][2] = {
        /* logfmt */
        {"ts=1 level=warn msg=\"no info here\"", "warn"},
        {"ts=1 level=\"error\" msg=x", "error"},
        {"LEVEL=DEBUG a=b", "debug"},
        {"lvl=eror msg=\"[warn] x\"", "warn"},
        {"level=30 msg=x", "info"},
        {"sublevel=error x=1", "unknown"},
        {"url=/?level=error code=200", "unknown"},
        {"level=", "unknown"},
        {"severity=CRITICAL", "critical"},
        /* JSON */
        {"{\"level\":\"error\",\"msg\":\"info\"}", "error"},
        {" {\"msg\":\"level\",\"level\" : \"Warning\"}", "warn"},
        {"{\"log.level\":\"debug\"}", "debug"},
        {"{\"a\":{\"severity\":\"ERROR\"}}", "error"},
        {"{\"level\":50,\"msg\":\"x\"}", "error"},
        {"{\"level\":\"wat\",\"msg\":\"x\"}", "unknown"},
        {"{\"m\":\"\\\"level\\\":\\\"error\\\"\"}", "unknown"},
        {"{\"level\"", "unknown"},
        {"{\"level\":", "unknown"},
        {"{\"", "unknown"},
        {"{\"a\\", "unknown"},
        {"{", "unknown"},
        /* words */
        {"2024-01-01 12:00:00 ERROR could not get info", "error"},
        {"[WARN] x", "warn"},
        {"[warning] x", "warn"},
        {"error: x", "error"},
        {"Error while reading", "error"},
        {"an error in the middle", "unknown"},
        {"some info in the middle", "info"},
        {"some debug thing", "debug"},
        {"err: x", "error"},
        {"no err here", "unknown"},
        {"CRITICAL: x", "critical"},
        {"12:00 FATAL x", "fatal"},
        {"E1129 TRACE x", "trace"},
        {"app | notice | x", "unknown"},
        {"2024/01/01 [notice] 12#12: start", "info"},
        {"informational", "unknown"},
        {"error_count is 3", "unknown"},
        {"no-error", "unknown"},
        {"", "unknown"},
        {"i", "unknown"},
        {"\xff\xfe info", "info"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i][0]);
        char *exact = malloc(len); /* so that a sanitizer sees a step too far */
        memcpy(exact, cases[i][0], len);
        struct tsdb_text got = log_level_of_line((struct tsdb_text){exact, len});
        cr_assert(text_equal(got, text_of(cases[i][1])), "%s: got %.*s, want %s", cases[i][0],
                  (int)got.len, got.at, cases[i][1]);
        free(exact);
    }
}

Test(log_level, only_the_beginning_of_a_line_is_looked_at)
{
    char line[LOG_LEVEL_LOOK + 16];
    memset(line, ' ', sizeof line);
    memcpy(line + LOG_LEVEL_LOOK - 5, "ERROR", 5);
    struct tsdb_text got = log_level_of_line((struct tsdb_text){line, sizeof line});
    cr_assert(text_equal(got, text_of("error")));
    memset(line, ' ', sizeof line);
    memcpy(line + LOG_LEVEL_LOOK - 4, "ERROR", 5);
    got = log_level_of_line((struct tsdb_text){line, sizeof line});
    cr_assert(text_equal(got, text_of("unknown")));
}

Test(log_level, names)
{
    static const char *const yes[] = {"level",    "LEVEL",         "Level",        "log.level",
                                      "severity", "Severity",      "SeverityText", "lvl",
                                      "LVL",      "severity_text", "SEVERITY_TEXT"};
    static const char *const no[] = {"",    "l",          "leveL",   "levels",
                                     "log", "log.levels", "service", "severitytext"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        cr_assert(log_level_is_name(text_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        cr_assert(!log_level_is_name(text_of(no[i])), "%s", no[i]);
}

Test(log_level, labels_go_before_fields_before_number_before_line)
{
    struct tsdb_label label = {text_of("level"), text_of("err")};
    struct tsdb_field fields[] = {
        {.name = text_of("severity_number"), .type = TSDB_FIELD_INT, .integer = 9},
        {.name = text_of("severity"), .type = TSDB_FIELD_STRING, .text = text_of("Warning")},
        {.name = text_of("x"), .type = TSDB_FIELD_STRING, .text = text_of("error")},
    };
    struct tsdb_text line = text_of("level=debug");
    struct tsdb_text got = log_level_detect((struct tsdb_labels){&label, 1}, fields, 3, line);
    cr_assert(text_equal(got, text_of("error")));
    got = log_level_detect((struct tsdb_labels){0}, fields, 3, line);
    cr_assert(text_equal(got, text_of("warn")));
    got = log_level_detect((struct tsdb_labels){0}, fields, 1, line);
    cr_assert(text_equal(got, text_of("info")));
    got = log_level_detect((struct tsdb_labels){0}, NULL, 0, line);
    cr_assert(text_equal(got, text_of("debug")));
    fields[1].text = text_of("Strange"); /* stays as it is */
    got = log_level_detect((struct tsdb_labels){0}, fields, 3, line);
    cr_assert(text_equal(got, text_of("Strange")));
    fields[1] =
        (struct tsdb_field){.name = text_of("level"), .type = TSDB_FIELD_INT, .integer = 50};
    got = log_level_detect((struct tsdb_labels){0}, fields, 3, line);
    cr_assert(text_equal(got, text_of("error")), "pino");
    fields[1].integer = 3;
    got = log_level_detect((struct tsdb_labels){0}, fields, 3, line);
    cr_assert(text_equal(got, text_of("error")), "syslog");
}
