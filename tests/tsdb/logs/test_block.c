/* Goal: a block gives back what was written; no byte of its sections, however wrong, leads out
 * of bounds (checksums made right again); see fuzz_log_block.c. */
#include "tests/tsdb/logs/prop_log_block.h"
#include "tests/tsdb/logs/rig.h"

enum { SECTION_BYTES_MAX = 1 << 16 };

/* The file of a small store's one segment. */
static struct writer make_file(void)
{
    struct rig r;
    char path[STORE_PATH_MAX], line[64];
    struct writer out = {0};
    rig_init(&r);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(line, sizeof line, "line %d with words %d", i, i * i % 97);
        rig_put(&r, i % 3 ? "api" : "db", RIG_NOW + i, line);
    }
    rig_seal(&r);
    store_segment_path(&r.store, r.l->shelf.list->at[0]->entry.id, STORE_LOGS, path);
    struct bytes file = fs_sim_get(r.sim, path);
    writer_put(&out, file.at, file.len);
    rig_release(&r);
    return out;
}

/* The file again with one section changed; whether it opens. */
static bool with_changed(struct bytes file, uint32_t changed, struct random *random)
{
    struct fs_sim *sim = fs_sim_new();
    struct segment *in;
    struct segment_writer *out;
    struct segment_facts facts;
    fs_sim_put(sim, "in", file);
    cr_assert_eq(segment_open(fs_sim_fs(sim), "in", &in, NULL), TSDB_OK);
    cr_assert_eq(segment_writer_open(fs_sim_fs(sim), "out", &out, NULL), TSDB_OK);
    for (uint32_t id = BLOCK_FACTS; id <= BLOCK_DATA; id++) {
        static uint8_t copy[SECTION_BYTES_MAX];
        struct bytes body;
        cr_assert(segment_section(in, id, &body) && body.len <= sizeof copy);
        memcpy(copy, body.at, body.len);
        size_t len = body.len;
        if (id == changed && len > 0) {
            for (uint64_t n = 1 + random_below(random, 3); n > 0; n--)
                copy[random_below(random, len)] = (uint8_t)random_next(random);
            if (random_below(random, 8) == 0)
                len = (size_t)random_below(random, len);
        }
        segment_section_begin(out, id);
        cr_assert_eq(segment_write(out, (struct bytes){copy, len}, NULL), TSDB_OK);
        segment_section_end(out);
    }
    cr_assert_eq(segment_writer_seal(out, &facts, NULL), TSDB_OK);
    segment_unref(in);
    struct bytes made = fs_sim_get(sim, "out");
    bool is_open = prop_log_block(made);
    fs_sim_free(sim);
    return is_open;
}

Test(block, no_wrong_section_leads_out_of_bounds)
{
    struct random random;
    uint32_t opened = 0;
    struct writer file = make_file();
    random_init(&random, rig_seed(9));
    cr_assert(prop_log_block(writer_bytes(&file)));
    for (uint32_t id = BLOCK_FACTS; id <= BLOCK_DATA; id++)
        for (int i = 0; i < 120; i++)
            opened += with_changed(writer_bytes(&file), id, &random);
    cr_assert(opened > 100, "%u", opened);
    writer_release(&file);
}

Test(block, holds_what_the_manifest_says)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "x");
    rig_seal(&r);
    struct block *b = log_block_of(r.l->shelf.list->at[0]);
    struct tsdb_error err = {0};
    cr_assert_eq(log_block_verify(b, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(b->shelved.entry.samples, 1u);
    cr_assert_eq(b->stream_count, 1u);
    store_segment_path(&r.store, b->shelved.entry.id, STORE_METRICS, path); /* no such file */
    struct block *other;
    cr_assert_eq(log_block_open(r.options.fs, path, &b->shelved.entry, &other, NULL),
                 TSDB_ENOTFOUND);
    rig_release(&r);
}
