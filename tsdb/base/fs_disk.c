#include "tsdb/base/fs_disk.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512 };

struct disk_write {
    uint64_t off;
    uint8_t *at; /* owned; NULL: the file is cut to `off` bytes */
    size_t len;
};

struct disk_op {
    char *clear, *set; /* owned */
    struct disk_node *node;
};

/* ---- bytes -------------------------------------------------------------------- */

static void bytes_resize(struct writer *w, uint64_t len)
{
    if (len > w->len) {
        size_t grow = (size_t)len - w->len;
        memset(writer_reserve(w, grow), 0, grow);
    }
    w->len = (size_t)len;
}

static void bytes_put(struct writer *w, const void *at, size_t len, uint64_t off)
{
    if (len == 0)
        return;
    if (off + len > w->len)
        bytes_resize(w, off + len);
    memcpy(w->at + off, at, len);
}

static void write_apply(const struct disk_write *change, struct writer *to)
{
    if (change->at)
        bytes_put(to, change->at, change->len, change->off);
    else
        bytes_resize(to, change->off);
}

static void writes_clear(struct disk_node *n)
{
    for (size_t i = 0; i < n->write_count; i++)
        mem_free(n->writes[i].at);
    n->write_count = 0;
}

void disk_node_write(struct disk_node *n, const void *at, size_t len, uint64_t off)
{
    if (n->write_count == n->write_cap) {
        n->write_cap = n->write_cap ? n->write_cap * 2 : 8;
        n->writes = mem_grow(n->writes, n->write_cap, sizeof *n->writes);
    }
    struct disk_write change = {.off = off, .len = len};
    if (at) {
        change.at = mem_alloc(len);
        memcpy(change.at, at, len);
    }
    write_apply(&change, &n->now);
    n->writes[n->write_count++] = change;
}

/* ---- nodes and names ------------------------------------------------------------ */

void disk_node_sync(struct disk_node *n, size_t every)
{
    for (size_t i = 0; every > 0 && i < n->write_count; i += every)
        write_apply(&n->writes[i], &n->durable);
    writes_clear(n);
}

void disk_node_put(struct disk_node *n, const void *at, size_t len)
{
    writes_clear(n);
    if (at) {
        writer_reset(&n->now);
        writer_put(&n->now, at, len);
    } else {
        bytes_resize(&n->now, len);
    }
    writer_reset(&n->durable);
    writer_put(&n->durable, n->now.at, n->now.len);
}

static struct disk_node *node_new(struct disk *d, bool is_dir)
{
    if (d->node_count == d->node_cap) {
        d->node_cap = d->node_cap ? d->node_cap * 2 : 16;
        d->nodes = mem_grow(d->nodes, d->node_cap, sizeof(struct disk_node *));
    }
    struct disk_node *n = MEM_NEW(struct disk_node);
    n->is_dir = is_dir;
    d->nodes[d->node_count++] = n;
    return n;
}

static void node_free(struct disk_node *n)
{
    writes_clear(n);
    mem_free(n->writes);
    writer_release(&n->durable);
    writer_release(&n->now);
    mem_free(n);
}

static struct disk_name *names_find(const struct disk_names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->at[i].path, path) == 0)
            return &names->at[i];
    return NULL;
}

static void names_clear(struct disk_names *names, const char *path)
{
    struct disk_name *name = names_find(names, path);
    if (!name)
        return;
    mem_free(name->path);
    *name = names->at[--names->count];
}

static void names_set(struct disk_names *names, const char *path, struct disk_node *node)
{
    struct disk_name *name = names_find(names, path);
    if (name) {
        name->node = node;
        return;
    }
    if (names->count == names->cap) {
        names->cap = names->cap ? names->cap * 2 : 16;
        names->at = mem_grow(names->at, names->cap, sizeof *names->at);
    }
    names->at[names->count++] = (struct disk_name){mem_text(path, strlen(path)), node};
}

static void names_release(struct disk_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->at[i].path);
    mem_free(names->at);
    *names = (struct disk_names){0};
}

static void names_copy(struct disk_names *to, const struct disk_names *from)
{
    names_release(to);
    for (size_t i = 0; i < from->count; i++)
        names_set(to, from->at[i].path, from->at[i].node);
}

static bool names_hold(const struct disk_names *names, const struct disk_node *n)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->at[i].node == n)
            return true;
    return false;
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

bool disk_is_in(const char *path, const char *dir)
{
    if (!path)
        return false;
    size_t len = parent_len(path);
    if (len == 0 && path[0] != '/')
        return strcmp(dir, ".") == 0 || dir[0] == '\0';
    return (strlen(dir) == len && memcmp(path, dir, len) == 0) ||
           (len == 0 && strcmp(dir, "/") == 0);
}

bool disk_is_root(const char *path, size_t len)
{
    return len == 0 || (len == 1 && (path[0] == '.' || path[0] == '/'));
}

static bool names_have_dir(const struct disk_names *names, const char *path, size_t len)
{
    if (disk_is_root(path, len))
        return true;
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->at[i].path) == len && memcmp(names->at[i].path, path, len) == 0)
            return names->at[i].node->is_dir;
    return false;
}

static bool names_have_parent(const struct disk_names *names, const char *path)
{
    return names_have_dir(names, path, parent_len(path));
}

bool disk_has_dir(const struct disk *d, const char *path, size_t len)
{
    return names_have_dir(&d->now, path, len);
}

bool disk_has_parent(const struct disk *d, const char *path)
{
    return names_have_parent(&d->now, path);
}

struct disk_node *disk_find(const struct disk *d, const char *path)
{
    struct disk_name *name = names_find(&d->now, path);
    return name ? name->node : NULL;
}

/* Frees the nodes that no name, pending operation or handle leads to. */
void disk_sweep(struct disk *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        struct disk_node *n = d->nodes[i];
        bool is_wanted = n->handles > 0 || names_hold(&d->now, n) || names_hold(&d->durable, n);
        for (size_t k = 0; !is_wanted && k < d->op_count; k++)
            is_wanted = d->ops[k].node == n;
        if (is_wanted)
            d->nodes[kept++] = n;
        else
            node_free(n);
    }
    d->node_count = kept;
}

static void op_apply(const struct disk_op *op, struct disk_names *to)
{
    if (op->clear)
        names_clear(to, op->clear);
    if (op->set)
        names_set(to, op->set, op->node);
}

static void op_release(struct disk_op *op)
{
    mem_free(op->clear);
    mem_free(op->set);
}

/* Does it to the names in use, and remembers that it is not durable. */
void disk_name(struct disk *d, const char *clear, const char *set, struct disk_node *node)
{
    if (d->op_count == d->op_cap) {
        d->op_cap = d->op_cap ? d->op_cap * 2 : 16;
        d->ops = mem_grow(d->ops, d->op_cap, sizeof *d->ops);
    }
    struct disk_op op = {.node = node};
    op.clear = clear ? mem_text(clear, strlen(clear)) : NULL;
    op.set = set ? mem_text(set, strlen(set)) : NULL;
    op_apply(&op, &d->now);
    d->ops[d->op_count++] = op;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool ops_share_name(const struct disk_op *a, const struct disk_op *b)
{
    return same_text(a->clear, b->clear) || same_text(a->clear, b->set) ||
           same_text(a->set, b->clear) || same_text(a->set, b->set);
}

struct disk_node *disk_create(struct disk *d, const char *path, bool is_dir)
{
    struct disk_node *n = node_new(d, is_dir);
    disk_name(d, NULL, path, n);
    return n;
}

uint64_t disk_used(const struct disk *d)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->handles > 0 || names_hold(&d->now, d->nodes[i]))
            sum += d->nodes[i]->now.len;
    return sum;
}

static void sync_names(struct disk *d, const char *dir)
{
    bool *is_due = MEM_ARRAY(bool, d->op_count + 1);
    for (size_t i = d->op_count; i-- > 0;) {
        is_due[i] = !dir || disk_is_in(d->ops[i].clear, dir) || disk_is_in(d->ops[i].set, dir);
        for (size_t k = i + 1; !is_due[i] && k < d->op_count; k++)
            is_due[i] = is_due[k] && ops_share_name(&d->ops[i], &d->ops[k]);
    }
    size_t kept = 0;
    for (size_t i = 0; i < d->op_count; i++) {
        if (!is_due[i]) {
            d->ops[kept++] = d->ops[i];
            continue;
        }
        op_apply(&d->ops[i], &d->durable);
        op_release(&d->ops[i]);
    }
    d->op_count = kept;
    mem_free(is_due);
    disk_sweep(d);
}

void disk_sync_dir(struct disk *d, const char *path)
{
    sync_names(d, path);
}

void disk_sync_all_names(struct disk *d)
{
    sync_names(d, NULL);
}

static void ops_release(struct disk *d)
{
    for (size_t i = 0; i < d->op_count; i++)
        op_release(&d->ops[i]);
    d->op_count = 0;
}

void disk_release(struct disk *d)
{
    for (size_t i = 0; i < d->node_count; i++) {
        ASSERT(d->nodes[i]->handles == 0);
        node_free(d->nodes[i]);
    }
    ops_release(d);
    names_release(&d->now);
    names_release(&d->durable);
    mem_free(d->ops);
    mem_free(d->nodes);
    *d = (struct disk){0};
}

void disk_copy(struct disk *to, const struct disk *from)
{
    for (size_t i = 0; i < from->node_count; i++) {
        struct disk_node *old = from->nodes[i];
        struct disk_node *made = node_new(to, old->is_dir);
        old->index = i;
        writer_put(&made->durable, old->durable.at, old->durable.len);
        for (size_t k = 0; k < old->write_count; k++)
            disk_node_write(made, old->writes[k].at, old->writes[k].len, old->writes[k].off);
        writer_reset(&made->now);
        writer_put(&made->now, old->now.at, old->now.len);
    }
    for (size_t i = 0; i < from->durable.count; i++)
        names_set(&to->durable, from->durable.at[i].path,
                  to->nodes[from->durable.at[i].node->index]);
    names_copy(&to->now, &to->durable);
    for (size_t i = 0; i < from->op_count; i++) {
        const struct disk_op *op = &from->ops[i];
        disk_name(to, op->clear, op->set, op->node ? to->nodes[op->node->index] : NULL);
    }
    disk_sweep(to);
}

/* ---- crashing --------------------------------------------------------------------- */

static bool coin(struct random *random)
{
    return random_next(random) & 1;
}

static void crash_write(const struct disk_write *change, struct writer *to, enum fs_sim_mode mode,
                        struct random *random)
{
    if (mode != FS_SIM_TORN || !change->at) {
        if (mode == FS_SIM_KEEP_ALL || mode == FS_SIM_LOSE_NAMES || coin(random))
            write_apply(change, to);
        return;
    }
    for (size_t at = 0, len; at < change->len; at += len) {
        len = SECTOR - (size_t)((change->off + at) % SECTOR);
        if (len > change->len - at)
            len = change->len - at;
        if (coin(random))
            bytes_put(to, change->at + at, len, change->off + at);
    }
}

static void crash_node(struct disk_node *n, enum fs_sim_mode mode, struct random *random)
{
    if (mode == FS_SIM_LOSE_DATA && coin(random) && n->durable.len < n->now.len)
        bytes_resize(&n->durable, n->now.len);
    bool is_lost = mode == FS_SIM_LOSE_ALL || mode == FS_SIM_LOSE_DATA;
    for (size_t i = 0; !is_lost && i < n->write_count; i++)
        crash_write(&n->writes[i], &n->durable, mode, random);
    writes_clear(n);
    writer_reset(&n->now);
    writer_put(&n->now, n->durable.at, n->durable.len);
    n->lock = NULL;
}

static void crash_names(struct disk *d, enum fs_sim_mode mode, struct random *random)
{
    bool *is_lost = MEM_ARRAY(bool, d->op_count + 1);
    for (size_t i = 0; i < d->op_count; i++) {
        if (mode == FS_SIM_LOSE_ALL)
            is_lost[i] = true;
        else if (mode != FS_SIM_KEEP_ALL && mode != FS_SIM_LOSE_DATA)
            is_lost[i] = coin(random);
        for (size_t k = 0; !is_lost[i] && k < i; k++)
            is_lost[i] = is_lost[k] && ops_share_name(&d->ops[i], &d->ops[k]);
        if (!is_lost[i])
            op_apply(&d->ops[i], &d->durable);
    }
    mem_free(is_lost);
    ops_release(d);
    /* What lies in a folder that is gone cannot be reached. */
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (size_t i = 0; i < d->durable.count && !is_changed; i++)
            if (!names_have_parent(&d->durable, d->durable.at[i].path)) {
                names_clear(&d->durable, d->durable.at[i].path);
                is_changed = true;
            }
    }
    names_copy(&d->now, &d->durable);
}

void disk_crash(struct disk *d, enum fs_sim_mode mode, struct random *random)
{
    crash_names(d, mode, random);
    for (size_t i = 0; i < d->node_count; i++)
        crash_node(d->nodes[i], mode, random);
    disk_sweep(d);
}

static int by_path(const void *a, const void *b)
{
    const struct disk_name *x = a, *y = b;
    return strcmp(x->path, y->path);
}

uint64_t disk_digest(const struct disk *d)
{
    struct disk_name *sorted = MEM_ARRAY(struct disk_name, d->durable.count + 1);
    for (size_t i = 0; i < d->durable.count; i++)
        sorted[i] = d->durable.at[i];
    qsort(sorted, d->durable.count, sizeof *sorted, by_path);
    uint64_t digest = 0;
    for (size_t i = 0; i < d->durable.count; i++) {
        const struct writer *w = &sorted[i].node->durable;
        digest = hash64(digest, sorted[i].path, strlen(sorted[i].path));
        digest = hash64(digest + w->len, w->at, w->len); /* wraps */
    }
    mem_free(sorted);
    return digest;
}
