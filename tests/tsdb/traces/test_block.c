/* Goal: a block gives back what was written; its index finds every trace and no other; no byte
 * of its sections, however wrong, leads out of bounds (checksums made right again); see
 * fuzz_trace_block.c. */
#include "tests/tsdb/traces/prop_trace_block.h"
#include "tests/tsdb/traces/rig.h"

enum { SECTION_BYTES_MAX = 1 << 16 };

/* The file of a small store's one segment. */
static struct writer make_file(void)
{
    struct rig r;
    char path[STORE_PATH_MAX];
    struct writer out = {0};
    rig_init(&r);
    for (uint32_t i = 0; i < 300; i++)
        rig_put(&r, 1 + i / 5, 1 + i, i % 5 ? i : 0, RIG_NOW + i, i % 3 ? "get" : "query");
    rig_seal(&r);
    store_segment_path(&r.store, rig_block(&r, 0)->shelved.entry.id, STORE_TRACES, path);
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
    for (uint32_t id = TRACE_FACTS; id <= TRACE_INDEX; id++) {
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
    bool is_open = prop_trace_block(made);
    fs_sim_free(sim);
    return is_open;
}

Test(block, no_wrong_section_leads_out_of_bounds)
{
    struct random random;
    uint32_t opened = 0;
    struct writer file = make_file();
    random_init(&random, rig_seed(9));
    cr_assert(prop_trace_block(writer_bytes(&file)));
    for (uint32_t id = TRACE_FACTS; id <= TRACE_INDEX; id++)
        for (int i = 0; i < 120; i++)
            opened += with_changed(writer_bytes(&file), id, &random);
    cr_assert(opened > 100, "%u", opened);
    writer_release(&file);
}

Test(block, holds_what_the_manifest_says)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t i = 0; i < 30; i++)
        rig_put(&r, 1 + i % 7, 1 + i, 0, RIG_NOW + i, "x");
    rig_seal(&r);
    const struct trace_block *b = rig_block(&r, 0);
    const struct manifest_segment *e = &b->shelved.entry;
    cr_assert_eq(e->ts_min, RIG_NOW);
    cr_assert_eq(e->ts_max, RIG_NOW + 29);
    cr_assert_eq(e->samples, 30u);
    cr_assert_eq(e->series, 7u, "traces");
    cr_assert_eq(e->bytes, segment_facts(b->shelved.segment).bytes);
    cr_assert_eq(b->group_count, 1u);
    cr_assert_eq(b->entry_count, 7u);
    cr_assert_eq(b->groups[0].rows, 30u);
    rig_release(&r);
}

/* ---- the index ------------------------------------------------------------------------- */

struct found {
    uint32_t groups[64], count;
};

static bool note(void *arg, uint32_t group)
{
    struct found *f = arg;
    f->groups[f->count++] = group;
    return f->count < 64;
}

static int by_hash(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool has(const uint32_t *hashes, uint32_t count, uint32_t hash)
{
    return bsearch(&hash, hashes, count, sizeof hash, by_hash) != NULL;
}

enum { GROUPS = 40, HASHES = 3000 };

/* Groups of one span each, under hashes of our choice. */
static struct trace_block *make_index(struct fs_sim *sim, uint32_t hashes[GROUPS][HASHES],
                                      uint32_t *counts)
{
    struct trace_block_writer *w;
    struct trace_block *b;
    struct manifest_segment entry;
    struct span_builder *builder = span_builder_new(NULL);
    cr_assert_eq(trace_block_writer_open(fs_sim_fs(sim), "b", 1, &w, NULL), TSDB_OK);
    for (uint32_t g = 0; g < GROUPS; g++) {
        struct made_part made = {.weight = 100};
        struct tsdb_span_source source = {0};
        struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW, "x");
        span.source = span_builder_source(builder, text_of(""), &source);
        cr_assert(span_builder_span(builder, &span));
        cr_assert_eq(span_builder_finish(builder, GROUP_SEALED, &made.spans, NULL), TSDB_OK);
        struct trace_group_parts parts = made_part_parts(&made);
        parts.hashes = hashes[g];
        parts.hash_count = counts[g];
        parts.rows = HASHES; /* only the index is looked at */
        cr_assert_eq(trace_block_writer_group(w, &parts, NULL), TSDB_OK);
        made_part_release(&made);
    }
    cr_assert_eq(trace_block_writer_seal(w, &entry, NULL), TSDB_OK);
    cr_assert_eq(trace_block_open(fs_sim_fs(sim), "b", &entry, &b, NULL), TSDB_OK);
    span_builder_free(builder);
    return b;
}

/* Even ones, and some that are not: all in one corner, or few and far between. */
static uint32_t random_hash(struct random *random, uint32_t shape)
{
    uint32_t hash = (uint32_t)random_next(random);
    return shape == 0 ? hash : shape == 1 ? hash % 5000 : shape == 2 ? hash | 0xffffff00 : hash % 3;
}

Test(block, the_index_finds_every_trace_and_no_other)
{
    static uint32_t hashes[GROUPS][HASHES], counts[GROUPS];
    struct random random;
    random_init(&random, rig_seed(11));
    for (uint32_t shape = 0; shape < 4; shape++) {
        struct fs_sim *sim = fs_sim_new();
        uint64_t hits = 0;
        for (uint32_t g = 0; g < GROUPS; g++) {
            uint32_t n = 0;
            for (uint32_t i = 0; i < HASHES; i++)
                hashes[g][i] = random_hash(&random, shape);
            qsort(hashes[g], HASHES, sizeof hashes[g][0], by_hash);
            for (uint32_t i = 0; i < HASHES; i++)
                if (n == 0 || hashes[g][i] != hashes[g][n - 1])
                    hashes[g][n++] = hashes[g][i];
            counts[g] = n;
        }
        struct trace_block *b = make_index(sim, hashes, counts);
        for (int i = 0; i < 20000; i++) {
            uint32_t group = (uint32_t)random_below(&random, GROUPS), n = 0;
            uint32_t hash = i % 2 ? random_hash(&random, shape)
                                  : hashes[group][random_below(&random, counts[group])];
            struct found f = {.count = 0};
            cr_assert_eq(trace_block_find(b, hash, note, &f, NULL), TSDB_OK);
            for (uint32_t g = 0; g < GROUPS; g++)
                if (has(hashes[g], counts[g], hash)) {
                    cr_assert_lt(n, f.count);
                    cr_assert_eq(f.groups[n++], g, "ascending, each once");
                }
            cr_assert_eq(n, f.count);
            hits += n;
        }
        cr_assert_geq(hits, 10000u);
        shelved_unref(&b->shelved);
        fs_sim_free(sim);
    }
}
