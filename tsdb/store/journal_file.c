#include "tsdb/store/journal_file.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool journal_is_passing(int os_errno)
{
    return os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EMFILE || os_errno == ENFILE ||
           os_errno == ENOMEM || os_errno == EAGAIN;
}

/* ---- names ------------------------------------------------------------------------ */

const char *journal_file_path(const char *dir, const char *prefix, uint32_t number,
                              char out[JOURNAL_PATH_MAX])
{
    int n = snprintf(out, JOURNAL_PATH_MAX, "%s/%s-%08" PRIx32, dir, prefix, number);
    ASSERT(n > 0 && n < JOURNAL_PATH_MAX);
    return out;
}

/* "PREFIX-" and eight lower-case hexadecimal digits. */
static bool name_parse(const char *name, const char *prefix, uint32_t *number)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 || strlen(name) != len + 8 ||
        strspn(name + len, "0123456789abcdef") != 8)
        return false;
    *number = (uint32_t)strtoul(name + len, NULL, 16);
    return true;
}

static bool number_add(void *arg, const char *name)
{
    struct journal_numbers *n = arg;
    uint32_t number;
    bool is_journal = name_parse(name, "journal-", &number);
    if (!is_journal && !name_parse(name, "damaged-", &number))
        return true;
    n->max = number > n->max ? number : n->max;
    if (!is_journal)
        return true;
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 16;
        n->at = mem_grow(n->at, n->cap, sizeof *n->at);
    }
    n->at[n->count++] = number;
    return true;
}

enum tsdb_status journal_numbers_list(struct fs *fs, const char *dir, struct journal_numbers *out,
                                      struct tsdb_error *err)
{
    return fs_list(fs, dir, number_add, out, err);
}

void journal_numbers_release(struct journal_numbers *n)
{
    mem_free(n->at);
    *n = (struct journal_numbers){0};
}

/* ---- files ------------------------------------------------------------------------ */

enum tsdb_status journal_file_open(struct fs *fs, const char *dir, uint32_t number,
                                   struct journal_file **out, struct tsdb_error *err)
{
    char path[JOURNAL_PATH_MAX];
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_file *file = MEM_NEW(struct journal_file);
    file->number = number;
    (void)journal_file_path(dir, "journal", number, path);
    enum tsdb_status st = fs_open(fs, path, FS_WRITE, &file->file, err);
    if (st == TSDB_OK)
        st = fs_size(file->file, &file->size, err);
    size_t len = file->size < sizeof page ? (size_t)file->size : sizeof page;
    if (st == TSDB_OK)
        st = fs_pread(file->file, page, len, 0, err);
    if (st != TSDB_OK) {
        journal_file_close(file);
        return st == TSDB_ENOTFOUND ? TSDB_EIO : st;
    }
    st = journal_header_decode((struct bytes){page, len}, &file->header);
    if (st == TSDB_EINVAL) {
        journal_file_close(file);
        return tsdb_fail(err, TSDB_EINVAL, "%s: written by a newer version", path);
    }
    file->has_header = st == TSDB_OK;
    *out = file;
    return TSDB_OK;
}

void journal_file_close(struct journal_file *file)
{
    if (!file)
        return;
    fs_close(file->file);
    mem_free(file);
}

/* Each byte equals the one before it, and the first is zero. */
static bool is_zero(struct bytes bytes)
{
    return bytes.len == 0 ||
           (bytes.at[0] == 0 && memcmp(bytes.at, bytes.at + 1, bytes.len - 1) == 0);
}

/* The one record behind the first page: a scan would look at all the file. */
static enum tsdb_status first_record(struct journal_file *file, uint64_t salt,
                                     struct journal_header *header, bool *is_found,
                                     struct tsdb_error *err)
{
    uint8_t head[JOURNAL_RECORD_HEADER_BYTES];
    enum tsdb_status st = fs_pread(file->file, head, sizeof head, JOURNAL_DATA_OFF, err);
    if (st != TSDB_OK)
        return st;
    struct reader r = reader_over((struct bytes){head + 4, sizeof head - 4});
    uint64_t end = JOURNAL_DATA_OFF + sizeof head + reader_le32(&r);
    uint64_t base = reader_le64(&r) & JOURNAL_POSITION_MASK;
    if (base > JOURNAL_BASE_MAX || base % 8 != 0)
        return TSDB_OK;
    *header = (struct journal_header){.base = base, .salt = salt};
    struct journal_scan scan;
    struct journal_record record;
    journal_scan_init(&scan, file->file, end < file->size ? end : file->size, header);
    st = journal_scan_next(&scan, &record, err);
    journal_scan_release(&scan);
    *is_found = st == TSDB_OK && record.start == base;
    return st == TSDB_END ? TSDB_OK : st;
}

enum tsdb_status journal_file_place(struct journal_file *file, uint64_t salt, bool *is_found,
                                    bool *is_blank, struct tsdb_error *err)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct bytes head = {page, file->size < sizeof page ? (size_t)file->size : sizeof page};
    struct journal_header header;
    *is_found = false;
    enum tsdb_status st = fs_pread(file->file, page, head.len, 0, err);
    if (st != TSDB_OK)
        return st;
    *is_blank = is_zero(head);
    if (file->size >= JOURNAL_DATA_OFF + JOURNAL_RECORD_HEADER_BYTES)
        st = first_record(file, salt, &header, is_found, err);
    if (st == TSDB_OK && *is_found)
        file->header = header;
    return st;
}

enum tsdb_status journal_file_end(const struct journal_file *file, uint64_t *end,
                                  struct tsdb_error *err)
{
    struct journal_scan scan;
    struct journal_record record;
    enum tsdb_status st;
    uint64_t last = file->header.base;
    journal_scan_init(&scan, file->file, file->size, &file->header);
    while ((st = journal_scan_next(&scan, &record, err)) == TSDB_OK)
        last = record.end;
    journal_scan_release(&scan);
    if (st != TSDB_END)
        return st;
    *end = last;
    return TSDB_OK;
}

enum tsdb_status journal_file_grow(struct journal_file *file, uint64_t len, struct tsdb_error *err)
{
    static const uint8_t zeros[64 * 1024];
    while (len > 0) {
        size_t piece = len < sizeof zeros ? (size_t)len : sizeof zeros;
        enum tsdb_status st = fs_pwrite(file->file, zeros, piece, file->size, err);
        if (st != TSDB_OK)
            return st;
        file->size += piece;
        len -= piece;
    }
    return TSDB_OK;
}

/* ---- lists ------------------------------------------------------------------------ */

void journal_list_insert(struct journal_file_list *list, size_t at, struct journal_file *file)
{
    ASSERT(at <= list->count);
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->at = mem_grow(list->at, list->cap, sizeof(struct journal_file *));
    }
    memmove(list->at + at + 1, list->at + at, (list->count - at) * sizeof(struct journal_file *));
    list->at[at] = file;
    list->count++;
}

struct journal_file *journal_list_take(struct journal_file_list *list, size_t at)
{
    ASSERT(at < list->count);
    struct journal_file *file = list->at[at];
    list->count--;
    memmove(list->at + at, list->at + at + 1, (list->count - at) * sizeof(struct journal_file *));
    return file;
}

void journal_list_release(struct journal_file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        journal_file_close(list->at[i]);
    mem_free(list->at);
    *list = (struct journal_file_list){0};
}
