/* label_set.h - the labels of one entry while its stages run.
 *
 *   of the stream   canonical, borrowed        hidden by metadata and parsed ones
 *   metadata        asked for by name          hidden by parsed ones
 *   parsed          what stages set, in order, with the hash of each name
 *   gone            names of stream and metadata that drop, keep or a rename removed
 *   __error__, __error_details__               apart from the rest, as Loki has them
 *
 * A name in the metadata that the stream has too is NAME_extracted.  A parser that finds a name
 * of the stream or the metadata sets NAME_extracted; one that finds what a stage has set before
 * leaves it: the first counts, also after a drop.
 *
 * Nothing is copied: texts lie in the entry, the pass's arena or the pipeline.  Looking up is
 * by hash over a short array, so the names of hostile lines cost PIPELINE_LABELS_MAX compares
 * at most; what finds no slot is left out, with __error__ = LabelLimitErr.  Owner: one run.
 */
#ifndef TSDB_LOGQL_LABEL_SET_H
#define TSDB_LOGQL_LABEL_SET_H

#include "tsdb/logql/pipeline.h"

#include <string.h>

#define LABEL_ERROR "__error__"
#define LABEL_ERROR_DETAILS "__error_details__"

struct label_slot {
    struct tsdb_text name, value;
    bool is_set; /* else: was set, and dropped since */
};

struct label_set {
    struct pipeline_entry entry;
    struct label_slot *slots; /* owned; PIPELINE_LABELS_MAX */
    uint32_t *hashes;         /* owned; of slots' names */
    uint32_t count;
    struct tsdb_text *gone; /* owned; PIPELINE_LABELS_MAX */
    uint32_t gone_count;
    uint64_t stream_bits; /* label_name_bit of the stream's names; once asked for */
    bool has_stream_bits;
    bool is_full; /* a removal had no room */
    struct tsdb_text error, error_details;
};

/* A name that is to be set: what it is called now, and its hash. */
struct label_claim {
    struct tsdb_text name;
    uint32_t hash;
};

void label_set_init(struct label_set *s);
void label_set_release(struct label_set *s);
/* Bytes that label_set_init takes. */
size_t label_set_bytes(void);
/* Forgets the last entry; the fields are copied. */
void label_set_begin(struct label_set *s, const struct pipeline_entry *entry);

/* Of label_set_get: where the value comes from. */
enum label_origin { LABEL_NONE, LABEL_OF_STREAM, LABEL_OF_METADATA, LABEL_OF_STAGE };
enum label_origin label_set_get(const struct label_set *s, struct tsdb_text name,
                                struct tsdb_text *value);
/* Is the name one of the stream (dropped or not) or of the metadata (as it is now)? */
bool label_set_has_base(struct label_set *s, struct tsdb_text name, uint32_t hash);
/* Did a stage set it before? */
bool label_set_is_taken(const struct label_set *s, struct tsdb_text name, uint32_t hash);
void label_set_put(struct label_set *s, const struct label_claim *claim, struct tsdb_text value);
/* The same of a name that no stage has set. */
void label_set_append(struct label_set *s, const struct label_claim *claim, struct tsdb_text value);
void label_set_remove(struct label_set *s, struct tsdb_text name);
/* error is a literal; details may be empty. */
void label_set_fail(struct label_set *s, const char *error, struct tsdb_text details);

/* Every label there is now but the errors, in no order. */
typedef void label_set_fn(void *arg, struct tsdb_label label, enum label_origin origin);
void label_set_each(const struct label_set *s, label_set_fn *fn, void *arg);

/* Short names differ at their ends: length, first eight and last eight bytes. */
static inline uint32_t label_name_hash(struct tsdb_text name)
{
    uint64_t head = 0, tail = 0;
    if (name.len >= 8) {
        memcpy(&head, name.at, 8);
        memcpy(&tail, name.at + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&head, name.at, 4);
        memcpy(&tail, name.at + name.len - 4, 4);
    } else if (name.len > 0) {
        head = (unsigned char)name.at[0] | (uint64_t)(unsigned char)name.at[name.len / 2] << 8 |
               (uint64_t)(unsigned char)name.at[name.len - 1] << 16;
    }
    uint64_t h = (head ^ name.len) * 0x9e3779b97f4a7c15u; /* wraps */
    h = (h ^ (h >> 29) ^ tail) * 0xbf58476d1ce4e5b9u;     /* wraps */
    return (uint32_t)(h >> 32);
}

#endif
