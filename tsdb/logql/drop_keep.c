#include "tsdb/logql/drop_keep.h"

#include "tsdb/base/text.h"

enum tsdb_status drop_keep_compile(struct compiler *c, const struct stage *s,
                                   struct name_tests *out)
{
    struct name_test *list = COMPILER_ARRAY(c, struct name_test, s->count + 1);
    if (!list)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < s->count; i++) {
        list[i].has_matcher = s->names[i].has_matcher;
        list[i].matcher.name = s->names[i].matcher.name;
        if (!list[i].has_matcher)
            continue;
        enum tsdb_status st = compiler_matcher(c, &s->names[i].matcher, &list[i].matcher);
        if (st != TSDB_OK)
            return st;
    }
    *out = (struct name_tests){list, s->count};
    return TSDB_OK;
}

static bool passes(const struct name_test *t, struct tsdb_text value)
{
    return !t->has_matcher || matcher_test(&t->matcher, value);
}

static void drop_one(const struct name_test *t, struct pass *p)
{
    struct label_set *s = &p->labels;
    struct tsdb_text name = t->matcher.name, value = {"", 0};
    if (text_equal(name, text_of(LABEL_ERROR))) {
        if (passes(t, s->error))
            s->error.len = 0;
    } else if (text_equal(name, text_of(LABEL_ERROR_DETAILS))) {
        if (passes(t, s->error_details))
            s->error_details.len = 0;
    } else if (label_set_get(s, name, &value) != LABEL_NONE && passes(t, value)) {
        label_set_remove(s, name);
    }
}

void drop_run(const struct name_tests *tests, struct pass *p)
{
    for (uint32_t i = 0; i < tests->count; i++)
        drop_one(&tests->at[i], p);
}

struct keep {
    const struct name_tests *tests;
    struct pass *p;
    struct tsdb_text *refused; /* in the arena */
    uint32_t count, cap;
};

/* Removing while the labels are gone through would upset the walk, so names are noted. */
static void keep_one(void *arg, struct tsdb_label label, enum label_origin origin)
{
    struct keep *k = arg;
    for (uint32_t i = 0; i < k->tests->count; i++) {
        const struct name_test *t = &k->tests->at[i];
        if (text_equal(t->matcher.name, label.name) && passes(t, label.value))
            return;
    }
    if (text_equal(label.name, text_of("__preserve_error__")))
        return;
    if (k->count == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 32;
        struct tsdb_text *more = ARENA_ARRAY(&k->p->arena, struct tsdb_text, cap);
        if (!more) {
            k->p->is_spent = true;
            return;
        }
        if (k->count > 0)
            memcpy(more, k->refused, k->count * sizeof *more);
        k->refused = more;
        k->cap = cap;
    }
    if (origin == LABEL_OF_METADATA) {
        char *copy = pass_bytes(k->p, label.name.len);
        if (!copy)
            return;
        memcpy(copy, label.name.at, label.name.len);
        label.name.at = copy;
    }
    k->refused[k->count++] = label.name;
}

void keep_run(const struct name_tests *tests, struct pass *p)
{
    struct keep k = {.tests = tests, .p = p};
    if (tests->count == 0)
        return;
    label_set_each(&p->labels, keep_one, &k);
    for (uint32_t i = 0; i < k.count; i++)
        label_set_remove(&p->labels, k.refused[i]);
}
