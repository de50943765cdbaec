/* collect.h - a sink that keeps what decoders hand over, as text lines:
 *
 *   {__name__="up",job="a"} 1700000000000000000 3ff0000000000000
 *   {...} TS h schema count sum zero[threshold] spans:counts ...
 *   exemplar {...} TS value {trace_id="..."}
 *   metadata family type help unit
 *
 * Labels sorted, empty values dropped; values as bits.  Tests and fuzz targets
 * compare sorted lines.  Also checks what every sink may rely on.
 */
#ifndef TESTS_COLLECTOR_DECODE_COLLECT_H
#define TESTS_COLLECTOR_DECODE_COLLECT_H

#include "collector/decode/sink.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <stdlib.h>
#include <string.h>

#ifndef COLLECT_MAX
#define COLLECT_MAX 20000
#endif

struct collect {
    char *lines[COLLECT_MAX];
    uint32_t count;
    uint64_t items, points, batches, deltas;
    uint32_t last_item;
    bool has_item, has_nul;             /* a text held a NUL: C strings cannot be compared to it */
    struct tsdb_hash keys[COLLECT_MAX]; /* of point lines, in order of arrival */
    uint32_t key_count;
    enum tsdb_status answer;
};

static inline int collect_label_order(const void *a, const void *b)
{
    const struct tsdb_label *x = a, *y = b;
    return text_compare(x->name, y->name);
}

static inline void collect_labels(struct writer *w, struct tsdb_labels labels)
{
    struct tsdb_label *sorted = MEM_ARRAY(struct tsdb_label, labels.count);
    if (labels.count)
        memcpy(sorted, labels.at, labels.count * sizeof *sorted);
    qsort(sorted, labels.count, sizeof *sorted, collect_label_order);
    writer_u8(w, '{');
    bool any = false;
    for (uint32_t i = 0; i < labels.count; i++) {
        if (sorted[i].value.len == 0)
            continue;
        if (any)
            writer_u8(w, ',');
        any = true;
        writer_put(w, sorted[i].name.at, sorted[i].name.len);
        writer_text(w, "=\"");
        writer_put(w, sorted[i].value.at, sorted[i].value.len);
        writer_u8(w, '"');
    }
    writer_u8(w, '}');
    mem_free(sorted);
}

static inline void collect_line(struct collect *c, struct writer *w)
{
    c->has_nul |= memchr(w->at, 0, w->len) != NULL;
    if (c->count < COLLECT_MAX)
        c->lines[c->count++] = mem_text((const char *)w->at, w->len);
    writer_reset(w);
}

static inline uint64_t collect_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline void collect_buckets(struct writer *w, const struct tsdb_bucket_span *spans,
                                   uint32_t span_count, const double *buckets, uint32_t count)
{
    int64_t index = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < span_count; i++) {
        index += spans[i].offset;
        for (uint32_t n = 0; n < spans[i].length && have < count; n++, index++, have++)
            if (buckets[have] != 0)
                writer_format(w, " %lld:%g", (long long)index, buckets[have]);
    }
    writer_text(w, " |");
}

static inline void collect_histogram(struct writer *w, const struct tsdb_histogram *h)
{
    writer_format(w, "h%s schema=%d hint=%u count=%.17g sum=%016llx zero=%.17g<=%.17g",
                  h->is_float ? "f" : "i", h->schema, h->hint, h->count,
                  (unsigned long long)collect_bits(h->sum), h->zero_count, h->zero_threshold);
    collect_buckets(w, h->negative_spans, h->negative_span_count, h->negative, h->negative_count);
    collect_buckets(w, h->positive_spans, h->positive_span_count, h->positive, h->positive_count);
    for (uint32_t i = 0; i < h->custom_count; i++)
        writer_format(w, " le=%.17g", h->custom[i]);
}

static inline void collect_point(struct collect *c, struct decode_batch *b, uint32_t i,
                                 struct writer *w)
{
    const struct tsdb_point *p = &b->batch.points[i];
    struct tsdb_labels labels;
    enum tsdb_status st = b->batch.labels(b->batch.arg, i, &labels);
    if (st == TSDB_OK)
        collect_labels(w, labels);
    else
        writer_format(w, "{bad %d}", (int)st);
    writer_format(w, " %lld ", (long long)p->ts);
    if (p->histogram)
        collect_histogram(w, p->histogram);
    else
        writer_format(w, "%016llx", (unsigned long long)collect_bits(p->value));
    if (b->notes[i].is_delta)
        writer_format(w, " delta since %lld", (long long)b->notes[i].start_ts);
    if (b->notes[i].is_total && b->notes[i].start_ts != 0)
        writer_format(w, " total since %lld", (long long)b->notes[i].start_ts);
    if (c->key_count < COLLECT_MAX)
        c->keys[c->key_count++] = p->key;
    collect_line(c, w);
}

static inline enum tsdb_status collect_batch(void *arg, struct decode_batch *b)
{
    struct collect *c = arg;
    if (c->answer != TSDB_OK)
        return c->answer;
    struct writer w = {0};
    ASSERT(b->batch.point_count <= DECODE_BATCH_POINTS);
    ASSERT(b->batch.points == b->points);
    c->batches++;
    for (uint32_t i = 0; i < b->batch.point_count; i++) {
        const struct decode_note *n = &b->notes[i];
        if (n->kind != DECODE_DERIVED && (!c->has_item || n->item != c->last_item)) {
            ASSERT(!c->has_item || n->item > c->last_item);
            c->items++;
            c->has_item = true;
            c->last_item = n->item;
        }
        c->deltas += n->is_delta;
        c->points++;
        collect_point(c, b, i, &w);
    }
    for (uint32_t i = 0; i < b->batch.exemplar_count; i++) {
        const struct tsdb_exemplar *e = &b->batch.exemplars[i];
        ASSERT(e->point < b->batch.point_count);
        struct tsdb_labels labels;
        writer_text(&w, "exemplar ");
        if (b->batch.labels(b->batch.arg, e->point, &labels) == TSDB_OK)
            collect_labels(&w, labels);
        writer_format(&w, " %lld %.17g ", (long long)e->ts, e->value);
        collect_labels(&w, e->labels);
        collect_line(c, &w);
    }
    for (uint32_t i = 0; i < b->batch.metadata_count; i++) {
        const struct tsdb_metadata *m = &b->batch.metadata[i];
        const struct tsdb_text texts[] = {m->family, m->help, m->unit};
        for (int t = 0; t < 3; t++)
            c->has_nul |= texts[t].len > 0 && memchr(texts[t].at, 0, texts[t].len) != NULL;
        writer_format(&w, "metadata %.*s %d '%.*s' '%.*s'", (int)m->family.len, m->family.at,
                      (int)m->type, (int)m->help.len, m->help.at, (int)m->unit.len, m->unit.at);
        collect_line(c, &w);
    }
    writer_release(&w);
    return TSDB_OK;
}

static inline int collect_line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void collect_sort(struct collect *c)
{
    qsort(c->lines, c->count, sizeof c->lines[0], collect_line_order);
}

static inline struct collect *collect_new(void)
{
    return MEM_NEW(struct collect);
}

static inline void collect_free(struct collect *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        mem_free(c->lines[i]);
    mem_free(c);
}

static inline bool collect_has(const struct collect *c, const char *line)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (strcmp(c->lines[i], line) == 0)
            return true;
    return false;
}

/* Everything on one text, for failure messages; owned by the caller. */
static inline char *collect_dump(const struct collect *c)
{
    struct writer w = {0};
    for (uint32_t i = 0; i < c->count; i++)
        writer_format(&w, "%s\n", c->lines[i]);
    writer_u8(&w, 0);
    return (char *)w.at;
}

static inline uint64_t tally_rejected(const struct decode_tally *t)
{
    uint64_t n = 0;
    for (int i = 0; i < DECODE_REASON_COUNT; i++)
        n += t->rejected[i];
    return n;
}

static inline struct decode_task collect_task(struct collect *c, struct arena *arena)
{
    return (struct decode_task){
        .seed = 42, .tenant = "", .arena = arena, .sink = {collect_batch, c}, .items_max = 100000};
}

#endif
