#include "tsdb/base/assert.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct posix_file {
    struct fs_file file;
    int fd;
    char *path; /* owned; for messages */
};

static struct posix_file *posix_file(struct fs_file *file)
{
    ASSERT(file->fs == fs_posix());
    return (struct posix_file *)file;
}

static enum tsdb_status posix_open(struct fs *fs, const char *path, unsigned flags,
                                   struct fs_file **out, struct tsdb_error *err)
{
    int how = O_CLOEXEC | (flags & FS_WRITE ? O_RDWR : O_RDONLY);
    how |= (flags & FS_CREATE ? O_CREAT : 0) | (flags & FS_EXCLUSIVE ? O_EXCL : 0);
    how |= (flags & FS_TRUNCATE ? O_TRUNC : 0) | O_NOFOLLOW;
    int fd = open(path, how, 0600);
    if (fd == -1) {
        enum tsdb_status st = errno == ENOENT && !(flags & FS_CREATE) ? TSDB_ENOTFOUND : TSDB_EIO;
        (void)tsdb_fail_os(err, "open %s", path);
        return st;
    }
    struct posix_file *f = MEM_NEW(struct posix_file);
    f->file.fs = fs;
    f->fd = fd;
    f->path = mem_text(path, strlen(path));
    *out = &f->file;
    return TSDB_OK;
}

static void posix_close(struct fs_file *file)
{
    struct posix_file *f = posix_file(file);
    (void)close(f->fd); /* what mattered was synced before */
    mem_free(f->path);
    mem_free(f);
}

static enum tsdb_status posix_pread(struct fs_file *file, void *at, size_t len, uint64_t off,
                                    struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    char *p = at;
    while (len > 0) {
        ssize_t n = pread(f->fd, p, len, (off_t)off);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return tsdb_fail_os(err, "read %s at %llu", f->path, (unsigned long long)off);
        if (n == 0)
            return tsdb_fail(err, TSDB_EIO, "%s: ends at %llu, want %zu bytes more", f->path,
                             (unsigned long long)off, len);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return TSDB_OK;
}

static enum tsdb_status posix_pwrite(struct fs_file *file, const void *at, size_t len, uint64_t off,
                                     struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    const char *p = at;
    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)off);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return tsdb_fail_os(err, "write %s at %llu", f->path, (unsigned long long)off);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return TSDB_OK;
}

static enum tsdb_status posix_sync(struct fs_file *file, struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    if (fdatasync(f->fd) == -1)
        return tsdb_fail_os(err, "sync %s", f->path);
    return TSDB_OK;
}

static enum tsdb_status posix_size(struct fs_file *file, uint64_t *out, struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    struct stat info;
    if (fstat(f->fd, &info) == -1)
        return tsdb_fail_os(err, "stat %s", f->path);
    *out = (uint64_t)info.st_size;
    return TSDB_OK;
}

static enum tsdb_status posix_map(struct fs_file *file, struct bytes *out, struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    uint64_t len = 0;
    enum tsdb_status st = posix_size(file, &len, err);
    if (st != TSDB_OK)
        return st;
    if (len == 0) {
        *out = (struct bytes){0};
        return TSDB_OK;
    }
    void *map = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, f->fd, 0);
    if (map == MAP_FAILED)
        return tsdb_fail_os(err, "map %s", f->path);
    *out = (struct bytes){map, (size_t)len};
    return TSDB_OK;
}

static void posix_unmap(struct fs *fs, struct bytes map)
{
    (void)fs;
    int result = munmap((void *)(uintptr_t)map.at, map.len);
    ASSERT(result == 0);
}

static enum tsdb_status posix_lock(struct fs_file *file, struct tsdb_error *err)
{
    struct posix_file *f = posix_file(file);
    if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
        return TSDB_OK;
    if (errno == EWOULDBLOCK)
        return tsdb_fail(err, TSDB_EINVAL, "%s: held by another process", f->path);
    return tsdb_fail_os(err, "lock %s", f->path);
}

static enum tsdb_status posix_rename(struct fs *fs, const char *from, const char *to,
                                     struct tsdb_error *err)
{
    (void)fs;
    if (rename(from, to) == -1)
        return tsdb_fail_os(err, "rename %s to %s", from, to);
    return TSDB_OK;
}

static enum tsdb_status posix_link(struct fs *fs, const char *from, const char *to,
                                   struct tsdb_error *err)
{
    (void)fs;
    if (link(from, to) == -1)
        return tsdb_fail_os(err, "link %s to %s", from, to);
    return TSDB_OK;
}

static enum tsdb_status posix_unlink(struct fs *fs, const char *path, struct tsdb_error *err)
{
    (void)fs;
    if (unlink(path) == -1)
        return tsdb_fail_os(err, "unlink %s", path);
    return TSDB_OK;
}

static enum tsdb_status posix_mkdir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    (void)fs;
    if (mkdir(path, 0700) == -1 && errno != EEXIST)
        return tsdb_fail_os(err, "make folder %s", path);
    return TSDB_OK;
}

static enum tsdb_status posix_sync_dir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    (void)fs;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return tsdb_fail_os(err, "open folder %s", path);
    enum tsdb_status st = TSDB_OK;
    if (fsync(fd) == -1)
        st = tsdb_fail_os(err, "sync folder %s", path);
    (void)close(fd);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum tsdb_status posix_list(struct fs *fs, const char *path, fs_list_fn *fn, void *arg,
                                   struct tsdb_error *err)
{
    (void)fs;
    DIR *dir = opendir(path);
    if (!dir) {
        enum tsdb_status st = errno == ENOENT ? TSDB_ENOTFOUND : TSDB_EIO;
        (void)tsdb_fail_os(err, "list %s", path);
        return st;
    }
    char **names = NULL;
    size_t count = 0, cap = 0;
    /* Safe: the stream is this call's own.  NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (count == cap) {
            cap = cap ? cap * 2 : 64;
            names = mem_grow(names, cap, sizeof *names);
        }
        names[count++] = mem_text(e->d_name, strlen(e->d_name));
    }
    (void)closedir(dir);
    if (count)
        qsort(names, count, sizeof *names, by_name);
    bool is_wanted = true;
    for (size_t i = 0; i < count; i++) {
        is_wanted = is_wanted && fn(arg, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    return TSDB_OK;
}

static enum tsdb_status posix_free_bytes(struct fs *fs, const char *path, uint64_t *out,
                                         struct tsdb_error *err)
{
    (void)fs;
    struct statvfs info;
    if (statvfs(path, &info) == -1)
        return tsdb_fail_os(err, "statvfs %s", path);
    *out = (uint64_t)info.f_bavail * info.f_frsize;
    return TSDB_OK;
}

struct fs *fs_posix(void)
{
    static const struct fs_ops ops = {
        .open = posix_open,
        .close = posix_close,
        .pread = posix_pread,
        .pwrite = posix_pwrite,
        .sync = posix_sync,
        .size = posix_size,
        .map = posix_map,
        .unmap = posix_unmap,
        .lock = posix_lock,
        .rename = posix_rename,
        .link = posix_link,
        .unlink = posix_unlink,
        .mkdir = posix_mkdir,
        .sync_dir = posix_sync_dir,
        .list = posix_list,
        .free_bytes = posix_free_bytes,
    };
    static struct fs posix = {&ops};
    return &posix;
}
