#include "collector/self/counters.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <stdatomic.h>
#include <string.h>

/* ---- the table, unfolded --------------------------------------------------------- */

enum {
    CELL_COUNTER = 1,
    CELL_GAUGE = 1,
    CELL_HISTOGRAM = HISTOGRAM_BOUNDS + 2, /* buckets, the one above, then the sum */
    HISTOGRAM_SUM = HISTOGRAM_BOUNDS + 1,
    CELLS_SHOWN = 16, /* a family with more cells leaves out its zeros */
};

/* Nanoseconds: from a journal sync on fast media to a slow query. */
const int64_t counters_bounds_ns[HISTOGRAM_BOUNDS] = {
    100000,   250000,    500000,    1000000,   2500000,    5000000,    10000000,   25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};

struct dimension {
    const char *label; /* NULL: no label */
    const char *const *values;
    unsigned count;
};

#define DIMENSION_TEXT(id, text) text,
static const char *const signals[] = {SIGNALS(DIMENSION_TEXT)};
static const char *const doors[] = {DOORS(DIMENSION_TEXT)};
static const char *const reasons[] = {REASONS(DIMENSION_TEXT)};
static const char *const listeners[] = {LISTENERS(DIMENSION_TEXT)};
static const char *const closings[] = {CLOSINGS(DIMENSION_TEXT)};
static const char *const routes[] = {ROUTES(DIMENSION_TEXT)};
static const char *const codes[] = {CODES(DIMENSION_TEXT)};
static const char *const endings[] = {ENDINGS(DIMENSION_TEXT)};
static const char *const stages[] = {STAGES(DIMENSION_TEXT)};
static const char *const versions[] = {VERSIONS(DIMENSION_TEXT)};

static const struct dimension dimension_SIGNAL = {"signal", signals, SIGNAL_COUNT};
static const struct dimension dimension_DOOR = {"door", doors, DOOR_COUNT};
static const struct dimension dimension_REASON = {"reason", reasons, REASON_COUNT};
static const struct dimension dimension_LISTENER = {"listener", listeners, LISTENER_COUNT};
static const struct dimension dimension_CLOSING = {"reason", closings, CLOSING_COUNT};
static const struct dimension dimension_ROUTE = {"route", routes, ROUTE_COUNT};
static const struct dimension dimension_CODE = {"code", codes, CODE_COUNT};
static const struct dimension dimension_ENDING = {"result", endings, ENDING_COUNT};
static const struct dimension dimension_STAGE = {"stage", stages, STAGE_COUNT};
static const struct dimension dimension_VERSION = {"version", versions, VERSION_COUNT};
static const struct dimension dimension_NONE = {NULL, NULL, NONE_COUNT};

/* Atomic: every cell, relaxed. */
struct cells {
#define FAMILY_CELLS(id, kind, name, unit, a, b, c, help)                                          \
    _Atomic int64_t of_##id[(int)a##_COUNT * (int)b##_COUNT * (int)c##_COUNT * (int)CELL_##kind];
    FAMILIES(FAMILY_CELLS)
};
static struct cells cells;

struct row {
    enum family_kind kind;
    const char *name, *unit, *help;
    _Atomic int64_t *first;
    const struct dimension *dimensions[3];
};

#define FAMILY_ROW(id, kind, name, unit, a, b, c, help)                                            \
    {KIND_##kind, name,          unit,                                                             \
     help,        cells.of_##id, {&dimension_##a, &dimension_##b, &dimension_##c}},
static const struct row rows[FAMILY_COUNT] = {FAMILIES(FAMILY_ROW)};

/* ---- writing ----------------------------------------------------------------------- */

static unsigned row_stride(const struct row *row)
{
    return row->kind == KIND_HISTOGRAM ? (unsigned)CELL_HISTOGRAM : 1;
}

static _Atomic int64_t *cell_get(enum family id, struct cell where)
{
    ASSERT(id < FAMILY_COUNT);
    const struct row *row = &rows[id];
    size_t index = 0;
    for (int d = 0; d < 3; d++) {
        ASSERT(where.at[d] < row->dimensions[d]->count);
        index = index * row->dimensions[d]->count + where.at[d];
    }
    return row->first + index * row_stride(row);
}

void counters_add(enum family id, struct cell where, int64_t n)
{
    ASSERT(rows[id].kind != KIND_HISTOGRAM);
    ASSERT(n >= 0 || rows[id].kind == KIND_GAUGE);
    atomic_fetch_add_explicit(cell_get(id, where), n, memory_order_relaxed);
}

void counters_set(enum family id, struct cell where, int64_t value)
{
    ASSERT(rows[id].kind != KIND_HISTOGRAM);
    atomic_store_explicit(cell_get(id, where), value, memory_order_relaxed);
}

void counters_observe(enum family id, struct cell where, int64_t ns)
{
    ASSERT(rows[id].kind == KIND_HISTOGRAM);
    _Atomic int64_t *cell = cell_get(id, where);
    unsigned bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && ns > counters_bounds_ns[bucket])
        bucket++;
    atomic_fetch_add_explicit(cell + bucket, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(cell + HISTOGRAM_SUM, ns > 0 ? ns : 0, memory_order_relaxed);
}

static int64_t cell_load(const _Atomic int64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

int64_t counters_get(enum family id, struct cell where)
{
    const _Atomic int64_t *cell = cell_get(id, where);
    if (rows[id].kind != KIND_HISTOGRAM)
        return cell_load(cell);
    int64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        count += cell_load(cell + i);
    return count;
}

/* ---- collectors ---------------------------------------------------------------------- */

/* Set up before threads start, then only read. */
static struct {
    void (*fn)(void *arg);
    void *arg;
} collectors[COLLECTORS_MAX];
static unsigned collector_count;

void counters_on_collect(void (*fn)(void *arg), void *arg)
{
    ASSERT(collector_count < COLLECTORS_MAX);
    collectors[collector_count].fn = fn;
    collectors[collector_count].arg = arg;
    collector_count++;
}

void counters_forget_collectors(void)
{
    collector_count = 0;
}

static void collect(void)
{
    counters_set(BUILD_INFO, AT(VERSION_THIS), 1);
    for (unsigned i = 0; i < collector_count; i++)
        collectors[i].fn(collectors[i].arg);
}

/* ---- reading --------------------------------------------------------------------------- */

/* One family being walked: where samples go, and what they share. */
struct walk {
    void (*fn)(void *arg, const struct counter_sample *sample);
    void *arg;
    const struct row *row;
    struct counter_sample sample;
    struct tsdb_label labels[4]; /* three dimensions and le */
};

static enum tsdb_metric_type type_of(enum family_kind kind)
{
    switch (kind) {
    case KIND_COUNTER: return TSDB_METRIC_COUNTER;
    case KIND_GAUGE: return TSDB_METRIC_GAUGE;
    case KIND_HISTOGRAM: return TSDB_METRIC_HISTOGRAM;
    }
    UNREACHABLE();
}

static double row_value(const struct row *row, int64_t raw)
{
    return strcmp(row->unit, "seconds") == 0 ? (double)raw / (double)NS_PER_S : (double)raw;
}

static void walk_emit(struct walk *w, const char *suffix, double value)
{
    char name[96];
    size_t len = strlen(w->row->name), more = strlen(suffix);
    ASSERT(len + more < sizeof name);
    memcpy(name, w->row->name, len);
    memcpy(name + len, suffix, more);
    w->sample.name = (struct tsdb_text){name, len + more};
    w->sample.value = value;
    w->fn(w->arg, &w->sample);
}

static void labels_put(struct walk *w, struct tsdb_text name, struct tsdb_text value)
{
    uint32_t i = w->sample.labels.count++;
    for (; i > 0 && text_compare(w->labels[i - 1].name, name) > 0; i--)
        w->labels[i] = w->labels[i - 1];
    w->labels[i] = (struct tsdb_label){name, value};
}

/* The labels of a cell by its index; le is put by the caller. */
static void labels_of_cell(struct walk *w, unsigned index)
{
    w->sample.labels = (struct tsdb_labels){w->labels, 0};
    for (int d = 2; d >= 0; d--) {
        const struct dimension *dimension = w->row->dimensions[d];
        unsigned at = index % dimension->count;
        index /= dimension->count;
        if (dimension->label)
            labels_put(w, text_of(dimension->label), text_of(dimension->values[at]));
    }
}

/* "0.1", "1.0", "+Inf": the form that servers normalise to. */
static struct tsdb_text le_format(unsigned bound, char out[DOUBLE_TEXT_MAX])
{
    if (bound == HISTOGRAM_BOUNDS)
        return text_of("+Inf");
    size_t n = double_format((double)counters_bounds_ns[bound] / (double)NS_PER_S, out);
    if (!memchr(out, '.', n)) {
        memcpy(out + n, ".0", 2);
        n += 2;
    }
    return (struct tsdb_text){out, n};
}

static void walk_histogram(struct walk *w, const _Atomic int64_t *cell, unsigned index)
{
    int64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        char le[DOUBLE_TEXT_MAX];
        count += cell_load(cell + i);
        labels_of_cell(w, index);
        labels_put(w, text_of("le"), le_format(i, le));
        walk_emit(w, "_bucket", (double)count);
    }
    labels_of_cell(w, index);
    walk_emit(w, "_sum", row_value(w->row, cell_load(cell + HISTOGRAM_SUM)));
    walk_emit(w, "_count", (double)count);
}

static bool is_shown(const struct row *row, const _Atomic int64_t *cell, unsigned cell_count)
{
    if (row->kind == KIND_GAUGE || cell_count == 1)
        return true;
    if (row->kind == KIND_COUNTER)
        return cell_count <= CELLS_SHOWN || cell_load(cell) != 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        if (cell_load(cell + i) != 0)
            return true;
    return false;
}

static void walk_family(struct walk *w, const struct row *row)
{
    w->row = row;
    w->sample = (struct counter_sample){.family = text_of(row->name),
                                        .unit = text_of(row->unit),
                                        .help = text_of(row->help),
                                        .type = type_of(row->kind)};
    unsigned count =
        row->dimensions[0]->count * row->dimensions[1]->count * row->dimensions[2]->count;
    for (unsigned i = 0; i < count; i++) {
        const _Atomic int64_t *cell = row->first + (size_t)i * row_stride(row);
        if (!is_shown(row, cell, count))
            continue;
        if (row->kind == KIND_HISTOGRAM) {
            walk_histogram(w, cell, i);
            continue;
        }
        labels_of_cell(w, i);
        walk_emit(w, row->kind == KIND_COUNTER ? "_total" : "", row_value(row, cell_load(cell)));
    }
}

void counters_each(void (*fn)(void *arg, const struct counter_sample *sample), void *arg)
{
    collect();
    struct walk w = {.fn = fn, .arg = arg};
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        walk_family(&w, &rows[i]);
}

/* ---- the page ---------------------------------------------------------------------------- */

static void render_sample(void *arg, const struct counter_sample *sample)
{
    struct writer *w = arg;
    writer_put(w, sample->name.at, sample->name.len);
    for (uint32_t i = 0; i < sample->labels.count; i++) {
        const struct tsdb_label *label = &sample->labels.at[i];
        writer_u8(w, i == 0 ? '{' : ',');
        writer_put(w, label->name.at, label->name.len);
        writer_text(w, "=\"");
        writer_put(w, label->value.at, label->value.len); /* closed sets: nothing to escape */
        writer_u8(w, '"');
    }
    writer_text(w, sample->labels.count > 0 ? "} " : " ");
    w->len += double_format(sample->value, (char *)writer_reserve(w, DOUBLE_TEXT_MAX));
    writer_u8(w, '\n');
}

static void render_head(struct writer *w, const struct row *row, enum counters_form form)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    bool is_open = form == FORM_OPENMETRICS;
    const char *suffix = !is_open && row->kind == KIND_COUNTER ? "_total" : "";
    writer_format(w, "# HELP %s%s %s\n", row->name, suffix, row->help);
    writer_format(w, "# TYPE %s%s %s\n", row->name, suffix, kinds[row->kind]);
    if (is_open && row->unit[0])
        writer_format(w, "# UNIT %s %s\n", row->name, row->unit);
}

void counters_render(struct writer *w, enum counters_form form)
{
    collect();
    struct walk walk = {.fn = render_sample, .arg = w};
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        render_head(w, &rows[i], form);
        walk_family(&walk, &rows[i]);
    }
    if (form == FORM_OPENMETRICS)
        writer_text(w, "# EOF\n");
}

const char *counters_content_type(enum counters_form form)
{
    return form == FORM_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}
