#include "tsdb/store/segment.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/segment_format.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct section {
    uint32_t id;
    struct bytes view;         /* into the map */
    struct bytes table;        /* into the map: crc32c le32 a page */
    _Atomic uint64_t *checked; /* owned; a bit a page */
};

struct segment {
    struct fs *fs;
    char *path; /* owned */
    struct bytes map;
    struct segment_trailer trailer;
    struct section sections[SEGMENT_SECTIONS_MAX];
    uint32_t section_count;
    /* Atomic: the last unref sees what the others did (acquire, release). */
    _Atomic uint32_t refs;
    _Atomic bool is_retired;
};

/* ---- names ------------------------------------------------------------------------ */

static const char *const SIGNAL_NAMES[STORE_SIGNAL_COUNT] = {"metrics", "logs", "traces"};

void segment_name_format(char out[SEGMENT_NAME_MAX], uint64_t id, enum store_signal signal)
{
    ASSERT(signal < STORE_SIGNAL_COUNT);
    int n = snprintf(out, SEGMENT_NAME_MAX, "seg-%016" PRIx64 "-%s.seg", id, SIGNAL_NAMES[signal]);
    ASSERT(n > 0 && n < SEGMENT_NAME_MAX);
}

bool segment_name_parse(const char *name, uint64_t *id, enum store_signal *signal)
{
    char again[SEGMENT_NAME_MAX];
    if (strncmp(name, "seg-", 4) != 0)
        return false;
    uint64_t value = strtoull(name + 4, NULL, 16);
    for (unsigned i = 0; i < STORE_SIGNAL_COUNT; i++) {
        segment_name_format(again, value, (enum store_signal)i);
        if (strcmp(again, name) == 0) {
            *id = value;
            *signal = (enum store_signal)i;
            return true;
        }
    }
    return false;
}

/* ---- opening ---------------------------------------------------------------------- */

static enum tsdb_status corrupt(const struct segment *s, struct tsdb_error *err, const char *what)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "%s: %s", s->path, what);
}

static enum tsdb_status open_sections(struct segment *s, struct bytes footer,
                                      struct tsdb_error *err)
{
    struct reader r = reader_over(footer);
    uint64_t at = SEGMENT_HEADER_BYTES;
    for (uint32_t i = 0; i < s->trailer.section_count; i++) {
        struct section *section = &s->sections[i];
        section->id = reader_le32(&r);
        uint32_t zero = reader_le32(&r);
        uint64_t off = reader_le64(&r);
        uint64_t len = reader_le64(&r);
        if (r.fault || zero != 0 || off % SEGMENT_ALIGN != 0 || off < at ||
            off > s->trailer.footer_off || len > s->trailer.footer_off - off)
            return corrupt(s, err, "table of contents does not fit the file");
        for (uint32_t k = 0; k < i; k++)
            if (s->sections[k].id == section->id)
                return corrupt(s, err, "table of contents names a section twice");
        section->view = (struct bytes){s->map.at + off, (size_t)len};
        at = off + len;
    }
    for (uint32_t i = 0; i < s->trailer.section_count; i++) {
        struct section *section = &s->sections[i];
        size_t pages = segment_pages(section->view.len);
        section->table = reader_take(&r, pages * 4);
        if (r.fault)
            return corrupt(s, err, "page checksums do not fit the footer");
        section->checked = (_Atomic uint64_t *)mem_array(pages / 64 + 1, sizeof(uint64_t));
        s->section_count++;
    }
    return reader_done(&r) ? TSDB_OK : corrupt(s, err, "bytes behind the page checksums");
}

static enum tsdb_status open_map(struct segment *s, struct tsdb_error *err)
{
    if (s->map.len < SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES)
        return corrupt(s, err, "shorter than header and trailer");
    enum tsdb_status st = segment_header_decode((struct bytes){s->map.at, SEGMENT_HEADER_BYTES});
    if (st == TSDB_EINVAL)
        return tsdb_fail(err, st, "%s: written by a newer version", s->path);
    if (st != TSDB_OK)
        return corrupt(s, err, "header does not check");
    struct bytes tail = {s->map.at + s->map.len - SEGMENT_TRAILER_BYTES, SEGMENT_TRAILER_BYTES};
    if (segment_trailer_decode(tail, &s->trailer) != TSDB_OK)
        return corrupt(s, err, "trailer does not check");
    uint64_t inner = s->map.len - SEGMENT_TRAILER_BYTES;
    if (s->trailer.bytes != s->map.len || s->trailer.footer_off < SEGMENT_HEADER_BYTES ||
        s->trailer.footer_off > inner || s->trailer.footer_len != inner - s->trailer.footer_off)
        return corrupt(s, err, "size is not the one in the trailer");
    struct bytes footer = {s->map.at + s->trailer.footer_off, (size_t)s->trailer.footer_len};
    if (crc32c(0, footer.at, footer.len) != s->trailer.footer_crc)
        return corrupt(s, err, "footer does not check");
    return open_sections(s, footer, err);
}

static void segment_free(struct segment *s)
{
    for (uint32_t i = 0; i < s->section_count; i++)
        mem_free((void *)(uintptr_t)s->sections[i].checked);
    fs_unmap(s->fs, s->map);
    mem_free(s->path);
    mem_free(s);
}

enum tsdb_status segment_open(struct fs *fs, const char *path, struct segment **out,
                              struct tsdb_error *err)
{
    struct fs_file *file;
    enum tsdb_status st = fs_open(fs, path, FS_READ, &file, err);
    if (st != TSDB_OK)
        return st;
    struct segment *s = MEM_NEW(struct segment);
    s->fs = fs;
    s->path = mem_text(path, strlen(path));
    atomic_init(&s->refs, 1);
    st = fs_map(file, &s->map, err);
    fs_close(file); /* the mapping keeps the file */
    if (st == TSDB_OK)
        st = open_map(s, err);
    if (st == TSDB_OK)
        *out = s;
    else
        segment_free(s);
    return st;
}

struct segment *segment_ref(struct segment *s)
{
    uint32_t before = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return s;
}

void segment_unref(struct segment *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (atomic_load(&s->is_retired))
        (void)fs_unlink(s->fs, s->path, NULL); /* else the next open removes the stray file */
    segment_free(s);
}

void segment_retire(struct segment *s)
{
    atomic_store(&s->is_retired, true);
}

const char *segment_path(const struct segment *s)
{
    return s->path;
}

struct segment_facts segment_facts(const struct segment *s)
{
    return (struct segment_facts){s->trailer.bytes, s->trailer.content};
}

/* ---- reading ---------------------------------------------------------------------- */

static struct section *section_find(const struct segment *s, uint32_t section_id)
{
    for (uint32_t i = 0; i < s->section_count; i++)
        if (s->sections[i].id == section_id)
            return (struct section *)(uintptr_t)&s->sections[i];
    return NULL;
}

bool segment_section(const struct segment *s, uint32_t section_id, struct bytes *view)
{
    struct section *section = section_find(s, section_id);
    *view = section ? section->view : (struct bytes){0};
    return section != NULL;
}

static enum tsdb_status page_check(const struct segment *s, const struct section *section,
                                   size_t page, struct tsdb_error *err)
{
    size_t off = page * SEGMENT_PAGE_BYTES;
    size_t len = section->view.len - off;
    if (len > SEGMENT_PAGE_BYTES)
        len = SEGMENT_PAGE_BYTES;
    struct reader r = reader_over((struct bytes){section->table.at + page * 4, 4});
    uint32_t want = reader_le32(&r);
    uint32_t got = crc32c(0, section->view.at + off, len);
    if (got == want)
        return TSDB_OK;
    return tsdb_fail(err, TSDB_ECORRUPT,
                     "%s: section %" PRIu32 " page %zu: crc %08" PRIx32 ", want %08" PRIx32,
                     s->path, section->id, page, got, want);
}

enum tsdb_status segment_check_range(struct segment *s, uint32_t section_id, uint64_t off,
                                     uint64_t len, struct tsdb_error *err)
{
    if (len == 0)
        return TSDB_OK;
    struct section *section = section_find(s, section_id);
    if (!section)
        return tsdb_fail(err, TSDB_ECORRUPT, "%s: no section %" PRIu32, s->path, section_id);
    if (off > section->view.len || len > section->view.len - off)
        return tsdb_fail(err, TSDB_ECORRUPT,
                         "%s: section %" PRIu32 " has %zu bytes, want %" PRIu64 " at %" PRIu64,
                         s->path, section_id, section->view.len, len, off);
    size_t last = (size_t)((off + len - 1) / SEGMENT_PAGE_BYTES);
    for (size_t page = (size_t)(off / SEGMENT_PAGE_BYTES); page <= last; page++) {
        _Atomic uint64_t *word = &section->checked[page / 64];
        uint64_t bit = UINT64_C(1) << (page % 64);
        if (atomic_load_explicit(word, memory_order_relaxed) & bit)
            continue;
        enum tsdb_status st = page_check(s, section, page, err);
        if (st != TSDB_OK)
            return st;
        atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    }
    return TSDB_OK;
}

enum tsdb_status segment_verify_all(struct segment *s, struct tsdb_error *err)
{
    for (uint32_t i = 0; i < s->section_count; i++)
        for (size_t page = 0; page < segment_pages(s->sections[i].view.len); page++) {
            enum tsdb_status st = page_check(s, &s->sections[i], page, err);
            if (st != TSDB_OK)
                return st;
        }
    struct tsdb_hash content = {0};
    size_t inner = s->map.len - SEGMENT_TRAILER_BYTES;
    for (size_t off = 0; off < inner; off += SEGMENT_PAGE_BYTES) {
        size_t len = inner - off < SEGMENT_PAGE_BYTES ? inner - off : SEGMENT_PAGE_BYTES;
        content = segment_content_fold(content, s->map.at + off, len);
    }
    if (!hash_equal(content, s->trailer.content))
        return corrupt(s, err, "content hash is not the one in the trailer");
    return TSDB_OK;
}

/* ---- quarantine -------------------------------------------------------------------- */

static bool text_is_listed(void *arg, const char *name)
{
    const char **wanted = arg;
    if (*wanted && strcmp(*wanted, name) == 0)
        *wanted = NULL;
    return true;
}

static enum tsdb_status write_why(struct fs *fs, const char *path, const char *why,
                                  struct tsdb_error *err)
{
    struct fs_file *file;
    enum tsdb_status st = fs_open(fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, err);
    if (st != TSDB_OK)
        return st;
    st = fs_pwrite(file, why, strlen(why), 0, err);
    if (st == TSDB_OK)
        st = fs_sync(file, err);
    fs_close(file);
    return st;
}

/* The name in quarantine/: `name`, or name.1, name.2, ... when those are taken. */
static enum tsdb_status free_name(struct fs *fs, const char *folder, const char *name, char *out,
                                  size_t out_len, struct tsdb_error *err)
{
    for (int i = 0; i < 1000; i++) {
        int n =
            i == 0 ? snprintf(out, out_len, "%s", name) : snprintf(out, out_len, "%s.%d", name, i);
        if (n < 0 || (size_t)n >= out_len)
            return tsdb_fail(err, TSDB_EINVAL, "%s: name is too long", name);
        const char *wanted = out;
        enum tsdb_status st = fs_list(fs, folder, text_is_listed, &wanted, err);
        if (st != TSDB_OK)
            return st;
        if (wanted)
            return TSDB_OK;
    }
    return tsdb_fail(err, TSDB_ELIMIT, "%s: 1000 files of that name in quarantine", name);
}

enum tsdb_status segment_quarantine(struct fs *fs, const char *dir, const char *name,
                                    const char *why, struct tsdb_error *err)
{
    char leaf[300];
    struct writer folder = {0}, from = {0}, to = {0};
    writer_format(&folder, "%s/quarantine", dir);
    writer_u8(&folder, 0);
    const char *folder_text = (const char *)folder.at;
    enum tsdb_status st = fs_mkdir(fs, folder_text, err);
    if (st == TSDB_OK)
        st = free_name(fs, folder_text, name, leaf, sizeof leaf, err);
    if (st != TSDB_OK)
        goto out;
    writer_format(&to, "%s/%s.why", folder_text, leaf);
    writer_u8(&to, 0);
    st = write_why(fs, (const char *)to.at, why, err);
    if (st != TSDB_OK)
        goto out;
    to.at[to.len - sizeof ".why"] = 0;
    writer_format(&from, "%s/%s", dir, name);
    writer_u8(&from, 0);
    st = fs_rename(fs, (const char *)from.at, (const char *)to.at, err);
    if (st == TSDB_OK)
        st = fs_sync_dir(fs, folder_text, err);
    if (st == TSDB_OK)
        st = fs_sync_dir(fs, dir, err);
out:
    writer_release(&folder);
    writer_release(&from);
    writer_release(&to);
    return st;
}
