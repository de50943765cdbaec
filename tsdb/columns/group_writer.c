#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/columns/group_draft.h"
#include "tsdb/columns/text_same.h"

enum {
    CAP_MIN = 16,
    SLOTS_MIN = 64,
    /* A dictionary is given up when after 1,024 values 15 of 16 are new, when after 8,192
     * more than half are, and when after more, each time, they do not repeat four times. */
    TRIAL_FIRST = 1024,
    TRIAL = 8192,
    TRIAL_REPEATS = 4,
};

struct group_writer *group_writer_new(struct budget *budget)
{
    struct group_writer *w = MEM_NEW(struct group_writer);
    w->budget = budget;
    random_secret(&w->seed, sizeof w->seed);
    return w;
}

static void charge(struct group_writer *w, uint64_t bytes)
{
    if (!w->budget || bytes == 0)
        return;
    w->charged += bytes;
    if (!budget_charge(w->budget, bytes)) {
        budget_force(w->budget, bytes);
        w->forced += bytes;
    }
}

static void discharge(struct group_writer *w, uint64_t bytes)
{
    if (!w->budget)
        return;
    ASSERT(bytes <= w->charged);
    w->charged -= bytes;
    budget_release(w->budget, bytes);
}

static void columns_free(struct group_writer *w)
{
    for (uint32_t i = 0; i < w->column_count; i++) {
        struct draft_column *c = &w->columns[i];
        mem_free(c->name);
        mem_free(c->rows);
        mem_free(c->values);
        mem_free(c->numbered);
        text_dictionary_release(&c->dictionary);
    }
    mem_free(w->columns);
    mem_free(w->slots);
    discharge(w, w->charged);
}

void group_writer_free(struct group_writer *w)
{
    if (!w)
        return;
    columns_free(w);
    mem_free(w);
}

/* ---- columns -------------------------------------------------------------------- */

static inline bool is_column(const struct draft_column *c, struct tsdb_text name, uint8_t tag)
{
    return c->tag == tag && text_same((struct tsdb_text){c->name, c->name_len}, name);
}

static uint32_t slot_of(const struct group_writer *w, struct tsdb_text name, uint8_t tag)
{
    uint32_t mask = w->slot_count - 1, at = (uint32_t)hash64(w->seed + tag, name.at, name.len);
    for (at &= mask; w->slots[at]; at = (at + 1) & mask)
        if (is_column(&w->columns[w->slots[at] - 1], name, tag))
            break;
    return at;
}

static void slots_grow(struct group_writer *w)
{
    uint32_t count = w->slot_count ? 2 * w->slot_count : SLOTS_MIN;
    charge(w, (count - w->slot_count) * sizeof *w->slots);
    mem_free(w->slots);
    w->slots = MEM_ARRAY(uint32_t, count);
    w->slot_count = count;
    for (uint32_t i = 0; i < w->column_count; i++) {
        const struct draft_column *c = &w->columns[i];
        w->slots[slot_of(w, (struct tsdb_text){c->name, c->name_len}, c->tag)] = i + 1;
    }
}

static uint32_t column_make(struct group_writer *w, struct tsdb_text name, uint8_t tag,
                            enum column_kind kind, unsigned flags)
{
    if (w->column_count == w->column_cap) {
        uint32_t cap = w->column_cap ? 2 * w->column_cap : CAP_MIN;
        charge(w, (cap - w->column_cap) * sizeof *w->columns);
        w->columns = mem_grow(w->columns, cap, sizeof *w->columns);
        w->column_cap = cap;
    }
    charge(w, name.len + 1);
    w->columns[w->column_count] = (struct draft_column){
        .name = mem_text(name.at, name.len),
        .name_len = (uint32_t)name.len,
        .tag = tag,
        .kind = (uint8_t)kind,
        .flags = (uint8_t)flags,
        .is_coded = kind == COLUMN_TEXT && !(flags & COLUMN_LINES),
    };
    return w->column_count++;
}

uint32_t group_writer_column(struct group_writer *w, struct tsdb_text name, uint8_t tag,
                             enum column_kind kind, unsigned flags)
{
    ASSERT(name.len <= GROUP_NAME_MAX);
    if (w->last < w->column_count) { /* rows of a kind ask for the same columns in turn */
        uint32_t guess = w->columns[w->last].next;
        if (is_column(&w->columns[guess], name, tag)) {
            w->last = guess;
            return guess;
        }
    }
    if (w->column_count * 2 >= w->slot_count)
        slots_grow(w);
    uint32_t slot = slot_of(w, name, tag), found;
    if (w->slots[slot]) {
        found = w->slots[slot] - 1;
    } else {
        if (w->column_count == GROUP_COLUMNS_MAX)
            return UINT32_MAX;
        found = column_make(w, name, tag, kind, flags);
        w->slots[slot] = found + 1;
    }
    w->columns[w->last].next = found;
    w->last = found;
    return found;
}

/* ---- rows ----------------------------------------------------------------------- */

void group_writer_row(struct group_writer *w)
{
    ASSERT(w->rows < GROUP_ROWS_MAX);
    w->rows++;
}

uint32_t group_writer_rows(const struct group_writer *w)
{
    return w->rows;
}

static size_t value_bytes(const struct draft_column *c)
{
    if (c->kind != COLUMN_TEXT)
        return sizeof *c->ints;
    return c->is_coded ? sizeof *c->codes : sizeof *c->texts;
}

static __attribute__((noinline)) void column_grow(struct group_writer *w, struct draft_column *c)
{
    uint32_t cap = c->cap ? 2 * c->cap : CAP_MIN;
    size_t each = value_bytes(c);
    charge(w, (cap - c->cap) * (each + (c->rows ? sizeof *c->rows : 0)));
    c->values = mem_grow(c->values, cap, each);
    if (c->rows)
        c->rows = mem_grow(c->rows, cap, sizeof *c->rows);
    c->cap = cap;
}

/* Rows were lacking: from here on each value is kept with its row. */
static __attribute__((noinline)) void column_keep_rows(struct group_writer *w,
                                                       struct draft_column *c)
{
    charge(w, c->cap * sizeof *c->rows);
    c->rows = mem_alloc(c->cap * sizeof *c->rows);
    for (uint32_t i = 0; i < c->count; i++)
        c->rows[i] = (uint16_t)i;
}

/* Room for the row's value, or NULL when it has one. */
static inline struct draft_column *column_at_row(struct group_writer *w, uint32_t column,
                                                 enum column_kind kind)
{
    ASSERT(column < w->column_count);
    struct draft_column *c = &w->columns[column];
    ASSERT(c->kind == kind);
    ASSERT(w->rows > 0);
    if (c->row_next == w->rows)
        return NULL;
    c->row_next = w->rows;
    if (c->count == c->cap)
        column_grow(w, c);
    if (c->rows) {
        c->rows[c->count] = (uint16_t)(w->rows - 1);
    } else if (c->count != w->rows - 1) {
        column_keep_rows(w, c);
        c->rows[c->count] = (uint16_t)(w->rows - 1);
    }
    return c;
}

void group_writer_int(struct group_writer *w, uint32_t column, int64_t v)
{
    struct draft_column *c = column_at_row(w, column, COLUMN_INT);
    if (c)
        c->ints[c->count++] = v;
}

void group_writer_double(struct group_writer *w, uint32_t column, double v)
{
    struct draft_column *c = column_at_row(w, column, COLUMN_DOUBLE);
    if (c)
        c->doubles[c->count++] = v;
}

/* The texts again, as views; the dictionary's are as good as the ones that came.  Numbers that
 * were given out stay good, if there are any. */
static void dictionary_abandon(struct group_writer *w, struct draft_column *c)
{
    struct tsdb_text *texts = mem_alloc(c->cap * sizeof *texts);
    charge(w, c->cap * (sizeof *texts - sizeof *c->codes));
    for (uint32_t i = 0; i < c->count; i++)
        texts[i] = c->dictionary.values[c->codes[i]];
    mem_free(c->codes);
    c->texts = texts;
    c->is_coded = false;
    uint64_t bytes = text_dictionary_bytes(&c->dictionary);
    if (c->trial > 0) {
        c->numbered = c->dictionary.values;
        c->dictionary.values = NULL;
        bytes -= c->dictionary.cap * sizeof *c->numbered;
    }
    discharge(w, bytes);
    text_dictionary_release(&c->dictionary);
}

static bool dictionary_pays(const struct draft_column *c)
{
    if (c->count == TRIAL_FIRST)
        return c->dictionary.count < TRIAL_FIRST - TRIAL_FIRST / 16;
    if (c->count == TRIAL)
        return c->dictionary.count <= TRIAL / 2;
    return c->count % TRIAL != 0 || c->dictionary.count <= c->count / TRIAL_REPEATS;
}

static inline void text_count(struct draft_column *c, struct tsdb_text v)
{
    uint32_t len = v.len < UINT32_MAX ? (uint32_t)v.len : UINT32_MAX;
    c->text_bytes += v.len;
    c->text_longest = len > c->text_longest ? len : c->text_longest;
}

void group_writer_text(struct group_writer *w, uint32_t column, struct tsdb_text v)
{
    struct draft_column *c = column_at_row(w, column, COLUMN_TEXT);
    if (!c)
        return;
    text_count(c, v);
    if (!c->is_coded) {
        c->texts[c->count++] = v;
        return;
    }
    charge(w, text_dictionary_growth(&c->dictionary));
    c->codes[c->count++] = (uint16_t)text_dictionary_add(&c->dictionary, w->seed, v);
    if (c->count % TRIAL_FIRST == 0 && !dictionary_pays(c))
        dictionary_abandon(w, c);
}

/* The same questions when texts were seen that have no rows yet. */
static bool numbering_pays(struct draft_column *c, uint32_t seen)
{
    uint32_t distinct = c->dictionary.count;
    if (distinct == GROUP_ROWS_MAX)
        return false;
    if (seen < c->trial)
        return true;
    bool is_first = c->trial == TRIAL_FIRST, is_second = c->trial == TRIAL;
    c->trial = is_first ? TRIAL : seen - seen % TRIAL + TRIAL;
    if (is_first)
        return distinct < seen - seen / 16;
    return distinct <= (is_second ? seen / 2 : seen / TRIAL_REPEATS);
}

uint32_t group_writer_number(struct group_writer *w, uint32_t column, struct tsdb_text v,
                             uint32_t seen)
{
    ASSERT(column < w->column_count);
    struct draft_column *c = &w->columns[column];
    ASSERT(c->kind == COLUMN_TEXT);
    if (c->trial == 0)
        c->trial = TRIAL_FIRST;
    if (!c->is_coded)
        return UINT32_MAX;
    if (!numbering_pays(c, seen)) {
        dictionary_abandon(w, c);
        return UINT32_MAX;
    }
    charge(w, text_dictionary_growth(&c->dictionary));
    return text_dictionary_add(&c->dictionary, w->seed, v);
}

void group_writer_numbered(struct group_writer *w, uint32_t column, uint32_t number)
{
    struct draft_column *c = column_at_row(w, column, COLUMN_TEXT);
    if (!c)
        return;
    if (c->is_coded) {
        ASSERT(number < c->dictionary.count);
        text_count(c, c->dictionary.values[number]);
        c->codes[c->count++] = (uint16_t)number;
        return;
    }
    ASSERT(c->numbered);
    text_count(c, c->numbered[number]);
    c->texts[c->count++] = c->numbered[number];
}

/* ---- finishing ------------------------------------------------------------------ */

void group_strings_release(struct group_strings *s)
{
    writer_release(&s->head);
    writer_release(&s->filter);
    writer_release(&s->data);
}

static enum tsdb_status limits_check(struct group_writer *w, struct tsdb_error *err)
{
    for (uint32_t i = 0; i < w->column_count; i++) {
        const struct draft_column *c = &w->columns[i];
        if (c->text_bytes > GROUP_TEXT_MAX)
            return tsdb_fail(err, TSDB_ELIMIT, "group: column of %llu bytes, at most %d",
                             (unsigned long long)c->text_bytes, (int)GROUP_TEXT_MAX);
    }
    if (w->forced == 0)
        return TSDB_OK;
    budget_release(w->budget, w->forced);
    if (!budget_charge(w->budget, w->forced)) {
        budget_force(w->budget, w->forced);
        return tsdb_fail(err, TSDB_ELIMIT, "group: rows of %llu bytes pass the budget",
                         (unsigned long long)w->charged);
    }
    w->forced = 0;
    return TSDB_OK;
}

enum tsdb_status group_writer_finish(struct group_writer *w, enum group_form form,
                                     struct group_strings *out, struct tsdb_error *err)
{
    enum tsdb_status st = limits_check(w, err);
    if (st != TSDB_OK)
        return st;
    uint64_t bytes = group_draft_write_bytes(w, form);
    if (w->budget && !budget_charge(w->budget, bytes))
        return tsdb_fail(err, TSDB_ELIMIT, "group: writing takes %llu bytes, past the budget",
                         (unsigned long long)bytes);
    group_draft_write(w, form, out);
    if (w->budget)
        budget_release(w->budget, bytes);
    columns_free(w);
    *w = (struct group_writer){.budget = w->budget, .seed = w->seed};
    return TSDB_OK;
}
