#include "tsdb/base/fs_sim.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_disk.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_MAX = 16 };

struct fault {
    enum fs_sim_op op;
    enum fs_sim_how how;
    uint64_t left; /* matching calls until it strikes */
    int os_errno;
};

struct fs_sim {
    struct fs fs; /* first */
    struct mutex mutex;
    struct disk disk;
    struct fault faults[FAULTS_MAX];
    size_t fault_count;
    uint64_t faults_met, ops_done, ops_left, space;
    uint32_t epoch; /* of power; handles of an earlier one are dead */
    fs_sim_watch_fn *watch;
    void *watch_arg;
};

struct sim_file {
    struct fs_file file; /* first */
    struct disk_node *node;
    char *path; /* owned; for messages */
    uint32_t epoch;
    bool may_write;
};

enum gate { GATE_GO, GATE_FAIL, GATE_HALF };

/* ---- faults --------------------------------------------------------------------- */

static bool fault_matches(enum fs_sim_op rule, enum fs_sim_op op)
{
    return rule == op || rule == FS_SIM_ANY ||
           (rule == FS_SIM_ANY_CHANGE && op < FS_SIM_ANY_CHANGE);
}

static enum gate fault_gate(struct fs_sim *sim, enum fs_sim_op op)
{
    enum gate gate = GATE_GO;
    for (size_t i = 0; i < sim->fault_count; i++) {
        struct fault *f = &sim->faults[i];
        if (f->left == 0 || !fault_matches(f->op, op) || --f->left > 0)
            continue;
        if (f->how == FS_SIM_FOR_EVER)
            f->left = 1;
        gate = f->how == FS_SIM_SHORT ? GATE_HALF : GATE_FAIL;
        errno = f->os_errno;
    }
    sim->faults_met += gate != GATE_GO;
    return gate;
}

/* Locks; decides what becomes of the call, with errno set unless it may go. */
static enum gate sim_enter(struct fs_sim *sim, enum fs_sim_op op, const char *path)
{
    mutex_lock(&sim->mutex);
    if (op < FS_SIM_ANY_CHANGE && sim->ops_left > 0) {
        if (sim->watch)
            sim->watch(sim->watch_arg, sim, op, path);
        sim->ops_done++;
        if (sim->ops_left != UINT64_MAX)
            sim->ops_left--;
    } else if (sim->ops_left == 0) {
        errno = EIO;
        return GATE_FAIL;
    }
    return fault_gate(sim, op);
}

static enum tsdb_status sim_leave(struct fs_sim *sim, enum tsdb_status st)
{
    mutex_unlock(&sim->mutex);
    return st;
}

static struct fs_sim *sim_of(struct fs *fs)
{
    return (struct fs_sim *)fs;
}

static struct sim_file *file_of(struct fs_file *file)
{
    return (struct sim_file *)file;
}

static enum gate file_enter(struct sim_file *f, enum fs_sim_op op)
{
    struct fs_sim *sim = sim_of(f->file.fs);
    mutex_lock(&sim->mutex);
    bool is_alive = f->epoch == sim->epoch;
    mutex_unlock(&sim->mutex);
    if (is_alive)
        return sim_enter(sim, op, f->path);
    mutex_lock(&sim->mutex);
    errno = EIO;
    return GATE_FAIL;
}

/* "./a" is "a". */
static const char *plain(const char *path)
{
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    return path;
}

static enum tsdb_status fail_with(int os_errno, struct tsdb_error *err, const char *what,
                                  const char *path)
{
    errno = os_errno;
    return tsdb_fail_os(err, "%s %s", what, path);
}

/* ---- the calls -------------------------------------------------------------------- */

static enum tsdb_status open_locked(struct fs_sim *sim, const char *path, unsigned flags,
                                    struct fs_file **out, struct tsdb_error *err)
{
    struct disk_node *n = disk_find(&sim->disk, path);
    if (n && (flags & FS_EXCLUSIVE) && (flags & FS_CREATE))
        return fail_with(EEXIST, err, "open", path);
    if (n && n->is_dir)
        return fail_with(EISDIR, err, "open", path);
    if (!n && !(flags & FS_CREATE)) {
        (void)fail_with(ENOENT, err, "open", path);
        return TSDB_ENOTFOUND;
    }
    if (!n && !disk_has_parent(&sim->disk, path))
        return fail_with(ENOENT, err, "open", path);
    if (!n)
        n = disk_create(&sim->disk, path, false);
    else if ((flags & FS_TRUNCATE) && n->now.len > 0)
        disk_node_write(n, NULL, 0, 0);
    struct sim_file *f = MEM_NEW(struct sim_file);
    *f = (struct sim_file){.file = {&sim->fs}, .node = n, .epoch = sim->epoch};
    f->path = mem_text(path, strlen(path));
    f->may_write = flags & FS_WRITE;
    n->handles++;
    *out = &f->file;
    return TSDB_OK;
}

static enum tsdb_status sim_open(struct fs *fs, const char *path, unsigned flags,
                                 struct fs_file **out, struct tsdb_error *err)
{
    path = plain(path);
    struct fs_sim *sim = sim_of(fs);
    mutex_lock(&sim->mutex);
    bool is_change = (flags & FS_TRUNCATE) || ((flags & FS_CREATE) && !disk_find(&sim->disk, path));
    mutex_unlock(&sim->mutex);
    if (sim_enter(sim, is_change ? FS_SIM_CREATE : FS_SIM_OPEN, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "open", path));
    return sim_leave(sim, open_locked(sim, path, flags, out, err));
}

static void sim_close(struct fs_file *file)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    mutex_lock(&sim->mutex);
    if (f->node->lock == f)
        f->node->lock = NULL;
    f->node->handles--;
    disk_sweep(&sim->disk);
    mutex_unlock(&sim->mutex);
    mem_free(f->path);
    mem_free(f);
}

static enum tsdb_status sim_pread(struct fs_file *file, void *at, size_t len, uint64_t off,
                                  struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    if (file_enter(f, FS_SIM_READ) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "read", f->path));
    const struct writer *now = &f->node->now;
    if (off > now->len || len > now->len - off)
        return sim_leave(sim, tsdb_fail(err, TSDB_EIO, "%s: %zu bytes, want %zu at %llu", f->path,
                                        now->len, len, (unsigned long long)off));
    if (len)
        memcpy(at, now->at + off, len);
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_pwrite(struct fs_file *file, const void *at, size_t len, uint64_t off,
                                   struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    ASSERT(f->may_write);
    enum gate gate = file_enter(f, FS_SIM_WRITE);
    int os_errno = errno;
    if (gate == GATE_FAIL)
        return sim_leave(sim, fail_with(os_errno, err, "write", f->path));
    size_t fits = gate == GATE_HALF ? len / 2 : len;
    uint64_t size = f->node->now.len;
    if (sim->space != UINT64_MAX && off + fits > size) {
        uint64_t used = disk_used(&sim->disk);
        uint64_t end = size + (sim->space > used ? sim->space - used : 0);
        if (off + fits > end) {
            fits = end > off ? (size_t)(end - off) : 0;
            gate = GATE_HALF;
            os_errno = ENOSPC;
        }
    }
    if (fits > 0)
        disk_node_write(f->node, at, fits, off);
    if (gate != GATE_GO)
        return sim_leave(sim, fail_with(os_errno, err, "write", f->path));
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_sync(struct fs_file *file, struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    enum gate gate = file_enter(f, FS_SIM_SYNC);
    int os_errno = errno;
    bool has_power = f->epoch == sim->epoch && sim->ops_left > 0;
    if (gate == GATE_GO)
        disk_node_sync(f->node, 1);
    else if (has_power)
        disk_node_sync(f->node, gate == GATE_HALF ? 2 : 0);
    if (gate != GATE_GO)
        return sim_leave(sim, fail_with(os_errno, err, "sync", f->path));
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_size(struct fs_file *file, uint64_t *out, struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    if (file_enter(f, FS_SIM_OTHER) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "stat", f->path));
    *out = f->node->now.len;
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_map(struct fs_file *file, struct bytes *out, struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    if (file_enter(f, FS_SIM_OTHER) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "map", f->path));
    struct bytes map = {0};
    if (f->node->now.len) {
        uint8_t *copy = mem_alloc(f->node->now.len);
        memcpy(copy, f->node->now.at, f->node->now.len);
        map = (struct bytes){copy, f->node->now.len};
    }
    *out = map;
    return sim_leave(sim, TSDB_OK);
}

static void sim_unmap(struct fs *fs, struct bytes map)
{
    (void)fs;
    mem_free((void *)(uintptr_t)map.at);
}

static enum tsdb_status sim_lock(struct fs_file *file, struct tsdb_error *err)
{
    struct sim_file *f = file_of(file);
    struct fs_sim *sim = sim_of(file->fs);
    if (file_enter(f, FS_SIM_OTHER) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "lock", f->path));
    if (f->node->lock && f->node->lock != f)
        return sim_leave(sim, tsdb_fail(err, TSDB_EINVAL, "%s: held by another process", f->path));
    f->node->lock = f;
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status rename_locked(struct fs_sim *sim, const char *from, const char *to,
                                      struct tsdb_error *err)
{
    struct disk_node *n = disk_find(&sim->disk, from);
    if (!n || !disk_has_parent(&sim->disk, to))
        return fail_with(ENOENT, err, "rename", from);
    ASSERT(!n->is_dir);
    struct disk_node *over = disk_find(&sim->disk, to);
    if (over && over->is_dir)
        return fail_with(EISDIR, err, "rename", from);
    if (strcmp(from, to) != 0)
        disk_name(&sim->disk, from, to, n);
    disk_sweep(&sim->disk);
    return TSDB_OK;
}

static enum tsdb_status sim_rename(struct fs *fs, const char *from, const char *to,
                                   struct tsdb_error *err)
{
    from = plain(from);
    to = plain(to);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_RENAME, from) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "rename", from));
    return sim_leave(sim, rename_locked(sim, from, to, err));
}

static enum tsdb_status sim_link(struct fs *fs, const char *from, const char *to,
                                 struct tsdb_error *err)
{
    from = plain(from);
    to = plain(to);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_LINK, to) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "link", to));
    struct disk_node *n = disk_find(&sim->disk, from);
    int os_errno = 0;
    if (!n || !disk_has_parent(&sim->disk, to))
        os_errno = ENOENT;
    else if (disk_find(&sim->disk, to))
        os_errno = EEXIST;
    else if (n->is_dir)
        os_errno = EPERM;
    if (os_errno)
        return sim_leave(sim, fail_with(os_errno, err, "link", to));
    disk_name(&sim->disk, NULL, to, n);
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_unlink(struct fs *fs, const char *path, struct tsdb_error *err)
{
    path = plain(path);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_UNLINK, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "unlink", path));
    struct disk_node *n = disk_find(&sim->disk, path);
    if (!n || n->is_dir)
        return sim_leave(sim, fail_with(n ? EISDIR : ENOENT, err, "unlink", path));
    disk_name(&sim->disk, path, NULL, NULL);
    disk_sweep(&sim->disk);
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_mkdir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    path = plain(path);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_MKDIR, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "make folder", path));
    if (disk_is_root(path, strlen(path)) || disk_find(&sim->disk, path))
        return sim_leave(sim, TSDB_OK);
    if (!disk_has_parent(&sim->disk, path))
        return sim_leave(sim, fail_with(ENOENT, err, "make folder", path));
    (void)disk_create(&sim->disk, path, true);
    return sim_leave(sim, TSDB_OK);
}

static enum tsdb_status sim_sync_dir(struct fs *fs, const char *path, struct tsdb_error *err)
{
    path = plain(path);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_SYNC_DIR, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "sync folder", path));
    if (!disk_has_dir(&sim->disk, path, strlen(path)))
        return sim_leave(sim, fail_with(ENOENT, err, "sync folder", path));
    disk_sync_dir(&sim->disk, path);
    return sim_leave(sim, TSDB_OK);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum tsdb_status sim_list(struct fs *fs, const char *path, fs_list_fn *fn, void *arg,
                                 struct tsdb_error *err)
{
    path = plain(path);
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_OTHER, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "list", path));
    if (!disk_has_dir(&sim->disk, path, strlen(path))) {
        (void)fail_with(ENOENT, err, "list", path);
        return sim_leave(sim, TSDB_ENOTFOUND);
    }
    char **found = MEM_ARRAY(char *, sim->disk.now.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < sim->disk.now.count; i++) {
        const char *p = sim->disk.now.at[i].path;
        const char *leaf = strrchr(p, '/');
        leaf = leaf ? leaf + 1 : p;
        if (disk_is_in(p, path))
            found[count++] = mem_text(leaf, strlen(leaf));
    }
    (void)sim_leave(sim, TSDB_OK);
    qsort(found, count, sizeof *found, by_text);
    bool is_wanted = true;
    for (size_t i = 0; i < count; i++) {
        is_wanted = is_wanted && fn(arg, found[i]);
        mem_free(found[i]);
    }
    mem_free(found);
    return TSDB_OK;
}

static enum tsdb_status sim_free_bytes(struct fs *fs, const char *path, uint64_t *out,
                                       struct tsdb_error *err)
{
    struct fs_sim *sim = sim_of(fs);
    if (sim_enter(sim, FS_SIM_OTHER, path) != GATE_GO)
        return sim_leave(sim, fail_with(errno, err, "statvfs", path));
    uint64_t used = disk_used(&sim->disk);
    *out = sim->space > used ? sim->space - used : 0;
    return sim_leave(sim, TSDB_OK);
}

/* ---- the simulation --------------------------------------------------------------- */

static const struct fs_ops SIM_OPS = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .sync = sim_sync,
    .size = sim_size,
    .map = sim_map,
    .unmap = sim_unmap,
    .lock = sim_lock,
    .rename = sim_rename,
    .link = sim_link,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
    .free_bytes = sim_free_bytes,
};

struct fs_sim *fs_sim_new(void)
{
    struct fs_sim *sim = MEM_NEW(struct fs_sim);
    sim->fs.ops = &SIM_OPS;
    mutex_init(&sim->mutex);
    sim->space = UINT64_MAX;
    sim->ops_left = UINT64_MAX;
    return sim;
}

void fs_sim_free(struct fs_sim *sim)
{
    if (!sim)
        return;
    disk_release(&sim->disk);
    mutex_release(&sim->mutex);
    mem_free(sim);
}

struct fs_sim *fs_sim_clone(const struct fs_sim *sim)
{
    struct fs_sim *copy = fs_sim_new();
    copy->space = sim->space;
    disk_copy(&copy->disk, &sim->disk);
    return copy;
}

struct fs *fs_sim_fs(struct fs_sim *sim)
{
    return &sim->fs;
}

void fs_sim_fail(struct fs_sim *sim, enum fs_sim_op op, uint64_t nth, int os_errno,
                 enum fs_sim_how how)
{
    ASSERT(nth > 0);
    mutex_lock(&sim->mutex);
    ASSERT(sim->fault_count < FAULTS_MAX);
    sim->faults[sim->fault_count++] = (struct fault){op, how, nth, os_errno};
    mutex_unlock(&sim->mutex);
}

void fs_sim_heal(struct fs_sim *sim)
{
    mutex_lock(&sim->mutex);
    sim->fault_count = 0;
    mutex_unlock(&sim->mutex);
}

uint64_t fs_sim_faults(struct fs_sim *sim)
{
    mutex_lock(&sim->mutex);
    uint64_t met = sim->faults_met;
    mutex_unlock(&sim->mutex);
    return met;
}

void fs_sim_set_space(struct fs_sim *sim, uint64_t bytes)
{
    mutex_lock(&sim->mutex);
    sim->space = bytes;
    mutex_unlock(&sim->mutex);
}

uint64_t fs_sim_used(struct fs_sim *sim)
{
    mutex_lock(&sim->mutex);
    uint64_t used = disk_used(&sim->disk);
    mutex_unlock(&sim->mutex);
    return used;
}

uint64_t fs_sim_ops(struct fs_sim *sim)
{
    mutex_lock(&sim->mutex);
    uint64_t ops = sim->ops_done;
    mutex_unlock(&sim->mutex);
    return ops;
}

void fs_sim_power_off_after(struct fs_sim *sim, uint64_t n)
{
    mutex_lock(&sim->mutex);
    sim->ops_left = n;
    mutex_unlock(&sim->mutex);
}

void fs_sim_watch(struct fs_sim *sim, fs_sim_watch_fn *fn, void *arg)
{
    mutex_lock(&sim->mutex);
    sim->watch = fn;
    sim->watch_arg = arg;
    mutex_unlock(&sim->mutex);
}

void fs_sim_crash(struct fs_sim *sim, enum fs_sim_mode mode, struct random *random)
{
    mutex_lock(&sim->mutex);
    disk_crash(&sim->disk, mode, random);
    sim->epoch++;
    sim->ops_left = UINT64_MAX;
    mutex_unlock(&sim->mutex);
}

/* ---- damage ------------------------------------------------------------------------ */

static struct disk_node *must_find(struct fs_sim *sim, const char *path)
{
    struct disk_node *n = disk_find(&sim->disk, plain(path));
    ASSERT(n);
    return n;
}

void fs_sim_flip(struct fs_sim *sim, const char *path, uint64_t off, uint8_t mask)
{
    mutex_lock(&sim->mutex);
    struct disk_node *n = must_find(sim, path);
    ASSERT(off < n->now.len);
    n->now.at[off] ^= mask;
    if (off < n->durable.len)
        n->durable.at[off] ^= mask;
    mutex_unlock(&sim->mutex);
}

void fs_sim_truncate(struct fs_sim *sim, const char *path, uint64_t bytes)
{
    mutex_lock(&sim->mutex);
    disk_node_put(must_find(sim, path), NULL, bytes);
    mutex_unlock(&sim->mutex);
}

void fs_sim_put(struct fs_sim *sim, const char *path, struct bytes content)
{
    path = plain(path);
    mutex_lock(&sim->mutex);
    struct disk_node *n = disk_find(&sim->disk, path);
    if (!n)
        n = disk_create(&sim->disk, path, false);
    disk_node_put(n, content.at, content.len);
    disk_sync_all_names(&sim->disk);
    mutex_unlock(&sim->mutex);
}

struct bytes fs_sim_get(struct fs_sim *sim, const char *path)
{
    mutex_lock(&sim->mutex);
    struct disk_node *n = disk_find(&sim->disk, plain(path));
    struct bytes content = n ? writer_bytes(&n->now) : (struct bytes){0};
    mutex_unlock(&sim->mutex);
    return content;
}

uint64_t fs_sim_digest(struct fs_sim *sim)
{
    mutex_lock(&sim->mutex);
    uint64_t digest = disk_digest(&sim->disk);
    mutex_unlock(&sim->mutex);
    return digest;
}
