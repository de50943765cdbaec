#include "collector/config/config.h"

#include "collector/self/proc.h"
#include "tsdb/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A limit file: a number, or "max".  UINT64_MAX when it sets none. */
static uint64_t limit_read(struct fs *fs, const char *path)
{
    char text[64], *end;
    if (!proc_read(fs, path, text, sizeof text))
        return UINT64_MAX;
    uint64_t bytes = strtoull(text, &end, 10);
    return end == text ? UINT64_MAX : bytes;
}

/* The path that follows `key` up to the end of its line in /proc/self/cgroup. */
static bool group_path(const char *groups, const char *key, char *out, size_t cap)
{
    const char *p = strstr(groups, key);
    if (!p)
        return false;
    p += strlen(key);
    size_t n = strcspn(p, "\n");
    if (n >= cap)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

/* A limit on any group above holds as well; the path is cut from its end. */
static uint64_t limit_of_groups(struct fs *fs, const char *root, char *path, const char *name)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char file[4096];
        int n = snprintf(file, sizeof file, "%s%s/%s", root, path, name);
        if (n > 0 && (size_t)n < sizeof file) {
            uint64_t limit = limit_read(fs, file);
            least = limit < least ? limit : least;
        }
        char *slash = strrchr(path, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

uint64_t memory_available(struct fs *fs)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bytes = UINT64_C(1) << 30; /* a kernel that will not say */
    if (pages > 0 && page_bytes > 0)
        bytes = (uint64_t)pages * (uint64_t)page_bytes;
    char groups[4096], path[2048];
    if (!proc_read(fs, "/proc/self/cgroup", groups, sizeof groups))
        return bytes;
    uint64_t limit = UINT64_MAX;
    if (group_path(groups, "0::", path, sizeof path))
        limit = limit_of_groups(fs, "/sys/fs/cgroup", path, "memory.max");
    if (limit == UINT64_MAX && group_path(groups, ":memory:", path, sizeof path))
        limit = limit_of_groups(fs, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
    return limit > 0 && limit < bytes ? limit : bytes;
}
