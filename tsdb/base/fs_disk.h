/* fs_disk.h - what lies on the simulated disk, and what it would lose.
 *
 * The model under fs_sim.h: files (nodes) with the bytes in use, the bytes that
 * survive and the writes in between; names likewise.  No locks, no faults, no
 * handles: those are fs_sim's.  Nodes live as long as a name, a pending name
 * operation or a handle leads to them.
 *
 * Owner: one fs_sim.  Not meant for production: everything is linear in the
 * number of files.
 */
#ifndef TSDB_BASE_FS_DISK_H
#define TSDB_BASE_FS_DISK_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/writer.h"

struct disk_write; /* a change to a file's bytes that no sync has covered */

struct disk_node {
    struct writer durable, now;
    struct disk_write *writes; /* owned, oldest first */
    size_t write_count, write_cap;
    bool is_dir;
    const void *lock; /* the handle that holds it */
    uint32_t handles;
    size_t index; /* while copying */
};

struct disk_name {
    char *path; /* owned */
    struct disk_node *node;
};

struct disk_names {
    struct disk_name *at; /* owned, unordered */
    size_t count, cap;
};

struct disk_op; /* a change to names that no sync of a folder has covered */

struct disk {
    struct disk_node **nodes; /* owned */
    size_t node_count, node_cap;
    struct disk_names now, durable;
    struct disk_op *ops; /* owned, oldest first */
    size_t op_count, op_cap;
};

void disk_release(struct disk *d);                        /* no handles may be left */
void disk_copy(struct disk *to, const struct disk *from); /* `to` is zeroed */

bool disk_is_root(const char *path, size_t len);
/* Whether the path's folder is `dir`. */
bool disk_is_in(const char *path, const char *dir);
bool disk_has_dir(const struct disk *d, const char *path, size_t len);
bool disk_has_parent(const struct disk *d, const char *path);
struct disk_node *disk_find(const struct disk *d, const char *path); /* or NULL */
uint64_t disk_used(const struct disk *d);

struct disk_node *disk_create(struct disk *d, const char *path, bool is_dir);
/* `clear` goes, then `set` names the node; either may be NULL. */
void disk_name(struct disk *d, const char *clear, const char *set, struct disk_node *node);
/* Frees what nothing leads to. */
void disk_sweep(struct disk *d);
void disk_sync_dir(struct disk *d, const char *path);
void disk_sync_all_names(struct disk *d);

/* at NULL: the file is cut to `off` bytes. */
void disk_node_write(struct disk_node *n, const void *at, size_t len, uint64_t off);
/* Makes one in `every` pending writes durable (0: none), and forgets them all. */
void disk_node_sync(struct disk_node *n, size_t every);
/* Durable at once.  at NULL: keeps the first `len` bytes of what is there. */
void disk_node_put(struct disk_node *n, const void *at, size_t len);

void disk_crash(struct disk *d, enum fs_sim_mode mode, struct random *random);
uint64_t disk_digest(const struct disk *d);

#endif
