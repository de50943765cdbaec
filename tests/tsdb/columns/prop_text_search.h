/* prop_text_search.h - what a search of a page refuses is in none of its lines. */
#ifndef TESTS_COLUMNS_PROP_TEXT_SEARCH_H
#define TESTS_COLUMNS_PROP_TEXT_SEARCH_H

#include "tsdb/base/assert.h"
#include "tsdb/columns/text_template.h"

#include <stdbool.h>
#include <string.h>

/* Answers what the search did. */
static inline bool prop_search(const struct text_templates *t, struct bytes page,
                               const struct tsdb_text *lines, uint32_t count,
                               struct tsdb_text needle)
{
    bool may = text_templates_may_contain(t, page, count, INT32_MAX, needle);
    for (uint32_t i = 0; i < count && !may; i++)
        ASSERT(lines[i].len < needle.len ||
               !memmem(lines[i].at, lines[i].len, needle.at, needle.len));
    return may;
}

#endif
