#include "tsdb/logql/regex_facts.h"

#include <string.h>

enum token_kind {
    TOKEN_END,
    TOKEN_LITERAL, /* one character, in `text` */
    TOKEN_CLASS,   /* something that takes one character */
    TOKEN_EDGE,    /* \b \B: looks, takes nothing */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OR,
    TOKEN_UNKNOWN, /* ends the reading */
};

struct token {
    enum token_kind kind;
    struct tsdb_text text;
    bool may_be_newline;
};

struct scan {
    const char *at, *end;
    struct arena *arena;
    struct regex_facts facts;
    char *run; /* the literal that grows; room for the whole pattern */
    size_t run_len;
    unsigned depth;
    bool is_folded;     /* (?i): literals are no needles */
    bool is_first_atom; /* nothing taken yet */
    bool run_is_first;  /* the run began with the pattern */
};

static bool is_punctuation(char c)
{
    return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
           !(c >= 'A' && c <= 'Z');
}

static struct token unknown(void)
{
    return (struct token){.kind = TOKEN_UNKNOWN};
}

/* Behind the backslash. */
static struct token scan_escape(struct scan *s)
{
    if (s->at == s->end)
        return unknown();
    char c = *s->at++;
    if (is_punctuation(c))
        return (struct token){TOKEN_LITERAL, {s->at - 1, 1}, false};
    switch (c) {
    case 'd':
    case 'w':
    case 'S': return (struct token){.kind = TOKEN_CLASS};
    case 'D':
    case 'W':
    case 's': return (struct token){.kind = TOKEN_CLASS, .may_be_newline = true};
    case 'b':
    case 'B': return (struct token){.kind = TOKEN_EDGE};
    case 't': return (struct token){TOKEN_LITERAL, {"\t", 1}, false};
    case 'n': return (struct token){TOKEN_LITERAL, {"\n", 1}, true};
    default: return unknown();
    }
}

/* Behind the bracket.  Any doubt about newlines counts as one. */
static struct token scan_class(struct scan *s)
{
    struct token t = {.kind = TOKEN_CLASS};
    if (s->at < s->end && *s->at == '^') {
        t.may_be_newline = true;
        s->at++;
    }
    const char *first = s->at;
    while (s->at < s->end) {
        char c = *s->at++;
        if (c == ']' && s->at - 1 != first)
            return t;
        if (c == '[' && s->at < s->end && *s->at == ':') {
            const char *close = memmem(s->at + 1, (size_t)(s->end - s->at - 1), ":]", 2);
            if (!close)
                return unknown();
            t.may_be_newline = true;
            s->at = close + 2;
        } else if (c == '\\') {
            if (s->at == s->end)
                return unknown();
            c = *s->at++;
            if (!is_punctuation(c) && c != 'd' && c != 'w' && c != 'S')
                t.may_be_newline = true;
        } else if ((unsigned char)c < ' ') {
            t.may_be_newline = true;
        }
    }
    return unknown();
}

/* Behind the parenthesis. */
static struct token scan_open(struct scan *s)
{
    struct token t = {.kind = TOKEN_OPEN};
    size_t left = (size_t)(s->end - s->at);
    if (left == 0 || *s->at != '?')
        return t;
    if (left > 1 && s->at[1] == ':') {
        s->at += 2;
        return t;
    }
    const char *close =
        left > 2 && s->at[1] == 'P' && s->at[2] == '<' ? memchr(s->at, '>', left) : NULL;
    if (!close)
        return unknown();
    s->at = close + 1;
    return t;
}

static struct token scan_token(struct scan *s)
{
    if (s->at == s->end)
        return (struct token){.kind = TOKEN_END};
    const char *from = s->at++;
    switch (*from) {
    case '\\': return scan_escape(s);
    case '[': return scan_class(s);
    case '(': return scan_open(s);
    case ')': return (struct token){.kind = TOKEN_CLOSE};
    case '|': return (struct token){.kind = TOKEN_OR};
    case '.': return (struct token){.kind = TOKEN_CLASS};
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
    case '{': return unknown();
    default: break;
    }
    while (s->at < s->end && ((unsigned char)*s->at & 0xc0) == 0x80)
        s->at++;
    return (struct token){TOKEN_LITERAL, {from, (size_t)(s->at - from)}, *from == '\n'};
}

enum repeat { REPEAT_ONCE, REPEAT_SOME, REPEAT_MAYBE, REPEAT_UNKNOWN };

/* "{4,}": at least once unless it begins with a zero. */
static enum repeat scan_counts(struct scan *s)
{
    const char *from = ++s->at;
    while (s->at < s->end && ((*s->at >= '0' && *s->at <= '9') || *s->at == ','))
        s->at++;
    if (s->at == s->end || *s->at != '}' || s->at == from || *from == ',')
        return REPEAT_UNKNOWN;
    s->at++;
    return *from == '0' ? REPEAT_MAYBE : REPEAT_SOME;
}

static enum repeat scan_repeat(struct scan *s)
{
    enum repeat r = REPEAT_ONCE;
    while (s->at < s->end && r != REPEAT_UNKNOWN) {
        enum repeat next;
        if (*s->at == '{') {
            next = scan_counts(s);
        } else if (*s->at == '*' || *s->at == '?') {
            next = r == REPEAT_ONCE || *s->at == '*' ? REPEAT_MAYBE : r; /* "+?" is lazy */
            s->at++;
        } else if (*s->at == '+') {
            next = r == REPEAT_ONCE ? REPEAT_SOME : r;
            s->at++;
        } else {
            break;
        }
        r = r == REPEAT_MAYBE && next == REPEAT_SOME ? REPEAT_MAYBE : next;
    }
    return r;
}

static void run_end(struct scan *s)
{
    struct regex_facts *f = &s->facts;
    if (s->run_len > 0 && !s->is_folded && f->count < REGEX_NEEDLES_MAX) {
        char *copy = arena_get(s->arena, s->run_len, 1, 1);
        if (copy) {
            memcpy(copy, s->run, s->run_len);
            if (f->count == 0)
                f->begins_with_first = s->run_is_first;
            f->needles[f->count++] = (struct tsdb_text){copy, s->run_len};
        }
    }
    s->run_len = 0;
}

static void run_put(struct scan *s, struct tsdb_text c)
{
    if (s->run_len == 0)
        s->run_is_first = s->is_first_atom;
    memcpy(s->run + s->run_len, c.at, c.len);
    s->run_len += c.len;
}

/* An atom and its repetition; false: not understood. */
static bool scan_atom(struct scan *s, const struct token *t)
{
    enum repeat r = scan_repeat(s);
    if (r == REPEAT_UNKNOWN)
        return false;
    if (t->may_be_newline)
        s->facts.is_line_bound = false;
    if (s->depth > 0 || t->kind != TOKEN_LITERAL || r == REPEAT_MAYBE) {
        if (s->depth == 0)
            run_end(s);
    } else {
        run_put(s, t->text);
        if (r == REPEAT_SOME)
            run_end(s);
    }
    s->is_first_atom = false;
    return true;
}

static bool scan_step(struct scan *s, const struct token *t)
{
    switch (t->kind) {
    case TOKEN_LITERAL:
    case TOKEN_CLASS: return scan_atom(s, t);
    case TOKEN_EDGE:
        run_end(s);
        s->is_first_atom = false;
        return scan_repeat(s) != REPEAT_UNKNOWN;
    case TOKEN_OPEN:
        run_end(s);
        s->is_first_atom = false;
        s->depth++;
        return true;
    case TOKEN_CLOSE:
        if (s->depth == 0)
            return false;
        s->depth--;
        return scan_repeat(s) != REPEAT_UNKNOWN;
    case TOKEN_OR:
        if (s->depth == 0) /* no needle of one side holds for the other */
            s->is_folded = true;
        return true;
    case TOKEN_END:
    case TOKEN_UNKNOWN: break;
    }
    return false;
}

struct regex_facts regex_facts_of(struct tsdb_text pattern, struct arena *arena)
{
    struct scan s = {.at = pattern.at,
                     .end = pattern.at + pattern.len,
                     .arena = arena,
                     .facts.is_line_bound = true,
                     .is_first_atom = true};
    if (pattern.len >= 4 && memcmp(pattern.at, "(?i)", 4) == 0) {
        s.is_folded = true;
        s.at += 4;
    }
    s.run = arena_get(arena, pattern.len + 1, 1, 1);
    if (!s.run)
        return (struct regex_facts){0};
    struct token t = scan_token(&s);
    while (t.kind != TOKEN_END) {
        if (!scan_step(&s, &t))
            return (struct regex_facts){0};
        t = scan_token(&s);
    }
    run_end(&s);
    if (s.is_folded)
        s.facts.count = 0;
    return s.facts;
}
