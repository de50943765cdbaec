/* group_decoded.h - what a reader has decoded of a group: its columns and one page.
 *
 * Owner: one reader, one thread.
 */
#ifndef TSDB_COLUMNS_GROUP_DECODED_H
#define TSDB_COLUMNS_GROUP_DECODED_H

#include "tsdb/columns/column_presence.h"
#include "tsdb/columns/group_form.h"
#include "tsdb/columns/reader_memory.h"
#include "tsdb/columns/text_template.h"

#define NO_PAGE UINT32_MAX /* is kept */

struct decoded_column { /* NULL: not decoded yet; all in the reader's memory */
    uint64_t *presence;
    int64_t *ints;
    double *doubles;
    struct tsdb_text *texts;
    struct tsdb_text *values; /* of DICT */
    uint16_t *codes;
    struct column_part *parts;        /* by value part; those without values are not decoded */
    uint32_t *ranks;                  /* values before each word of presence; for single rows */
    struct text_templates *templates; /* owned, not in the memory */
};

/* A buffer that grows; what was in it is lost when it does. */
struct decoded_buffer {
    uint8_t *at; /* owned */
    size_t cap;
};

struct group_reader {
    const struct group *group; /* borrowed, or NULL */
    struct reader_memory memory;
    struct decoded_column *columns; /* in memory; NULL: none was asked for */
    uint32_t column_count;          /* of them; the group may be gone when they end */
    struct decoded_buffer clear;    /* of a part that is only looked at */
    struct decoded_buffer page, starts;
    struct writer lines;              /* of a page of templates */
    uint64_t lines_charged;           /* for `lines` and what decoding them takes besides */
    uint32_t page_column, page_index; /* or NO_PAGE */
    struct text_page last;
};

/* The column's place, its head checked to be of the kind (TSDB_EINVAL). */
TSDB_NODISCARD enum tsdb_status decoded_column(struct group_reader *r, uint32_t column,
                                               enum column_kind kind, struct decoded_column **out,
                                               struct tsdb_error *err);
/* At least n bytes.  TSDB_ELIMIT */
TSDB_NODISCARD enum tsdb_status decoded_reserve(struct group_reader *r, struct decoded_buffer *b,
                                                size_t n, struct tsdb_error *err);
/* The part in the clear, until the next part; or, is_kept, until the reader turns away. */
TSDB_NODISCARD enum tsdb_status decoded_part(struct group_reader *r, const struct part *part,
                                             bool is_kept, struct bytes *out,
                                             struct tsdb_error *err);
/* count * size bytes of the reader's memory.  TSDB_ELIMIT */
TSDB_NODISCARD enum tsdb_status decoded_take(struct group_reader *r, size_t count, size_t size,
                                             void *out, struct tsdb_error *err);
/* The lines of a page of templates, and their starts, in r->lines until the next one; wanted:
 * NULL, or as text_templates_decode takes it. */
TSDB_NODISCARD enum tsdb_status decoded_lines(struct group_reader *r, uint32_t column,
                                              const struct part *part, struct text_wanted *wanted,
                                              uint32_t *starts, struct tsdb_error *err);
/* A value part of numbers, of texts without codes; and the texts of a dictionary. */
TSDB_NODISCARD enum tsdb_status decoded_numbers(struct group_reader *r, const struct column_head *c,
                                                const struct part *part, int64_t *to,
                                                struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status decoded_texts(struct group_reader *r, uint32_t column,
                                              const struct part *part, struct tsdb_text *to,
                                              struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status decoded_dictionary(struct group_reader *r, uint32_t column,
                                                   struct decoded_column *d,
                                                   struct tsdb_error *err);
enum tsdb_status decoded_damage(uint32_t column, struct tsdb_error *err);

#endif
