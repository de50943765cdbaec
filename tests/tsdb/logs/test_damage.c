/* Goal: a damaged segment is set aside when it is met, answers that missed it say partial, also
 * after a restart, and everything else is still answered. */
#include "tests/tsdb/logs/rig.h"

/* Two days, one segment each, of which the older will suffer. */
static void make(struct rig *r, char path[STORE_PATH_MAX])
{
    rig_init(r);
    rig_put(r, "api", RIG_NOW - NS_PER_DAY, "old");
    rig_put(r, "api", RIG_NOW, "new");
    rig_seal(r);
    cr_assert_eq(r->l->shelf.list->count, 2u);
    const struct block *b = log_block_of(r->l->shelf.list->at[0]);
    if (b->shelved.entry.ts_max == RIG_NOW)
        b = log_block_of(r->l->shelf.list->at[1]);
    store_segment_path(&r->store, b->shelved.entry.id, STORE_LOGS, path);
}

static uint64_t file_bytes(struct rig *r, const char *path)
{
    struct fs_file *f;
    uint64_t size;
    cr_assert_eq(fs_open(r->options.fs, path, FS_READ, &f, NULL), TSDB_OK);
    cr_assert_eq(fs_size(f, &size, NULL), TSDB_OK);
    fs_close(f);
    return size;
}

static void flip(struct rig *r, const char *path, uint64_t off)
{
    struct fs_file *f;
    uint8_t byte;
    cr_assert_eq(fs_open(r->options.fs, path, FS_READ | FS_WRITE, &f, NULL), TSDB_OK);
    cr_assert_eq(fs_pread(f, &byte, 1, off, NULL), TSDB_OK);
    byte ^= 0x10;
    cr_assert_eq(fs_pwrite(f, &byte, 1, off, NULL), TSDB_OK);
    fs_close(f);
}

static bool is_partial(struct rig *r, int64_t start, int64_t end, uint32_t *rows)
{
    struct logs_selection all = {.start = start, .end = end};
    struct rig_rows got = {0};
    bool out;
    rig_select(r, &all, &got, &out);
    *rows = got.count;
    rig_rows_release(&got);
    return out;
}

Test(damage, wherever_it_is_the_rest_is_answered)
{
    struct rig probe;
    char path[STORE_PATH_MAX];
    make(&probe, path);
    uint64_t size = file_bytes(&probe, path), met = 0;
    rig_release(&probe);
    for (uint64_t off = 0; off < size; off += 7) {
        struct rig r;
        uint32_t rows, again;
        make(&r, path);
        rig_close(&r);
        flip(&r, path, off);
        rig_open(&r);
        bool partial = is_partial(&r, INT64_MIN, INT64_MAX, &rows);
        cr_assert_eq(rows, partial ? 1u : 2u, "byte %llu", (unsigned long long)off);
        met += partial;
        cr_assert_eq(is_partial(&r, INT64_MIN, INT64_MAX, &again), partial);
        cr_assert_eq(again, rows);
        cr_assert(!is_partial(&r, RIG_NOW, INT64_MAX, &again), "the other day is whole");
        cr_assert_eq(again, 1u);
        if (!partial) { /* padding, or a section that was not asked */
            for (uint64_t id = 0; (id = logs_scrub(r.l, id)) != 0;)
                ;
        }
        rig_reopen(&r);
        cr_assert_eq(is_partial(&r, INT64_MIN, INT64_MAX, &again), again == 1);
        rig_release(&r);
    }
    cr_assert(met > size / 7 / 3, "%llu of %llu", (unsigned long long)met,
              (unsigned long long)size / 7);
}

Test(damage, a_merge_goes_on_without_it)
{
    struct rig r;
    rig_init(&r);
    for (int i = 0; i < 3; i++) {
        char line[16];
        for (int k = 0; k < 20; k++) {
            (void)snprintf(line, sizeof line, "%d of %d", k, i);
            rig_put(&r, "api", RIG_NOW + i, line);
        }
        rig_seal(&r);
    }
    char path[STORE_PATH_MAX];
    store_segment_path(&r.store, r.l->shelf.list->at[1]->entry.id, STORE_LOGS, path);
    rig_close(&r);
    flip(&r, path, 64); /* the data come first */
    rig_open(&r);
    rig_merge(&r); /* finds it and sets it aside */
    cr_assert_eq(r.l->shelf.list->count, 2u);
    rig_merge(&r);
    cr_assert_eq(r.l->shelf.list->count, 1u);
    uint32_t rows;
    cr_assert(is_partial(&r, INT64_MIN, INT64_MAX, &rows));
    cr_assert_eq(rows, 40u);
    rig_release(&r);
}

static void count_line(void *arg, const char *line)
{
    cr_assert(strstr(line, "-logs.seg"), "%s", line);
    ++*(uint32_t *)arg;
}

Test(damage, verifying_finds_it)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    uint32_t lines = 0;
    make(&r, path);
    rig_close(&r);
    cr_assert_eq(logs_verify(r.options.fs, "/store", count_line, &lines, NULL), TSDB_OK);
    flip(&r, path, 64);
    cr_assert_eq(logs_verify(r.options.fs, "/store", count_line, &lines, NULL), TSDB_ECORRUPT);
    cr_assert_eq(lines, 1u);
    rig_open(&r);
    rig_release(&r);
}
