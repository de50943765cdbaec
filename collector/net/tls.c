#include "collector/net/tls.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/thread.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

struct tls {
    struct mutex lock;
    SSL_CTX *context; /* guarded by lock: the pointer; a reference */
};

static enum tsdb_status fail(struct tsdb_error *err, const char *what, const char *file)
{
    char why[120];
    unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, why, sizeof why);
    ERR_clear_error();
    return tsdb_fail(err, TSDB_EINVAL, "%s %s: %s", what, file, code ? why : "unknown fault");
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl;
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    const bool *is_http2_off = arg;
    const unsigned char *ours = *is_http2_off ? both + 3 : both;
    unsigned len = (unsigned)(sizeof both - 1) - (*is_http2_off ? 3 : 0);
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, len, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int accept_any(int is_good, X509_STORE_CTX *store)
{
    (void)is_good;
    (void)store;
    return 1;
}

static void set_client_auth(SSL_CTX *context, enum client_auth how)
{
    static const struct {
        int mode;
        bool is_verified;
    } table[] = {
        [CLIENT_NO_CERT] = {SSL_VERIFY_NONE, true},
        [CLIENT_REQUEST] = {SSL_VERIFY_PEER, false},
        [CLIENT_REQUIRE_ANY] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, false},
        [CLIENT_VERIFY_IF_GIVEN] = {SSL_VERIFY_PEER, true},
        [CLIENT_REQUIRE_AND_VERIFY] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, true},
    };
    SSL_CTX_set_verify(context, table[how].mode, table[how].is_verified ? NULL : accept_any);
}

static int version_of(int number, int otherwise)
{
    return number == 12 ? TLS1_2_VERSION : number == 13 ? TLS1_3_VERSION : otherwise;
}

static enum tsdb_status load_files(SSL_CTX *context, const struct web_config *config,
                                   struct tsdb_error *err)
{
    if (SSL_CTX_use_certificate_chain_file(context, config->cert_file) != 1)
        return fail(err, "certificate", config->cert_file);
    if (SSL_CTX_use_PrivateKey_file(context, config->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return fail(err, "private key", config->key_file);
    if (!config->client_ca_file)
        return TSDB_OK;
    if (SSL_CTX_load_verify_locations(context, config->client_ca_file, NULL) != 1)
        return fail(err, "client CA", config->client_ca_file);
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(config->client_ca_file));
    return TSDB_OK;
}

static enum tsdb_status context_new(const struct web_config *config, SSL_CTX **out,
                                    struct tsdb_error *err)
{
    static const bool off[2] = {false, true};
    static const unsigned char session[] = "andon";
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ASSERT(context != NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_min_proto_version(context, version_of(config->tls_min, TLS1_2_VERSION));
    (void)SSL_CTX_set_max_proto_version(context, version_of(config->tls_max, TLS1_3_VERSION));
    (void)SSL_CTX_set_session_id_context(context, session, sizeof session - 1);
    /* OpenSSL takes a pointer that is not const and only hands it back. */
    void *arg;
    memcpy(&arg, &(const bool *){&off[config->is_http2_off]}, sizeof arg);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, arg);
    set_client_auth(context, config->client_auth);
    enum tsdb_status st = load_files(context, config, err);
    if (st == TSDB_OK)
        *out = context;
    else
        SSL_CTX_free(context);
    return st;
}

enum tsdb_status tls_new(const struct web_config *config, struct tls **out, struct tsdb_error *err)
{
    SSL_CTX *context;
    enum tsdb_status st = context_new(config, &context, err);
    if (st != TSDB_OK)
        return st;
    struct tls *tls = MEM_NEW(struct tls);
    mutex_init(&tls->lock);
    tls->context = context;
    *out = tls;
    return TSDB_OK;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    mutex_release(&tls->lock);
    mem_free(tls);
}

enum tsdb_status tls_set_config(struct tls *tls, const struct web_config *config,
                                struct tsdb_error *err)
{
    SSL_CTX *context;
    enum tsdb_status st = context_new(config, &context, err);
    if (st != TSDB_OK)
        return st;
    mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    mutex_unlock(&tls->lock);
    SSL_CTX_free(old); /* connections hold references of their own */
    return TSDB_OK;
}

struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd)
{
    mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    mutex_unlock(&tls->lock);
    if (!ssl)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!bev)
        SSL_free(ssl);
    return bev;
}

bool tls_chose_http2(struct bufferevent *bev)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(bufferevent_openssl_get_ssl(bev), &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

void tls_say_goodbye(struct bufferevent *bev)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
    (void)SSL_shutdown(ssl); /* best effort: the peer may have gone */
    ERR_clear_error();
}
