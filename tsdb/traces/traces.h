/* traces.h - the trace engine: spans as they are appended, kept and read.
 *
 *   append -> journal -> open batches -> hot span groups -> seal -> blocks -> merge
 *
 * Readers see span groups only (span_group.h): what is open is made a group first.  Groups
 * are made in order of arrival and clustered by trace within; a trace that came in several
 * pieces lies in several groups, and whoever wants it whole asks all of them
 * (traces_set_find), by the index that each block and each hot group has:
 *
 *   XXH3-32 (the low half of XXH3-64) of the trace id -> the groups that may have it
 *
 * Threads: any; see engine.h for the locks.
 */
#ifndef TSDB_TRACES_TRACES_H
#define TSDB_TRACES_TRACES_H

#include "tsdb/base/arena.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/fs.h"
#include "tsdb/traces/span_group.h"
#include "tsdb/traces/span_reader.h"

struct store;
struct traces;

/* Opens, replays the journal, adds its sealer to the store.  `options` is read only here. */
TSDB_NODISCARD enum tsdb_status traces_open(struct store *store, const struct tsdb_options *options,
                                            struct traces **out, struct tsdb_error *err);
void traces_close(struct traces *t); /* NULL is a no-op */
/* Takes over what may change while it runs: limits and retention. */
void traces_configure(struct traces *t, const struct tsdb_options *options);

/* tsdb_span_append. */
TSDB_NODISCARD enum tsdb_status traces_append(struct traces *t, const struct tsdb_span_batch *batch,
                                              struct tsdb_appended *out, uint8_t *verdicts,
                                              struct tsdb_error *err);

/* ---- selecting -------------------------------------------------------------------- */

struct traces_selection {
    const char *tenant;
    int64_t start, end; /* half-open; parts with spans that start in it */
};

struct traces_part {
    struct span_tables tables;
    int64_t ts_min, ts_max; /* starts, inclusive */
    uint32_t rows;          /* spans */
    uint64_t id;            /* unlike that of any other part of the set */
};

/* A snapshot: everything it gives out stays until it is closed.  Parts of which every source
 * is another tenant's are left out; in the others, rows of other tenants' sources are for
 * the reader to skip (traces_part_sources).  Any number of threads may read the parts. */
struct traces_set;
TSDB_NODISCARD enum tsdb_status traces_select(struct traces *t,
                                              const struct traces_selection *selection,
                                              struct budget *budget, struct traces_set **out,
                                              struct tsdb_error *err);
uint32_t traces_set_parts(const struct traces_set *set);
/* By ts_max, newest first. */
const struct traces_part *traces_set_part(const struct traces_set *set, uint32_t part);
/* To be called before columns are read; heads and filters may be asked before.
 * TSDB_ECORRUPT: damaged, was set aside, the set is partial: go on without the part. */
TSDB_NODISCARD enum tsdb_status traces_set_touch(struct traces_set *set, uint32_t part,
                                                 struct tsdb_error *err);
/* The part turned out damaged while it was read. */
void traces_set_damaged(struct traces_set *set, uint32_t part, const char *why);
bool traces_set_is_partial(const struct traces_set *set);
/* Bit s: source s is the selection's tenant's.  *all: every one is, and `bits` is untouched;
 * bits has room for the sources' rows. */
TSDB_NODISCARD enum tsdb_status traces_part_sources(struct traces_set *set, uint32_t part,
                                                    struct group_reader *sources, uint64_t *bits,
                                                    bool *all, struct tsdb_error *err);
/* The parts of the set that may have spans of the trace, by its index; calls fn with each.
 * Whether it is there is seen in the part.  A segment whose index is damaged is set aside, and
 * the set is partial. */
typedef bool traces_part_fn(void *arg, uint32_t part);
void traces_set_find(struct traces_set *set, const struct tsdb_trace_id *id, traces_part_fn *fn,
                     void *arg);
void traces_set_close(struct traces_set *set); /* NULL is a no-op */

/* ---- one trace ----------------------------------------------------------------------- */

/* tsdb_trace_read over a set. */
TSDB_NODISCARD enum tsdb_status traces_read(struct traces *t, const char *tenant,
                                            const struct tsdb_trace_id *id, int64_t start,
                                            int64_t end, uint64_t bytes_max,
                                            struct tsdb_trace **out, struct tsdb_error *err);
/* The same over a set that is open; a search reads the traces it found so.  The budget stays
 * until the trace is freed. */
TSDB_NODISCARD enum tsdb_status traces_set_read(struct traces_set *set,
                                                const struct tsdb_trace_id *id, uint64_t bytes_max,
                                                struct budget *budget, struct tsdb_trace **out,
                                                struct tsdb_error *err);
void traces_trace_free(struct tsdb_trace *trace); /* of either; NULL is a no-op */

/* ---- tending ---------------------------------------------------------------------- */

/* Makes groups of open batches, when there are enough; true when it did something. */
bool traces_group_step(struct traces *t);
/* One due merge; *did says whether there was one. */
TSDB_NODISCARD enum tsdb_status traces_merge(struct traces *t, bool is_forced, bool *did,
                                             struct tsdb_error *err);
/* Drops segments beyond the retention by time. */
TSDB_NODISCARD enum tsdb_status traces_expire(struct traces *t, struct tsdb_error *err);
/* As logs_scrub and logs_verify. */
uint64_t traces_scrub(struct traces *t, uint64_t after);
TSDB_NODISCARD enum tsdb_status traces_verify(struct fs *fs, const char *dir,
                                              void (*report)(void *arg, const char *line),
                                              void *arg, struct tsdb_error *err);
uint64_t traces_head_bytes(struct traces *t);
void traces_forget_segment(struct traces *t, uint64_t id);
/* Adds what traces have to the figures of the store. */
void traces_stats(struct traces *t, struct tsdb_stats *out);

#endif
