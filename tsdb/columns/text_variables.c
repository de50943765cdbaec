#include "tsdb/columns/text_variables.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/codec/ints.h"
#include "tsdb/columns/text_forms.h"
#include "tsdb/columns/text_tokens.h"

#include <math.h>

enum form {
    FORM_CONST,
    FORM_TEXT,
    FORM_SIZED,
    FORM_DICT,
    FORM_INT,
    FORM_DIGITS,
    FORM_DECIMAL,
    FORM_IPV4,
    FORM_HEX,
    FORMS,
};

enum {
    ENDS = 0x80,    /* of a form: ends were taken off */
    ENDS_MAX = 255, /* bytes of either */
    HEX_UPPER = 1,
    HEX_REPEATS = 2,
    HEX_UUID = 4,
    HEX_FLAGS = 8,
    ORDER_PLAIN = 0,
    ORDER_DELTA = 1,
    DICT_MAX = 256,
    DICT_SLOTS = 1024,
    DICT_PATIENCE = 24, /* distinct values that do not prove anything yet */
    ORDER_SAMPLE = 256,
    NUMBER_BITS_LEAST = 4, /* per value; a dictionary cannot be much smaller */
};

void text_numbers_init(struct text_numbers *n, uint32_t room)
{
    *n = (struct text_numbers){.room = room};
    n->values = mem_alloc(((size_t)room + 1) * sizeof *n->values);
    n->deltas = mem_alloc(((size_t)room + 1) * sizeof *n->deltas);
}

void text_numbers_release(struct text_numbers *n)
{
    mem_free(n->values);
    mem_free(n->deltas);
    *n = (struct text_numbers){0};
}

/* ---- what a column has in common ------------------------------------------------ */

struct ends {
    size_t start, end; /* bytes */
    bool is_const;
};

static size_t same_start(struct tsdb_text a, struct tsdb_text b, size_t len)
{
    size_t i = 0;
    while (i < len && i < b.len && a.at[i] == b.at[i])
        i++;
    return i;
}

static size_t same_end(struct tsdb_text a, struct tsdb_text b, size_t len)
{
    size_t i = 0;
    while (i < len && i < b.len && a.at[a.len - 1 - i] == b.at[b.len - 1 - i])
        i++;
    return i;
}

static bool is_digit(char c)
{
    return (unsigned)(uint8_t)c - '0' <= 9;
}

static struct ends ends_of(const struct tsdb_text *v, uint32_t count)
{
    struct tsdb_text first = v[0];
    struct ends e = {first.len, first.len, true};
    size_t shortest = first.len;
    for (uint32_t i = 1; i < count && (e.is_const || e.start || e.end); i++) {
        e.start = same_start(first, v[i], e.start);
        e.end = same_end(first, v[i], e.end);
        e.is_const = e.is_const && e.start == first.len && v[i].len == first.len;
        shortest = v[i].len < shortest ? v[i].len : shortest;
    }
    if (e.is_const)
        return e;
    e.start = e.start < ENDS_MAX ? e.start : ENDS_MAX;
    while (e.start > 0 && is_digit(first.at[e.start - 1]))
        e.start--;
    size_t room = shortest - e.start; /* ends must not meet in the shortest */
    e.end = e.end < room ? e.end : room;
    e.end = e.end < ENDS_MAX ? e.end : ENDS_MAX;
    while (e.end > 0 && is_digit(first.at[first.len - e.end]))
        e.end--;
    return e;
}

static struct tsdb_text within(struct tsdb_text t, struct ends e)
{
    return (struct tsdb_text){t.at + e.start, t.len - e.start - e.end};
}

static void put_form(enum form form, struct tsdb_text any, struct ends e, struct writer *out)
{
    bool has_ends = e.start || e.end;
    writer_u8(out, (uint8_t)((unsigned)form | (has_ends ? ENDS : 0)));
    if (!has_ends)
        return;
    writer_sized(out, any.at, e.start);
    writer_sized(out, any.at + any.len - e.end, e.end);
}

/* ---- dictionary -------------------------------------------------------------------- */

struct dict {
    uint32_t count;
    struct tsdb_text entries[DICT_MAX];
    uint32_t uses[DICT_MAX];
    uint16_t slots[DICT_SLOTS]; /* entry + 1, or 0 */
};

/* The code of t, or DICT_MAX when there is no room for another. */
static uint32_t dict_code(struct dict *d, struct tsdb_text t)
{
    uint64_t hash = text_pieces_finish(text_pieces_hash(0, t.at, t.len));
    for (uint32_t slot = hash % DICT_SLOTS;; slot = (slot + 1) % DICT_SLOTS) {
        uint32_t entry = d->slots[slot];
        if (entry == 0) {
            if (d->count == DICT_MAX)
                return DICT_MAX;
            d->entries[d->count] = t;
            d->uses[d->count] = 0;
            d->slots[slot] = (uint16_t)++d->count;
            return d->count - 1;
        }
        const struct tsdb_text *known = &d->entries[entry - 1];
        if (known->len == t.len && memcmp(known->at, t.at, t.len) == 0)
            return entry - 1;
    }
}

/* Codes are appended to CODES.  False: the values repeat too little; nothing is left. */
static bool dict_build(struct dict *d, const struct tsdb_text *v, uint32_t count,
                       struct writer *codes)
{
    size_t before = codes->len;
    memset(d->slots, 0, sizeof d->slots);
    d->count = 0;
    uint8_t *out = writer_reserve(codes, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = dict_code(d, v[i]);
        if (code == DICT_MAX || d->count > DICT_PATIENCE + i / 4) {
            codes->len = before;
            return false;
        }
        d->uses[code]++;
        out[i] = (uint8_t)code;
    }
    codes->len += count;
    return d->count <= count / 2;
}

static size_t dict_cost(const struct dict *d, uint32_t count)
{
    double bits = 0;
    size_t bytes = 2;
    for (uint32_t i = 0; i < d->count; i++) {
        bits += d->uses[i] * log2((double)count / d->uses[i]);
        bytes += 1 + d->entries[i].len;
    }
    return bytes + (size_t)(bits / 8);
}

static void dict_put(const struct dict *d, struct writer *out)
{
    writer_u8(out, FORM_DICT);
    writer_u8(out, (uint8_t)(d->count - 1));
    for (uint32_t i = 0; i < d->count; i++)
        writer_sized(out, d->entries[i].at, d->entries[i].len);
}

/* ---- numbers ----------------------------------------------------------------------- */

struct number_form {
    enum form form;
    unsigned width, dot;
};

static bool number_parse(struct number_form f, struct tsdb_text t, int64_t *out)
{
    if (f.form == FORM_INT)
        return text_int_parse(t, out);
    if (f.form == FORM_DECIMAL)
        return text_decimal_parse(t, f.width, out);
    if (f.form == FORM_IPV4)
        return text_ipv4_parse(t, out);
    return t.len == f.width + (f.dot > 0) && text_digits_parse(t, f.dot, out);
}

static bool numbers_parse(struct number_form f, const struct tsdb_text *v, uint32_t count,
                          struct ends e, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!number_parse(f, within(v[i], e), &out[i]))
            return false;
    }
    return true;
}

/* The first form that has all values, tried in the order of how little each tells. */
static bool number_form_find(const struct tsdb_text *v, uint32_t count, struct ends e, int64_t *out,
                             struct number_form *form)
{
    struct tsdb_text first = within(v[0], e);
    if (first.len == 0 || !(is_digit(first.at[0]) || first.at[0] == '-'))
        return false;
    unsigned scale = text_decimal_scale(first), len = (unsigned)first.len;
    const struct number_form forms[] = {
        {FORM_INT, 0, 0},
        {FORM_DIGITS, scale ? len - 1 : len, scale ? len - 1 - scale : 0},
        {FORM_DECIMAL, scale, 0},
        {FORM_IPV4, 0, 0},
    };
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (numbers_parse(forms[i], v, count, e, out)) {
            *form = forms[i];
            return true;
        }
    }
    return false;
}

static void deltas_of(const struct text_numbers *n, uint32_t count)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        n->deltas[i] = (int64_t)((uint64_t)n->values[i] - last); /* wraps */
        last = (uint64_t)n->values[i];
    }
}

struct number_plan {
    bool is_delta;
    size_t cost; /* bytes, about */
};

static struct number_plan number_plan(const struct text_numbers *n, uint32_t count)
{
    uint32_t sample = count < ORDER_SAMPLE ? count : ORDER_SAMPLE;
    deltas_of(n, count);
    size_t plain = ints_cost(n->values, sample), delta = ints_cost(n->deltas, sample);
    size_t least = delta < plain ? delta : plain;
    return (struct number_plan){delta < plain, least * count / sample};
}

static void numbers_put(const struct text_numbers *n, uint32_t count, struct number_form f,
                        struct number_plan plan, struct text_sections *out)
{
    struct writer *texts = &out->at[SECTION_TEXTS];
    if (f.form == FORM_DIGITS || f.form == FORM_DECIMAL)
        writer_u8(texts, (uint8_t)f.width);
    if (f.form == FORM_DIGITS)
        writer_u8(texts, (uint8_t)f.dot);
    writer_u8(texts, plan.is_delta ? ORDER_DELTA : ORDER_PLAIN);
    ints_encode(plan.is_delta ? n->deltas : n->values, count, &out->at[SECTION_NUMBERS]);
}

/* ---- hex --------------------------------------------------------------------------- */

static bool has_upper(struct tsdb_text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] >= 'A' && t.at[i] <= 'F')
            return true;
    }
    return false;
}

/* Whether any values has upper case, of the first few. */
static bool is_upper_hex(const struct tsdb_text *v, uint32_t count, struct ends e)
{
    for (uint32_t i = 0; i < count && i < 16; i++) {
        if (has_upper(within(v[i], e)))
            return true;
    }
    return false;
}

/* Ids come in runs where one request prints several lines. */
static bool repeats(const struct tsdb_text *v, uint32_t count)
{
    uint8_t seen[512] = {0};
    uint32_t again = 0, sample = count < 256 ? count : 256;
    for (uint32_t i = 0; i < sample; i++) {
        uint64_t hash = text_pieces_finish(text_pieces_hash(0, v[i].at, v[i].len));
        uint8_t mark = (uint8_t)(hash >> 40 | 1);
        again += seen[hash % sizeof seen] == mark;
        seen[hash % sizeof seen] = mark;
    }
    return again * 16 > sample;
}

static bool hex_put(const struct tsdb_text *v, uint32_t count, struct ends e, bool is_uuid,
                    struct text_sections *out)
{
    bool is_upper = is_upper_hex(v, count, e), is_repeated = repeats(v, count);
    size_t len = v[0].len - e.start - e.end, size = is_uuid ? 16 : (len + 1) / 2;
    struct writer bytes = {0};
    uint8_t *at = writer_reserve(&bytes, size * count);
    for (uint32_t i = 0; i < count; i++, at += size) {
        struct tsdb_text t = within(v[i], e);
        if (t.len != len ||
            !(is_uuid ? text_uuid_parse(t, is_upper, at) : text_hex_parse(t, is_upper, at))) {
            writer_release(&bytes);
            return false;
        }
    }
    struct writer *texts = &out->at[SECTION_TEXTS];
    put_form(FORM_HEX, v[0], e, texts);
    writer_u8(texts, (uint8_t)(is_uuid ? 32 : len));
    writer_u8(texts, (uint8_t)((is_upper ? HEX_UPPER : 0) | (is_repeated ? HEX_REPEATS : 0) |
                               (is_uuid ? HEX_UUID : 0)));
    writer_put(is_repeated ? texts : &out->at[SECTION_RAW], bytes.at, size * count);
    writer_release(&bytes);
    return true;
}

static bool hex_try(const struct tsdb_text *v, uint32_t count, struct ends e,
                    struct text_sections *out)
{
    if (v[0].len == TEXT_UUID_LEN && hex_put(v, count, (struct ends){0}, true, out))
        return true;
    size_t len = v[0].len - e.start - e.end;
    if (len < 4 || len > TEXT_HEX_MAX)
        return false;
    return hex_put(v, count, e, false, out);
}

/* ---- writing ----------------------------------------------------------------------- */

static void text_put(const struct tsdb_text *v, uint32_t count, struct text_sections *out)
{
    struct writer *texts = &out->at[SECTION_TEXTS];
    bool is_sized = false;
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        is_sized = is_sized || (v[i].len && memchr(v[i].at, '\n', v[i].len));
        bytes += v[i].len + 1;
    }
    writer_u8(texts, is_sized ? FORM_SIZED : FORM_TEXT);
    uint8_t *at = writer_reserve(texts, bytes);
    const uint8_t *start = at;
    for (uint32_t i = 0; i < count; i++) {
        if (v[i].len)
            memcpy(at, v[i].at, v[i].len);
        at += v[i].len;
        if (!is_sized)
            *at++ = '\n';
    }
    texts->len += (size_t)(at - start);
}

static void sizes_put(const struct tsdb_text *v, uint32_t count, struct text_numbers *numbers,
                      struct text_sections *out)
{
    for (uint32_t i = 0; i < count; i++)
        numbers->values[i] = (int64_t)v[i].len;
    ints_encode(numbers->values, count, &out->at[SECTION_NUMBERS]);
}

void text_variables_encode(const struct tsdb_text *v, uint32_t count, struct text_numbers *numbers,
                           struct text_sections *out)
{
    ASSERT(count > 0 && count <= numbers->room);
    struct writer *texts = &out->at[SECTION_TEXTS], *codes = &out->at[SECTION_CODES];
    struct ends e = ends_of(v, count);
    if (e.is_const) {
        writer_u8(texts, FORM_CONST);
        writer_sized(texts, v[0].at, v[0].len);
        return;
    }
    struct dict dict;
    struct number_form form;
    size_t codes_before = codes->len;
    bool has_dict = dict_build(&dict, v, count, codes);
    if (number_form_find(v, count, e, numbers->values, &form)) {
        struct number_plan plan = number_plan(numbers, count);
        if (!has_dict || plan.cost * 8 <= (size_t)count * NUMBER_BITS_LEAST ||
            plan.cost <= dict_cost(&dict, count)) {
            codes->len = codes_before;
            put_form(form.form, v[0], e, texts);
            numbers_put(numbers, count, form, plan, out);
            return;
        }
    }
    if (has_dict) {
        dict_put(&dict, texts);
        return;
    }
    codes->len = codes_before;
    if (hex_try(v, count, e, out))
        return;
    size_t form_at = texts->len;
    text_put(v, count, out);
    if (texts->at[form_at] == FORM_SIZED)
        sizes_put(v, count, numbers, out);
}

/* ---- reading ----------------------------------------------------------------------- */

struct column_reader {
    struct text_readers *in;
    const uint32_t *rows;
    uint32_t count;
    struct text_numbers *numbers;
    struct text_scratch *scratch;
    struct text_cell *cells;
    uint64_t bytes; /* of the cells so far */
};

static inline bool is_passed(const struct column_reader *c, uint32_t i)
{
    return c->rows[i] == TEXT_ROW_NONE;
}

static inline void put_cell(struct column_reader *c, uint32_t i, const void *at, size_t len)
{
    c->cells[c->rows[i]] = (struct text_cell){at, len};
    c->bytes += len;
}

/* A formatted value takes what it needs; false: the scratch is used up. */
static inline bool put_scratch(struct column_reader *c, uint32_t i, size_t len)
{
    if (len > c->scratch->left)
        return false;
    put_cell(c, i, c->scratch->at, len);
    c->scratch->at += len;
    c->scratch->left -= len;
    return true;
}

bool text_numbers_take(struct text_readers *in, uint32_t count, struct text_numbers *numbers)
{
    unsigned order = reader_u8(&in->at[SECTION_TEXTS]);
    int64_t *v = numbers->values;
    if (order > ORDER_DELTA || ints_decode(&in->at[SECTION_NUMBERS], v, count) != TSDB_OK)
        return false;
    for (uint32_t i = 1; i < count && order == ORDER_DELTA; i++)
        v[i] = (int64_t)((uint64_t)v[i - 1] + (uint64_t)v[i]); /* wraps */
    return true;
}

static bool read_numbers(struct column_reader *c)
{
    return text_numbers_take(c->in, c->count, c->numbers);
}

static bool read_int(struct column_reader *c)
{
    if (!read_numbers(c))
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        if (!put_scratch(c, i, text_int_format(c->numbers->values[i], c->scratch->at)))
            return false;
    }
    return true;
}

static bool read_digits(struct column_reader *c)
{
    unsigned width = reader_u8(&c->in->at[SECTION_TEXTS]);
    unsigned dot = reader_u8(&c->in->at[SECTION_TEXTS]);
    if (width == 0 || width > TEXT_DIGITS_MAX || dot >= width || !read_numbers(c))
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        int64_t v = c->numbers->values[i];
        if (v < 0 || (uint64_t)v >= text_powers[width] ||
            !put_scratch(c, i, text_digits_format(v, width, dot, c->scratch->at)))
            return false;
    }
    return true;
}

static bool read_decimal(struct column_reader *c)
{
    unsigned scale = reader_u8(&c->in->at[SECTION_TEXTS]);
    if (scale == 0 || scale >= TEXT_DIGITS_MAX || !read_numbers(c))
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        int64_t v = c->numbers->values[i];
        if (!put_scratch(c, i, text_decimal_format(v, scale, c->scratch->at)))
            return false;
    }
    return true;
}

static bool read_ipv4(struct column_reader *c)
{
    if (!read_numbers(c))
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        int64_t v = c->numbers->values[i];
        if (v < 0 || v > UINT32_MAX || !put_scratch(c, i, text_ipv4_format(v, c->scratch->at)))
            return false;
    }
    return true;
}

static bool read_hex(struct column_reader *c)
{
    struct reader *texts = &c->in->at[SECTION_TEXTS];
    unsigned digits = reader_u8(texts), flags = reader_u8(texts);
    bool is_uuid = flags & HEX_UUID, is_upper = flags & HEX_UPPER;
    if (digits == 0 || digits > TEXT_HEX_MAX || flags >= HEX_FLAGS || (is_uuid && digits != 32))
        return false;
    size_t size = (digits + 1) / 2;
    struct reader *from = flags & HEX_REPEATS ? texts : &c->in->at[SECTION_RAW];
    struct bytes b = reader_take(from, size * c->count);
    if (from->fault)
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        if (is_uuid)
            text_uuid_format(b.at + i * size, is_upper, c->scratch->at);
        else
            text_hex_format(b.at + i * size, digits, is_upper, c->scratch->at);
        if (!put_scratch(c, i, is_uuid ? TEXT_UUID_LEN : digits))
            return false;
    }
    return true;
}

static bool read_dict(struct column_reader *c)
{
    struct reader *texts = &c->in->at[SECTION_TEXTS];
    struct bytes entries[DICT_MAX];
    unsigned entry_count = reader_u8(texts) + 1U;
    for (unsigned i = 0; i < entry_count; i++)
        entries[i] = reader_sized(texts);
    struct bytes codes = reader_take(&c->in->at[SECTION_CODES], c->count);
    if (texts->fault || c->in->at[SECTION_CODES].fault)
        return false;
    for (uint32_t i = 0; c->rows && i < c->count; i++) {
        if (is_passed(c, i))
            continue;
        if (codes.at[i] >= entry_count)
            return false;
        put_cell(c, i, entries[codes.at[i]].at, entries[codes.at[i]].len);
    }
    return true;
}

static bool read_text(struct column_reader *c)
{
    struct reader *texts = &c->in->at[SECTION_TEXTS];
    for (uint32_t i = 0; i < c->count; i++) {
        const uint8_t *at = texts->rest.at;
        const uint8_t *end = texts->rest.len ? memchr(at, '\n', texts->rest.len) : NULL;
        if (!end)
            return false;
        if (c->rows && !is_passed(c, i))
            put_cell(c, i, at, (size_t)(end - at));
        (void)reader_take(texts, (size_t)(end - at) + 1); /* is there: end was found in it */
    }
    return true;
}

static bool read_sized(struct column_reader *c)
{
    struct reader *texts = &c->in->at[SECTION_TEXTS];
    if (ints_decode(&c->in->at[SECTION_NUMBERS], c->numbers->values, c->count) != TSDB_OK)
        return false;
    for (uint32_t i = 0; i < c->count; i++) {
        int64_t len = c->numbers->values[i];
        if (len < 0 || (uint64_t)len > texts->rest.len)
            return false;
        struct bytes b = reader_take(texts, (size_t)len);
        if (c->rows && !is_passed(c, i))
            put_cell(c, i, b.at, b.len);
    }
    return true;
}

static bool read_form(struct column_reader *c, enum form form)
{
    switch (form) {
    case FORM_TEXT: return read_text(c);
    case FORM_SIZED: return read_sized(c);
    case FORM_DICT: return read_dict(c);
    case FORM_INT: return read_int(c);
    case FORM_DIGITS: return read_digits(c);
    case FORM_DECIMAL: return read_decimal(c);
    case FORM_IPV4: return read_ipv4(c);
    case FORM_HEX: return read_hex(c);
    case FORM_CONST:
    case FORMS: break;
    }
    return false;
}

enum tsdb_status text_variables_decode(struct text_readers *in, const uint32_t *rows,
                                       uint32_t count, struct text_numbers *numbers,
                                       struct text_scratch *scratch, struct text_cell *cells,
                                       struct text_column *out)
{
    ASSERT(count > 0 && count <= numbers->room);
    struct reader *texts = &in->at[SECTION_TEXTS];
    struct text_column column = {0};
    unsigned form = reader_u8(texts);
    if (form & ENDS) {
        column.start = reader_sized(texts);
        column.end = reader_sized(texts);
    }
    if (column.start.len > ENDS_MAX || column.end.len > ENDS_MAX)
        return TSDB_ECORRUPT;
    if (form == FORM_CONST) {
        column.is_const = true;
        column.start = reader_sized(texts);
    } else {
        struct column_reader c = {in, rows, count, numbers, scratch, cells, 0};
        if ((form & ~(unsigned)ENDS) >= FORMS || !read_form(&c, form & ~(unsigned)ENDS))
            return TSDB_ECORRUPT;
        column.cell_bytes = c.bytes;
    }
    if (texts->fault)
        return TSDB_ECORRUPT;
    *out = column;
    return TSDB_OK;
}

/* ---- looking without values ------------------------------------------------------- */

/* The bytes of n items as `skip` walks over them. */
static struct bytes walked(struct reader *texts, uint32_t n, void (*skip)(struct reader *))
{
    struct bytes from = texts->rest;
    for (uint32_t i = 0; i < n && !texts->fault; i++)
        skip(texts);
    return (struct bytes){from.at, texts->fault ? 0 : from.len - texts->rest.len};
}

static void skip_sized(struct reader *texts)
{
    (void)reader_sized(texts);
}

static void skip_line(struct reader *texts)
{
    const uint8_t *at = texts->rest.at;
    const uint8_t *end = texts->rest.len ? memchr(at, '\n', texts->rest.len) : NULL;
    if (end)
        (void)reader_take(texts, (size_t)(end - at) + 1);
    else
        reader_fail(texts);
}

static void look_hex(struct reader *texts, uint32_t count, struct text_look *out)
{
    unsigned digits = reader_u8(texts), flags = reader_u8(texts);
    out->kind = TEXT_LOOK_HEX;
    out->is_upper = flags & HEX_UPPER;
    if (flags & HEX_REPEATS)
        (void)reader_take(texts, (size_t)(digits + 1) / 2 * count);
}

static void look_digits(struct reader *texts, struct text_look *out)
{
    (void)reader_u8(texts); /* width */
    out->is_digits = reader_u8(texts) == 0;
    out->order = *texts;
    (void)reader_u8(texts);
}

/* Past what a form has in TEXTS. */
static bool look_form(struct reader *texts, enum form form, uint32_t count, struct text_look *out)
{
    out->kind = TEXT_LOOK_NUMBER;
    out->count = count;
    out->is_digits = form == FORM_INT;
    out->order = *texts;
    switch (form) {
    case FORM_INT:
    case FORM_IPV4: (void)reader_u8(texts); return true; /* order */
    case FORM_DECIMAL: (void)reader_take(texts, 2); return true;
    case FORM_DIGITS: look_digits(texts, out); return true;
    case FORM_HEX: look_hex(texts, count, out); return true;
    case FORM_DICT:
        out->kind = TEXT_LOOK_SIZED;
        out->count = reader_u8(texts) + 1U;
        out->values = walked(texts, out->count, skip_sized);
        return true;
    case FORM_TEXT:
        out->kind = TEXT_LOOK_LINES;
        out->values = walked(texts, count, skip_line);
        return true;
    case FORM_SIZED: /* lengths are among the numbers */
    case FORM_CONST:
    case FORMS: break;
    }
    return false;
}

enum tsdb_status text_variables_look(struct reader *texts, uint32_t count, struct text_look *out)
{
    struct text_look look = {0};
    unsigned form = reader_u8(texts);
    if (form == FORM_CONST) {
        look.start = reader_sized(texts);
    } else {
        if (form & ENDS) {
            look.start = reader_sized(texts);
            look.end = reader_sized(texts);
        }
        if (!look_form(texts, form & ~(unsigned)ENDS, count, &look))
            return TSDB_ENOTFOUND;
    }
    if (texts->fault)
        return TSDB_ECORRUPT;
    *out = look;
    return TSDB_OK;
}
