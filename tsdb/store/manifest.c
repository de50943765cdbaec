#include "tsdb/store/manifest.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/manifest_edit.h"
#include "tsdb/store/manifest_state.h"

#include <inttypes.h>
#include <string.h>

enum {
    HEADER_BYTES = 96,
    RECORD_HEADER_BYTES = 16,
    REWRITE_MIN = 64 * 1024,   /* smaller files are left to grow */
    REWRITE_FACTOR = 4,        /* ... and larger ones to this many times their content */
    STRETCH_BYTES = 16 * 1024, /* zeros kept ahead: room for about 150 edits */
};

static const uint8_t MAGIC[8] = "ANDONMAN";

struct manifest {
    struct fs *fs;
    char *dir, *path, *aside; /* owned */
    struct fs_file *file;     /* owned; NULL: must be written anew first */
    struct manifest_facts facts;
    uint32_t version;
    struct manifest_state state;
    uint64_t sequence;      /* of the last edit */
    uint64_t bytes;         /* of the records and the header */
    uint64_t size;          /* of the file: zeros follow the records */
    uint64_t content_bytes; /* `bytes` when the file was last written anew */
};

/* ---- bytes ------------------------------------------------------------------------- */

static void header_encode(const struct manifest *m, struct writer *w)
{
    size_t start = w->len;
    writer_put(w, MAGIC, sizeof MAGIC);
    writer_le32(w, MANIFEST_VERSION);
    writer_le32(w, MANIFEST_VERSION);
    writer_le64(w, 0); /* features */
    writer_le64(w, m->facts.store_id.lo);
    writer_le64(w, m->facts.store_id.hi);
    writer_le64(w, m->facts.seed);
    writer_le64(w, (uint64_t)m->facts.created);
    writer_le32(w, m->facts.shards);
    memset(writer_reserve(w, 32), 0, 32);
    w->len += 32;
    writer_le32(w, crc32c(0, w->at + start, w->len - start));
    ASSERT(w->len - start == HEADER_BYTES);
}

static enum tsdb_status header_decode(struct manifest *m, struct bytes in, struct tsdb_error *err)
{
    struct reader r = reader_over(in);
    struct bytes magic = reader_take(&r, sizeof MAGIC);
    m->version = reader_le32(&r);
    uint32_t reader_min = reader_le32(&r);
    uint64_t features = reader_le64(&r);
    m->facts.store_id.lo = reader_le64(&r);
    m->facts.store_id.hi = reader_le64(&r);
    m->facts.seed = reader_le64(&r);
    m->facts.created = (int64_t)reader_le64(&r);
    m->facts.shards = reader_le32(&r);
    (void)reader_take(&r, 32);
    uint32_t crc = reader_le32(&r);
    if (r.fault || memcmp(magic.at, MAGIC, sizeof MAGIC) != 0 ||
        crc != crc32c(0, in.at, HEADER_BYTES - 4))
        return tsdb_fail(err, TSDB_ECORRUPT, "%s: header does not check", m->path);
    if (reader_min > MANIFEST_VERSION || features != 0)
        return tsdb_fail(err, TSDB_EINVAL, "%s: written by a newer version", m->path);
    return TSDB_OK;
}

static void record_encode(struct writer *w, uint64_t sequence, struct bytes payload)
{
    static const uint8_t zeros[8];
    uint8_t *at = writer_reserve(w, RECORD_HEADER_BYTES);
    uint32_t len = (uint32_t)payload.len;
    memcpy(at + 4, &len, sizeof len);
    memcpy(at + 8, &sequence, sizeof sequence);
    uint32_t crc = crc32c(crc32c(0, at + 4, 12), payload.at, payload.len);
    memcpy(at, &crc, sizeof crc);
    w->len += RECORD_HEADER_BYTES;
    writer_put(w, payload.at, payload.len);
    writer_put(w, zeros, (8 - payload.len % 8) % 8);
}

struct record {
    uint64_t sequence;
    struct bytes payload;
    size_t bytes; /* padded */
};

static bool record_decode(struct bytes rest, struct record *out)
{
    struct reader r = reader_over(rest);
    uint32_t crc = reader_le32(&r);
    uint32_t len = reader_le32(&r);
    out->sequence = reader_le64(&r);
    out->payload = reader_take(&r, len);
    if (r.fault || crc32c(0, rest.at + 4, 12 + (size_t)len) != crc)
        return false;
    size_t padding = (8 - len % 8) % 8;
    out->bytes = RECORD_HEADER_BYTES + len + (padding < r.rest.len ? padding : r.rest.len);
    return true;
}

/* ---- reading ------------------------------------------------------------------------ */

/* Whether a record follows anywhere behind the one at `off` that does not check:
 * then that one was whole once. */
static bool has_record_behind(struct bytes file, size_t off, uint64_t sequence)
{
    struct record record;
    for (off += 8; off + RECORD_HEADER_BYTES <= file.len; off += 8) {
        struct reader r = reader_over((struct bytes){file.at + off + 8, 8});
        uint64_t found = reader_le64(&r);
        if (found > sequence && found - sequence < file.len &&
            record_decode((struct bytes){file.at + off, file.len - off}, &record))
            return true;
    }
    return false;
}

/* A confirmation says nothing that the next edit does not. */
static bool is_lost_confirmation(struct bytes file, size_t off, uint64_t sequence)
{
    struct record record;
    off += RECORD_HEADER_BYTES;
    return off < file.len &&
           record_decode((struct bytes){file.at + off, file.len - off}, &record) &&
           record.payload.len > 0 && record.sequence == sequence + 1;
}

/* Each byte equals the one before it, and the first is zero. */
static bool is_zero(struct bytes bytes)
{
    return bytes.len == 0 ||
           (bytes.at[0] == 0 && memcmp(bytes.at, bytes.at + 1, bytes.len - 1) == 0);
}

static enum tsdb_status records_read(struct manifest *m, struct bytes file, size_t *end,
                                     struct tsdb_error *err)
{
    size_t off = HEADER_BYTES;
    while (off < file.len) {
        struct record record;
        if (!record_decode((struct bytes){file.at + off, file.len - off}, &record)) {
            if (is_lost_confirmation(file, off, m->sequence)) {
                off += RECORD_HEADER_BYTES;
                continue;
            }
            bool is_tail = is_zero((struct bytes){file.at + off, file.len - off});
            if (!is_tail && has_record_behind(file, off, m->sequence))
                return tsdb_fail(err, TSDB_ECORRUPT, "%s: record at %zu does not check", m->path,
                                 off);
            break; /* a torn tail */
        }
        bool is_edit = record.payload.len > 0;
        if (record.sequence != m->sequence + (is_edit ? 1 : 0))
            return tsdb_fail(err, TSDB_ECORRUPT,
                             "%s: record at %zu: sequence %" PRIu64 ", want %" PRIu64, m->path, off,
                             record.sequence, m->sequence + 1);
        if (is_edit && manifest_edit_decode(record.payload, &m->state) != TSDB_OK)
            return tsdb_fail(err, TSDB_ECORRUPT, "%s: edit at %zu does not fit", m->path, off);
        m->sequence = record.sequence;
        off += record.bytes;
    }
    *end = off;
    return TSDB_OK;
}

static void drop_file(struct manifest *m)
{
    fs_close(m->file);
    m->file = NULL;
}

static enum tsdb_status file_read(struct manifest *m, struct tsdb_error *err)
{
    struct bytes map = {0};
    enum tsdb_status st = fs_map(m->file, &map, err);
    if (st != TSDB_OK)
        return st;
    size_t end = 0;
    if (map.len < HEADER_BYTES)
        st = tsdb_fail(err, TSDB_ECORRUPT, "%s: %zu bytes, want a header of %d", m->path, map.len,
                       HEADER_BYTES);
    else
        st = header_decode(m, (struct bytes){map.at, HEADER_BYTES}, err);
    if (st == TSDB_OK)
        st = records_read(m, map, &end, err);
    m->bytes = m->content_bytes = end;
    m->size = map.len;
    /* A record whose padding was cut off is whole, but nothing can follow it. */
    bool is_torn =
        st == TSDB_OK && (end % 8 != 0 || !is_zero((struct bytes){map.at + end, map.len - end}));
    fs_unmap(m->fs, map);
    /* Nothing may follow a torn tail; what a crash of the process left unsynced
     * counts from now on. */
    if (st == TSDB_OK && !is_torn)
        st = fs_sync(m->file, err);
    if (is_torn)
        drop_file(m);
    return st;
}

/* ---- writing ------------------------------------------------------------------------ */

static enum tsdb_status write_all(struct manifest *m, struct fs_file *file, struct tsdb_error *err)
{
    struct writer w = {0}, payload = {0};
    header_encode(m, &w);
    manifest_state_encode(&m->state, &payload);
    record_encode(&w, 1, writer_bytes(&payload));
    record_encode(&w, 1, (struct bytes){0});
    size_t bytes = w.len;
    memset(writer_reserve(&w, STRETCH_BYTES), 0, STRETCH_BYTES);
    w.len += STRETCH_BYTES;
    enum tsdb_status st = fs_pwrite(file, w.at, w.len, 0, err);
    if (st == TSDB_OK)
        st = fs_sync(file, err);
    if (st == TSDB_OK) {
        m->bytes = m->content_bytes = bytes;
        m->size = w.len;
        m->sequence = 1;
    }
    writer_release(&w);
    writer_release(&payload);
    return st;
}

/* The whole file anew, aside.  When it fails before the renaming, the old file
 * goes on; after that it may be the one or the other, and both say the same. */
static enum tsdb_status rewrite(struct manifest *m, struct tsdb_error *err)
{
    struct fs_file *file;
    struct manifest before = *m;
    enum tsdb_status st = fs_open(m->fs, m->aside, FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, err);
    if (st != TSDB_OK)
        return st;
    st = write_all(m, file, err);
    if (st != TSDB_OK) {
        *m = before;
        fs_close(file);
        return st;
    }
    drop_file(m);
    st = fs_rename(m->fs, m->aside, m->path, err);
    if (st == TSDB_OK)
        st = fs_sync_dir(m->fs, m->dir, err);
    if (st == TSDB_OK)
        m->file = file;
    else
        fs_close(file);
    return st;
}

/* Keeps zeros ahead: retention must be able to tell what it removed from a disk
 * that is full. */
static void stretch(struct manifest *m, size_t need)
{
    static const uint8_t zeros[STRETCH_BYTES];
    uint64_t want = m->bytes + need + STRETCH_BYTES / 2;
    if (want <= m->size)
        return;
    if (fs_pwrite(m->file, zeros, sizeof zeros, m->size, NULL) == TSDB_OK)
        m->size += sizeof zeros;
}

static enum tsdb_status append(struct manifest *m, struct bytes payload, struct tsdb_error *err)
{
    struct writer w = {0};
    record_encode(&w, m->sequence + 1, payload);
    stretch(m, w.len);
    enum tsdb_status st = fs_pwrite(m->file, w.at, w.len, m->bytes, err);
    if (st == TSDB_OK)
        st = fs_sync(m->file, err);
    if (st == TSDB_OK) {
        m->sequence++;
        m->bytes += w.len;
        /* Not synced, and not missed: it only tells damage from a torn tail. */
        writer_reset(&w);
        record_encode(&w, m->sequence, (struct bytes){0});
        if (fs_pwrite(m->file, w.at, w.len, m->bytes, NULL) == TSDB_OK)
            m->bytes += w.len;
        m->size = m->size > m->bytes ? m->size : m->bytes;
    }
    writer_release(&w);
    return st;
}

/* ---- the face ----------------------------------------------------------------------- */

static char *path_of(const char *dir, const char *leaf)
{
    struct writer w = {0};
    writer_format(&w, "%s/%s", dir, leaf);
    char *path = mem_text((const char *)w.at, w.len);
    writer_release(&w);
    return path;
}

static bool note_segment(void *arg, const char *name)
{
    bool *is_there = arg;
    uint64_t id;
    enum store_signal signal;
    *is_there = *is_there || segment_name_parse(name, &id, &signal);
    return !*is_there;
}

/* Segments come after the first manifest: without one they are not a new store. */
static enum tsdb_status manifest_create(struct manifest *m, const struct manifest_facts *facts,
                                        struct tsdb_error *err)
{
    bool has_segments = false;
    enum tsdb_status st = fs_list(m->fs, m->dir, note_segment, &has_segments, err);
    if (st == TSDB_OK && has_segments)
        st = tsdb_fail(err, TSDB_ECORRUPT, "%s: is missing, and there are segments", m->path);
    if (st != TSDB_OK)
        return st;
    m->facts = *facts;
    m->version = MANIFEST_VERSION;
    return rewrite(m, err);
}

enum tsdb_status manifest_open(struct fs *fs, const char *dir, const struct manifest_facts *create,
                               struct manifest **out, struct tsdb_error *err)
{
    struct manifest *m = MEM_NEW(struct manifest);
    m->fs = fs;
    m->dir = mem_text(dir, strlen(dir));
    m->path = path_of(dir, "MANIFEST");
    m->aside = path_of(dir, "MANIFEST.tmp");
    m->state.next_id = 1;
    enum tsdb_status st = fs_open(fs, m->path, FS_WRITE, &m->file, err);
    if (st == TSDB_OK) {
        st = file_read(m, err);
    } else if (st == TSDB_ENOTFOUND && create) {
        st = manifest_create(m, create, err);
    }
    if (st == TSDB_OK)
        *out = m;
    else
        manifest_close(m);
    return st;
}

void manifest_close(struct manifest *m)
{
    if (!m)
        return;
    fs_close(m->file);
    manifest_state_release(&m->state);
    mem_free(m->dir);
    mem_free(m->path);
    mem_free(m->aside);
    mem_free(m);
}

enum tsdb_status manifest_apply(struct manifest *m, const struct manifest_edit *edit,
                                struct tsdb_error *err)
{
    enum tsdb_status st = manifest_state_check(&m->state, edit, err);
    if (st != TSDB_OK)
        return st;
    bool is_grown = m->bytes > REWRITE_MIN && m->bytes / REWRITE_FACTOR > m->content_bytes;
    if (!m->file || is_grown)
        st = rewrite(m, err);
    if (!m->file)
        return st;
    struct writer payload = {0};
    manifest_edit_encode(edit, &m->state, &payload);
    st = TSDB_OK;
    if (payload.len > MANIFEST_EDIT_MAX)
        st = tsdb_fail(err, TSDB_EINVAL, "%s: edit of %zu bytes, limit %d", m->path, payload.len,
                       MANIFEST_EDIT_MAX);
    if (st == TSDB_OK) {
        st = append(m, writer_bytes(&payload), err);
        if (st != TSDB_OK)
            drop_file(m); /* never written to again */
    }
    writer_release(&payload);
    if (st == TSDB_OK)
        manifest_state_apply(&m->state, edit);
    return st;
}

uint64_t manifest_take_id(struct manifest *m)
{
    return m->state.next_id++;
}

const struct manifest_facts *manifest_facts(const struct manifest *m)
{
    return &m->facts;
}

uint32_t manifest_version(const struct manifest *m)
{
    return m->version;
}

uint64_t manifest_floor(const struct manifest *m)
{
    return m->state.floor;
}

uint64_t manifest_next_id(const struct manifest *m)
{
    return m->state.next_id;
}

const struct manifest_segment *manifest_segments(const struct manifest *m, size_t *count)
{
    *count = m->state.segment_count;
    return m->state.segments;
}

const struct manifest_segment *manifest_find(const struct manifest *m, uint64_t id)
{
    return manifest_state_find(&m->state, id);
}

const struct manifest_tombstone *manifest_tombstones(const struct manifest *m, size_t *count)
{
    *count = m->state.tombstone_count;
    return m->state.tombstones;
}
