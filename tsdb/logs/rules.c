/* How long the records of some streams are kept, where that is shorter than the retention. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/store/matcher.h"

enum tsdb_status rules_new(const struct tsdb_options *options, struct rules **out,
                           struct tsdb_error *err)
{
    struct rules *r = mem_array(1, sizeof *r + options->log_retention_count * sizeof(struct rule));
    atomic_init(&r->refs, 1);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < options->log_retention_count; i++) {
        const struct tsdb_log_retention *in = &options->log_retention[i];
        struct rule *rule = &r->at[r->count];
        enum tsdb_status own = selector_parse(text_of(in->selector ? in->selector : ""),
                                              &rule->selector, st == TSDB_OK ? err : NULL);
        if (own != TSDB_OK) {
            st = own;
            continue;
        }
        const char *tenant = in->tenant ? in->tenant : "";
        rule->tenant = mem_text(tenant, strlen(tenant));
        rule->period = in->period;
        r->count++;
    }
    *out = r;
    return st;
}

struct rules *logs_rules_ref(struct logs *l)
{
    mutex_lock(&l->config);
    struct rules *r = l->rules;
    (void)atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    mutex_unlock(&l->config);
    return r;
}

void rules_unref(struct rules *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < r->count; i++) {
        selector_release(&r->at[i].selector);
        mem_free(r->at[i].tenant);
    }
    mem_free(r);
}

int64_t rules_end(const struct rules *r, struct tsdb_labels labels, int64_t now)
{
    struct tsdb_text tenant = labels_value(labels, text_of(TENANT_LABEL));
    for (uint32_t i = 0; i < r->count; i++) {
        const struct rule *rule = &r->at[i];
        if (!text_equal(tenant, text_of(rule->tenant)) ||
            !matchers_test(rule->selector.matchers, rule->selector.count, labels))
            continue;
        return rule->period > 0 && now > INT64_MIN + rule->period ? now - rule->period : INT64_MIN;
    }
    return INT64_MIN;
}
