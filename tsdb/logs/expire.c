/* Retention: whole segments by time; records that rules and deletions hide by writing a
 * segment anew, once a quarter of it is hidden. */
#include "tsdb/logs/engine.h"
#include "tsdb/logs/hides.h"
#include "tsdb/logs/merge.h"

#include "tsdb/base/mem.h"

enum { HIDDEN_SHARE = 4, LOOK_MINUTES = 10 };

/* Whether a good part of the block is hidden. */
static enum tsdb_status is_hollow(struct logs *l, struct block *b, int64_t now, bool *out,
                                  struct tsdb_error *err)
{
    struct tombstones *t = logs_tombstones_ref(l);
    struct rules *rules = logs_rules_ref(l);
    struct hides hides;
    uint64_t hidden = 0;
    enum tsdb_status st = hides_load(b, t, rules, now, &hides, err);
    for (uint32_t i = 0; st == TSDB_OK && !hides_is_empty(&hides) && i < b->group_count; i++) {
        struct group_run *runs = MEM_ARRAY(struct group_run, b->groups[i].run_count);
        st = log_block_runs(b, i, runs, err);
        for (uint32_t k = 0; k < b->groups[i].run_count && st == TSDB_OK; k++)
            hidden += hides_rows(&hides, &runs[k]);
        mem_free(runs);
    }
    hides_release(&hides);
    tombstones_unref(t);
    rules_unref(rules);
    *out = hidden > 0 && hidden >= b->shelved.entry.samples / HIDDEN_SHARE;
    return st;
}

/* The next hollow block, each looked at once in a while. */
static enum tsdb_status find_hollow(struct logs *l, const struct shelf_list *list,
                                    struct block **out, struct tsdb_error *err)
{
    int64_t now = shelf_reached(&l->shelf, list), mono = clock_mono_ns(l->store->clock);
    enum tsdb_status st = TSDB_OK;
    *out = NULL;
    for (uint32_t i = 0; i < list->count && !*out && st == TSDB_OK; i++) {
        struct block *b = log_block_of(list->at[i]);
        bool is_found = false;
        if (b->look_mono_ns > mono)
            continue;
        b->look_mono_ns = mono + LOOK_MINUTES * NS_PER_MINUTE;
        struct tsdb_error fault = {0};
        st = is_hollow(l, b, now, &is_found, &fault);
        if (st == TSDB_ECORRUPT) {
            shelf_set_aside(&l->shelf, &b->shelved.entry, fault.msg);
            st = TSDB_OK;
        } else if (st != TSDB_OK && err) {
            *err = fault;
        }
        if (is_found)
            *out = b;
    }
    return st;
}

enum tsdb_status logs_expire(struct logs *l, struct tsdb_error *err)
{
    mutex_lock(&l->config);
    int64_t retention = l->retention;
    mutex_unlock(&l->config);
    mutex_lock(&l->store->tend);
    struct block *hollow = NULL;
    enum tsdb_status st = shelf_expire(&l->shelf, retention, err);
    struct shelf_list *list = shelf_ref(&l->shelf);
    if (st == TSDB_OK)
        st = find_hollow(l, list, &hollow, err);
    if (st == TSDB_OK && hollow) {
        struct merge_choice *choice = MEM_NEW(struct merge_choice);
        bool did;
        choice->inputs[choice->count++] = &hollow->shelved;
        choice->level = hollow->shelved.entry.level;
        st = logs_merge_blocks(l, choice, &did, err);
        mem_free(choice);
    }
    shelf_list_unref(list);
    if (st == TSDB_OK)
        st = logs_forget_tombstones(l, err);
    mutex_unlock(&l->store->tend);
    return st;
}
