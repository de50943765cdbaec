#include "tsdb/metrics/order.h"

#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

static bool is_name(struct tsdb_text t)
{
    return t.len == 8 && memcmp(t.at, "__name__", 8) == 0;
}

static bool is_le(struct tsdb_text t)
{
    return t.len == 2 && t.at[0] == 'l' && t.at[1] == 'e';
}

/* Interned texts are one pointer: most comparisons end here. */
static int compare(struct tsdb_text a, struct tsdb_text b)
{
    if (a.at == b.at && a.len == b.len)
        return 0;
    return text_compare(a, b);
}

static struct tsdb_text find(struct tsdb_labels labels, bool (*is_wanted)(struct tsdb_text name))
{
    for (uint32_t i = 0; i < labels.count; i++)
        if (is_wanted(labels.at[i].name))
            return labels.at[i].value;
    return (struct tsdb_text){"", 0};
}

/* The next label that is neither name nor le, from *i on. */
static const struct tsdb_label *next(struct tsdb_labels labels, uint32_t *i)
{
    while (*i < labels.count) {
        const struct tsdb_label *l = &labels.at[(*i)++];
        if (!is_name(l->name) && !is_le(l->name))
            return l;
    }
    return NULL;
}

static int compare_le(struct tsdb_text a, struct tsdb_text b)
{
    double x, y;
    bool has_x = double_parse(a, &x) && !isnan(x), has_y = double_parse(b, &y) && !isnan(y);
    if (has_x && has_y && x != y)
        return x < y ? -1 : 1;
    if (has_x != has_y)
        return has_x ? -1 : 1;
    return compare(a, b);
}

int series_order(struct tsdb_labels a, struct tsdb_labels b)
{
    int order = compare(find(a, is_name), find(b, is_name));
    if (order != 0)
        return order;
    for (uint32_t i = 0, j = 0;;) {
        const struct tsdb_label *x = next(a, &i), *y = next(b, &j);
        if (!x || !y) {
            if (x || y)
                return x ? 1 : -1;
            return compare_le(find(a, is_le), find(b, is_le));
        }
        order = compare(x->name, y->name);
        if (order == 0)
            order = compare(x->value, y->value);
        if (order != 0)
            return order;
    }
}
