/* Files that the first version wrote.  They are made once: UPDATE_GOLDEN=1 writes
 * them anew, and the difference is reviewed. */
#include "tests/tsdb/store/journal_rig.h"
#include "tests/tsdb/store/manifest_rig.h"
#include "tests/tsdb/store/prop_journal.h"
#include "tests/tsdb/store/prop_manifest.h"
#include "tests/tsdb/store/prop_segment.h"
#include "tests/tsdb/store/segment_rig.h"

#include <stdlib.h>

static struct fs_sim *sim;

static void make(void)
{
    sim = fs_sim_new();
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(golden, .init = make, .fini = drop);

/* Brings a golden file into the simulation; made from it when asked to. */
static void load(const char *golden, const char *path)
{
    struct fs_file *file;
    struct bytes map;
    if (getenv("UPDATE_GOLDEN")) {
        struct bytes content = fs_sim_get(sim, path);
        while (content.len > 64 && content.at[content.len - 1] == 0)
            content.len--;
        cr_assert_eq(fs_open(fs_posix(), golden, FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, NULL),
                     TSDB_OK);
        cr_assert_eq(fs_pwrite(file, content.at, content.len, 0, NULL), TSDB_OK);
        fs_close(file);
    }
    cr_assert_eq(fs_open(fs_posix(), golden, FS_READ, &file, NULL), TSDB_OK, "%s", golden);
    cr_assert_eq(fs_map(file, &map, NULL), TSDB_OK);
    fs_sim_put(sim, path, map);
    fs_unmap(fs_posix(), map);
    fs_close(file);
}

Test(golden, journal_v1_reads_as_written)
{
    struct journal_options options = journal_rig_options(sim, TSDB_SYNC_ALWAYS);
    struct ledger ledger = {0};
    struct journal *j;
    cr_assert_eq(journal_open(&options, 4096, &j, NULL), TSDB_OK);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(ledger_append(&ledger, j, NULL), TSDB_OK);
    journal_close(j);
    load("tests/golden/journal/v1/journal-00000001", "j/journal-00000001");
    ledger.acked = 5;
    cr_assert_eq(journal_open(&options, 4096, &j, NULL), TSDB_OK);
    struct found f = journal_rig_replay(j, &ledger, 4096);
    cr_assert_eq(f.count, 5);
    cr_assert_eq(found_lost(&f, 0), 0);
    journal_close(j);
    struct bytes file = fs_sim_get(sim, "j/journal-00000001");
    cr_assert_eq(prop_journal(file.at, file.len), 5);
}

Test(golden, manifest_v1_reads_as_written)
{
    struct manifest *m;
    struct tsdb_error err = {0};
    cr_assert_eq(manifest_open(fs_sim_fs(sim), ".", &RIG_FACTS, &m, NULL), TSDB_OK);
    for (uint64_t n = 0; n < 15; n++)
        cr_assert_eq(rig_apply(m, n, NULL), TSDB_OK);
    uint64_t digest = rig_digest(m), next = manifest_next_id(m);
    manifest_close(m);
    load("tests/golden/manifest/v1/MANIFEST", "./MANIFEST");
    struct manifest_facts other = {0};
    cr_assert_eq(manifest_open(fs_sim_fs(sim), ".", &other, &m, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(rig_digest(m), digest);
    cr_assert_eq(manifest_next_id(m), next);
    cr_assert_eq(manifest_facts(m)->seed, RIG_FACTS.seed);
    manifest_close(m);
    struct bytes file = fs_sim_get(sim, "./MANIFEST");
    cr_assert(prop_manifest(file.at, file.len));
}

Test(golden, segment_v1_is_written_in_the_same_bytes)
{
    (void)segment_rig_write(fs_sim_fs(sim), "now", 300, 3);
    (void)segment_rig_write(fs_sim_fs(sim), "then", 300, 3);
    load("tests/golden/segment/v1/three.seg", "then");
    struct bytes now = fs_sim_get(sim, "now"), then = fs_sim_get(sim, "then");
    cr_assert_eq(now.len, then.len);
    cr_assert_eq(memcmp(now.at, then.at, now.len), 0);
    cr_assert(prop_segment(then.at, then.len));
}
