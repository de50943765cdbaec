/* text_search.h - which templates of a page may hold a text, without making lines.
 *
 * Pure.
 */
#ifndef TSDB_COLUMNS_TEXT_SEARCH_H
#define TSDB_COLUMNS_TEXT_SEARCH_H

#include "tsdb/base/reader.h"
#include "tsdb/columns/text_table.h"

/* A page whose TEXTS and codes are unpacked. */
struct text_searched {
    const struct text_templates *t;
    struct reader texts; /* behind the list of the templates used */
    const uint32_t *templates;
    const uint16_t *codes; /* each at most `used` */
    uint32_t used, lines;
};

enum text_verdict {
    TEXT_LACKS,  /* no line of the code holds it */
    TEXT_INSIDE, /* only in a number or an id of the template's own columns, if at all */
    TEXT_MAY,
};

/* A verdict for each code, 0 to used; needle: not empty. */
void text_search(const struct text_searched *page, struct tsdb_text needle, uint8_t *verdicts);

#endif
