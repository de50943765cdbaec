#include "collector/decode/remote_write.h"

#include "collector/decode/native_histogram.h"
#include "collector/decode/pull.h"
#include "collector/decode/sample.h"
#include "collector/decode/stage.h"
#include "tsdb/base/hash.h"

enum { REQUEST_SERIES = 1, REQUEST_METADATA = 3 };
enum { SERIES_LABELS = 1, SERIES_SAMPLES = 2, SERIES_EXEMPLARS = 3, SERIES_HISTOGRAMS = 4 };

/* Parses one run of label entries (field `number` of the enclosing message). */
static enum tsdb_status labels_parse(struct bytes run, uint32_t number, struct arena *arena,
                                     struct tsdb_labels *out)
{
    struct pull p = pull_over(run);
    struct pull_field f;
    uint32_t count = 0;
    while (pull_next(&p, &f))
        count += f.number == number && count < DECODE_LABELS_MAX;
    struct tsdb_label *labels = ARENA_ARRAY(arena, struct tsdb_label, count);
    if (!labels)
        return TSDB_ELIMIT;
    p = pull_over(run);
    uint32_t have = 0;
    while (have < count && pull_next(&p, &f)) {
        if (f.number != number)
            continue;
        struct pull inner = pull_over(pull_bytes(&p, &f));
        struct pull_field g;
        struct tsdb_label label = {{"", 0}, {"", 0}};
        while (pull_next(&inner, &g)) {
            if (g.number == 1)
                label.name = pull_text(&inner, &g);
            else if (g.number == 2)
                label.value = pull_text(&inner, &g);
        }
        if (!pull_done(&inner))
            return TSDB_ECORRUPT;
        labels[have++] = label;
    }
    *out = (struct tsdb_labels){labels, have};
    return p.r.fault ? TSDB_ECORRUPT : TSDB_OK;
}

static enum tsdb_status labels_of(void *arg, const struct stage_source *source, struct arena *names,
                                  struct tsdb_labels *out)
{
    (void)arg;
    return labels_parse(source->raw, SERIES_LABELS, names, out);
}

/* Where the labels of a series lie. */
struct series_walk {
    struct bytes run;
    uint32_t runs;      /* separate runs of label entries */
    size_t label_bytes; /* of all runs */
    size_t rest_off;    /* where the first other field begins */
    bool has_exemplars;
};

static bool series_scan(struct bytes in, struct series_walk *walk)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    bool in_run = false;
    *walk = (struct series_walk){.run = {in.at, 0}, .rest_off = in.len};
    while (pull_next(&p, &f)) {
        if (f.number != SERIES_LABELS) {
            if (walk->rest_off == in.len)
                walk->rest_off = (size_t)(f.whole.at - in.at);
            walk->has_exemplars |= f.number == SERIES_EXEMPLARS;
            in_run = false;
            continue;
        }
        (void)pull_bytes(&p, &f);
        if (!in_run) {
            walk->runs++;
            walk->run = f.whole;
        } else {
            walk->run.len += f.whole.len;
        }
        walk->label_bytes += f.whole.len;
        in_run = true;
    }
    return pull_done(&p);
}

/* Labels in pieces: one run of them, in the request's arena. */
static bool series_gather(struct bytes in, struct series_walk *walk, struct arena *arena)
{
    uint8_t *at = ARENA_ARRAY(arena, uint8_t, walk->label_bytes);
    if (!at)
        return false;
    struct pull p = pull_over(in);
    struct pull_field f;
    size_t len = 0;
    while (pull_next(&p, &f)) {
        if (f.number != SERIES_LABELS)
            continue;
        memcpy(at + len, f.whole.at, f.whole.len);
        len += f.whole.len;
    }
    walk->run = (struct bytes){at, len};
    walk->rest_off = 0; /* other fields may lie anywhere */
    return true;
}

static inline enum tsdb_status stage_sample(struct stage *s, struct tsdb_hash key,
                                            const struct stage_source *source, struct sample sample)
{
    enum tsdb_status st = stage_room(s, 1);
    if (st == TSDB_OK)
        st = stage_item(s, DECODE_SAMPLE);
    if (st == TSDB_OK)
        (void)stage_point(s, key, stage_ms(sample.ts_ms), sample.value, source);
    return st;
}

static enum tsdb_status put_sample(struct stage *s, struct tsdb_hash key,
                                   const struct stage_source *source, struct bytes in)
{
    struct sample sample;
    if (!sample_parse(in, &sample))
        return TSDB_ECORRUPT;
    return stage_sample(s, key, source, sample);
}

/* The common series - labels, then one sample, all plainly written - without the
 * walks below.  False: it is another one, nothing was done. */
static inline bool series_plain(struct bytes in, size_t run, struct sample *sample)
{
    const uint8_t *rest = in.at + run;
    size_t len = in.len - run;
    if (len < 2 || rest[0] != (SERIES_SAMPLES << 3 | PULL_SIZED) || rest[1] != len - 2)
        return false;
    return sample_parse_plain((struct bytes){rest + 2, len - 2}, sample);
}

static enum tsdb_status put_histogram(struct stage *s, struct tsdb_hash key,
                                      const struct stage_source *source, struct bytes in)
{
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
    uint32_t i = stage_point(s, key, stage_ms(h->ts_ms), h->h.sum, source);
    s->points[i].histogram = &h->h;
    s->notes[i].kind = DECODE_HISTOGRAM;
    s->notes[i].start_ts = stage_ms(h->start_ts_ms);
    return TSDB_OK;
}

static enum tsdb_status put_exemplar(struct stage *s, struct tsdb_hash key, struct bytes in)
{
    struct tsdb_exemplar e = {0};
    struct pull p = pull_over(in);
    struct pull_field f;
    int64_t ts_ms = 0;
    while (pull_next(&p, &f)) {
        if (f.number == 2)
            e.value = pull_double(&p, &f);
        else if (f.number == 3)
            ts_ms = pull_i64(&p, &f);
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    enum tsdb_status st = labels_parse(in, 1, &s->scratch, &e.labels);
    if (st != TSDB_OK)
        return st;
    struct tsdb_exemplar *slot = stage_exemplar(s, stage_find(s, key));
    if (slot)
        *slot = (struct tsdb_exemplar){slot->point, stage_ms(ts_ms), e.value, e.labels};
    return TSDB_OK;
}

static enum tsdb_status put_series_any(struct stage *s, struct bytes in)
{
    struct series_walk walk;
    if (!series_scan(in, &walk))
        return TSDB_ECORRUPT;
    if (walk.runs > 1 && !series_gather(in, &walk, s->task->arena))
        return TSDB_ELIMIT;
    struct stage_source source = {.raw = walk.run};
    struct tsdb_hash key = hash128(s->task->seed, walk.run.at, walk.run.len);
    struct bytes rest = {in.at + walk.rest_off, in.len - walk.rest_off};
    struct pull p = pull_over(rest);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == SERIES_SAMPLES)
            st = put_sample(s, key, &source, pull_bytes(&p, &f));
        else if (f.number == SERIES_HISTOGRAMS)
            st = put_histogram(s, key, &source, pull_bytes(&p, &f));
        else if (f.number == SERIES_EXEMPLARS)
            (void)pull_bytes(&p, &f);
    }
    if (st != TSDB_OK)
        return st;
    if (p.r.fault)
        return TSDB_ECORRUPT;
    if (!walk.has_exemplars)
        return TSDB_OK;
    p = pull_over(rest); /* exemplars last: their sample is staged by now */
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == SERIES_EXEMPLARS)
            st = put_exemplar(s, key, pull_bytes(&p, &f));
    return st;
}

static inline enum tsdb_status put_series(struct stage *s, struct bytes in)
{
    struct pull labels = pull_over(in);
    size_t run = pull_skip_run(&labels, SERIES_LABELS << 3 | PULL_SIZED);
    struct sample sample;
    if (!series_plain(in, run, &sample))
        return put_series_any(s, in);
    struct stage_source source = {.raw = {in.at, run}};
    return stage_sample(s, hash128(s->task->seed, in.at, run), &source, sample);
}

static enum tsdb_status put_metadata(struct stage *s, struct bytes in)
{
    struct tsdb_metadata m = {{"", 0}, {"", 0}, {"", 0}, TSDB_METRIC_UNKNOWN};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        switch (f.number) {
        case 1: {
            uint32_t type = pull_u32(&p, &f);
            m.type =
                type <= TSDB_METRIC_STATESET ? (enum tsdb_metric_type)type : TSDB_METRIC_UNKNOWN;
            break;
        }
        case 2: m.family = pull_text(&p, &f); break;
        case 4: m.help = pull_text(&p, &f); break;
        case 5: m.unit = pull_text(&p, &f); break;
        default: break;
        }
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    return m.family.len > 0 ? stage_metadata(s, &m) : TSDB_OK;
}

enum tsdb_status remote_write_decode(const struct decode_task *task, struct bytes in,
                                     struct decode_tally *tally, struct tsdb_error *err)
{
    struct stage s;
    *tally = (struct decode_tally){0};
    enum tsdb_status st = stage_init(&s, task, tally, in.len);
    s.labels = labels_of;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == REQUEST_SERIES)
            st = put_series(&s, pull_bytes(&p, &f));
        else if (f.number == REQUEST_METADATA)
            st = put_metadata(&s, pull_bytes(&p, &f));
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return stage_end(&s, st, "remote write request", err);
}
