#include "tsdb/columns/text_template.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/codec/ints.h"
#include "tsdb/columns/text_marks.h"
#include "tsdb/columns/text_page_head.h"
#include "tsdb/columns/text_search.h"
#include "tsdb/columns/text_table.h"
#include "tsdb/columns/text_variables.h"

enum { BYTES_MAX = INT32_MAX }; /* starts are uint32_t, with room to spare */

/* What lines make of a page, the same for both directions.  Code 0 is text; code c > 0
 * is the c-th of the templates used. */
struct page {
    const struct text_templates *t;
    uint32_t lines;
    const uint64_t *wanted; /* lines to be read; NULL: all */
    uint32_t used;          /* templates used */
    uint32_t *templates;    /* owned; [used], ascending */
    uint16_t *codes;        /* owned; of each line */
    uint32_t *firsts;       /* owned; of each line: its first variable of all */
    uint32_t *starts;       /* owned; [used + 2]: where the rows of each code begin in order */
    uint32_t *order;        /* owned; the firsts of the lines, by code, then by line, or NONE */
    uint32_t *lead;         /* owned; the firsts of the lines that share the lead, by line */
    uint32_t leads;
    struct text_numbers numbers;
};

static void page_init(struct page *p, const struct text_templates *t, uint32_t lines)
{
    *p = (struct page){.t = t, .lines = lines};
    p->templates = MEM_ARRAY(uint32_t, t->count + 1);
    p->starts = MEM_ARRAY(uint32_t, t->count + 3);
    p->codes = MEM_ARRAY(uint16_t, lines + 1);
    p->firsts = mem_alloc(((size_t)lines + 1) * sizeof *p->firsts);
    p->order = mem_alloc(((size_t)lines + 1) * sizeof *p->order);
    p->lead = mem_alloc(((size_t)lines + 1) * sizeof *p->lead);
    text_numbers_init(&p->numbers, lines);
}

static void page_release(struct page *p)
{
    mem_free(p->templates);
    mem_free(p->starts);
    mem_free(p->codes);
    mem_free(p->firsts);
    mem_free(p->order);
    mem_free(p->lead);
    text_numbers_release(&p->numbers);
}

static const struct text_template *page_template(const struct page *p, uint32_t code)
{
    return &p->t->items[p->templates[code - 1]];
}

/* Rows by code, from codes and firsts. */
static void page_order(struct page *p)
{
    memset(p->starts, 0, (p->used + 2) * sizeof *p->starts);
    for (uint32_t i = 0; i < p->lines; i++)
        p->starts[p->codes[i] + 1]++;
    for (uint32_t c = 0; c <= p->used; c++)
        p->starts[c + 1] += p->starts[c];
    for (uint32_t i = 0; i < p->lines; i++) {
        uint32_t code = p->codes[i];
        uint32_t first = text_is_wanted(p->wanted, i) ? p->firsts[i] : TEXT_ROW_NONE;
        p->order[p->starts[code]++] = first;
        if (code && p->t->lead && page_template(p, code)->has_lead)
            p->lead[p->leads++] = first;
    }
    for (uint32_t c = p->used + 1; c > 0; c--) /* each moved to where the next begins */
        p->starts[c] = p->starts[c - 1];
    p->starts[0] = 0;
}

static uint32_t lead_of(const struct page *p, uint32_t code)
{
    return p->t->lead && page_template(p, code)->has_lead ? p->t->lead : 0;
}

/* ---- writing ----------------------------------------------------------------------- */

struct page_writer {
    struct page page;
    struct writer vars; /* struct tsdb_text, of all lines in a row */
    struct tsdb_text *column;
    struct text_sections sections;
    uint64_t bytes; /* of the lines, each with its '\n' */
};

static struct tsdb_text *vars_of(struct page_writer *w)
{
    void *at = w->vars.at; /* only ever struct tsdb_text */
    return at;
}

/* Cuts the line into vars. Its code is its template + 1, or 0, until number_codes(). */
static void cut_line(struct page_writer *w, uint32_t i, struct tsdb_text line)
{
    void *room = writer_reserve(&w->vars, TEMPLATE_PLACES_MAX * sizeof(struct tsdb_text));
    struct tsdb_text *vars = room;
    struct text_cut cut = {0};
    uint32_t template = UINT32_MAX;
    w->page.firsts[i] = (uint32_t)(w->vars.len / sizeof *vars);
    w->bytes += line.len + 1;
    if (text_cut(w->page.t->kind, line, vars, &cut))
        template = text_table_find(w->page.t, line, vars, &cut);
    if (template == UINT32_MAX) {
        vars[0] = line;
        cut.places = 1;
    }
    w->page.codes[i] = (uint16_t)(template + 1); /* UINT32_MAX wraps to 0, which is text */
    w->vars.len += cut.places * sizeof *vars;
}

/* Numbers the templates that are used. */
static void number_codes(struct page *p)
{
    uint16_t *map = MEM_ARRAY(uint16_t, p->t->count + 1);
    for (uint32_t i = 0; i < p->lines; i++)
        map[p->codes[i]] = 1;
    map[0] = 0;
    for (uint32_t c = 1; c <= p->t->count; c++) {
        if (!map[c])
            continue;
        p->templates[p->used++] = c - 1;
        map[c] = (uint16_t)p->used;
    }
    for (uint32_t i = 0; i < p->lines; i++)
        p->codes[i] = map[p->codes[i]];
    mem_free(map);
}

static void put_codes(struct page_writer *w)
{
    struct page *p = &w->page;
    struct writer *texts = &w->sections.at[SECTION_TEXTS], *codes = &w->sections.at[SECTION_CODES];
    writer_uvarint(texts, p->used);
    for (uint32_t c = 0, last = 0; c < p->used; last = p->templates[c++])
        writer_uvarint(texts, p->templates[c] - last);
    if (p->used < TEXT_PAGE_CODES_MAX) {
        uint8_t *at = writer_reserve(codes, p->lines);
        for (uint32_t i = 0; i < p->lines; i++)
            at[i] = (uint8_t)p->codes[i];
        codes->len += p->lines;
        return;
    }
    for (uint32_t i = 0; i < p->lines; i++)
        p->numbers.values[i] = p->codes[i];
    ints_encode(p->numbers.values, p->lines, &w->sections.at[SECTION_NUMBERS]);
}

static void put_column(struct page_writer *w, const uint32_t *rows, uint32_t count, uint32_t place)
{
    const struct tsdb_text *vars = vars_of(w);
    for (uint32_t i = 0; i < count; i++)
        w->column[i] = vars[rows[i] + place];
    text_variables_encode(w->column, count, &w->page.numbers, &w->sections);
}

static void put_columns(struct page_writer *w)
{
    struct page *p = &w->page;
    for (uint32_t place = 0; place < p->t->lead && p->leads; place++)
        put_column(w, p->lead, p->leads, place);
    for (uint32_t c = 0; c <= p->used; c++) {
        const uint32_t *rows = p->order + p->starts[c];
        uint32_t count = p->starts[c + 1] - p->starts[c];
        uint32_t place = c ? lead_of(p, c) : 0, places = c ? page_template(p, c)->places : 1;
        for (; count && place < places; place++)
            put_column(w, rows, count, place);
    }
}

void text_templates_encode(const struct text_templates *t, const struct tsdb_text *lines,
                           uint32_t count, struct writer *out)
{
    ASSERT(count <= TEMPLATE_PAGE_LINES);
    struct page_writer w = {0};
    size_t start = out->len;
    page_init(&w.page, t, count);
    w.column = mem_alloc(((size_t)count + 1) * sizeof *w.column);
    for (uint32_t i = 0; i < count; i++)
        cut_line(&w, i, lines[i]);
    number_codes(&w.page);
    page_order(&w.page);
    put_codes(&w);
    put_columns(&w);
    writer_u8(out, TEXT_PAGE_VERSION);
    writer_uvarint(out, count);
    writer_uvarint(out, w.bytes);
    text_sections_pack(&w.sections, out);
    writer_le32(out, crc32c(0, out->at + start, out->len - start));
    text_sections_release(&w.sections);
    writer_release(&w.vars);
    mem_free(w.column);
    page_release(&w.page);
}

/* ---- reading ----------------------------------------------------------------------- */

/* What is copied for a line of one code: a piece, then the cell of `place`; the last
 * step is a piece only. */
struct step {
    uint32_t len; /* of the piece */
    uint32_t place;
};

struct script {
    uint32_t step, steps; /* the first in page_reader.steps, how many before the last */
    size_t text;          /* its pieces in page_reader.text */
    size_t len;           /* of all its pieces */
};

struct page_reader {
    struct page page;
    struct text_wanted *wanted; /* borrowed; NULL: all lines */
    uint8_t *inside;            /* owned; [used + 1]: needle + 1 that only a cell can hold, or 0 */
    bool has_inside;
    struct text_marks marks;
    struct text_sections sections;
    struct text_readers in;
    struct text_cell *cells;   /* owned */
    struct text_column *leads; /* owned; [lead] */
    struct script *scripts;    /* owned; [used + 1] */
    struct writer text, steps; /* struct step */
    struct text_scratch scratch;
    char *scratch_start; /* owned */
    uint64_t bytes;      /* of the lines, as the page says */
    uint64_t total;      /* as its columns say, of the lines that are read */
};

static void page_reader_release(struct page_reader *r)
{
    text_sections_release(&r->sections);
    text_marks_release(&r->marks);
    mem_free(r->inside);
    mem_free(r->cells);
    mem_free(r->leads);
    mem_free(r->scripts);
    mem_free(r->scratch_start);
    writer_release(&r->text);
    writer_release(&r->steps);
    page_release(&r->page);
}

static bool unpack(struct page_reader *r, struct reader in, unsigned which)
{
    if (text_sections_unpack(&in, text_page_clear_max(r->bytes), which, &r->sections) != TSDB_OK ||
        !reader_done(&in))
        return false;
    for (unsigned i = 0; i < SECTIONS; i++)
        if (which >> i & 1)
            r->in.at[i] = reader_over(writer_bytes(&r->sections.at[i]));
    return true;
}

static bool read_codes(struct page_reader *r)
{
    struct page *p = &r->page;
    if (p->used < TEXT_PAGE_CODES_MAX) {
        struct reader *codes = &r->in.at[SECTION_CODES];
        struct bytes b = reader_take(codes, p->lines);
        if (codes->fault)
            return false;
        for (uint32_t i = 0; i < p->lines; i++)
            p->codes[i] = b.at[i];
    } else {
        if (ints_decode(&r->in.at[SECTION_NUMBERS], p->numbers.values, p->lines) != TSDB_OK)
            return false;
        for (uint32_t i = 0; i < p->lines; i++) {
            int64_t code = p->numbers.values[i];
            p->codes[i] = code < 0 || code > TEMPLATES_MAX ? UINT16_MAX : (uint16_t)code;
        }
    }
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->lines; i++)
        most = p->codes[i] > most ? p->codes[i] : most;
    return most <= p->used;
}

/* Places for the cells of the lines that are wanted. */
static void place_cells(struct page_reader *r)
{
    struct page *p = &r->page;
    uint32_t cells = 0; /* at most TEMPLATE_PAGE_LINES * TEMPLATE_PLACES_MAX */
    for (uint32_t i = 0; i < p->lines; i++) {
        uint32_t code = p->codes[i];
        p->firsts[i] = cells;
        if (text_is_wanted(p->wanted, i))
            cells += code ? page_template(p, code)->places : 1;
    }
    r->cells = mem_alloc((cells + (size_t)1) * sizeof *r->cells);
    page_order(p);
}

/* ---- lines that lack a needle ------------------------------------------------------ */

/* Takes out the lines that by TEXTS and codes lack a needle. */
static void search_needles(struct page_reader *r)
{
    const struct page *p = &r->page;
    uint8_t *verdicts = mem_alloc(p->used + (size_t)1);
    struct text_searched searched = {
        p->t, r->in.at[SECTION_TEXTS], p->templates, p->codes, p->used, p->lines};
    r->inside = MEM_ARRAY(uint8_t, p->used + 1);
    for (uint32_t k = 0; k < r->wanted->needle_count; k++) {
        text_search(&searched, r->wanted->needles[k], verdicts);
        for (uint32_t i = 0; i < p->lines; i += 64) {
            uint64_t may = 0;
            for (uint32_t b = 0; b < 64 && i + b < p->lines; b++)
                may |= (uint64_t)(verdicts[p->codes[i + b]] != TEXT_LACKS) << b;
            r->wanted->rows[i / 64] &= may;
        }
        for (uint32_t c = 1; c <= p->used && k < UINT8_MAX; c++)
            if (verdicts[c] == TEXT_INSIDE) {
                r->inside[c] = (uint8_t)(k + 1);
                r->has_inside = true;
            }
    }
    mem_free(verdicts);
}

/* Takes the rows of a code out of its order whose cells lack the needle that only they can
 * hold.  The columns are read twice then, here without printing numbers. */
static bool mark_rows(struct page_reader *r, uint32_t code, uint32_t asked)
{
    struct page *p = &r->page;
    uint32_t *rows = p->order + p->starts[code], count = p->starts[code + 1] - p->starts[code];
    struct text_readers in = r->in;
    if (!r->inside || !r->inside[code] || asked == 0)
        return true;
    if (r->marks.room == 0)
        text_marks_init(&r->marks, p->lines);
    memset(r->marks.marks, 0, count);
    for (uint32_t place = lead_of(p, code); place < page_template(p, code)->places; place++)
        if (text_marks_set(&r->marks, &in, count, &p->numbers, r->scratch,
                           r->wanted->needles[r->inside[code] - 1]) != TSDB_OK)
            return false;
    for (uint32_t i = 0; i < count; i++)
        if (!r->marks.marks[i])
            rows[i] = TEXT_ROW_NONE;
    return true;
}

/* What mark_rows took out of the order is not wanted any more. */
static void drop_unmarked(struct page_reader *r)
{
    const struct page *p = &r->page;
    if (!r->has_inside)
        return;
    uint32_t *next = MEM_ARRAY(uint32_t, p->used + 1);
    for (uint32_t c = 0; c <= p->used; c++)
        next[c] = p->starts[c];
    for (uint32_t i = 0; i < p->lines; i++)
        if (p->order[next[p->codes[i]]++] == TEXT_ROW_NONE)
            r->wanted->rows[i / 64] &= ~(UINT64_C(1) << i % 64);
    mem_free(next);
}

static bool has_wanted(const struct page *p)
{
    uint64_t any = p->wanted ? 0 : 1;
    for (uint32_t i = 0; p->wanted && i < (p->lines + 63) / 64; i++)
        any |= p->wanted[i];
    return any;
}

/* ---- columns ----------------------------------------------------------------------- */

static uint32_t count_asked(const uint32_t *rows, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        n += rows[i] != TEXT_ROW_NONE;
    return n;
}

static bool read_column(struct page_reader *r, const uint32_t *rows, uint32_t count, uint32_t place,
                        struct text_column *out)
{
    if (text_variables_decode(&r->in, rows, count, &r->page.numbers, &r->scratch, r->cells + place,
                              out) != TSDB_OK)
        return false;
    r->total += out->cell_bytes;
    return r->total <= r->bytes;
}

static void put_step(struct page_reader *r, struct script *s, uint32_t len, uint32_t place)
{
    struct step step = {len, place};
    writer_put(&r->steps, &step, sizeof step);
    s->len += len;
}

/* Code 0: one variable and no pieces. */
static bool read_texts(struct page_reader *r)
{
    struct page *p = &r->page;
    struct script s = {0};
    uint32_t count = p->starts[1], asked = count_asked(p->order, count);
    struct text_column column = {0};
    if (count && !read_column(r, p->order, count, 0, &column))
        return false;
    writer_put(&r->text, column.start.at, column.start.len);
    if (count && !column.is_const) {
        put_step(r, &s, (uint32_t)column.start.len, 0);
        writer_put(&r->text, column.end.at, column.end.len);
        put_step(r, &s, (uint32_t)column.end.len, 0);
        s.steps = 1;
    } else {
        put_step(r, &s, (uint32_t)column.start.len, 0);
    }
    r->scripts[0] = s;
    r->total += (uint64_t)asked * s.len;
    return r->total <= r->bytes;
}

/* The columns of a template that is used; constants and common ends go into its pieces. */
static bool read_template_columns(struct page_reader *r, uint32_t code)
{
    struct page *p = &r->page;
    uint32_t template = p->templates[code - 1], lead = lead_of(p, code);
    uint32_t places = p->t->items[template].places;
    const uint32_t *rows = p->order + p->starts[code], *lens = text_table_lens(p->t, template);
    uint32_t count = p->starts[code + 1] - p->starts[code];
    const char *text = text_table_text(p->t, template);
    struct script s = {.step = (uint32_t)(r->steps.len / sizeof(struct step)), .text = r->text.len};
    size_t from = r->text.len;
    if (count == 0 || !mark_rows(r, code, count_asked(rows, count)))
        return false;
    uint32_t asked = count_asked(rows, count);
    for (uint32_t place = 0; place < places; text += lens[place++]) {
        struct text_column column;
        if (place < lead)
            column = r->leads[place];
        else if (!read_column(r, asked ? rows : NULL, count, place, &column))
            return false;
        writer_put(&r->text, text, lens[place]);
        writer_put(&r->text, column.start.at, column.start.len);
        if (column.is_const)
            continue;
        put_step(r, &s, (uint32_t)(r->text.len - from), place);
        from = r->text.len;
        s.steps++;
        writer_put(&r->text, column.end.at, column.end.len);
    }
    writer_put(&r->text, text, lens[places]);
    put_step(r, &s, (uint32_t)(r->text.len - from), 0);
    r->scripts[code] = s;
    r->total += (uint64_t)asked * s.len;
    return r->total <= r->bytes;
}

static bool read_columns(struct page_reader *r)
{
    struct page *p = &r->page;
    r->leads = MEM_ARRAY(struct text_column, p->t->lead + 1);
    r->scripts = MEM_ARRAY(struct script, p->used + 1);
    r->total = p->lines; /* a '\n' each */
    for (uint32_t place = 0; place < p->t->lead && p->leads; place++) {
        if (!read_column(r, p->lead, p->leads, place, &r->leads[place]))
            return false;
    }
    if (!read_texts(r))
        return false;
    for (uint32_t c = 1; c <= p->used; c++) {
        if (!read_template_columns(r, c))
            return false;
    }
    for (unsigned i = 0; i < SECTIONS; i++) {
        if (!reader_done(&r->in.at[i]))
            return false;
    }
    memset(writer_reserve(&r->text, TEXT_SLACK), 0, TEXT_SLACK);
    return p->wanted || r->total == r->bytes;
}

/* Copies up to TEXT_SLACK bytes too many, which both sides have room for. */
static inline char *put_short(char *out, const char *at, size_t len)
{
    memcpy(out, at, 16);
    if (len > 16) {
        memcpy(out + 16, at + 16, 16);
        if (len > 32)
            memcpy(out + 32, at + 32, len - 32);
    }
    return out + len;
}

static inline char *put_line(const struct page_reader *r, uint32_t line, char *out)
{
    const struct page *p = &r->page;
    const void *all_steps = r->steps.at;
    const struct script *s = &r->scripts[p->codes[line]];
    const struct step *step = (const struct step *)all_steps + s->step;
    const char *text = (const char *)r->text.at + s->text;
    const struct text_cell *cells = r->cells + p->firsts[line];
    for (uint32_t k = 0; k < s->steps; k++, step++) {
        out = put_short(out, text, step->len);
        text += step->len;
        out = put_short(out, cells[step->place].at, cells[step->place].len);
    }
    return put_short(out, text, step->len);
}

/* Returns how many bytes; lines that are not wanted are empty. */
static size_t rebuild(const struct page_reader *r, uint32_t *starts, uint32_t base, char *out)
{
    const struct page *p = &r->page;
    const char *begin = out;
    for (uint32_t i = 0; i < p->lines; i++) {
        starts[i] = base + (uint32_t)(out - begin);
        if (text_is_wanted(p->wanted, i))
            out = put_line(r, i, out);
        *out++ = '\n';
    }
    starts[p->lines] = base + (uint32_t)(out - begin);
    ASSERT((uint64_t)(out - begin) <= r->total);
    return (size_t)(out - begin);
}

/* What does not depend on numbers first, as it may be all that is needed. */
static bool read_page(struct page_reader *r, struct reader in)
{
    struct page *p = &r->page;
    const unsigned first = 1 << SECTION_TEXTS | 1 << SECTION_CODES;
    if (!unpack(r, in, first) ||
        !text_page_used(&r->in.at[SECTION_TEXTS], p->t->count, p->templates, &p->used) ||
        (p->used >= TEXT_PAGE_CODES_MAX && !unpack(r, in, 1 << SECTION_NUMBERS)) || !read_codes(r))
        return false;
    if (r->wanted && r->wanted->needle_count)
        search_needles(r);
    if (!has_wanted(p) || (r->wanted && r->wanted->is_only_asked))
        return true;
    bool has_numbers = p->used >= TEXT_PAGE_CODES_MAX;
    if (!unpack(r, in, TEXT_SECTIONS_ALL & ~(first | (unsigned)has_numbers << SECTION_NUMBERS)))
        return false;
    r->scratch_start = mem_alloc((size_t)r->bytes + TEXT_SLACK + TEXT_FORM_MAX);
    r->scratch = (struct text_scratch){r->scratch_start, (size_t)r->bytes};
    place_cells(r);
    if (!read_columns(r))
        return false;
    drop_unmarked(r);
    return true;
}

static void put_lines(struct page_reader *r, struct writer *bytes, uint32_t *starts)
{
    if (!r->scripts) /* none is wanted: all are empty */
        r->total = r->page.lines;
    char *out = (char *)writer_reserve(bytes, (size_t)r->total + 2 * TEXT_SLACK);
    bytes->len += rebuild(r, starts, (uint32_t)bytes->len, out);
}

enum tsdb_status text_templates_decode(const struct text_templates *t, struct bytes in,
                                       uint32_t count, size_t bytes_max, struct text_wanted *wanted,
                                       struct writer *bytes, uint32_t *starts,
                                       struct tsdb_error *err)
{
    struct text_page_head head;
    enum tsdb_status st = text_page_open(in, count, &head, err);
    if (st != TSDB_OK)
        return st;
    bool has_lines = !wanted || !wanted->is_only_asked;
    size_t before = has_lines ? bytes->len : 0;
    if (head.bytes > bytes_max || before > BYTES_MAX || head.bytes > BYTES_MAX - before)
        return tsdb_fail(err, TSDB_ECORRUPT, "template page: %llu bytes of lines, at most %zu",
                         (unsigned long long)head.bytes, bytes_max);
    struct page_reader page = {.bytes = head.bytes, .wanted = wanted};
    page_init(&page.page, t, count);
    page.page.wanted = wanted ? wanted->rows : NULL;
    bool is_good = read_page(&page, head.sections);
    if (is_good && has_lines)
        put_lines(&page, bytes, starts);
    page_reader_release(&page);
    return is_good ? TSDB_OK : tsdb_fail(err, TSDB_ECORRUPT, "template page: does not decode");
}
