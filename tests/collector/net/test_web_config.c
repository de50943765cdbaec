#include "collector/net/web_config.h"

#include "files_rig.h"
#include "tsdb/base/text.h"

#define BCRYPT "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static enum tsdb_status read_text(const char *text, struct web_config **out, struct tsdb_error *err)
{
    memset(err, 0, sizeof *err);
    return web_config_read(fs_posix(), files_write("web.yml", text), out, err);
}

Test(web_config, reads_every_setting, .init = files_open, .fini = files_close)
{
    struct web_config *c;
    struct tsdb_error err;
    (void)files_write("token", "a-token-of-some-length\n");
    (void)files_write("tokens.yml", "- token_sha256: " HASH "\n  scopes: [admin]\n");
    enum tsdb_status st = read_text("tls_server_config:\n"
                                    "  cert_file: a.crt\n"
                                    "  key_file: /b.key\n"
                                    "  client_auth_type: RequireAndVerifyClientCert\n"
                                    "  client_ca_file: ca.crt\n"
                                    "  min_version: TLS13\n"
                                    "http_server_config:\n"
                                    "  http2: false\n"
                                    "  headers:\n"
                                    "    Strict-Transport-Security: max-age=1\n"
                                    "basic_auth_users:\n"
                                    "  alice: " BCRYPT "\n"
                                    "tokens:\n"
                                    "  - token_sha256: " HASH "\n"
                                    "    scopes: [ingest, query]\n"
                                    "    tenant: team-a\n"
                                    "    expires: 2030-01-01T00:00:00Z\n"
                                    "  - token_file: token\n"
                                    "    scopes: [query]\n"
                                    "tokens_file: tokens.yml\n",
                                    &c, &err);
    cr_assert_eq(st, TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(c->cert_file, files_path("a.crt"));
    cr_assert_str_eq(c->key_file, "/b.key");
    cr_assert_eq(c->client_auth, CLIENT_REQUIRE_AND_VERIFY);
    cr_assert_eq(c->tls_min, 13);
    cr_assert(c->is_http2_off);
    cr_assert_eq(c->header_count, 1);
    cr_assert(text_equal(c->headers[0].name, text_of("strict-transport-security")));
    cr_assert(text_equal(c->headers[0].value, text_of("max-age=1")));
    cr_assert_eq(c->user_count, 1);
    cr_assert_str_eq(c->users[0].hash, BCRYPT);
    cr_assert_eq(c->token_count, 3);
    cr_assert_eq(c->tokens[0].hash[1], 0x23);
    cr_assert_eq(c->tokens[0].scopes, SCOPE_INGEST | SCOPE_QUERY);
    cr_assert(text_equal(c->tokens[0].tenant, text_of("team-a")));
    cr_assert_eq(c->tokens[0].expires_ns, INT64_C(1893456000000000000));
    cr_assert_eq(c->tokens[1].expires_ns, INT64_MAX);
    cr_assert_eq(c->tokens[2].scopes, SCOPE_ADMIN);
    uint64_t stamp = web_config_stamp(c);
    cr_assert_eq(stamp, web_config_stamp(c));
    (void)files_write("token", "another-token-of-some-length\n");
    cr_assert_neq(stamp, web_config_stamp(c));
    web_config_unref(c);
}

Test(web_config, an_empty_one_is_fine, .init = files_open, .fini = files_close)
{
    struct web_config *c;
    struct tsdb_error err;
    cr_assert_eq(web_config_read(fs_posix(), NULL, &c, &err), TSDB_OK);
    web_config_unref(c);
    cr_assert_eq(read_text("", &c, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(c->user_count + c->token_count, 0);
    web_config_unref(web_config_ref(c));
    web_config_unref(c);
    cr_assert_eq(read_text("# nothing\n", &c, &err), TSDB_OK, "%s", err.msg);
    web_config_unref(c);
}

static const struct {
    const char *text, *want;
} bad[] = {
    {"tls: {}\n", ":1:6: unknown key \"tls\""},
    {"tls_server_config:\n  cert_file: a\n  keyfile: b\n", ":3:12: unknown key \"keyfile\""},
    {"tls_server_config:\n  cert_file: a\n", ":2:3: want both cert_file and key_file"},
    {"tls_server_config: x\n", ":1:20: tls_server_config: want a map"},
    {"tls_server_config: {cert_file: [a], key_file: b}\n", "cert_file: want a text"},
    {"tls_server_config: {cert_file: a, key_file: b, min_version: TLS11}\n", "want TLS12 or TLS13"},
    {"tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}\n",
     "min_version is above"},
    {"tls_server_config: {cert_file: a, key_file: b, client_auth_type: Maybe}\n",
     "client_auth_type: want"},
    {"tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}\n",
     "want a client_ca_file"},
    {"tls_server_config: {cert_file: '', key_file: b}\n", "want a path"},
    {"http_server_config: {http2: maybe}\n", "want true or false"},
    {"http_server_config: {headers: {Content-Length: 1}}\n", "not about framing"},
    {"http_server_config: {headers: {'a b': 1}}\n", "not about framing"},
    {"http_server_config: {headers: {a: \"b\\r\\nc: d\"}}\n", "control character"},
    {"basic_auth_users: {alice: secret}\n", ":1:27: basic_auth_users: want a bcrypt hash"},
    {"basic_auth_users: {'': " BCRYPT "}\n", "want a name"},
    {"basic_auth_users: {a: " BCRYPT ", a: " BCRYPT "}\n", "the key is repeated"},
    {"basic_auth_users: {a: $2y$31$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n",
     "want a bcrypt hash"},
    {"tokens: [{token_sha256: 12, scopes: [query]}]\n", "want 64 hexadecimal digits"},
    {"tokens: [{scopes: [query]}]\n", "want one of token_sha256 and token_file"},
    {"tokens: [{token_sha256: " HASH ", token_file: x, scopes: [query]}]\n", "open "},
    {"tokens: [{token_sha256: " HASH "}]\n", "want scopes"},
    {"tokens: [{token_sha256: " HASH ", scopes: [root]}]\n", "want ingest, query or admin"},
    {"tokens: [{token_sha256: " HASH ", scopes: [query], tenant: a/b}]\n", "tenant: want letters"},
    {"tokens: [{token_sha256: " HASH ", scopes: [query], expires: soon}]\n",
     "expires: want a time"},
    {"tokens: [1]\n", "want a map"},
    {"tokens_file: absent.yml\n", "absent.yml"},
    {"- a\n", "want a map"},
    {"a: b: c\n", ":1:5: "},
    {"a: [\n", ":2:1: "},
    {"basic_auth_users: &x {}\n", "anchors and tags"},
    {"basic_auth_users: !!map {}\n", "anchors and tags"},
    {"tokens: [*x]\n", "aliases are not taken"},
    {"? [a]\n: b\n", "a key must be a plain text"},
    {"--- {}\n--- {}\n", "want one document"},
    {"tokens: [[[[[[[[[[]]]]]]]]]]\n", "nested too deeply"},
    {"tokens: [\"a\\0b\"]\n", "NUL"},
};

Test(web_config, refuses_what_it_does_not_know, .init = files_open, .fini = files_close)
{
    struct web_config *c = NULL;
    struct tsdb_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum tsdb_status st = read_text(bad[i].text, &c, &err);
        cr_expect_neq(st, TSDB_OK, "taken: %s", bad[i].text);
        cr_expect_not_null(strstr(err.msg, bad[i].want), "%s, want %s", err.msg, bad[i].want);
        cr_expect_null(c);
    }
}

Test(web_config, refuses_short_tokens_and_large_files, .init = files_open, .fini = files_close)
{
    struct web_config *c;
    struct tsdb_error err;
    (void)files_write("token", "fifteen-bytes-x\n");
    cr_assert_eq(read_text("tokens: [{token_file: token, scopes: [query]}]\n", &c, &err),
                 TSDB_EINVAL);
    cr_assert(strstr(err.msg, "16 to 4096"), "%s", err.msg);
    static char large[WEB_CONFIG_BYTES_MAX + 2];
    memset(large, '#', sizeof large - 1);
    cr_assert_eq(read_text(large, &c, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "want at most"), "%s", err.msg);
}
