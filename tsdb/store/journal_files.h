/* journal_files.h - the files of a journal: which are live, which are spare.
 *
 *     live, by base position                          spares
 *     [...] [...] [...] [current]                     [zeros or old records]
 *       |                  ^  next() when it is full       ^
 *       '-- wholly below release() -------------------- tend()
 *
 * Knows files, not policies: what to do about a fault is journal.c's.  A live
 * file holds the positions [its base, the base of the next); what it has beyond
 * that was written again in the next and does not count.  A file is told by the
 * header in it, never by its name (journal-XXXXXXXX), so recycling needs no
 * rename: a spare is an old live file or zeros until next() gives it a header.
 *
 * Fresh space is never met on the way of an acknowledgement where avoidable:
 * spares are filled with zeros ahead, and a file that is written without having
 * been filled grows by a stretch of zeros at a time.
 *
 * Threads: one writer (write, sync, next, poison), one tender (tend); release,
 * stats and the predicates from anywhere.  Guarded by the lock inside: the two
 * lists.  Never called with a lock of the caller's held across I/O but its own.
 */
#ifndef TSDB_STORE_JOURNAL_FILES_H
#define TSDB_STORE_JOURNAL_FILES_H

#include "tsdb/base/fs.h"
#include "tsdb/base/reader.h"
#include "tsdb/store/journal.h"

struct journal_files;

struct journal_files_options {
    struct fs *fs;
    const char *dir;
    uint64_t segment_bytes; /* a file is full when it has this many */
    uint64_t floor;
    void (*on_event)(void *arg, const char *text, bool is_degraded); /* or NULL; in open only */
    void *arg;
};

TSDB_NODISCARD enum tsdb_status journal_files_open(const struct journal_files_options *options,
                                                   struct journal_files **out,
                                                   struct tsdb_error *err);
void journal_files_close(struct journal_files *f); /* NULL is a no-op */

uint32_t journal_files_salt(const struct journal_files *f); /* what record checksums begin with */
/* Where the log goes on; what next() or write() must be given first. */
uint64_t journal_files_end(const struct journal_files *f);
TSDB_NODISCARD enum tsdb_status journal_files_replay(struct journal_files *f, uint64_t from,
                                                     journal_record_fn *fn, void *arg,
                                                     struct tsdb_error *err);

/* Writes whole records, the first of which is at `position`, as many as the
 * current file takes; 0 when there is none or it is full.  A write that failed
 * for a passing reason may be tried again with the same bytes.  err: not NULL. */
TSDB_NODISCARD enum tsdb_status journal_files_write(struct journal_files *f, struct bytes records,
                                                    uint64_t position, size_t *taken,
                                                    struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status journal_files_sync(struct journal_files *f, struct tsdb_error *err);
bool journal_files_has_current(const struct journal_files *f);
/* The next file becomes the current one, from `position` on. */
TSDB_NODISCARD enum tsdb_status journal_files_next(struct journal_files *f, uint64_t position,
                                                   struct tsdb_error *err);
/* The current file is never written or synced again. */
void journal_files_poison(struct journal_files *f);
bool journal_files_has_spare(struct journal_files *f); /* one that is filled */
/* True once each time when writing has made tending worth while. */
bool journal_files_take_wish(struct journal_files *f);

void journal_files_release(struct journal_files *f, uint64_t position);
/* One bounded piece: recycles one file, or fills a stretch of one, or makes one.
 * TSDB_END: nothing to do.  err: not NULL. */
TSDB_NODISCARD enum tsdb_status journal_files_tend(struct journal_files *f, struct tsdb_error *err);

/* Fills in the fields that are about files and replay; leaves the others. */
void journal_files_stats(struct journal_files *f, struct journal_stats *out);

#endif
