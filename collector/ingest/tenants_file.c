#include "collector/ingest/tenants_file.h"

#include "collector/net/web_config.h"
#include "collector/net/yaml_tree.h"
#include "collector/self/period.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 64 << 20, WHY_MAX = 256 };

#define YEAR_NS (365 * NS_PER_DAY)

struct loader {
    const char *path;
    struct tenants *out;
    struct tsdb_error *err;
};

enum kind { KIND_U64, KIND_U32, KIND_PERIOD };

/* A key, its place in struct tsdb_limits and its range, of a period in ns. */
struct row {
    const char *key;
    enum kind kind;
    size_t off;
    int64_t low, high;
};

#define AT_MEMBER(member) offsetof(struct tsdb_limits, member)
static const struct row rows[] = {
    {"series_max", KIND_U64, AT_MEMBER(series_max), 1, 1000000000},
    {"series_new_per_s", KIND_U64, AT_MEMBER(series_new_per_s), 1, 1000000000},
    {"labels_max", KIND_U32, AT_MEMBER(labels_max), 1, 127},
    {"name_bytes_max", KIND_U32, AT_MEMBER(name_bytes_max), 1, 65535},
    {"value_bytes_max", KIND_U32, AT_MEMBER(value_bytes_max), 1, 65535},
    {"future_limit", KIND_PERIOD, AT_MEMBER(future_max), 0, 10 * YEAR_NS},
    {"past_limit", KIND_PERIOD, AT_MEMBER(past_max), 0, 100 * YEAR_NS},
};
#undef AT_MEMBER

static enum tsdb_status refuse_value(const struct loader *l, const struct yaml_node *n,
                                     const struct row *row)
{
    char why[WHY_MAX];
    if (row->kind == KIND_PERIOD) {
        char low[PERIOD_TEXT_MAX], high[PERIOD_TEXT_MAX];
        (void)period_format(row->low, low);
        (void)period_format(row->high, high);
        (void)snprintf(why, sizeof why, "%s: want a duration from %s to %s, such as 90s or 12h",
                       row->key, low, high);
    } else {
        (void)snprintf(why, sizeof why, "%s: want a whole number from %lld to %lld", row->key,
                       (long long)row->low, (long long)row->high);
    }
    return yaml_fail(l->err, l->path, n, why);
}

/* Decimal digits only; nothing that is in range has more than eighteen. */
static bool count_parse(struct tsdb_text text, int64_t *out)
{
    int64_t n = 0;
    if (text.len == 0 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = 10 * n + (text.at[i] - '0');
    }
    *out = n;
    return true;
}

static enum tsdb_status put(const struct loader *l, const struct yaml_node *n,
                            struct tsdb_limits *limits)
{
    const struct row *row = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !row; i++)
        if (text_equal(n->key, text_of(rows[i].key)))
            row = &rows[i];
    if (!row) {
        char why[WHY_MAX];
        (void)snprintf(why, sizeof why, "unknown limit \"%.60s\"", n->key.at);
        return yaml_fail(l->err, l->path, n, why);
    }
    int64_t value = 0;
    bool is_value = n->kind == YAML_SCALAR &&
                    (row->kind == KIND_PERIOD ? period_parse : count_parse)(n->text, &value);
    if (!is_value || value < row->low || value > row->high)
        return refuse_value(l, n, row);
    char *member = (char *)limits + row->off;
    uint32_t narrow = (uint32_t)(value & UINT32_MAX);
    if (row->kind == KIND_U32)
        memcpy(member, &narrow, sizeof narrow);
    else
        memcpy(member, &value, sizeof value);
    return TSDB_OK;
}

static enum tsdb_status put_tenant(const struct loader *l, const struct yaml_node *n,
                                   const struct tsdb_limits *common)
{
    const char *fault = n->key.len == 0 ? "tenant: want a name" : web_tenant_fault(n->key);
    if (fault)
        return yaml_fail(l->err, l->path, n, fault);
    if (n->kind != YAML_MAP)
        return yaml_fail(l->err, l->path, n, "want a tenant's limits: key: value");
    struct tsdb_tenant_limits *own = &l->out->at[l->out->count++];
    *own = (struct tsdb_tenant_limits){n->key.at, *common};
    enum tsdb_status st = TSDB_OK;
    for (const struct yaml_node *limit = n->first; limit && st == TSDB_OK; limit = limit->next)
        st = put(l, limit, &own->limits);
    return st;
}

static enum tsdb_status put_file(const struct loader *l, const struct yaml_node *root,
                                 const struct tsdb_limits *common)
{
    const struct yaml_node *list = root->kind == YAML_MAP ? root->first : NULL;
    if (root->kind == YAML_MAP && !list)
        return TSDB_OK; /* an empty file */
    if (!list || !text_equal(list->key, text_of("tenants")) || list->kind != YAML_MAP)
        return yaml_fail(l->err, l->path, list ? list : root, "want tenants: {NAME: {limits}}");
    if (list->next)
        return yaml_fail(l->err, l->path, list->next, "want the key tenants alone");
    size_t count = 0;
    for (const struct yaml_node *n = list->first; n; n = n->next)
        if (++count > TENANTS_MAX)
            return yaml_fail(l->err, l->path, n, "too many tenants");
    l->out->at = ARENA_ARRAY(&l->out->texts, struct tsdb_tenant_limits, count);
    if (!l->out->at)
        return tsdb_fail(l->err, TSDB_ELIMIT, "%s: the file is too large", l->path);
    enum tsdb_status st = TSDB_OK;
    for (const struct yaml_node *n = list->first; n && st == TSDB_OK; n = n->next)
        st = put_tenant(l, n, common);
    return st;
}

static enum tsdb_status read_file(const struct loader *l, struct fs *fs, struct bytes *out)
{
    char real[PATH_MAX]; /* fs follows no symbolic links; mounted settings are such */
    const char *use = fs == fs_posix() && realpath(l->path, real) ? real : l->path;
    struct fs_file *file;
    uint64_t size;
    uint8_t *at = NULL;
    enum tsdb_status st = fs_open(fs, use, FS_READ, &file, l->err);
    if (st != TSDB_OK)
        return st;
    st = fs_size(file, &size, l->err);
    if (st == TSDB_OK && size > TENANTS_FILE_BYTES_MAX)
        st = tsdb_fail(l->err, TSDB_EINVAL, "%s: %llu bytes, want at most %d", l->path,
                       (unsigned long long)size, TENANTS_FILE_BYTES_MAX);
    if (st == TSDB_OK && !(at = arena_get(&l->out->texts, (size_t)size + 1, 1, 1)))
        st = tsdb_fail(l->err, TSDB_ELIMIT, "%s: no memory for the file", l->path);
    if (st == TSDB_OK && size > 0)
        st = fs_pread(file, at, (size_t)size, 0, l->err);
    fs_close(file);
    if (st == TSDB_OK)
        *out = (struct bytes){at, (size_t)size};
    return st;
}

enum tsdb_status tenants_read(struct fs *fs, const char *path, const struct tsdb_limits *common,
                              struct tenants *out, struct tsdb_error *err)
{
    struct loader l = {path, out, err};
    struct bytes text;
    struct yaml_node *root = NULL;
    *out = (struct tenants){0};
    if (!path[0])
        return TSDB_OK;
    arena_init(&out->texts, ARENA_BYTES_MAX, NULL);
    enum tsdb_status st = read_file(&l, fs, &text);
    if (st == TSDB_OK)
        st = yaml_tree_parse(path, text, &out->texts, &root, err);
    if (st == TSDB_OK)
        st = put_file(&l, root, common);
    if (st != TSDB_OK)
        tenants_release(out);
    return st;
}

void tenants_release(struct tenants *t)
{
    arena_release(&t->texts);
    *t = (struct tenants){0};
}
