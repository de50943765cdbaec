#include "collector/net/web_config.h"

#include "collector/net/exchange.h"
#include "collector/net/http1.h"
#include "collector/net/yaml_tree.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    CONFIG_ARENA_MAX = 64 << 20,
    CONFIG_FILES_MAX = 4 + WEB_CONFIG_ITEMS_MAX,
    TOKEN_BYTES_MIN = 16,
    TOKEN_BYTES_MAX = 4096,
    TOKEN_HEX_BYTES = 2 * TOKEN_HASH_BYTES,
    BCRYPT_BYTES = 60,
};

struct loader {
    struct fs *fs;
    struct web_config *config;
    struct tsdb_error *err;
    const char *file; /* the one being read, for messages */
    const char **files;
    size_t file_count;
    struct web_token *tokens;
    size_t token_count;
};

typedef enum tsdb_status setting_fn(struct loader *l, const struct yaml_node *node);

struct setting {
    const char *key;
    enum yaml_kind kind;
    setting_fn *set;
};

/* ---- files and texts ---- */

static enum tsdb_status too_large(struct loader *l)
{
    return tsdb_fail(l->err, TSDB_EINVAL, "%s: the file is too large", l->file);
}

/* Reads the whole file into the arena.  Links are followed: mounted secrets are
 * links. */
static enum tsdb_status read_file(struct loader *l, const char *path, struct bytes *out)
{
    char real[PATH_MAX];
    struct fs_file *file;
    uint64_t size;
    const char *use = l->fs == fs_posix() && realpath(path, real) ? real : path;
    enum tsdb_status st = fs_open(l->fs, use, FS_READ, &file, l->err);
    if (st != TSDB_OK)
        return st;
    st = fs_size(file, &size, l->err);
    if (st == TSDB_OK && size > WEB_CONFIG_BYTES_MAX)
        st = tsdb_fail(l->err, TSDB_EINVAL, "%s: %llu bytes, want at most %d", path,
                       (unsigned long long)size, WEB_CONFIG_BYTES_MAX);
    uint8_t *at = st == TSDB_OK ? arena_get(&l->config->arena, size + 1, 1, 1) : NULL;
    if (st == TSDB_OK && !at)
        st = too_large(l);
    if (st == TSDB_OK && size > 0)
        st = fs_pread(file, at, (size_t)size, 0, l->err);
    fs_close(file);
    if (st == TSDB_OK)
        *out = (struct bytes){at, (size_t)size};
    return st;
}

/* A path as the file at hand means it; watched from now on. */
static enum tsdb_status path_take(struct loader *l, const struct yaml_node *node, const char **out)
{
    const char *slash = strrchr(l->file, '/');
    size_t dir = slash && node->text.at[0] != '/' ? (size_t)(slash - l->file) + 1 : 0;
    char *at = ARENA_ARRAY(&l->config->arena, char, dir + node->text.len + 1);
    if (node->text.len == 0)
        return yaml_fail(l->err, l->file, node, "want a path");
    if (!at || l->file_count == CONFIG_FILES_MAX)
        return too_large(l);
    memcpy(at, l->file, dir);
    memcpy(at + dir, node->text.at, node->text.len);
    l->files[l->file_count++] = at;
    *out = at;
    return TSDB_OK;
}

/* ---- settings of a map, by table ---- */

static enum tsdb_status apply(struct loader *l, const struct yaml_node *map,
                              const struct setting *settings, size_t count)
{
    if (map->kind != YAML_MAP)
        return yaml_fail(l->err, l->file, map, "want a map");
    for (const struct yaml_node *n = map->first; n; n = n->next) {
        const struct setting *found = NULL;
        for (size_t i = 0; i < count; i++)
            if (text_equal(n->key, text_of(settings[i].key)))
                found = &settings[i];
        if (!found)
            return tsdb_fail(l->err, TSDB_EINVAL, "%s:%u:%u: unknown key \"%.60s\"", l->file,
                             n->line, n->column, n->key.at);
        static const char *const kinds[] = {"a text", "a list", "a map"};
        if (n->kind != found->kind)
            return tsdb_fail(l->err, TSDB_EINVAL, "%s:%u:%u: %s: want %s", l->file, n->line,
                             n->column, found->key, kinds[found->kind]);
        enum tsdb_status st = found->set(l, n);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

/* Index of the text among the words, or -1. */
static int word_of(struct tsdb_text text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(text, text_of(words[i])))
            return (int)i;
    return -1;
}

/* ---- tls_server_config ---- */

static enum tsdb_status set_cert(struct loader *l, const struct yaml_node *n)
{
    return path_take(l, n, &l->config->cert_file);
}

static enum tsdb_status set_key(struct loader *l, const struct yaml_node *n)
{
    return path_take(l, n, &l->config->key_file);
}

static enum tsdb_status set_client_ca(struct loader *l, const struct yaml_node *n)
{
    return path_take(l, n, &l->config->client_ca_file);
}

static enum tsdb_status set_client_auth(struct loader *l, const struct yaml_node *n)
{
    static const char *const words[] = {
        [CLIENT_NO_CERT] = "NoClientCert",
        [CLIENT_REQUEST] = "RequestClientCert",
        [CLIENT_REQUIRE_ANY] = "RequireAnyClientCert",
        [CLIENT_VERIFY_IF_GIVEN] = "VerifyClientCertIfGiven",
        [CLIENT_REQUIRE_AND_VERIFY] = "RequireAndVerifyClientCert",
    };
    int i = word_of(n->text, words, sizeof words / sizeof words[0]);
    if (i < 0)
        return yaml_fail(l->err, l->file, n,
                         "client_auth_type: want NoClientCert, RequestClientCert, "
                         "RequireAnyClientCert, VerifyClientCertIfGiven or "
                         "RequireAndVerifyClientCert");
    l->config->client_auth = (enum client_auth)i;
    return TSDB_OK;
}

static enum tsdb_status version_take(struct loader *l, const struct yaml_node *n, int *out)
{
    static const char *const words[] = {"TLS12", "TLS13"};
    int i = word_of(n->text, words, 2);
    if (i < 0)
        return yaml_fail(l->err, l->file, n, "TLS version: want TLS12 or TLS13");
    *out = 12 + i;
    return TSDB_OK;
}

static enum tsdb_status set_min_version(struct loader *l, const struct yaml_node *n)
{
    return version_take(l, n, &l->config->tls_min);
}

static enum tsdb_status set_max_version(struct loader *l, const struct yaml_node *n)
{
    return version_take(l, n, &l->config->tls_max);
}

static enum tsdb_status set_tls(struct loader *l, const struct yaml_node *node)
{
    static const struct setting settings[] = {
        {"cert_file", YAML_SCALAR, set_cert},
        {"key_file", YAML_SCALAR, set_key},
        {"client_auth_type", YAML_SCALAR, set_client_auth},
        {"client_ca_file", YAML_SCALAR, set_client_ca},
        {"min_version", YAML_SCALAR, set_min_version},
        {"max_version", YAML_SCALAR, set_max_version},
    };
    struct web_config *c = l->config;
    enum tsdb_status st = apply(l, node, settings, sizeof settings / sizeof settings[0]);
    if (st != TSDB_OK)
        return st;
    if (!c->cert_file || !c->key_file)
        return yaml_fail(l->err, l->file, node, "want both cert_file and key_file");
    if (c->client_auth >= CLIENT_VERIFY_IF_GIVEN && !c->client_ca_file)
        return yaml_fail(l->err, l->file, node, "client_auth_type: want a client_ca_file with it");
    if (c->tls_min && c->tls_max && c->tls_min > c->tls_max)
        return yaml_fail(l->err, l->file, node, "min_version is above max_version");
    return TSDB_OK;
}

/* ---- http_server_config ---- */

static enum tsdb_status set_http2(struct loader *l, const struct yaml_node *n)
{
    static const char *const words[] = {"true", "false"};
    int i = n->is_quoted ? -1 : word_of(n->text, words, 2);
    if (i < 0)
        return yaml_fail(l->err, l->file, n, "http2: want true or false");
    l->config->is_http2_off = i == 1;
    return TSDB_OK;
}

static bool is_framing(struct tsdb_text name)
{
    static const char *const ours[] = {"content-length", "transfer-encoding", "connection",
                                       "date",           "content-type",      "content-encoding"};
    return word_of(name, ours, sizeof ours / sizeof ours[0]) >= 0;
}

static enum tsdb_status header_take(struct loader *l, const struct yaml_node *n,
                                    struct exchange_header *out)
{
    char *name = ARENA_ARRAY(&l->config->arena, char, n->key.len + 1);
    if (!name)
        return too_large(l);
    for (size_t i = 0; i < n->key.len; i++) {
        name[i] = n->key.at[i];
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(uint8_t)(name[i] | 0x20);
    }
    *out = (struct exchange_header){{name, n->key.len}, n->text};
    if (n->kind != YAML_SCALAR || !http_is_token(out->name) || is_framing(out->name))
        return yaml_fail(l->err, l->file, n, "headers: want a field that is not about framing");
    for (size_t i = 0; i < n->text.len; i++)
        if ((uint8_t)n->text.at[i] < ' ' || n->text.at[i] == 0x7f)
            return yaml_fail(l->err, l->file, n, "headers: the value holds a control character");
    return TSDB_OK;
}

static size_t children(const struct yaml_node *node)
{
    size_t count = 0;
    for (const struct yaml_node *n = node->first; n; n = n->next)
        count++;
    return count;
}

static enum tsdb_status set_headers(struct loader *l, const struct yaml_node *node)
{
    size_t count = children(node);
    struct exchange_header *headers = ARENA_ARRAY(&l->config->arena, struct exchange_header, count);
    if (!headers)
        return too_large(l);
    for (const struct yaml_node *n = node->first; n; n = n->next) {
        enum tsdb_status st = header_take(l, n, &headers[l->config->header_count]);
        if (st != TSDB_OK)
            return st;
        l->config->header_count++;
    }
    l->config->headers = headers;
    return TSDB_OK;
}

static enum tsdb_status set_http(struct loader *l, const struct yaml_node *node)
{
    static const struct setting settings[] = {
        {"http2", YAML_SCALAR, set_http2},
        {"headers", YAML_MAP, set_headers},
    };
    return apply(l, node, settings, sizeof settings / sizeof settings[0]);
}

/* ---- basic_auth_users ---- */

/* $2a$, $2b$ or $2y$, a cost of 4 to 16, 53 characters. */
static bool is_bcrypt(struct tsdb_text hash)
{
    if (hash.len != BCRYPT_BYTES || memcmp(hash.at, "$2", 2) != 0 || !strchr("aby", hash.at[2]) ||
        hash.at[3] != '$' || hash.at[6] != '$')
        return false;
    int tens = hash.at[4] - '0', ones = hash.at[5] - '0';
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9)
        return false;
    int cost = 10 * tens + ones;
    return cost >= 4 && cost <= 16;
}

static enum tsdb_status set_users(struct loader *l, const struct yaml_node *node)
{
    size_t count = children(node);
    if (count > WEB_CONFIG_ITEMS_MAX)
        return yaml_fail(l->err, l->file, node, "too many users");
    struct web_user *users = ARENA_ARRAY(&l->config->arena, struct web_user, count);
    if (!users)
        return too_large(l);
    for (const struct yaml_node *n = node->first; n; n = n->next) {
        if (n->kind != YAML_SCALAR || !is_bcrypt(n->text))
            return yaml_fail(l->err, l->file, n, "basic_auth_users: want a bcrypt hash");
        if (n->key.len == 0 || memchr(n->key.at, ':', n->key.len))
            return yaml_fail(l->err, l->file, n, "basic_auth_users: want a name without colon");
        users[l->config->user_count++] = (struct web_user){n->key, n->text.at};
    }
    l->config->users = users;
    return TSDB_OK;
}

/* ---- tokens ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hash_parse(struct tsdb_text text, uint8_t out[TOKEN_HASH_BYTES])
{
    if (text.len != TOKEN_HEX_BYTES)
        return false;
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
        int high = hex_digit(text.at[2 * i]), low = hex_digit(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum tsdb_status set_token_hash(struct loader *l, const struct yaml_node *n)
{
    if (!hash_parse(n->text, l->tokens[l->token_count].hash))
        return yaml_fail(l->err, l->file, n,
                         "token_sha256: want 64 hexadecimal digits, lower case");
    return TSDB_OK;
}

static enum tsdb_status set_token_file(struct loader *l, const struct yaml_node *n)
{
    const char *path;
    struct bytes secret;
    enum tsdb_status st = path_take(l, n, &path);
    if (st == TSDB_OK)
        st = read_file(l, path, &secret);
    if (st != TSDB_OK)
        return st;
    size_t len = secret.len;
    while (len > 0 && (secret.at[len - 1] == '\n' || secret.at[len - 1] == '\r'))
        len--;
    if (len < TOKEN_BYTES_MIN || len > TOKEN_BYTES_MAX)
        return yaml_fail(l->err, l->file, n, "token_file: want a token of 16 to 4096 bytes");
    (void)SHA256(secret.at, len, l->tokens[l->token_count].hash);
    void *wipe; /* the arena's own bytes, which only the view makes const */
    memcpy(&wipe, &secret.at, sizeof wipe);
    OPENSSL_cleanse(wipe, secret.len);
    return TSDB_OK;
}

static enum tsdb_status set_scopes(struct loader *l, const struct yaml_node *node)
{
    static const char *const words[] = {"ingest", "query", "admin"};
    for (const struct yaml_node *n = node->first; n; n = n->next) {
        int i = n->kind == YAML_SCALAR ? word_of(n->text, words, 3) : -1;
        if (i < 0)
            return yaml_fail(l->err, l->file, n, "scopes: want ingest, query or admin");
        l->tokens[l->token_count].scopes |= 1u << i;
    }
    return TSDB_OK;
}

const char *web_tenant_fault(struct tsdb_text name)
{
    if (name.len > EXCHANGE_TENANT_MAX)
        return "tenant: want at most 64 characters";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!is_plain)
            return "tenant: want letters, digits, _ and -";
    }
    return NULL;
}

static enum tsdb_status set_tenant(struct loader *l, const struct yaml_node *n)
{
    const char *fault = web_tenant_fault(n->text);
    if (fault)
        return yaml_fail(l->err, l->file, n, fault);
    l->tokens[l->token_count].tenant = n->text;
    return TSDB_OK;
}

static enum tsdb_status set_expires(struct loader *l, const struct yaml_node *n)
{
    if (!rfc3339_parse(n->text, &l->tokens[l->token_count].expires_ns))
        return yaml_fail(l->err, l->file, n, "expires: want a time like 2030-01-31T00:00:00Z");
    return TSDB_OK;
}

static enum tsdb_status add_token(struct loader *l, const struct yaml_node *node)
{
    static const struct setting settings[] = {
        {"token_sha256", YAML_SCALAR, set_token_hash},
        {"token_file", YAML_SCALAR, set_token_file},
        {"scopes", YAML_LIST, set_scopes},
        {"tenant", YAML_SCALAR, set_tenant},
        {"expires", YAML_SCALAR, set_expires},
    };
    if (l->token_count == WEB_CONFIG_ITEMS_MAX)
        return yaml_fail(l->err, l->file, node, "too many tokens");
    l->tokens[l->token_count] = (struct web_token){.expires_ns = INT64_MAX};
    enum tsdb_status st = apply(l, node, settings, sizeof settings / sizeof settings[0]);
    if (st != TSDB_OK)
        return st;
    if (!yaml_find(node, "token_sha256") == !yaml_find(node, "token_file"))
        return yaml_fail(l->err, l->file, node, "want one of token_sha256 and token_file");
    if (l->tokens[l->token_count].scopes == 0)
        return yaml_fail(l->err, l->file, node, "want scopes");
    l->token_count++;
    return TSDB_OK;
}

static enum tsdb_status set_tokens(struct loader *l, const struct yaml_node *list)
{
    enum tsdb_status st = TSDB_OK;
    if (list->kind != YAML_LIST)
        return yaml_fail(l->err, l->file, list, "want a list of tokens");
    for (const struct yaml_node *n = list->first; n && st == TSDB_OK; n = n->next)
        st = add_token(l, n);
    return st;
}

static enum tsdb_status set_tokens_file(struct loader *l, const struct yaml_node *n)
{
    const char *path, *outer = l->file;
    struct bytes text;
    struct yaml_node *root = NULL;
    enum tsdb_status st = path_take(l, n, &path);
    if (st == TSDB_OK)
        st = read_file(l, path, &text);
    if (st == TSDB_OK)
        st = yaml_tree_parse(path, text, &l->config->arena, &root, l->err);
    if (st != TSDB_OK)
        return st;
    l->file = path;
    const struct yaml_node *inner = root->kind == YAML_MAP ? yaml_find(root, "tokens") : root;
    bool is_alone = root->kind != YAML_MAP || (inner && children(root) == 1);
    if (is_alone)
        st = set_tokens(l, inner);
    else if (root->first)
        st = yaml_fail(l->err, l->file, root, "want a list of tokens");
    l->file = outer;
    return st;
}

/* ---- the whole ---- */

static enum tsdb_status load(struct loader *l, const char *path)
{
    static const struct setting settings[] = {
        {"tls_server_config", YAML_MAP, set_tls},      {"http_server_config", YAML_MAP, set_http},
        {"basic_auth_users", YAML_MAP, set_users},     {"tokens", YAML_LIST, set_tokens},
        {"tokens_file", YAML_SCALAR, set_tokens_file},
    };
    struct bytes text;
    struct yaml_node *root = NULL;
    size_t size = strlen(path) + 1;
    char *copy = ARENA_ARRAY(&l->config->arena, char, size);
    if (!copy)
        return too_large(l);
    memcpy(copy, path, size);
    l->file = copy;
    l->files[l->file_count++] = copy;
    enum tsdb_status st = read_file(l, path, &text);
    if (st == TSDB_OK)
        st = yaml_tree_parse(l->file, text, &l->config->arena, &root, l->err);
    if (st == TSDB_OK)
        st = apply(l, root, settings, sizeof settings / sizeof settings[0]);
    return st;
}

static enum tsdb_status keep_lists(struct loader *l)
{
    struct web_config *c = l->config;
    const char **files = ARENA_ARRAY(&c->arena, const char *, l->file_count);
    struct web_token *tokens = ARENA_ARRAY(&c->arena, struct web_token, l->token_count);
    if (!files || !tokens)
        return too_large(l);
    memcpy(files, l->files, l->file_count * sizeof *files);
    memcpy(tokens, l->tokens, l->token_count * sizeof *tokens);
    c->files = files;
    c->file_count = l->file_count;
    c->tokens = tokens;
    c->token_count = l->token_count;
    return TSDB_OK;
}

enum tsdb_status web_config_read(struct fs *fs, const char *path, struct web_config **out,
                                 struct tsdb_error *err)
{
    struct web_config *c = MEM_NEW(struct web_config);
    atomic_init(&c->refs, 1);
    arena_init(&c->arena, CONFIG_ARENA_MAX, NULL);
    struct loader l = {.fs = fs, .config = c, .err = err, .file = path ? path : ""};
    enum tsdb_status st = TSDB_OK;
    if (path) {
        l.files = mem_array(CONFIG_FILES_MAX, sizeof *l.files);
        l.tokens = MEM_ARRAY(struct web_token, WEB_CONFIG_ITEMS_MAX);
        st = load(&l, path);
        if (st == TSDB_OK)
            st = keep_lists(&l);
        mem_free(l.files);
        mem_free(l.tokens);
    }
    if (st == TSDB_OK)
        *out = c;
    else
        web_config_unref(c);
    return st;
}

struct web_config *web_config_ref(struct web_config *config)
{
    (void)atomic_fetch_add(&config->refs, 1);
    return config;
}

void web_config_unref(struct web_config *config)
{
    if (!config || atomic_fetch_sub(&config->refs, 1) > 1)
        return;
    arena_release(&config->arena);
    mem_free(config);
}

uint64_t web_config_stamp(const struct web_config *config)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < config->file_count; i++) {
        struct stat now = {0};
        if (stat(config->files[i], &now) == -1)
            now.st_size = -1; /* gone is a change, too */
        int64_t facts[] = {now.st_mtim.tv_sec, now.st_mtim.tv_nsec, now.st_size,
                           (int64_t)now.st_ino};
        stamp = hash64(stamp, facts, sizeof facts);
    }
    return stamp;
}
