/* conformance.h - tables of whole queries: rows are stored, a query is asked, its text compared.
 *
 * Each table is asked three times: of rows that are hot, of rows that are sealed, and of rows of
 * which the older half is sealed.  What is wanted comes from the documentation of Loki 3
 * (https://grafana.com/docs/loki/latest/query/), not from what Andon answered.
 *
 *   TIMES   log queries: seconds of the entries, newest first: "40 30 10"
 *   FULL    as rig.h prints answers; of metric queries at second 100, lines in any order
 *   ORDERED the same, lines in the order they came
 *
 * A want that begins with "error: " is a part of the message.
 */
#ifndef TESTS_TSDB_LOGQL_CONFORMANCE_H
#define TESTS_TSDB_LOGQL_CONFORMANCE_H

#include "tests/tsdb/logql/rig.h"
#include "tsdb/base/mem.h"

struct conformance_row {
    const char *labels; /* "a=b c=d" */
    const char *attributes;
    int64_t s;
    const char *line;
    const char *fields; /* "name=text n:i=5 x:d=0.5 ok:b=1 id:x=0102ff raw:y=bytes list:j=[1]" */
};

struct conformance_case {
    const char *query, *want;
};

/* A metric query asked for the seconds from, from + step ... to. */
struct conformance_range {
    const char *query, *want;
    int64_t step, from, to;
};

enum conformance_form { TIMES, FULL, ORDERED };

struct conformance_field {
    struct tsdb_label pairs[32];
    struct tsdb_field at[32];
    uint8_t bytes[32][32]; /* of ids */
    uint32_t count;
};

static inline unsigned conformance_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static inline void conformance_field_read(struct conformance_field *f, uint32_t i)
{
    struct tsdb_text name = f->pairs[i].name, value = f->pairs[i].value;
    char type = 's';
    double real = 0;
    if (name.len > 2 && name.at[name.len - 2] == ':') {
        type = name.at[name.len - 1];
        name.len -= 2;
    }
    (void)double_parse(value, &real);
    f->at[i] = (struct tsdb_field){.name = name, .type = TSDB_FIELD_STRING, .text = value};
    if (type == 'i' || type == 'b') {
        f->at[i].type = type == 'i' ? TSDB_FIELD_INT : TSDB_FIELD_BOOL;
        f->at[i].integer = (int64_t)real;
    } else if (type == 'd') {
        f->at[i].type = TSDB_FIELD_DOUBLE;
        f->at[i].real = real;
    } else if (type == 'x') {
        for (size_t k = 0; k + 1 < value.len; k += 2)
            f->bytes[i][k / 2] =
                (uint8_t)(conformance_digit(value.at[k]) << 4 | conformance_digit(value.at[k + 1]));
        f->at[i].type = TSDB_FIELD_ID;
        f->at[i].text = (struct tsdb_text){(const char *)f->bytes[i], value.len / 2};
    } else if (type == 'y' || type == 'j') {
        f->at[i].type = type == 'y' ? TSDB_FIELD_BYTES : TSDB_FIELD_JSON;
    }
}

static inline void conformance_fields_read(const char *text, struct conformance_field *out)
{
    memset(out, 0, sizeof *out);
    out->count = text ? rig_pairs(text, out->pairs) : 0;
    for (uint32_t i = 0; i < out->count; i++)
        conformance_field_read(out, i);
}

static inline void conformance_put(struct rig *r, const struct conformance_row *row)
{
    struct tsdb_label labels[16];
    struct conformance_field attributes, fields;
    conformance_fields_read(row->attributes, &attributes);
    conformance_fields_read(row->fields, &fields);
    struct tsdb_log_stream stream = {.labels = {labels, rig_pairs(row->labels, labels)},
                                     .attributes = attributes.at,
                                     .attribute_count = attributes.count};
    struct tsdb_log_record record = {.ts = RIG_NOW - (1000 - row->s) * NS_PER_S,
                                     .line = text_of(row->line),
                                     .fields = fields.at,
                                     .field_count = fields.count};
    struct tsdb_log_batch batch = {"", &stream, &record, 1, 1};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    uint8_t verdict = 99;
    cr_assert_eq(logs_append(r->logs, &batch, &out, &verdict, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(verdict, TSDB_ACCEPTED, "%s: %s", row->line, tsdb_verdict_name(verdict));
}

/* The seconds of an answer's lines: what stands before the first blank, without its "000". */
static inline void conformance_times(const char *full, struct writer *out)
{
    if (strncmp(full, "error: ", 7) == 0)
        writer_text(out, full);
    for (; *full && out->len < 4000 && strncmp(full, "error: ", 7) != 0;) {
        size_t n = strcspn(full, " ");
        if (out->len > 0)
            writer_u8(out, ' ');
        writer_put(out, full, n > 3 ? n - 3 : n);
        const char *end = strchr(full, '\n');
        full = end ? end + 1 : full + strlen(full);
    }
    writer_u8(out, 0);
}

static inline int conformance_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same lines in order of their text. */
static inline void conformance_sort(struct writer *w)
{
    char *lines[256], *text = mem_text((const char *)w->at, w->len);
    size_t count = 0;
    for (char *at = text, *end; count < 256 && (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        lines[count++] = at;
    }
    qsort(lines, count, sizeof lines[0], conformance_compare);
    writer_reset(w);
    for (size_t i = 0; i < count; i++)
        writer_format(w, "%s\n", lines[i]);
    writer_u8(w, 0);
    mem_free(text);
}

/* Compares an answer of the rig with what is wanted. */
static inline void conformance_check(const char *answer, const struct conformance_case *c,
                                     enum conformance_form form, const char *phase)
{
    struct writer got = {0}, want = {0};
    bool is_error = strncmp(answer, "error: ", 7) == 0;
    writer_text(&got, answer);
    writer_u8(&got, 0);
    writer_text(&want, c->want);
    writer_u8(&want, 0);
    if (strncmp(c->want, "error: ", 7) == 0) {
        bool is_so = is_error && strstr(answer, c->want + 7) != NULL;
        cr_expect(is_so, "%s\n query %s\n got   %s\n want  %s", phase, c->query, answer, c->want);
    } else {
        if (form == TIMES) {
            writer_reset(&got);
            conformance_times(answer, &got);
        } else if (form == FULL && c->query[0] != '{' && !is_error) {
            conformance_sort(&got);
            conformance_sort(&want);
        }
        cr_expect_str_eq((const char *)got.at, (const char *)want.at,
                         "%s\n query %s\n got   %s\n want  %s", phase, c->query,
                         (const char *)got.at, (const char *)want.at);
    }
    writer_release(&got);
    writer_release(&want);
}

/* The phases of a table: hot, sealed, half sealed. */
enum { CONFORMANCE_PHASES = 3 };

static inline const char *conformance_fill(struct rig *r, size_t phase,
                                           const struct conformance_row *rows, size_t count)
{
    static const char *const names[] = {"hot", "sealed", "half sealed"};
    rig_open(r);
    for (size_t i = 0; i < count; i++) {
        conformance_put(r, &rows[i]);
        if ((phase == 1 && i + 1 == count) || (phase == 2 && i + 1 == count / 2))
            rig_seal(r);
    }
    return names[phase];
}

static inline void conformance_run(const struct conformance_row *rows, size_t row_count,
                                   const struct conformance_case *cases, size_t count,
                                   enum conformance_form form)
{
    for (size_t phase = 0; phase < CONFORMANCE_PHASES; phase++) {
        struct rig r;
        const char *name = conformance_fill(&r, phase, rows, row_count);
        for (size_t i = 0; i < count; i++)
            conformance_check(rig_ask(&r, cases[i].query), &cases[i], form, name);
        rig_close(&r);
    }
}

#define CONFORMANCE(rows, cases, form)                                                             \
    conformance_run(rows, sizeof(rows) / sizeof(rows)[0], cases, sizeof(cases) / sizeof(cases)[0], \
                    form)

/* ---- a shop: streams with attributes, fields of every type ------------------------ */

#define CART "app=cart env=prod zone=a", "host.name=h1 cpu:i=4"
#define CART_DEV "app=cart env=dev zone=b", "host.name=h2"
#define WEB "app=web env=prod zone=a", NULL
#define DB "app=db env=prod", "k8s.pod=db-0 ready:b=1 ratio:d=0.5 tags:j=[\"a\",\"b\"]"

static const struct conformance_row shop[] = {
    {CART, 10, "order 1 placed by ann", "level=info took:i=120 size=1KiB dur=120ms id:x=0102abff"},
    {CART, 20, "order 2 failed: timeout", "level=error took:i=900 size=2KB dur=1.5s id:x=ff00"},
    {CART, 30, "order 3 placed by bob", "level=info took:d=0.5 size=500B dur=2m ok:b=1"},
    {CART_DEV, 40, "order 4 placed by Ann", "level=debug took:i=-5 dur=bad"},
    {WEB, 50, "GET /cart 200 from 10.1.2.3", "level=info status:i=200 http.method=GET"},
    {WEB, 60, "GET /cart/7 500 from 10.1.9.9", "level=error status:i=500 http.method=GET"},
    {WEB, 70, "POST /order 200 from 192.168.0.7",
     "level=info status:i=200 http.method=POST raw:y=hi"},
    {DB, 80, "slow query: select 1", "level=warn took:i=3000 app=meta"},
    {DB, 90, "", "level=info"},
    {DB, 100, "checkpoint done", NULL},
};

#endif
