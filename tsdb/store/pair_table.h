/* pair_table.h - label names and pairs (name, value) as dense ids, with the refs
 * of the series that have each pair.
 *
 *   label pair --slots--> pair id --> struct pair: name id, ref_list, value
 *   name       --slots--> name id --> struct label_name: text, pair ids of its values
 *
 * Ids of what was removed are used again; pairs[id] is NULL meanwhile, and
 * names[id].text too.  Texts are allocated singly and do not move, so a view
 * lasts until its pair or name is removed.
 * `bytes` is everything it holds, as the allocator counts it.
 * Owner: head_index; the fields are its to read, only functions here write them.
 */
#ifndef TSDB_STORE_PAIR_TABLE_H
#define TSDB_STORE_PAIR_TABLE_H

#include "tsdb/store/ref_list.h"
#include "tsdb/store/slots.h"
#include "tsdb/tsdb.h"

#define PAIR_NONE UINT32_MAX

struct pair {
    uint32_t name;
    uint32_t text_len;
    struct ref_list refs;
    char text[]; /* the value */
};

struct label_name {
    char *text; /* owned; NULL: the id is free */
    uint32_t text_len;
    uint32_t series;        /* pair_table's owner counts them */
    struct ordinals values; /* pair ids, in order of arrival */
};

struct pair_table {
    uint64_t seed, bytes;
    struct slots pair_slots, name_slots;
    struct pair **pairs; /* owned; by id */
    uint32_t pair_limit, pair_cap;
    struct label_name *names; /* owned; by id */
    uint32_t name_limit, name_cap;
    struct ordinals free_pairs, free_names; /* stacks of ids */
};

void pair_table_init(struct pair_table *t, uint64_t seed);
void pair_table_release(struct pair_table *t);

/* The id, or PAIR_NONE. */
uint32_t pair_table_find_name(const struct pair_table *t, struct tsdb_text text);
uint32_t pair_table_put_name(struct pair_table *t, struct tsdb_text text);

/* In two steps, so that a caller with many labels can fetch ahead. */
uint32_t pair_table_hash(const struct pair_table *t, uint32_t name, struct tsdb_text value);
uint32_t pair_table_find(const struct pair_table *t, uint32_t hash, uint32_t name,
                         struct tsdb_text value);
uint32_t pair_table_put(struct pair_table *t, uint32_t hash, uint32_t name, struct tsdb_text value);
void pair_table_add_ref(struct pair_table *t, uint32_t pair, uint32_t ref);

/* Takes the refs out of the pairs (each once), and with them pairs and names that
 * have none left. */
void pair_table_remove_refs(struct pair_table *t, const struct ordinals *pairs,
                            const struct ordinals *refs);

/* Most that adding these labels takes, but for lists that grow by a step. */
uint64_t pair_table_growth(const struct pair_table *t, struct tsdb_labels labels);

static inline struct tsdb_text pair_text(const struct pair *p)
{
    return (struct tsdb_text){p->text, p->text_len};
}

static inline struct tsdb_text label_name_text(const struct label_name *n)
{
    return (struct tsdb_text){n->text ? n->text : "", n->text_len};
}

#endif
