#include "tsdb/store/sealing.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/store/store.h"

void seal_edit_add(struct seal_edit *edit, const struct manifest_segment *entry)
{
    if (edit->count == edit->cap) {
        edit->cap = edit->cap ? edit->cap * 2 : 16;
        edit->entries = mem_grow(edit->entries, edit->cap, sizeof *edit->entries);
    }
    edit->entries[edit->count++] = *entry;
}

void store_add_sealer(struct store *s, const struct sealer *sealer)
{
    ASSERT(s->sealer_count < STORE_SIGNAL_COUNT);
    s->sealers[s->sealer_count++] = *sealer;
}

/* The position up to which everything is in what was turned. */
static uint64_t turn(struct store *s)
{
    rwlock_write(&s->gate);
    uint64_t position = journal_end(s->journal);
    for (uint32_t i = 0; i < s->sealer_count; i++)
        s->sealers[i].turn(s->sealers[i].arg);
    rwlock_unlock(&s->gate);
    return position;
}

static enum tsdb_status seal(struct store *s, struct tsdb_error *err)
{
    enum tsdb_status st = store_settle(s, err);
    if (st != TSDB_OK)
        return st;
    uint64_t position = turn(s);
    struct seal_edit made = {0};
    for (uint32_t i = 0; i < s->sealer_count && st == TSDB_OK; i++)
        st = s->sealers[i].write(s->sealers[i].arg, &made, err);
    bool may_be_listed = st == TSDB_OK;
    if (st == TSDB_OK) {
        struct manifest_edit edit = {
            .added = made.entries, .added_count = made.count, .has_floor = true, .floor = position};
        st = store_apply(s, &edit, err);
    }
    for (uint32_t i = 0; i < s->sealer_count; i++) {
        const struct sealer *sealer = &s->sealers[i];
        if (st == TSDB_OK)
            sealer->publish(sealer->arg);
        else
            sealer->abandon(sealer->arg, may_be_listed);
    }
    if (st == TSDB_OK)
        journal_release_below(s->journal, position);
    mem_free(made.entries);
    return st;
}

enum tsdb_status store_seal_locked(struct store *s, struct tsdb_error *err)
{
    if (s->is_read_only)
        return tsdb_fail(err, TSDB_EINVAL, "the store is open for reading only");
    int64_t began = clock_mono_ns(s->clock);
    enum tsdb_status st = seal(s, err);
    (void)atomic_fetch_add(&s->seal_ns, clock_mono_ns(s->clock) - began);
    if (st == TSDB_OK) {
        (void)atomic_fetch_add(&s->seals, 1);
        mem_trim();
    }
    return st;
}

enum tsdb_status store_seal(struct store *s, struct tsdb_error *err)
{
    mutex_lock(&s->tend);
    enum tsdb_status st = store_seal_locked(s, err);
    mutex_unlock(&s->tend);
    return st;
}
