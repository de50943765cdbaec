/* ref_list.h - the refs that share a label, appended and kept as varint gaps.
 *
 * A gap is ref - last, modulo 2^32: one byte for neighbours, two up to 16,383
 * apart, and five where a ref is smaller than the one before it (a slot used
 * again).  Up to eight bytes lie inside the list itself, so a value that one
 * series has costs no allocation.
 *
 *   count  last  len  cap   bytes[8] or a pointer to owned bytes (cap > 0)
 *
 * Not a set until asked: ref_list_read sorts when refs came out of order.
 * Owner: the struct that embeds it; {0} is empty.  Every ref at most once.
 */
#ifndef TSDB_STORE_REF_LIST_H
#define TSDB_STORE_REF_LIST_H

#include "tsdb/store/ordinals.h"

enum { REF_LIST_INLINE = 8 };

struct ref_list {
    uint32_t count, last;
    uint32_t len : 31, is_mixed : 1; /* mixed: refs came out of order */
    uint32_t cap;                    /* 0: the bytes are inline */
    union {
        uint8_t *at; /* owned */
        uint8_t bytes[REF_LIST_INLINE];
    } u;
};

void ref_list_release(struct ref_list *l);
/* Returns by how many bytes the list's heap memory grew. */
uint32_t ref_list_append(struct ref_list *l, uint32_t ref);
/* Appends the refs, ascending among themselves, to out. */
void ref_list_read(const struct ref_list *l, struct ordinals *out);
/* Takes out the refs that are in the set.  Returns by how many bytes the list's
 * heap memory grew: negative when it shrank. */
int64_t ref_list_remove(struct ref_list *l, const struct ordinals *set);
/* Heap memory of the list. */
static inline uint32_t ref_list_bytes(const struct ref_list *l)
{
    return l->cap;
}

#endif
