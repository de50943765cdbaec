#include "tsdb/logql/pipeline.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/decolorize.h"
#include "tsdb/logql/drop_keep.h"
#include "tsdb/logql/label_filter.h"
#include "tsdb/logql/line_filter.h"
#include "tsdb/logql/page_filter.h"
#include "tsdb/logql/pass.h"
#include "tsdb/logql/stage_format.h"
#include "tsdb/logql/stage_json.h"
#include "tsdb/logql/stage_logfmt.h"
#include "tsdb/logql/stage_pattern.h"
#include "tsdb/logql/stage_regexp.h"
#include "tsdb/logql/stage_unpack.h"
#include "tsdb/logql/unwrap.h"

#include <stdlib.h>

enum {
    EQUALITIES_MAX = 64,
    WANTED_MAX = 64,
    RUN_ARENA_MAX = 64 << 20,
};

struct step {
    enum stage_kind kind;
    union {
        struct line_tests line;
        const struct label_check *label;
        struct json_stage json;
        struct logfmt_stage logfmt;
        struct line_pattern pattern;
        struct regexp_stage regexp;
        struct name_tests names;
        struct line_format_stage line_format;
        struct label_format_stage label_format;
    };
};

struct pipeline {
    struct compiler compiler;
    struct step *steps; /* in the compiler's arena, like all that follows */
    uint32_t count;
    uint32_t page_count; /* leading line filters */
    bool is_plain;
    struct pipeline_needle *needles;
    uint32_t needle_count;
    struct tsdb_label *equalities;
    uint32_t equality_count;
    const struct wanted *wanted;
};

struct pipeline_run {
    const struct pipeline *pipeline;
    struct pass pass;
    struct budget *budget;
};

/* ---- compiling ------------------------------------------------------------------ */

static enum tsdb_status step_compile(struct compiler *c, const struct stage *s, struct step *out)
{
    out->kind = s->kind;
    switch (s->kind) {
    case STAGE_LINE_FILTER: return line_filter_compile(c, &s->line, &out->line);
    case STAGE_LABEL_FILTER: return label_filter_compile(c, s->label, &out->label);
    case STAGE_JSON: return stage_json_compile(c, s, &out->json);
    case STAGE_LOGFMT: return stage_logfmt_compile(c, s, &out->logfmt);
    case STAGE_PATTERN: return stage_pattern_compile(c, s->text, &out->pattern);
    case STAGE_REGEXP: return stage_regexp_compile(c, s->text, &out->regexp);
    case STAGE_DROP:
    case STAGE_KEEP: return drop_keep_compile(c, s, &out->names);
    case STAGE_UNPACK:
    case STAGE_DECOLORIZE: return TSDB_OK;
    case STAGE_LINE_FORMAT: return line_format_compile(c, s->text, &out->line_format);
    case STAGE_LABEL_FORMAT: break;
    }
    return label_format_compile(c, s, &out->label_format);
}

static void needle_add(struct pipeline *p, struct tsdb_text text)
{
    if (text.len > 0 && p->needle_count < PIPELINE_NEEDLES_MAX)
        p->needles[p->needle_count++].text = text;
}

/* What the filter's only test demands. */
static void needles_of_filter(struct pipeline *p, const struct line_tests *f)
{
    if (f->is_negated || f->count != 1)
        return;
    const struct line_test *t = &f->at[0];
    if (t->form == LINE_WORD)
        needle_add(p, t->needle.text);
    for (uint32_t i = 0; t->form == LINE_REGEX && i < t->facts.count; i++)
        needle_add(p, t->facts.needles[i]);
    for (uint32_t i = 0; t->form == LINE_GAPS && i < t->gaps.count; i++)
        needle_add(p, t->gaps.parts[i].literal.text);
}

static bool changes_line(enum stage_kind kind)
{
    return kind == STAGE_LINE_FORMAT || kind == STAGE_DECOLORIZE || kind == STAGE_UNPACK;
}

static bool changes_labels(enum stage_kind kind)
{
    return kind != STAGE_LINE_FILTER && kind != STAGE_LABEL_FILTER && kind != STAGE_LINE_FORMAT &&
           kind != STAGE_DECOLORIZE;
}

static bool ends_with(struct tsdb_text text, const char *suffix)
{
    size_t n = strlen(suffix);
    return text.len >= n && memcmp(text.at + text.len - n, suffix, n) == 0;
}

/* Recursion: as deep as the compiled tree. */
static void equalities_of_check(struct pipeline *p, const struct label_check *check)
{
    const struct matcher *m = &check->matcher;
    if (check->test == LABEL_AND) {
        equalities_of_check(p, check->left);
        equalities_of_check(p, check->right);
    } else if (check->test == LABEL_STRING && m->kind == MATCH_EQ && m->value.len > 0 &&
               !ends_with(m->name, "_extracted") && !text_equal(m->name, text_of(LABEL_ERROR)) &&
               !text_equal(m->name, text_of(LABEL_ERROR_DETAILS)) &&
               p->equality_count < EQUALITIES_MAX) {
        p->equalities[p->equality_count++] = (struct tsdb_label){m->name, m->value};
    }
}

static void facts_gather(struct pipeline *p)
{
    bool line_is_stored = true, labels_are_stored = true;
    p->is_plain = true;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct step *s = &p->steps[i];
        if (s->kind == STAGE_LINE_FILTER && p->page_count == i)
            p->page_count++;
        if (s->kind == STAGE_LINE_FILTER && line_is_stored)
            needles_of_filter(p, &s->line);
        if (s->kind == STAGE_LABEL_FILTER && labels_are_stored)
            equalities_of_check(p, s->label);
        line_is_stored &= !changes_line(s->kind);
        labels_are_stored &= !changes_labels(s->kind);
    }
    for (uint32_t i = 0; i < p->count; i++)
        p->is_plain &=
            p->steps[i].kind == STAGE_LINE_FILTER || p->steps[i].kind == STAGE_LABEL_FILTER;
}

static enum tsdb_status compile(struct pipeline *p, const struct log_expr *e)
{
    struct compiler *c = &p->compiler;
    p->steps = COMPILER_ARRAY(c, struct step, e->stage_count + 1);
    p->needles = COMPILER_ARRAY(c, struct pipeline_needle, PIPELINE_NEEDLES_MAX);
    p->equalities = COMPILER_ARRAY(c, struct tsdb_label, EQUALITIES_MAX);
    if (!p->steps || !p->needles || !p->equalities)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < e->stage_count; i++) {
        enum tsdb_status st = step_compile(c, &e->stages[i], &p->steps[i]);
        if (st != TSDB_OK)
            return st;
        p->count++;
    }
    facts_gather(p);
    return TSDB_OK;
}

enum tsdb_status pipeline_new(const struct log_expr *e, struct pipeline **out,
                              struct tsdb_error *err)
{
    struct pipeline *p = MEM_NEW(struct pipeline);
    compiler_init(&p->compiler, err);
    enum tsdb_status st = compile(p, e);
    p->compiler.err = NULL;
    if (st == TSDB_OK)
        *out = p;
    else
        pipeline_free(p);
    return st;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    compiler_release(&p->compiler);
    mem_free(p);
}

/* ---- what is asked for ---------------------------------------------------------- */

struct want_list {
    struct tsdb_text *names; /* in the compiler's arena */
    uint32_t *hashes;
    uint32_t count, cap;
    bool is_unknown; /* a stage may need any label */
};

static void want(struct want_list *w, struct tsdb_text name)
{
    uint32_t hash = label_name_hash(name);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->hashes[i] == hash && text_equal(w->names[i], name))
            return;
    if (w->count == w->cap) {
        w->is_unknown = true; /* so many that the list would not save anything */
        return;
    }
    w->hashes[w->count] = hash;
    w->names[w->count++] = name;
}

/* A name as written, and as it is before it becomes NAME_extracted. */
static void want_both(struct want_list *w, struct tsdb_text name)
{
    if (name.len == 0)
        return;
    want(w, name);
    if (ends_with(name, "_extracted"))
        want(w, (struct tsdb_text){name.at, name.len - strlen("_extracted")});
}

/* Recursion: as deep as the compiled tree. */
static void want_of_check(struct want_list *w, const struct label_check *check)
{
    if (check->test == LABEL_AND || check->test == LABEL_OR) {
        want_of_check(w, check->left);
        want_of_check(w, check->right);
    } else {
        want_both(w, check->matcher.name);
    }
}

static void want_of_template(struct want_list *w, const struct template *t)
{
    uint32_t count;
    bool needs_all;
    const struct tsdb_text *labels = template_labels(t, &count, &needs_all);
    w->is_unknown |= needs_all;
    for (uint32_t i = 0; i < count; i++)
        want_both(w, labels[i]);
}

static void want_of_step(struct want_list *w, const struct step *s)
{
    if (s->kind == STAGE_LABEL_FILTER)
        want_of_check(w, s->label);
    if (s->kind == STAGE_LINE_FORMAT)
        want_of_template(w, s->line_format.template_tree);
    for (uint32_t i = 0; s->kind == STAGE_LABEL_FORMAT && i < s->label_format.count; i++) {
        const struct label_format *f = &s->label_format.at[i];
        if (f->template_tree)
            want_of_template(w, f->template_tree);
        else
            want_both(w, f->from);
    }
}

void pipeline_want(struct pipeline *p, const struct tsdb_text *names, uint32_t count)
{
    struct compiler *c = &p->compiler;
    struct want_list w = {.cap = WANTED_MAX};
    w.names = COMPILER_ARRAY(c, struct tsdb_text, w.cap);
    w.hashes = COMPILER_ARRAY(c, uint32_t, w.cap);
    struct wanted *wanted = COMPILER_ARRAY(c, struct wanted, 1);
    if (!w.names || !w.hashes || !wanted)
        return;
    for (uint32_t i = 0; i < count; i++)
        want_both(&w, names[i]);
    for (uint32_t i = 0; i < p->count; i++)
        want_of_step(&w, &p->steps[i]);
    *wanted = (struct wanted){w.names, w.hashes, w.count};
    p->wanted = w.is_unknown ? NULL : wanted;
}

/* ---- what a scan may do --------------------------------------------------------- */

const struct pipeline_needle *pipeline_needles(const struct pipeline *p, uint32_t *count)
{
    *count = p->needle_count;
    return p->needles;
}

const struct tsdb_label *pipeline_equalities(const struct pipeline *p, uint32_t *count)
{
    *count = p->equality_count;
    return p->equalities;
}

bool pipeline_is_plain(const struct pipeline *p)
{
    return p->is_plain;
}

uint32_t pipeline_stage_count(const struct pipeline *p)
{
    return p->count;
}

uint32_t pipeline_page(const struct pipeline *p, const char *bytes, const uint32_t *starts,
                       uint32_t lines, uint64_t *passes)
{
    struct line_page page = {bytes, starts, lines};
    memset(passes, 0, (lines / 64 + 1) * sizeof *passes);
    memset(passes, 0xff, lines / 64 * sizeof *passes);
    passes[lines / 64] = (UINT64_C(1) << lines % 64) - 1;
    for (uint32_t i = 0; i < p->page_count; i++)
        page_filter(&p->steps[i].line, &page, passes);
    return p->page_count;
}

/* ---- running -------------------------------------------------------------------- */

struct pipeline_run *pipeline_run_new(const struct pipeline *p, struct budget *budget)
{
    struct pipeline_run *r = MEM_NEW(struct pipeline_run);
    r->pipeline = p;
    r->budget = budget;
    if (budget) /* small and certain: more than the limit by this at most */
        budget_force(budget, label_set_bytes());
    label_set_init(&r->pass.labels);
    arena_init(&r->pass.arena, RUN_ARENA_MAX, budget);
    return r;
}

void pipeline_run_free(struct pipeline_run *r)
{
    if (!r)
        return;
    arena_release(&r->pass.arena);
    label_set_release(&r->pass.labels);
    if (r->budget)
        budget_release(r->budget, label_set_bytes());
    mem_free(r);
}

static bool step_run(const struct step *s, struct pass *p)
{
    switch (s->kind) {
    case STAGE_LINE_FILTER: return line_filter_test(&s->line, p->line);
    case STAGE_LABEL_FILTER: return label_filter_test(s->label, p);
    case STAGE_JSON: stage_json_run(&s->json, p); break;
    case STAGE_LOGFMT: stage_logfmt_run(&s->logfmt, p); break;
    case STAGE_PATTERN: stage_pattern_run(&s->pattern, p); break;
    case STAGE_REGEXP: stage_regexp_run(&s->regexp, p); break;
    case STAGE_UNPACK: stage_unpack_run(p); break;
    case STAGE_DECOLORIZE: decolorize_run(p); break;
    case STAGE_DROP: drop_run(&s->names, p); break;
    case STAGE_KEEP: keep_run(&s->names, p); break;
    case STAGE_LINE_FORMAT: line_format_run(&s->line_format, p); break;
    case STAGE_LABEL_FORMAT: label_format_run(&s->label_format, p); break;
    }
    return true;
}

static enum tsdb_status spent(struct pipeline_run *r, struct tsdb_error *err)
{
    if (r->pass.labels.is_full)
        return tsdb_fail(err, TSDB_ELIMIT, "entry: more than %d labels removed",
                         PIPELINE_LABELS_MAX);
    return tsdb_fail(err, TSDB_ELIMIT, "stages of an entry: more memory than the query may have");
}

enum tsdb_status pipeline_entry_from(struct pipeline_run *r, const struct pipeline_entry *entry,
                                     uint32_t skip, struct tsdb_error *err)
{
    const struct pipeline *p = r->pipeline;
    struct pass *pass = &r->pass;
    if (pass->arena.used > 0)
        arena_reset(&pass->arena);
    label_set_begin(&pass->labels, entry);
    pass->line = entry->line;
    pass->wanted = p->wanted;
    pass->wanted_left = p->wanted ? p->wanted->count : 0;
    pass->is_spent = false;
    for (uint32_t i = skip; i < p->count; i++)
        if (!step_run(&p->steps[i], pass))
            return TSDB_END;
    return pass->is_spent || pass->labels.is_full ? spent(r, err) : TSDB_OK;
}

enum tsdb_status pipeline_entry(struct pipeline_run *r, const struct pipeline_entry *entry,
                                struct tsdb_error *err)
{
    return pipeline_entry_from(r, entry, 0, err);
}

struct tsdb_text pipeline_line(const struct pipeline_run *r)
{
    return r->pass.line;
}

struct tsdb_text pipeline_error(const struct pipeline_run *r)
{
    return r->pass.labels.error;
}

struct tsdb_text pipeline_label(struct pipeline_run *r, struct tsdb_text name)
{
    struct tsdb_text value;
    if (label_set_get(&r->pass.labels, name, &value) != LABEL_NONE)
        return value;
    if (text_equal(name, text_of(LABEL_ERROR)))
        return r->pass.labels.error;
    if (text_equal(name, text_of(LABEL_ERROR_DETAILS)))
        return r->pass.labels.error_details;
    return (struct tsdb_text){"", 0};
}

enum tsdb_status pipeline_unwrap(struct pipeline_run *r, const struct unwrap *u, double *value,
                                 bool *is_error, struct tsdb_error *err)
{
    double v;
    bool is_failed;
    if (!unwrap_value(u, &r->pass, &v, &is_failed))
        return TSDB_END;
    if (r->pass.is_spent)
        return spent(r, err);
    *value = v;
    *is_error = is_failed;
    return TSDB_OK;
}

/* ---- the labels as sets ------------------------------------------------------------ */

struct list {
    struct tsdb_label *at; /* in the arena */
    uint32_t count, cap;
};

struct lists {
    struct pass *pass;
    struct list of[4]; /* by enum label_origin */
    bool is_one;       /* everything in of[0] */
};

static void list_append(struct pass *p, struct list *l, struct tsdb_label label)
{
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 16;
        struct tsdb_label *at = ARENA_ARRAY(&p->arena, struct tsdb_label, cap);
        if (!at) {
            p->is_spent = true;
            return;
        }
        if (l->count > 0)
            memcpy(at, l->at, l->count * sizeof *at);
        l->at = at;
        l->cap = cap;
    }
    l->at[l->count++] = label;
}

static void lists_append(void *arg, struct tsdb_label label, enum label_origin origin)
{
    struct lists *l = arg;
    if (label.value.len == 0)
        return;
    if (origin == LABEL_OF_METADATA && ends_with(label.name, "_extracted")) {
        char *name = pass_bytes(l->pass, label.name.len); /* may be good for the call only */
        if (!name)
            return;
        memcpy(name, label.name.at, label.name.len);
        label.name.at = name;
    }
    list_append(l->pass, &l->of[l->is_one ? LABEL_NONE : origin], label);
}

static int by_name(const void *a, const void *b)
{
    const struct tsdb_label *left = a, *right = b;
    return text_compare(left->name, right->name);
}

/* Sorted; of a name that occurs twice the first counts. */
static struct tsdb_labels list_sort(struct list *l)
{
    bool is_sorted = true;
    for (uint32_t i = 1; i < l->count && is_sorted; i++)
        is_sorted = by_name(&l->at[i - 1], &l->at[i]) < 0;
    if (!is_sorted) {
        uint32_t kept = 1;
        qsort(l->at, l->count, sizeof *l->at, by_name);
        for (uint32_t i = 1; i < l->count; i++)
            if (!text_equal(l->at[kept - 1].name, l->at[i].name))
                l->at[kept++] = l->at[i];
        l->count = kept;
    }
    return (struct tsdb_labels){l->at, l->count};
}

static void lists_fill(struct lists *l)
{
    const struct label_set *s = &l->pass->labels;
    label_set_each(s, lists_append, l);
    struct tsdb_label error = {text_of(LABEL_ERROR), s->error};
    struct tsdb_label details = {text_of(LABEL_ERROR_DETAILS), s->error_details};
    lists_append(l, error, LABEL_OF_STAGE);
    lists_append(l, details, LABEL_OF_STAGE);
}

enum tsdb_status pipeline_labels(struct pipeline_run *r, struct tsdb_labels *stream,
                                 struct tsdb_labels *metadata, struct tsdb_labels *parsed,
                                 struct tsdb_error *err)
{
    struct lists l = {.pass = &r->pass};
    lists_fill(&l);
    if (r->pass.is_spent)
        return spent(r, err);
    *stream = list_sort(&l.of[LABEL_OF_STREAM]);
    *metadata = list_sort(&l.of[LABEL_OF_METADATA]);
    *parsed = list_sort(&l.of[LABEL_OF_STAGE]);
    return TSDB_OK;
}

enum tsdb_status pipeline_merged(struct pipeline_run *r, struct tsdb_labels *out,
                                 struct tsdb_error *err)
{
    struct lists l = {.pass = &r->pass, .is_one = true};
    lists_fill(&l);
    if (r->pass.is_spent)
        return spent(r, err);
    *out = list_sort(&l.of[LABEL_NONE]);
    return TSDB_OK;
}
