#include "collector/ingest/tenants_file.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/fs_sim.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct fs_sim *sim;
static struct tenants tenants;
static struct tsdb_error err;
static const struct tsdb_limits common = {.memory_bytes = 7,
                                          .series_max = 1000,
                                          .series_new_per_s = 100,
                                          .labels_max = 64,
                                          .name_bytes_max = 256,
                                          .value_bytes_max = 4096,
                                          .future_max = 10 * NS_PER_MINUTE};

static void up(void)
{
    sim = fs_sim_new();
}

static void down(void)
{
    tenants_release(&tenants);
    fs_sim_free(sim);
}

TestSuite(tenants_file, .init = up, .fini = down);

static enum tsdb_status read_text(const char *text)
{
    struct fs *fs = fs_sim_fs(sim);
    struct fs_file *file;
    cr_assert_eq(fs_open(fs, "/t.yml", FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, NULL), TSDB_OK);
    cr_assert_eq(fs_pwrite(file, text, strlen(text), 0, NULL), TSDB_OK);
    fs_close(file);
    tenants_release(&tenants);
    err = (struct tsdb_error){0};
    return tenants_read(fs, "/t.yml", &common, &tenants, &err);
}

Test(tenants_file, says_each_limit_and_leaves_the_others_as_they_are)
{
    cr_assert_eq(read_text("tenants:\n"
                           "  acme: {series_max: 5, series_new_per_s: 6, labels_max: 7,\n"
                           "         name_bytes_max: 8, value_bytes_max: 9, future_limit: 1m,\n"
                           "         past_limit: 1d12h}\n"
                           "  other-1_X: {labels_max: 127}\n"
                           "  third: {}\n"),
                 TSDB_OK, "%s", err.msg);
    cr_assert_eq(tenants.count, 3);
    const struct tsdb_limits *l = &tenants.at[0].limits;
    cr_assert_str_eq(tenants.at[0].tenant, "acme");
    cr_assert_eq(l->series_max, 5);
    cr_assert_eq(l->series_new_per_s, 6);
    cr_assert_eq(l->labels_max, 7);
    cr_assert_eq(l->name_bytes_max, 8);
    cr_assert_eq(l->value_bytes_max, 9);
    cr_assert_eq(l->future_max, NS_PER_MINUTE);
    cr_assert_eq(l->past_max, 36 * NS_PER_HOUR);
    cr_assert_eq(l->memory_bytes, 7);
    struct tsdb_limits want = common;
    want.labels_max = 127;
    cr_assert_str_eq(tenants.at[1].tenant, "other-1_X");
    cr_assert_eq(memcmp(&tenants.at[1].limits, &want, sizeof want), 0);
    cr_assert_eq(memcmp(&tenants.at[2].limits, &common, sizeof common), 0);
}

Test(tenants_file, may_be_empty_or_none)
{
    static const char *const texts[] = {"", "# nothing\n", "tenants: {}\n", "{}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert_eq(read_text(texts[i]), TSDB_OK, "%s: %s", texts[i], err.msg);
        cr_assert_eq(tenants.count, 0);
    }
    tenants_release(&tenants);
    cr_assert_eq(tenants_read(fs_sim_fs(sim), "", &common, &tenants, &err), TSDB_OK);
    cr_assert_eq(tenants.count, 0);
}

Test(tenants_file, faults_are_told_with_their_place)
{
    static const char *const cases[][2] = {
        {"tenants: {a: {series_mx: 1}}", "/t.yml:1:26: unknown limit \"series_mx\""},
        {"tenants:\n  a:\n    series_max: 0\n",
         "/t.yml:3:17: series_max: want a whole number from 1 to 1000000000"},
        {"tenants: {a: {series_max: 1000000001}}",
         "/t.yml:1:27: series_max: want a whole number from 1 to 1000000000"},
        {"tenants: {a: {series_max: 99999999999999999999}}",
         "/t.yml:1:27: series_max: want a whole number from 1 to 1000000000"},
        {"tenants: {a: {labels_max: -1}}",
         "/t.yml:1:27: labels_max: want a whole number from 1 to 127"},
        {"tenants: {a: {labels_max: 128}}",
         "/t.yml:1:27: labels_max: want a whole number from 1 to 127"},
        {"tenants: {a: {labels_max: }}",
         "/t.yml:1:27: labels_max: want a whole number from 1 to 127"},
        {"tenants: {a: {labels_max: [1]}}",
         "/t.yml:1:27: labels_max: want a whole number from 1 to 127"},
        {"tenants: {a: {future_limit: 5}}",
         "/t.yml:1:29: future_limit: want a duration from 0s to 10y, such as 90s or 12h"},
        {"tenants: {a: {past_limit: 101y}}",
         "/t.yml:1:27: past_limit: want a duration from 0s to 100y, such as 90s or 12h"},
        {"tenants: {a: {labels_max: 1, labels_max: 2}}", "/t.yml:1:30: the key is repeated"},
        {"tenants: {a: {}, a: {}}", "/t.yml:1:18: the key is repeated"},
        {"tenants: {a b: {}}", "/t.yml:1:16: tenant: want letters, digits, _ and -"},
        {"tenants: {\"\": {}}", "/t.yml:1:15: tenant: want a name"},
        {"tenants: {a: 5}", "/t.yml:1:14: want a tenant's limits: key: value"},
        {"tenants: [a]", "/t.yml:1:10: want tenants: {NAME: {limits}}"},
        {"limits: {}", "/t.yml:1:9: want tenants: {NAME: {limits}}"},
        {"- a", "/t.yml:1:1: want tenants: {NAME: {limits}}"},
        {"a", "/t.yml:1:1: want tenants: {NAME: {limits}}"},
        {"tenants: {}\nmore: 1\n", "/t.yml:2:7: want the key tenants alone"},
        {"tenants: &x {}\n", "/t.yml:1:10: anchors and tags are not taken"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_text(cases[i][0]), TSDB_EINVAL, "%s", cases[i][0]);
        cr_assert_str_eq(err.msg, cases[i][1], "%s: %s", cases[i][0], err.msg);
        cr_assert_null(tenants.at);
    }
    cr_assert_eq(tenants_read(fs_sim_fs(sim), "/none.yml", &common, &tenants, &err),
                 TSDB_ENOTFOUND);
}

Test(tenants_file, has_limits_itself)
{
    static char text[TENANTS_FILE_BYTES_MAX + 2];
    for (size_t count = TENANTS_MAX; count <= TENANTS_MAX + 1; count++) {
        size_t n = (size_t)snprintf(text, sizeof text, "tenants:\n");
        for (size_t i = 0; i < count; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "  t%zu: {}\n", i);
        cr_assert_eq(read_text(text), count == TENANTS_MAX ? TSDB_OK : TSDB_EINVAL, "%s", err.msg);
    }
    cr_assert_str_eq(err.msg, "/t.yml:1026:10: too many tenants");
    memset(text, '#', sizeof text - 1);
    cr_assert_eq(read_text(text), TSDB_EINVAL);
    cr_assert_not_null(strstr(err.msg, "want at most 1048576"), "%s", err.msg);
    text[TENANTS_FILE_BYTES_MAX] = '\0';
    cr_assert_eq(read_text(text), TSDB_OK, "%s", err.msg);
}
