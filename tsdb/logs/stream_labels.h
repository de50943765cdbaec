/* stream_labels.h - a stream's labels and attributes as one label set.
 *
 *   a label        its name, its value
 *   an attribute   name: a byte 1 + type, then its name
 *                  value: texts followed by one '.', so that "" is a value too;
 *                  INT le64, DOUBLE le64 bits, BOOL one byte
 *   the tenant     TENANT_LABEL = its name; the default one has none
 *
 * Sorted by name, names once: one label index serves all three, and two streams are the
 * same when these sets are.  Labels' own names begin with no byte below STREAM_LABEL_MIN.
 *
 * Limits: LABELS_MAX with everything; labels_max counts labels only, name_bytes_max and
 * value_bytes_max hold for both.
 * Owner: the caller; texts are borrowed, what had to be made lies in the arena.
 */
#ifndef TSDB_LOGS_STREAM_LABELS_H
#define TSDB_LOGS_STREAM_LABELS_H

#include "tsdb/base/arena.h"
#include "tsdb/store/head_index.h"
#include "tsdb/tsdb.h"

enum { STREAM_LABEL_MIN = 1 + TSDB_FIELD_TYPE_COUNT };

/* TSDB_ACCEPTED, or what is wrong.  The tenant is not among them yet. */
enum tsdb_verdict stream_canonical(const struct tsdb_limits *limits,
                                   const struct tsdb_log_stream *in, struct arena *arena,
                                   struct tsdb_label out[LABELS_MAX], uint32_t *count);
/* Puts the tenant's label where it belongs; *count < LABELS_MAX. */
void stream_add_tenant(const char *tenant, struct tsdb_label at[LABELS_MAX], uint32_t *count);

/* Sorted, values where they must be, attributes of known form: bytes from outside. */
bool stream_check(struct tsdb_labels labels);

struct tsdb_hash stream_hash(uint64_t seed, struct tsdb_labels labels);

/* The parts of a set that passed stream_check; at most LABELS_MAX each.  The tenant is in
 * neither.  What does not have the form of an attribute is left out. */
struct stream_parts {
    struct tsdb_label labels[LABELS_MAX];
    struct tsdb_field attributes[LABELS_MAX];
    uint32_t label_count, attribute_count;
};
void stream_split(struct tsdb_labels in, struct stream_parts *out);

static inline bool stream_is_attribute(struct tsdb_text name)
{
    return name.len > 0 && (uint8_t)name.at[0] < STREAM_LABEL_MIN;
}

#endif
