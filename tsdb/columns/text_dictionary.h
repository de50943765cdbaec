/* text_dictionary.h - the distinct texts of a column that is being written.
 *
 * Texts are borrowed and numbered as they first come; a seeded hash table of open
 * addressing finds them (the seed is the owner's secret, so senders cannot aim
 * collisions).  Texts that repeat their predecessor, which rows sorted by stream often do,
 * are not hashed.
 *
 * Owner: one column of a writer; memory is charged to its budget by the owner, who asks
 * text_dictionary_bytes.
 */
#ifndef TSDB_COLUMNS_TEXT_DICTIONARY_H
#define TSDB_COLUMNS_TEXT_DICTIONARY_H

#include "tsdb/tsdb.h"

struct text_dictionary_slot {
    uint32_t hash, number; /* number + 1; 0: empty */
};

struct text_dictionary {
    struct text_dictionary_slot *slots; /* owned; slot_count, a power of two or 0 */
    struct tsdb_text *values;           /* owned, borrowing their bytes */
    uint32_t slot_count, count, cap;
    uint32_t last; /* number of the text before */
};

void text_dictionary_release(struct text_dictionary *d);
/* Bytes that the next text may make it grow by, 0 most of the time. */
size_t text_dictionary_growth(const struct text_dictionary *d);
/* The text's number; it is count - 1 when the text is new.  At most 65,536 texts. */
uint32_t text_dictionary_add(struct text_dictionary *d, uint64_t seed, struct tsdb_text text);
/* Bytes it has taken. */
size_t text_dictionary_bytes(const struct text_dictionary *d);

#endif
