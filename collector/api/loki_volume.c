/* How much there is: by streams and labels, mostly from the engine's headers alone. */
#include "collector/api/loki.h"
#include "collector/api/tally.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    VOLUME_LABELS_MAX = 64,
    VOLUME_STEPS_MAX = 2000,
    VOLUME_SERIES_MAX = 5000,
    VOLUME_SLOTS = 1 << 14, /* more than twice as many */
};

static bool ask_selector(struct request *r, struct tsdb_scope *scope)
{
    if (request_param(r, "query").len == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "the parameter \"query\" is missing");
        return false;
    }
    return loki_ask_scope(r, "query", scope);
}

/* ---- index/stats --------------------------------------------------------------------------- */

struct sums {
    uint64_t streams, groups, entries, bytes;
};

static bool add_volume(void *arg, const struct tsdb_log_volume *v)
{
    struct sums *sums = arg;
    sums->streams++;
    sums->groups += v->groups;
    sums->entries += v->entries;
    sums->bytes += v->bytes;
    return true;
}

static void run_stats(struct request *r)
{
    struct tsdb_scope scope;
    struct sums sums = {0};
    struct tsdb_error err = {0};
    if (!ask_selector(r, &scope))
        return;
    enum tsdb_status st = tsdb_log_volumes(r->api->options.db, &scope, add_volume, &sums, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, NULL);
        return;
    }
    struct json *j = &r->reply.json;
    reply_begin_bare(&r->reply);
    json_object(j);
    json_key(j, "streams");
    json_u64(j, sums.streams);
    json_key(j, "chunks");
    json_u64(j, sums.groups);
    json_key(j, "entries");
    json_u64(j, sums.entries);
    json_key(j, "bytes");
    json_u64(j, sums.bytes);
    json_end_object(j);
    reply_end(&r->reply);
}

/* ---- index/volume -----------------------------------------------------------------------------
 */

/* Streams fall together where they agree in the labels asked for. */
struct volume {
    struct tsdb_text key; /* its labels as JSON: what it is known by */
    struct volume *next;
    uint64_t total;
    uint64_t *steps; /* bytes of each step */
};

struct volumes {
    struct request *r;
    struct tsdb_scope scope;
    struct tsdb_text labels[VOLUME_LABELS_MAX];
    size_t label_count;
    bool is_by_label;      /* one series a label name, not one a combination of values */
    struct volume **slots; /* by hash of their keys */
    struct volume **sorted;
    struct volume *first;
    uint32_t count, step, step_count;
    struct json scratch; /* owned */
    bool is_full;
};

static bool add_label(struct volumes *v, struct tsdb_text name)
{
    for (size_t i = 0; i < v->label_count; i++)
        if (text_equal(v->labels[i], name))
            return true;
    if (v->label_count == VOLUME_LABELS_MAX)
        return false;
    v->labels[v->label_count++] = name;
    return true;
}

/* Past the string that begins at i, in one of LogQL's three quotes. */
static size_t skip_string(struct tsdb_text text, size_t i)
{
    char quote = text.at[i++];
    while (i < text.len && text.at[i] != quote)
        i += text.at[i] == '\\' && quote != '`' ? 2 : 1;
    return i + 1;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || (unsigned char)c >= 0x80;
}

/* The names that the selector's matchers are about; the engine has a say on its form. */
static bool add_matched_labels(struct volumes *v, struct tsdb_text selector)
{
    for (size_t i = 0; i < selector.len;) {
        char c = selector.at[i];
        if (c == '"' || c == '`' || c == '\'') {
            i = skip_string(selector, i);
        } else if (is_name_char(c)) {
            size_t start = i;
            while (i < selector.len && is_name_char(selector.at[i]))
                i++;
            if (!add_label(v, (struct tsdb_text){selector.at + start, i - start}))
                return false;
        } else {
            i++;
        }
    }
    return true;
}

static bool add_listed_labels(struct volumes *v, struct tsdb_text list)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t n = comma ? (size_t)(comma - list.at) : list.len;
        if (n > 0 && !add_label(v, (struct tsdb_text){list.at, n}))
            return false;
        list.at += comma ? n + 1 : n;
        list.len -= comma ? n + 1 : n;
    }
    return true;
}

static bool ask_volumes(struct request *r, struct volumes *v, uint64_t *limit)
{
    struct tsdb_text target = request_param(r, "targetLabels");
    struct tsdb_text by = request_param(r, "aggregateBy");
    *v = (struct volumes){.r = r, .step_count = 1};
    *limit = LOKI_LIMIT;
    v->slots = ARENA_ARRAY(request_arena(r), struct volume *, VOLUME_SLOTS);
    if (!v->slots) {
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory for the request");
        return false;
    }
    if (!ask_selector(r, &v->scope) || !request_count(r, "limit", VOLUME_SERIES_MAX, limit))
        return false;
    v->scope.limit = 0;
    v->is_by_label = text_equal(by, text_of("labels"));
    if (!v->is_by_label && by.len > 0 && !text_equal(by, text_of("series"))) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "invalid aggregation option, want \"series\" or \"labels\"");
        return false;
    }
    if (target.len > 0 ? add_listed_labels(v, target)
                       : add_matched_labels(v, request_param(r, "query")))
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "more than %d labels", VOLUME_LABELS_MAX);
    return false;
}

static struct volume *volume_of(struct volumes *v)
{
    struct arena *arena = request_arena(v->r);
    struct tsdb_text key = {(const char *)v->scratch.out.at, v->scratch.out.len};
    size_t slot = hash64(0, key.at, key.len) & (VOLUME_SLOTS - 1);
    for (; v->slots[slot]; slot = (slot + 1) & (VOLUME_SLOTS - 1))
        if (text_equal(v->slots[slot]->key, key))
            return v->slots[slot];
    struct volume *fresh = ARENA_ARRAY(arena, struct volume, 1);
    char *text = ARENA_ARRAY(arena, char, key.len);
    uint64_t *steps = ARENA_ARRAY(arena, uint64_t, v->step_count);
    if (v->count == VOLUME_SERIES_MAX || !fresh || !text || !steps)
        return NULL;
    memcpy(text, key.at, key.len);
    *fresh = (struct volume){.key = {text, key.len}, .next = v->first, .steps = steps};
    v->slots[slot] = v->first = fresh;
    v->count++;
    return fresh;
}

static bool is_asked(const struct volumes *v, struct tsdb_text name)
{
    for (size_t i = 0; i < v->label_count; i++)
        if (text_equal(v->labels[i], name))
            return true;
    return false;
}

static bool count_bytes(struct volumes *v, uint64_t bytes)
{
    struct volume *to = volume_of(v);
    v->is_full = v->is_full || !to;
    if (!to)
        return false;
    to->total += bytes;
    to->steps[v->step] += bytes;
    return true;
}

static void scratch_begin(struct volumes *v)
{
    writer_reset(&v->scratch.out);
    v->scratch.has_comma = false;
    json_object(&v->scratch);
}

static bool visit_by_label(struct volumes *v, const struct tsdb_log_volume *stream)
{
    for (uint32_t i = 0; i < stream->labels.count; i++) {
        if (!is_asked(v, stream->labels.at[i].name))
            continue;
        scratch_begin(v);
        json_key_text(&v->scratch, stream->labels.at[i].name);
        json_word(&v->scratch, "");
        json_end_object(&v->scratch);
        if (!count_bytes(v, stream->bytes))
            return false;
    }
    return true;
}

static bool visit_by_values(struct volumes *v, const struct tsdb_log_volume *stream)
{
    scratch_begin(v);
    for (uint32_t i = 0; i < stream->labels.count; i++)
        if (is_asked(v, stream->labels.at[i].name)) {
            json_key_text(&v->scratch, stream->labels.at[i].name);
            json_text(&v->scratch, stream->labels.at[i].value);
        }
    json_end_object(&v->scratch);
    return count_bytes(v, stream->bytes);
}

static bool visit_volume(void *arg, const struct tsdb_log_volume *stream)
{
    struct volumes *v = arg;
    if (stream->bytes == 0)
        return true;
    return v->is_by_label ? visit_by_label(v, stream) : visit_by_values(v, stream);
}

static int by_total(const void *a, const void *b)
{
    const struct volume *x = *(struct volume *const *)a, *y = *(struct volume *const *)b;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return text_compare(x->key, y->key);
}

/* Greatest first; false, and answered, when they are too many. */
static bool sort_volumes(struct volumes *v)
{
    v->sorted = ARENA_ARRAY(request_arena(v->r), struct volume *, v->count + 1);
    if (v->is_full || !v->sorted) {
        reply_fail(&v->r->reply, REPLY_EXECUTION,
                   "more than %d series of volumes: narrow the query or name targetLabels",
                   VOLUME_SERIES_MAX);
        return false;
    }
    size_t n = 0;
    for (struct volume *at = v->first; at; at = at->next)
        v->sorted[n++] = at;
    qsort(v->sorted, n, sizeof(struct volume *), by_total);
    return true;
}

static void put_point(struct json *j, int64_t ts, uint64_t bytes)
{
    json_array(j);
    json_time(j, ts);
    json_value(j, (double)bytes);
    json_end_array(j);
}

/* The time is over, or nobody waits. */
static enum tsdb_status check_time(const struct request *r, struct tsdb_error *err)
{
    int64_t spent = clock_mono_ns(r->api->options.clock) - r->arrived_ns;
    if (exchange_is_open(r->x) && spent < atomic_load(&r->api->query_timeout))
        return TSDB_OK;
    return tsdb_fail(err, TSDB_ECANCELED, "query timed out");
}

/* Sums each step of the range; a step's time is its end, as of a rate over it. */
static bool gather(struct volumes *v, const struct loki_range *range)
{
    struct tsdb_error err = {0};
    enum tsdb_status st = TSDB_OK;
    int64_t start = range->start;
    for (v->step = 0; v->step < v->step_count && st == TSDB_OK && !v->is_full; v->step++) {
        bool is_last = range->end - start <= range->step || v->step + 1 == v->step_count;
        v->scope.start = start;
        v->scope.end = is_last ? range->end : start + range->step;
        st = check_time(v->r, &err);
        if (st == TSDB_OK)
            st = tsdb_log_volumes(v->r->api->options.db, &v->scope, visit_volume, v, &err);
        start = v->scope.end;
    }
    if (st != TSDB_OK)
        request_fail_engine(v->r, st, &err, NULL);
    return st == TSDB_OK && sort_volumes(v);
}

static void put_volume(struct json *j, const struct volumes *v, const struct volume *series,
                       const struct loki_range *range)
{
    json_object(j);
    json_key(j, "metric");
    json_raw(j, (struct bytes){(const uint8_t *)series->key.at, series->key.len});
    if (range->step == 0) {
        json_key(j, "value");
        put_point(j, range->end, series->total);
    } else {
        json_key(j, "values");
        json_array(j);
        for (uint32_t i = 0; i < v->step_count; i++)
            if (series->steps[i] > 0)
                put_point(j,
                          i + 1 == v->step_count ? range->end
                                                 : range->start + (int64_t)(i + 1) * range->step,
                          series->steps[i]);
        json_end_array(j);
    }
    json_end_object(j);
}

static void answer_volumes(struct volumes *v, const struct loki_range *range, uint64_t limit)
{
    struct json *j = &v->r->reply.json;
    reply_begin(&v->r->reply);
    json_object(j);
    json_key(j, "resultType");
    json_word(j, range->step == 0 ? "vector" : "matrix");
    json_key(j, "result");
    json_array(j);
    for (uint32_t i = 0; i < v->count && i < limit; i++)
        put_volume(j, v, v->sorted[i], range);
    json_end_array(j);
    json_end_object(j);
    reply_end(&v->r->reply);
}

static void run_volumes(struct request *r, bool is_range)
{
    struct volumes v;
    uint64_t limit;
    if (!ask_volumes(r, &v, &limit))
        return;
    struct loki_range range = {.start = v.scope.start, .end = v.scope.end};
    if (is_range && !loki_ask_step(r, VOLUME_STEPS_MAX, &range))
        return;
    if (is_range) {
        uint64_t width = (uint64_t)range.end - (uint64_t)range.start, step = (uint64_t)range.step;
        v.step_count = (uint32_t)(width / step + (width % step > 0));
    }
    json_init(&v.scratch, 0, NULL, NULL);
    if (gather(&v, &range))
        answer_volumes(&v, &range, limit);
    json_release(&v.scratch);
}

static void run_volume(struct request *r)
{
    run_volumes(r, false);
}

static void run_volume_range(struct request *r)
{
    run_volumes(r, true);
}

/* ---- detected_labels --------------------------------------------------------------------------
 */

struct label_counts {
    struct tally pairs, names;
    struct writer scratch; /* owned */
};

/* A pair that was not there before is one value more of its name. */
static bool count_labels(void *arg, struct tsdb_labels labels)
{
    struct label_counts *c = arg;
    for (uint32_t i = 0; i < labels.count; i++) {
        uint32_t before = c->pairs.count;
        writer_reset(&c->scratch);
        writer_put(&c->scratch, labels.at[i].name.at, labels.at[i].name.len);
        writer_u8(&c->scratch, 0);
        writer_put(&c->scratch, labels.at[i].value.at, labels.at[i].value.len);
        tally_add(&c->pairs, (struct tsdb_text){(const char *)c->scratch.at, c->scratch.len}, 1);
        if (c->pairs.count > before)
            tally_add(&c->names, labels.at[i].name, 1);
    }
    return true;
}

static void put_label_counts(struct request *r, struct label_counts *c)
{
    struct json *j = &r->reply.json;
    reply_begin_bare(&r->reply);
    json_object(j);
    json_key(j, "detectedLabels");
    json_array(j);
    uint32_t shown = tally_top(&c->names, TALLY_TOP_MAX);
    for (uint32_t i = 0; i < shown; i++) {
        json_object(j);
        json_key(j, "label");
        json_text(j, c->names.entries[i].name);
        json_key(j, "cardinality");
        json_u64(j, c->names.entries[i].count);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
    reply_end(&r->reply);
}

static void run_detected_labels(struct request *r)
{
    struct tsdb_scope scope;
    struct label_counts c = {0};
    struct tsdb_error err = {0};
    if (!loki_ask_scope(r, "query", &scope))
        return;
    scope.limit = 0;
    if (!tally_init(&c.pairs, request_arena(r)) || !tally_init(&c.names, request_arena(r))) {
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory for the request");
        return;
    }
    enum tsdb_status st = tsdb_log_streams(r->api->options.db, &scope, count_labels, &c, &err);
    if (st == TSDB_OK)
        put_label_counts(r, &c);
    else
        request_fail_engine(r, st, &err, NULL);
    writer_release(&c.scratch);
}

void handle_loki_stats(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_stats);
}

void handle_loki_volume(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_volume);
}

void handle_loki_volume_range(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_volume_range);
}

void handle_loki_detected_labels(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_detected_labels);
}
