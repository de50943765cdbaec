/* Which lines of a page of templates may hold a text, without making them.
 *
 * A line is, after its template, pieces and cells in turn; a cell is one of a few texts, or
 * of a few bytes (digits of numbers).  Where the needle lies in one piece or one text, a
 * search over them finds it.  Where it lies across, it is followed from part to part: a
 * state says which beginnings of the needle what was seen so far can end with (bit k: its
 * first k + 1 bytes), whatever the cells are.  All that lines can be is followed, so what is
 * not found is in no line; what is found may still be in none, as cells are taken to be
 * free of each other.  Where only a number's digits may hold it, the numbers tell which do
 * (text_variables_mark).
 *
 * Of the sections only TEXTS and the codes are needed.
 */
#include "tsdb/columns/text_search.h"

#include "tsdb/base/mem.h"
#include "tsdb/columns/text_variables.h"

#include <string.h>

enum { NEEDLE_MAX = 64 }; /* bits of a state; of longer needles the first bytes will do */

struct search {
    const struct text_searched *page;
    const char *needle;
    size_t len;
    uint64_t whole;   /* the bit of the whole needle */
    uint64_t at[256]; /* per byte: where in the needle it is */
    uint64_t number, hex[2];
    bool is_cut;      /* the needle is longer: its end may lie across */
    bool is_in_texts; /* somewhere in TEXTS */
    bool is_found, is_inside;
    uint32_t *counts;    /* owned; lines of each code */
    uint32_t leads;      /* lines that share the lead */
    uint64_t lead_state; /* behind its last variable */
    bool is_found_in_lead;
};

static uint64_t bits_of(const struct search *s, const char *bytes)
{
    uint64_t bits = 0;
    for (; *bytes; bytes++)
        bits |= s->at[(uint8_t)*bytes];
    return bits;
}

static bool has_needle(const struct search *s, const void *at, size_t len)
{
    return len >= s->len && memmem(at, len, s->needle, s->len);
}

static void search_init(struct search *s, const struct text_searched *page, struct tsdb_text needle)
{
    *s = (struct search){.page = page, .needle = needle.at};
    s->len = needle.len < NEEDLE_MAX ? needle.len : NEEDLE_MAX;
    s->is_cut = needle.len > NEEDLE_MAX;
    s->whole = UINT64_C(1) << (s->len - 1);
    for (size_t i = 0; i < s->len; i++)
        s->at[(uint8_t)needle.at[i]] |= UINT64_C(1) << i;
    s->number = bits_of(s, "0123456789.-");
    s->hex[0] = bits_of(s, "0123456789abcdef-");
    s->hex[1] = bits_of(s, "0123456789ABCDEF-");
    s->is_in_texts = has_needle(s, page->texts.rest.at, page->texts.rest.len);
    s->counts = MEM_ARRAY(uint32_t, page->used + 1);
    for (uint32_t i = 0; i < page->lines; i++)
        s->counts[page->codes[i]]++;
    for (uint32_t c = 1; c <= page->used; c++)
        if (page->t->items[page->templates[c - 1]].has_lead)
            s->leads += s->counts[c];
}

/* ---- states --------------------------------------------------------------------------- */

/* Behind a text that does not hold the needle itself. */
static uint64_t past_text(struct search *s, uint64_t state, const uint8_t *at, size_t len)
{
    uint64_t open = state; /* begun before the text */
    size_t i = 0;
    for (; i < len && open; i++) {
        open = open << 1 & s->at[at[i]];
        s->is_found = s->is_found || open & s->whole;
    }
    if (len == 0 || !s->at[at[len - 1]])
        return open;
    uint64_t begun = 0; /* in it, so the last len - 1 bytes are all that matter */
    for (i = len < s->len ? 0 : len - (s->len - 1); i < len; i++)
        begun = (begun << 1 | 1) & s->at[at[i]];
    return open | begun;
}

/* Behind any text of some bytes: `bits` says where in the needle they are.  Begun before the
 * text it is found across; begun in it, inside. */
static uint64_t past_bytes(struct search *s, uint64_t state, uint64_t bits)
{
    uint64_t begun = 0;
    for (uint64_t last = ~state; state != last;) {
        last = state;
        state |= state << 1 & bits;
    }
    for (uint64_t last = ~begun; begun != last;) {
        last = begun;
        begun |= (begun << 1 | 1) & bits;
    }
    s->is_found = s->is_found || state & s->whole || (s->is_cut && begun & s->whole);
    s->is_inside = s->is_inside || begun & s->whole;
    return (state | begun) & ~s->whole;
}

static uint64_t past_lines(struct search *s, uint64_t state, const struct text_look *look)
{
    uint64_t out = 0;
    const uint8_t *at = look->values.at, *all_end = at + look->values.len;
    while (at < all_end) {
        const uint8_t *end = memchr(at, '\n', (size_t)(all_end - at)); /* is there: looked at */
        out |= past_text(s, state, at, (size_t)(end - at));
        at = end + 1;
    }
    return out;
}

static uint64_t past_sized(struct search *s, uint64_t state, const struct text_look *look)
{
    uint64_t out = 0;
    struct reader r = reader_over(look->values);
    for (uint32_t i = 0; i < look->count; i++) {
        struct bytes b = reader_sized(&r);
        out |= past_text(s, state, b.at, b.len);
    }
    return out;
}

static uint64_t past_cells(struct search *s, uint64_t state, const struct text_look *look)
{
    switch (look->kind) {
    case TEXT_LOOK_NONE: break;
    case TEXT_LOOK_NUMBER: return past_bytes(s, state, s->number);
    case TEXT_LOOK_HEX: return past_bytes(s, state, s->hex[look->is_upper]);
    case TEXT_LOOK_SIZED: return past_sized(s, state, look);
    case TEXT_LOOK_LINES: return past_lines(s, state, look);
    }
    return state;
}

/* The next column; false: TEXTS does not tell. */
static bool past_column(struct search *s, struct reader *texts, uint32_t count, uint64_t *state)
{
    struct text_look look;
    const uint8_t *from = texts->rest.at;
    if (text_variables_look(texts, count, &look) != TSDB_OK)
        return false;
    if (s->is_found)
        return true;
    s->is_found = s->is_in_texts && has_needle(s, from, (size_t)(texts->rest.at - from));
    *state = past_text(s, *state, look.start.at, look.start.len);
    *state = past_cells(s, *state, &look);
    *state = past_text(s, *state, look.end.at, look.end.len);
    return true;
}

/* ---- pages ---------------------------------------------------------------------------- */

/* From place `from` on to place `to`, each with the piece before it. */
static bool past_places(struct search *s, struct reader *texts, uint32_t template, uint32_t from,
                        uint32_t to, uint32_t count, uint64_t *state)
{
    const uint32_t *lens = text_table_lens(s->page->t, template);
    const char *text = text_table_text(s->page->t, template);
    for (uint32_t place = 0; place < to; text += lens[place++]) {
        if (place < from)
            continue;
        if (!s->is_found)
            *state = past_text(s, *state, (const uint8_t *)text, lens[place]);
        if (!past_column(s, texts, count, state))
            return false;
    }
    return true;
}

static bool past_template(struct search *s, struct reader *texts, uint32_t code, uint8_t *verdict)
{
    const struct text_templates *t = s->page->t;
    uint32_t template = s->page->templates[code - 1];
    const struct text_template *item = &t->items[template];
    bool has_lead = t->lead && item->has_lead;
    uint64_t state = has_lead ? s->lead_state : 0;
    const char *text = text_table_text(t, template);
    s->is_inside = false;
    s->is_found = (has_lead && s->is_found_in_lead) || has_needle(s, text, item->len);
    if (!past_places(s, texts, template, has_lead ? t->lead : 0, item->places, s->counts[code],
                     &state))
        return false;
    uint32_t last = text_table_lens(t, template)[item->places];
    if (!s->is_found)
        (void)past_text(s, state, (const uint8_t *)text + item->len - last, last);
    *verdict = s->is_found ? TEXT_MAY : s->is_inside ? TEXT_INSIDE : TEXT_LACKS;
    return true;
}

/* The columns in the order of the page; from the first on that cannot be told, lines may. */
static void past_columns(struct search *s, uint8_t *verdicts)
{
    const struct text_templates *t = s->page->t;
    struct reader texts = s->page->texts;
    uint64_t state = 0;
    if (t->lead && s->leads && !past_places(s, &texts, 0, 0, t->lead, s->leads, &s->lead_state))
        return;
    s->is_found_in_lead = s->is_found || s->is_inside;
    s->is_found = s->is_inside = false;
    if (s->counts[0] && !past_column(s, &texts, s->counts[0], &state))
        return;
    verdicts[0] = s->is_found || s->is_inside ? TEXT_MAY : TEXT_LACKS;
    for (uint32_t c = 1; c <= s->page->used; c++)
        if (!past_template(s, &texts, c, &verdicts[c]))
            return;
}

void text_search(const struct text_searched *page, struct tsdb_text needle, uint8_t *verdicts)
{
    struct search s;
    memset(verdicts, TEXT_MAY, page->used + (size_t)1);
    search_init(&s, page, needle);
    past_columns(&s, verdicts);
    mem_free(s.counts);
}
