/* payload.h - bytes a decoder produces from hostile ones, paid for as they grow.
 *
 * The buffer doubles, and charges its budget before it does; it never passes
 * `limit`.  Owner: whoever declared it; payload_release frees and pays back.
 */
#ifndef COLLECTOR_DECODE_PAYLOAD_H
#define COLLECTOR_DECODE_PAYLOAD_H

#include "tsdb/base/budget.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

struct payload {
    uint8_t *at; /* owned */
    size_t len, cap, limit;
    struct budget *budget; /* borrowed, or NULL */
};

void payload_init(struct payload *p, size_t limit, struct budget *budget);
void payload_release(struct payload *p);

/* At least one and at most `want` more bytes after len.  TSDB_EINVAL: the limit is
 * reached.  TSDB_ELIMIT: the budget is spent. */
enum tsdb_status payload_grow(struct payload *p, size_t want);

static inline struct bytes payload_bytes(const struct payload *p)
{
    return (struct bytes){p->at, p->len};
}

#endif
