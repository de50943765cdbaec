/* The input says what columns the four tables have and what is in them: groups that are whole
 * as groups, and a span group or not.  What is wrong inside a group: tests/tsdb/columns.
 *
 *   per table: u8 rows; u8 columns, of each: u8 name (an intrinsic, or an attribute's), u8 tag,
 *   u8 kind; then of each row and column u8: what value
 */
#include "tests/tsdb/traces/prop_span_reader.h"
#include "tsdb/traces/span_columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { COLUMNS = 16, ROWS = 40, INTRINSIC_MAX = 200 };

struct fuzz_column {
    uint32_t at;
    enum column_kind kind;
};

static struct fuzz_column column_take(struct reader *r, struct group_writer *w)
{
    static const char *const names[] = {"a", "b", "http.method", "service.name"};
    uint8_t name = reader_u8(r), tag = reader_u8(r), kind = reader_u8(r);
    struct tsdb_text text = text_of(names[name % 4]);
    enum column_kind k = (enum column_kind)(kind % 3);
    if (name < INTRINSIC_MAX) { /* mostly as it should be */
        const struct intrinsic *in = &span_intrinsics[name % INTRINSICS];
        text = text_of(in->name);
        tag = tag < 250 ? SPAN_TAG_INTRINSIC : tag;
        k = kind < 250 ? in->kind : k;
    } else if (kind < 250) {
        k = field_kind(tag & 15);
    }
    struct fuzz_column c = {.at = group_writer_column(w, text, tag, k, 0), .kind = k};
    return c;
}

static void value_put(struct group_writer *w, const struct fuzz_column *c, uint8_t what)
{
    static const char texts[] = "0123456789abcdef0123456789abcdef";
    static const int64_t ints[] = {INT64_MIN, INT64_MAX, -1, -2, 256, UINT32_MAX + INT64_C(1)};
    if (what >= 250 || c->at == UINT32_MAX)
        return;
    switch (c->kind) {
    case COLUMN_INT: group_writer_int(w, c->at, what < 200 ? what % 50 : ints[what % 6]); return;
    case COLUMN_DOUBLE: group_writer_double(w, c->at, what / 3.0); return;
    case COLUMN_TEXT: {
        size_t n = what < 100 ? 16 : what < 200 ? 8 : what % 20;
        group_writer_text(w, c->at, (struct tsdb_text){texts + what % 12, n});
    }
    }
}

/* Columns have values of one kind: the first who asked for it made it. */
static void table_take(struct reader *r, struct group_strings *out)
{
    struct group_writer *w = group_writer_new(NULL);
    struct fuzz_column columns[COLUMNS];
    uint32_t rows = reader_u8(r) % ROWS, n = reader_u8(r) % COLUMNS;
    uint8_t kinds[COLUMNS] = {0};
    for (uint32_t i = 0; i < n; i++) {
        columns[i] = column_take(r, w);
        if (kinds[columns[i].at] == 0)
            kinds[columns[i].at] = (uint8_t)(columns[i].kind + 1);
        columns[i].kind = (enum column_kind)(kinds[columns[i].at] - 1);
    }
    for (uint32_t row = 0; row < rows; row++) {
        group_writer_row(w);
        for (uint32_t i = 0; i < n; i++)
            value_put(w, &columns[i], reader_u8(r));
    }
    enum tsdb_status st = rows ? group_writer_finish(w, GROUP_HOT, out, NULL) : TSDB_OK;
    ASSERT(st == TSDB_OK);
    group_writer_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader r = reader_over((struct bytes){data, len});
    struct group_strings strings[SPAN_TABLES] = {{{0}}};
    struct group *groups[SPAN_TABLES] = {0};
    struct span_tables tables = {{0}};
    for (int i = 0; i < SPAN_TABLES; i++) {
        table_take(&r, &strings[i]);
        if (strings[i].head.len == 0)
            continue;
        enum tsdb_status st = group_open(rig_bytes(&strings[i]), &groups[i], NULL);
        ASSERT(st == TSDB_OK);
        tables.at[i] = groups[i];
    }
    (void)prop_span_reader(&tables);
    for (int i = 0; i < SPAN_TABLES; i++) {
        group_free(groups[i]);
        group_strings_release(&strings[i]);
    }
    return 0;
}
