/* range_keys.h - which series a row counts for.
 *
 * The series is made of the labels named (by), or of all but those named (without, and when
 * nothing is said: without none).  Named labels that no stage touches and that lie in stream
 * labels and in at most two dictionary columns are found by codes: a small table maps
 * (stream, code, code) to the series, and texts are looked at once per entry.
 */
#ifndef TSDB_LOGQL_RANGE_KEYS_H
#define TSDB_LOGQL_RANGE_KEYS_H

#include "tsdb/logql/range_op.h"
#include "tsdb/logql/range_series.h"
#include "tsdb/logql/scan.h"

struct range_keys {
    struct range_table *table;
    struct expr_names names;
    bool is_without;
    struct tsdb_text unwrap; /* never a label of the series; empty: none */
    /* Of the part at hand: */
    bool is_fast;
    uint32_t code_count;
    struct column_codes codes[2];
    const uint64_t *presence[2];
    /* One column: by its code, as long as the run is the same. */
    struct range_code *by_code; /* owned */
    uint32_t by_code_cap, stamp, stamped_run;
    struct range_key_slot *slots; /* owned, by (stream, codes) */
    uint32_t slot_cap, slot_count;
    const struct logs_part *part;
    uint32_t run; /* of the row before */
    const struct logs_set *set;
    uint32_t *by_stream; /* owned: series + 1 of each stream whose labels alone tell it */
};

/* By which labels a node's rows are told apart. */
void range_keys_plan(struct range_keys *k, const struct log_range *node,
                     const struct range_env *env, struct range_table *table);
/* Turns to the worker's part; true: series are found without running the stages. */
bool range_keys_part(struct range_keys *k, struct scan_worker *w);
/* Turns to a part that need not be read; true: every name is a label of streams there, or
 * of nothing (no column and no attribute has it). */
bool range_keys_of_streams(struct range_keys *k, struct scan_worker *w, uint32_t part);
/* The series of all rows of a stream of that part. */
TSDB_NODISCARD enum tsdb_status range_keys_stream(struct range_keys *k, uint32_t stream,
                                                  uint32_t *index, struct tsdb_error *err);
/* The series of a row (that went through scan_row, unless range_keys_part said true). */
TSDB_NODISCARD enum tsdb_status range_keys_row(struct range_keys *k, struct scan_worker *w,
                                               uint32_t row, uint32_t *index,
                                               struct tsdb_error *err);
void range_keys_release(struct range_keys *k);

#endif
