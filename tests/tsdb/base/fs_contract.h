/* fs_contract.h - what fs.h promises, asked of any implementation. */
#ifndef TESTS_TSDB_BASE_FS_CONTRACT_H
#define TESTS_TSDB_BASE_FS_CONTRACT_H

#include "tsdb/base/fs.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { CONTRACT_PATH_MAX = 300 };

static inline const char *contract_path(const char *dir, const char *leaf,
                                        char out[CONTRACT_PATH_MAX])
{
    (void)snprintf(out, CONTRACT_PATH_MAX, "%.200s/%.90s", dir, leaf);
    return out;
}

static inline void contract_write(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *file;
    struct tsdb_error err;
    cr_assert_eq(fs_open(fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, &err), TSDB_OK);
    cr_assert_eq(fs_pwrite(file, text, strlen(text), 0, &err), TSDB_OK);
    cr_assert_eq(fs_sync(file, &err), TSDB_OK);
    fs_close(file);
}

static inline bool contract_list_into(void *arg, const char *name)
{
    struct writer *w = arg;
    writer_text(w, name);
    writer_text(w, " ");
    return true;
}

static inline bool contract_list_first(void *arg, const char *name)
{
    int *calls = arg;
    (void)name;
    return ++*calls < 1;
}

static inline void contract_reads_what_was_written(struct fs *fs, const char *dir)
{
    char path[CONTRACT_PATH_MAX], at[8] = {0};
    struct fs_file *file;
    struct tsdb_error err;
    uint64_t size;
    struct bytes map;
    contract_path(dir, "file", path);
    cr_assert_eq(fs_open(fs, path, FS_READ, &file, &err), TSDB_ENOTFOUND);
    contract_write(fs, path, "hello");
    cr_assert_eq(fs_open(fs, path, FS_WRITE, &file, &err), TSDB_OK);
    cr_assert_eq(fs_pwrite(file, "!", 1, 7, &err), TSDB_OK);
    cr_assert_eq(fs_size(file, &size, &err), TSDB_OK);
    cr_assert_eq(size, 8);
    cr_assert_eq(fs_pread(file, at, 8, 0, &err), TSDB_OK);
    cr_assert_eq(memcmp(at, "hello\0\0!", 8), 0, "a gap reads as zeros");
    cr_assert_eq(fs_pread(file, at, 8, 1, &err), TSDB_EIO, "past the end");
    cr_assert_eq(err.os_errno, 0);
    cr_assert_eq(fs_pread(file, at, 0, 8, &err), TSDB_OK);
    cr_assert_eq(fs_map(file, &map, &err), TSDB_OK);
    fs_close(file);
    cr_assert_eq(map.len, 8);
    cr_assert_eq(memcmp(map.at, "hello", 5), 0);
    fs_unmap(fs, map);
    cr_assert_eq(fs_open(fs, path, FS_WRITE | FS_TRUNCATE, &file, &err), TSDB_OK);
    cr_assert_eq(fs_map(file, &map, &err), TSDB_OK);
    cr_assert_eq(map.len, 0);
    fs_close(file);
    cr_assert_eq(fs_unlink(fs, path, &err), TSDB_OK);
}

static inline void contract_names(struct fs *fs, const char *dir)
{
    char sub[CONTRACT_PATH_MAX], a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX], c[CONTRACT_PATH_MAX];
    struct tsdb_error err;
    struct fs_file *file;
    struct writer names = {0};
    contract_path(dir, "sub", sub);
    cr_assert_eq(fs_list(fs, sub, contract_list_into, &names, &err), TSDB_ENOTFOUND);
    cr_assert_eq(fs_mkdir(fs, sub, &err), TSDB_OK);
    cr_assert_eq(fs_mkdir(fs, sub, &err), TSDB_OK, "there already");
    contract_path(sub, "b", b);
    contract_path(sub, "a", a);
    contract_path(sub, "c", c);
    contract_write(fs, b, "one");
    cr_assert_eq(fs_open(fs, b, FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &file, &err), TSDB_EIO);
    cr_assert_eq(fs_link(fs, b, a, &err), TSDB_OK);
    cr_assert_eq(fs_link(fs, b, a, &err), TSDB_EIO, "there already");
    cr_assert_eq(fs_list(fs, sub, contract_list_into, &names, &err), TSDB_OK);
    writer_u8(&names, 0);
    cr_assert_str_eq((const char *)names.at, "a b ", "sorted");
    int calls = 0;
    cr_assert_eq(fs_list(fs, sub, contract_list_first, &calls, &err), TSDB_OK);
    cr_assert_eq(calls, 1, "the visitor stopped it");
    contract_write(fs, c, "two");
    cr_assert_eq(fs_rename(fs, c, b, &err), TSDB_OK, "over the old one");
    writer_reset(&names);
    cr_assert_eq(fs_list(fs, sub, contract_list_into, &names, &err), TSDB_OK);
    writer_u8(&names, 0);
    cr_assert_str_eq((const char *)names.at, "a b ");
    cr_assert_eq(fs_open(fs, b, FS_READ, &file, &err), TSDB_OK);
    char at[3];
    cr_assert_eq(fs_pread(file, at, 3, 0, &err), TSDB_OK);
    cr_assert_eq(memcmp(at, "two", 3), 0);
    fs_close(file);
    cr_assert_eq(fs_rename(fs, c, b, &err), TSDB_EIO, "not there");
    cr_assert_eq(fs_unlink(fs, c, &err), TSDB_EIO, "not there");
    cr_assert_eq(fs_sync_dir(fs, sub, &err), TSDB_OK);
    cr_assert_eq(fs_unlink(fs, a, &err), TSDB_OK);
    cr_assert_eq(fs_unlink(fs, b, &err), TSDB_OK);
    writer_release(&names);
}

static inline void contract_lock_and_space(struct fs *fs, const char *dir)
{
    char path[CONTRACT_PATH_MAX];
    struct fs_file *a, *b;
    struct tsdb_error err;
    uint64_t bytes = 0;
    contract_path(dir, "lock", path);
    cr_assert_eq(fs_open(fs, path, FS_WRITE | FS_CREATE, &a, &err), TSDB_OK);
    cr_assert_eq(fs_open(fs, path, FS_WRITE, &b, &err), TSDB_OK);
    cr_assert_eq(fs_lock(a, &err), TSDB_OK);
    cr_assert_eq(fs_lock(b, &err), TSDB_EINVAL, "held");
    fs_close(a);
    cr_assert_eq(fs_lock(b, &err), TSDB_OK, "free again");
    fs_close(b);
    cr_assert_eq(fs_free_bytes(fs, dir, &bytes, &err), TSDB_OK);
    cr_assert_gt(bytes, 0);
    cr_assert_eq(fs_unlink(fs, path, &err), TSDB_OK);
}

#endif
