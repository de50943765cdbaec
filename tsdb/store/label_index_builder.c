#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/head_index.h"
#include "tsdb/store/label_index.h"
#include "tsdb/store/postings.h"

#include <stdlib.h>
#include <string.h>

/* A head index does the collecting, with ordinals for refs; finishing numbers its
 * pairs anew in order of name and value. */
struct label_index_builder {
    struct head_index *head; /* owned */
    uint32_t count;
};

/* The sections, in file order, while they grow. */
enum section {
    SECTION_NAMES,
    SECTION_TEXT,
    SECTION_BLOCKS,
    SECTION_VALUES,
    SECTION_LIST_OFFS,
    SECTION_LISTS,
    SECTION_SERIES_OFFS,
    SECTION_SERIES,
    SECTION_COUNT,
};

struct value {
    struct tsdb_text text;
    uint32_t pair; /* the head's id */
};

struct finishing {
    struct select_index head;
    struct writer sections[SECTION_COUNT];
    uint32_t *renumbered; /* owned; by the head's pair id */
    uint32_t pair_count, block_count, name_count;
    struct value *values; /* owned; of the name at hand */
    uint32_t value_count, value_cap;
    struct ordinals refs;
};

struct label_index_builder *label_index_builder_new(struct budget *budget)
{
    struct label_index_builder *b = MEM_NEW(struct label_index_builder);
    uint64_t seed;
    random_secret(&seed, sizeof seed); /* spreads only; the bytes do not depend on it */
    b->head = head_index_new(seed, budget);
    return b;
}

void label_index_builder_free(struct label_index_builder *b)
{
    if (!b)
        return;
    head_index_free(b->head);
    mem_free(b);
}

enum tsdb_status label_index_builder_add(struct label_index_builder *b, struct tsdb_labels labels)
{
    enum tsdb_status st = head_index_add(b->head, b->count, labels);
    if (st == TSDB_OK)
        b->count++;
    return st;
}

static int by_value(const void *a, const void *b)
{
    return text_compare(((const struct value *)a)->text, ((const struct value *)b)->text);
}

static enum tsdb_status collect_value(void *arg, uint32_t pair, struct tsdb_text text)
{
    struct finishing *f = arg;
    if (f->value_count == f->value_cap) {
        f->value_cap = f->value_cap ? f->value_cap * 2 : 64;
        f->values = mem_grow(f->values, f->value_cap, sizeof *f->values);
    }
    f->values[f->value_count++] = (struct value){text, pair};
    return TSDB_OK;
}

static uint32_t section_len(const struct finishing *f, enum section section)
{
    return (uint32_t)f->sections[section].len; /* checked in write_all */
}

static uint32_t shared_bytes(struct tsdb_text a, struct tsdb_text b)
{
    uint32_t n = 0;
    while (n < a.len && n < b.len && a.at[n] == b.at[n])
        n++;
    return n;
}

static void write_block(struct finishing *f, const struct value *values, uint32_t count)
{
    struct writer *w = &f->sections[SECTION_VALUES];
    struct tsdb_text first = values[0].text;
    writer_le32(&f->sections[SECTION_BLOCKS], section_len(f, SECTION_VALUES));
    writer_sized(w, first.at, first.len);
    for (uint32_t i = 1; i < count; i++) {
        struct tsdb_text text = values[i].text;
        uint32_t shared = shared_bytes(first, text);
        writer_uvarint(w, shared);
        writer_sized(w, text.at + shared, text.len - shared);
    }
    f->block_count++;
}

static void write_list(struct finishing *f, uint32_t pair)
{
    ordinals_reset(&f->refs);
    enum tsdb_status st = f->head.face->pair_refs(f->head.index, pair, &f->refs);
    ASSERT(st == TSDB_OK);
    writer_le32(&f->sections[SECTION_LIST_OFFS], section_len(f, SECTION_LISTS));
    postings_encode(&f->refs, &f->sections[SECTION_LISTS]);
    f->renumbered[pair] = f->pair_count++;
}

static void write_name(struct finishing *f, uint32_t name)
{
    struct tsdb_text text = f->head.face->name_text(f->head.index, name);
    f->value_count = 0;
    enum tsdb_status st =
        f->head.face->pair_each(f->head.index, name, (struct tsdb_text){"", 0}, collect_value, f);
    ASSERT(st == TSDB_OK);
    qsort(f->values, f->value_count, sizeof *f->values, by_value);

    struct writer *names = &f->sections[SECTION_NAMES];
    writer_put(&f->sections[SECTION_TEXT], text.at, text.len);
    writer_le32(names, section_len(f, SECTION_TEXT));
    writer_le32(names, f->pair_count);
    writer_le32(names, f->block_count);
    writer_le32(names, f->head.face->name_series(f->head.index, name));
    for (uint32_t i = 0; i < f->value_count; i += LABEL_INDEX_BLOCK) {
        uint32_t left = f->value_count - i;
        write_block(f, &f->values[i], left < LABEL_INDEX_BLOCK ? left : LABEL_INDEX_BLOCK);
    }
    for (uint32_t i = 0; i < f->value_count; i++)
        write_list(f, f->values[i].pair);
    f->name_count++;
}

static void write_names(struct finishing *f)
{
    uint32_t limit = f->head.face->name_limit(f->head.index);
    struct value *names = MEM_ARRAY(struct value, limit); /* name ids for pairs */
    uint32_t count = 0;
    for (uint32_t id = 0; id < limit; id++) {
        struct tsdb_text text = f->head.face->name_text(f->head.index, id);
        if (text.len > 0)
            names[count++] = (struct value){text, id};
    }
    qsort(names, count, sizeof *names, by_value);
    for (uint32_t i = 0; i < count; i++)
        write_name(f, names[i].pair);
    writer_le32(&f->sections[SECTION_LIST_OFFS], section_len(f, SECTION_LISTS));
    mem_free(names);
}

/* Labels are sorted by name, and so are the new numbers: they ascend. */
static void write_record(struct finishing *f, uint32_t ordinal)
{
    struct writer *w = &f->sections[SECTION_SERIES];
    uint8_t record[5 * LABELS_MAX];
    uint32_t pairs[LABELS_MAX], count = 0, next = 0;
    size_t len = 0;
    enum tsdb_status st = f->head.face->series_pairs(f->head.index, ordinal, pairs, &count);
    ASSERT(st == TSDB_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pair = f->renumbered[pairs[i]];
        ASSERT(pair >= next);
        len += uvarint_encode(pair - next, record + len);
        next = pair + 1;
    }
    if (ordinal % LABEL_INDEX_BLOCK == 0)
        writer_le32(&f->sections[SECTION_SERIES_OFFS], section_len(f, SECTION_SERIES));
    writer_sized(w, record, len);
}

static enum tsdb_status write_all(struct finishing *f, uint32_t series, struct writer *out,
                                  struct tsdb_error *err)
{
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if (f->sections[i].len > UINT32_MAX)
            return tsdb_fail(err, TSDB_ELIMIT, "label index: section %u is %zu bytes, at most %u",
                             i, f->sections[i].len, UINT32_MAX);
    }
    writer_put(out, "ALX1", 4);
    writer_le32(out, LABEL_INDEX_VERSION);
    writer_le32(out, f->name_count);
    writer_le32(out, f->pair_count);
    writer_le32(out, f->block_count);
    writer_le32(out, series);
    writer_le32(out, section_len(f, SECTION_TEXT));
    writer_le32(out, section_len(f, SECTION_VALUES));
    writer_le32(out, section_len(f, SECTION_LISTS));
    writer_le32(out, section_len(f, SECTION_SERIES));
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        writer_put(out, f->sections[i].at, f->sections[i].len);
        writer_release(&f->sections[i]);
    }
    return TSDB_OK;
}

enum tsdb_status label_index_builder_finish(struct label_index_builder *b, struct writer *out,
                                            struct tsdb_error *err)
{
    struct finishing f = {.head = head_index_face(b->head)};
    f.renumbered = MEM_ARRAY(uint32_t, f.head.face->pair_limit(f.head.index));
    write_names(&f);
    for (uint32_t i = 0; i < b->count; i++)
        write_record(&f, i);
    enum tsdb_status st = write_all(&f, b->count, out, err);
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        writer_release(&f.sections[i]);
    mem_free(f.renumbered);
    mem_free(f.values);
    ordinals_release(&f.refs);
    return st;
}
