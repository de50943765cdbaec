#include "tsdb/logql/page_filter.h"

#include <string.h>

enum {
    HUNTS_MAX = 8,     /* tests that run over the page side by side */
    NEEDLE_MISSES = 8, /* lines that have the needle and fail, until it is no help */
};

static struct tsdb_text line_of(const struct line_page *p, uint32_t line)
{
    uint32_t from = p->starts[line];
    return (struct tsdb_text){p->bytes + from, p->starts[line + 1] - 1 - from};
}

/* The line that the byte at `off` belongs to, at or behind `from`: by doubling steps, as
 * finds are mostly near. */
static uint32_t line_at(const struct line_page *p, uint32_t from, uint32_t off)
{
    uint32_t low = from, step = 1;
    while (step < p->count - low && p->starts[low + step] <= off) {
        low += step;
        step *= 2;
    }
    uint32_t high = step < p->count - low ? low + step : p->count; /* starts[high] > off */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (p->starts[middle] <= off)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t next_by_regex(const struct line_test *t, const struct line_page *p, uint32_t from);

static uint32_t next_by_lines(const struct line_test *t, const struct line_page *p, uint32_t from)
{
    while (from < p->count && !line_test(t, line_of(p, from)))
        from++;
    return from;
}

static uint32_t next_by_regex(const struct line_test *t, const struct line_page *p, uint32_t from)
{
    struct tsdb_text match;
    uint32_t off = p->starts[from];
    struct tsdb_text rest = {p->bytes + off, p->starts[p->count] - off};
    if (!regex_search(t->regex, rest, &match, 1))
        return p->count;
    uint32_t found = line_at(p, from, (uint32_t)(match.at - p->bytes));
    struct tsdb_text line = line_of(p, found);
    if (match.at + match.len <= line.at + line.len)
        return found;
    return next_by_lines(t, p, found);
}

/* The next line that holds the needle and, unless the needle is all there is to it, passes. */
static uint32_t next_by_needle(const struct line_test *t, const struct line_page *p, uint32_t from)
{
    const char *end = p->bytes + p->starts[p->count];
    bool may_search = t->form == LINE_REGEX && t->facts.is_line_bound && !t->anchored;
    for (unsigned misses = 0; from < p->count; misses++) {
        if (may_search && misses == NEEDLE_MISSES)
            return next_by_regex(t, p, from);
        const char *at = p->bytes + p->starts[from];
        const char *found = needle_find(&t->needle, at, (size_t)(end - at));
        if (!found)
            return p->count;
        from = line_at(p, from, (uint32_t)(found - p->bytes));
        struct tsdb_text line = line_of(p, from);
        struct tsdb_text rest = {found, (size_t)(line.at + line.len - found)};
        bool is_inside = found + t->needle.text.len <= line.at + line.len;
        /* A match that begins with the needle cannot begin before the first one. */
        if (is_inside && (t->form == LINE_WORD || line_test(t, t->anchored ? rest : line)))
            return from;
        if (!is_inside && line_test(t, line))
            return from;
        from++;
    }
    return from;
}

static uint32_t next_line(const struct line_test *t, const struct line_page *p, uint32_t from)
{
    if (from >= p->count || t->form == LINE_ALL)
        return from;
    if (t->has_needle)
        return next_by_needle(t, p, from);
    if (t->form == LINE_REGEX && t->facts.is_line_bound)
        return next_by_regex(t, p, from);
    return next_by_lines(t, p, from);
}

static void clear_range(uint64_t *bits, uint32_t from, uint32_t to)
{
    for (; from < to && from % 64 != 0; from++)
        bits[from / 64] &= ~(UINT64_C(1) << from % 64);
    for (; from + 64 <= to; from += 64)
        bits[from / 64] = 0;
    for (; from < to; from++)
        bits[from / 64] &= ~(UINT64_C(1) << from % 64);
}

static uint32_t count_bits(const uint64_t *bits, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < (count + 63) / 64; i++)
        n += (uint32_t)__builtin_popcountll(bits[i]);
    return n;
}

static void filter_by_lines(const struct line_tests *f, const struct line_page *p, uint64_t *passes)
{
    for (uint32_t word = 0; word < (p->count + 63) / 64; word++) {
        for (uint64_t left = passes[word]; left; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            if (!line_filter_test(f, line_of(p, word * 64 + bit)))
                passes[word] &= ~(UINT64_C(1) << bit);
        }
    }
}

void page_filter(const struct line_tests *f, const struct line_page *page, uint64_t *passes)
{
    /* With few lines left, looking at those is less than looking at all. */
    if (f->count > HUNTS_MAX || count_bits(passes, page->count) < page->count / 8) {
        filter_by_lines(f, page, passes);
        return;
    }
    uint32_t next[HUNTS_MAX];
    for (uint32_t i = 0; i < f->count; i++)
        next[i] = next_line(&f->at[i], page, 0);
    uint32_t from = 0;
    while (from < page->count) {
        uint32_t found = page->count;
        for (uint32_t i = 0; i < f->count; i++)
            found = next[i] < found ? next[i] : found;
        if (!f->is_negated)
            clear_range(passes, from, found);
        else if (found < page->count)
            clear_range(passes, found, found + 1);
        from = found + 1;
        for (uint32_t i = 0; i < f->count; i++)
            if (next[i] < from)
                next[i] = next_line(&f->at[i], page, from);
    }
}
