#include "tsdb/store/tombstones.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/tenant.h"

#include <string.h>

enum { MARK_0 = 0x80, MARK_1 = 0x00, MARK_BYTES = 3 };

/* ---- reading -------------------------------------------------------------------------- */

struct tombstones *tombstones_ref(struct tombstones *t)
{
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void tombstones_unref(struct tombstones *t)
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

/* What follows the mark; false: it is another signal's. */
static bool payload_of(struct bytes payload, enum store_signal signal, struct bytes *rest)
{
    bool is_marked = payload.len >= 2 && payload.at[0] == MARK_0 && payload.at[1] == MARK_1;
    *rest = payload;
    if (!is_marked)
        return signal == STORE_METRICS;
    if (payload.len < MARK_BYTES || payload.at[2] != signal)
        return false;
    *rest = (struct bytes){payload.at + MARK_BYTES, payload.len - MARK_BYTES};
    return true;
}

static enum tsdb_status parse(uint64_t id, struct bytes payload, struct tombstone *out,
                              struct tsdb_error *err)
{
    out->id = id;
    out->text = mem_text((const char *)payload.at, payload.len);
    struct reader r = reader_over((struct bytes){(const uint8_t *)out->text, payload.len});
    out->start = reader_svarint(&r);
    out->end = reader_svarint(&r);
    uint32_t n = reader_count(&r, 3);
    out->matchers = MEM_ARRAY(struct matcher, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t kind = reader_u8(&r);
        struct bytes name = reader_sized(&r), value = reader_sized(&r);
        if (r.fault || kind > MATCH_NRE)
            return tsdb_fail(err, TSDB_ECORRUPT, "tombstone %llu: bad matcher",
                             (unsigned long long)id);
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
                                       (unsigned long long)id);
}

enum tsdb_status tombstones_load(struct store *s, enum store_signal signal, struct tombstones **out,
                                 struct tsdb_error *err)
{
    mutex_lock(&s->manifest_lock);
    size_t count;
    const struct manifest_tombstone *in = manifest_tombstones(s->manifest, &count);
    struct tombstones *t = mem_array(1, sizeof *t + count * sizeof t->at[0]);
    atomic_init(&t->refs, 1);
    enum tsdb_status st = TSDB_OK;
    struct bytes payload;
    for (size_t i = 0; i < count && st == TSDB_OK; i++)
        if (payload_of(in[i].payload, signal, &payload))
            st = parse(in[i].id, payload, &t->at[t->count++], err);
    mutex_unlock(&s->manifest_lock);
    if (st == TSDB_OK)
        *out = t;
    else
        tombstones_unref(t);
    return st;
}

/* ---- writing -------------------------------------------------------------------------- */

static void put_payload(struct writer *out, const struct deletion *d)
{
    uint32_t count;
    struct matcher *all = matchers_with_tenant(d->tenant, d->matchers, d->matcher_count, &count);
    if (d->signal != STORE_METRICS) {
        writer_u8(out, MARK_0);
        writer_u8(out, MARK_1);
        writer_u8(out, (uint8_t)d->signal);
    }
    writer_svarint(out, d->start);
    writer_svarint(out, d->end);
    writer_uvarint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(out, (uint8_t)all[i].kind);
        writer_sized(out, all[i].name.at, all[i].name.len);
        writer_sized(out, all[i].value.at, all[i].value.len);
    }
    mem_free(all);
}

enum tsdb_status tombstone_add(struct store *s, const struct deletion *deletion,
                               struct tsdb_error *err)
{
    enum tsdb_status st = store_seal_locked(s, err);
    if (st != TSDB_OK)
        return st;
    struct writer payload = {0};
    put_payload(&payload, deletion);
    struct manifest_tombstone tombstone = {store_take_id(s), writer_bytes(&payload)};
    struct manifest_edit edit = {.tombstones_added = &tombstone, .tombstones_added_count = 1};
    st = store_apply(s, &edit, err);
    writer_release(&payload);
    return st;
}

enum tsdb_status tombstones_forget(struct store *s, const struct tombstones *t,
                                   bool (*is_needed)(void *arg, const struct tombstone *t),
                                   void *arg, bool *did, struct tsdb_error *err)
{
    uint64_t *ids = MEM_ARRAY(uint64_t, t->count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (!is_needed(arg, &t->at[i]))
            ids[n++] = t->at[i].id;
    struct manifest_edit edit = {.tombstones_removed = ids, .tombstones_removed_count = n};
    enum tsdb_status st = n > 0 ? store_apply(s, &edit, err) : TSDB_OK;
    *did = n > 0 && st == TSDB_OK;
    mem_free(ids);
    return st;
}
