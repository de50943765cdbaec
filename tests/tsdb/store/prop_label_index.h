/* prop_label_index.h - any bytes are refused or answer every question in bounds. */
#ifndef TESTS_TSDB_STORE_PROP_LABEL_INDEX_H
#define TESTS_TSDB_STORE_PROP_LABEL_INDEX_H

#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/store/label_index.h"

static inline bool prop_count_text(void *arg, struct tsdb_text text)
{
    size_t *bytes = arg;
    for (size_t i = 0; i < text.len; i++)
        *bytes += (uint8_t)text.at[i]; /* touches every byte */
    return true;
}

static inline bool prop_count_stat(void *arg, struct tsdb_text name, struct tsdb_text value,
                                   uint32_t series)
{
    (void)series;
    (void)prop_count_text(arg, name);
    return prop_count_text(arg, value);
}

static inline void prop_select(const struct label_index *ix, const char *name, const char *pattern)
{
    struct ordinals out = {0};
    size_t bytes = 0;
    for (int kind = MATCH_EQ; kind <= MATCH_NRE; kind++) {
        struct matcher m[2];
        ASSERT(matcher_init(&m[0], (enum matcher_kind)kind, text_of(name), text_of(pattern),
                            NULL) == TSDB_OK);
        ASSERT(matcher_init(&m[1], MATCH_RE, text_of("b"), text_of("[x1].*"), NULL) == TSDB_OK);
        for (uint32_t count = 1; count <= 2; count++) {
            if (label_index_select(ix, m, count, &out, NULL) != TSDB_OK)
                continue;
            for (uint32_t i = 0; i < out.count; i++)
                ASSERT(out.at[i] < label_index_series_count(ix));
            (void)!label_index_names(ix, &out, prop_count_text, &bytes, NULL);
            (void)!label_index_values(ix, text_of(name), &out, prop_count_text, &bytes, NULL);
        }
        matcher_release(&m[0]);
        matcher_release(&m[1]);
    }
    ordinals_release(&out);
}

static inline bool prop_label_index(const uint8_t *data, size_t len)
{
    struct label_index *ix = NULL;
    if (label_index_open((struct bytes){data, len}, &ix, NULL) != TSDB_OK)
        return false;
    size_t bytes = 0;
    struct arena arena;
    struct label_cache cache = {0};
    arena_init(&arena, 1 << 20, NULL);
    for (uint32_t i = 0; i < label_index_series_count(ix); i++) {
        struct tsdb_labels labels;
        if (label_index_labels(ix, i, &arena, i % 2 ? &cache : NULL, &labels, NULL) != TSDB_OK)
            continue;
        for (uint32_t k = 0; k < labels.count; k++) {
            (void)prop_count_text(&bytes, labels.at[k].name);
            (void)prop_count_text(&bytes, labels.at[k].value);
            ASSERT(k == 0 || text_compare(labels.at[k - 1].name, labels.at[k].name) < 0);
        }
    }
    prop_select(ix, "a", "1");
    prop_select(ix, "b", "x.*");
    prop_select(ix, "__name__", "up|down");
    prop_select(ix, "instance", "host-.*");
    (void)!label_index_names(ix, NULL, prop_count_text, &bytes, NULL);
    (void)!label_index_values(ix, text_of("b"), NULL, prop_count_text, &bytes, NULL);
    (void)!label_index_stats(ix, prop_count_stat, &bytes, NULL);
    bool is_sound = label_index_check(ix, NULL) == TSDB_OK;
    label_cache_release(&cache);
    arena_release(&arena);
    label_index_free(ix);
    return is_sound;
}

#endif
