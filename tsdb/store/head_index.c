#include "tsdb/store/head_index.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/pair_table.h"

#include <string.h>

enum {
    PAGE_REFS = 256,
    RECORD_BYTES_MAX = 2 + 5 * LABELS_MAX,
    CHARGE_BYTES = 65536, /* the budget is charged in steps of this */
    ADD_BYTES = 2 * PAGE_REFS * 4 + RECORD_BYTES_MAX * 2, /* a page and its growth */
};

/* Records of 256 neighbouring refs: [uv labels] [uv pair id]... each. */
struct page {
    uint32_t offs[PAGE_REFS]; /* of a record, plus one; 0: no such ref */
    uint8_t *records;         /* owned */
    uint32_t len, cap, dead;  /* dead: bytes of records that are gone */
    uint32_t count;
};

struct head_index {
    struct pair_table table;
    struct budget *budget; /* borrowed, or NULL */
    uint64_t bytes;        /* beside the table's */
    uint64_t charged;
    struct page **pages; /* owned; by ref / PAGE_REFS, may be NULL */
    uint32_t page_cap, series;
    uint32_t recent[LABELS_MAX]; /* names of the series added last, by position */
};

/* ---- memory --------------------------------------------------------------------- */

static void *take(struct head_index *ix, size_t bytes)
{
    void *block = mem_alloc(bytes);
    ix->bytes += mem_usable(block);
    return block;
}

static void drop(struct head_index *ix, void *block)
{
    if (block)
        ix->bytes -= mem_usable(block);
    mem_free(block);
}

static void *resize(struct head_index *ix, void *block, size_t count, size_t size)
{
    if (block)
        ix->bytes -= mem_usable(block);
    block = mem_grow(block, count, size);
    ix->bytes += mem_usable(block);
    return block;
}

uint64_t head_index_bytes(const struct head_index *ix)
{
    return ix->bytes + ix->table.bytes;
}

static bool charge_add(struct head_index *ix, struct tsdb_labels labels)
{
    if (!ix->budget)
        return true;
    uint64_t want = head_index_bytes(ix) + ADD_BYTES + pair_table_growth(&ix->table, labels);
    if (want <= ix->charged)
        return true;
    uint64_t more = want - ix->charged;
    uint64_t step = more > CHARGE_BYTES ? more : CHARGE_BYTES;
    if (!budget_charge(ix->budget, step)) {
        step = more;
        if (!budget_charge(ix->budget, step))
            return false;
    }
    ix->charged += step;
    return true;
}

static void settle_charge(struct head_index *ix)
{
    uint64_t bytes = head_index_bytes(ix);
    if (!ix->budget)
        return;
    if (bytes > ix->charged) {
        budget_force(ix->budget, bytes - ix->charged);
        ix->charged = bytes;
    } else if (ix->charged - bytes > (uint64_t)2 * CHARGE_BYTES) {
        uint64_t excess = ix->charged - bytes - CHARGE_BYTES;
        budget_release(ix->budget, excess);
        ix->charged -= excess;
    }
}

struct head_index *head_index_new(uint64_t seed, struct budget *budget)
{
    struct head_index *ix = MEM_NEW(struct head_index);
    pair_table_init(&ix->table, seed);
    ix->budget = budget;
    ix->bytes = mem_usable(ix);
    settle_charge(ix);
    return ix;
}

void head_index_free(struct head_index *ix)
{
    if (!ix)
        return;
    for (uint32_t i = 0; i < ix->page_cap; i++) {
        if (ix->pages[i])
            mem_free(ix->pages[i]->records);
        mem_free(ix->pages[i]);
    }
    mem_free(ix->pages);
    pair_table_release(&ix->table);
    if (ix->budget)
        budget_release(ix->budget, ix->charged);
    mem_free(ix);
}

/* ---- records ----------------------------------------------------------------------- */

static const uint8_t *record_of(const struct head_index *ix, uint32_t ref)
{
    uint32_t page = ref / PAGE_REFS;
    if (page >= ix->page_cap || !ix->pages[page] || ix->pages[page]->offs[ref % PAGE_REFS] == 0)
        return NULL;
    return ix->pages[page]->records + ix->pages[page]->offs[ref % PAGE_REFS] - 1;
}

/* Our own bytes: no bounds to check. */
static inline uint32_t uvarint_next(const uint8_t **at)
{
    uint32_t v = **at & 0x7f;
    for (unsigned shift = 7; *(*at)++ & 0x80; shift += 7)
        v |= (uint32_t)(**at & 0x7f) << shift;
    return v;
}

/* Returns the byte after the record. */
static const uint8_t *record_read(const uint8_t *record, uint32_t pairs[LABELS_MAX],
                                  uint32_t *count)
{
    *count = uvarint_next(&record);
    for (uint32_t i = 0; i < *count; i++)
        pairs[i] = uvarint_next(&record);
    return record;
}

static struct page *page_for(struct head_index *ix, uint32_t ref)
{
    uint32_t at = ref / PAGE_REFS;
    if (at >= ix->page_cap) {
        uint32_t cap = ix->page_cap < 16 ? 16 : ix->page_cap + ix->page_cap / 4;
        cap = cap > at ? cap : at + 1;
        ix->pages = resize(ix, ix->pages, cap, sizeof(struct page *));
        memset(&ix->pages[ix->page_cap], 0, (cap - ix->page_cap) * sizeof(struct page *));
        ix->page_cap = cap;
    }
    if (!ix->pages[at]) {
        ix->pages[at] = take(ix, sizeof(struct page));
        memset(ix->pages[at], 0, sizeof(struct page));
    }
    return ix->pages[at];
}

static void page_resize(struct head_index *ix, struct page *p, uint32_t cap)
{
    p->records = resize(ix, p->records, cap, 1);
    p->cap = cap;
}

static void record_put(struct head_index *ix, uint32_t ref, const uint32_t *pairs, uint32_t count)
{
    uint8_t record[RECORD_BYTES_MAX];
    size_t len = uvarint_encode(count, record);
    for (uint32_t i = 0; i < count; i++)
        len += uvarint_encode(pairs[i], record + len);
    struct page *p = page_for(ix, ref);
    if (len > p->cap - p->len) {
        uint32_t cap = (p->cap + p->cap / 4 + (uint32_t)len + 511) / 512 * 512;
        page_resize(ix, p, cap);
    }
    memcpy(p->records + p->len, record, len);
    p->offs[ref % PAGE_REFS] = p->len + 1;
    p->len += (uint32_t)len;
    if (++p->count == PAGE_REFS)
        page_resize(ix, p, p->len);
}

/* ---- adding ------------------------------------------------------------------------- */

static enum tsdb_status check_add(const struct head_index *ix, uint32_t ref,
                                  struct tsdb_labels labels)
{
    if (labels.count > LABELS_MAX || record_of(ix, ref) || ix->series == UINT32_MAX - 1)
        return TSDB_EINVAL;
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct tsdb_label *l = &labels.at[i];
        if (l->name.len == 0 || l->name.len > HEAD_TEXT_BYTES_MAX ||
            l->value.len > HEAD_TEXT_BYTES_MAX)
            return TSDB_EINVAL;
        ASSERT_SLOW(i == 0 || text_compare(labels.at[i - 1].name, l->name) < 0);
    }
    return TSDB_OK;
}

/* Most series have the names of the one before at the same places. */
static uint32_t name_resolve(struct head_index *ix, uint32_t place, struct tsdb_text text)
{
    uint32_t id = ix->recent[place];
    if (id >= ix->table.name_limit || !text_equal(label_name_text(&ix->table.names[id]), text)) {
        id = pair_table_put_name(&ix->table, text);
        ix->recent[place] = id;
    }
    return id;
}

/* What is compared is in the cache by then: slots of all labels are fetched
 * first, then the pairs that they point to, then the ends of their lists. */
static void pairs_resolve(struct head_index *ix, struct tsdb_labels labels,
                          uint32_t pairs[LABELS_MAX])
{
    uint32_t names[LABELS_MAX], hashes[LABELS_MAX];
    struct pair_table *t = &ix->table;
    for (uint32_t i = 0; i < labels.count; i++) {
        names[i] = name_resolve(ix, i, labels.at[i].name);
        hashes[i] = pair_table_hash(t, names[i], labels.at[i].value);
        slots_prefetch(&t->pair_slots, hashes[i]);
    }
    for (uint32_t i = 0; i < labels.count; i++) {
        uint32_t at = hashes[i];
        uint32_t id = slots_probe(&t->pair_slots, hashes[i], &at);
        if (id != SLOTS_NONE)
            __builtin_prefetch(t->pairs[id], 1);
    }
    for (uint32_t i = 0; i < labels.count; i++) {
        pairs[i] = pair_table_put(t, hashes[i], names[i], labels.at[i].value);
        struct ref_list *refs = &t->pairs[pairs[i]]->refs;
        if (refs->cap)
            __builtin_prefetch(refs->u.at + refs->len, 1);
    }
}

enum tsdb_status head_index_add(struct head_index *ix, uint32_t ref, struct tsdb_labels labels)
{
    enum tsdb_status st = check_add(ix, ref, labels);
    if (st != TSDB_OK)
        return st;
    if (!charge_add(ix, labels))
        return TSDB_ELIMIT;
    uint32_t pairs[LABELS_MAX];
    pairs_resolve(ix, labels, pairs);
    for (uint32_t i = 0; i < labels.count; i++) {
        pair_table_add_ref(&ix->table, pairs[i], ref);
        ix->table.names[ix->table.pairs[pairs[i]]->name].series++;
    }
    record_put(ix, ref, pairs, labels.count);
    ix->series++;
    settle_charge(ix);
    return TSDB_OK;
}

/* ---- removing ------------------------------------------------------------------------ */

/* Copies the living records together. */
static void page_compact(struct head_index *ix, struct page *p)
{
    uint32_t cap = p->len - p->dead, len = 0;
    uint8_t *records = take(ix, cap);
    for (uint32_t i = 0; i < PAGE_REFS; i++) {
        if (p->offs[i] == 0)
            continue;
        uint32_t pairs[LABELS_MAX], count;
        const uint8_t *from = p->records + p->offs[i] - 1;
        uint32_t n = (uint32_t)(record_read(from, pairs, &count) - from);
        memcpy(records + len, from, n);
        p->offs[i] = len + 1;
        len += n;
    }
    ASSERT(len == cap);
    drop(ix, p->records);
    p->records = records;
    p->len = len;
    p->cap = cap;
    p->dead = 0;
}

static void record_remove(struct head_index *ix, uint32_t ref, uint32_t bytes)
{
    struct page **slot = &ix->pages[ref / PAGE_REFS];
    struct page *p = *slot;
    p->offs[ref % PAGE_REFS] = 0;
    p->dead += bytes;
    if (--p->count == 0) {
        drop(ix, p->records);
        drop(ix, p);
        *slot = NULL;
    } else if (p->dead > p->len / 2) {
        page_compact(ix, p);
    }
}

/* Takes the records away.  gone gets the refs that were there, pairs (one bit
 * each in seen) what they had. */
static void remove_records(struct head_index *ix, const struct ordinals *dead,
                           struct ordinals *gone, struct ordinals *pairs, uint64_t *seen)
{
    for (uint32_t i = 0; i < dead->count; i++) {
        const uint8_t *record = record_of(ix, dead->at[i]);
        if (!record)
            continue;
        uint32_t ids[LABELS_MAX], count;
        uint32_t bytes = (uint32_t)(record_read(record, ids, &count) - record);
        for (uint32_t k = 0; k < count; k++) {
            uint64_t bit = (uint64_t)1 << ids[k] % 64;
            if (!(seen[ids[k] / 64] & bit))
                ordinals_append(pairs, ids[k]);
            seen[ids[k] / 64] |= bit;
            ix->table.names[ix->table.pairs[ids[k]]->name].series--;
        }
        record_remove(ix, dead->at[i], bytes);
        ordinals_append(gone, dead->at[i]);
        ix->series--;
    }
}

void head_index_remove(struct head_index *ix, const struct ordinals *dead)
{
    struct ordinals gone = {0}, pairs = {0};
    uint64_t *seen = MEM_ARRAY(uint64_t, (size_t)ix->table.pair_limit / 64 + 1);
    remove_records(ix, dead, &gone, &pairs, seen);
    pair_table_remove_refs(&ix->table, &pairs, &gone);
    mem_free(seen);
    ordinals_release(&gone);
    ordinals_release(&pairs);
    settle_charge(ix);
}

/* ---- reading -------------------------------------------------------------------------- */

bool head_index_has(const struct head_index *ix, uint32_t ref)
{
    return record_of(ix, ref) != NULL;
}

uint32_t head_index_label_count(const struct head_index *ix, uint32_t ref)
{
    const uint8_t *record = record_of(ix, ref);
    return record ? uvarint_next(&record) : 0;
}

void head_index_labels(const struct head_index *ix, uint32_t ref, struct tsdb_label out[LABELS_MAX],
                       uint32_t *count)
{
    const uint8_t *record = record_of(ix, ref);
    uint32_t pairs[LABELS_MAX];
    *count = 0;
    if (!record)
        return;
    (void)record_read(record, pairs, count);
    for (uint32_t i = 0; i < *count; i++) {
        const struct pair *p = ix->table.pairs[pairs[i]];
        out[i] = (struct tsdb_label){label_name_text(&ix->table.names[p->name]), pair_text(p)};
    }
}

uint32_t head_index_series(const struct head_index *ix)
{
    return ix->series;
}

uint32_t head_index_pairs(const struct head_index *ix)
{
    return ix->table.pair_limit - ix->table.free_pairs.count;
}

/* ---- the face of select.h --------------------------------------------------------------- */

static uint32_t face_series_count(const void *index)
{
    return head_index_series(index);
}

static uint32_t face_name_limit(const void *index)
{
    const struct head_index *ix = index;
    return ix->table.name_limit;
}

static struct tsdb_text face_name_text(const void *index, uint32_t name)
{
    const struct head_index *ix = index;
    return label_name_text(&ix->table.names[name]);
}

static uint32_t face_name_find(const void *index, struct tsdb_text name)
{
    const struct head_index *ix = index;
    return pair_table_find_name(&ix->table, name);
}

static uint32_t face_name_series(const void *index, uint32_t name)
{
    const struct head_index *ix = index;
    return ix->table.names[name].series;
}

static uint32_t face_name_values(const void *index, uint32_t name)
{
    const struct head_index *ix = index;
    return ix->table.names[name].values.count;
}

static uint32_t face_pair_limit(const void *index)
{
    const struct head_index *ix = index;
    return ix->table.pair_limit;
}

static enum tsdb_status face_pair_find(const void *index, uint32_t name, struct tsdb_text value,
                                       uint32_t *pair)
{
    const struct head_index *ix = index;
    *pair = pair_table_find(&ix->table, pair_table_hash(&ix->table, name, value), name, value);
    return TSDB_OK;
}

static enum tsdb_status face_pair_each(const void *index, uint32_t name, struct tsdb_text prefix,
                                       select_pair_fn *fn, void *arg)
{
    const struct head_index *ix = index;
    const struct ordinals *values = &ix->table.names[name].values;
    for (uint32_t i = 0; i < values->count; i++) {
        const struct pair *p = ix->table.pairs[values->at[i]];
        if (i + 8 < values->count)
            __builtin_prefetch(ix->table.pairs[values->at[i + 8]]);
        if (p->text_len < prefix.len || memcmp(p->text, prefix.at, prefix.len) != 0)
            continue;
        enum tsdb_status st = fn(arg, values->at[i], pair_text(p));
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

static uint32_t face_pair_name(const void *index, uint32_t pair)
{
    const struct head_index *ix = index;
    return ix->table.pairs[pair]->name;
}

static enum tsdb_status face_pair_test(const void *index, uint32_t pair, const struct matcher *m,
                                       bool *passes)
{
    const struct head_index *ix = index;
    *passes = matcher_test(m, pair_text(ix->table.pairs[pair]));
    return TSDB_OK;
}

static enum tsdb_status face_pair_series(const void *index, uint32_t pair, uint32_t *count,
                                         uint32_t *steps)
{
    const struct head_index *ix = index;
    *count = ix->table.pairs[pair]->refs.count;
    *steps = *count;
    return TSDB_OK;
}

static enum tsdb_status face_pair_refs(const void *index, uint32_t pair, struct ordinals *out)
{
    const struct head_index *ix = index;
    ref_list_read(&ix->table.pairs[pair]->refs, out);
    return TSDB_OK;
}

static enum tsdb_status face_pair_filter(const void *index, uint32_t pair, bool is_kept,
                                         struct ordinals *set)
{
    struct ordinals refs = {0};
    (void)face_pair_refs(index, pair, &refs);
    if (is_kept)
        ordinals_intersect(set, &refs);
    else
        ordinals_subtract(set, &refs);
    ordinals_release(&refs);
    return TSDB_OK;
}

static enum tsdb_status face_series_pairs(const void *index, uint32_t ref,
                                          uint32_t pairs[LABELS_MAX], uint32_t *count)
{
    const uint8_t *record = record_of(index, ref);
    *count = 0;
    if (record)
        (void)record_read(record, pairs, count);
    return TSDB_OK;
}

static void face_all(const void *index, struct ordinals *out)
{
    const struct head_index *ix = index;
    ordinals_reset(out);
    ordinals_reserve(out, ix->series);
    for (uint32_t i = 0; i < ix->page_cap; i++) {
        for (uint32_t k = 0; ix->pages[i] && k < PAGE_REFS; k++) {
            if (ix->pages[i]->offs[k] != 0)
                out->at[out->count++] = i * PAGE_REFS + k;
        }
    }
}

static const struct select_face head_face = {
    .series_count = face_series_count,
    .name_limit = face_name_limit,
    .name_text = face_name_text,
    .name_find = face_name_find,
    .name_series = face_name_series,
    .name_values = face_name_values,
    .pair_limit = face_pair_limit,
    .pair_find = face_pair_find,
    .pair_each = face_pair_each,
    .pair_name = face_pair_name,
    .pair_test = face_pair_test,
    .pair_series = face_pair_series,
    .pair_refs = face_pair_refs,
    .pair_filter = face_pair_filter,
    .series_pairs = face_series_pairs,
    .all = face_all,
};

struct select_index head_index_face(const struct head_index *ix)
{
    return (struct select_index){&head_face, ix};
}

enum tsdb_status head_index_select(const struct head_index *ix, const struct matcher *m,
                                   uint32_t count, struct ordinals *out, struct tsdb_error *err)
{
    return select_series(head_index_face(ix), m, count, out, err);
}

/* Memory is never damaged, so the look-ups below cannot fail. */

void head_index_names(const struct head_index *ix, tsdb_text_fn *fn, void *arg)
{
    enum tsdb_status st = select_names(head_index_face(ix), NULL, fn, arg, NULL);
    ASSERT(st == TSDB_OK);
}

void head_index_values(const struct head_index *ix, struct tsdb_text name, tsdb_text_fn *fn,
                       void *arg)
{
    enum tsdb_status st = select_values(head_index_face(ix), name, NULL, fn, arg, NULL);
    ASSERT(st == TSDB_OK);
}

void head_index_names_of(const struct head_index *ix, const struct ordinals *refs, tsdb_text_fn *fn,
                         void *arg)
{
    enum tsdb_status st = select_names(head_index_face(ix), refs, fn, arg, NULL);
    ASSERT(st == TSDB_OK);
}

void head_index_values_of(const struct head_index *ix, struct tsdb_text name,
                          const struct ordinals *refs, tsdb_text_fn *fn, void *arg)
{
    enum tsdb_status st = select_values(head_index_face(ix), name, refs, fn, arg, NULL);
    ASSERT(st == TSDB_OK);
}

void head_index_stats(const struct head_index *ix, select_stat_fn *fn, void *arg)
{
    enum tsdb_status st = select_stats(head_index_face(ix), fn, arg, NULL);
    ASSERT(st == TSDB_OK);
}

void head_index_stats_of(const struct head_index *ix, const struct ordinals *refs,
                         select_stat_fn *fn, void *arg)
{
    uint32_t *series = MEM_ARRAY(uint32_t, ix->table.pair_limit);
    for (uint32_t i = 0; i < refs->count; i++) {
        uint32_t pairs[LABELS_MAX], count = 0;
        const uint8_t *record = record_of(ix, refs->at[i]);
        if (record)
            (void)record_read(record, pairs, &count);
        for (uint32_t k = 0; k < count; k++)
            series[pairs[k]]++;
    }
    bool is_wanted = true;
    for (uint32_t id = 0; id < ix->table.pair_limit && is_wanted; id++) {
        if (series[id] == 0)
            continue;
        const struct pair *p = ix->table.pairs[id];
        is_wanted = fn(arg, label_name_text(&ix->table.names[p->name]), pair_text(p), series[id]);
    }
    mem_free(series);
}
