/* proc.h - small files of the proc, sys and cgroup file systems, as text.
 *
 * Their size is not known before they are read; what is longer than the buffer
 * is cut off.  Through the fs seam, so that tests bring their own.
 */
#ifndef COLLECTOR_SELF_PROC_H
#define COLLECTOR_SELF_PROC_H

#include "tsdb/base/fs.h"

/* NUL-terminated.  False when there is nothing to read. */
bool proc_read(struct fs *fs, const char *path, char *out, size_t cap);

#endif
