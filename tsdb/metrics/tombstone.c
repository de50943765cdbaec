/* Deleted series.  A deletion seals first, so that all it means is in blocks with
 * lower ids than its own; what comes later is not hidden, whatever its time.
 * Payload in the manifest: svarint start, svarint end, uvarint n, n of: u8 matcher
 * kind, sized name, sized value.  Those of other signals begin with 0x80 0x00, which begins
 * no varint. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <string.h>

struct tombstones *tombstones_ref(struct metrics *m)
{
    mutex_lock(&m->lists);
    struct tombstones *t = m->tombstones;
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    mutex_unlock(&m->lists);
    return t;
}

static void tombstone_release(struct tombstone *t)
{
    for (uint32_t i = 0; i < t->matcher_count; i++)
        matcher_release(&t->matchers[i]);
    mem_free(t->matchers);
    mem_free(t->text);
}

void tombstones_unref(struct tombstones *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        tombstone_release(&t->at[i]);
    mem_free(t);
}

void tombstones_apply(const struct tombstones *t, uint64_t block_id, struct tsdb_labels labels,
                      struct samples *s)
{
    for (uint32_t i = 0; i < t->count && s->count > 0; i++)
        if (block_id < t->at[i].id &&
            matchers_test(t->at[i].matchers, t->at[i].matcher_count, labels))
            samples_cut(s, t->at[i].start, t->at[i].end);
}

static enum tsdb_status parse(const struct manifest_tombstone *in, struct tombstone *out,
                              struct tsdb_error *err)
{
    out->id = in->id;
    out->text = mem_text((const char *)in->payload.at, in->payload.len);
    struct reader r = reader_over((struct bytes){(const uint8_t *)out->text, in->payload.len});
    out->start = reader_svarint(&r);
    out->end = reader_svarint(&r);
    uint32_t n = reader_count(&r, 3);
    out->matchers = MEM_ARRAY(struct matcher, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t kind = reader_u8(&r);
        struct bytes name = reader_sized(&r), value = reader_sized(&r);
        if (r.fault || kind > MATCH_NRE)
            return tsdb_fail(err, TSDB_ECORRUPT, "tombstone %llu: bad matcher",
                             (unsigned long long)in->id);
        enum tsdb_status st =
            matcher_init(&out->matchers[i], (enum matcher_kind)kind,
                         (struct tsdb_text){(const char *)name.at, name.len},
                         (struct tsdb_text){(const char *)value.at, value.len}, err);
        if (st != TSDB_OK)
            return st;
        out->matcher_count++;
    }
    return reader_done(&r) ? TSDB_OK
                           : tsdb_fail(err, TSDB_ECORRUPT, "tombstone %llu: trailing bytes",
                                       (unsigned long long)in->id);
}

static bool is_ours(const struct manifest_tombstone *t)
{
    return t->payload.len < 2 || t->payload.at[0] != 0x80 || t->payload.at[1] != 0x00;
}

enum tsdb_status tombstones_load(struct metrics *m, struct tsdb_error *err)
{
    mutex_lock(&m->store->manifest_lock);
    size_t count;
    const struct manifest_tombstone *in = manifest_tombstones(m->store->manifest, &count);
    struct tombstones *t = mem_array(1, sizeof *t + count * sizeof t->at[0]);
    atomic_init(&t->refs, 1);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (is_ours(&in[i]))
            st = parse(&in[i], &t->at[t->count++], err);
    mutex_unlock(&m->store->manifest_lock);
    if (st != TSDB_OK) {
        tombstones_unref(t);
        return st;
    }
    mutex_lock(&m->lists);
    struct tombstones *old = m->tombstones;
    m->tombstones = t;
    mutex_unlock(&m->lists);
    tombstones_unref(old);
    return TSDB_OK;
}

static void put_matcher(struct writer *out, enum matcher_kind kind, struct tsdb_text name,
                        struct tsdb_text value)
{
    writer_u8(out, (uint8_t)kind);
    writer_sized(out, name.at, name.len);
    writer_sized(out, value.at, value.len);
}

static void put_payload(struct writer *out, const struct metrics_selection *selection)
{
    writer_svarint(out, selection->start);
    writer_svarint(out, selection->end);
    writer_uvarint(out, (uint64_t)selection->matcher_count + 1);
    for (uint32_t i = 0; i < selection->matcher_count; i++)
        put_matcher(out, selection->matchers[i].kind, selection->matchers[i].name,
                    selection->matchers[i].value);
    put_matcher(out, MATCH_EQ, text_of(TENANT_LABEL),
                text_of(selection->tenant ? selection->tenant : ""));
}

/* No merge may run between taking the id and everybody's seeing the tombstone: its
 * output would have a higher id, and what was deleted would be back. */
enum tsdb_status metrics_delete(struct metrics *m, const struct metrics_selection *selection,
                                struct tsdb_error *err)
{
    mutex_lock(&m->store->tend);
    enum tsdb_status st = store_seal_locked(m->store, err);
    if (st == TSDB_OK) {
        struct writer payload = {0};
        put_payload(&payload, selection);
        struct manifest_tombstone tombstone = {store_take_id(m->store), writer_bytes(&payload)};
        struct manifest_edit edit = {.tombstones_added = &tombstone, .tombstones_added_count = 1};
        st = store_apply(m->store, &edit, err);
        writer_release(&payload);
    }
    if (st == TSDB_OK)
        st = tombstones_load(m, err);
    mutex_unlock(&m->store->tend);
    return st;
}

bool tombstone_touches(const struct tombstone *t, const struct block *b)
{
    return b->entry.id < t->id && b->entry.ts_min <= t->end && b->entry.ts_max >= t->start;
}

static bool is_needed(const struct tombstone *t, const struct block_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (tombstone_touches(t, list->blocks[i]))
            return true;
    return false;
}

enum tsdb_status metrics_forget_tombstones(struct metrics *m, struct tsdb_error *err)
{
    mutex_lock(&m->store->tend);
    struct block_list *list = block_list_ref(m);
    struct tombstones *t = tombstones_ref(m);
    uint64_t *ids = MEM_ARRAY(uint64_t, t->count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (!is_needed(&t->at[i], list))
            ids[n++] = t->at[i].id;
    enum tsdb_status st = TSDB_OK;
    if (n > 0) {
        struct manifest_edit edit = {.tombstones_removed = ids, .tombstones_removed_count = n};
        st = store_apply(m->store, &edit, err);
        if (st == TSDB_OK)
            st = tombstones_load(m, err);
    }
    mem_free(ids);
    tombstones_unref(t);
    block_list_unref(list);
    mutex_unlock(&m->store->tend);
    return st;
}
