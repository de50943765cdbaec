#include "collector/self/proc.h"

#include <string.h>

bool proc_read(struct fs *fs, const char *path, char *out, size_t cap)
{
    struct fs_file *file;
    memset(out, 0, cap);
    if (fs_open(fs, path, FS_READ, &file, NULL) != TSDB_OK)
        return false;
    /* The read meets the end (TSDB_EIO, os_errno 0); what came before it stands
     * in the buffer, which began as zeros. */
    struct tsdb_error err = {0};
    bool is_read = fs_pread(file, out, cap - 1, 0, &err) == TSDB_OK || err.os_errno == 0;
    fs_close(file);
    return is_read && out[0] != '\0';
}
