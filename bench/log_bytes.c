/* Where the bytes of a sealed segment of logs are: by section, and by column.
 *
 * usage: log_bytes SEGMENT
 *
 * Prints a markdown table: bytes and bytes a record, most first; of each column its
 * presence, table and values together, and the encodings its groups chose.  Reads the
 * forms inside the engine, so it belongs to this commit's files alone.
 */
#include "tsdb/base/mem.h"
#include "tsdb/columns/group_form.h"
#include "tsdb/logs/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 512 };

static const char *const encodings[ENCODING_COUNT] = {"const", "dict", "ints",  "floats",
                                                      "fixed", "hex",  "pages", "templates"};

struct tally {
    char name[128];
    uint64_t bytes, tables;
    uint32_t groups[ENCODING_COUNT];
};

static struct tally tallies[COLUMNS_MAX];
static size_t tally_count;

static struct tally *tally_of(const struct column_info *c)
{
    char name[sizeof tallies[0].name];
    (void)snprintf(name, sizeof name, "%.*s (tag %u)", (int)(c->name.len < 100 ? c->name.len : 100),
                   c->name.at, c->tag);
    for (size_t i = 0; i < tally_count; i++)
        if (strcmp(tallies[i].name, name) == 0)
            return &tallies[i];
    if (tally_count == COLUMNS_MAX) {
        (void)fprintf(stderr, "more than %d columns\n", COLUMNS_MAX);
        exit(1);
    }
    struct tally *t = &tallies[tally_count++];
    memcpy(t->name, name, sizeof name);
    return t;
}

static void add_group(const struct group *g)
{
    for (uint32_t i = 0; i < g->column_count; i++) {
        const struct column_head *c = &g->columns[i];
        struct tally *t = tally_of(&c->info);
        t->groups[c->info.encoding]++;
        for (uint32_t p = c->part_first; p < c->part_first + c->part_count; p++) {
            t->bytes += g->parts[p].bytes;
            if (p < column_values_first(c, g->rows))
                t->tables += g->parts[p].bytes;
        }
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void row(const char *name, uint64_t bytes, uint64_t rows, const char *how)
{
    (void)printf("| %s | %llu | %.3f | %s |\n", name, (unsigned long long)bytes,
                 (double)bytes / (double)rows, how);
}

static void print_columns(uint64_t rows)
{
    qsort(tallies, tally_count, sizeof tallies[0], by_bytes);
    for (size_t i = 0; i < tally_count; i++) {
        char how[256] = "";
        size_t at = 0;
        for (int e = 0; e < ENCODING_COUNT; e++)
            if (tallies[i].groups[e])
                at += (size_t)snprintf(how + at, sizeof how - at, "%s x %u ", encodings[e],
                                       tallies[i].groups[e]);
        (void)snprintf(how + at, sizeof how - at, "(presence, table %.3f)",
                       (double)tallies[i].tables / (double)rows);
        row(tallies[i].name, tallies[i].bytes, rows, how);
    }
}

int main(int argc, char **argv)
{
    struct manifest_segment entry = {0};
    struct block *b = NULL;
    struct tsdb_error err = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: log_bytes SEGMENT\n");
        return 2;
    }
    if (log_block_open(fs_posix(), argv[1], &entry, &b, &err) != TSDB_OK) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    uint64_t rows = 0;
    for (uint32_t i = 0; i < b->group_count; i++) {
        const struct group *g;
        if (log_block_group_open(b, i, &g, &err) != TSDB_OK) {
            (void)fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
        rows += g->rows;
        add_group(g);
    }
    (void)printf("%u groups, %u streams, %llu records, lines of %.1f bytes\n\n"
                 "| | bytes | a record | |\n|---|---|---|---|\n",
                 b->group_count, b->stream_count, (unsigned long long)rows,
                 (double)b->line_bytes / (double)rows);
    row("runs", b->runs.len, rows, "");
    row("heads", b->heads.len, rows, "");
    row("filters", b->filters.len, rows, "");
    row("data", b->data.len, rows, "");
    print_columns(rows);
    shelved_unref(&b->shelved);
    return 0;
}
