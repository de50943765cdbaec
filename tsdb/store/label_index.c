#include "tsdb/store/label_index.h"

#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/postings.h"

#include <string.h>

struct name {
    struct tsdb_text text; /* borrowed from the bytes */
    uint32_t pair, pair_end, block, series;
};

struct label_index {
    struct name *names; /* owned */
    uint32_t name_count, pair_count, block_count, series_count;
    struct bytes blocks, values, list_offs, lists, series_offs, series; /* borrowed */
};

/* ---- opening ---------------------------------------------------------------------- */

struct header {
    uint32_t name_count, pair_count, block_count, series_count;
    uint32_t names_bytes, values_bytes, lists_bytes, series_bytes;
};

static bool header_read(struct reader *r, struct header *h)
{
    struct bytes magic = reader_take(r, 4);
    uint32_t version = reader_le32(r);
    h->name_count = reader_le32(r);
    h->pair_count = reader_le32(r);
    h->block_count = reader_le32(r);
    h->series_count = reader_le32(r);
    h->names_bytes = reader_le32(r);
    h->values_bytes = reader_le32(r);
    h->lists_bytes = reader_le32(r);
    h->series_bytes = reader_le32(r);
    return !r->fault && memcmp(magic.at, "ALX1", 4) == 0 && version == LABEL_INDEX_VERSION;
}

static uint32_t blocks_for(uint32_t count)
{
    return count / LABEL_INDEX_BLOCK + (count % LABEL_INDEX_BLOCK != 0);
}

/* Names ascend, and so do their pairs and blocks, without gaps. */
static bool names_read(struct label_index *ix, struct bytes table, struct bytes text)
{
    struct reader r = reader_over(table), t = reader_over(text);
    uint32_t text_end = 0;
    for (uint32_t i = 0; i < ix->name_count; i++) {
        struct name *n = &ix->names[i];
        uint32_t end = reader_le32(&r);
        n->pair = reader_le32(&r);
        n->block = reader_le32(&r);
        n->series = reader_le32(&r);
        if (end <= text_end || n->series == 0 || n->series > ix->series_count)
            return false;
        struct bytes view = reader_take(&t, end - text_end);
        n->text = (struct tsdb_text){(const char *)view.at, view.len};
        text_end = end;
        if (t.fault || (i > 0 && text_compare(n[-1].text, n->text) >= 0))
            return false;
    }
    uint32_t pair = 0, block = 0;
    for (uint32_t i = 0; i < ix->name_count; i++) {
        struct name *n = &ix->names[i];
        n->pair_end = i + 1 < ix->name_count ? n[1].pair : ix->pair_count;
        if (n->pair != pair || n->block != block || n->pair_end <= pair)
            return false;
        block += blocks_for(n->pair_end - pair); /* at most pair_count in all */
        pair = n->pair_end;
    }
    return reader_done(&r) && reader_done(&t) && pair == ix->pair_count && block == ix->block_count;
}

static bool index_read(struct label_index *ix, struct bytes in)
{
    struct reader r = reader_over(in);
    struct header h;
    if (!header_read(&r, &h))
        return false;
    struct bytes table = reader_take(&r, (size_t)h.name_count * LABEL_INDEX_NAME_BYTES);
    struct bytes text = reader_take(&r, h.names_bytes);
    ix->blocks = reader_take(&r, (size_t)h.block_count * 4);
    ix->values = reader_take(&r, h.values_bytes);
    ix->list_offs = reader_take(&r, ((size_t)h.pair_count + 1) * 4);
    ix->lists = reader_take(&r, h.lists_bytes);
    ix->series_offs = reader_take(&r, (size_t)blocks_for(h.series_count) * 4);
    ix->series = reader_take(&r, h.series_bytes);
    /* A record takes a byte at least, so no count is larger than the bytes. */
    if (!reader_done(&r) || h.series_bytes < h.series_count)
        return false;
    ix->name_count = h.name_count;
    ix->pair_count = h.pair_count;
    ix->block_count = h.block_count;
    ix->series_count = h.series_count;
    ix->names = MEM_ARRAY(struct name, h.name_count);
    return names_read(ix, table, text);
}

enum tsdb_status label_index_open(struct bytes in, struct label_index **out, struct tsdb_error *err)
{
    struct label_index *ix = MEM_NEW(struct label_index);
    if (!index_read(ix, in)) {
        label_index_free(ix);
        return tsdb_fail(err, TSDB_ECORRUPT, "label index: header and names do not fit %zu bytes",
                         in.len);
    }
    *out = ix;
    return TSDB_OK;
}

void label_index_free(struct label_index *ix)
{
    if (!ix)
        return;
    mem_free(ix->names);
    mem_free(ix);
}

uint32_t label_index_series_count(const struct label_index *ix)
{
    return ix->series_count;
}

uint32_t label_index_pair_count(const struct label_index *ix)
{
    return ix->pair_count;
}

/* ---- tables and slices -------------------------------------------------------------- */

/* The table's size was checked against its count at open. */
static uint32_t le32_at(struct bytes table, uint32_t i)
{
    ASSERT(((size_t)i + 1) * 4 <= table.len);
    struct reader r = reader_over((struct bytes){table.at + (size_t)i * 4, 4});
    return reader_le32(&r);
}

static bool slice(struct bytes in, uint32_t from, uint32_t to, struct bytes *out)
{
    if (from > to || to > in.len)
        return false;
    *out = (struct bytes){in.at + from, to - from};
    return true;
}

static bool list_of(const struct label_index *ix, uint32_t pair, struct bytes *out)
{
    return slice(ix->lists, le32_at(ix->list_offs, pair), le32_at(ix->list_offs, pair + 1), out);
}

static bool block_bytes(const struct label_index *ix, uint32_t block, struct bytes *out)
{
    uint32_t end = (uint32_t)ix->values.len;
    if (block + 1 < ix->block_count)
        end = le32_at(ix->blocks, block + 1);
    return slice(ix->values, le32_at(ix->blocks, block), end, out);
}

/* The name whose pairs hold this one, at or after `from`. */
static uint32_t name_of(const struct label_index *ix, uint32_t from, uint32_t pair)
{
    uint32_t step = 1, high = from;
    while (ix->names[high].pair_end <= pair) {
        from = high + 1;
        high = step < ix->name_count - 1 - high ? high + step : ix->name_count - 1;
        step *= 2;
    }
    while (from < high) {
        uint32_t middle = from + (high - from) / 2;
        if (ix->names[middle].pair_end <= pair)
            from = middle + 1;
        else
            high = middle;
    }
    return from;
}

/* ---- values ---------------------------------------------------------------------------- */

/* A value as it lies in its block: the start of the first, then a rest. */
struct split {
    struct tsdb_text shared, rest;
};

struct block {
    uint32_t count;
    struct split at[LABEL_INDEX_BLOCK];
};

static struct tsdb_text sized_text(struct reader *r)
{
    struct bytes view = reader_sized(r);
    return (struct tsdb_text){(const char *)view.at, view.len};
}

/* The first `count` values of a block; whether they are all is for the caller. */
static bool block_read(struct reader *r, uint32_t count, struct block *b)
{
    struct tsdb_text first = sized_text(r);
    b->count = count;
    b->at[0] = (struct split){{first.at, 0}, first};
    for (uint32_t i = 1; i < count; i++) {
        uint64_t shared = reader_uvarint(r);
        if (shared > first.len)
            return false;
        b->at[i] = (struct split){{first.at, (size_t)shared}, sized_text(r)};
    }
    return !r->fault;
}

/* Block `index` of the name, counted from its own first. */
static bool name_block(const struct label_index *ix, const struct name *n, uint32_t index,
                       struct block *b)
{
    struct bytes in;
    uint32_t left = n->pair_end - n->pair - index * LABEL_INDEX_BLOCK;
    if (!block_bytes(ix, n->block + index, &in))
        return false;
    struct reader r = reader_over(in);
    return block_read(&r, left < LABEL_INDEX_BLOCK ? left : LABEL_INDEX_BLOCK, b) &&
           reader_done(&r);
}

/* One value: what follows it in its block is not read. */
static bool pair_split(const struct label_index *ix, uint32_t name, uint32_t pair,
                       struct split *out)
{
    const struct name *n = &ix->names[name];
    struct bytes in;
    if (!block_bytes(ix, n->block + (pair - n->pair) / LABEL_INDEX_BLOCK, &in))
        return false;
    struct reader r = reader_over(in);
    struct tsdb_text first = sized_text(&r);
    *out = (struct split){{first.at, 0}, first};
    for (uint32_t i = (pair - n->pair) % LABEL_INDEX_BLOCK; i > 0; i--) {
        uint64_t shared = reader_uvarint(&r);
        if (shared > first.len)
            return false;
        *out = (struct split){{first.at, (size_t)shared}, sized_text(&r)};
    }
    return !r.fault;
}

/* In one piece: a view into the index, or into scratch until its next use. */
static struct tsdb_text split_text(const struct split *s, struct writer *scratch)
{
    if (s->shared.len == 0)
        return s->rest;
    writer_reset(scratch);
    writer_put(scratch, s->shared.at, s->shared.len);
    writer_put(scratch, s->rest.at, s->rest.len);
    return (struct tsdb_text){(const char *)scratch->at, scratch->len};
}

static int split_compare(const struct split *s, struct tsdb_text text)
{
    size_t n = s->shared.len < text.len ? s->shared.len : text.len;
    int order = n ? memcmp(s->shared.at, text.at, n) : 0;
    if (order != 0)
        return order;
    if (text.len < s->shared.len)
        return 1;
    return text_compare(s->rest, (struct tsdb_text){text.at + n, text.len - n});
}

static bool split_begins(const struct split *s, struct tsdb_text prefix)
{
    size_t n = s->shared.len < prefix.len ? s->shared.len : prefix.len;
    if (n > 0 && memcmp(s->shared.at, prefix.at, n) != 0)
        return false;
    size_t left = prefix.len - n;
    return left <= s->rest.len && (left == 0 || memcmp(s->rest.at, prefix.at + n, left) == 0);
}

/* The last block of the name whose first value is <= text, or the first block. */
static enum tsdb_status block_seek(const struct label_index *ix, const struct name *n,
                                   struct tsdb_text text, uint32_t *index)
{
    uint32_t from = 0, to = blocks_for(n->pair_end - n->pair);
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        struct bytes in;
        if (!block_bytes(ix, n->block + middle, &in))
            return TSDB_ECORRUPT;
        struct reader r = reader_over(in);
        struct tsdb_text first = sized_text(&r);
        if (r.fault)
            return TSDB_ECORRUPT;
        if (text_compare(first, text) <= 0)
            from = middle;
        else
            to = middle;
    }
    *index = from;
    return TSDB_OK;
}

/* ---- records ------------------------------------------------------------------------------ */

static bool record_find(const struct label_index *ix, uint32_t ordinal, struct reader *record)
{
    struct bytes rest;
    uint32_t start = le32_at(ix->series_offs, ordinal / LABEL_INDEX_BLOCK);
    if (!slice(ix->series, start, (uint32_t)ix->series.len, &rest))
        return false;
    struct reader r = reader_over(rest);
    for (uint32_t i = ordinal % LABEL_INDEX_BLOCK; i > 0; i--)
        (void)reader_sized(&r);
    *record = reader_over(reader_sized(&r));
    return !r.fault;
}

static bool record_read(const struct label_index *ix, uint32_t ordinal, uint32_t pairs[LABELS_MAX],
                        uint32_t *count)
{
    struct reader r;
    uint64_t next = 0;
    uint32_t n = 0;
    if (!record_find(ix, ordinal, &r))
        return false;
    while (r.rest.len > 0 && n < LABELS_MAX) {
        uint64_t gap = reader_uvarint(&r);
        if (r.fault || gap >= ix->pair_count - next)
            return false;
        pairs[n++] = (uint32_t)(next + gap);
        next += gap + 1;
    }
    *count = n;
    return reader_done(&r);
}

/* ---- labels -------------------------------------------------------------------------------- */

struct label_cached {
    uint32_t key; /* pair + 1; 0: free */
    uint32_t name;
    struct tsdb_text value;
};

enum { CACHE_MIN = 256 };

static uint32_t cache_home(uint32_t key)
{
    return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32); /* wraps */
}

void label_cache_release(struct label_cache *cache)
{
    mem_free(cache->at);
    *cache = (struct label_cache){0};
}

/* The entry of the key, or the free one where it belongs. */
static struct label_cached *cache_seek(const struct label_cache *cache, uint32_t key)
{
    uint32_t at = cache_home(key);
    while (cache->at[at & cache->mask].key != key && cache->at[at & cache->mask].key != 0)
        at++;
    return &cache->at[at & cache->mask];
}

static void cache_put(struct label_cache *cache, const struct label_cached *entry)
{
    if (!cache->at || cache->count > cache->mask / 2) {
        struct label_cache old = *cache;
        size_t cap = old.at ? ((size_t)old.mask + 1) * 2 : CACHE_MIN;
        cache->at = MEM_ARRAY(struct label_cached, cap);
        cache->mask = (uint32_t)(cap - 1);
        for (size_t i = 0; old.at && i <= old.mask; i++) {
            if (old.at[i].key != 0)
                *cache_seek(cache, old.at[i].key) = old.at[i];
        }
        mem_free(old.at);
    }
    *cache_seek(cache, entry->key) = *entry;
    cache->count++;
}

static enum tsdb_status value_decode(const struct label_index *ix, uint32_t name, uint32_t pair,
                                     struct arena *arena, struct tsdb_text *out)
{
    struct split s;
    if (!pair_split(ix, name, pair, &s))
        return TSDB_ECORRUPT;
    *out = s.rest;
    if (s.shared.len == 0)
        return TSDB_OK;
    size_t len = s.shared.len + s.rest.len;
    char *text = ARENA_ARRAY(arena, char, len);
    if (!text)
        return TSDB_ELIMIT;
    memcpy(text, s.shared.at, s.shared.len);
    if (s.rest.len > 0)
        memcpy(text + s.shared.len, s.rest.at, s.rest.len);
    *out = (struct tsdb_text){text, len};
    return TSDB_OK;
}

/* *name: where the search for the pair's name begins, and ends. */
static enum tsdb_status label_decode(const struct label_index *ix, uint32_t pair,
                                     struct arena *arena, struct label_cache *cache, uint32_t *name,
                                     struct tsdb_label *out)
{
    if (cache && cache->at) {
        const struct label_cached *hit = cache_seek(cache, pair + 1);
        if (hit->key != 0) {
            *name = hit->name;
            *out = (struct tsdb_label){ix->names[hit->name].text, hit->value};
            return TSDB_OK;
        }
    }
    struct label_cached entry = {.key = pair + 1, .name = name_of(ix, *name, pair)};
    enum tsdb_status st = value_decode(ix, entry.name, pair, arena, &entry.value);
    if (st != TSDB_OK)
        return st;
    const struct name *n = &ix->names[entry.name];
    bool is_shared = n->pair_end - n->pair <= n->series / 2; /* values have several series */
    if (cache && is_shared)
        cache_put(cache, &entry);
    *name = entry.name;
    *out = (struct tsdb_label){ix->names[entry.name].text, entry.value};
    return TSDB_OK;
}

enum tsdb_status label_index_labels(const struct label_index *ix, uint32_t ordinal,
                                    struct arena *arena, struct label_cache *cache,
                                    struct tsdb_labels *out, struct tsdb_error *err)
{
    uint32_t pairs[LABELS_MAX], count = 0, name = 0;
    ASSERT(ordinal < ix->series_count);
    enum tsdb_status st = record_read(ix, ordinal, pairs, &count) ? TSDB_OK : TSDB_ECORRUPT;
    struct tsdb_label *labels = NULL;
    if (st == TSDB_OK && count > 0) {
        labels = ARENA_ARRAY(arena, struct tsdb_label, count);
        st = labels ? TSDB_OK : TSDB_ELIMIT;
    }
    for (uint32_t i = 0; st == TSDB_OK && i < count; i++) {
        uint32_t before = name;
        st = label_decode(ix, pairs[i], arena, cache, &name, &labels[i]);
        if (st == TSDB_OK && i > 0 && name == before)
            st = TSDB_ECORRUPT; /* two values of one name */
    }
    if (st == TSDB_ELIMIT)
        return tsdb_fail(err, st, "labels: the memory of the query is spent");
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "label index: series %u: damaged", ordinal);
    *out = (struct tsdb_labels){labels, count};
    return TSDB_OK;
}

/* ---- the face of select.h ---------------------------------------------------------------------
 */

static uint32_t face_series_count(const void *index)
{
    return label_index_series_count(index);
}

static uint32_t face_name_limit(const void *index)
{
    const struct label_index *ix = index;
    return ix->name_count;
}

static struct tsdb_text face_name_text(const void *index, uint32_t name)
{
    const struct label_index *ix = index;
    return ix->names[name].text;
}

static uint32_t face_name_find(const void *index, struct tsdb_text name)
{
    const struct label_index *ix = index;
    uint32_t from = 0, to = ix->name_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = text_compare(ix->names[middle].text, name);
        if (order == 0)
            return middle;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return SELECT_NONE;
}

static uint32_t face_name_series(const void *index, uint32_t name)
{
    const struct label_index *ix = index;
    return ix->names[name].series;
}

static uint32_t face_name_values(const void *index, uint32_t name)
{
    const struct label_index *ix = index;
    return ix->names[name].pair_end - ix->names[name].pair;
}

static uint32_t face_pair_limit(const void *index)
{
    return label_index_pair_count(index);
}

static enum tsdb_status face_pair_find(const void *index, uint32_t name, struct tsdb_text value,
                                       uint32_t *pair)
{
    const struct label_index *ix = index;
    const struct name *n = &ix->names[name];
    uint32_t at;
    struct block b;
    enum tsdb_status st = block_seek(ix, n, value, &at);
    if (st != TSDB_OK || !name_block(ix, n, at, &b))
        return TSDB_ECORRUPT;
    *pair = SELECT_NONE;
    for (uint32_t i = 0; i < b.count; i++) {
        int order = split_compare(&b.at[i], value);
        if (order == 0)
            *pair = n->pair + at * LABEL_INDEX_BLOCK + i;
        if (order >= 0)
            break;
    }
    return TSDB_OK;
}

static enum tsdb_status face_pair_each(const void *index, uint32_t name, struct tsdb_text prefix,
                                       select_pair_fn *fn, void *arg)
{
    const struct label_index *ix = index;
    const struct name *n = &ix->names[name];
    struct writer scratch = {0};
    uint32_t at = 0, blocks = blocks_for(n->pair_end - n->pair);
    enum tsdb_status st = block_seek(ix, n, prefix, &at);
    bool is_past = false;
    for (; st == TSDB_OK && !is_past && at < blocks; at++) {
        struct block b;
        if (!name_block(ix, n, at, &b)) {
            st = TSDB_ECORRUPT;
            break;
        }
        for (uint32_t i = 0; st == TSDB_OK && !is_past && i < b.count; i++) {
            if (split_begins(&b.at[i], prefix))
                st = fn(arg, n->pair + at * LABEL_INDEX_BLOCK + i, split_text(&b.at[i], &scratch));
            else
                is_past = split_compare(&b.at[i], prefix) > 0;
        }
    }
    writer_release(&scratch);
    return st;
}

static uint32_t face_pair_name(const void *index, uint32_t pair)
{
    return name_of(index, 0, pair);
}

static enum tsdb_status face_pair_test(const void *index, uint32_t pair, const struct matcher *m,
                                       bool *passes)
{
    const struct label_index *ix = index;
    struct split s;
    struct writer scratch = {0};
    if (!pair_split(ix, name_of(ix, 0, pair), pair, &s))
        return TSDB_ECORRUPT;
    *passes = matcher_test(m, split_text(&s, &scratch));
    writer_release(&scratch);
    return TSDB_OK;
}

static enum tsdb_status face_pair_series(const void *index, uint32_t pair, uint32_t *count,
                                         uint32_t *steps)
{
    const struct label_index *ix = index;
    struct bytes list;
    if (!list_of(ix, pair, &list))
        return TSDB_ECORRUPT;
    *steps = (uint32_t)list.len;
    return postings_count(list, ix->series_count, count);
}

static enum tsdb_status face_pair_refs(const void *index, uint32_t pair, struct ordinals *out)
{
    const struct label_index *ix = index;
    struct bytes list;
    if (!list_of(ix, pair, &list))
        return TSDB_ECORRUPT;
    return postings_decode(list, ix->series_count, out);
}

static enum tsdb_status face_pair_filter(const void *index, uint32_t pair, bool is_kept,
                                         struct ordinals *set)
{
    const struct label_index *ix = index;
    struct bytes list;
    if (!list_of(ix, pair, &list))
        return TSDB_ECORRUPT;
    return postings_filter(list, ix->series_count, is_kept, set);
}

static enum tsdb_status face_series_pairs(const void *index, uint32_t ref,
                                          uint32_t pairs[LABELS_MAX], uint32_t *count)
{
    return record_read(index, ref, pairs, count) ? TSDB_OK : TSDB_ECORRUPT;
}

static void face_all(const void *index, struct ordinals *out)
{
    ordinals_reset(out);
    ordinals_append_run(out, 0, label_index_series_count(index));
}

static const struct select_face index_face = {
    .is_sorted = true,
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

static struct select_index face_of(const struct label_index *ix)
{
    return (struct select_index){&index_face, ix};
}

enum tsdb_status label_index_select(const struct label_index *ix, const struct matcher *m,
                                    uint32_t count, struct ordinals *out, struct tsdb_error *err)
{
    return select_series(face_of(ix), m, count, out, err);
}

enum tsdb_status label_index_names(const struct label_index *ix, const struct ordinals *set,
                                   tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    return select_names(face_of(ix), set, fn, arg, err);
}

enum tsdb_status label_index_values(const struct label_index *ix, struct tsdb_text name,
                                    const struct ordinals *set, tsdb_text_fn *fn, void *arg,
                                    struct tsdb_error *err)
{
    return select_values(face_of(ix), name, set, fn, arg, err);
}

enum tsdb_status label_index_stats(const struct label_index *ix, select_stat_fn *fn, void *arg,
                                   struct tsdb_error *err)
{
    return select_stats(face_of(ix), fn, arg, err);
}

/* ---- checking -----------------------------------------------------------------------------------
 */

/* A number for "this series has this pair"; sums of them do not depend on order. */
static uint64_t fact(uint32_t pair, uint32_t ordinal)
{
    uint64_t x = (uint64_t)pair << 32 | ordinal;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u; /* wraps */
    x = (x ^ x >> 27) * 0x94d049bb133111ebu; /* wraps */
    return x ^ x >> 31;
}

struct ascent {
    struct writer before; /* the value before */
    bool is_broken;
};

static enum tsdb_status ascend(void *arg, uint32_t pair, struct tsdb_text value)
{
    struct ascent *a = arg;
    (void)pair;
    /* The first value is above "": no value is empty. */
    struct tsdb_text before = {(const char *)a->before.at, a->before.len};
    a->is_broken |= text_compare(before, value) >= 0;
    writer_reset(&a->before);
    writer_put(&a->before, value.at, value.len);
    return TSDB_OK;
}

static bool values_ascend(const struct label_index *ix, uint32_t name)
{
    struct ascent a = {0};
    enum tsdb_status st = face_pair_each(ix, name, (struct tsdb_text){"", 0}, ascend, &a);
    writer_release(&a.before);
    return st == TSDB_OK && !a.is_broken;
}

/* Adds up the lists of a name; no series may be in two of them. */
static bool lists_sum(const struct label_index *ix, uint32_t name, uint64_t *sum)
{
    const struct name *n = &ix->names[name];
    struct ordinals refs = {0};
    uint64_t series = 0;
    bool fits = true;
    for (uint32_t pair = n->pair; fits && pair < n->pair_end; pair++) {
        ordinals_reset(&refs);
        fits = face_pair_refs(ix, pair, &refs) == TSDB_OK && refs.count > 0;
        series += refs.count;
        for (uint32_t i = 0; fits && i < refs.count; i++)
            *sum += fact(pair, refs.at[i]); /* wraps */
    }
    ordinals_release(&refs);
    return fits && series == n->series;
}

static bool record_sum(const struct label_index *ix, uint32_t ordinal, uint64_t *sum)
{
    uint32_t pairs[LABELS_MAX], count = 0, before = 0;
    if (!record_read(ix, ordinal, pairs, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name = name_of(ix, before, pairs[i]);
        if (i > 0 && name == before)
            return false;
        *sum += fact(pairs[i], ordinal); /* wraps */
        before = name;
    }
    return true;
}

enum tsdb_status label_index_check(const struct label_index *ix, struct tsdb_error *err)
{
    uint64_t in_lists = 0, in_records = 0;
    for (uint32_t name = 0; name < ix->name_count; name++) {
        if (!values_ascend(ix, name))
            return tsdb_fail(err, TSDB_ECORRUPT, "label index: values of name %u: damaged", name);
        if (!lists_sum(ix, name, &in_lists))
            return tsdb_fail(err, TSDB_ECORRUPT, "label index: lists of name %u: damaged", name);
    }
    for (uint32_t ordinal = 0; ordinal < ix->series_count; ordinal++) {
        if (!record_sum(ix, ordinal, &in_records))
            return tsdb_fail(err, TSDB_ECORRUPT, "label index: series %u: damaged", ordinal);
    }
    if (in_lists != in_records)
        return tsdb_fail(err, TSDB_ECORRUPT, "label index: lists and series disagree");
    return TSDB_OK;
}
