/* Runs scripts in Prometheus' promqltest language through the public header.
 *
 *   load 1m                          eval instant at 5m sum(x)
 *     x{a="1"} 0+1x10                  expect no_warn
 *     x{a="2"} _ 5 stale               {} 7
 *   load_with_nhcb 1m ...            eval range from 0 to 5m step 1m x
 *   clear                              {__name__="x", a="1"} 0 1 2 3 4 5
 *
 * expect: ordered, fail, warn, info, no_warn, no_info (each but ordered with
 * "msg: text" or "regex: pattern"), string "...", range vector from A to B step C.
 * The older eval_fail, eval_warn, eval_info, eval_ordered are read as well.
 *
 * An instant query is asked three ways, and all must agree: at its time; as the
 * middle step of a range query; and, if it is made step-invariant by @ at every
 * selector, at other times.
 *
 * PROMQLTEST_DIR names another folder of scripts, PROMQLTEST_FILE only one.
 * Source of the language: promql/promqltest/README.md of Prometheus 3.
 */
#include "tests/tsdb/script_custom.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/regex.h"
#include "tsdb/query/duration.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>

enum { SERIES_MAX = 4096, EXPECT_MAX = 8, LINE_BYTES_MAX = 64 << 10 };

enum expect_kind { EXPECT_FAIL, EXPECT_WARN, EXPECT_INFO, EXPECT_NO_WARN, EXPECT_NO_INFO };

struct expect {
    enum expect_kind kind;
    bool is_regex, is_any;
    struct tsdb_text text;
};

/* One eval command. */
struct eval {
    struct tsdb_text query;
    int64_t start, end, step; /* instant: start == end, step 0 */
    bool is_range, is_ordered, is_range_vector;
    int64_t vector_start, vector_step;
    struct expect expects[EXPECT_MAX];
    uint32_t expect_count;
    bool has_scalar, has_string;
    double scalar;
    struct tsdb_text string;
    struct script_series *series;
    uint32_t series_count;
};

/* An answer, copied into the script's arena. */
struct answer {
    enum tsdb_value_kind kind;
    struct tsdb_text string;
    struct script_answer {
        struct tsdb_labels labels;
        uint32_t count;
        int64_t *ts;
        double *values;
        const struct tsdb_histogram **histograms;
    } * series;
    uint32_t series_count;
};

struct script {
    const char *path;
    char *text, *next; /* owned; the next line to read */
    char *line;        /* the current one, without its spaces; NULL at the end */
    uint32_t number;
    struct arena arena; /* reset with each command */
    struct clock_sim clock;
    struct fs_sim *fs;
    struct tsdb *db;
    struct writer out; /* of messages */
    uint32_t evals, skipped, failures;
};

/* ---- reading ------------------------------------------------------------------- */

static void complain(struct script *s, uint32_t number, const char *what, struct tsdb_text query)
{
    writer_u8(&s->out, 0);
    s->failures++;
    cr_expect(false, "%s:%u: %.*s: %s%s", s->path, number, (int)query.len, query.at, what,
              (const char *)s->out.at);
    writer_reset(&s->out);
}

/* The next line; remarks read as empty ones. */
static void next_line(struct script *s)
{
    s->line = s->next;
    if (!s->line)
        return;
    s->number++;
    size_t n = strcspn(s->line, "\n");
    s->next = s->line[n] ? s->line + n + 1 : NULL;
    s->line[n] = '\0';
    s->line += strspn(s->line, " \t\r");
    for (n = strlen(s->line); n > 0 && strchr(" \t\r", s->line[n - 1]); n--)
        s->line[n - 1] = '\0';
    if (s->line[0] == '#')
        s->line[0] = '\0';
}

/* Takes a word and the spaces after it. */
static bool take_word(char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0 || ((*at)[n] && !strchr(" \t", (*at)[n])))
        return false;
    *at += n + strspn(*at + n, " \t");
    return true;
}

static bool take_duration(char **at, int64_t *ns)
{
    size_t n = strcspn(*at, " \t");
    if (duration_parse((struct tsdb_text){*at, n}, ns, NULL) != TSDB_OK)
        return false;
    *at += n + strspn(*at + n, " \t");
    return true;
}

static bool take_range(char **at, int64_t *start, int64_t *end, int64_t *step)
{
    return take_word(at, "from") && take_duration(at, start) && take_word(at, "to") &&
           take_duration(at, end) && take_word(at, "step") && take_duration(at, step);
}

/* ---- the store ----------------------------------------------------------------- */

static void close_store(struct script *s)
{
    tsdb_close(s->db);
    if (s->fs)
        fs_sim_free(s->fs);
    s->db = NULL;
    s->fs = NULL;
}

static void open_store(struct script *s)
{
    struct tsdb_options options;
    struct tsdb_error err = {.msg = ""};
    close_store(s);
    s->fs = fs_sim_new();
    clock_sim_init(&s->clock, 0);
    tsdb_options_init(&options);
    options.dir = "store";
    options.fs = fs_sim_fs(s->fs);
    options.clock = &s->clock.clock;
    options.sync = TSDB_SYNC_OS;
    options.retention = 0;
    options.has_no_threads = true;
    options.limits.future_max = INT64_MAX / 4;
    options.limits.series_new_per_s = UINT64_MAX / 4;
    enum tsdb_status st = tsdb_open(&options, &s->db, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", s->path, err.msg);
}

static enum tsdb_status labels_of(void *arg, uint32_t index, struct tsdb_labels *out)
{
    (void)index;
    *out = ((const struct script_series *)arg)->labels;
    return TSDB_OK;
}

static void append_points(struct script *s, struct script_series *series,
                          const struct tsdb_point *points, uint32_t count)
{
    static uint8_t verdicts[TSDB_BATCH_POINTS_MAX];
    struct tsdb_appended appended;
    struct tsdb_error err = {.msg = ""};
    struct tsdb_batch batch = {
        .tenant = "", .points = points, .point_count = count, .labels = labels_of, .arg = series};
    enum tsdb_status st = tsdb_append(s->db, &batch, &appended, verdicts, &err);
    if (st != TSDB_OK)
        complain(s, s->number, err.msg, text_of("append"));
    for (uint32_t i = 0; st == TSDB_OK && i < count; i++)
        if (verdicts[i] != TSDB_ACCEPTED && verdicts[i] != TSDB_DUPLICATE) {
            complain(s, s->number, tsdb_verdict_name(verdicts[i]), text_of("append"));
            break;
        }
    while (tsdb_step(s->db))
        ;
}

static void append_series(struct script *s, struct script_series *series, int64_t gap)
{
    static struct tsdb_point points[TSDB_BATCH_POINTS_MAX];
    struct tsdb_hash key = tsdb_labels_hash(tsdb_seed(s->db), series->labels);
    uint32_t n = 0;
    for (uint32_t i = 0; i < series->count; i++) {
        const struct script_value *v = &series->values[i];
        if (!v->is_omitted)
            points[n++] = (struct tsdb_point){key, (int64_t)i * gap, v->value, v->histogram};
        if (n == TSDB_BATCH_POINTS_MAX || (n > 0 && i + 1 == series->count)) {
            append_points(s, series, points, n);
            n = 0;
        }
    }
}

/* Where to put a series of these labels: a later line replaces an earlier one. */
static struct script_series *place_of(struct script_series *all, uint32_t *count,
                                      const struct script_series *series)
{
    for (uint32_t i = 0; i < *count; i++)
        if (script_same_labels(all[i].labels, series->labels))
            return &all[i];
    return &all[(*count)++];
}

/* "load 1m": the lines up to an empty one are series. */
static void run_load(struct script *s, char *at, bool has_native)
{
    int64_t gap = 0;
    uint32_t count = 0;
    struct script_series *all = ARENA_ARRAY(&s->arena, struct script_series, SERIES_MAX);
    struct script_series *native = ARENA_ARRAY(&s->arena, struct script_series, SERIES_MAX);
    if (!take_duration(&at, &gap))
        complain(s, s->number, "load: duration expected", text_of(at));
    for (next_line(s); s->line && s->line[0]; next_line(s)) {
        struct script_series series;
        const char *fault = script_series_read(s->line, &s->arena, &series);
        if (fault || count + 1 == SERIES_MAX)
            complain(s, s->number, fault ? fault : "too many series", text_of(s->line));
        else
            *place_of(all, &count, &series) = series;
    }
    for (uint32_t i = 0; i < count; i++)
        append_series(s, &all[i], gap);
    uint32_t native_count = has_native ? script_classic_convert(all, count, &s->arena, native) : 0;
    for (uint32_t i = 0; i < native_count; i++)
        append_series(s, &native[i], gap);
}

/* ---- asking ------------------------------------------------------------------------ */

static struct tsdb_text copy_text(struct script *s, struct tsdb_text text)
{
    char *at = ARENA_ARRAY(&s->arena, char, text.len + 1);
    cr_assert_not_null(at);
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return (struct tsdb_text){at, text.len};
}

static const void *copy_array(struct script *s, const void *from, size_t bytes)
{
    void *to = arena_get(&s->arena, bytes + 1, 1, 16);
    cr_assert_not_null(to);
    if (bytes > 0)
        memcpy(to, from, bytes);
    return to;
}

static const struct tsdb_histogram *copy_histogram(struct script *s,
                                                   const struct tsdb_histogram *from)
{
    if (!from)
        return NULL;
    struct tsdb_histogram *h = ARENA_ARRAY(&s->arena, struct tsdb_histogram, 1);
    cr_assert_not_null(h);
    *h = *from;
    h->positive_spans =
        copy_array(s, from->positive_spans, from->positive_span_count * sizeof *h->positive_spans);
    h->negative_spans =
        copy_array(s, from->negative_spans, from->negative_span_count * sizeof *h->negative_spans);
    h->positive = copy_array(s, from->positive, from->positive_count * sizeof *h->positive);
    h->negative = copy_array(s, from->negative, from->negative_count * sizeof *h->negative);
    h->custom = copy_array(s, from->custom, from->custom_count * sizeof *h->custom);
    return h;
}

static void copy_series(struct script *s, const struct tsdb_result *r, struct script_answer *out)
{
    struct tsdb_label *labels = ARENA_ARRAY(&s->arena, struct tsdb_label, r->labels.count + 1);
    cr_assert_not_null(labels);
    for (uint32_t i = 0; i < r->labels.count; i++)
        labels[i] = (struct tsdb_label){copy_text(s, r->labels.at[i].name),
                                        copy_text(s, r->labels.at[i].value)};
    out->labels = (struct tsdb_labels){labels, r->labels.count};
    out->count = r->count;
    out->ts = ARENA_ARRAY(&s->arena, int64_t, r->count + 1);
    out->values = ARENA_ARRAY(&s->arena, double, r->count + 1);
    out->histograms = ARENA_ARRAY(&s->arena, const struct tsdb_histogram *, r->count + 1);
    for (uint32_t i = 0; i < r->count; i++) {
        out->ts[i] = r->ts[i];
        out->values[i] = r->values[i];
        out->histograms[i] = r->histograms ? copy_histogram(s, r->histograms[i]) : NULL;
    }
}

/* Annotations, copied before the query closes. */
struct notes {
    struct tsdb_text warnings[64], infos[64];
    uint32_t warning_count, info_count;
};

/* options: start, end and step. */
static enum tsdb_status ask(struct script *s, struct tsdb_text query,
                            struct tsdb_query_options options, struct answer *a,
                            struct notes *notes, struct tsdb_error *err)
{
    struct tsdb_query *q;
    struct tsdb_result r;
    *a = (struct answer){.series_count = 0};
    *notes = (struct notes){.info_count = 0};
    enum tsdb_status st = tsdb_query_open(s->db, query, &options, &q, err);
    if (st != TSDB_OK)
        return st;
    a->kind = tsdb_query_kind(q);
    a->series = ARENA_ARRAY(&s->arena, struct script_answer, SERIES_MAX);
    while ((st = tsdb_query_next(q, &r, err)) == TSDB_OK && a->series_count < SERIES_MAX) {
        if (a->kind == TSDB_STRING)
            a->string = copy_text(s, r.string);
        else
            copy_series(s, &r, &a->series[a->series_count++]);
    }
    const char *text;
    while (notes->warning_count < 64 && (text = tsdb_query_warning(q, notes->warning_count)))
        notes->warnings[notes->warning_count++] = copy_text(s, text_of(text));
    while (notes->info_count < 64 && (text = tsdb_query_info(q, notes->info_count)))
        notes->infos[notes->info_count++] = copy_text(s, text_of(text));
    tsdb_query_close(q);
    return st == TSDB_END ? TSDB_OK : st;
}

/* ---- comparing ------------------------------------------------------------------- */

static void put_answer(struct script *s, const struct script_answer *a)
{
    script_put_labels(&s->out, a->labels);
    for (uint32_t i = 0; i < a->count && i < 32; i++) {
        writer_text(&s->out, " ");
        script_put_value(&s->out, a->values[i], a->histograms[i]);
        writer_format(&s->out, "@%g", (double)a->ts[i] / 1e9);
    }
}

static const struct script_series *find_expected(const struct eval *e, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < e->series_count; i++)
        if (script_same_labels(e->series[i].labels, labels))
            return &e->series[i];
    return NULL;
}

/* The samples of a, against those of want that are not omitted. */
static bool same_points(const struct script_answer *a, const struct script_series *want,
                        int64_t start, int64_t step)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < want->count; i++) {
        if (want->values[i].is_omitted)
            continue;
        if (n == a->count || a->ts[n] != start + (int64_t)i * step ||
            !script_same_value(&want->values[i], a->values[n], a->histograms[n]))
            return false;
        n++;
    }
    return n == a->count;
}

/* Returns what is wrong, or NULL; details go to s->out. */
static const char *compare_series(struct script *s, const struct eval *e, const struct answer *a,
                                  bool is_ordered)
{
    bool has_points = e->is_range || e->is_range_vector;
    int64_t start = e->is_range_vector ? e->vector_start : e->start;
    int64_t step = e->is_range_vector ? e->vector_step : e->step;
    for (uint32_t i = 0; i < a->series_count; i++) {
        const struct script_answer *got = &a->series[i];
        const struct script_series *want = find_expected(e, got->labels);
        put_answer(s, got);
        if (!want)
            return "unexpected: ";
        if (is_ordered && want != &e->series[i])
            return "out of order: ";
        if (e->is_range && i > 0 && script_labels_order(a->series[i - 1].labels, got->labels) >= 0)
            return "not sorted by labels: ";
        if (has_points ? !same_points(got, want, start, step)
                       : got->count != 1 || !script_same_value(&want->values[0], got->values[0],
                                                               got->histograms[0]))
            return "wrong value: ";
        writer_reset(&s->out);
    }
    for (uint32_t i = 0; i < e->series_count; i++) {
        uint32_t k = 0;
        while (k < a->series_count && !script_same_labels(a->series[k].labels, e->series[i].labels))
            k++;
        if (k == a->series_count) {
            script_put_labels(&s->out, e->series[i].labels);
            return "missing: ";
        }
    }
    if (a->series_count != e->series_count)
        return "a label set comes twice";
    return NULL;
}

static const char *compare(struct script *s, const struct eval *e, const struct answer *a)
{
    if (a->kind == TSDB_STRING) {
        writer_put(&s->out, a->string.at, a->string.len);
        return e->has_string && text_equal(e->string, a->string) ? NULL : "got the string ";
    }
    if (e->has_string)
        return "no string";
    if (a->kind == TSDB_SCALAR && !e->is_range) {
        double got =
            a->series_count == 1 && a->series[0].count == 1 ? a->series[0].values[0] : (double)NAN;
        writer_format(&s->out, "%.17g", got);
        return e->has_scalar && script_almost(e->scalar, got) ? NULL : "got the scalar ";
    }
    return e->has_scalar ? "no scalar" : compare_series(s, e, a, e->is_ordered);
}

static bool text_fits(const struct expect *x, struct tsdb_text text)
{
    struct regex *re;
    if (x->is_any)
        return true;
    if (!x->is_regex)
        return text_equal(x->text, text);
    enum tsdb_status st = regex_new(x->text, &re, NULL);
    cr_assert_eq(st, TSDB_OK, "%.*s", (int)x->text.len, x->text.at);
    bool fits = regex_search(re, text, NULL, 0);
    regex_free(re);
    return fits;
}

/* Each expectation fits a note, and each note an expectation, if there is any. */
static const char *compare_notes(struct script *s, const struct eval *e, enum expect_kind kind,
                                 const struct tsdb_text *notes, uint32_t count)
{
    uint32_t expected = 0;
    for (uint32_t i = 0; i < e->expect_count; i++) {
        uint32_t k = 0;
        if (e->expects[i].kind != kind)
            continue;
        expected++;
        while (k < count && !text_fits(&e->expects[i], notes[k]))
            k++;
        if (k < count)
            continue;
        writer_put(&s->out, e->expects[i].text.at, e->expects[i].text.len);
        for (k = 0; k < count; k++)
            writer_format(&s->out, " [got %.*s]", (int)notes[k].len, notes[k].at);
        return "annotation missing: ";
    }
    for (uint32_t k = 0; expected > 0 && k < count; k++) {
        bool fits = false;
        for (uint32_t i = 0; i < e->expect_count; i++)
            fits |= e->expects[i].kind == kind && text_fits(&e->expects[i], notes[k]);
        writer_put(&s->out, notes[k].at, notes[k].len);
        if (!fits)
            return "unexpected annotation: ";
        writer_reset(&s->out);
    }
    return NULL;
}

static const struct expect *find_expect(const struct eval *e, enum expect_kind kind)
{
    for (uint32_t i = 0; i < e->expect_count; i++)
        if (e->expects[i].kind == kind)
            return &e->expects[i];
    return NULL;
}

static const char *check_notes(struct script *s, const struct eval *e, const struct notes *n)
{
    const char *what = compare_notes(s, e, EXPECT_WARN, n->warnings, n->warning_count);
    if (!what)
        what = compare_notes(s, e, EXPECT_INFO, n->infos, n->info_count);
    if (!what && n->warning_count > 0 && find_expect(e, EXPECT_NO_WARN)) {
        writer_put(&s->out, n->warnings[0].at, n->warnings[0].len);
        what = "unexpected warning: ";
    }
    if (!what && n->info_count > 0 && find_expect(e, EXPECT_NO_INFO)) {
        writer_put(&s->out, n->infos[0].at, n->infos[0].len);
        what = "unexpected info: ";
    }
    return what;
}

/* Asks once; what is wrong, or NULL. */
static const char *ask_and_compare(struct script *s, const struct eval *e, struct tsdb_text query,
                                   int64_t at, struct answer *a)
{
    struct notes notes;
    struct tsdb_error err = {.msg = ""};
    const struct expect *failure = find_expect(e, EXPECT_FAIL);
    struct tsdb_query_options options = {
        .tenant = "", .start = at, .end = e->is_range ? e->end : at, .step = e->step};
    enum tsdb_status st = ask(s, query, options, a, &notes, &err);
    if (st != TSDB_OK) {
        writer_text(&s->out, err.msg);
        return failure && text_fits(failure, text_of(err.msg)) ? NULL : "failed: ";
    }
    if (failure)
        return "did not fail";
    const char *what = check_notes(s, e, &notes);
    return what ? what : compare(s, e, a);
}

/* ---- the other ways to ask ------------------------------------------------------- */

/* The instant query as the middle step of a range. */
static const char *ask_as_range(struct script *s, const struct eval *e)
{
    struct answer a;
    struct notes notes;
    struct tsdb_error err = {.msg = ""};
    struct eval instant = *e;
    struct tsdb_query_options options = {.tenant = "",
                                         .start = e->start - NS_PER_MINUTE,
                                         .end = e->start + NS_PER_MINUTE,
                                         .step = NS_PER_MINUTE};
    enum tsdb_status st = ask(s, e->query, options, &a, &notes, &err);
    if (st != TSDB_OK) {
        writer_text(&s->out, err.msg);
        return "failed as a range: ";
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a.series_count; i++) {
        struct script_answer *x = &a.series[i];
        for (uint32_t k = 0; k < x->count; k++)
            if (x->ts[k] == e->start) {
                x->ts += k;
                x->values += k;
                x->histograms += k;
                x->count = 1;
                a.series[kept++] = *x;
                break;
            }
    }
    a.series_count = kept;
    a.kind = e->has_scalar ? TSDB_SCALAR : TSDB_VECTOR;
    const char *what = compare(s, &instant, &a);
    if (what)
        writer_format(&s->out, " (%s, as a range)", what);
    return what;
}

struct rewrite {
    struct tsdb_text from;
    struct writer out;
    uint32_t copied;
    int64_t at_ns;
};

static void pin(struct rewrite *r, const struct expr *e, const struct expr_time *time)
{
    if (time->at != EXPR_AT_NONE)
        return;
    writer_put(&r->out, r->from.at + r->copied, e->end - r->copied);
    writer_format(&r->out, " @ %.3f", (double)r->at_ns / 1e9);
    r->copied = e->end;
}

/* Adds @ where there is none; what a subquery holds follows the subquery. */
static void pin_expr(void *arg, const struct expr *e)
{
    if (e->kind == EXPR_SELECTOR)
        pin(arg, e, &e->selector.time);
    else if (e->kind == EXPR_MATRIX)
        pin(arg, e, &e->matrix.selector->selector.time);
    else if (e->kind == EXPR_SUBQUERY)
        pin(arg, e, &e->subquery.time);
    else
        expr_each_child(e, pin_expr, arg);
}

/* With @ at every selector it is the same at any time, where the engine says so. */
static const char *ask_at_other_times(struct script *s, const struct eval *e)
{
    struct rewrite r = {.from = e->query, .at_ns = e->start};
    struct expr *tree;
    const char *what = NULL;
    if (promql_parse(e->query, &s->arena, &tree, NULL) != TSDB_OK)
        return NULL;
    pin_expr(&r, tree);
    writer_put(&r.out, r.from.at + r.copied, r.from.len - r.copied);
    struct tsdb_text pinned = {(const char *)r.out.at, r.out.len};
    if (promql_parse(pinned, &s->arena, &tree, NULL) == TSDB_OK && tree->is_invariant) {
        const int64_t times[] = {0, e->start / 5, 10 * e->start};
        for (int i = 0; i < 3 && !what; i++) {
            struct answer a;
            struct eval again = *e;
            again.expect_count = 0;
            what = ask_and_compare(s, &again, pinned, times[i], &a);
            if (what)
                writer_format(&s->out, " (%s, as %.*s at %g)", what, (int)pinned.len, pinned.at,
                              (double)times[i] / 1e9);
        }
    }
    writer_release(&r.out);
    return what;
}

static bool has_text(struct tsdb_text text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static bool looks_at_the_query(struct tsdb_text query)
{
    return has_text(query, "start()") || has_text(query, "end()") || has_text(query, "step()") ||
           has_text(query, "range()");
}

/* Syntax that Prometheus hides behind feature flags and we do not have. */
static bool is_beyond_us(struct tsdb_text query, struct arena *arena)
{
    struct expr *e;
    struct tsdb_error err;
    return promql_parse(query, arena, &e, &err) != TSDB_OK &&
           (strstr(err.msg, "not enabled") || strstr(err.msg, "start_timestamp"));
}

static void run_checks(struct script *s, const struct eval *e, uint32_t number)
{
    struct answer a;
    if (is_beyond_us(e->query, &s->arena)) {
        s->skipped++;
        return;
    }
    s->evals++;
    const char *what = ask_and_compare(s, e, e->query, e->start, &a);
    bool is_plain = !e->is_range && !e->has_string && !e->is_range_vector && !e->is_ordered &&
                    !find_expect(e, EXPECT_FAIL) && !looks_at_the_query(e->query);
    if (!what && is_plain)
        what = ask_as_range(s, e);
    if (!what && is_plain && a.kind == TSDB_VECTOR)
        what = ask_at_other_times(s, e);
    if (what)
        complain(s, number, what, e->query);
    writer_reset(&s->out);
}

/* ---- eval commands ------------------------------------------------------------- */

static bool add_expect(struct eval *e, enum expect_kind kind, char *at)
{
    if (e->expect_count == EXPECT_MAX)
        return false;
    struct expect *x = &e->expects[e->expect_count++];
    *x = (struct expect){.kind = kind, .is_any = *at == '\0'};
    x->is_regex = strncmp(at, "regex:", 6) == 0;
    if (!x->is_any) {
        at += x->is_regex ? 6 : 4;
        at += strspn(at, " \t");
    }
    x->text = text_of(at);
    return true;
}

/* After "expect". */
static bool read_expect(struct script *s, struct eval *e, char *at)
{
    int64_t end;
    if (take_word(&at, "ordered"))
        return e->is_ordered = true;
    if (take_word(&at, "string")) {
        char *out = ARENA_ARRAY(&s->arena, char, strlen(at) + 1);
        e->has_string = strlen(at) >= 2;
        if (e->has_string)
            e->string = (struct tsdb_text){out, quote_read(text_of(at), out)};
        return e->has_string;
    }
    if (take_word(&at, "range")) {
        e->is_range_vector = true;
        return take_word(&at, "vector") && take_range(&at, &e->vector_start, &end, &e->vector_step);
    }
    if (take_word(&at, "fail"))
        return add_expect(e, EXPECT_FAIL, at);
    if (take_word(&at, "warn"))
        return add_expect(e, EXPECT_WARN, at);
    if (take_word(&at, "info"))
        return add_expect(e, EXPECT_INFO, at);
    if (take_word(&at, "no_warn"))
        return add_expect(e, EXPECT_NO_WARN, at);
    return take_word(&at, "no_info") && add_expect(e, EXPECT_NO_INFO, at);
}

static bool is_number(const char *line, double *out)
{
    struct tsdb_text text = text_of(line);
    return !strpbrk(line, " {") && double_parse(text, out);
}

static bool read_expected_line(struct script *s, struct eval *e)
{
    char *at = s->line;
    struct expect *failure = e->expect_count > 0 ? &e->expects[0] : NULL;
    if (failure && take_word(&at, "expected_fail_message")) {
        *failure = (struct expect){EXPECT_FAIL, false, false, text_of(at)};
        return true;
    }
    if (failure && take_word(&at, "expected_fail_regexp")) {
        *failure = (struct expect){EXPECT_FAIL, true, false, text_of(at)};
        return true;
    }
    if (take_word(&at, "expect"))
        return read_expect(s, e, at);
    if (is_number(s->line, &e->scalar))
        return e->has_scalar = true;
    if (e->series_count == SERIES_MAX)
        return false;
    const char *fault = script_series_read(s->line, &s->arena, &e->series[e->series_count++]);
    return !fault && e->series[e->series_count - 1].count > 0;
}

/* "instant at 5m QUERY" or "range from 0 to 5m step 1m QUERY". */
static bool read_head(struct eval *e, char *at)
{
    if (take_word(&at, "instant")) {
        if (!take_word(&at, "at") || !take_duration(&at, &e->start))
            return false;
        e->end = e->start;
    } else {
        e->is_range = true;
        if (!take_word(&at, "range") || !take_range(&at, &e->start, &e->end, &e->step))
            return false;
    }
    e->query = text_of(at);
    return *at != '\0';
}

static void run_eval(struct script *s, char *at, const char *suffix)
{
    static char none[] = "";
    struct eval e = {.series = ARENA_ARRAY(&s->arena, struct script_series, SERIES_MAX)};
    uint32_t number = s->number;
    char *line = s->line;
    bool is_good = read_head(&e, at);
    if (strcmp(suffix, "_fail") == 0)
        is_good &= add_expect(&e, EXPECT_FAIL, none);
    else if (strcmp(suffix, "_warn") == 0)
        is_good &= add_expect(&e, EXPECT_WARN, none);
    else if (strcmp(suffix, "_info") == 0)
        is_good &= add_expect(&e, EXPECT_INFO, none);
    else
        e.is_ordered = strcmp(suffix, "_ordered") == 0;
    for (next_line(s); s->line && s->line[0]; next_line(s))
        is_good &= read_expected_line(s, &e);
    if (is_good)
        run_checks(s, &e, number);
    else
        complain(s, number, "the command cannot be read", text_of(line));
}

/* ---- scripts -------------------------------------------------------------------- */

static void run_command(struct script *s)
{
    char *at = s->line;
    static const char *const suffixes[] = {"", "_fail", "_warn", "_info", "_ordered"};
    if (take_word(&at, "clear")) {
        open_store(s);
    } else if (take_word(&at, "load")) {
        run_load(s, at, false);
    } else if (take_word(&at, "load_with_nhcb")) {
        run_load(s, at, true);
    } else {
        for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
            char word[32];
            (void)snprintf(word, sizeof word, "eval%s", suffixes[i]);
            if (take_word(&at, word)) {
                run_eval(s, at, suffixes[i]);
                return;
            }
        }
        complain(s, s->number, "no command", text_of(s->line));
    }
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    struct writer w = {0};
    size_t n;
    while ((n = fread(writer_reserve(&w, 65536), 1, 65536, f)) > 0)
        w.len += n;
    writer_u8(&w, 0);
    (void)fclose(f);
    return (char *)w.at;
}

static void run_script(const char *path, uint32_t *evals, uint32_t *skipped)
{
    struct script s = {.path = path};
    s.text = s.next = read_file(path);
    arena_init(&s.arena, SIZE_MAX / 4, NULL);
    open_store(&s);
    for (next_line(&s); s.line; next_line(&s)) {
        if (s.line[0])
            run_command(&s);
        arena_reset(&s.arena);
    }
    close_store(&s);
    cr_log_info("%s: %u evals, %u skipped, %u failures", path, s.evals, s.skipped, s.failures);
    if (s.failures > 0)
        printf("%s: %u of %u evals fail\n", path, s.failures, s.evals);
    *evals += s.evals;
    *skipped += s.skipped;
    arena_release(&s.arena);
    writer_release(&s.out);
    mem_free(s.text);
}

static int script_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_script(const struct dirent *entry)
{
    const char *only = getenv("PROMQLTEST_FILE");
    size_t n = strlen(entry->d_name);
    if (only)
        return strcmp(entry->d_name, only) == 0;
    return n > 5 && strcmp(entry->d_name + n - 5, ".test") == 0;
}

Test(promqltest, answers_as_the_scripts_say, .timeout = 250)
{
    const char *dir = getenv("PROMQLTEST_DIR");
    dir = dir ? dir : "tests/promql";
    struct dirent **entries;
    uint32_t evals = 0, skipped = 0;
    int count = scandir(dir, &entries, is_script, script_order);
    cr_assert_gt(count, 0, "%s: no scripts; run from the repository root", dir);
    for (int i = 0; i < count; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        run_script(path, &evals, &skipped);
        free(entries[i]);
    }
    free(entries);
    printf("model: promql scripts in %s: %d, evals %u, skipped %u\n", dir, count, evals, skipped);
    (void)fflush(stdout);
    cr_expect_gt(evals, 0);
}
