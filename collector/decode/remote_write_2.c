#include "collector/decode/remote_write_2.h"

#include "collector/decode/native_histogram.h"
#include "collector/decode/pull.h"
#include "collector/decode/sample.h"
#include "collector/decode/stage.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

enum { REQUEST_SYMBOLS = 4, REQUEST_SERIES = 5 };
enum {
    SERIES_REFS = 1,
    SERIES_SAMPLES = 2,
    SERIES_HISTOGRAMS = 3,
    SERIES_EXEMPLARS = 4,
    SERIES_METADATA = 5
};
enum { METADATA_TYPE = 1 };
enum { REFS_MAX = 2 * DECODE_LABELS_MAX, SEEN_SLOTS = 256 };
enum { SYMBOLS_MAX = 1 << 20 };  /* two bytes each on the wire, forty here */
enum { PAIR_MORE = 3 + 3 * 10 }; /* three tags, three lengths */

/* One label as remote write 1.0 writes it. */
struct pair {
    const uint8_t *at; /* NULL: not made yet */
    uint32_t len, name_ref;
};

struct walk {
    struct stage stage;
    const struct decode_task *task;
    struct tsdb_text *symbols;
    uint32_t symbol_count;
    bool has_empty_first; /* symbols[0] is "", as it must be */
    struct pair *pairs;   /* by reference of the value */
    uint8_t *canonical;   /* of the labels of one series; grows in the arena */
    size_t canonical_cap;
    uint64_t seen[SEEN_SLOTS]; /* metadata already handed over */
};

/* The labels of one series: references into the table. */
struct refs {
    uint32_t at[REFS_MAX];
    uint32_t count;
    bool is_bad; /* odd, past the table, or too many */
};

static enum tsdb_status symbols_map(struct walk *w, struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    size_t count = 0;
    while (pull_next(&p, &f))
        count += f.number == REQUEST_SYMBOLS;
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    if (count > SYMBOLS_MAX)
        return TSDB_EINVAL;
    w->symbols = ARENA_ARRAY(w->task->arena, struct tsdb_text, count);
    w->pairs = ARENA_ARRAY(w->task->arena, struct pair, count);
    if (!w->symbols || !w->pairs)
        return TSDB_ELIMIT;
    p = pull_over(in);
    while (pull_next(&p, &f))
        if (f.number == REQUEST_SYMBOLS)
            w->symbols[w->symbol_count++] = pull_text(&p, &f);
    w->has_empty_first = w->symbol_count > 0 && w->symbols[0].len == 0;
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static inline void refs_add(const struct walk *w, struct refs *refs, uint64_t raw)
{
    uint32_t ref = (uint32_t)raw;
    if (ref >= w->symbol_count || refs->count == REFS_MAX)
        refs->is_bad = true;
    else
        refs->at[refs->count++] = ref;
}

/* The references in fields `number` of a message. */
static bool refs_parse(const struct walk *w, struct bytes in, uint32_t number, struct refs *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    out->count = 0;
    out->is_bad = !w->has_empty_first;
    while (pull_next(&p, &f)) {
        if (f.number != number)
            continue;
        if (f.wire == PULL_SIZED) { /* packed */
            struct reader r = reader_over(f.bytes);
            while (r.rest.len > 0)
                refs_add(w, out, pull_varint(&r));
            if (r.fault)
                pull_fail(&p);
        } else {
            refs_add(w, out, pull_u64(&p, &f));
        }
    }
    out->is_bad |= out->count % 2 != 0;
    return pull_done(&p);
}

static size_t varint_bytes(size_t n)
{
    size_t bytes = 1;
    while (n >= 0x80) {
        n >>= 7;
        bytes++;
    }
    return bytes;
}

static size_t put_text(uint8_t *out, uint8_t tag, struct tsdb_text t)
{
    size_t n = 0;
    out[n++] = tag;
    n += uvarint_encode(t.len, out + n);
    if (t.len)
        memcpy(out + n, t.at, t.len);
    return n + t.len;
}

/* The label in the wire form of remote write 1.0, from the memory of pairs: a value
 * nearly always has one name.  NULL when the arena is full. */
static const struct pair *pair_get(struct walk *w, uint32_t name_ref, uint32_t value_ref)
{
    struct pair *pair = &w->pairs[value_ref];
    if (pair->at && pair->name_ref == name_ref)
        return pair;
    struct tsdb_text name = w->symbols[name_ref], value = w->symbols[value_ref];
    uint8_t *at = ARENA_ARRAY(w->task->arena, uint8_t, name.len + value.len + PAIR_MORE);
    if (!at)
        return NULL;
    size_t inner = 2 + varint_bytes(name.len) + name.len + varint_bytes(value.len) + value.len;
    size_t len = 0;
    at[len++] = 0x0a;
    len += uvarint_encode(inner, at + len);
    len += put_text(at + len, 0x0a, name);
    len += put_text(at + len, 0x12, value);
    *pair = (struct pair){at, (uint32_t)len, name_ref};
    return pair;
}

static bool canonical_reserve(struct walk *w, size_t want)
{
    if (want <= w->canonical_cap)
        return true;
    uint8_t *at = ARENA_ARRAY(w->task->arena, uint8_t, 2 * want);
    if (!at)
        return false;
    if (w->canonical_cap)
        memcpy(at, w->canonical, w->canonical_cap);
    w->canonical = at;
    w->canonical_cap = 2 * want;
    return true;
}

/* The key that remote write 1.0 would arrive at: see tsdb_labels_hash.  False when the
 * arena is full. */
static bool series_key(struct walk *w, const struct refs *refs, struct tsdb_hash *out)
{
    size_t len = 0;
    for (uint32_t i = 0; i + 1 < refs->count; i += 2) {
        const struct pair *pair = pair_get(w, refs->at[i], refs->at[i + 1]);
        if (!pair || !canonical_reserve(w, len + pair->len))
            return false;
        memcpy(w->canonical + len, pair->at, pair->len);
        len += pair->len;
    }
    *out = hash128(w->task->seed, w->canonical, len);
    return true;
}

static enum tsdb_status labels_make(const struct walk *w, const struct refs *refs,
                                    struct arena *arena, struct tsdb_labels *out)
{
    if (refs->is_bad)
        return TSDB_ECORRUPT;
    struct tsdb_label *labels = ARENA_ARRAY(arena, struct tsdb_label, refs->count / 2);
    if (!labels)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < refs->count / 2; i++)
        labels[i] =
            (struct tsdb_label){w->symbols[refs->at[2 * i]], w->symbols[refs->at[2 * i + 1]]};
    *out = (struct tsdb_labels){labels, refs->count / 2};
    return TSDB_OK;
}

static enum tsdb_status labels_of(void *arg, const struct stage_source *source, struct arena *names,
                                  struct tsdb_labels *out)
{
    struct refs refs;
    if (!refs_parse(arg, source->raw, SERIES_REFS, &refs))
        return TSDB_ECORRUPT;
    return labels_make(arg, &refs, names, out);
}

static enum tsdb_metric_type metric_type(uint32_t wire)
{
    return wire <= TSDB_METRIC_STATESET ? (enum tsdb_metric_type)wire : TSDB_METRIC_UNKNOWN;
}

/* One series of the request. */
struct series {
    struct bytes raw;
    struct refs refs;
    struct tsdb_hash key;
    struct stage_source source;
    bool has_type; /* the next one is known */
    enum tsdb_metric_type type;
};

/* The type in the series' metadata, which lies after its samples; looked for only where a
 * sample has a start time.  A fault is found by whoever reads the whole. */
static enum tsdb_metric_type series_type(struct series *series)
{
    if (series->has_type)
        return series->type;
    struct pull p = pull_over(series->raw);
    struct pull_field f, inner;
    uint32_t type = TSDB_METRIC_UNKNOWN;
    while (pull_next(&p, &f)) {
        if (f.number != SERIES_METADATA)
            continue;
        struct pull metadata = pull_over(pull_bytes(&p, &f));
        while (pull_next(&metadata, &inner))
            if (inner.number == METADATA_TYPE)
                type = pull_u32(&metadata, &inner);
    }
    series->has_type = true;
    series->type = metric_type(type);
    return series->type;
}

static bool is_quantile(const struct walk *w, const struct refs *refs)
{
    for (uint32_t i = 0; i + 1 < refs->count; i += 2)
        if (text_equal(w->symbols[refs->at[i]], text_of("quantile")))
            return true;
    return false;
}

/* Notes since when the point counts, and whether it does: by its type, and a native
 * histogram without one unless it says that it is a gauge. */
static void note_start(struct walk *w, struct series *series, uint32_t i, int64_t start_ms)
{
    struct decode_note *note = &w->stage.notes[i];
    const struct tsdb_point *p = &w->stage.points[i];
    uint64_t bits;
    memcpy(&bits, &p->value, sizeof bits);
    note->start_ts = stage_ms(start_ms);
    if (start_ms == 0 || bits == DECODE_STALE_BITS)
        return;
    switch (series_type(series)) {
    case TSDB_METRIC_COUNTER:
    case TSDB_METRIC_HISTOGRAM: note->is_total = true; break;
    case TSDB_METRIC_SUMMARY: note->is_total = !is_quantile(w, &series->refs); break;
    case TSDB_METRIC_UNKNOWN: note->is_total = p->histogram != NULL; break;
    case TSDB_METRIC_GAUGE:
    case TSDB_METRIC_GAUGEHISTOGRAM:
    case TSDB_METRIC_INFO:
    case TSDB_METRIC_STATESET: break;
    }
    if (p->histogram && p->histogram->hint == TSDB_RESET_GAUGE)
        note->is_total = false;
}

static enum tsdb_status put_sample(struct walk *w, struct series *series, struct bytes in)
{
    struct sample sample;
    if (!sample_parse(in, &sample))
        return TSDB_ECORRUPT;
    struct stage *s = &w->stage;
    enum tsdb_status st = stage_room(s, 1);
    if (st == TSDB_OK)
        st = stage_item(s, DECODE_SAMPLE);
    if (st != TSDB_OK)
        return st;
    if (series->refs.is_bad) {
        stage_refuse(s, DECODE_BAD_SYMBOL, "labels_refs: odd, too many, or past the %u symbols",
                     w->symbol_count);
        return TSDB_OK;
    }
    uint32_t i = stage_point(s, series->key, stage_ms(sample.ts_ms), sample.value, &series->source);
    note_start(w, series, i, sample.start_ms);
    return TSDB_OK;
}

static enum tsdb_status put_histogram(struct walk *w, struct series *series, struct bytes in)
{
    struct stage *s = &w->stage;
    enum tsdb_status st = stage_room(s, 1);
    if (st == TSDB_OK)
        st = stage_item(s, DECODE_HISTOGRAM);
    if (st != TSDB_OK)
        return st;
    struct native_histogram *h = ARENA_ARRAY(&s->scratch, struct native_histogram, 1);
    const char *why = NULL;
    if (!h)
        return TSDB_ELIMIT;
    st = native_histogram_decode(in, &s->scratch, h, &why);
    if (st == TSDB_EINVAL) {
        stage_refuse(s, DECODE_BAD_HISTOGRAM, "native histogram: %s", why);
        return TSDB_OK;
    }
    if (st != TSDB_OK)
        return st;
    if (series->refs.is_bad) {
        stage_refuse(s, DECODE_BAD_SYMBOL, "labels_refs: odd, too many, or past the %u symbols",
                     w->symbol_count);
        return TSDB_OK;
    }
    uint32_t i = stage_point(s, series->key, stage_ms(h->ts_ms), h->h.sum, &series->source);
    s->points[i].histogram = &h->h;
    s->notes[i].kind = DECODE_HISTOGRAM;
    note_start(w, series, i, h->start_ts_ms);
    return TSDB_OK;
}

static enum tsdb_status put_exemplar(struct walk *w, const struct series *series, struct bytes in)
{
    struct tsdb_exemplar e = {0};
    struct refs refs;
    int64_t ts_ms = 0;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 2)
            e.value = pull_double(&p, &f);
        else if (f.number == 3)
            ts_ms = pull_i64(&p, &f);
    }
    if (!pull_done(&p) || !refs_parse(w, in, 1, &refs))
        return TSDB_ECORRUPT;
    if (refs.is_bad || series->refs.is_bad) {
        w->stage.tally->exemplars++;
        return TSDB_OK;
    }
    enum tsdb_status st = labels_make(w, &refs, &w->stage.scratch, &e.labels);
    if (st != TSDB_OK)
        return st;
    struct tsdb_exemplar *slot = stage_exemplar(&w->stage, stage_find(&w->stage, series->key));
    if (slot)
        *slot = (struct tsdb_exemplar){slot->point, stage_ms(ts_ms), e.value, e.labels};
    return TSDB_OK;
}

/* ---- metadata ------------------------------------------------------------------------ */

static struct tsdb_text name_of(const struct walk *w, const struct refs *refs)
{
    for (uint32_t i = 0; i + 1 < refs->count; i += 2)
        if (text_equal(w->symbols[refs->at[i]], text_of("__name__")))
            return w->symbols[refs->at[i + 1]];
    return (struct tsdb_text){"", 0};
}

static struct tsdb_text family_of(struct tsdb_text name, enum tsdb_metric_type type)
{
    static const char *const suffixes[] = {"_sum", "_count", "_bucket"};
    size_t try = 0;
    if (type == TSDB_METRIC_HISTOGRAM || type == TSDB_METRIC_GAUGEHISTOGRAM)
        try = 3;
    else if (type == TSDB_METRIC_SUMMARY)
        try = 2;
    for (size_t i = 0; i < try; i++) {
        size_t n = strlen(suffixes[i]);
        if (name.len > n && memcmp(name.at + name.len - n, suffixes[i], n) == 0)
            return (struct tsdb_text){name.at, name.len - n};
    }
    return name;
}

static enum tsdb_status put_metadata(struct walk *w, const struct series *series, struct bytes in)
{
    uint32_t type = 0, help = 0, unit = 0;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == METADATA_TYPE)
            type = pull_u32(&p, &f);
        else if (f.number == 3)
            help = pull_u32(&p, &f);
        else if (f.number == 4)
            unit = pull_u32(&p, &f);
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    bool says = type != 0 || help != 0 || unit != 0;
    if (!says || series->refs.is_bad || help >= w->symbol_count || unit >= w->symbol_count)
        return TSDB_OK;
    struct tsdb_metadata m = {.help = w->symbols[help], .unit = w->symbols[unit]};
    m.type = metric_type(type);
    m.family = family_of(name_of(w, &series->refs), m.type);
    if (m.family.len == 0)
        return TSDB_OK;
    uint64_t tag = hash64((uint64_t)help << 32 | unit, m.family.at, m.family.len) + type + 1;
    uint64_t *slot = &w->seen[tag % SEEN_SLOTS];
    if (*slot == tag)
        return TSDB_OK;
    *slot = tag;
    return stage_metadata(&w->stage, &m);
}

/* Samples and histograms; *is_more when there is anything else. */
static enum tsdb_status put_points(struct walk *w, struct series *series, bool *is_more)
{
    struct pull p = pull_over(series->raw);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    *is_more = false;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == SERIES_SAMPLES)
            st = put_sample(w, series, pull_bytes(&p, &f));
        else if (f.number == SERIES_HISTOGRAMS)
            st = put_histogram(w, series, pull_bytes(&p, &f));
        else
            *is_more |= f.number == SERIES_EXEMPLARS || f.number == SERIES_METADATA;
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

/* Exemplars, whose samples are staged by now, and metadata. */
static enum tsdb_status put_rest(struct walk *w, const struct series *series)
{
    struct pull p = pull_over(series->raw);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == SERIES_EXEMPLARS)
            st = put_exemplar(w, series, pull_bytes(&p, &f));
        else if (f.number == SERIES_METADATA)
            st = put_metadata(w, series, pull_bytes(&p, &f));
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status put_series(struct walk *w, struct bytes in)
{
    struct series series;
    bool is_more;
    series.raw = in;
    series.has_type = false;
    series.source = (struct stage_source){.raw = in};
    if (!refs_parse(w, in, SERIES_REFS, &series.refs))
        return TSDB_ECORRUPT;
    if (!series.refs.is_bad && !series_key(w, &series.refs, &series.key))
        return TSDB_ELIMIT;
    enum tsdb_status st = put_points(w, &series, &is_more);
    return st == TSDB_OK && is_more ? put_rest(w, &series) : st;
}

enum tsdb_status remote_write_2_decode(const struct decode_task *task, struct bytes in,
                                       struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w = {.task = task};
    *tally = (struct decode_tally){0};
    enum tsdb_status st = stage_init(&w.stage, task, tally, in.len);
    w.stage.labels = labels_of;
    w.stage.arg = &w;
    if (st == TSDB_OK)
        st = symbols_map(&w, in);
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == REQUEST_SERIES)
            st = put_series(&w, pull_bytes(&p, &f));
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return stage_end(&w.stage, st, "remote write 2.0 request", err);
}
