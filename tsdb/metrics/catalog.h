/* catalog.h - what comes beside samples: metadata of metric families, exemplars.
 *
 * Metadata: the last type, help and unit of each family and tenant; journalled
 * when it changes and again at each seal.  Exemplars: a ring of the newest
 * CATALOG_EXEMPLARS_MAX that no block holds yet; sealing writes them beside their
 * series.  Limits: counted in `dropped` when passed.
 * Guarded by: lock.
 */
#ifndef TSDB_METRICS_CATALOG_H
#define TSDB_METRICS_CATALOG_H

#include "tsdb/base/budget.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/store.h"
#include "tsdb/tsdb.h"

enum {
    CATALOG_EXEMPLARS_MAX = 100000,
    CATALOG_EXEMPLAR_BYTES_MAX = 1024, /* of the encoded labels of one */
    CATALOG_FAMILIES_MAX = 200000,
    CATALOG_TEXT_MAX = 4096,
    CATALOG_BYTES_MAX = 256 << 20, /* no new family beyond */
};

struct held_exemplar {
    uint32_t ref;
    bool is_sealed; /* came before the last turn */
    int64_t ts;
    double value;
    uint8_t *labels; /* owned; record.h form */
    uint32_t labels_len;
};

struct family; /* catalog.c */

struct catalog {
    struct mutex lock;
    struct budget budget;
    struct held_exemplar *exemplars; /* owned ring */
    uint32_t exemplar_first, exemplar_count;
    struct family *families; /* owned */
    uint32_t family_count, family_cap;
    uint32_t *slots; /* owned: hash -> family index + 1 */
    uint32_t slot_mask;
    uint64_t dropped;
};

void catalog_init(struct catalog *c, struct budget *parent);
void catalog_release(struct catalog *c);

struct catalog_batch {
    const struct tsdb_batch *batch;
    const uint32_t *refs;   /* of its points; ALIAS_NONE: refused */
    int64_t ts_min, ts_max; /* what exemplars may have */
};

/* Metadata and exemplars of a batch: journal, then memory.  Exemplars that are too long,
 * not UTF-8 or out of the times are left out. */
TSDB_NODISCARD enum tsdb_status catalog_append(struct catalog *c, struct store *store,
                                               const struct catalog_batch *b,
                                               struct tsdb_appended *out, struct tsdb_error *err);
/* Replay of RECORD_METADATA and RECORD_EXEMPLARS. */
enum tsdb_status catalog_restore_metadata(struct catalog *c, struct bytes payload);
enum tsdb_status catalog_restore_exemplars(struct catalog *c, struct bytes payload);

/* Metadata from family `from` on as one RECORD_METADATA of a bounded size; returns where
 * the next one begins.  Nothing when there is none. */
uint32_t catalog_metadata_record(struct catalog *c, uint32_t from, struct writer *out);
void catalog_metadata_each(struct catalog *c, const char *tenant, tsdb_metadata_fn *fn, void *arg);

/* What is there becomes "sealed": due for a block. */
void catalog_turn(struct catalog *c);
/* The sealed exemplars sorted by ref, then time: one owned block (mem_free),
 * labels included. */
struct held_exemplar *catalog_sealed(struct catalog *c, uint32_t *count);
void catalog_drop_sealed(struct catalog *c);
/* Calls fn for each, oldest first, with the lock held. */
typedef void held_exemplar_fn(void *arg, const struct held_exemplar *exemplar);
void catalog_exemplars_each(struct catalog *c, held_exemplar_fn *fn, void *arg);
uint64_t catalog_exemplar_count(struct catalog *c);

#endif
