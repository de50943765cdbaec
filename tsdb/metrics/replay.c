/* Recovery: the journal back into the head.
 *
 * Two passes.  The first reads definitions (series, metadata), one thread: a
 * sample may stand before the definition of its series.  The second reads
 * samples, one thread a core, each applying the shards that are its own, so that
 * a series sees its samples in journal order and no lock is contended.  Memory:
 * what the head held before the crash, plus one record a thread. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/histograms.h"

#include <string.h>

enum { REPLAY_THREADS_MAX = SHARDS, PROGRESS_EVERY_NS = 1000000000 };

struct replay {
    struct metrics *m;
    uint32_t thread, threads;
    uint64_t samples, unknown; /* unknown: of a ref without definition */
    enum tsdb_status status;
    struct tsdb_error err;
    int64_t told_ns;
};

static enum tsdb_status restore_series(void *arg, uint32_t ref, struct tsdb_labels labels)
{
    struct replay *r = arg;
    for (uint32_t i = 0; i < labels.count; i++) {
        struct tsdb_label l = labels.at[i];
        if (l.name.len == 0 || l.value.len == 0 || l.name.len > HEAD_TEXT_BYTES_MAX ||
            l.value.len > HEAD_TEXT_BYTES_MAX ||
            (i > 0 && text_compare(labels.at[i - 1].name, l.name) >= 0))
            return TSDB_ECORRUPT;
    }
    return labels.count ? head_restore(&r->m->head, ref, labels) : TSDB_ECORRUPT;
}

static void tell_progress(struct replay *r, const char *what)
{
    int64_t now = clock_mono_ns(r->m->store->clock);
    if (now - r->told_ns < PROGRESS_EVERY_NS)
        return;
    r->told_ns = now;
    struct journal_stats stats;
    journal_stats(r->m->store->journal, &stats);
    store_event(r->m->store, TSDB_EVENT_PROGRESS, "replay=%s done_bytes=%llu of_bytes=%llu", what,
                (unsigned long long)stats.replayed_bytes, (unsigned long long)stats.replay_bytes);
}

/* A record that does not decode although its checksum was right is skipped and
 * counted: it must not keep the rest from coming back. */
static enum tsdb_status skip_damage(struct replay *r, enum tsdb_status st)
{
    if (st != TSDB_ECORRUPT)
        return st;
    r->unknown++;
    return TSDB_OK;
}

static enum tsdb_status on_definition(void *arg, uint64_t position, uint8_t type,
                                      struct bytes payload)
{
    struct replay *r = arg;
    (void)position;
    tell_progress(r, "series");
    if (type == RECORD_SERIES)
        return skip_damage(r, record_series_decode(payload, restore_series, r));
    if (type == RECORD_METADATA)
        return skip_damage(r, catalog_restore_metadata(&r->m->catalog, payload));
    return TSDB_OK;
}

/* The shard is this thread's and the ref has a series. */
static bool is_mine(struct replay *r, uint32_t ref)
{
    struct shard *s = &r->m->head.shards[ref & (SHARDS - 1)];
    if ((ref & (SHARDS - 1)) % r->threads != r->thread)
        return false;
    if ((ref >> SHARD_BITS) < s->count && head_series(&r->m->head, ref)->is_live)
        return true;
    r->unknown++;
    return false;
}

static void on_sample(void *arg, const struct record_sample *s)
{
    struct replay *r = arg;
    if (!is_mine(r, s->ref))
        return;
    (void)head_apply(&r->m->head, s->ref, s->ts, s->bits); /* verdicts were answered before */
    r->samples++;
}

static void on_histogram(void *arg, uint32_t ref, int64_t ts, struct bytes encoded)
{
    struct replay *r = arg;
    if (!is_mine(r, ref))
        return;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 24, NULL);
    struct reader in = reader_over(encoded);
    struct tsdb_histogram h;
    if (histogram_decode(&in, &arena, &h) == TSDB_OK)
        (void)head_apply_histogram(&r->m->head, ref, ts, encoded, h.sum);
    arena_release(&arena);
    r->samples++;
}

static enum tsdb_status on_samples(void *arg, uint64_t position, uint8_t type, struct bytes payload)
{
    struct replay *r = arg;
    (void)position;
    if (r->thread == 0)
        tell_progress(r, "samples");
    if (type == RECORD_SAMPLES)
        return skip_damage(r, record_samples_decode(payload, on_sample, r));
    if (type == RECORD_HISTOGRAMS)
        return skip_damage(r, record_histograms_decode(payload, on_histogram, r));
    if (type == RECORD_EXEMPLARS && r->thread == 0)
        return skip_damage(r, catalog_restore_exemplars(&r->m->catalog, payload));
    return TSDB_OK;
}

static void *run(void *arg)
{
    struct replay *r = arg;
    struct store *store = r->m->store;
    r->status =
        journal_replay(store->journal, manifest_floor(store->manifest), on_samples, r, &r->err);
    return NULL;
}

/* Refs below a shard's count that no definition filled may be given again. */
static void free_gaps(struct head *h)
{
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        for (uint32_t i = 0; i < h->shards[shard].count; i++)
            if (!head_series(h, i << SHARD_BITS | shard)->is_live)
                head_unreserve(h, i << SHARD_BITS | shard);
}

static enum tsdb_status replay_samples(struct metrics *m, struct replay *workers, uint32_t n,
                                       struct tsdb_error *err)
{
    struct thread threads[REPLAY_THREADS_MAX];
    for (uint32_t i = 0; i < n; i++)
        workers[i] = (struct replay){.m = m, .thread = i, .threads = n};
    for (uint32_t i = 1; i < n; i++)
        thread_start(&threads[i], "andon-replay", run, &workers[i]);
    (void)run(&workers[0]);
    enum tsdb_status st = workers[0].status;
    *err = workers[0].err;
    for (uint32_t i = 1; i < n; i++) {
        thread_join(&threads[i]);
        if (st == TSDB_OK && workers[i].status != TSDB_OK) {
            st = workers[i].status;
            *err = workers[i].err;
        }
    }
    return st;
}

enum tsdb_status metrics_replay(struct metrics *m, struct tsdb_error *err)
{
    struct store *store = m->store;
    int64_t began = clock_mono_ns(store->clock);
    struct tsdb_error fault = {0};
    /* What was acknowledged comes back even when it is more than a limit that was
     * lowered: appends are refused then until sealing has made room. */
    uint64_t limit = atomic_exchange(&store->budget.limit, UINT64_MAX);
    struct replay first = {.m = m, .told_ns = began};
    enum tsdb_status st = journal_replay(store->journal, manifest_floor(store->manifest),
                                         on_definition, &first, &fault);
    struct replay workers[REPLAY_THREADS_MAX] = {0};
    uint32_t n = thread_cores() < REPLAY_THREADS_MAX ? thread_cores() : REPLAY_THREADS_MAX;
    if (store->has_no_threads)
        n = 1;
    ASSERT(n > 0);
    if (st == TSDB_OK)
        st = replay_samples(m, workers, n, &fault);
    atomic_store(&store->budget.limit, limit);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "replay: %s", fault.msg);
    free_gaps(&m->head);
    uint64_t samples = 0, unknown = first.unknown;
    for (uint32_t i = 0; i < n; i++) {
        samples += workers[i].samples;
        unknown += workers[i].unknown;
    }
    atomic_store(&m->replay_ns, clock_mono_ns(store->clock) - began);
    if (samples || unknown)
        store_event(
            store, TSDB_EVENT_PROGRESS, "replay=done samples=%llu series=%llu unknown=%llu ms=%lld",
            (unsigned long long)samples, (unsigned long long)head_series_count(&m->head),
            (unsigned long long)unknown, (long long)(atomic_load(&m->replay_ns) / NS_PER_MS));
    return TSDB_OK;
}
