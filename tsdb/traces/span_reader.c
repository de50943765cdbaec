#include "tsdb/traces/span_reader.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/traces/span_table.h"

#include <string.h>

struct span_reader {
    struct span_rows tables[SPAN_TABLES];
    struct reader_memory memory;
    uint32_t *firsts; /* in memory; NULL: not looked for yet */
    uint32_t trace_count;
    int64_t *starts; /* in memory; likewise */
    uint32_t summed; /* a row whose start was summed up, UINT32_MAX: none */
    int64_t summed_start;
    uint32_t sought; /* rows */
    bool is_checked; /* what events and links say of their spans is */
};

/* Rows that are sought before columns are decoded whole: then most parts have been. */
enum { SOUGHT_MIN = 64, SOUGHT_SHARE = 32 };

struct span_reader *span_reader_new(struct budget *budget)
{
    struct span_reader *r = MEM_NEW(struct span_reader);
    for (int i = 0; i < SPAN_TABLES; i++)
        span_table_init(&r->tables[i], (enum span_table)i, budget);
    r->memory.budget = budget;
    return r;
}

void span_reader_free(struct span_reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < SPAN_TABLES; i++)
        span_table_release(&r->tables[i]);
    reader_memory_release(&r->memory);
    mem_free(r);
}

void span_reader_open(struct span_reader *r, const struct span_tables *tables)
{
    for (int i = 0; i < SPAN_TABLES; i++)
        span_table_turn(&r->tables[i], tables ? tables->at[i] : NULL);
    reader_memory_reset(&r->memory);
    r->firsts = NULL;
    r->trace_count = 0;
    r->starts = NULL;
    r->summed = UINT32_MAX;
    r->sought = 0;
    r->is_checked = false;
}

struct group_reader *span_reader_table(struct span_reader *r, enum span_table table)
{
    return r->tables[table].group ? r->tables[table].in : NULL;
}

static enum tsdb_status take(struct span_reader *r, size_t count, size_t size, void *out,
                             struct tsdb_error *err)
{
    void *at = reader_memory_take(&r->memory, count, size);
    if (!at)
        return tsdb_fail(err, TSDB_ELIMIT, "spans: %zu of %zu bytes pass the budget", count, size);
    memcpy(out, &at, sizeof at);
    return TSDB_OK;
}

/* ---- traces ------------------------------------------------------------------------- */

static enum tsdb_status firsts_find(const struct span_reader *r, uint32_t *firsts, uint32_t *count,
                                    struct tsdb_error *err)
{
    const struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    const struct span_column *ids = &t->intrinsics[INTRINSIC_TRACE_ID];
    uint32_t n = 0;
    for (uint32_t row = 0; row < t->rows; row++)
        if (column_has(ids, row))
            firsts[n++] = row;
    if (t->rows > 0 && (n == 0 || firsts[0] != 0))
        return span_table_damage(t, 0, err);
    firsts[n] = t->rows;
    *count = n;
    return TSDB_OK;
}

enum tsdb_status span_reader_traces(struct span_reader *r, const uint32_t **firsts, uint32_t *count,
                                    struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    if (!r->firsts) {
        enum tsdb_status st = span_table_presence(t, INTRINSIC_TRACE_ID, err);
        uint32_t *found, n = 0;
        if (st != TSDB_OK)
            return st;
        uint32_t most = t->group && t->intrinsics[INTRINSIC_TRACE_ID].at != UINT32_MAX
                            ? group_column(t->group, t->intrinsics[INTRINSIC_TRACE_ID].at)->present
                            : 0;
        st = take(r, (size_t)most + 1, sizeof *found, &found, err);
        if (st == TSDB_OK)
            st = firsts_find(r, found, &n, err);
        if (st != TSDB_OK)
            return st;
        r->firsts = found;
        r->trace_count = n;
    }
    *firsts = r->firsts;
    *count = r->trace_count;
    return TSDB_OK;
}

/* The id that stands on the first row of a trace. */
static enum tsdb_status trace_id_at(struct span_reader *r, uint32_t first,
                                    struct tsdb_trace_id *out, struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    enum tsdb_status st = span_table_seek_one(t, INTRINSIC_TRACE_ID, first, err);
    if (st != TSDB_OK)
        return st;
    struct tsdb_text id = column_text(&t->intrinsics[INTRINSIC_TRACE_ID], first);
    if (id.len != sizeof out->at)
        return span_table_damage(t, first, err);
    memcpy(out->at, id.at, sizeof out->at);
    return TSDB_OK;
}

enum tsdb_status span_reader_find(struct span_reader *r, const struct tsdb_trace_id *id,
                                  uint32_t *first, uint32_t *count, struct tsdb_error *err)
{
    const uint32_t *firsts;
    uint32_t n;
    enum tsdb_status st = span_reader_traces(r, &firsts, &n, err);
    if (st != TSDB_OK)
        return st;
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct tsdb_trace_id there;
        st = trace_id_at(r, firsts[mid], &there, err);
        if (st != TSDB_OK)
            return st;
        int order = memcmp(there.at, id->at, sizeof id->at);
        if (order == 0) {
            *first = firsts[mid];
            *count = firsts[mid + 1] - firsts[mid];
            return TSDB_OK;
        }
        low = order < 0 ? mid + 1 : low;
        high = order < 0 ? high : mid;
    }
    return TSDB_ENOTFOUND;
}

/* ns from the start of the row before; on a trace's first row since the epoch.  The row was
 * sought; false: it has none. */
static bool step_of(const struct span_rows *t, uint32_t first, uint32_t row, uint64_t *step)
{
    const struct span_column *c =
        &t->intrinsics[row == first ? INTRINSIC_TRACE_START : INTRINSIC_START];
    *step = (uint64_t)column_int(c, row);
    return column_has(c, row);
}

static enum tsdb_status starts_sum(const struct span_reader *r, int64_t *starts,
                                   struct tsdb_error *err)
{
    const struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    for (uint32_t i = 0; i < r->trace_count; i++) {
        uint64_t sum = 0, step;
        for (uint32_t row = r->firsts[i]; row < r->firsts[i + 1]; row++) {
            if (!step_of(t, r->firsts[i], row, &step))
                return span_table_damage(t, row, err);
            starts[row] = (int64_t)(sum += step); /* wraps */
        }
    }
    return TSDB_OK;
}

enum tsdb_status span_reader_starts(struct span_reader *r, const int64_t **starts,
                                    struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    if (!r->starts) {
        const uint32_t *firsts;
        uint32_t n;
        int64_t *sums;
        enum tsdb_status st = span_reader_traces(r, &firsts, &n, err);
        if (st == TSDB_OK)
            st = span_table_intrinsic(t, INTRINSIC_TRACE_START, err);
        if (st == TSDB_OK)
            st = span_table_intrinsic(t, INTRINSIC_START, err);
        if (st == TSDB_OK)
            st = take(r, t->rows, sizeof *sums, &sums, err);
        if (st == TSDB_OK)
            st = starts_sum(r, sums, err);
        if (st != TSDB_OK)
            return st;
        r->starts = sums;
    }
    *starts = r->starts;
    return TSDB_OK;
}

/* ---- columns that a span is put together from -------------------------------------------- */

/* Rows of events (links) name spans that are there, in their order. */
static enum tsdb_status children_check(struct span_reader *r, enum span_table table,
                                       struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[table];
    int64_t before = 0, rows = r->tables[SPAN_TABLE_SPANS].rows;
    enum tsdb_status st = span_table_intrinsic(t, INTRINSIC_SPAN, err);
    for (uint32_t i = 0; i < t->rows && st == TSDB_OK; i++) {
        int64_t span = t->intrinsics[INTRINSIC_SPAN].ints[i];
        if (span < before || span >= rows)
            st = span_table_damage(t, i, err);
        before = span;
    }
    return st;
}

/* Which rows are whose is known before any is read; many rows make columns whole. */
static enum tsdb_status begin(struct span_reader *r, struct tsdb_error *err)
{
    const uint32_t *firsts;
    uint32_t n;
    enum tsdb_status st = span_reader_traces(r, &firsts, &n, err);
    if (st == TSDB_OK && !r->is_checked) {
        st = children_check(r, SPAN_TABLE_EVENTS, err);
        if (st == TSDB_OK)
            st = children_check(r, SPAN_TABLE_LINKS, err);
        r->is_checked = st == TSDB_OK;
    }
    uint32_t rows = r->tables[SPAN_TABLE_SPANS].rows;
    if (st != TSDB_OK || r->sought++ < SOUGHT_MIN + rows / SOUGHT_SHARE)
        return st;
    r->sought--;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        st = span_table_everything(&r->tables[i], err);
    return st;
}

/* The first row of events (links) whose span is at or behind `span`. */
static uint32_t children_from(const struct span_rows *t, int64_t span)
{
    uint32_t low = 0, high = t->rows;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->intrinsics[INTRINSIC_SPAN].ints[mid] < span)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- spans -------------------------------------------------------------------------- */

static bool id_set(struct tsdb_text text, uint8_t *to, size_t n)
{
    if (text.len != n)
        return false;
    memcpy(to, text.at, n);
    return true;
}

/* Numbers of a row, each within its bounds; `is_good` is cleared otherwise. */
static uint32_t u32_at(const struct span_rows *t, int intrinsic, uint32_t row, bool *is_good)
{
    int64_t v = column_int(&t->intrinsics[intrinsic], row);
    *is_good &= v >= 0 && v <= UINT32_MAX;
    return (uint32_t)v;
}

static uint8_t u8_at(const struct span_rows *t, int intrinsic, uint32_t row, bool *is_good)
{
    uint32_t v = u32_at(t, intrinsic, row, is_good);
    *is_good &= v <= UINT8_MAX;
    return (uint8_t)v;
}

static struct tsdb_text text_at(const struct span_rows *t, int intrinsic, uint32_t row)
{
    return column_text(&t->intrinsics[intrinsic], row);
}

/* The row of the parent is sought, then the span's own again. */
static enum tsdb_status parent_above(struct span_rows *t, uint32_t row, int64_t up,
                                     struct tsdb_span *out, struct tsdb_error *err)
{
    if (up == 0 || up > (int64_t)row || up < (int64_t)row + 1 - (int64_t)t->rows)
        return span_table_damage(t, row, err);
    uint32_t above = (uint32_t)(row - up);
    enum tsdb_status st = span_table_seek_one(t, INTRINSIC_SPAN_ID, above, err);
    if (st != TSDB_OK)
        return st;
    if (!id_set(text_at(t, INTRINSIC_SPAN_ID, above), out->parent_id.at, sizeof out->parent_id.at))
        return span_table_damage(t, above, err);
    return span_table_seek_one(t, INTRINSIC_SPAN_ID, row, err);
}

static enum tsdb_status parent_read(struct span_rows *t, uint32_t row, struct tsdb_span *out,
                                    struct tsdb_error *err)
{
    const struct span_column *parent = &t->intrinsics[INTRINSIC_PARENT],
                             *id = &t->intrinsics[INTRINSIC_PARENT_ID];
    if (column_has(parent, row))
        return parent_above(t, row, column_int(parent, row), out, err);
    if (column_has(id, row) &&
        !id_set(column_text(id, row), out->parent_id.at, sizeof out->parent_id.at))
        return span_table_damage(t, row, err);
    return TSDB_OK;
}

static enum tsdb_status events_read(struct span_reader *r, uint32_t row, struct arena *arena,
                                    struct tsdb_span *out, struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_EVENTS];
    uint32_t from = children_from(t, row), n = children_from(t, (int64_t)row + 1) - from;
    if (n == 0)
        return TSDB_OK;
    struct tsdb_span_event *events = ARENA_ARRAY(arena, struct tsdb_span_event, n);
    if (!events)
        return tsdb_fail(err, TSDB_ELIMIT, "spans: %u events pass the memory for them", n);
    for (uint32_t i = 0; i < n; i++) {
        struct tsdb_span_event *e = &events[i];
        bool is_good = true;
        enum tsdb_status st = span_table_seek(t, from + i, err);
        if (st != TSDB_OK)
            return st;
        e->ts =
            (int64_t)((uint64_t)out->start +
                      (uint64_t)column_int(&t->intrinsics[INTRINSIC_TIME], from + i)); /* wraps */
        e->name = text_at(t, INTRINSIC_NAME, from + i);
        e->attributes.dropped = u32_at(t, INTRINSIC_DROPPED_ATTRIBUTES, from + i, &is_good);
        if (!is_good)
            return span_table_damage(t, from + i, err);
        st = span_table_fields(t, from + i, TSDB_PLACE_EVENT, arena, &e->attributes, err);
        if (st != TSDB_OK)
            return st;
    }
    out->events = events;
    out->event_count = n;
    return TSDB_OK;
}

static enum tsdb_status links_read(struct span_reader *r, uint32_t row, struct arena *arena,
                                   struct tsdb_span *out, struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_LINKS];
    uint32_t from = children_from(t, row), n = children_from(t, (int64_t)row + 1) - from;
    if (n == 0)
        return TSDB_OK;
    struct tsdb_span_link *links = ARENA_ARRAY(arena, struct tsdb_span_link, n);
    if (!links)
        return tsdb_fail(err, TSDB_ELIMIT, "spans: %u links pass the memory for them", n);
    for (uint32_t i = 0; i < n; i++) {
        struct tsdb_span_link *l = &links[i];
        enum tsdb_status st = span_table_seek(t, from + i, err);
        if (st != TSDB_OK)
            return st;
        bool is_good =
            id_set(text_at(t, INTRINSIC_TRACE_ID, from + i), l->trace_id.at,
                   sizeof l->trace_id.at) &&
            id_set(text_at(t, INTRINSIC_SPAN_ID, from + i), l->span_id.at, sizeof l->span_id.at);
        l->trace_state = text_at(t, INTRINSIC_TRACE_STATE, from + i);
        l->flags = u32_at(t, INTRINSIC_FLAGS, from + i, &is_good);
        l->attributes.dropped = u32_at(t, INTRINSIC_DROPPED_ATTRIBUTES, from + i, &is_good);
        if (!is_good)
            return span_table_damage(t, from + i, err);
        st = span_table_fields(t, from + i, TSDB_PLACE_LINK, arena, &l->attributes, err);
        if (st != TSDB_OK)
            return st;
    }
    out->links = links;
    out->link_count = n;
    return TSDB_OK;
}

/* The first row of the trace that the row belongs to. */
static uint32_t first_of(const struct span_reader *r, uint32_t row)
{
    uint32_t low = 0, high = r->trace_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (r->firsts[mid] <= row)
            low = mid;
        else
            high = mid;
    }
    return r->firsts[low];
}

/* The row's start: the steps of its trace up to it, from the row that was summed last where that
 * is one of them. */
static enum tsdb_status start_read(struct span_reader *r, uint32_t first, uint32_t row,
                                   struct tsdb_span *out, struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    bool goes_on = r->summed != UINT32_MAX && r->summed >= first && r->summed <= row;
    uint64_t sum = goes_on ? (uint64_t)r->summed_start : 0;
    for (uint32_t i = goes_on ? r->summed + 1 : first; i <= row; i++) {
        uint64_t step;
        int column = i == first ? INTRINSIC_TRACE_START : INTRINSIC_START;
        enum tsdb_status st = span_table_seek_one(t, column, i, err);
        if (st != TSDB_OK)
            return st;
        if (!step_of(t, first, i, &step))
            return span_table_damage(t, i, err);
        sum += step; /* wraps */
    }
    r->summed = row;
    r->summed_start = out->start = (int64_t)sum;
    return TSDB_OK;
}

/* What stands on the span's own row, but for attributes; false: damaged. */
static bool row_read(const struct span_reader *r, uint32_t row, struct tsdb_span *out)
{
    const struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    bool is_good =
        id_set(text_at(t, INTRINSIC_SPAN_ID, row), out->span_id.at, sizeof out->span_id.at);
    int64_t duration = column_int(&t->intrinsics[INTRINSIC_DURATION], row);
    out->end = (int64_t)((uint64_t)out->start + (uint64_t)duration); /* wraps */
    out->name = text_at(t, INTRINSIC_NAME, row);
    out->status_message = text_at(t, INTRINSIC_STATUS_MESSAGE, row);
    out->trace_state = text_at(t, INTRINSIC_TRACE_STATE, row);
    out->source = u32_at(t, INTRINSIC_SOURCE, row, &is_good);
    out->kind = u8_at(t, INTRINSIC_KIND, row, &is_good);
    out->status = u8_at(t, INTRINSIC_STATUS, row, &is_good);
    out->flags = u32_at(t, INTRINSIC_FLAGS, row, &is_good);
    out->attributes.dropped = u32_at(t, INTRINSIC_DROPPED_ATTRIBUTES, row, &is_good);
    out->dropped_events = u32_at(t, INTRINSIC_DROPPED_EVENTS, row, &is_good);
    out->dropped_links = u32_at(t, INTRINSIC_DROPPED_LINKS, row, &is_good);
    return is_good && out->source < r->tables[SPAN_TABLE_SOURCES].rows;
}

static enum tsdb_status span_read(struct span_reader *r, uint32_t row, struct arena *arena,
                                  struct tsdb_span *out, struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SPANS];
    uint32_t first = first_of(r, row);
    enum tsdb_status st = trace_id_at(r, first, &out->trace_id, err);
    if (st == TSDB_OK)
        st = start_read(r, first, row, out, err);
    if (st == TSDB_OK)
        st = span_table_seek(t, row, err);
    if (st == TSDB_OK)
        st = parent_read(t, row, out, err);
    if (st == TSDB_OK && !row_read(r, row, out))
        st = span_table_damage(t, row, err);
    if (st == TSDB_OK)
        st = span_table_fields(t, row, TSDB_PLACE_SPAN, arena, &out->attributes, err);
    if (st == TSDB_OK)
        st = events_read(r, row, arena, out, err);
    if (st == TSDB_OK)
        st = links_read(r, row, arena, out, err);
    return st;
}

enum tsdb_status span_reader_span(struct span_reader *r, uint32_t row, struct arena *arena,
                                  struct tsdb_span *out, struct tsdb_error *err)
{
    ASSERT(row < r->tables[SPAN_TABLE_SPANS].rows);
    struct tsdb_span span = {0};
    enum tsdb_status st = begin(r, err);
    if (st == TSDB_OK)
        st = span_read(r, row, arena, &span, err);
    if (st == TSDB_OK)
        *out = span;
    return st;
}

enum tsdb_status span_reader_source(struct span_reader *r, uint32_t source, struct arena *arena,
                                    struct tsdb_span_source *out, struct tsdb_text *tenant,
                                    struct tsdb_error *err)
{
    struct span_rows *t = &r->tables[SPAN_TABLE_SOURCES];
    ASSERT(source < t->rows);
    struct tsdb_span_source s = {0};
    bool is_good = true;
    enum tsdb_status st = span_table_everything(t, err);
    if (st != TSDB_OK)
        return st;
    s.scope_name = text_at(t, INTRINSIC_SCOPE_NAME, source);
    s.scope_version = text_at(t, INTRINSIC_SCOPE_VERSION, source);
    s.resource_schema_url = text_at(t, INTRINSIC_RESOURCE_SCHEMA_URL, source);
    s.scope_schema_url = text_at(t, INTRINSIC_SCOPE_SCHEMA_URL, source);
    s.resource.dropped = u32_at(t, INTRINSIC_RESOURCE_DROPPED, source, &is_good);
    s.scope.dropped = u32_at(t, INTRINSIC_SCOPE_DROPPED, source, &is_good);
    if (!is_good)
        return span_table_damage(t, source, err);
    st = span_table_fields(t, source, TSDB_PLACE_RESOURCE, arena, &s.resource, err);
    if (st == TSDB_OK)
        st = span_table_fields(t, source, TSDB_PLACE_SCOPE, arena, &s.scope, err);
    if (st != TSDB_OK)
        return st;
    *out = s;
    *tenant = text_at(t, INTRINSIC_TENANT, source);
    return TSDB_OK;
}
