/* journal_file.h - one file of a journal, and lists of them.
 *
 * Opens it, tells what part of the log it holds, fills it with zeros.  Whether a
 * file is live or spare is its list's business (journal_files.h).
 * Owner: whichever list holds it, or the thread that took it out.
 */
#ifndef TSDB_STORE_JOURNAL_FILE_H
#define TSDB_STORE_JOURNAL_FILE_H

#include "tsdb/store/journal_record.h"

enum { JOURNAL_PATH_MAX = 4096 };

struct journal_file {
    struct fs_file *file;         /* owned */
    uint32_t number;              /* in its name */
    uint64_t size;                /* bytes of the file */
    struct journal_header header; /* what part of the log it holds, when it is live */
    bool has_header;              /* the first page says so; else its first record did */
    bool is_poisoned;
};

struct journal_file_list {
    struct journal_file **at; /* owned, as are the files */
    size_t count, cap;
};

/* Lack of something that may come back (space, handles, memory): no fault of the
 * file. */
bool journal_is_passing(int os_errno);

/* "DIR/PREFIX-00000001"; out is returned.  dir is shorter by 32 than out. */
const char *journal_file_path(const char *dir, const char *prefix, uint32_t number,
                              char out[JOURNAL_PATH_MAX]);

/* Numbers of the journal's files in a folder, sorted. */
struct journal_numbers {
    uint32_t *at; /* owned */
    size_t count, cap;
    uint32_t max; /* of the files set aside too: their names stay theirs */
};
TSDB_NODISCARD enum tsdb_status journal_numbers_list(struct fs *fs, const char *dir,
                                                     struct journal_numbers *out,
                                                     struct tsdb_error *err);
void journal_numbers_release(struct journal_numbers *n);

/* TSDB_EIO; TSDB_EINVAL: written by a newer version. */
TSDB_NODISCARD enum tsdb_status journal_file_open(struct fs *fs, const char *dir, uint32_t number,
                                                  struct journal_file **out,
                                                  struct tsdb_error *err);
void journal_file_close(struct journal_file *file); /* NULL is a no-op */

/* A file whose first page is lost may still show what it holds: by the record
 * behind that page.  *is_found: `header` is set.  *is_blank: the page is zeros. */
TSDB_NODISCARD enum tsdb_status journal_file_place(struct journal_file *file, uint64_t salt,
                                                   bool *is_found, bool *is_blank,
                                                   struct tsdb_error *err);
/* *end: behind the last record of the file, or its base when there is none. */
TSDB_NODISCARD enum tsdb_status journal_file_end(const struct journal_file *file, uint64_t *end,
                                                 struct tsdb_error *err);
/* Grows the file by len zeros. */
TSDB_NODISCARD enum tsdb_status journal_file_grow(struct journal_file *file, uint64_t len,
                                                  struct tsdb_error *err);

void journal_list_insert(struct journal_file_list *list, size_t at, struct journal_file *file);
struct journal_file *journal_list_take(struct journal_file_list *list, size_t at);
void journal_list_release(struct journal_file_list *list);

#endif
