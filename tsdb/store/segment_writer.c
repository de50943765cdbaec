#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/segment.h"
#include "tsdb/store/segment_format.h"

#include <assert.h>
#include <string.h>

enum { BUFFER_BYTES = 256 * 1024 };

static_assert(BUFFER_BYTES % SEGMENT_PAGE_BYTES == 0, "blocks of the content hash are whole");

struct toc_entry {
    uint32_t id;
    uint64_t off, len;
};

/* Owner: one thread. */
struct segment_writer {
    struct fs *fs;
    char *path, *aside;   /* owned */
    struct fs_file *file; /* owned */
    uint64_t flushed;     /* bytes of the file in it; a multiple of BUFFER_BYTES but for the last */
    struct writer buffer; /* what follows */
    struct tsdb_hash content;
    struct toc_entry toc[SEGMENT_SECTIONS_MAX];
    uint32_t section_count;
    bool is_in_section;
    uint32_t page_crc; /* of the open page, page_len bytes so far */
    size_t page_len;
    struct writer checksums; /* of all pages so far */
    enum tsdb_status st;     /* sticky */
    struct tsdb_error err;   /* of st */
};

uint64_t segment_writer_bytes(const struct segment_writer *w)
{
    return w->flushed + w->buffer.len;
}

static void flush(struct segment_writer *w)
{
    if (w->st == TSDB_OK && w->buffer.len > 0)
        w->st = fs_pwrite(w->file, w->buffer.at, w->buffer.len, w->flushed, &w->err);
    w->flushed += w->buffer.len;
    writer_reset(&w->buffer);
}

static void fold_buffer(struct segment_writer *w)
{
    for (size_t off = 0; off < w->buffer.len; off += SEGMENT_PAGE_BYTES) {
        size_t len = w->buffer.len - off;
        w->content = segment_content_fold(w->content, w->buffer.at + off,
                                          len < SEGMENT_PAGE_BYTES ? len : SEGMENT_PAGE_BYTES);
    }
}

static void put(struct segment_writer *w, struct bytes bytes)
{
    while (bytes.len > 0) {
        size_t room = BUFFER_BYTES - w->buffer.len;
        size_t len = bytes.len < room ? bytes.len : room;
        writer_put(&w->buffer, bytes.at, len);
        bytes.at += len;
        bytes.len -= len;
        if (w->buffer.len == BUFFER_BYTES) {
            fold_buffer(w);
            flush(w);
        }
    }
}

enum tsdb_status segment_writer_open(struct fs *fs, const char *path, struct segment_writer **out,
                                     struct tsdb_error *err)
{
    struct segment_writer *w = MEM_NEW(struct segment_writer);
    struct writer aside = {0};
    w->fs = fs;
    w->path = mem_text(path, strlen(path));
    writer_format(&aside, "%s.tmp", path);
    w->aside = mem_text((const char *)aside.at, aside.len);
    writer_release(&aside);
    enum tsdb_status st = fs_open(fs, w->aside, FS_WRITE | FS_CREATE | FS_TRUNCATE, &w->file, err);
    if (st != TSDB_OK) {
        mem_free(w->path);
        mem_free(w->aside);
        mem_free(w);
        return st;
    }
    (void)writer_reserve(&w->buffer, BUFFER_BYTES);
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_header_encode(header);
    put(w, (struct bytes){header, sizeof header});
    *out = w;
    return TSDB_OK;
}

static void pad(struct segment_writer *w)
{
    static const uint8_t zeros[SEGMENT_ALIGN];
    size_t over = (size_t)(segment_writer_bytes(w) % SEGMENT_ALIGN);
    if (over)
        put(w, (struct bytes){zeros, SEGMENT_ALIGN - over});
}

void segment_section_begin(struct segment_writer *w, uint32_t section_id)
{
    ASSERT(!w->is_in_section);
    ASSERT(w->section_count < SEGMENT_SECTIONS_MAX);
    for (uint32_t i = 0; i < w->section_count; i++)
        ASSERT(w->toc[i].id != section_id);
    pad(w);
    w->toc[w->section_count++] =
        (struct toc_entry){.id = section_id, .off = segment_writer_bytes(w)};
    w->is_in_section = true;
}

static void page_end(struct segment_writer *w)
{
    writer_le32(&w->checksums, w->page_crc);
    w->page_crc = 0;
    w->page_len = 0;
}

enum tsdb_status segment_write(struct segment_writer *w, struct bytes bytes, struct tsdb_error *err)
{
    ASSERT(w->is_in_section);
    w->toc[w->section_count - 1].len += bytes.len;
    put(w, bytes);
    while (bytes.len > 0) {
        size_t room = SEGMENT_PAGE_BYTES - w->page_len;
        size_t len = bytes.len < room ? bytes.len : room;
        w->page_crc = crc32c(w->page_crc, bytes.at, len);
        w->page_len += len;
        bytes.at += len;
        bytes.len -= len;
        if (w->page_len == SEGMENT_PAGE_BYTES)
            page_end(w);
    }
    if (w->st != TSDB_OK && err)
        *err = w->err;
    return w->st;
}

uint64_t segment_section_bytes(const struct segment_writer *w)
{
    ASSERT(w->is_in_section);
    return w->toc[w->section_count - 1].len;
}

void segment_section_end(struct segment_writer *w)
{
    ASSERT(w->is_in_section);
    if (w->page_len > 0)
        page_end(w);
    w->is_in_section = false;
}

static void put_footer(struct segment_writer *w, struct segment_trailer *t)
{
    struct writer footer = {0};
    pad(w);
    for (uint32_t i = 0; i < w->section_count; i++) {
        writer_le32(&footer, w->toc[i].id);
        writer_le32(&footer, 0);
        writer_le64(&footer, w->toc[i].off);
        writer_le64(&footer, w->toc[i].len);
    }
    writer_put(&footer, w->checksums.at, w->checksums.len);
    *t = (struct segment_trailer){
        .footer_off = segment_writer_bytes(w),
        .footer_len = footer.len,
        .section_count = w->section_count,
        .footer_crc = crc32c(0, footer.at, footer.len),
    };
    put(w, writer_bytes(&footer));
    writer_release(&footer);
    fold_buffer(w);
    t->content = w->content;
    t->bytes = segment_writer_bytes(w) + SEGMENT_TRAILER_BYTES;
    uint8_t *trailer = writer_reserve(&w->buffer, SEGMENT_TRAILER_BYTES);
    segment_trailer_encode(t, trailer);
    w->buffer.len += SEGMENT_TRAILER_BYTES;
    flush(w);
}

/* What came back from the file is what was meant, in every byte. */
static enum tsdb_status read_back(struct segment_writer *w, const struct segment_trailer *t,
                                  struct tsdb_error *err)
{
    struct segment *s;
    enum tsdb_status st = segment_open(w->fs, w->aside, &s, err);
    if (st != TSDB_OK)
        return st;
    struct segment_facts facts = segment_facts(s);
    st = segment_verify_all(s, err);
    if (st == TSDB_OK && (facts.bytes != t->bytes || !hash_equal(facts.content, t->content)))
        st = tsdb_fail(err, TSDB_ECORRUPT, "%s: read back other than written", w->aside);
    segment_unref(s);
    return st;
}

static void writer_free(struct segment_writer *w)
{
    fs_close(w->file);
    writer_release(&w->buffer);
    writer_release(&w->checksums);
    mem_free(w->path);
    mem_free(w->aside);
    mem_free(w);
}

static enum tsdb_status publish(struct segment_writer *w, struct tsdb_error *err)
{
    enum tsdb_status st = fs_rename(w->fs, w->aside, w->path, err);
    if (st != TSDB_OK)
        return st;
    struct writer dir = {0};
    const char *slash = strrchr(w->path, '/');
    size_t len = slash ? (size_t)(slash - w->path) : 0;
    if (slash && len == 0)
        writer_text(&dir, "/");
    else if (!slash)
        writer_text(&dir, ".");
    else
        writer_put(&dir, w->path, len);
    writer_u8(&dir, 0);
    st = fs_sync_dir(w->fs, (const char *)dir.at, err);
    writer_release(&dir);
    return st;
}

enum tsdb_status segment_writer_seal(struct segment_writer *w, struct segment_facts *out,
                                     struct tsdb_error *err)
{
    ASSERT(!w->is_in_section);
    struct segment_trailer t;
    put_footer(w, &t);
    if (w->st == TSDB_OK)
        w->st = fs_sync(w->file, &w->err);
    if (w->st == TSDB_OK)
        w->st = read_back(w, &t, &w->err);
    if (w->st == TSDB_OK)
        w->st = publish(w, &w->err);
    if (w->st != TSDB_OK) {
        enum tsdb_status st = w->st;
        if (err)
            *err = w->err;
        segment_writer_abort(w);
        return st;
    }
    *out = (struct segment_facts){t.bytes, t.content};
    writer_free(w);
    return TSDB_OK;
}

void segment_writer_abort(struct segment_writer *w)
{
    if (!w)
        return;
    (void)fs_unlink(w->fs, w->aside, NULL); /* else openers of the store remove it */
    writer_free(w);
}
