/* web_config.h - certificates, users, tokens and header fields, from one file.
 *
 * The file is Prometheus' web configuration, and two keys of our own:
 *
 *   tls_server_config:
 *     cert_file: server.crt          key_file: server.key
 *     client_auth_type: NoClientCert | RequestClientCert | RequireAnyClientCert |
 *                       VerifyClientCertIfGiven | RequireAndVerifyClientCert
 *     client_ca_file: ca.crt         min_version: TLS12 | TLS13   max_version: (same)
 *   http_server_config:
 *     http2: true
 *     headers: {Strict-Transport-Security: max-age=31536000}
 *   basic_auth_users: {alice: $2y$10$...}          bcrypt; every scope
 *   tokens_file: tokens.yml                        a file with the list below
 *   tokens:
 *     - token_sha256: 64 hex digits                or  token_file: path
 *       scopes: [ingest, query, admin]             tenant: name   expires: RFC 3339
 *
 * Strict: an unknown or repeated key, a wrong type or a value out of range is
 * refused with file:line:column.  Relative paths are relative to the file.
 *
 * Limits: 1 MiB a file, 10,000 users, 10,000 tokens, YAML depth 8; aliases and
 * tags are not taken.  Immutable after web_config_read; shared by reference.
 */
#ifndef COLLECTOR_NET_WEB_CONFIG_H
#define COLLECTOR_NET_WEB_CONFIG_H

#include "collector/net/exchange.h"
#include "tsdb/base/arena.h"
#include "tsdb/base/fs.h"

#include <stdatomic.h>

enum {
    WEB_CONFIG_BYTES_MAX = 1 << 20,
    WEB_CONFIG_ITEMS_MAX = 10000,
    TOKEN_HASH_BYTES = 32,
};

enum client_auth {
    CLIENT_NO_CERT = 0,
    CLIENT_REQUEST,
    CLIENT_REQUIRE_ANY,
    CLIENT_VERIFY_IF_GIVEN,
    CLIENT_REQUIRE_AND_VERIFY,
};

struct web_user {
    struct tsdb_text name;
    const char *hash; /* bcrypt, NUL-terminated */
};

struct web_token {
    uint8_t hash[TOKEN_HASH_BYTES]; /* SHA-256 of the token */
    unsigned scopes;
    struct tsdb_text tenant;
    int64_t expires_ns; /* since the epoch; INT64_MAX: never */
};

struct web_config {
    _Atomic uint32_t refs;
    struct arena arena;                                /* everything below */
    const char *cert_file, *key_file, *client_ca_file; /* NULL: none */
    enum client_auth client_auth;
    int tls_min, tls_max; /* 12, 13 */
    bool is_http2_off;
    const struct exchange_header *headers;
    size_t header_count;
    const struct web_user *users;
    size_t user_count;
    const struct web_token *tokens;
    size_t token_count;
    const char *const *files; /* every file that was read, to watch for changes */
    size_t file_count;
};

/* path NULL: an empty one. */
TSDB_NODISCARD enum tsdb_status web_config_read(struct fs *fs, const char *path,
                                                struct web_config **out, struct tsdb_error *err);
struct web_config *web_config_ref(struct web_config *config);
void web_config_unref(struct web_config *config);
/* What is wrong with a tenant's name, or NULL: letters, digits, _ and -, at most
 * EXCHANGE_TENANT_MAX of them. */
const char *web_tenant_fault(struct tsdb_text name);
/* Changes when any of the files does: times, sizes, inodes. */
uint64_t web_config_stamp(const struct web_config *config);

#endif
