/* Deleted records.  A deletion seals first, so that all it means is in blocks with lower
 * ids than its own; what comes later is not hidden, whatever its time.
 *
 * Payload in the manifest, which all signals share: 0x80 0x00, which begins no varint and so
 * no tombstone of metrics, u8 signal, svarint start, svarint end, uvarint n, n of: u8
 * matcher kind, sized name, sized value. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

enum { MARK_BYTES = 3 };
static const uint8_t mark[MARK_BYTES] = {0x80, 0x00, STORE_LOGS};

struct tombstones *logs_tombstones_ref(struct logs *l)
{
    mutex_lock(&l->lists);
    struct tombstones *t = l->tombstones;
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    mutex_unlock(&l->lists);
    return t;
}

void log_tombstones_unref(struct tombstones *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < t->count; i++) {
        for (uint32_t k = 0; k < t->at[i].matcher_count; k++)
            matcher_release(&t->at[i].matchers[k]);
        mem_free(t->at[i].matchers);
        mem_free(t->at[i].text);
    }
    mem_free(t);
}

static enum tsdb_status parse(const struct manifest_tombstone *in, struct tombstone *out,
                              struct tsdb_error *err)
{
    size_t len = in->payload.len - MARK_BYTES;
    out->id = in->id;
    out->text = mem_text((const char *)in->payload.at + MARK_BYTES, len);
    struct reader r = reader_over((struct bytes){(const uint8_t *)out->text, len});
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
    return t->payload.len > MARK_BYTES && memcmp(t->payload.at, mark, MARK_BYTES) == 0;
}

enum tsdb_status logs_tombstones_load(struct logs *l, struct tsdb_error *err)
{
    mutex_lock(&l->store->manifest_lock);
    size_t count;
    const struct manifest_tombstone *in = manifest_tombstones(l->store->manifest, &count);
    struct tombstones *t = mem_array(1, sizeof *t + count * sizeof t->at[0]);
    atomic_init(&t->refs, 1);
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (is_ours(&in[i]))
            st = parse(&in[i], &t->at[t->count++], err);
    mutex_unlock(&l->store->manifest_lock);
    if (st != TSDB_OK) {
        log_tombstones_unref(t);
        return st;
    }
    mutex_lock(&l->lists);
    struct tombstones *old = l->tombstones;
    l->tombstones = t;
    mutex_unlock(&l->lists);
    log_tombstones_unref(old);
    return TSDB_OK;
}

static void put_payload(struct writer *out, const struct logs_selection *selection)
{
    uint32_t count;
    struct matcher *all = logs_with_tenant(selection, &count);
    writer_put(out, mark, MARK_BYTES);
    writer_svarint(out, selection->start);
    writer_svarint(out, selection->end);
    writer_uvarint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(out, (uint8_t)all[i].kind);
        writer_sized(out, all[i].name.at, all[i].name.len);
        writer_sized(out, all[i].value.at, all[i].value.len);
    }
    mem_free(all);
}

/* No merge may run between taking the id and everybody's seeing the tombstone: its
 * output would have a higher id, and what was deleted would be back. */
enum tsdb_status logs_delete(struct logs *l, const struct logs_selection *selection,
                             struct tsdb_error *err)
{
    mutex_lock(&l->store->tend);
    enum tsdb_status st = store_seal_locked(l->store, err);
    if (st == TSDB_OK) {
        struct writer payload = {0};
        put_payload(&payload, selection);
        struct manifest_tombstone tombstone = {store_take_id(l->store), writer_bytes(&payload)};
        struct manifest_edit edit = {.tombstones_added = &tombstone, .tombstones_added_count = 1};
        st = store_apply(l->store, &edit, err);
        writer_release(&payload);
    }
    if (st == TSDB_OK)
        st = logs_tombstones_load(l, err);
    mutex_unlock(&l->store->tend);
    return st;
}

bool log_tombstone_touches(const struct tombstone *t, const struct block *b)
{
    return b->entry.id < t->id && b->entry.ts_min < t->end && b->entry.ts_max >= t->start;
}

static bool is_needed(const struct tombstone *t, const struct block_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (log_tombstone_touches(t, list->blocks[i]))
            return true;
    return false;
}

enum tsdb_status logs_forget_tombstones(struct logs *l, struct tsdb_error *err)
{
    struct block_list *list = logs_blocks_ref(l);
    struct tombstones *t = logs_tombstones_ref(l);
    uint64_t *ids = MEM_ARRAY(uint64_t, t->count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (!is_needed(&t->at[i], list))
            ids[n++] = t->at[i].id;
    enum tsdb_status st = TSDB_OK;
    if (n > 0) {
        struct manifest_edit edit = {.tombstones_removed = ids, .tombstones_removed_count = n};
        st = store_apply(l->store, &edit, err);
        if (st == TSDB_OK)
            st = logs_tombstones_load(l, err);
    }
    mem_free(ids);
    log_tombstones_unref(t);
    log_block_list_unref(list);
    return st;
}
