/* How long the records of some streams are kept, where that is shorter than the retention. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/store/matcher.h"

#include <string.h>

enum { RULES_TEXT_MAX = 16 << 20 };

enum tsdb_status rules_new(const struct tsdb_options *options, logs_selector_fn *selector,
                           struct rules **out, struct tsdb_error *err)
{
    struct rules *r = mem_array(1, sizeof *r + options->log_retention_count * sizeof(struct rule));
    atomic_init(&r->refs, 1);
    arena_init(&r->arena, RULES_TEXT_MAX, NULL);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < options->log_retention_count; i++) {
        const struct tsdb_log_retention *in = &options->log_retention[i];
        const char *text = in->selector ? in->selector : "", *tenant = in->tenant ? in->tenant : "";
        struct rule *rule = &r->at[r->count];
        struct tsdb_error fault = {0};
        enum tsdb_status own =
            selector(text_of(text), &r->arena, &rule->matchers, &rule->matcher_count, &fault);
        if (own != TSDB_OK) {
            if (st == TSDB_OK)
                st = tsdb_fail(err, own, "log retention: selector %.80s: %.300s", text, fault.msg);
            continue;
        }
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
        for (uint32_t k = 0; k < r->at[i].matcher_count; k++)
            matcher_release(&r->at[i].matchers[k]);
        mem_free(r->at[i].matchers);
        mem_free(r->at[i].tenant);
    }
    arena_release(&r->arena);
    mem_free(r);
}

int64_t rules_end(const struct rules *r, struct tsdb_labels labels, int64_t now)
{
    struct tsdb_text tenant = labels_value(labels, text_of(TENANT_LABEL));
    for (uint32_t i = 0; i < r->count; i++) {
        const struct rule *rule = &r->at[i];
        if (!text_equal(tenant, text_of(rule->tenant)) ||
            !matchers_test(rule->matchers, rule->matcher_count, labels))
            continue;
        return rule->period > 0 && now > INT64_MIN + rule->period ? now - rule->period : INT64_MIN;
    }
    return INT64_MIN;
}
