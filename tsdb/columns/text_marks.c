#include "tsdb/columns/text_marks.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <string.h>

enum { DIGITS_MAX = 9 }; /* of a needle that is asked as a number */

void text_marks_init(struct text_marks *m, uint32_t room)
{
    *m = (struct text_marks){.room = room};
    m->marks = mem_alloc((size_t)room + 1);
    m->cells = mem_alloc(((size_t)room + 1) * sizeof *m->cells);
    m->rows = mem_alloc(((size_t)room + 1) * sizeof *m->rows);
    for (uint32_t i = 0; i < room; i++)
        m->rows[i] = i;
}

void text_marks_release(struct text_marks *m)
{
    mem_free(m->marks);
    mem_free(m->cells);
    mem_free(m->rows);
    *m = (struct text_marks){0};
}

/* Integers have digits, and a sign in front, which is not looked at. */
static struct tsdb_text digits_of(struct tsdb_text needle)
{
    size_t sign = needle.at[0] == '-';
    return (struct tsdb_text){needle.at + sign, needle.len - sign};
}

static bool is_digits(struct tsdb_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned)(uint8_t)t.at[i] - '0' > 9)
            return false;
    return true;
}

/* Whether the digits of v hold the needle's, any zeros before them counted in. */
static inline bool has_digits(uint64_t v, uint64_t needle, uint64_t power)
{
    for (; v >= needle; v /= 10) /* ends: 0 holds 0, and any other needle is above 0 */
        if (v % power == needle)
            return true;
    return false;
}

static enum tsdb_status digits_mark(struct text_marks *m, struct text_readers *in, uint32_t count,
                                    struct text_numbers *numbers, struct tsdb_text needle)
{
    struct tsdb_text digits = digits_of(needle);
    uint64_t want = 0, power = 1;
    if (!text_numbers_take(in, count, numbers))
        return TSDB_ECORRUPT;
    if (!is_digits(digits))
        return TSDB_OK;
    if (digits.len == 0 || digits.len > DIGITS_MAX) {
        memset(m->marks, 1, count);
        return TSDB_OK;
    }
    for (size_t i = 0; i < digits.len; i++, power *= 10)
        want = want * 10 + (uint64_t)(digits.at[i] - '0');
    for (uint32_t i = 0; i < count; i++) {
        int64_t v = numbers->values[i];
        m->marks[i] |= has_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, want, power); /* wraps */
    }
    return TSDB_OK;
}

/* Cells that were printed one behind the other, searched as one text. */
static void cells_mark(struct text_marks *m, uint32_t count, struct tsdb_text needle)
{
    const struct text_cell *c = m->cells;
    const char *at = c[0].at, *end = c[count - 1].at + c[count - 1].len;
    uint32_t i = 0;
    while (i < count && (size_t)(end - at) >= needle.len) {
        const char *found = memmem(at, (size_t)(end - at), needle.at, needle.len);
        if (!found)
            return;
        while (c[i].at + c[i].len <= found)
            i++;
        at = found + 1;
        if (found + needle.len <= c[i].at + c[i].len) {
            m->marks[i] = 1;
            at = c[i].at + c[i].len;
        }
    }
}

enum tsdb_status text_marks_set(struct text_marks *m, struct text_readers *in, uint32_t count,
                                struct text_numbers *numbers, struct text_scratch scratch,
                                struct tsdb_text needle)
{
    struct text_look look;
    struct text_column column;
    struct reader texts = in->at[SECTION_TEXTS];
    ASSERT(needle.len > 0);
    ASSERT(count <= m->room);
    enum tsdb_status st = text_variables_look(&texts, count, &look);
    if (st != TSDB_OK)
        return TSDB_ECORRUPT; /* what text_search could look at has no lengths among the numbers */
    if (look.kind == TEXT_LOOK_NUMBER && look.is_digits) {
        in->at[SECTION_TEXTS] = look.order;
        return digits_mark(m, in, count, numbers, needle);
    }
    bool is_printed = look.kind == TEXT_LOOK_NUMBER || look.kind == TEXT_LOOK_HEX;
    st = text_variables_decode(in, is_printed ? m->rows : NULL, count, numbers, &scratch, m->cells,
                               &column);
    if (st == TSDB_OK && is_printed)
        cells_mark(m, count, needle);
    return st;
}
