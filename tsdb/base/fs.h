/* fs.h - the seam to files: the real one, and one in memory that loses power.
 *
 * Paths are plain strings.  A file handle belongs to one caller at a time,
 * except fs_pread, which any number may call.  Short transfers are looped
 * here; a read past the end is TSDB_EIO with os_errno 0 (a file shorter than
 * its reader was promised).  Nothing is durable before fs_sync of the file
 * and, for its name, fs_sync_dir of its folder.
 */
#ifndef TSDB_BASE_FS_H
#define TSDB_BASE_FS_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum fs_open_flags {
    FS_READ = 1,
    FS_WRITE = 2,  /* implies reading */
    FS_CREATE = 4, /* make it when it is not there */
    FS_EXCLUSIVE = 8,
    FS_TRUNCATE = 16,
};

struct fs_file; /* the implementation's */

typedef bool fs_list_fn(void *arg, const char *name);

struct fs_ops {
    enum tsdb_status (*open)(struct fs *fs, const char *path, unsigned flags, struct fs_file **out,
                             struct tsdb_error *err);
    void (*close)(struct fs_file *file);
    enum tsdb_status (*pread)(struct fs_file *file, void *at, size_t len, uint64_t off,
                              struct tsdb_error *err);
    enum tsdb_status (*pwrite)(struct fs_file *file, const void *at, size_t len, uint64_t off,
                               struct tsdb_error *err);
    enum tsdb_status (*sync)(struct fs_file *file, struct tsdb_error *err); /* fdatasync */
    enum tsdb_status (*size)(struct fs_file *file, uint64_t *out, struct tsdb_error *err);
    /* The whole file, read-only, until unmap; the handle may be closed before. */
    enum tsdb_status (*map)(struct fs_file *file, struct bytes *out, struct tsdb_error *err);
    void (*unmap)(struct fs *fs, struct bytes map);
    /* Exclusive lock on the open file; TSDB_EINVAL when another process has it. */
    enum tsdb_status (*lock)(struct fs_file *file, struct tsdb_error *err);
    enum tsdb_status (*rename)(struct fs *fs, const char *from, const char *to,
                               struct tsdb_error *err);
    enum tsdb_status (*link)(struct fs *fs, const char *from, const char *to,
                             struct tsdb_error *err);
    enum tsdb_status (*unlink)(struct fs *fs, const char *path, struct tsdb_error *err);
    /* TSDB_OK also when it is there already. */
    enum tsdb_status (*mkdir)(struct fs *fs, const char *path, struct tsdb_error *err);
    enum tsdb_status (*sync_dir)(struct fs *fs, const char *path, struct tsdb_error *err);
    /* Names in the folder, sorted, without . and ..; TSDB_ENOTFOUND. */
    enum tsdb_status (*list)(struct fs *fs, const char *path, fs_list_fn *fn, void *arg,
                             struct tsdb_error *err);
    enum tsdb_status (*free_bytes)(struct fs *fs, const char *path, uint64_t *out,
                                   struct tsdb_error *err);
};

struct fs {
    const struct fs_ops *ops;
};

/* Every implementation's file begins with this. */
struct fs_file {
    struct fs *fs;
};

struct fs *fs_posix(void);

/* open answers TSDB_ENOTFOUND for a path that is not there (without FS_CREATE). */
static inline enum tsdb_status fs_open(struct fs *fs, const char *path, unsigned flags,
                                       struct fs_file **out, struct tsdb_error *err)
{
    return fs->ops->open(fs, path, flags, out, err);
}

/* fs_close(NULL) is a no-op. */
static inline void fs_close(struct fs_file *file)
{
    if (file)
        file->fs->ops->close(file);
}

static inline enum tsdb_status fs_pread(struct fs_file *file, void *at, size_t len, uint64_t off,
                                        struct tsdb_error *err)
{
    return file->fs->ops->pread(file, at, len, off, err);
}

static inline enum tsdb_status fs_pwrite(struct fs_file *file, const void *at, size_t len,
                                         uint64_t off, struct tsdb_error *err)
{
    return file->fs->ops->pwrite(file, at, len, off, err);
}

static inline enum tsdb_status fs_sync(struct fs_file *file, struct tsdb_error *err)
{
    return file->fs->ops->sync(file, err);
}

static inline enum tsdb_status fs_size(struct fs_file *file, uint64_t *out, struct tsdb_error *err)
{
    return file->fs->ops->size(file, out, err);
}

static inline enum tsdb_status fs_map(struct fs_file *file, struct bytes *out,
                                      struct tsdb_error *err)
{
    return file->fs->ops->map(file, out, err);
}

static inline void fs_unmap(struct fs *fs, struct bytes map)
{
    if (map.len)
        fs->ops->unmap(fs, map);
}

static inline enum tsdb_status fs_lock(struct fs_file *file, struct tsdb_error *err)
{
    return file->fs->ops->lock(file, err);
}

static inline enum tsdb_status fs_rename(struct fs *fs, const char *from, const char *to,
                                         struct tsdb_error *err)
{
    return fs->ops->rename(fs, from, to, err);
}

static inline enum tsdb_status fs_link(struct fs *fs, const char *from, const char *to,
                                       struct tsdb_error *err)
{
    return fs->ops->link(fs, from, to, err);
}

static inline enum tsdb_status fs_unlink(struct fs *fs, const char *path, struct tsdb_error *err)
{
    return fs->ops->unlink(fs, path, err);
}

static inline enum tsdb_status fs_mkdir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    return fs->ops->mkdir(fs, path, err);
}

static inline enum tsdb_status fs_sync_dir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    return fs->ops->sync_dir(fs, path, err);
}

static inline enum tsdb_status fs_list(struct fs *fs, const char *path, fs_list_fn *fn, void *arg,
                                       struct tsdb_error *err)
{
    return fs->ops->list(fs, path, fn, arg, err);
}

static inline enum tsdb_status fs_free_bytes(struct fs *fs, const char *path, uint64_t *out,
                                             struct tsdb_error *err)
{
    return fs->ops->free_bytes(fs, path, out, err);
}

#endif
