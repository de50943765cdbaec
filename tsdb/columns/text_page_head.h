/* text_page_head.h - the begin of a page of templates, which its reader and its searcher
 * share: checksum, sizes, and the list of the templates used (text_template.h draws them).
 *
 * Pure.
 */
#ifndef TSDB_COLUMNS_TEXT_PAGE_HEAD_H
#define TSDB_COLUMNS_TEXT_PAGE_HEAD_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum {
    TEXT_PAGE_VERSION = 1,
    TEXT_PAGE_CODES_MAX = 256, /* templates of a page, with text, whose codes are a byte */
};

struct text_page_head {
    uint64_t bytes;         /* of the lines, each with its '\n' */
    struct reader sections; /* what follows, without the checksum */
};

/* TSDB_ECORRUPT: the checksum differs, or it is not a page of `count` lines. */
TSDB_NODISCARD enum tsdb_status text_page_open(struct bytes in, uint32_t count,
                                               struct text_page_head *out, struct tsdb_error *err);
/* A section's bytes in the clear, at most, of a page of so many bytes of lines. */
size_t text_page_clear_max(uint64_t bytes);
/* The list at the begin of TEXTS to templates[templates_max]; false: it is none. */
bool text_page_used(struct reader *texts, uint32_t templates_max, uint32_t *templates,
                    uint32_t *used);

#endif
