#include "tsdb/logs/hides.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

static struct hidden_range *add(struct hides *h, int64_t start, int64_t end)
{
    h->ranges = mem_grow(h->ranges, (size_t)h->count + 1, sizeof *h->ranges);
    h->ranges[h->count] = (struct hidden_range){.start = start, .end = end};
    return &h->ranges[h->count++];
}

/* Streams that the rule is the first to match; *taken are those of the rules before. */
static enum tsdb_status add_rule(const struct block *b, const struct rule *rule, int64_t now,
                                 struct ordinals *taken, struct hides *out, struct tsdb_error *err)
{
    struct logs_selection sel = {
        .tenant = rule->tenant, .matchers = rule->matchers, .matcher_count = rule->matcher_count};
    uint32_t count;
    struct matcher *m = matchers_with_tenant(sel.tenant, sel.matchers, sel.matcher_count, &count);
    struct ordinals found = {0};
    enum tsdb_status st = label_index_select(b->labels, m, count, &found, err);
    mem_free(m);
    bool has_end = rule->period > 0 && now > INT64_MIN + rule->period;
    if (st == TSDB_OK) {
        ordinals_subtract(&found, taken);
        ordinals_unite(taken, &found);
    }
    if (st == TSDB_OK && has_end && found.count > 0 && b->shelved.entry.ts_min < now - rule->period)
        add(out, INT64_MIN, now - rule->period)->streams = found;
    else
        ordinals_release(&found);
    return st;
}

enum tsdb_status hides_load(const struct block *b, const struct tombstones *t,
                            const struct rules *rules, int64_t now, struct hides *out,
                            struct tsdb_error *err)
{
    *out = (struct hides){0};
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < t->count && st == TSDB_OK; i++) {
        if (!log_tombstone_touches(&t->at[i], b))
            continue;
        struct ordinals found = {0};
        st = label_index_select(b->labels, t->at[i].matchers, t->at[i].matcher_count, &found, err);
        if (st == TSDB_OK && found.count > 0)
            add(out, t->at[i].start, t->at[i].end)->streams = found;
        else
            ordinals_release(&found);
    }
    struct ordinals taken = {0};
    for (uint32_t i = 0; i < rules->count && st == TSDB_OK; i++)
        st = add_rule(b, &rules->at[i], now, &taken, out, err);
    ordinals_release(&taken);
    if (st != TSDB_OK)
        hides_release(out);
    return st;
}

void hides_release(struct hides *h)
{
    for (uint32_t i = 0; i < h->count; i++)
        ordinals_release(&h->ranges[i].streams);
    mem_free(h->ranges);
    *h = (struct hides){0};
}

bool hides_touch(const struct hides *h, uint32_t i, const struct group_run *run)
{
    const struct hidden_range *r = &h->ranges[i];
    return run->ts_min < r->end && run->ts_max >= r->start &&
           ordinals_have(&r->streams, run->stream);
}

bool hides_all(const struct hides *h, const struct group_run *run)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (run->ts_min >= h->ranges[i].start && run->ts_max < h->ranges[i].end &&
            hides_touch(h, i, run))
            return true;
    return false;
}

uint64_t hides_rows(const struct hides *h, const struct group_run *run)
{
    double hidden = 0, length = (double)run->ts_max - (double)run->ts_min + 1;
    if (hides_all(h, run))
        return run->rows;
    for (uint32_t i = 0; i < h->count; i++) {
        if (!hides_touch(h, i, run))
            continue;
        const struct hidden_range *r = &h->ranges[i];
        double from = (double)(r->start > run->ts_min ? r->start : run->ts_min);
        double to = (double)(r->end <= run->ts_max ? r->end : run->ts_max);
        hidden += (to - from) / length * run->rows;
    }
    return hidden < run->rows ? (uint64_t)hidden : run->rows;
}
