/* text_marks.h - which numbers and ids of a column of variables may hold a text.
 *
 * Integers are asked as such, without printing them; decimals, addresses and ids as text.  A
 * value's cell is meant, without what the column begins and ends with.  Values of texts are not
 * asked: text_search.h has done so.
 *
 * Owner: one thread.
 */
#ifndef TSDB_COLUMNS_TEXT_MARKS_H
#define TSDB_COLUMNS_TEXT_MARKS_H

#include "tsdb/columns/text_variables.h"

struct text_marks {
    uint8_t *marks;          /* owned; of value i: its cell may hold the needle */
    struct text_cell *cells; /* owned; in between */
    uint32_t *rows;          /* owned; 0, 1, 2 .. */
    uint32_t room;
};

void text_marks_init(struct text_marks *m, uint32_t room);
void text_marks_release(struct text_marks *m);

/* Sets the marks of the next column's numbers and ids that may hold the needle; every one that
 * does is set.  Nothing is taken of the scratch.  TSDB_ECORRUPT */
TSDB_NODISCARD enum tsdb_status text_marks_set(struct text_marks *m, struct text_readers *in,
                                               uint32_t count, struct text_numbers *numbers,
                                               struct text_scratch scratch,
                                               struct tsdb_text needle);

#endif
