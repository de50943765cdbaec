/* Any file: refused with file:line:column, or taken and sound. */
#include "collector/net/web_config.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"

#include <string.h>

static const uint8_t *input;
static size_t input_len;
static struct fs fs;
static struct fs_file file = {&fs};

/* Every path holds the input, but absent ones. */
static enum tsdb_status open_any(struct fs *of, const char *path, unsigned flags,
                                 struct fs_file **out, struct tsdb_error *err)
{
    (void)of;
    (void)flags;
    if (strstr(path, "absent"))
        return tsdb_fail(err, TSDB_ENOTFOUND, "open %s", path);
    *out = &file;
    return TSDB_OK;
}

static void close_any(struct fs_file *f)
{
    (void)f;
}

static enum tsdb_status size_any(struct fs_file *f, uint64_t *out, struct tsdb_error *err)
{
    (void)f;
    (void)err;
    *out = input_len;
    return TSDB_OK;
}

static enum tsdb_status pread_any(struct fs_file *f, void *at, size_t len, uint64_t off,
                                  struct tsdb_error *err)
{
    (void)f;
    (void)err;
    ASSERT(off == 0 && len == input_len);
    memcpy(at, input, len);
    return TSDB_OK;
}

static const struct fs_ops ops = {
    .open = open_any, .close = close_any, .size = size_any, .pread = pread_any};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct web_config *c = NULL;
    struct tsdb_error err = {0};
    fs.ops = &ops;
    input = data;
    input_len = len;
    if (web_config_read(&fs, "web.yml", &c, &err) != TSDB_OK) {
        ASSERT(c == NULL && err.msg[0] != 0);
        return 0;
    }
    ASSERT(!c->cert_file == !c->key_file);
    for (size_t i = 0; i < c->user_count; i++)
        ASSERT(strlen(c->users[i].hash) == 60);
    for (size_t i = 0; i < c->token_count; i++)
        ASSERT(c->tokens[i].scopes >= 1 && c->tokens[i].scopes <= 7);
    web_config_unref(c);
    return 0;
}
