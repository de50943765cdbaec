#include "tsdb/base/mem.h"
#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <stdlib.h>
#include <string.h>

/* A pattern that RE2 has accepted is read once more, as
 *
 *   words    = sequence { "|" sequence }
 *   sequence = { atom [ "?" ] }
 *   atom     = text | "\" punctuation | "[" a-z "]" | "(" [ "?:" ] words ")"
 *
 * and every word it can spell is written down.  Whatever is not in this grammar
 * ends the attempt: no words, and RE2 matches.  "^" at the start and "$" at the
 * end of an outermost sequence say nothing that anchoring does not. */

enum {
    GROUP_DEPTH_MAX = 8,
    POOL_BYTES_MAX = 1 << 20, /* scratch for words of all stages */
};

struct span {
    uint32_t off, len; /* in the pool */
};

struct words {
    struct span *at; /* owned */
    uint32_t count, cap;
};

struct speller {
    struct tsdb_text rest;
    struct writer pool;
};

static void words_append(struct words *w, struct span span)
{
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 8;
        w->at = mem_grow(w->at, w->cap, sizeof *w->at);
    }
    w->at[w->count++] = span;
}

static bool is_next(const struct speller *s, char c)
{
    return s->rest.len > 0 && s->rest.at[0] == c;
}

static void advance(struct speller *s, size_t n)
{
    s->rest.at += n;
    s->rest.len -= n;
}

static bool is_punctuation(char c)
{
    return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
           !(c >= 'A' && c <= 'Z') && c != '_';
}

/* Bytes that the character at the front takes in the pattern, 0 when it does not
 * stand for itself; *skip of them are the backslash. */
static size_t plain_bytes(struct tsdb_text rest, size_t *skip)
{
    *skip = 0;
    if (rest.len == 0)
        return 0;
    if (rest.at[0] == '\\') {
        *skip = 1;
        return rest.len > 1 && is_punctuation(rest.at[1]) ? 2 : 0;
    }
    if (rest.at[0] != '\0' && strchr(".+*?()|[]{}^$", rest.at[0]))
        return 0;
    size_t n = 1;
    while (n < rest.len && ((unsigned char)rest.at[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static bool is_quantifier(struct tsdb_text rest)
{
    return rest.len > 0 && rest.at[0] != '\0' && strchr("*+?{", rest.at[0]);
}

/* As many plain characters as go together: a quantifier binds the last alone. */
static bool spell_text(struct speller *s, struct words *out)
{
    struct span span = {(uint32_t)s->pool.len, 0};
    size_t n, skip;
    while ((n = plain_bytes(s->rest, &skip)) > 0) {
        struct tsdb_text after = {s->rest.at + n, s->rest.len - n};
        bool is_bound = is_quantifier(after);
        if (is_bound && span.len > 0)
            break;
        writer_put(&s->pool, s->rest.at + skip, n - skip);
        span.len += (uint32_t)(n - skip);
        s->rest = after;
        if (is_bound)
            break;
    }
    words_append(out, span);
    return span.len > 0;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Letters, digits and ranges of them. */
static bool spell_class(struct speller *s, struct words *out)
{
    advance(s, 1);
    while (s->rest.len > 0 && s->rest.at[0] != ']') {
        char first = s->rest.at[0], last = first;
        size_t n = 1;
        if (s->rest.len > 2 && s->rest.at[1] == '-') {
            last = s->rest.at[2];
            n = 3;
        }
        if (!is_letter_or_digit(first) || !is_letter_or_digit(last) || first > last)
            return false;
        for (unsigned c = (unsigned char)first; c <= (unsigned char)last; c++) {
            words_append(out, (struct span){(uint32_t)s->pool.len, 1});
            writer_u8(&s->pool, (uint8_t)c);
        }
        advance(s, n);
    }
    if (!is_next(s, ']'))
        return false;
    advance(s, 1);
    return true;
}

static bool spell_words(struct speller *s, unsigned depth, struct words *out);

static bool spell_group(struct speller *s, unsigned depth, struct words *out)
{
    advance(s, 1);
    if (is_next(s, '?')) {
        if (s->rest.len < 2 || s->rest.at[1] != ':')
            return false;
        advance(s, 2);
    }
    if (!spell_words(s, depth + 1, out) || !is_next(s, ')'))
        return false;
    advance(s, 1);
    return true;
}

static bool spell_atom(struct speller *s, unsigned depth, struct words *out)
{
    bool is_spelled;
    if (is_next(s, '('))
        is_spelled = spell_group(s, depth, out);
    else if (is_next(s, '['))
        is_spelled = spell_class(s, out);
    else
        is_spelled = spell_text(s, out);
    if (!is_spelled)
        return false;
    if (is_next(s, '?')) {
        advance(s, 1);
        words_append(out, (struct span){0, 0});
    }
    return !is_quantifier(s->rest);
}

/* Every word of a followed by every word of b, into a. */
static bool words_multiply(struct speller *s, struct words *a, const struct words *b)
{
    struct words product = {0};
    bool fits = (uint64_t)a->count * b->count <= REGEX_LITERALS_MAX;
    for (uint32_t i = 0; fits && i < a->count; i++) {
        for (uint32_t j = 0; fits && j < b->count; j++) {
            struct span left = a->at[i], right = b->at[j];
            if (left.len == 0 || right.len == 0) {
                words_append(&product, left.len ? left : right);
                continue;
            }
            struct span both = {(uint32_t)s->pool.len, left.len + right.len};
            (void)writer_reserve(&s->pool, both.len); /* the pool must not move below */
            writer_put(&s->pool, s->pool.at + left.off, left.len);
            writer_put(&s->pool, s->pool.at + right.off, right.len);
            words_append(&product, both);
            fits = s->pool.len <= POOL_BYTES_MAX;
        }
    }
    mem_free(a->at);
    *a = product;
    return fits;
}

static bool spell_sequence(struct speller *s, unsigned depth, struct words *out)
{
    bool fits = true;
    words_append(out, (struct span){0, 0});
    if (depth == 0 && is_next(s, '^'))
        advance(s, 1);
    while (fits && s->rest.len > 0 && !is_next(s, '|') && !is_next(s, ')')) {
        if (depth == 0 && is_next(s, '$') && (s->rest.len == 1 || s->rest.at[1] == '|')) {
            advance(s, 1);
            break;
        }
        struct words atom = {0};
        fits = spell_atom(s, depth, &atom) && words_multiply(s, out, &atom);
        mem_free(atom.at);
    }
    return fits;
}

/* Recursion: at most GROUP_DEPTH_MAX groups deep. */
static bool spell_words(struct speller *s, unsigned depth, struct words *out)
{
    if (depth > GROUP_DEPTH_MAX)
        return false;
    for (;;) {
        struct words sequence = {0};
        bool fits = spell_sequence(s, depth, &sequence) &&
                    out->count + sequence.count <= REGEX_LITERALS_MAX;
        for (uint32_t i = 0; fits && i < sequence.count; i++)
            words_append(out, sequence.at[i]);
        mem_free(sequence.at);
        if (!fits || !is_next(s, '|'))
            return fits;
        advance(s, 1);
    }
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const struct tsdb_text *)a, *(const struct tsdb_text *)b);
}

/* One block: the texts, then their bytes. */
static struct tsdb_text *words_pack(const struct speller *s, const struct words *w, uint32_t *count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < w->count; i++)
        bytes += w->at[i].len;
    if (bytes > REGEX_LITERALS_BYTES_MAX)
        return NULL;
    struct tsdb_text *texts = mem_alloc(w->count * sizeof *texts + bytes);
    char *to = (char *)(texts + w->count);
    for (uint32_t i = 0; i < w->count; i++) {
        texts[i] = (struct tsdb_text){to, w->at[i].len};
        if (w->at[i].len > 0)
            memcpy(to, s->pool.at + w->at[i].off, w->at[i].len);
        to += w->at[i].len;
    }
    qsort(texts, w->count, sizeof *texts, by_text);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        if (kept == 0 || !text_equal(texts[kept - 1], texts[i]))
            texts[kept++] = texts[i];
    }
    *count = kept;
    return texts;
}

struct tsdb_text *regex_literals_parse(struct tsdb_text pattern, uint32_t *count)
{
    struct speller s = {.rest = pattern};
    struct words words = {0};
    struct tsdb_text *texts = NULL;
    *count = 0;
    if (spell_words(&s, 0, &words) && s.rest.len == 0)
        texts = words_pack(&s, &words, count);
    mem_free(words.at);
    writer_release(&s.pool);
    return texts;
}
