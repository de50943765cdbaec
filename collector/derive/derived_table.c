#include "collector/derive/derived_table.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { SETS_FIRST = 16 };

void derived_table_init(struct derived_table *t, uint64_t seed, uint32_t series_max,
                        struct budget *budget)
{
    *t = (struct derived_table){.seed = seed, .series_max = series_max, .budget = budget};
    key_table_init(&t->by_name, budget);
}

static void tenant_free(struct derived_table *t, struct derived_tenant *tenant)
{
    for (uint32_t i = 0; i < tenant->set_count; i++)
        derived_set_free(tenant->sets[i], t->budget);
    if (t->budget)
        budget_release(t->budget, tenant->set_cap * sizeof(struct derived_set *));
    key_table_release(&tenant->keys);
    mem_free(tenant->sets);
    mem_free(tenant->name);
    mem_free(tenant);
}

void derived_table_release(struct derived_table *t)
{
    for (uint32_t i = 0; i < t->tenant_count; i++)
        tenant_free(t, t->tenants[i]);
    mem_free(t->tenants);
    key_table_release(&t->by_name);
    *t = (struct derived_table){0};
}

struct derived_tenant *derived_table_tenant(struct derived_table *t, const char *name)
{
    struct tsdb_hash key = hash128(t->seed, name, strlen(name));
    struct derived_tenant *tenant = key_table_find(&t->by_name, key);
    if (tenant || t->tenant_count == DERIVED_TENANTS_MAX)
        return tenant;
    tenant = MEM_NEW(struct derived_tenant);
    if (!key_table_put(&t->by_name, key, tenant)) {
        mem_free(tenant);
        return NULL;
    }
    tenant->name = mem_text(name, strlen(name));
    key_table_init(&tenant->keys, t->budget);
    t->tenants = mem_grow(t->tenants, t->tenant_count + 1, sizeof(struct derived_tenant *));
    t->tenants[t->tenant_count++] = tenant;
    return tenant;
}

bool derived_table_is_full(const struct derived_table *t, const struct derived_tenant *tenant,
                           enum set_kind kind)
{
    return (uint64_t)tenant->series + set_series_count(kind) > t->series_max;
}

/* Room for another set in the array. */
static bool tenant_grow(const struct derived_table *t, struct derived_tenant *tenant)
{
    if (tenant->set_count < tenant->set_cap)
        return true;
    uint32_t want = tenant->set_cap ? tenant->set_cap * 2 : SETS_FIRST;
    uint64_t more = (want - tenant->set_cap) * sizeof(struct derived_set *);
    if (t->budget && !budget_charge(t->budget, more))
        return false;
    tenant->sets = mem_grow(tenant->sets, want, sizeof(struct derived_set *));
    tenant->set_cap = want;
    return true;
}

static uint32_t counted_series(const struct derived_set *s)
{
    return s->is_overflow ? 0 : set_series_count(s->kind);
}

struct derived_set *derived_table_add(struct derived_table *t, struct derived_tenant *tenant,
                                      const struct set_birth *birth)
{
    if (!tenant_grow(t, tenant))
        return NULL;
    struct derived_set *s = derived_set_new(birth->kind, birth->labels, t->seed, t->budget);
    if (!s)
        return NULL;
    if (!key_table_put(&tenant->keys, birth->key, s)) {
        derived_set_free(s, t->budget);
        return NULL;
    }
    s->key = birth->key;
    s->start_ns = birth->start_ns;
    s->is_overflow = birth->is_overflow;
    s->ordinal = tenant->set_count;
    tenant->sets[tenant->set_count++] = s;
    tenant->series += counted_series(s);
    return s;
}

struct derived_set *derived_table_overflow(struct derived_table *t, struct derived_tenant *tenant,
                                           enum set_kind kind, int64_t start)
{
    static const struct tsdb_label spans[] = {{{"service", 7}, {"other", 5}},
                                              {{"metric_overflow", 15}, {"true", 4}}};
    static const struct tsdb_label edges[] = {{{"client", 6}, {"other", 5}},
                                              {{"server", 6}, {"other", 5}},
                                              {{"metric_overflow", 15}, {"true", 4}}};
    struct tsdb_hash key = {kind, UINT64_MAX};
    struct derived_set *s = derived_tenant_find(tenant, key);
    ASSERT(kind != SET_TARGET);
    tenant->folded++;
    if (s)
        return s;
    const struct set_birth birth = {
        .kind = kind,
        .key = key,
        .labels =
            kind == SET_SPANS ? (struct tsdb_labels){spans, 2} : (struct tsdb_labels){edges, 3},
        .start_ns = start,
        .is_overflow = true,
    };
    return derived_table_add(t, tenant, &birth);
}

void derived_tenant_take(struct derived_tenant *tenant, struct derived_set *s)
{
    ASSERT(tenant->sets[s->ordinal] == s);
    struct derived_set *last = tenant->sets[--tenant->set_count];
    tenant->sets[s->ordinal] = last;
    last->ordinal = s->ordinal;
    key_table_remove(&tenant->keys, s->key);
    tenant->series -= counted_series(s);
}

uint64_t derived_table_series(const struct derived_table *t)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->tenant_count; i++)
        n += t->tenants[i]->series;
    return n;
}
