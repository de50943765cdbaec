/* model_series.h - random series and matchers, and the plain answer to compare with:
 * a list of series through which matchers_test walks. */
#ifndef TESTS_TSDB_STORE_MODEL_SERIES_H
#define TESTS_TSDB_STORE_MODEL_SERIES_H

#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/store/matcher.h"
#include "tsdb/store/ordinals.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_NAMES = 7, MODEL_MATCHERS = 4, MODEL_TEXT = 64 };

struct model_series {
    bool is_alive;
    uint32_t count;
    struct tsdb_label labels[MODEL_NAMES];
    char texts[MODEL_NAMES][MODEL_TEXT];
};

/* Sorted.  How many values each has, and how they look. */
static const struct model_name {
    const char *name, *form;
    uint32_t values;
} model_names[MODEL_NAMES] = {
    {"__name__", "metric_%u", 5},
    {"instance", "host-%03u:9100", 150},
    {"job", "job%u", 3},
    {"le", "%u", 12},
    {"mode", "\xc3\xa9-%u", 2},
    {"uid", "u%u-x", 1000000},
    {"zone", "a", 1},
};

static inline uint64_t model_seed(uint64_t fallback)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : fallback;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

static inline size_t model_value(struct random *r, uint32_t name, char out[MODEL_TEXT])
{
    uint32_t number = (uint32_t)random_below(r, model_names[name].values);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = snprintf(out, MODEL_TEXT, model_names[name].form, number);
#pragma GCC diagnostic pop
    cr_assert(len > 0 && len < MODEL_TEXT);
    return (size_t)len;
}

static inline void model_make(struct random *r, struct model_series *s)
{
    s->is_alive = true;
    s->count = 0;
    for (uint32_t name = 0; name < MODEL_NAMES; name++) {
        /* Every series has __name__, some have nothing else. */
        if (name > 0 && random_below(r, 4) == 0)
            continue;
        uint32_t i = s->count++;
        size_t len = model_value(r, name, s->texts[i]);
        s->labels[i] = (struct tsdb_label){text_of(model_names[name].name), {s->texts[i], len}};
    }
}

static inline struct tsdb_labels model_labels(const struct model_series *s)
{
    return (struct tsdb_labels){s->labels, s->count};
}

/* One matcher; value lives in text. */
static inline void model_matcher(struct random *r, struct matcher *m, char text[2 * MODEL_TEXT])
{
    static const char *const patterns[] = {".*",
                                           ".+",
                                           "",
                                           "host-0.*",
                                           ".*1",
                                           "job1|job2",
                                           "metric_(1|2|3)",
                                           "job[01]|",
                                           "[^a]?",
                                           "1|2|3|17",
                                           ".*-0[0-4].*",
                                           "u1.*",
                                           "host-(01|02).:9100",
                                           "metric_.|job0"};
    uint32_t name = (uint32_t)random_below(r, MODEL_NAMES + 1);
    enum matcher_kind kind = (enum matcher_kind)random_below(r, 4);
    struct tsdb_text value = {text, 0};
    bool is_regex = kind == MATCH_RE || kind == MATCH_NRE;
    if (is_regex && random_below(r, 4) > 0)
        value = text_of(patterns[random_below(r, sizeof patterns / sizeof patterns[0])]);
    else if (name < MODEL_NAMES && random_below(r, 8) > 0)
        value.len = model_value(r, name, text);
    else if (random_below(r, 2) > 0)
        value = text_of("unheard of");
    struct tsdb_text label = text_of(name < MODEL_NAMES ? model_names[name].name : "absent");
    cr_assert_eq(matcher_init(m, kind, label, value, NULL), TSDB_OK);
}

/* The refs of the living series that pass, from `series[0..count)`. */
static inline void model_select(const struct model_series *series, uint32_t count,
                                const struct matcher *m, uint32_t matchers, struct ordinals *out)
{
    ordinals_reset(out);
    for (uint32_t ref = 0; ref < count; ref++) {
        if (series[ref].is_alive && matchers_test(m, matchers, model_labels(&series[ref])))
            ordinals_append(out, ref);
    }
}

static inline void model_describe(const struct matcher *m, uint32_t count, char out[512])
{
    static const char *const ops[] = {"=", "!=", "=~", "!~"};
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && len < 400; i++)
        len += (size_t)snprintf(out + len, 512 - len, "%.*s%s\"%.*s\" ", (int)m[i].name.len,
                                m[i].name.at, ops[m[i].kind], (int)m[i].value.len, m[i].value.at);
}

static inline void model_compare(const struct ordinals *got, const struct ordinals *want,
                                 const struct matcher *m, uint32_t count)
{
    char text[512];
    model_describe(m, count, text);
    cr_assert_eq(got->count, want->count, "%s: got %u series, want %u", text, got->count,
                 want->count);
    cr_assert(want->count == 0 || memcmp(got->at, want->at, want->count * sizeof *got->at) == 0,
              "%s: other series", text);
}

/* Texts that a visitor was shown. */
struct model_texts {
    uint32_t count;
    bool is_sorted;
    char last[MODEL_TEXT];
    uint64_t sum; /* of text hashes: does not depend on order */
};

static inline uint64_t model_text_hash(struct tsdb_text text)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.at[i]) * 1099511628211u;
    return hash;
}

static inline bool model_visit(void *arg, struct tsdb_text text)
{
    struct model_texts *t = arg;
    if (t->count == 0)
        t->is_sorted = true;
    else
        t->is_sorted &= text_compare(text_of(t->last), text) < 0;
    memcpy(t->last, text.at, text.len);
    t->last[text.len] = '\0';
    t->sum += model_text_hash(text);
    t->count++;
    return true;
}

static inline bool model_visit_one(void *arg, struct tsdb_text text)
{
    (void)model_visit(arg, text);
    return false;
}

/* Distinct names (name NULL) or values of a name among the refs. */
static inline struct model_texts model_distinct(const struct model_series *series,
                                                const struct ordinals *refs, const char *name)
{
    struct model_texts t = {0};
    struct tsdb_text *seen = MEM_ARRAY(struct tsdb_text, (size_t)refs->count * MODEL_NAMES);
    for (uint32_t i = 0; i < refs->count; i++) {
        const struct model_series *s = &series[refs->at[i]];
        for (uint32_t k = 0; k < s->count; k++) {
            struct tsdb_text text = name ? s->labels[k].value : s->labels[k].name;
            bool is_new = !name || text_equal(s->labels[k].name, text_of(name));
            for (uint32_t j = 0; is_new && j < t.count; j++)
                is_new = !text_equal(seen[j], text);
            if (!is_new)
                continue;
            seen[t.count++] = text;
            t.sum += model_text_hash(text);
        }
    }
    mem_free(seen);
    return t;
}

#endif
