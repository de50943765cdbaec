/* stage_cases.h - tables of stages: a line and labels in, a line and labels out.
 *
 * Labels are written "a=1,b=2".  A result is "LINE {stream} {metadata} {parsed}", "-" for an
 * entry that is filtered out, or "! MESSAGE" when the pipeline is refused.
 */
#ifndef TESTS_LOGQL_STAGE_CASES_H
#define TESTS_LOGQL_STAGE_CASES_H

#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/logql/pipeline.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CASE_LABELS_MAX = 32 };

struct stage_case {
    const char *stages;   /* behind the selector */
    const char *stream;   /* NULL: "app=x" */
    const char *metadata; /* NULL: none */
    const char *line;
    const char *want;
};

struct case_labels {
    struct tsdb_label at[CASE_LABELS_MAX];
    uint32_t count;
};

static inline void case_labels_read(const char *text, struct case_labels *out)
{
    out->count = 0;
    while (text && *text) {
        size_t n = strcspn(text, ",");
        const char *equals = memchr(text, '=', n);
        cr_assert(equals && out->count < CASE_LABELS_MAX, "%s", text);
        out->at[out->count++] = (struct tsdb_label){{text, (size_t)(equals - text)},
                                                    {equals + 1, (size_t)(text + n - equals - 1)}};
        text += n + (text[n] == ',');
    }
}

static inline bool case_lookup(void *arg, struct tsdb_text name, struct tsdb_text *value)
{
    const struct case_labels *labels = arg;
    for (uint32_t i = 0; i < labels->count; i++) {
        if (text_equal(labels->at[i].name, name)) {
            *value = labels->at[i].value;
            return true;
        }
    }
    return false;
}

static inline void case_each(void *arg, void (*fn)(void *to, struct tsdb_label label), void *to)
{
    const struct case_labels *labels = arg;
    for (uint32_t i = 0; i < labels->count; i++)
        fn(to, labels->at[i]);
}

static inline void case_put_labels(struct writer *out, struct tsdb_labels labels)
{
    writer_text(out, " {");
    for (uint32_t i = 0; i < labels.count; i++) {
        if (i > 0)
            writer_u8(out, ',');
        writer_put(out, labels.at[i].name.at, labels.at[i].name.len);
        writer_u8(out, '=');
        writer_put(out, labels.at[i].value.at, labels.at[i].value.len);
        if (i > 0)
            cr_assert_lt(text_compare(labels.at[i - 1].name, labels.at[i].name), 0, "sorted");
        cr_assert_gt(labels.at[i].value.len, 0u);
    }
    writer_u8(out, '}');
}

static inline void case_run(const struct pipeline *p, const struct pipeline_entry *entry,
                            struct writer *out)
{
    struct tsdb_error err = {0};
    struct pipeline_run *r = pipeline_run_new(p, NULL);
    enum tsdb_status st = pipeline_entry(r, entry, &err);
    if (st == TSDB_END) {
        writer_u8(out, '-');
    } else if (st != TSDB_OK) {
        writer_format(out, "! %s", err.msg);
    } else {
        struct tsdb_labels stream, metadata, parsed;
        struct tsdb_text line = pipeline_line(r);
        writer_put(out, line.at, line.len);
        cr_assert_eq(pipeline_labels(r, &stream, &metadata, &parsed, &err), TSDB_OK);
        case_put_labels(out, stream);
        case_put_labels(out, metadata);
        case_put_labels(out, parsed);
    }
    pipeline_run_free(r);
}

/* The pipeline of `{app="x"} STAGES`; NULL, and the message in out, when it is refused. */
static inline struct pipeline *case_pipeline(const char *stages, struct arena *arena,
                                             struct writer *out)
{
    struct logql q;
    struct tsdb_error err = {0};
    struct writer text = {0};
    struct pipeline *p = NULL;
    writer_format(&text, "{app=\"x\"} %s", stages);
    enum tsdb_status st =
        logql_parse((struct tsdb_text){(const char *)text.at, text.len}, arena, NULL, &q, &err);
    if (st == TSDB_OK)
        st = pipeline_new(q.logs, &p, &err);
    if (st != TSDB_OK) {
        writer_format(out, "! %s", err.msg);
        p = NULL;
    }
    writer_release(&text);
    return p;
}

static inline void stage_case_check(const struct stage_case *c)
{
    struct arena arena;
    struct writer out = {0};
    struct case_labels stream, metadata;
    case_labels_read(c->stream ? c->stream : "app=x", &stream);
    case_labels_read(c->metadata, &metadata);
    arena_init(&arena, 4 << 20, NULL);
    struct pipeline *p = case_pipeline(c->stages, &arena, &out);
    if (p) {
        struct pipeline_entry entry = {.ts = INT64_C(1700000000123456789),
                                       .line = text_of(c->line),
                                       .stream = {stream.at, stream.count},
                                       .lookup = c->metadata ? case_lookup : NULL,
                                       .each = c->metadata ? case_each : NULL,
                                       .arg = &metadata};
        case_run(p, &entry, &out);
        pipeline_free(p);
    }
    writer_u8(&out, '\0');
    cr_expect_str_eq((const char *)out.at, c->want,
                     "\n stages %s\n line   %s\n got    %s\n want   %s", c->stages, c->line,
                     (const char *)out.at, c->want);
    writer_release(&out);
    arena_release(&arena);
}

#define STAGE_CASES_CHECK(cases)                                                                   \
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases)[0]; i++)                                  \
    stage_case_check(&(cases)[i])

#endif
