#include "tsdb/metrics/catalog.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/metrics/alias.h"
#include "tsdb/metrics/record.h"

#include <stdlib.h>
#include <string.h>

struct family {
    struct tsdb_text tenant, family, help, unit; /* views into text */
    enum tsdb_metric_type type;
    char *text; /* owned */
};

void catalog_init(struct catalog *c, struct budget *parent)
{
    *c = (struct catalog){0};
    mutex_init(&c->lock);
    budget_init(&c->budget, UINT64_MAX, parent);
    c->exemplars = MEM_ARRAY(struct held_exemplar, CATALOG_EXEMPLARS_MAX);
    c->slot_mask = 255;
    c->slots = MEM_ARRAY(uint32_t, c->slot_mask + 1);
}

void catalog_release(struct catalog *c)
{
    if (!c->slots)
        return;
    for (uint32_t i = 0; i < c->exemplar_count; i++)
        mem_free(c->exemplars[(c->exemplar_first + i) % CATALOG_EXEMPLARS_MAX].labels);
    for (uint32_t i = 0; i < c->family_count; i++)
        mem_free(c->families[i].text);
    mem_free(c->exemplars);
    mem_free(c->families);
    mem_free(c->slots);
    mutex_release(&c->lock);
    c->slots = NULL;
}

/* ---- metadata --------------------------------------------------------------------- */

static uint64_t family_hash(struct tsdb_text tenant, struct tsdb_text family)
{
    return hash64(hash64(0, tenant.at, tenant.len), family.at, family.len);
}

static uint32_t *family_slot(struct catalog *c, struct tsdb_text tenant, struct tsdb_text family)
{
    for (uint64_t i = family_hash(tenant, family);; i++) {
        uint32_t *slot = &c->slots[i & c->slot_mask];
        if (*slot == 0)
            return slot;
        const struct family *f = &c->families[*slot - 1];
        if (text_equal(f->tenant, tenant) && text_equal(f->family, family))
            return slot;
    }
}

static void slots_grow(struct catalog *c)
{
    mem_free(c->slots);
    c->slot_mask = c->slot_mask * 2 + 1;
    c->slots = MEM_ARRAY(uint32_t, (size_t)c->slot_mask + 1);
    for (uint32_t i = 0; i < c->family_count; i++)
        *family_slot(c, c->families[i].tenant, c->families[i].family) = i + 1;
}

static struct tsdb_text text_put(char **at, struct tsdb_text t)
{
    struct tsdb_text copy = {*at, t.len};
    if (t.len)
        memcpy(*at, t.at, t.len);
    *at += t.len;
    return copy;
}

static uint64_t family_bytes(const struct family *f)
{
    return sizeof *f + f->tenant.len + f->family.len + f->help.len + f->unit.len;
}

static void family_fill(struct catalog *c, struct family *f, struct tsdb_text tenant,
                        const struct tsdb_metadata *m)
{
    char *old = f->text;
    if (old)
        budget_release(&c->budget, family_bytes(f));
    char *at = mem_alloc(tenant.len + m->family.len + m->help.len + m->unit.len);
    f->text = at;
    f->tenant = text_put(&at, tenant);
    f->family = text_put(&at, m->family);
    f->help = text_put(&at, m->help);
    f->unit = text_put(&at, m->unit);
    f->type = m->type;
    mem_free(old);
    budget_force(&c->budget, family_bytes(f));
}

static bool metadata_is_good(const struct tsdb_metadata *m)
{
    return m->family.len > 0 && m->family.len <= CATALOG_TEXT_MAX &&
           m->help.len <= CATALOG_TEXT_MAX && m->unit.len <= CATALOG_TEXT_MAX &&
           utf8_check(m->family.at, m->family.len) && utf8_check(m->help.at, m->help.len) &&
           utf8_check(m->unit.at, m->unit.len);
}

/* Whether it would change something; what cannot be kept is counted. */
static bool metadata_is_new(struct catalog *c, struct tsdb_text tenant,
                            const struct tsdb_metadata *m)
{
    if (!metadata_is_good(m)) {
        c->dropped++;
        return false;
    }
    uint32_t slot = *family_slot(c, tenant, m->family);
    if (slot) {
        const struct family *f = &c->families[slot - 1];
        return f->type != m->type || !text_equal(f->help, m->help) || !text_equal(f->unit, m->unit);
    }
    if (c->family_count < CATALOG_FAMILIES_MAX && budget_used(&c->budget) < CATALOG_BYTES_MAX)
        return true;
    c->dropped++;
    return false;
}

static void metadata_put(struct catalog *c, struct tsdb_text tenant, const struct tsdb_metadata *m)
{
    if (!metadata_is_new(c, tenant, m))
        return;
    uint32_t *slot = family_slot(c, tenant, m->family);
    if (*slot) {
        family_fill(c, &c->families[*slot - 1], tenant, m);
        return;
    }
    if (c->family_count == c->family_cap) {
        c->family_cap = c->family_cap ? c->family_cap * 2 : 64;
        c->families = mem_grow(c->families, c->family_cap, sizeof *c->families);
    }
    c->families[c->family_count] = (struct family){0};
    family_fill(c, &c->families[c->family_count], tenant, m);
    *slot = ++c->family_count;
    if (c->family_count > c->slot_mask / 4 * 3)
        slots_grow(c);
}

static void metadata_item(struct writer *out, struct tsdb_text tenant,
                          const struct tsdb_metadata *m)
{
    writer_sized(out, tenant.at, tenant.len);
    writer_sized(out, m->family.at, m->family.len);
    writer_sized(out, m->help.at, m->help.len);
    writer_sized(out, m->unit.at, m->unit.len);
    writer_u8(out, (uint8_t)m->type);
}

static struct tsdb_metadata metadata_of(const struct family *f)
{
    return (struct tsdb_metadata){f->family, f->help, f->unit, f->type};
}

static struct tsdb_text text_take(struct reader *r)
{
    struct bytes b = reader_sized(r);
    return (struct tsdb_text){(const char *)b.at, b.len};
}

enum tsdb_status catalog_restore_metadata(struct catalog *c, struct bytes payload)
{
    struct reader r = reader_over(payload);
    uint32_t n = reader_count(&r, 5);
    mutex_lock(&c->lock);
    for (uint32_t i = 0; i < n && !r.fault; i++) {
        struct tsdb_text tenant = text_take(&r);
        struct tsdb_metadata m = {.family = text_take(&r)};
        m.help = text_take(&r);
        m.unit = text_take(&r);
        m.type = (enum tsdb_metric_type)(reader_u8(&r) % (TSDB_METRIC_STATESET + 1));
        if (!r.fault)
            metadata_put(c, tenant, &m);
    }
    mutex_unlock(&c->lock);
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

uint32_t catalog_metadata_record(struct catalog *c, uint32_t from, struct writer *out)
{
    enum { RECORD_BYTES = 1 << 20 };
    struct writer items = {0};
    uint32_t i = from;
    mutex_lock(&c->lock);
    for (; i < c->family_count && items.len < RECORD_BYTES; i++) {
        struct tsdb_metadata m = metadata_of(&c->families[i]);
        metadata_item(&items, c->families[i].tenant, &m);
    }
    mutex_unlock(&c->lock);
    if (i > from) {
        writer_uvarint(out, i - from);
        writer_put(out, items.at, items.len);
    }
    writer_release(&items);
    return i;
}

static int by_family(const void *a, const void *b)
{
    const struct tsdb_metadata *x = a, *y = b;
    return text_compare(x->family, y->family);
}

void catalog_metadata_each(struct catalog *c, const char *tenant, tsdb_metadata_fn *fn, void *arg)
{
    mutex_lock(&c->lock);
    struct tsdb_metadata *all = MEM_ARRAY(struct tsdb_metadata, c->family_count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->family_count; i++)
        if (text_equal(c->families[i].tenant, text_of(tenant ? tenant : "")))
            all[n++] = metadata_of(&c->families[i]);
    qsort(all, n, sizeof *all, by_family);
    for (uint32_t i = 0; i < n; i++)
        if (!fn(arg, &all[i]))
            break;
    mutex_unlock(&c->lock);
    mem_free(all);
}

/* ---- exemplars ---------------------------------------------------------------------- */

static struct held_exemplar *ring_at(struct catalog *c, uint32_t i)
{
    return &c->exemplars[(c->exemplar_first + i) % CATALOG_EXEMPLARS_MAX];
}

/* Whether one of the last few says the same: exporters repeat exemplars until
 * there is a newer one. */
static bool is_repeat(struct catalog *c, const struct held_exemplar *e)
{
    enum { LOOK_BACK = 256 };
    for (uint32_t i = 0; i < c->exemplar_count && i < LOOK_BACK; i++) {
        const struct held_exemplar *old = ring_at(c, c->exemplar_count - 1 - i);
        if (old->ref == e->ref && old->ts == e->ts &&
            memcmp(&old->value, &e->value, sizeof e->value) == 0)
            return true;
    }
    return false;
}

/* Copies the labels.  False: known already. */
static bool exemplar_put(struct catalog *c, const struct held_exemplar *e)
{
    if (is_repeat(c, e))
        return false;
    if (c->exemplar_count == CATALOG_EXEMPLARS_MAX) {
        struct held_exemplar *oldest = ring_at(c, 0);
        budget_release(&c->budget, oldest->labels_len);
        mem_free(oldest->labels);
        c->exemplar_first = (c->exemplar_first + 1) % CATALOG_EXEMPLARS_MAX;
        c->exemplar_count--;
        c->dropped++;
    }
    struct held_exemplar *held = ring_at(c, c->exemplar_count++);
    *held = *e;
    held->labels = mem_alloc(e->labels_len);
    memcpy(held->labels, e->labels, e->labels_len);
    budget_force(&c->budget, e->labels_len);
    return true;
}

enum tsdb_status catalog_restore_exemplars(struct catalog *c, struct bytes payload)
{
    struct reader r = reader_over(payload);
    uint32_t n = reader_count(&r, 11);
    mutex_lock(&c->lock);
    for (uint32_t i = 0; i < n && !r.fault; i++) {
        struct held_exemplar e = {.ref = (uint32_t)reader_uvarint(&r)};
        e.ts = reader_svarint(&r);
        e.value = reader_f64(&r);
        struct bytes labels = reader_sized(&r);
        e.labels = (uint8_t *)(uintptr_t)labels.at;
        e.labels_len = (uint32_t)labels.len;
        if (!r.fault)
            (void)exemplar_put(c, &e);
    }
    mutex_unlock(&c->lock);
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

/* With its labels encoded. */
static bool exemplar_is_good(const struct catalog_batch *b, const struct tsdb_exemplar *e,
                             struct writer *labels)
{
    ASSERT(e->point < b->batch->point_count);
    if (b->refs[e->point] == ALIAS_NONE || e->ts < b->ts_min || e->ts > b->ts_max ||
        e->labels.count > RECORD_LABELS_MAX)
        return false;
    for (uint32_t i = 0; i < e->labels.count; i++) {
        struct tsdb_label l = e->labels.at[i];
        if (!utf8_check(l.name.at, l.name.len) || !utf8_check(l.value.at, l.value.len))
            return false;
    }
    writer_reset(labels);
    record_labels_encode(e->labels, labels);
    return labels->len <= CATALOG_EXEMPLAR_BYTES_MAX;
}

/* The batch's exemplars as a record body; those of refused points are left out. */
static uint32_t exemplar_items(const struct catalog_batch *b, struct writer *out)
{
    uint32_t n = 0;
    struct writer labels = {0};
    for (uint32_t i = 0; i < b->batch->exemplar_count; i++) {
        const struct tsdb_exemplar *e = &b->batch->exemplars[i];
        if (!exemplar_is_good(b, e, &labels))
            continue;
        writer_uvarint(out, b->refs[e->point]);
        writer_svarint(out, e->ts);
        writer_f64(out, e->value);
        writer_sized(out, labels.at, labels.len);
        n++;
    }
    writer_release(&labels);
    return n;
}

static enum tsdb_status put_record(struct store *store, enum record_type type, uint32_t n,
                                   const struct writer *items, uint64_t *position,
                                   struct tsdb_error *err)
{
    uint8_t count[10];
    struct bytes parts[] = {{count, uvarint_encode(n, count)}, writer_bytes(items)};
    return journal_append(store->journal, (uint8_t)type, parts, 2, position, err);
}

static enum tsdb_status append_exemplars(struct catalog *c, struct store *store,
                                         const struct catalog_batch *b, struct tsdb_appended *out,
                                         struct tsdb_error *err)
{
    struct writer items = {0};
    uint32_t n = exemplar_items(b, &items);
    enum tsdb_status st = TSDB_OK;
    if (n > 0)
        st = put_record(store, RECORD_EXEMPLARS, n, &items, &out->position, err);
    if (n > 0 && st == TSDB_OK) {
        struct writer payload = {0};
        writer_uvarint(&payload, n);
        writer_put(&payload, items.at, items.len);
        st = catalog_restore_exemplars(c, writer_bytes(&payload));
        ASSERT(st == TSDB_OK);
        writer_release(&payload);
        out->exemplars = n;
    }
    writer_release(&items);
    return st;
}

/* Kept only once it is in the journal: else the sender's next try would be no news, and
 * acknowledged without a record. */
static enum tsdb_status append_metadata(struct catalog *c, struct store *store,
                                        const struct tsdb_batch *batch, struct tsdb_appended *out,
                                        struct tsdb_error *err)
{
    struct tsdb_text tenant = text_of(batch->tenant ? batch->tenant : "");
    struct writer items = {0};
    uint32_t n = 0;
    mutex_lock(&c->lock);
    for (uint32_t i = 0; i < batch->metadata_count; i++) {
        if (!metadata_is_new(c, tenant, &batch->metadata[i]))
            continue;
        metadata_item(&items, tenant, &batch->metadata[i]);
        n++;
    }
    mutex_unlock(&c->lock);
    enum tsdb_status st = TSDB_OK;
    if (n > 0)
        st = put_record(store, RECORD_METADATA, n, &items, &out->position, err);
    if (n > 0 && st == TSDB_OK) {
        mutex_lock(&c->lock);
        for (uint32_t i = 0; i < batch->metadata_count; i++)
            metadata_put(c, tenant, &batch->metadata[i]);
        mutex_unlock(&c->lock);
    }
    writer_release(&items);
    return st;
}

enum tsdb_status catalog_append(struct catalog *c, struct store *store,
                                const struct catalog_batch *b, struct tsdb_appended *out,
                                struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    if (b->batch->metadata_count > 0)
        st = append_metadata(c, store, b->batch, out, err);
    if (st == TSDB_OK && b->batch->exemplar_count > 0)
        st = append_exemplars(c, store, b, out, err);
    return st;
}

void catalog_turn(struct catalog *c)
{
    mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->exemplar_count; i++)
        ring_at(c, i)->is_sealed = true;
    mutex_unlock(&c->lock);
}

static int by_ref_then_time(const void *a, const void *b)
{
    const struct held_exemplar *x = a, *y = b;
    if (x->ref != y->ref)
        return x->ref < y->ref ? -1 : 1;
    return (x->ts > y->ts) - (x->ts < y->ts);
}

struct held_exemplar *catalog_sealed(struct catalog *c, uint32_t *count)
{
    mutex_lock(&c->lock);
    size_t bytes = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->exemplar_count; i++)
        if (ring_at(c, i)->is_sealed)
            bytes += ring_at(c, i)->labels_len;
    struct held_exemplar *copy = mem_alloc(c->exemplar_count * sizeof *copy + bytes);
    uint8_t *labels = (uint8_t *)(copy + c->exemplar_count);
    for (uint32_t i = 0; i < c->exemplar_count; i++) {
        const struct held_exemplar *e = ring_at(c, i);
        if (!e->is_sealed)
            continue;
        copy[n] = *e;
        copy[n++].labels = memcpy(labels, e->labels, e->labels_len);
        labels += e->labels_len;
    }
    mutex_unlock(&c->lock);
    qsort(copy, n, sizeof *copy, by_ref_then_time);
    *count = n;
    return copy;
}

void catalog_drop_sealed(struct catalog *c)
{
    mutex_lock(&c->lock);
    while (c->exemplar_count > 0 && ring_at(c, 0)->is_sealed) {
        budget_release(&c->budget, ring_at(c, 0)->labels_len);
        mem_free(ring_at(c, 0)->labels);
        c->exemplar_first = (c->exemplar_first + 1) % CATALOG_EXEMPLARS_MAX;
        c->exemplar_count--;
    }
    mutex_unlock(&c->lock);
}

void catalog_exemplars_each(struct catalog *c, held_exemplar_fn *fn, void *arg)
{
    mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->exemplar_count; i++)
        fn(arg, ring_at(c, i));
    mutex_unlock(&c->lock);
}

uint64_t catalog_exemplar_count(struct catalog *c)
{
    mutex_lock(&c->lock);
    uint64_t n = c->exemplar_count;
    mutex_unlock(&c->lock);
    return n;
}
