#include "tsdb/logs/regroup.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logs/logs.h"

#include <string.h>

/* A column of a source, in the clear. */
struct decoded_column {
    const struct column_info *info;
    union {
        const int64_t *ints;
        const double *doubles;
        const struct tsdb_text *texts;
    };
    const uint64_t *presence; /* NULL: every row has it */
    uint32_t target;          /* in the writer, when the epochs are the same */
    uint32_t epoch;
};

/* A source, in the clear.  Columns of a row: having[first[row] .. first[row + 1]). */
struct decoded {
    struct group_reader *reader;    /* owned */
    struct decoded_column *columns; /* owned; of the fields */
    uint32_t column_count;
    const int64_t *times;
    const struct tsdb_text *lines;
    uint32_t *first;  /* owned */
    uint16_t *having; /* owned */
};

static enum tsdb_status read_column(struct decoded *d, uint32_t column, struct decoded_column *out,
                                    struct tsdb_error *err)
{
    switch ((enum column_kind)out->info->kind) {
    case COLUMN_INT: return group_ints(d->reader, column, &out->ints, err);
    case COLUMN_DOUBLE: return group_doubles(d->reader, column, &out->doubles, err);
    case COLUMN_TEXT: return group_texts(d->reader, column, &out->texts, err);
    }
    return tsdb_fail(err, TSDB_ECORRUPT, "group: column of kind %u", (unsigned)out->info->kind);
}

static bool is_field(const struct column_info *info)
{
    return info->tag < TSDB_FIELD_TYPE_COUNT && info->kind == field_kind(info->tag);
}

/* Every column but time and line, which have places of their own. */
static enum tsdb_status read_columns(struct decoded *d, const struct group *group,
                                     struct tsdb_error *err)
{
    uint32_t n = group_columns(group);
    d->columns = MEM_ARRAY(struct decoded_column, n);
    for (uint32_t i = 0; i < n; i++) {
        struct decoded_column column = {.info = group_column(group, i)};
        enum tsdb_status st = read_column(d, i, &column, err);
        if (st == TSDB_OK)
            st = group_presence(d->reader, i, &column.presence, err);
        if (st != TSDB_OK)
            return st;
        bool is_own = column.info->tag == LOGS_COLUMN_TAG;
        if (is_own && column.info->kind == COLUMN_INT && !column.presence)
            d->times = column.ints;
        else if (is_own && column.info->kind == COLUMN_TEXT && !column.presence)
            d->lines = column.texts;
        else if (is_field(column.info))
            d->columns[d->column_count++] = column;
        else
            return tsdb_fail(err, TSDB_ECORRUPT, "group: column of tag %u, kind %u",
                             column.info->tag, column.info->kind);
    }
    if (!d->times || !d->lines)
        return tsdb_fail(err, TSDB_ECORRUPT, "group: no column of times or lines");
    return TSDB_OK;
}

/* Calls for each row that has the column: counts it, or notes the column. */
static void each_row(struct decoded *d, uint32_t column, uint32_t rows, bool is_noted)
{
    const uint64_t *bits = d->columns[column].presence;
    for (uint32_t word = 0; word * 64 < rows; word++) {
        uint32_t left = rows - word * 64;
        uint64_t mask = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
        for (uint64_t w = (bits ? bits[word] : UINT64_MAX) & mask; w; w &= w - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(w);
            if (is_noted)
                d->having[d->first[row]] = (uint16_t)column;
            d->first[row]++;
        }
    }
}

/* A list of columns for each row. */
static void list_columns(struct decoded *d, uint32_t rows)
{
    uint32_t total = 0;
    d->first = MEM_ARRAY(uint32_t, (size_t)rows + 1);
    for (uint32_t c = 0; c < d->column_count; c++)
        each_row(d, c, rows, false);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t count = d->first[i];
        d->first[i] = total;
        total += count;
    }
    d->having = mem_alloc(((size_t)total + 1) * sizeof *d->having);
    for (uint32_t c = 0; c < d->column_count; c++)
        each_row(d, c, rows, true);
    memmove(d->first + 1, d->first, rows * sizeof *d->first); /* each stands at its end now */
    d->first[0] = 0;
}

static enum tsdb_status decode(struct decoded *d, const struct regroup_source *in,
                               struct tsdb_error *err)
{
    uint32_t rows = group_rows(in->group);
    d->reader = group_reader_new(NULL);
    group_reader_open(d->reader, in->group);
    enum tsdb_status st = read_columns(d, in->group, err);
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < in->run_count; i++)
        if (in->runs[i].first > rows || in->runs[i].rows > rows - in->runs[i].first)
            return tsdb_fail(err, TSDB_ECORRUPT, "group: run past its %u rows", rows);
    list_columns(d, rows);
    return TSDB_OK;
}

enum tsdb_status regroup_open(struct regroup *r, const struct regroup_source *sources,
                              uint32_t count, uint32_t *bad, struct tsdb_error *err)
{
    *r = (struct regroup){.sources = sources, .count = count};
    r->decoded = MEM_ARRAY(struct decoded, count);
    for (uint32_t i = 0; i < count; i++) {
        enum tsdb_status st = decode(&r->decoded[i], &sources[i], err);
        if (st != TSDB_OK) {
            *bad = i;
            return st;
        }
        for (uint32_t k = 0; k < sources[i].run_count; k++)
            r->row_count += sources[i].runs[k].rows;
    }
    r->keys = mem_alloc((size_t)2 * r->row_count * sizeof *r->keys + 1);
    return TSDB_OK;
}

void regroup_close(struct regroup *r)
{
    for (uint32_t i = 0; i < r->count && r->decoded; i++) {
        struct decoded *d = &r->decoded[i];
        group_reader_free(d->reader);
        mem_free(d->columns);
        mem_free(d->first);
        mem_free(d->having);
    }
    mem_free(r->decoded);
    mem_free(r->keys);
}

static bool is_cut(const struct regroup_cut *cuts, uint32_t count, int64_t ts)
{
    for (uint32_t i = 0; i < count; i++)
        if (ts >= cuts[i].start && ts < cuts[i].end)
            return true;
    return false;
}

/* The rows that are wanted, run after run; how many. */
static uint32_t gather(struct regroup *r, regroup_has_fn *has, void *arg)
{
    uint32_t n = 0, cut = 0;
    for (uint32_t s = 0; s < r->count; s++) {
        const int64_t *times = r->decoded[s].times;
        for (uint32_t k = 0; k < r->sources[s].run_count; k++) {
            const struct group_run *run = &r->sources[s].runs[k];
            uint32_t cut_end = cut;
            while (cut_end < r->cut_count && r->cuts[cut_end].source == s &&
                   r->cuts[cut_end].run == k)
                cut_end++;
            for (uint32_t i = run->first; i < run->first + run->rows; i++) {
                int64_t ts = times[i];
                if (is_cut(r->cuts + cut, cut_end - cut, ts) || (has && !has(arg, ts)))
                    continue;
                r->keys[n++] = (struct row_key){ts, run->stream, s, i};
            }
            cut = cut_end;
        }
    }
    return n;
}

/* The writer's columns for those that the row has; false: no room for one of them. */
static bool find_columns(struct group_builder *b, struct decoded *d, uint32_t row)
{
    for (uint32_t i = d->first[row]; i < d->first[row + 1]; i++) {
        struct decoded_column *c = &d->columns[d->having[i]];
        if (c->epoch == b->epoch)
            continue;
        c->target = group_writer_column(b->writer, c->info->name, c->info->tag,
                                        field_kind(c->info->tag), field_flags(b, c->info->tag));
        if (c->target == UINT32_MAX)
            return false;
        c->epoch = b->epoch;
    }
    return true;
}

static void put_values(struct group_builder *b, const struct decoded *d, uint32_t row)
{
    for (uint32_t i = d->first[row]; i < d->first[row + 1]; i++) {
        const struct decoded_column *c = &d->columns[d->having[i]];
        switch (field_kind(c->info->tag)) {
        case COLUMN_INT: group_writer_int(b->writer, c->target, c->ints[row]); break;
        case COLUMN_DOUBLE: group_writer_double(b->writer, c->target, c->doubles[row]); break;
        case COLUMN_TEXT:
            group_writer_text(b->writer, c->target, c->texts[row]);
            b->made.text_bytes += c->texts[row].len;
            break;
        }
    }
}

static enum tsdb_status add_row(struct regroup *r, const struct row_key *key,
                                struct group_builder *b, struct tsdb_error *err)
{
    struct decoded *d = &r->decoded[key->source];
    if (group_builder_is_full(b) || !find_columns(b, d, key->at)) {
        enum tsdb_status st = group_builder_finish(b, err);
        if (st != TSDB_OK)
            return st;
        if (!find_columns(b, d, key->at))
            return tsdb_fail(err, TSDB_ECORRUPT, "group: a row of more than %d fields",
                             TSDB_LOG_FIELDS_MAX);
    }
    group_builder_row(b, key->stream, key->ts, d->lines[key->at]);
    put_values(b, d, key->at);
    return TSDB_OK;
}

const int64_t *regroup_times(const struct regroup *r, uint32_t source)
{
    return r->decoded[source].times;
}

enum tsdb_status regroup_write(struct regroup *r, regroup_has_fn *has, void *arg,
                               struct group_builder *b, struct tsdb_error *err)
{
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; k < r->decoded[i].column_count; k++)
            r->decoded[i].columns[k].epoch = 0; /* another builder counts its own */
    uint32_t n = gather(r, has, arg);
    row_keys_sort(r->keys, r->keys + r->row_count, n);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < n && st == TSDB_OK; i++)
        st = add_row(r, &r->keys[i], b, err);
    return st == TSDB_OK ? group_builder_finish(b, err) : st;
}
