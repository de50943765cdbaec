#include "tsdb/logql/parser.h"

#include "tests/tsdb/logql/tree.h"

#include <stdio.h>

static const struct stage *only_stage(const char *stage)
{
    char text[256];
    (void)snprintf(text, sizeof text, "{a=\"b\"} %s", stage);
    const struct log_expr *e = logs_of(text);
    cr_assert_eq(e->stage_count, 1, "%s", text);
    cr_expect_eq(e->stages[0].begin, 8);
    cr_expect_eq(e->stages[0].end, strlen(text));
    return &e->stages[0];
}

Test(logql_stages, line_filters)
{
    static const struct {
        const char *text;
        enum line_op op;
    } cases[] = {
        {"|= \"x\"", LINE_CONTAINS},    {"!= \"x\"", LINE_LACKS},   {"|~ \"x\"", LINE_MATCHES},
        {"!~ \"x\"", LINE_MATCHES_NOT}, {"|> \"x\"", LINE_PATTERN}, {"!> \"x\"", LINE_PATTERN_NOT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct stage *s = only_stage(cases[i].text);
        cr_assert_eq(s->kind, STAGE_LINE_FILTER);
        cr_expect_eq(s->line.op, cases[i].op, "%s", cases[i].text);
        cr_expect_eq(s->line.count, 1);
        expect_text(s->line.operands[0].text, "x");
    }
    const struct stage *s = only_stage("|= \"x\" or ip(\"::1\") or `y\\`");
    cr_assert_eq(s->line.count, 3);
    cr_expect(!s->line.operands[0].is_ip && s->line.operands[1].is_ip);
    expect_text(s->line.operands[1].text, "::1");
    expect_text(s->line.operands[2].text, "y\\");
}

Test(logql_stages, parsers)
{
    const struct stage *s = only_stage("| json");
    cr_expect(s->kind == STAGE_JSON && s->count == 0);
    s = only_stage("| json c=\"d.e[0]\", f");
    cr_assert_eq(s->count, 2);
    expect_text(s->extracts[0].label, "c");
    expect_text(s->extracts[0].path, "d.e[0]");
    expect_text(s->extracts[1].path, "f");
    s = only_stage("| logfmt --keep-empty");
    cr_expect(s->kind == STAGE_LOGFMT && s->keeps_empty && !s->is_strict && s->count == 0);
    s = only_stage("| logfmt --strict c=\"d\"");
    cr_expect(s->kind == STAGE_LOGFMT && !s->keeps_empty && s->is_strict && s->count == 1);
    s = only_stage("| pattern \"<c> \\\"<_>\\\"\"");
    cr_expect_eq(s->kind, STAGE_PATTERN);
    expect_text(s->text, "<c> \"<_>\"");
    s = only_stage("| regexp `(`");
    cr_expect_eq(s->kind, STAGE_REGEXP, "compiled by the pipeline, not here");
    cr_expect_eq(only_stage("| unpack")->kind, STAGE_UNPACK);
    cr_expect_eq(only_stage("| decolorize")->kind, STAGE_DECOLORIZE);
}

Test(logql_stages, formats_and_names)
{
    const struct stage *s = only_stage("| line_format \"{{.c}}\"");
    cr_expect_eq(s->kind, STAGE_LINE_FORMAT);
    expect_text(s->text, "{{.c}}");
    s = only_stage("| label_format c=d, e=\"{{.f}}\"");
    cr_assert(s->kind == STAGE_LABEL_FORMAT && s->count == 2);
    cr_expect(s->formats[0].is_rename && !s->formats[1].is_rename);
    expect_text(s->formats[0].label, "c");
    expect_text(s->formats[0].value, "d");
    expect_text(s->formats[1].value, "{{.f}}");
    s = only_stage("| drop c, d!~\"e\"");
    cr_assert(s->kind == STAGE_DROP && s->count == 2);
    cr_expect(!s->names[0].has_matcher && s->names[1].has_matcher);
    expect_text(s->names[0].matcher.name, "c");
    cr_expect_eq(s->names[1].matcher.kind, EXPR_MATCH_NOT_REGEX);
    expect_text(s->names[1].matcher.value, "e");
    cr_expect_eq(only_stage("| keep json")->kind, STAGE_KEEP);
}
