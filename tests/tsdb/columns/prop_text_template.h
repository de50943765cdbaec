/* prop_text_template.h - lines come back byte for byte, through a set that was itself
 * written and read; and whatever decodes has the shape it promises. */
#ifndef TESTS_COLUMNS_PROP_TEXT_TEMPLATE_H
#define TESTS_COLUMNS_PROP_TEXT_TEMPLATE_H

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/columns/text_template.h"

#include <stdbool.h>

static inline void prop_templates_page(const struct text_templates *encode,
                                       const struct text_templates *decode,
                                       const struct tsdb_text *lines, uint32_t count)
{
    struct writer page = {0}, bytes = {0};
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += lines[i].len + 1;
    uint32_t *starts = MEM_ARRAY(uint32_t, count + 1);
    text_templates_encode(encode, lines, count, &page);
    writer_text(&bytes, "before");
    struct tsdb_error err;
    ASSERT(text_templates_decode(decode, writer_bytes(&page), count, total, NULL, &bytes, starts,
                                 &err) == TSDB_OK);
    ASSERT(bytes.len == total + 6 && starts[count] == bytes.len);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(starts[i + 1] - starts[i] == lines[i].len + 1);
        ASSERT(lines[i].len == 0 || memcmp(bytes.at + starts[i], lines[i].at, lines[i].len) == 0);
        ASSERT(bytes.at[starts[i + 1] - 1] == '\n');
    }
    if (total > 0) {
        ASSERT(text_templates_decode(decode, writer_bytes(&page), count, total - 1, NULL, &bytes,
                                     starts, &err) == TSDB_ECORRUPT);
    }
    mem_free(starts);
    writer_release(&page);
    writer_release(&bytes);
}

/* Returns whether a set was learnt. */
static inline bool prop_templates(const struct tsdb_text *lines, uint32_t count)
{
    struct text_templates *t = text_templates_learn(lines, count), *again = NULL;
    if (!t)
        return false;
    struct writer table = {0};
    text_templates_write(t, &table);
    ASSERT(text_templates_read(writer_bytes(&table), &again, NULL) == TSDB_OK);
    ASSERT(text_templates_count(again) == text_templates_count(t));
    prop_templates_page(t, again, lines, count);
    prop_templates_page(again, t, lines, count / 2);
    text_templates_free(t);
    text_templates_free(again);
    writer_release(&table);
    return true;
}

#endif
