/* page_filter.h - line filters over a page of lines at once.
 *
 *   first line\nsecond line\nthird\n        line i: [starts[i], starts[i + 1] - 1)
 *        ^ needle found here -> line 0 passes; the search goes on at line 1
 *
 * The answer is exactly that of line_filter_test on each line: a text found counts only where
 * it lies within one line, and an expression runs over the page only if no match of it can
 * hold a newline and it has no anchor (regex_facts.h); otherwise it runs over the lines that
 * hold its needle, or over each line.  Lines may themselves contain newlines.
 */
#ifndef TSDB_LOGQL_PAGE_FILTER_H
#define TSDB_LOGQL_PAGE_FILTER_H

#include "tsdb/logql/line_filter.h"

struct line_page {
    const char *bytes;      /* each line followed by one '\n' */
    const uint32_t *starts; /* count + 1 */
    uint32_t count;
};

/* Clears the bits of lines that do not pass; bits that are 0 already stay so. */
void page_filter(const struct line_tests *f, const struct line_page *page, uint64_t *passes);

#endif
