/* select.h - which series do matchers choose: one algorithm over any index.
 *
 * An index numbers its label pairs (name, value) densely and can say, for a
 * pair, which series have it, and for a series, which pairs it has.
 *
 *   1. every matcher finds the pairs that decide it (look-ups where the values
 *      are listed, else a walk over the values of the name);
 *   2. the smallest set of series among the matchers that refuse "" is the
 *      start (all series when there is none);
 *   3. the others narrow it, cheapest first: by their postings, or, where the
 *      candidates are few against the postings, by looking at the candidates'
 *      own labels.
 *
 * So {__name__="up", job="node", instance=~"a.*"} costs in the order of the
 * series of the rarest part, not of the whole index.
 * Owner: the caller's stack; the index is only read.
 */
#ifndef TSDB_STORE_SELECT_H
#define TSDB_STORE_SELECT_H

#include "tsdb/store/matcher.h"
#include "tsdb/store/ordinals.h"

enum {
    LABELS_MAX = 128, /* labels of one series in any index */
    SELECT_MATCHERS_MAX = 256,
};

#define SELECT_NONE UINT32_MAX

/* A visited pair; value borrowed for the call.  Anything but TSDB_OK stops. */
typedef enum tsdb_status select_pair_fn(void *arg, uint32_t pair, struct tsdb_text value);

/* How an index answers.  Statuses other than TSDB_OK are damage. */
struct select_face {
    /* Names and values come in order; else their texts outlast the call. */
    bool is_sorted;
    uint32_t (*series_count)(const void *index);
    /* Ids of names below name_limit; the text is empty for an id not in use. */
    uint32_t (*name_limit)(const void *index);
    struct tsdb_text (*name_text)(const void *index, uint32_t name);
    uint32_t (*name_find)(const void *index, struct tsdb_text name); /* or SELECT_NONE */
    uint32_t (*name_series)(const void *index, uint32_t name);       /* that have it */
    uint32_t (*name_values)(const void *index, uint32_t name);
    /* Ids of pairs are below pair_limit. */
    uint32_t (*pair_limit)(const void *index);
    enum tsdb_status (*pair_find)(const void *index, uint32_t name, struct tsdb_text value,
                                  uint32_t *pair); /* or SELECT_NONE */
    /* The values that begin with prefix. */
    enum tsdb_status (*pair_each)(const void *index, uint32_t name, struct tsdb_text prefix,
                                  select_pair_fn *fn, void *arg);
    uint32_t (*pair_name)(const void *index, uint32_t pair);
    enum tsdb_status (*pair_test)(const void *index, uint32_t pair, const struct matcher *m,
                                  bool *passes);
    /* How many series have it, and about how many steps pair_filter takes. */
    enum tsdb_status (*pair_series)(const void *index, uint32_t pair, uint32_t *count,
                                    uint32_t *steps);
    enum tsdb_status (*pair_refs)(const void *index, uint32_t pair, struct ordinals *out);
    /* Keeps or drops the series that have the pair. */
    enum tsdb_status (*pair_filter)(const void *index, uint32_t pair, bool is_kept,
                                    struct ordinals *set);
    enum tsdb_status (*series_pairs)(const void *index, uint32_t ref, uint32_t pairs[LABELS_MAX],
                                     uint32_t *count);
    void (*all)(const void *index, struct ordinals *out);
};

struct select_index {
    const struct select_face *face;
    const void *index;
};

/* Replaces the contents of out.  No matchers: all series. */
TSDB_NODISCARD enum tsdb_status select_series(struct select_index in, const struct matcher *m,
                                              uint32_t count, struct ordinals *out,
                                              struct tsdb_error *err);

/* Which pairs these series have: bit p of bits (owned by the caller, mem_free),
 * (pair_limit + 63) / 64 words. */
TSDB_NODISCARD enum tsdb_status select_pairs_of(struct select_index in, const struct ordinals *set,
                                                uint64_t **bits, struct tsdb_error *err);

/* Names of the index or of a set (NULL: all), sorted. */
TSDB_NODISCARD enum tsdb_status select_names(struct select_index in, const struct ordinals *set,
                                             tsdb_text_fn *fn, void *arg, struct tsdb_error *err);
/* Values of a name in the index or in a set (NULL: all), sorted. */
TSDB_NODISCARD enum tsdb_status select_values(struct select_index in, struct tsdb_text name,
                                              const struct ordinals *set, tsdb_text_fn *fn,
                                              void *arg, struct tsdb_error *err);

/* A pair and how many series have it; in no order.  False stops. */
typedef bool select_stat_fn(void *arg, struct tsdb_text name, struct tsdb_text value,
                            uint32_t series);
TSDB_NODISCARD enum tsdb_status select_stats(struct select_index in, select_stat_fn *fn, void *arg,
                                             struct tsdb_error *err);

#endif
