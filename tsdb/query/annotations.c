#include "tsdb/query/annotations.h"

#include "tsdb/base/text.h"
#include "tsdb/query/ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct annotation {
    struct annotation *next;
    const char *full; /* what annotations_get answers */
    const char *text; /* without the place: what makes two the same */
    uint32_t samples; /* of annotations_monotonicity, else 0 */
    int64_t ts_min, ts_max;
    double bucket_min, bucket_max, diff_max;
};

static const char *const prefixes[ANNOTATION_KINDS] = {"PromQL warning: ", "PromQL info: "};

void annotations_init(struct annotations *a, struct arena *arena, struct tsdb_text source)
{
    *a = (struct annotations){.arena = arena, .source = source};
}

static char *keep(struct arena *arena, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = ARENA_ARRAY(arena, char, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

static struct annotation *find(const struct annotations *a, enum annotation_kind kind,
                               const char *text)
{
    for (struct annotation *at = a->lists[kind]; at; at = at->next)
        if (strcmp(at->text, text) == 0)
            return at;
    return NULL;
}

/* A new one, or NULL when there are too many or no memory is left. */
static struct annotation *push(struct annotations *a, enum annotation_kind kind, const char *text)
{
    if (a->counts[kind] == ANNOTATIONS_MAX) {
        a->dropped[kind]++;
        return NULL;
    }
    struct annotation *made = ARENA_ARRAY(a->arena, struct annotation, 1);
    char *copy = keep(a->arena, text);
    if (!made || !copy)
        return NULL;
    made->text = copy;
    made->full = copy;
    if (a->last[kind])
        a->last[kind]->next = made;
    else
        a->lists[kind] = made;
    a->last[kind] = made;
    a->counts[kind]++;
    return made;
}

static void place(struct annotations *a, struct annotation *made, const char *text, uint32_t begin)
{
    struct expr_position at = expr_position(a->source, begin);
    char full[ANNOTATION_TEXT_MAX + 32];
    (void)snprintf(full, sizeof full, "%s (%u:%u)", text, at.line, at.column);
    char *copy = keep(a->arena, full);
    if (copy)
        made->full = copy;
}

void annotations_add(struct annotations *a, enum annotation_kind kind, uint32_t begin,
                     const char *fmt, ...)
{
    char text[ANNOTATION_TEXT_MAX];
    int used = snprintf(text, sizeof text, "%s", prefixes[kind]);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text + used, sizeof text - (size_t)used, fmt, args);
    va_end(args);
    if (find(a, kind, text))
        return;
    struct annotation *made = push(a, kind, text);
    if (made)
        place(a, made, text, begin);
}

void annotations_named(struct annotations *a, enum annotation_kind kind, uint32_t begin,
                       const char *text, struct tsdb_text name)
{
    int len = name.len < 200 ? (int)name.len : 200;
    annotations_add(a, kind, begin, "%s \"%.*s\"", text, len, name.at);
}

struct annotation_number annotation_number(double v)
{
    struct annotation_number n = {{0}};
    char text[DOUBLE_TEXT_MAX];
    size_t len = double_format_g(v, text);
    memcpy(n.at, text, len < sizeof n.at ? len : sizeof n.at - 1);
    return n;
}

static void utc_text(int64_t ns, char out[32])
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
}

void annotations_monotonicity(struct annotations *a, uint32_t begin,
                              const struct annotation_monotonicity *met)
{
    static const char text[] =
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
    struct annotation *at = find(a, ANNOTATION_INFO, text);
    if (!at) {
        at = push(a, ANNOTATION_INFO, text);
        if (!at)
            return;
        at->ts_min = at->ts_max = met->ts;
        at->bucket_min = met->bucket_min;
        at->bucket_max = met->bucket_max;
    }
    at->samples++;
    at->ts_min = met->ts < at->ts_min ? met->ts : at->ts_min;
    at->ts_max = met->ts > at->ts_max ? met->ts : at->ts_max;
    at->bucket_min = met->bucket_min < at->bucket_min ? met->bucket_min : at->bucket_min;
    at->bucket_max = met->bucket_max > at->bucket_max ? met->bucket_max : at->bucket_max;
    at->diff_max = met->diff_max > at->diff_max ? met->diff_max : at->diff_max;
    /* Rewritten only as often as the count doubles: the arena never shrinks. */
    if ((at->samples & (at->samples - 1)) != 0)
        return;
    char from[32], to[32], full[ANNOTATION_TEXT_MAX];
    utc_text(at->ts_min, from);
    utc_text(at->ts_max, to);
    (void)snprintf(full, sizeof full,
                   "%s, from buckets %s to %s, with a max diff of %.2g, over %u samples from %s "
                   "to %s",
                   text, annotation_number(at->bucket_min).at, annotation_number(at->bucket_max).at,
                   at->diff_max, at->samples, from, to);
    place(a, at, full, begin);
}

const char *annotations_get(const struct annotations *a, enum annotation_kind kind, uint32_t index)
{
    if (index == a->counts[kind] && a->dropped[kind] > 0)
        return kind == ANNOTATION_WARNING ? "further warning annotations omitted"
                                          : "further info annotations omitted";
    const struct annotation *at = a->lists[kind];
    while (at && index > 0) {
        at = at->next;
        index--;
    }
    return at ? at->full : NULL;
}
