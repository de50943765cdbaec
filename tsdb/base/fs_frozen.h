/* fs_frozen.h - another fs that cannot be changed through this one: for looking into a
 * store that may be somebody else's, running or damaged.
 *
 * Opening for writing opens for reading; syncing, making a folder, renaming and
 * unlinking say that they did and do nothing; writing, linking, creating and truncating
 * are refused (TSDB_EINVAL).  A folder that is not there lists as empty.
 * Owner: whoever embeds it; it must outlive its files and maps.
 */
#ifndef TSDB_BASE_FS_FROZEN_H
#define TSDB_BASE_FS_FROZEN_H

#include "tsdb/base/fs.h"

struct fs_frozen {
    struct fs fs;
    struct fs *inner; /* borrowed */
};

/* Returns &f->fs. */
struct fs *fs_frozen_init(struct fs_frozen *f, struct fs *inner);

#endif
