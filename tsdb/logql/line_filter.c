#include "tsdb/logql/line_filter.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

enum {
    WORDS_MAX = 8, /* a longer list is quicker as one automaton */
    ANCHORED_TRIES = 4,
};

/* The words of "a|b", when searching for it is searching for them; *count 0: it is more. */
static struct tsdb_text *words_of(struct tsdb_text pattern, uint32_t *count)
{
    *count = 0;
    if (pattern.len > 0 &&
        (memchr(pattern.at, '^', pattern.len) || memchr(pattern.at, '$', pattern.len)))
        return NULL; /* words_parse takes edges for granted, a search does not */
    return regex_literals_parse(pattern, count);
}

static bool words_are_few(const struct tsdb_text *words, uint32_t count)
{
    return words && count > 0 && (count <= WORDS_MAX || words[0].len == 0);
}

static struct line_test word_test(struct tsdb_text word)
{
    struct line_test t = {.form = LINE_ALL};
    if (word.len > 0) {
        t.form = LINE_WORD;
        t.has_needle = true;
        t.needle = needle_of(word);
    }
    return t;
}

/* A second expression, tried where the needle is found, when every match begins there. */
static enum tsdb_status anchored_compile(struct compiler *c, struct tsdb_text pattern,
                                         struct line_test *t)
{
    static const char before[] = "(?-s)\\A(?:";
    size_t len = sizeof before - 1 + pattern.len + 1;
    char *text = compiler_get(c, len, 1, 1);
    if (!text)
        return TSDB_ELIMIT;
    memcpy(text, before, sizeof before - 1);
    memcpy(text + sizeof before - 1, pattern.at, pattern.len);
    text[len - 1] = ')';
    if (len > REGEX_PATTERN_BYTES_MAX)
        return TSDB_OK; /* without, it is slower */
    return compiler_regex(c, (struct tsdb_text){text, len}, &t->anchored);
}

static enum tsdb_status regex_compile(struct compiler *c, struct tsdb_text pattern,
                                      struct line_test *t)
{
    *t = (struct line_test){.form = LINE_REGEX};
    if (text_equal(pattern, text_of(".*"))) {
        t->form = LINE_ALL;
        return TSDB_OK;
    }
    enum tsdb_status st = compiler_line_regex(c, pattern, &t->regex);
    if (st != TSDB_OK)
        return st;
    t->facts = regex_facts_of(pattern, &c->arena);
    for (uint32_t i = 0; i < t->facts.count; i++) {
        struct tsdb_text needle = t->facts.needles[i];
        if (!t->has_needle || needle.len > t->needle.text.len) {
            t->needle = needle_of(needle);
            t->has_needle = true;
        }
    }
    bool is_first = t->facts.count > 0 && t->facts.begins_with_first &&
                    t->needle.text.at == t->facts.needles[0].at;
    return is_first ? anchored_compile(c, pattern, t) : TSDB_OK;
}

static enum tsdb_status gaps_compile(struct compiler *c, struct tsdb_text text, struct line_test *t)
{
    *t = (struct line_test){.form = LINE_GAPS};
    enum tsdb_status st = line_pattern_compile(c, text, true, &t->gaps);
    for (uint32_t i = 0; st == TSDB_OK && i < t->gaps.count; i++) {
        const struct line_pattern_part *part = &t->gaps.parts[i];
        if (!part->is_capture && (!t->has_needle || part->literal.text.len > t->needle.text.len)) {
            t->needle = part->literal;
            t->has_needle = true;
        }
    }
    return st;
}

static enum tsdb_status operand_compile(struct compiler *c, enum line_op op,
                                        const struct line_operand *o, struct line_test *t)
{
    if (o->is_ip) {
        if (op != LINE_CONTAINS && op != LINE_LACKS)
            return tsdb_fail(c->err, TSDB_EINVAL, "ip: invalid operation");
        *t = (struct line_test){.form = LINE_ADDRESS};
        return ip_address_parse(o->text, &t->addresses, c->err);
    }
    if (op == LINE_PATTERN || op == LINE_PATTERN_NOT)
        return gaps_compile(c, o->text, t);
    if (op == LINE_MATCHES || op == LINE_MATCHES_NOT)
        return regex_compile(c, o->text, t);
    *t = word_test(o->text);
    return TSDB_OK;
}

/* Appends the operand's tests: of a regex that lists words one each. */
static enum tsdb_status operand_append(struct compiler *c, enum line_op op,
                                       const struct line_operand *o, struct line_test *list,
                                       uint32_t *count)
{
    enum tsdb_status st = TSDB_OK;
    uint32_t words = 0;
    bool is_regex = !o->is_ip && (op == LINE_MATCHES || op == LINE_MATCHES_NOT);
    struct tsdb_text *word = is_regex ? words_of(o->text, &words) : NULL;
    if (words_are_few(word, words)) {
        for (uint32_t i = 0; st == TSDB_OK && i < words && i < WORDS_MAX; i++) {
            struct tsdb_text copy = compiler_text(c, word[i]);
            if (copy.len != word[i].len)
                st = TSDB_ELIMIT;
            else
                list[(*count)++] = word_test(copy);
        }
    } else {
        st = operand_compile(c, op, o, &list[*count]);
        *count += st == TSDB_OK;
    }
    mem_free(word);
    return st;
}

enum tsdb_status line_filter_compile(struct compiler *c, const struct line_filter *f,
                                     struct line_tests *out)
{
    struct line_tests tests = {.is_negated = f->op == LINE_LACKS || f->op == LINE_MATCHES_NOT ||
                                             f->op == LINE_PATTERN_NOT};
    struct line_test *list = COMPILER_ARRAY(c, struct line_test, (size_t)f->count * WORDS_MAX + 1);
    if (!list)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < f->count; i++) {
        enum tsdb_status st = operand_append(c, f->op, &f->operands[i], list, &tests.count);
        if (st != TSDB_OK)
            return st;
    }
    tests.at = list;
    *out = tests;
    return TSDB_OK;
}

/* Where every match begins with the needle: tried at the first places that have it (each may
 * read the whole line), then searched. */
static bool anchored_test(const struct line_test *t, struct tsdb_text line)
{
    const char *end = line.at + line.len;
    const char *at = needle_find(&t->needle, line.at, line.len);
    for (unsigned tries = 0; at; tries++) {
        struct tsdb_text rest = {at, (size_t)(end - at)};
        if (tries == ANCHORED_TRIES)
            return regex_search(t->regex, rest, NULL, 0);
        if (regex_search(t->anchored, rest, NULL, 0))
            return true;
        at = needle_find(&t->needle, at + 1, rest.len - 1);
    }
    return false;
}

bool line_test(const struct line_test *t, struct tsdb_text line)
{
    switch (t->form) {
    case LINE_ALL: return true;
    case LINE_WORD: return needle_find(&t->needle, line.at, line.len) != NULL;
    case LINE_REGEX:
        if (t->anchored)
            return anchored_test(t, line);
        if (t->has_needle && !needle_find(&t->needle, line.at, line.len))
            return false;
        return regex_search(t->regex, line, NULL, 0);
    case LINE_GAPS: return line_pattern_test(&t->gaps, line);
    case LINE_ADDRESS: break;
    }
    return address_search(&t->addresses, line);
}

bool line_filter_test(const struct line_tests *f, struct tsdb_text line)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (line_test(&f->at[i], line))
            return !f->is_negated;
    return f->is_negated;
}
