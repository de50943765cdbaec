#include "tsdb/columns/text_tokens.h"

#include <string.h>

enum {
    WORD = 1,       /* may be part of a word */
    DIGIT = 2,      /* makes a word a variable */
    QUOTE = 4,      /* stops the cuts that know quotes */
    VALUE_END = 8,  /* ends a value after '=' */
    PHRASE_MIN = 3, /* spaces that make a quoted text a phrase */
};

/* What each byte is: D digit, W other byte of words, Q '=', B '"', E what ends a value. */
#define D (WORD | DIGIT)
#define W WORD
#define Q QUOTE
#define B (QUOTE | VALUE_END)
#define E VALUE_END
/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    E, 0, B, 0, 0, 0, E, 0, 0, E, 0, 0, E, W, W, 0,
    D, D, D, D, D, D, D, D, D, D, 0, E, 0, Q, 0, 0,
    0, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, 0, 0, E, 0, W,
    0, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, 0, 0, E, 0, 0,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};
/* clang-format on */
#undef D
#undef W
#undef Q
#undef B
#undef E

struct cutter {
    const char *end;    /* of the line */
    const char *done;   /* behind the last variable */
    const char *phrase; /* quotes and '=' mean nothing up to here; NULL: they do */
    struct tsdb_text *vars;
    uint32_t places;
    uint64_t hash;
    bool is_full;
};

static inline unsigned class_of(const char *at)
{
    return classes[(uint8_t)*at];
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25); /* wraps */
    return hash ^ (hash >> 32);
}

static uint64_t load_tail(const char *at, size_t len)
{
    uint64_t word = 0;
    if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, at, 4);
        memcpy(&high, at + len - 4, 4);
        word = (uint64_t)high << 32 | low;
    } else if (len > 0) {
        word = (uint64_t)(uint8_t)at[0] | (uint64_t)(uint8_t)at[len / 2] << 8 |
               (uint64_t)(uint8_t)at[len - 1] << 16;
    }
    return word;
}

uint64_t text_pieces_hash(uint64_t hash, const char *piece, size_t len)
{
    hash += len + 1; /* wraps; an empty piece counts too */
    for (; len >= 8; len -= 8, piece += 8) {
        uint64_t word;
        memcpy(&word, piece, 8);
        hash = mix(hash, word);
    }
    return mix(hash, load_tail(piece, len));
}

uint64_t text_pieces_finish(uint64_t hash)
{
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

static void cut_variable(struct cutter *c, const char *from, const char *to)
{
    if (c->places == TEMPLATE_PLACES_MAX) {
        c->is_full = true;
        return;
    }
    c->hash = text_pieces_hash(c->hash, c->done, (size_t)(from - c->done));
    c->vars[c->places++] = (struct tsdb_text){from, (size_t)(to - from)};
    c->done = to;
}

/* The word around the digit at `at`; returns where it ends. */
static const char *cut_word(struct cutter *c, const char *at)
{
    const char *from = at, *to = at + 1, *done = c->done, *end = c->end;
    while (from > done && (class_of(from - 1) & WORD))
        from--;
    while (to < end && (class_of(to) & WORD))
        to++;
    cut_variable(c, from, to);
    return to;
}

/* The value behind the '=' at `at`. */
static const char *cut_value(struct cutter *c, const char *at)
{
    const char *from = at + 1, *to = from, *end = c->end;
    if (c->phrase && from < c->phrase)
        return from;
    while (to < end && !(class_of(to) & VALUE_END))
        to++;
    if (to > from)
        cut_variable(c, from, to);
    return to;
}

static const char *find_byte(const char *from, const char *end, char byte)
{
    return from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
}

/* The next '"' with an even number of backslashes before it, or NULL. */
static const char *closing_quote(const char *from, const char *end)
{
    const char *quote = find_byte(from, end, '"');
    while (quote) {
        const char *run = quote;
        while (run > from && run[-1] == '\\')
            run--;
        if ((quote - run) % 2 == 0)
            return quote;
        quote = find_byte(quote + 1, end, '"');
    }
    return NULL;
}

/* A text between quotes: its words when they are few, else whole. */
static void cut_words(struct cutter *c, const char *from, const char *const *spaces, unsigned count,
                      const char *to)
{
    for (unsigned k = 0; k < count && count < PHRASE_MIN; k++) {
        cut_variable(c, from, spaces[k]);
        from = spaces[k] + 1;
    }
    cut_variable(c, from, to);
}

/* The quoted text that begins behind `at`; returns where to look next. */
static const char *cut_quoted(struct cutter *c, enum text_cut_kind kind, const char *at)
{
    const char *from = at + 1;
    if (c->phrase && at <= c->phrase)
        return from;
    const char *to = closing_quote(from, c->end);
    if (!to) {
        c->phrase = c->end; /* no pair; looking again at each quote would be quadratic */
        return from;
    }
    if (to + 1 < c->end && to[1] == ':')
        return to + 1;
    const char *spaces[PHRASE_MIN], *space = find_byte(from, to, ' ');
    unsigned count = 0;
    for (; space && count < PHRASE_MIN; space = find_byte(space + 1, to, ' '))
        spaces[count++] = space;
    if (count == PHRASE_MIN && kind == TEXT_CUT_PHRASES) {
        c->phrase = to;
        return from;
    }
    cut_words(c, from, spaces, count, to);
    return to + 1;
}

/* The next byte of a class among `stops`, or the end. */
static const char *find_stop(const char *at, const char *end, unsigned stops)
{
    while (end - at >= 4 &&
           !((class_of(at) | class_of(at + 1) | class_of(at + 2) | class_of(at + 3)) & stops))
        at += 4;
    while (at < end && !(class_of(at) & stops))
        at++;
    return at;
}

bool text_cut(enum text_cut_kind kind, struct tsdb_text line,
              struct tsdb_text vars[TEMPLATE_PLACES_MAX], struct text_cut *out)
{
    *out = (struct text_cut){0};
    if (line.len > TEMPLATE_LINE_MAX)
        return false;
    struct cutter c = {.end = line.at + line.len, .done = line.at, .vars = vars};
    unsigned stops = kind == TEXT_CUT_DIGITS ? DIGIT : DIGIT | QUOTE;
    const char *at = find_stop(line.at, c.end, stops);
    while (at < c.end && !c.is_full) {
        if (class_of(at) & DIGIT)
            at = cut_word(&c, at);
        else if (*at == '"')
            at = cut_quoted(&c, kind, at);
        else
            at = cut_value(&c, at);
        at = find_stop(at, c.end, stops);
    }
    out->places = c.places;
    if (c.is_full)
        return false;
    uint64_t hash = text_pieces_hash(c.hash, c.done, (size_t)(c.end - c.done));
    out->hash = text_pieces_finish(hash);
    return true;
}
