#include "tsdb/store/tenant.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/store/head_index.h"

#include <stdlib.h>
#include <string.h>

struct matcher *matchers_with_tenant(const char *tenant, const struct matcher *matchers,
                                     uint32_t count, uint32_t *out_count)
{
    struct matcher *all = MEM_ARRAY(struct matcher, (size_t)count + 1);
    if (count > 0)
        memcpy(all, matchers, count * sizeof *all);
    all[count] = (struct matcher){.kind = MATCH_EQ,
                                  .name = text_of(TENANT_LABEL),
                                  .value = text_of(tenant ? tenant : ""),
                                  .accepts_empty = !tenant || !tenant[0]};
    *out_count = count + 1;
    return all;
}

enum tsdb_verdict label_check(const struct tsdb_limits *limits, struct tsdb_label label)
{
    if (label.name.len == 0 || text_equal(label.name, text_of(TENANT_LABEL)))
        return TSDB_BAD_LABELS;
    if (label.name.len > limits->name_bytes_max || label.value.len > limits->value_bytes_max ||
        label.name.len > HEAD_TEXT_BYTES_MAX || label.value.len > HEAD_TEXT_BYTES_MAX)
        return TSDB_LABEL_LIMIT;
    if (!utf8_check(label.name.at, label.name.len) || !utf8_check(label.value.at, label.value.len))
        return TSDB_BAD_LABELS;
    return TSDB_ACCEPTED;
}

static int by_name(const void *a, const void *b)
{
    const struct tsdb_label *x = a, *y = b;
    return text_compare(x->name, y->name);
}

void labels_sort(struct tsdb_label *labels, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (text_compare(labels[i - 1].name, labels[i].name) > 0) {
            qsort(labels, count, sizeof *labels, by_name);
            return;
        }
    }
}

bool labels_have_repeats(const struct tsdb_label *labels, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (text_equal(labels[i - 1].name, labels[i].name))
            return true;
    return false;
}
