#include "tsdb/logql/scan.h"

#include "tsdb/logql/scan_worker.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

enum tsdb_status log_room_poll(const struct log_room *room, struct tsdb_error *err)
{
    if (room->is_canceled && atomic_load_explicit(room->is_canceled, memory_order_relaxed))
        return tsdb_fail(err, TSDB_ECANCELED, "query was canceled");
    if (clock_mono_ns(room->clock) > room->deadline)
        return tsdb_fail(err, TSDB_ECANCELED, "query timed out");
    return TSDB_OK;
}

/* ---- opening ------------------------------------------------------------------ */

enum tsdb_status log_matchers(const struct log_expr *e, struct matcher **out, uint32_t *count,
                              struct tsdb_error *err)
{
    static const enum matcher_kind kinds[] = {[EXPR_MATCH_EQUAL] = MATCH_EQ,
                                              [EXPR_MATCH_NOT_EQUAL] = MATCH_NE,
                                              [EXPR_MATCH_REGEX] = MATCH_RE,
                                              [EXPR_MATCH_NOT_REGEX] = MATCH_NRE};
    struct matcher *m = MEM_ARRAY(struct matcher, e->matcher_count);
    for (uint32_t i = 0; i < e->matcher_count; i++) {
        const struct expr_matcher *from = &e->matchers[i];
        enum tsdb_status st = matcher_init(&m[i], kinds[from->kind], from->name, from->value, err);
        if (st != TSDB_OK) {
            log_matchers_free(m, i);
            return st;
        }
    }
    *out = m;
    *count = e->matcher_count;
    return TSDB_OK;
}

void log_matchers_free(struct matcher *m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        matcher_release(&m[i]);
    mem_free(m);
}

static bool reads_line(const struct log_expr *e)
{
    for (uint32_t i = 0; i < e->stage_count; i++) {
        switch (e->stages[i].kind) {
        case STAGE_LABEL_FILTER:
        case STAGE_DROP:
        case STAGE_KEEP: break;
        case STAGE_LINE_FILTER:
        case STAGE_JSON:
        case STAGE_LOGFMT:
        case STAGE_PATTERN:
        case STAGE_REGEXP:
        case STAGE_UNPACK:
        case STAGE_LINE_FORMAT:
        case STAGE_LABEL_FORMAT:
        case STAGE_DECOLORIZE: return true;
        }
    }
    return false;
}

/* Compiles the string tests of a filter, in the order in which scan_mask.c walks it: those
 * below `or` are not reached. */
static enum tsdb_status add_tests(struct log_scan *scan, const struct label_filter *f,
                                  struct tsdb_error *err)
{
    if (f->test == LABEL_AND) {
        enum tsdb_status st = add_tests(scan, f->left, err);
        return st == TSDB_OK ? add_tests(scan, f->right, err) : st;
    }
    if (f->test != LABEL_STRING)
        return TSDB_OK;
    scan->tests = mem_grow(scan->tests, (size_t)scan->test_count + 1, sizeof *scan->tests);
    enum tsdb_status st =
        matcher_init(&scan->tests[scan->test_count], (enum matcher_kind)f->matcher.kind,
                     f->matcher.name, f->matcher.value, err);
    scan->test_count += st == TSDB_OK;
    return st;
}

static enum tsdb_status add_stages(struct log_scan *scan, struct tsdb_error *err)
{
    const struct log_expr *e = scan->expr;
    enum tsdb_status st = TSDB_OK;
    for (; scan->tested_stages < e->stage_count && st == TSDB_OK; scan->tested_stages++) {
        const struct stage *stage = &e->stages[scan->tested_stages];
        if (stage->kind == STAGE_LABEL_FILTER)
            st = add_tests(scan, stage->label, err);
        else if (stage->kind != STAGE_LINE_FILTER)
            break;
    }
    return st;
}

enum tsdb_status log_scan_open(struct log_room *room, const struct log_expr *expr, int64_t start,
                               int64_t end, bool has_line, struct log_scan *out,
                               struct tsdb_error *err)
{
    *out = (struct log_scan){.room = room,
                             .expr = expr,
                             .start = start,
                             .end = end,
                             .needs_line = has_line || reads_line(expr)};
    enum tsdb_status st = log_matchers(expr, &out->matchers, &out->matcher_count, err);
    if (st == TSDB_OK)
        st = pipeline_new(expr, &out->pipeline, err);
    if (st == TSDB_OK)
        st = add_stages(out, err);
    if (st == TSDB_OK) {
        struct logs_selection selection = {room->tenant, out->matchers, out->matcher_count, start,
                                           end};
        st = logs_select(room->logs, &selection, room->budget, &out->set, err);
    }
    if (st != TSDB_OK) {
        log_scan_close(out);
        return st;
    }
    (void)atomic_fetch_add(&room->counts.streams, logs_set_streams(out->set));
    if (logs_set_is_partial(out->set))
        atomic_store(&room->counts.is_partial, true);
    return TSDB_OK;
}

void log_scan_close(struct log_scan *scan)
{
    logs_set_close(scan->set);
    pipeline_free(scan->pipeline);
    log_matchers_free(scan->matchers, scan->matcher_count);
    log_matchers_free(scan->tests, scan->test_count);
    *scan = (struct log_scan){0};
}

struct scan_worker *scan_worker_new(const struct log_scan *scan)
{
    struct scan_worker *w = MEM_NEW(struct scan_worker);
    w->scan = scan;
    w->reader = group_reader_new(scan->room->budget);
    w->run = pipeline_run_new(scan->pipeline, scan->room->budget);
    w->mask = MEM_ARRAY(uint64_t, MASK_WORDS);
    w->expected = MEM_ARRAY(uint64_t, MASK_WORDS);
    w->made = MEM_ARRAY(uint64_t, MASK_WORDS);
    arena_init(&w->values, ROW_ARENA_MAX, scan->room->budget);
    return w;
}

void scan_worker_free(struct scan_worker *w)
{
    if (!w)
        return;
    pipeline_run_free(w->run);
    group_reader_free(w->reader);
    arena_release(&w->values);
    writer_release(&w->name_text);
    mem_free(w->names);
    mem_free(w->columns);
    mem_free(w->mask);
    mem_free(w->expected);
    mem_free(w->made);
    mem_free(w);
}

/* Whether no text can be there that the pipeline asks for. */
static bool is_refused(struct scan_worker *w)
{
    uint32_t count;
    const struct pipeline_needle *needles = pipeline_needles(w->scan->pipeline, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!group_may_contain(w->group, needles[i].text))
            return true;
    return false;
}

/* ---- columns by label name -------------------------------------------------------- */

static void name_columns(struct scan_worker *w)
{
    if (w->named_part == w->serial)
        return;
    w->named_part = w->serial;
    if (w->name_cap < w->column_count) {
        w->name_cap = w->column_count;
        w->names = mem_grow(w->names, w->name_cap, sizeof *w->names);
    }
    writer_reset(&w->name_text);
    for (uint32_t i = 0; i < w->column_count; i++) {
        size_t begin = w->name_text.len;
        struct tsdb_text name = group_column(w->group, i)->name;
        if (name.len > 0 && name.at[0] != ':')
            label_name_of(name, &w->name_text);
        w->names[i] = (struct tsdb_text){NULL, w->name_text.len - begin};
    }
    const char *at = (const char *)w->name_text.at;
    for (uint32_t i = 0; i < w->column_count; at += w->names[i].len, i++)
        w->names[i].at = at;
}

static void find_sources(struct scan_worker *w, struct tsdb_text name, struct scan_source *out)
{
    name_columns(w);
    *out = (struct scan_source){0};
    for (uint32_t i = 0; i < w->column_count && out->column_count < SCAN_SOURCES_MAX; i++)
        if (w->names[i].len > 0 && text_equal(w->names[i], name))
            out->columns[out->column_count++] = i;
}

const struct scan_source *scan_source(struct scan_worker *w, struct tsdb_text name)
{
    struct named_source *found = NULL;
    for (uint32_t i = 0; i < w->source_count && !found; i++)
        if (w->sources[i].name_len == name.len &&
            memcmp(w->sources[i].name, name.at, name.len) == 0)
            found = &w->sources[i];
    if (!found && w->source_count < SOURCES_MAX && name.len > 0 && name.len <= SOURCE_NAME_MAX) {
        found = &w->sources[w->source_count++];
        *found = (struct named_source){.name_len = name.len};
        memcpy(found->name, name.at, name.len);
    }
    if (!found) {
        find_sources(w, name, &w->loose);
        return &w->loose;
    }
    if (found->part != w->serial) {
        find_sources(w, name, &found->source);
        found->part = w->serial;
    }
    return &found->source;
}

enum tsdb_status scan_open_column(struct scan_worker *w, uint32_t column, struct column_view **out,
                                  struct tsdb_error *err)
{
    struct column_view *v = &w->columns[column];
    *out = v;
    if (v->is_open)
        return TSDB_OK;
    const struct column_info *info = group_column(w->group, column);
    enum tsdb_status st = group_presence(w->reader, column, &v->presence, err);
    if (st != TSDB_OK)
        return st;
    if (info->kind == COLUMN_INT) {
        st = group_ints(w->reader, column, &v->ints, err);
    } else if (info->kind == COLUMN_DOUBLE) {
        st = group_doubles(w->reader, column, &v->doubles, err);
    } else {
        st = group_codes(w->reader, column, &v->codes, err);
        v->has_codes = st == TSDB_OK;
        if (st == TSDB_ENOTFOUND)
            st = group_texts(w->reader, column, &v->texts, err);
    }
    v->is_open = st == TSDB_OK;
    return st;
}

/* A fault of a callback is kept until the row has been run. */
static bool note_fault(struct scan_worker *w, enum tsdb_status st, const struct tsdb_error *err)
{
    if (w->fault == TSDB_OK) {
        w->fault = st;
        w->fault_text = *err;
    }
    return false;
}

/* From the whole column when it is open; else only what the row needs is decoded. */
static bool column_value(struct scan_worker *w, uint32_t column, uint32_t row,
                         struct tsdb_text *value)
{
    const struct column_view *v = &w->columns[column];
    const struct column_info *info = group_column(w->group, column);
    struct tsdb_field field = {.type = info->tag};
    if (!v->is_open) {
        struct group_value at;
        struct tsdb_error err = {0};
        enum tsdb_status st = group_value(w->reader, column, row, &at, &err);
        if (st != TSDB_OK)
            return note_fault(w, st, &err);
        if (!at.is_present)
            return false;
        if (info->kind == COLUMN_INT)
            field.integer = at.integer;
        else if (info->kind == COLUMN_DOUBLE)
            field.real = at.real;
        else
            field.text = at.text;
    } else if (!column_has_row(v, row)) {
        return false;
    } else if (v->ints) {
        field.integer = v->ints[row];
    } else if (v->doubles) {
        field.real = v->doubles[row];
    } else {
        field.text = v->has_codes ? v->codes.values[v->codes.codes ? v->codes.codes[row] : 0]
                                  : v->texts[row];
    }
    *value = field_text(&field, &w->values);
    return true;
}

bool label_is_made(struct tsdb_text name)
{
    static const struct tsdb_text front = {"__error", 7}, back = {"_extracted", 10};
    return (name.len >= front.len && memcmp(name.at, front.at, front.len) == 0) ||
           (name.len >= back.len && memcmp(name.at + name.len - back.len, back.at, back.len) == 0);
}

bool label_is_name_of(struct tsdb_text label, struct tsdb_text name)
{
    bool has_front = name.len > 0 && name.at[0] >= '0' && name.at[0] <= '9';
    if (label.len != name.len + has_front || name.len == 0 || name.at[0] == ':' ||
        (has_front && label.at[0] != '_'))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (label.at[i + has_front] != (is_word ? c : '_'))
            return false;
    }
    return true;
}

bool scan_attribute(struct scan_worker *w, uint32_t stream, struct tsdb_text name,
                    struct tsdb_text *value)
{
    const struct logs_stream *s = logs_set_stream(w->scan->set, stream);
    for (uint32_t i = 0; i < s->attribute_count; i++) {
        if (!label_is_name_of(name, s->attributes[i].name))
            continue;
        *value = field_text(&s->attributes[i], &w->values);
        return true;
    }
    return false;
}

bool scan_value(struct scan_worker *w, uint32_t row, struct tsdb_text name, struct tsdb_text *value)
{
    const struct scan_source *source = scan_source(w, name);
    for (uint32_t i = 0; i < source->column_count; i++)
        if (column_value(w, source->columns[i], row, value))
            return true;
    return scan_attribute(w, w->part->runs[scan_run_of(w, row)].stream, name, value);
}

/* ---- callbacks of the pipeline ------------------------------------------------------ */

static bool lookup(void *arg, struct tsdb_text name, struct tsdb_text *value)
{
    struct scan_worker *w = arg;
    const struct scan_source *source = scan_source(w, name);
    for (uint32_t i = 0; i < source->column_count; i++)
        if (column_value(w, source->columns[i], w->row, value))
            return true;
    return scan_attribute(w, w->stream, name, value);
}

static void each(void *arg, void (*fn)(void *to, struct tsdb_label label), void *to)
{
    struct scan_worker *w = arg;
    name_columns(w);
    for (uint32_t i = 0; i < w->column_count; i++) {
        struct tsdb_text value;
        if (w->names[i].len > 0 && column_value(w, i, w->row, &value))
            fn(to, (struct tsdb_label){w->names[i], value});
    }
    const struct logs_stream *s = logs_set_stream(w->scan->set, w->stream);
    for (uint32_t i = 0; i < s->attribute_count; i++) {
        struct writer name = {0};
        label_name_of(s->attributes[i].name, &name);
        char *kept = ARENA_ARRAY(&w->values, char, name.len);
        if (kept) {
            memcpy(kept, name.at, name.len);
            fn(to,
               (struct tsdb_label){{kept, name.len}, field_text(&s->attributes[i], &w->values)});
        }
        writer_release(&name);
    }
}

/* ---- lines ----------------------------------------------------------------------------- */

/* Bits [first, first + rows) of the mask, from bit 0 on. */
static void mask_slice(const uint64_t *mask, uint32_t first, uint32_t rows, uint64_t *out)
{
    uint32_t words = (rows + 63) / 64, shift = first % 64;
    const uint64_t *from = mask + first / 64;
    for (uint32_t i = 0; i < words; i++) {
        out[i] = from[i] >> shift;
        if (shift && first / 64 + i + 1 < MASK_WORDS)
            out[i] |= from[i + 1] << (64 - shift);
    }
    if (rows % 64)
        out[words - 1] &= (UINT64_C(1) << rows % 64) - 1;
}

/* Makes the lines of the page that `rows` wants and that may hold the needles; w->made says
 * which came of it. */
static enum tsdb_status load_page(struct scan_worker *w, uint32_t index, const uint64_t *rows,
                                  struct text_wanted wanted, struct tsdb_error *err)
{
    uint32_t first, count;
    group_page_rows(w->group, w->line, index, &first, &count);
    mask_slice(rows, first, count, w->made);
    w->has_page = false;
    wanted.rows = w->made;
    enum tsdb_status st = group_page_wanted(w->reader, w->line, index, &wanted, &w->page, err);
    w->has_page = st == TSDB_OK && !wanted.is_only_asked;
    w->page_index = index;
    if (w->has_page)
        (void)atomic_fetch_add(&w->scan->room->counts.bytes, w->page.starts[w->page.rows]);
    return st;
}

static bool mask_any(const uint64_t *mask, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        if (i % 64 == 0 && to - i >= 64) {
            if (mask[i / 64])
                return true;
            i += 64;
        } else {
            if (mask[i / 64] >> i % 64 & 1)
                return true;
            i++;
        }
    }
    return false;
}

/* Whether the page is asked for the needles: seldom once it has turned out that they are
 * everywhere. */
static bool is_worth_asking(const struct scan_worker *w, uint32_t page)
{
    return w->pages_asked < ASKS_LEAST || w->lines_refused >= w->lines_asked / ASKS_SHARE ||
           page % ASKS_SHARE == 0;
}

/* How many stages pipeline_page settles, whatever the page. */
static uint32_t page_stages(const struct pipeline *p)
{
    static const uint32_t starts[] = {0, 1};
    uint64_t passes[1];
    return pipeline_page(p, "\n", starts, 1, passes);
}

/* Row first + i stays in the mask where bit i is set. */
static void mask_and(uint64_t *mask, uint32_t first, uint32_t rows, const uint64_t *bits)
{
    uint32_t shift = first % 64;
    for (uint32_t i = 0; i < rows; i += 64) {
        uint64_t lost = ~bits[i / 64];
        if (rows - i < 64)
            lost &= (UINT64_C(1) << (rows - i)) - 1;
        uint64_t *to = mask + (first + i) / 64;
        to[0] &= ~(lost << shift);
        if (shift && lost >> (64 - shift))
            to[1] &= ~(lost >> (64 - shift));
    }
}

/* The needles, and with them all that is asked of one page's lines. */
static struct text_wanted wanted_of(struct scan_worker *w, uint32_t page, struct tsdb_text *needles)
{
    struct text_wanted wanted = {.needles = needles, .is_only_asked = w->stages_done == 0};
    uint32_t count;
    const struct pipeline_needle *all = pipeline_needles(w->scan->pipeline, &count);
    for (uint32_t i = 0; i < count && is_worth_asking(w, page); i++)
        needles[wanted.needle_count++] = all[i].text;
    return wanted;
}

/* Whether by its words no line of the page has what the pipeline asks for; costs nearly nothing. */
static bool is_page_refused(const struct scan_worker *w, uint32_t first, uint32_t rows)
{
    uint32_t count;
    const struct pipeline_needle *needles = pipeline_needles(w->scan->pipeline, &count);
    for (uint32_t i = 0; i < count; i++)
        if (rows > 0 && !group_rows_may_contain(w->group, first, rows, needles[i].text))
            return true;
    return false;
}

/* The leading line filters over one page. */
static enum tsdb_status mask_page(struct scan_worker *w, uint32_t page, struct tsdb_error *err)
{
    uint64_t passes[GROUP_ROWS_MAX / 64 + 1];
    struct tsdb_text needles[PIPELINE_NEEDLES_MAX];
    uint32_t first, rows;
    group_page_rows(w->group, w->line, page, &first, &rows);
    if (!mask_any(w->mask, first, first + rows))
        return TSDB_OK;
    if (is_page_refused(w, first, rows)) {
        scan_mask_clear(w->mask, first, first + rows);
        return TSDB_OK;
    }
    struct text_wanted wanted = wanted_of(w, page, needles);
    if ((wanted.is_only_asked && wanted.needle_count == 0))
        return TSDB_OK;
    enum tsdb_status st = log_room_poll(w->scan->room, err);
    mask_slice(w->mask, first, rows, passes);
    uint32_t before = scan_mask_count(passes, rows);
    if (st == TSDB_OK)
        st = load_page(w, page, w->mask, wanted, err);
    if (st != TSDB_OK)
        return st;
    uint32_t after = scan_mask_count(w->made, rows);
    if (wanted.needle_count) {
        w->pages_asked++;
        w->lines_asked += before;
        w->lines_refused += before - after;
    }
    mask_and(w->mask, first, rows, w->made);
    if (wanted.is_only_asked || after == 0)
        return TSDB_OK;
    (void)pipeline_page(w->scan->pipeline, w->page.bytes, w->page.starts, rows, passes);
    mask_and(w->mask, first, rows, passes);
    return TSDB_OK;
}

/* The leading line filters, page by page. */
static enum tsdb_status mask_lines(struct scan_worker *w, struct tsdb_error *err)
{
    uint32_t pages = group_page_count(w->group, w->line);
    enum tsdb_status st = TSDB_OK;
    w->stages_done = page_stages(w->scan->pipeline);
    for (uint32_t i = 0; st == TSDB_OK && i < pages; i++)
        st = mask_page(w, i, err);
    return st;
}

/* ---- parts ------------------------------------------------------------------------------ */

static enum tsdb_status turn_to(struct scan_worker *w, uint32_t index, struct tsdb_error *err)
{
    w->part = logs_set_part(w->scan->set, index);
    w->group = w->part->group;
    w->serial++;
    w->has_page = w->has_expected = false;
    w->run_hint = 0;
    w->stages_done = 0;
    group_reader_open(w->reader, w->group);
    w->column_count = group_columns(w->group);
    if (w->column_cap < w->column_count) {
        w->column_cap = w->column_count;
        w->columns = mem_grow(w->columns, w->column_cap, sizeof *w->columns);
    }
    memset(w->columns, 0, w->column_count * sizeof *w->columns);
    memset(w->mask, 0, MASK_WORDS * sizeof *w->mask);
    w->time = group_find(w->group, text_of(":time"), LOGS_COLUMN_TAG);
    w->line = group_find(w->group, text_of(":line"), LOGS_COLUMN_TAG);
    if (w->time == UINT32_MAX || w->line == UINT32_MAX)
        return tsdb_fail(err, TSDB_ECORRUPT, "a row group without times or lines");
    w->rows = (struct scan_rows){
        .part = w->part, .mask = w->mask, .rows = group_rows(w->group), .ts = NULL};
    return TSDB_OK;
}

enum tsdb_status scan_open_times(struct scan_worker *w, struct tsdb_error *err)
{
    return w->rows.ts ? TSDB_OK : group_ints(w->reader, w->time, &w->rows.ts, err);
}

/* Columns that do not decode although their checksums were right: their segment is set aside,
 * and the answer goes on without the part. */
static enum tsdb_status skip_damage(struct scan_worker *w, enum tsdb_status st,
                                    const struct tsdb_error *err)
{
    if (st != TSDB_ECORRUPT)
        return st;
    logs_set_damaged(w->scan->set, w->part_index, err->msg);
    atomic_store(&w->scan->room->counts.is_partial, true);
    return TSDB_END;
}

static enum tsdb_status open_part(struct scan_worker *w, uint32_t part, struct tsdb_error *err)
{
    struct log_counts *counts = &w->scan->room->counts;
    enum tsdb_status st = log_room_poll(w->scan->room, err);
    if (st == TSDB_OK) {
        w->group = logs_set_part(w->scan->set, part)->group;
        if (is_refused(w)) {
            (void)atomic_fetch_add(&counts->groups_skipped, 1);
            return TSDB_END;
        }
        st = logs_set_touch(w->scan->set, part, err);
    }
    if (st == TSDB_OK)
        st = turn_to(w, part, err);
    if (st != TSDB_OK)
        return st;
    (void)atomic_fetch_add(&counts->groups, 1);
    arena_reset(&w->values);
    st = scan_mask_runs(w, err);
    if (st != TSDB_OK)
        return st;
    w->rows.count = scan_mask_count(w->mask, w->rows.rows);
    (void)atomic_fetch_add(&counts->records, w->rows.count);
    if (!scan_mask_values(w))
        return TSDB_END;
    if (w->scan->needs_line && pipeline_stage_count(w->scan->pipeline) > 0)
        st = mask_lines(w, err);
    if (st != TSDB_OK)
        return st;
    w->rows.is_settled = scan_mask_labels(w);
    w->rows.count = scan_mask_count(w->mask, w->rows.rows);
    return w->rows.count ? scan_open_times(w, err) : TSDB_END;
}

enum tsdb_status scan_part(struct scan_worker *w, uint32_t part, struct tsdb_error *err)
{
    w->part_index = part;
    return skip_damage(w, open_part(w, part, err), err);
}

const struct scan_rows *scan_rows(const struct scan_worker *w)
{
    return &w->rows;
}

const struct logs_stream *scan_stream(const struct scan_worker *w, uint32_t stream)
{
    return logs_set_stream(w->scan->set, stream);
}

const struct logs_set *scan_set(const struct scan_worker *w)
{
    return w->scan->set;
}

bool scan_is_plain(const struct scan_worker *w)
{
    return pipeline_is_plain(w->scan->pipeline);
}

struct group_reader *scan_reader(struct scan_worker *w)
{
    return w->reader;
}

struct pipeline_run *scan_run(struct scan_worker *w)
{
    return w->run;
}

uint32_t scan_run_of(const struct scan_worker *w, uint32_t row)
{
    const struct logs_run *runs = w->part->runs;
    uint32_t low = 0, high = w->part->run_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (runs[mid].first <= row)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* ---- rows ------------------------------------------------------------------------------- */

static bool is_made(const struct scan_worker *w, uint32_t row)
{
    uint32_t i = row - w->page.first_row; /* wraps when before it */
    return w->has_page && row >= w->page.first_row && i < w->page.rows &&
           (w->made[i / 64] >> i % 64 & 1);
}

void scan_expect(struct scan_worker *w, const uint32_t *rows, uint32_t count)
{
    memset(w->expected, 0, MASK_WORDS * sizeof *w->expected);
    for (uint32_t i = 0; i < count; i++)
        w->expected[rows[i] / 64] |= UINT64_C(1) << rows[i] % 64;
    w->has_expected = true;
}

static enum tsdb_status line_of(struct scan_worker *w, uint32_t row, struct tsdb_text *line,
                                struct tsdb_error *err)
{
    if (!is_made(w, row)) {
        uint32_t low = 0, high = group_page_count(w->group, w->line), first, rows;
        while (high - low > 1) {
            uint32_t mid = low + (high - low) / 2;
            group_page_rows(w->group, w->line, mid, &first, &rows);
            if (first <= row)
                low = mid;
            else
                high = mid;
        }
        const uint64_t *lines = w->has_expected ? w->expected : w->mask;
        ASSERT(lines[row / 64] >> row % 64 & 1);
        enum tsdb_status st = load_page(w, low, lines, (struct text_wanted){0}, err);
        if (st != TSDB_OK)
            return st;
    }
    uint32_t i = row - w->page.first_row;
    ASSERT(i < w->page.rows);
    *line = (struct tsdb_text){w->page.bytes + w->page.starts[i],
                               w->page.starts[i + 1] - 1 - w->page.starts[i]};
    return TSDB_OK;
}

/* Which names no metadata of the part has, by their bits; for pipelines that make labels. */
static uint64_t absent_of(struct scan_worker *w)
{
    if (w->absent_part == w->serial)
        return w->absent;
    uint64_t present = 0;
    struct writer name = {0};
    name_columns(w);
    for (uint32_t i = 0; i < w->column_count; i++)
        if (w->names[i].len > 0)
            present |= UINT64_C(1) << label_name_bit(w->names[i]);
    for (uint32_t i = 0; i < w->part->run_count; i++) {
        const struct logs_stream *s = logs_set_stream(w->scan->set, w->part->runs[i].stream);
        for (uint32_t k = 0; k < s->attribute_count; k++) {
            writer_reset(&name);
            label_name_of(s->attributes[k].name, &name);
            present |= UINT64_C(1)
                       << label_name_bit((struct tsdb_text){(const char *)name.at, name.len});
        }
    }
    writer_release(&name);
    w->absent_part = w->serial;
    w->absent = ~present;
    return w->absent;
}

enum tsdb_status scan_row(struct scan_worker *w, uint32_t row, struct tsdb_error *err)
{
    w->row = row;
    const struct logs_run *runs = w->part->runs;
    if (w->run_hint >= w->part->run_count || row < runs[w->run_hint].first ||
        row - runs[w->run_hint].first >= runs[w->run_hint].rows)
        w->run_hint = scan_run_of(w, row);
    w->stream = runs[w->run_hint].stream;
    arena_reset(&w->values);
    struct pipeline_entry entry = {.ts = w->rows.ts[row],
                                   .stream = logs_set_stream(w->scan->set, w->stream)->labels,
                                   .lookup = lookup,
                                   .each = each,
                                   .arg = w,
                                   .absent = scan_is_plain(w) ? 0 : absent_of(w)};
    enum tsdb_status st = TSDB_OK;
    if (w->scan->needs_line)
        st = line_of(w, row, &entry.line, err);
    if (st == TSDB_OK)
        st = pipeline_entry_from(w->run, &entry, w->stages_done, err);
    if (w->fault != TSDB_OK) {
        *err = w->fault_text;
        st = w->fault;
        w->fault = TSDB_OK;
    }
    return skip_damage(w, st, err);
}
