#include "tsdb/store/matcher.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

static bool is_negative(enum matcher_kind kind)
{
    return kind == MATCH_NE || kind == MATCH_NRE;
}

enum tsdb_status matcher_init(struct matcher *m, enum matcher_kind kind, struct tsdb_text name,
                              struct tsdb_text value, struct tsdb_error *err)
{
    struct regex *regex = NULL;
    if (kind == MATCH_RE || kind == MATCH_NRE) {
        enum tsdb_status st = regex_new(value, &regex, err);
        if (st != TSDB_OK)
            return st;
    }
    *m = (struct matcher){.kind = kind, .name = name, .value = value, .regex = regex};
    m->accepts_empty = matcher_test(m, (struct tsdb_text){"", 0});
    return TSDB_OK;
}

void matcher_release(struct matcher *m)
{
    regex_free(m->regex);
    *m = (struct matcher){0};
}

bool matcher_test(const struct matcher *m, struct tsdb_text value)
{
    bool is_match = m->regex ? regex_match(m->regex, value) : text_equal(m->value, value);
    return is_match != is_negative(m->kind);
}

struct tsdb_text labels_value(struct tsdb_labels labels, struct tsdb_text name)
{
    for (uint32_t i = 0; i < labels.count; i++) {
        if (text_equal(labels.at[i].name, name))
            return labels.at[i].value;
    }
    return (struct tsdb_text){"", 0};
}

bool matchers_test(const struct matcher *m, uint32_t count, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!matcher_test(&m[i], labels_value(labels, m[i].name)))
            return false;
    }
    return true;
}

/* "=" decides as a list of one; a negation decides by the same values. */
enum matcher_reach matcher_reach(const struct matcher *m, const struct tsdb_text **values,
                                 uint32_t *count)
{
    const struct tsdb_text *list = &m->value;
    uint32_t listed = 1;
    if (m->regex) {
        list = regex_literals(m->regex, &listed);
        if (!list && text_equal(m->value, (struct tsdb_text){".*", 2}))
            return MATCHER_NOTHING;
        if (!list && text_equal(m->value, (struct tsdb_text){".+", 2}))
            return MATCHER_ANY;
        if (!list)
            return MATCHER_TESTED;
    }
    /* Sorted: the empty text is first.  With it on the list, the values that
     * differ from "" are those that are not on the list. */
    ASSERT(listed > 0);
    if (list[0].len > 0) {
        *values = list;
        *count = listed;
        return MATCHER_LISTED;
    }
    return listed == 1 ? MATCHER_ANY : MATCHER_TESTED;
}

struct tsdb_text matcher_prefix(const struct matcher *m)
{
    bool is_deciding = m->regex && m->accepts_empty == is_negative(m->kind);
    return is_deciding ? regex_prefix(m->regex) : (struct tsdb_text){"", 0};
}
