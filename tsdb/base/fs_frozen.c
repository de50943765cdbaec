#include "tsdb/base/fs_frozen.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

struct frozen_file {
    struct fs_file file;
    struct fs_file *inner; /* owned */
};

static struct fs *inner_of(struct fs *fs)
{
    return ((struct fs_frozen *)fs)->inner;
}

static enum tsdb_status refuse(const char *path, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_EINVAL, "%s: opened for reading only", path);
}

static enum tsdb_status frozen_open(struct fs *fs, const char *path, unsigned flags,
                                    struct fs_file **out, struct tsdb_error *err)
{
    if (flags & (FS_CREATE | FS_TRUNCATE | FS_EXCLUSIVE))
        return refuse(path, err);
    struct fs_file *inner;
    enum tsdb_status st = fs_open(inner_of(fs), path, FS_READ, &inner, err);
    if (st != TSDB_OK)
        return st;
    struct frozen_file *file = MEM_NEW(struct frozen_file);
    *file = (struct frozen_file){.file = {fs}, .inner = inner};
    *out = &file->file;
    return TSDB_OK;
}

static struct fs_file *handle_of(struct fs_file *file)
{
    return ((struct frozen_file *)file)->inner;
}

static void frozen_close(struct fs_file *file)
{
    fs_close(handle_of(file));
    mem_free(file);
}

static enum tsdb_status frozen_pread(struct fs_file *file, void *at, size_t len, uint64_t off,
                                     struct tsdb_error *err)
{
    return fs_pread(handle_of(file), at, len, off, err);
}

static enum tsdb_status frozen_pwrite(struct fs_file *file, const void *at, size_t len,
                                      uint64_t off, struct tsdb_error *err)
{
    (void)file;
    (void)at;
    (void)len;
    (void)off;
    return refuse("write", err);
}

static enum tsdb_status frozen_sync(struct fs_file *file, struct tsdb_error *err)
{
    (void)file;
    (void)err;
    return TSDB_OK;
}

static enum tsdb_status frozen_size(struct fs_file *file, uint64_t *out, struct tsdb_error *err)
{
    return fs_size(handle_of(file), out, err);
}

static enum tsdb_status frozen_map(struct fs_file *file, struct bytes *out, struct tsdb_error *err)
{
    return fs_map(handle_of(file), out, err);
}

static enum tsdb_status frozen_lock(struct fs_file *file, struct tsdb_error *err)
{
    return fs_lock(handle_of(file), err);
}

static void frozen_unmap(struct fs *fs, struct bytes map)
{
    fs_unmap(inner_of(fs), map);
}

static enum tsdb_status frozen_rename(struct fs *fs, const char *from, const char *to,
                                      struct tsdb_error *err)
{
    (void)fs;
    (void)from;
    (void)to;
    (void)err;
    return TSDB_OK;
}

static enum tsdb_status frozen_link(struct fs *fs, const char *from, const char *to,
                                    struct tsdb_error *err)
{
    (void)fs;
    (void)from;
    return refuse(to, err);
}

static enum tsdb_status frozen_path(struct fs *fs, const char *path, struct tsdb_error *err)
{
    (void)fs;
    (void)path;
    (void)err;
    return TSDB_OK;
}

static enum tsdb_status frozen_list(struct fs *fs, const char *path, fs_list_fn *fn, void *arg,
                                    struct tsdb_error *err)
{
    enum tsdb_status st = fs_list(inner_of(fs), path, fn, arg, err);
    return st == TSDB_ENOTFOUND ? TSDB_OK : st;
}

static enum tsdb_status frozen_free_bytes(struct fs *fs, const char *path, uint64_t *out,
                                          struct tsdb_error *err)
{
    return fs_free_bytes(inner_of(fs), path, out, err);
}

static const struct fs_ops frozen_ops = {
    .open = frozen_open,
    .close = frozen_close,
    .pread = frozen_pread,
    .pwrite = frozen_pwrite,
    .sync = frozen_sync,
    .size = frozen_size,
    .map = frozen_map,
    .lock = frozen_lock,
    .unmap = frozen_unmap,
    .rename = frozen_rename,
    .link = frozen_link,
    .unlink = frozen_path,
    .mkdir = frozen_path,
    .sync_dir = frozen_path,
    .list = frozen_list,
    .free_bytes = frozen_free_bytes,
};

struct fs *fs_frozen_init(struct fs_frozen *f, struct fs *inner)
{
    *f = (struct fs_frozen){.fs = {&frozen_ops}, .inner = inner};
    return &f->fs;
}
