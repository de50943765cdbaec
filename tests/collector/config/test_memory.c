#include "collector/config/config.h"

#include "tsdb/base/fs.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

/* Files of the simulated machine. */
static const struct {
    const char *path, *text;
} * machine;
static size_t machine_count;

struct text_file {
    struct fs_file file;
    const char *text;
};

static enum tsdb_status sim_open(struct fs *fs, const char *path, unsigned flags,
                                 struct fs_file **out, struct tsdb_error *err)
{
    static struct text_file opened;
    (void)flags;
    (void)err;
    for (size_t i = 0; i < machine_count; i++)
        if (strcmp(machine[i].path, path) == 0) {
            opened = (struct text_file){{fs}, machine[i].text};
            *out = &opened.file;
            return TSDB_OK;
        }
    return TSDB_ENOTFOUND;
}

static void sim_close(struct fs_file *file)
{
    (void)file;
}

static enum tsdb_status sim_pread(struct fs_file *file, void *at, size_t len, uint64_t off,
                                  struct tsdb_error *err)
{
    const char *text = ((struct text_file *)file)->text;
    cr_assert_eq(off, 0);
    size_t n = strlen(text);
    memcpy(at, text, n < len ? n : len);
    if (n >= len)
        return TSDB_OK;
    err->os_errno = 0;
    return TSDB_EIO;
}

static const struct fs_ops ops = {.open = sim_open, .close = sim_close, .pread = sim_pread};
static struct fs fs = {&ops};

static uint64_t available(const void *files, size_t count)
{
    machine = files;
    machine_count = count;
    return memory_available(&fs);
}

#define FILES(...)                                                                                 \
    (const void *)(const struct { const char *path, *text; }[]){__VA_ARGS__},                      \
        sizeof((const struct { const char *path, *text; }[]){__VA_ARGS__}) / (2 * sizeof(char *))

Test(memory, least_limit_of_the_groups_above_holds)
{
    uint64_t whole = available(NULL, 0);
    cr_assert_gt(whole, 64 << 20);
    cr_assert_eq(available(FILES({"/proc/self/cgroup", "0::/a/b\n"},
                                 {"/sys/fs/cgroup/a/b/memory.max", "max\n"},
                                 {"/sys/fs/cgroup/a/memory.max", "33554432\n"})),
                 33554432);
    cr_assert_eq(available(FILES({"/proc/self/cgroup", "0::/\n"},
                                 {"/sys/fs/cgroup/memory.max", "12345678\n"})),
                 12345678);
    cr_assert_eq(available(FILES({"/proc/self/cgroup", "0::/a\n"},
                                 {"/sys/fs/cgroup/a/memory.max", "max\n"})),
                 whole);
}

Test(memory, first_version_of_groups_is_read_too)
{
    cr_assert_eq(
        available(FILES({"/proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/1\n0::/\n"},
                        {"/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "1048576\n"})),
        1048576);
    uint64_t whole = available(NULL, 0);
    cr_assert_eq(
        available(FILES({"/proc/self/cgroup", "4:memory:/\n"},
                        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"})),
        whole);
}
