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
    const char *at;
    size_t len;
    size_t done;   /* behind the last variable */
    size_t phrase; /* quotes and '=' mean nothing up to here; 0: they do */
    struct tsdb_text *vars;
    uint32_t places;
    uint64_t hash;
    bool is_full;
};

static unsigned class_at(const struct cutter *c, size_t i)
{
    return classes[(uint8_t)c->at[i]];
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

static void cut_variable(struct cutter *c, size_t from, size_t to)
{
    if (c->places == TEMPLATE_PLACES_MAX) {
        c->is_full = true;
        return;
    }
    c->hash = text_pieces_hash(c->hash, c->at + c->done, from - c->done);
    c->vars[c->places++] = (struct tsdb_text){c->at + from, to - from};
    c->done = to;
}

/* The word around the digit at i; returns where it ends. */
static size_t cut_word(struct cutter *c, size_t i)
{
    size_t from = i, to = i + 1;
    while (from > c->done && (class_at(c, from - 1) & WORD))
        from--;
    while (to < c->len && (class_at(c, to) & WORD))
        to++;
    cut_variable(c, from, to);
    return to;
}

/* The value behind the '=' at i. */
static size_t cut_value(struct cutter *c, size_t i)
{
    size_t from = i + 1, to = from;
    if (from < c->phrase)
        return from;
    while (to < c->len && !(class_at(c, to) & VALUE_END))
        to++;
    if (to > from)
        cut_variable(c, from, to);
    return to;
}

static size_t closing_quote(const struct cutter *c, size_t i)
{
    while (i < c->len && c->at[i] != '"')
        i += c->at[i] == '\\' ? 2 : 1;
    return i < c->len ? i : c->len;
}

/* The quoted text that begins behind i; returns where to look next. */
static size_t cut_quoted(struct cutter *c, enum text_cut_kind kind, size_t i)
{
    size_t from = i + 1;
    if (c->phrase && i <= c->phrase)
        return from;
    size_t to = closing_quote(c, from);
    if (to == c->len) {
        c->phrase = c->len; /* no pair; looking again at each quote would be quadratic */
        return from;
    }
    if (to + 1 < c->len && c->at[to + 1] == ':')
        return to + 1;
    size_t spaces[PHRASE_MIN + 1], count = 0;
    for (size_t j = from; j < to && count < PHRASE_MIN; j++) {
        if (c->at[j] == ' ')
            spaces[count++] = j;
    }
    if (count == PHRASE_MIN && kind == TEXT_CUT_PHRASES) {
        c->phrase = to;
        return from;
    }
    if (count == PHRASE_MIN)
        count = 0;
    spaces[count] = to;
    for (size_t k = 0; k <= count; k++) {
        cut_variable(c, from, spaces[k]);
        from = spaces[k] + 1;
    }
    return to + 1;
}

bool text_cut(enum text_cut_kind kind, struct tsdb_text line,
              struct tsdb_text vars[TEMPLATE_PLACES_MAX], struct text_cut *out)
{
    *out = (struct text_cut){0};
    if (line.len > TEMPLATE_LINE_MAX)
        return false;
    struct cutter c = {.at = line.at, .len = line.len, .vars = vars};
    unsigned stops = kind == TEXT_CUT_DIGITS ? DIGIT : DIGIT | QUOTE;
    for (size_t i = 0; !c.is_full;) {
        while (i < c.len && !(class_at(&c, i) & stops))
            i++;
        if (i >= c.len)
            break;
        if (class_at(&c, i) & DIGIT)
            i = cut_word(&c, i);
        else if (c.at[i] == '"')
            i = cut_quoted(&c, kind, i);
        else
            i = cut_value(&c, i);
    }
    out->places = c.places;
    if (c.is_full)
        return false;
    uint64_t hash = text_pieces_hash(c.hash, c.at + c.done, c.len - c.done);
    out->hash = text_pieces_finish(hash);
    return true;
}
