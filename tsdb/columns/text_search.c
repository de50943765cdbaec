/* Whether a page of templates may hold a text, without making its lines.
 *
 * A line is, after its template, pieces and cells in turn; a cell is one of a few texts, or
 * of a few bytes (digits of numbers).  Where the needle lies in one piece or one text, a
 * search over them finds it.  Where it lies across, it is followed from part to part: a
 * state says which beginnings of the needle what was seen so far can end with (bit k: its
 * first k + 1 bytes), whatever the cells are.  All that lines can be is followed, so what is
 * not found is in no line; what is found may still be in none, as cells are taken to be
 * free of each other.
 *
 * Of the sections only TEXTS and CODES are needed.
 */
#include "tsdb/columns/text_page_head.h"
#include "tsdb/columns/text_section.h"
#include "tsdb/columns/text_table.h"
#include "tsdb/columns/text_template.h"
#include "tsdb/columns/text_variables.h"

#include "tsdb/base/mem.h"

#include <string.h>

enum { NEEDLE_MAX = 64 }; /* bits of a state; of longer needles the first bytes will do */

struct search {
    const struct text_templates *t;
    const char *needle;
    size_t len;
    uint64_t whole;   /* the bit of the whole needle */
    uint64_t at[256]; /* per byte: where in the needle it is */
    uint64_t number, hex[2];
    bool is_found;
    struct writer texts, codes;
    uint32_t *templates; /* owned; [used] */
    uint32_t used;
    uint32_t counts[TEXT_PAGE_CODES_MAX]; /* lines of each code */
    uint64_t lead_state;                  /* behind the last variable of the lead */
    uint32_t leads;                       /* lines that have it */
};

static uint64_t bits_of(const struct search *s, const char *bytes)
{
    uint64_t bits = 0;
    for (; *bytes; bytes++)
        bits |= s->at[(uint8_t)*bytes];
    return bits;
}

static void search_init(struct search *s, const struct text_templates *t, struct tsdb_text needle)
{
    *s = (struct search){.t = t, .needle = needle.at};
    s->len = needle.len < NEEDLE_MAX ? needle.len : NEEDLE_MAX;
    s->whole = UINT64_C(1) << (s->len - 1);
    for (size_t i = 0; i < s->len; i++)
        s->at[(uint8_t)needle.at[i]] |= UINT64_C(1) << i;
    s->number = bits_of(s, "0123456789.-");
    s->hex[0] = bits_of(s, "0123456789abcdef-");
    s->hex[1] = bits_of(s, "0123456789ABCDEF-");
}

static void search_release(struct search *s)
{
    writer_release(&s->texts);
    writer_release(&s->codes);
    mem_free(s->templates);
}

static bool has_needle(const struct search *s, const void *at, size_t len)
{
    return len >= s->len && memmem(at, len, s->needle, s->len);
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

/* Behind any text of some bytes: `bits` says where in the needle they are. */
static uint64_t past_bytes(struct search *s, uint64_t state, uint64_t bits)
{
    for (uint64_t last = ~state; state != last;) {
        last = state;
        state |= (state << 1 | 1) & bits;
    }
    s->is_found = s->is_found || state & s->whole;
    return state;
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

/* The next column; false: it cannot be told, or the needle was found. */
static bool past_column(struct search *s, struct reader *texts, uint32_t count, uint64_t *state)
{
    struct text_look look;
    if (text_variables_look(texts, count, &look) != TSDB_OK)
        return false;
    *state = past_text(s, *state, look.start.at, look.start.len);
    *state = past_cells(s, *state, &look);
    *state = past_text(s, *state, look.end.at, look.end.len);
    return !s->is_found;
}

/* ---- pages ---------------------------------------------------------------------------- */

/* From place `from` on, whose piece is at `text`, to place `to`; without the piece behind. */
static bool past_places(struct search *s, struct reader *texts, uint32_t template, uint32_t from,
                        uint32_t to, uint32_t count, uint64_t *state)
{
    const uint32_t *lens = text_table_lens(s->t, template);
    const char *text = text_table_text(s->t, template);
    for (uint32_t place = 0; place < to; text += lens[place++]) {
        if (place < from)
            continue;
        *state = past_text(s, *state, (const uint8_t *)text, lens[place]);
        if (!past_column(s, texts, count, state))
            return false;
    }
    return true;
}

static bool is_absent_in_template(struct search *s, struct reader *texts, uint32_t code)
{
    uint32_t template = s->templates[code - 1];
    const struct text_template *item = &s->t->items[template];
    bool has_lead = s->t->lead && item->has_lead;
    uint64_t state = has_lead ? s->lead_state : 0;
    if (!past_places(s, texts, template, has_lead ? s->t->lead : 0, item->places, s->counts[code],
                     &state))
        return false;
    uint32_t last = text_table_lens(s->t, template)[item->places];
    const char *text = text_table_text(s->t, template) + item->len - last;
    (void)past_text(s, state, (const uint8_t *)text, last);
    return !s->is_found;
}

static bool count_codes(struct search *s, uint32_t lines)
{
    if (s->used >= TEXT_PAGE_CODES_MAX || s->codes.len < lines)
        return false;
    for (uint32_t i = 0; i < lines; i++)
        s->counts[s->codes.at[i]]++;
    for (uint32_t c = s->used + 1; c < TEXT_PAGE_CODES_MAX; c++)
        if (s->counts[c])
            return false;
    for (uint32_t c = 1; c <= s->used; c++)
        if (s->t->items[s->templates[c - 1]].has_lead)
            s->leads += s->counts[c];
    return true;
}

/* The columns in the order of the page. */
static bool is_absent_in_columns(struct search *s, struct reader *texts)
{
    uint64_t state = 0;
    if (s->t->lead && s->leads &&
        !past_places(s, texts, 0, 0, s->t->lead, s->leads, &s->lead_state))
        return false;
    if (s->counts[0] && !past_column(s, texts, s->counts[0], &state))
        return false;
    for (uint32_t c = 1; c <= s->used; c++)
        if (!is_absent_in_template(s, texts, c))
            return false;
    return reader_done(texts);
}

static bool is_absent(struct search *s, struct text_page_head *head, uint32_t lines)
{
    size_t clear_max = text_page_clear_max(head->bytes);
    struct reader *in = &head->sections;
    if (text_section_unpack(in, clear_max, &s->texts) != TSDB_OK ||
        has_needle(s, s->texts.at, s->texts.len))
        return false;
    struct reader texts = reader_over(writer_bytes(&s->texts));
    s->templates = MEM_ARRAY(uint32_t, s->t->count + 1);
    if (!text_page_used(&texts, s->t->count, s->templates, &s->used))
        return false;
    for (uint32_t c = 0; c < s->used; c++) {
        uint32_t template = s->templates[c];
        if (has_needle(s, text_table_text(s->t, template), s->t->items[template].len))
            return false;
    }
    return text_section_skip(in) == TSDB_OK /* the numbers */ &&
           text_section_unpack(in, clear_max, &s->codes) == TSDB_OK && count_codes(s, lines) &&
           is_absent_in_columns(s, &texts);
}

bool text_templates_may_contain(const struct text_templates *t, struct bytes in, uint32_t count,
                                size_t bytes_max, struct tsdb_text needle)
{
    struct text_page_head head;
    if (needle.len == 0 || text_page_open(in, count, &head, NULL) != TSDB_OK ||
        head.bytes > bytes_max)
        return true;
    struct search s;
    search_init(&s, t, needle);
    bool may = !is_absent(&s, &head, count);
    search_release(&s);
    return may;
}
