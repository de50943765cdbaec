/* prop_text_search.h - what a search of a page refuses is in none of its lines, and the lines
 * that are wanted come back as they were. */
#ifndef TESTS_COLUMNS_PROP_TEXT_SEARCH_H
#define TESTS_COLUMNS_PROP_TEXT_SEARCH_H

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/columns/text_template.h"

#include <stdbool.h>
#include <string.h>

static inline bool prop_has(struct tsdb_text line, struct tsdb_text needle)
{
    return needle.len == 0 ||
           (line.len >= needle.len && memmem(line.at, line.len, needle.at, needle.len));
}

/* Lines whose bit is set are whole, others empty; of those that were `asked`, none was refused that
 * has the needle.  Answers whether any is left. */
static inline bool prop_wanted(const struct tsdb_text *lines, uint32_t count,
                               const struct text_wanted *wanted, uint32_t asked,
                               const struct writer *out, const uint32_t *starts)
{
    bool is_any = false;
    for (uint32_t i = 0; i < count; i++) {
        bool is_left = text_is_wanted(wanted->rows, i);
        is_any = is_any || is_left;
        ASSERT(!is_left || i % asked == 0);
        if (i % asked == 0 && !is_left)
            ASSERT(wanted->needle_count && !prop_has(lines[i], wanted->needles[0]));
        if (wanted->is_only_asked)
            continue;
        uint32_t len = starts[i + 1] - starts[i] - 1;
        ASSERT(out->at[starts[i] + len] == '\n');
        ASSERT(len == (is_left ? lines[i].len : 0));
        ASSERT(len == 0 || memcmp(out->at + starts[i], lines[i].at, len) == 0);
    }
    return is_any;
}

/* Every asked-th line is asked for.  Answers whether any line may have the needle. */
static inline bool prop_ask(const struct text_templates *t, struct bytes page,
                            const struct tsdb_text *lines, uint32_t count, struct tsdb_text needle,
                            uint32_t asked, bool is_only_asked)
{
    struct writer out = {0};
    uint32_t *starts = MEM_ARRAY(uint32_t, count + 1);
    uint64_t *rows = MEM_ARRAY(uint64_t, count / 64 + 1);
    for (uint32_t i = 0; i < count; i += asked)
        rows[i / 64] |= UINT64_C(1) << i % 64;
    struct text_wanted wanted = {rows, &needle, needle.len > 0, is_only_asked};
    ASSERT(text_templates_decode(t, page, count, INT32_MAX, &wanted, &out, starts, NULL) ==
           TSDB_OK);
    bool is_any = prop_wanted(lines, count, &wanted, asked, &out, starts);
    mem_free(rows);
    mem_free(starts);
    writer_release(&out);
    return is_any;
}

/* Answers whether, of all lines, any may have the needle by what can be told without numbers. */
static inline bool prop_search(const struct text_templates *t, struct bytes page,
                               const struct tsdb_text *lines, uint32_t count,
                               struct tsdb_text needle)
{
    (void)prop_ask(t, page, lines, count, needle, 3, false);
    bool has = prop_ask(t, page, lines, count, needle, 1, false);
    bool may = prop_ask(t, page, lines, count, needle, 1, true);
    ASSERT(may || !has);
    return may;
}

#endif
