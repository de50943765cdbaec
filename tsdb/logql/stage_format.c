#include "tsdb/logql/stage_format.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#define FORMAT_ERROR "TemplateFormatErr"

enum tsdb_status line_format_compile(struct compiler *c, struct tsdb_text text,
                                     struct line_format_stage *out)
{
    enum tsdb_status st = template_compile(c, "line", text, &out->template_tree);
    if (st == TSDB_OK)
        out->lone = template_lone_label(out->template_tree);
    return st;
}

static enum tsdb_status check(struct compiler *c, const struct stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct tsdb_text label = s->formats[i].label;
        if (text_equal(label, text_of(LABEL_ERROR)))
            return tsdb_fail(c->err, TSDB_EINVAL, "%s cannot be formatted", LABEL_ERROR);
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(s->formats[j].label, label))
                return tsdb_fail(
                    c->err, TSDB_EINVAL,
                    "multiple label name '%.*s' not allowed in a single format operation",
                    (int)label.len, label.at);
    }
    return TSDB_OK;
}

enum tsdb_status label_format_compile(struct compiler *c, const struct stage *s,
                                      struct label_format_stage *out)
{
    enum tsdb_status st = check(c, s);
    if (st != TSDB_OK)
        return st;
    struct label_format *list = COMPILER_ARRAY(c, struct label_format, s->count + 1);
    if (!list)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct stage_format *f = &s->formats[i];
        list[i].label = f->label;
        list[i].from = f->value;
        if (f->is_rename)
            continue;
        st = template_compile(c, "label", f->value, &list[i].template_tree);
        if (st != TSDB_OK)
            return st;
    }
    *out = (struct label_format_stage){list, s->count};
    return TSDB_OK;
}

void line_format_run(const struct line_format_stage *s, struct pass *p)
{
    struct tsdb_text text = {"", 0};
    if (s->lone.len > 0) {
        if (label_set_get(&p->labels, s->lone, &text) == LABEL_NONE)
            text = (struct tsdb_text){"", 0};
        p->line = text;
    } else if (template_run(s->template_tree, p, &text)) {
        p->line = text;
    } else {
        label_set_fail(&p->labels, FORMAT_ERROR, text);
    }
}

static void rename_run(const struct label_format *f, struct pass *p)
{
    struct tsdb_text value;
    if (label_set_get(&p->labels, f->from, &value) == LABEL_NONE)
        return;
    pass_set(p, f->label, value);
    label_set_remove(&p->labels, f->from);
}

/* What a template gave, until all of them have run. */
struct outcome {
    struct tsdb_text text;
    bool is_good;
};

void label_format_run(const struct label_format_stage *s, struct pass *p)
{
    uint32_t from = 0;
    for (; from < s->count && !s->at[from].template_tree; from++)
        rename_run(&s->at[from], p);
    if (from == s->count)
        return;
    struct outcome *outcomes = ARENA_ARRAY(&p->arena, struct outcome, s->count);
    if (!outcomes) {
        p->is_spent = true;
        return;
    }
    for (uint32_t i = from; i < s->count; i++)
        if (s->at[i].template_tree)
            outcomes[i].is_good = template_run(s->at[i].template_tree, p, &outcomes[i].text);
    for (uint32_t i = from; i < s->count; i++) {
        if (!s->at[i].template_tree)
            rename_run(&s->at[i], p);
        else if (outcomes[i].is_good)
            pass_set(p, s->at[i].label, outcomes[i].text);
        else
            label_set_fail(&p->labels, FORMAT_ERROR, outcomes[i].text);
    }
}
