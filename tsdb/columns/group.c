#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/group_head.h"
#include "tsdb/columns/group_salt.h"

enum tsdb_status group_open(struct group_bytes in, struct group **out, struct tsdb_error *err)
{
    struct group *g = MEM_NEW(struct group);
    g->strings = in;
    atomic_init(&g->filter, NULL);
    enum tsdb_status st = group_head_read(g, err);
    if (st == TSDB_OK)
        *out = g;
    else
        group_free(g);
    return st;
}

static void filter_free(struct filter *f)
{
    if (f)
        filter_release(f);
    mem_free(f);
}

void group_free(struct group *g)
{
    if (!g)
        return;
    filter_free(atomic_load_explicit(&g->filter, memory_order_relaxed));
    mem_free(g->columns);
    mem_free(g->parts);
    mem_free(g);
}

struct group_bytes group_strings_of(const struct group *g)
{
    return g->strings;
}

uint32_t group_rows(const struct group *g)
{
    return g->rows;
}

uint32_t group_columns(const struct group *g)
{
    return g->column_count;
}

const struct column_info *group_column(const struct group *g, uint32_t column)
{
    ASSERT(column < g->column_count);
    return &g->columns[column].info;
}

/* The first column that is not before (name, tag). */
static uint32_t lower_bound(const struct group *g, struct tsdb_text name, uint8_t tag)
{
    uint32_t low = 0, high = g->column_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct column_info *info = &g->columns[middle].info;
        int order = text_compare(info->name, name);
        if (order < 0 || (order == 0 && info->tag < tag))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t group_find_name(const struct group *g, struct tsdb_text name)
{
    uint32_t at = lower_bound(g, name, 0);
    return at < g->column_count && text_equal(g->columns[at].info.name, name) ? at : UINT32_MAX;
}

uint32_t group_find(const struct group *g, struct tsdb_text name, uint8_t tag)
{
    uint32_t at = lower_bound(g, name, tag);
    if (at == g->column_count || g->columns[at].info.tag != tag)
        return UINT32_MAX;
    return text_equal(g->columns[at].info.name, name) ? at : UINT32_MAX;
}

/* ---- the filter ------------------------------------------------------------------ */

/* Opened by the first who asks; of several at once one wins.  A damaged one is like none:
 * everything may be there (group_check tells of it). */
static const struct filter *filter_of(const struct group *g)
{
    struct filter *f = atomic_load_explicit(&g->filter, memory_order_acquire);
    if (f)
        return f;
    struct filter *made = MEM_NEW(struct filter);
    if (g->strings.filter.len > 0 && filter_open(g->strings.filter, made, NULL) != TSDB_OK)
        *made = (struct filter){0};
    /* The cache is no part of the group's value, hence behind const. */
    struct filter *_Atomic *cache = (struct filter * _Atomic *)(uintptr_t)&g->filter;
    if (atomic_compare_exchange_strong_explicit(cache, &f, made, memory_order_acq_rel,
                                                memory_order_acquire))
        return made;
    filter_free(made);
    return f;
}

bool group_may_contain(const struct group *g, struct tsdb_text needle)
{
    return filter_may_contain(filter_of(g), needle);
}

bool group_rows_may_contain(const struct group *g, uint32_t first, uint32_t rows,
                            struct tsdb_text needle)
{
    return filter_rows_may_contain(filter_of(g), first, rows, needle);
}

bool group_may_have(const struct group *g, uint32_t column, struct tsdb_text value)
{
    const struct column_info *info = group_column(g, column);
    if (info->kind == COLUMN_TEXT && info->encoding == ENCODING_CONST)
        return text_equal(g->columns[column].constant, value);
    if (!(info->flags & COLUMN_VALUES))
        return true;
    return filter_may_have(filter_of(g), column_salt(info->name, info->tag), value);
}
