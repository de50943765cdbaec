#include "collector/net/tls.h"

#include "files_rig.h"
#include "h2_rig.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

TestSuite(tls, .timeout = 60);

static struct rig r;
static struct writer w;

struct client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static void up(const char *more)
{
    char text[512];
    files_open();
    files_certificate("server", 1);
    rig_init(&r);
    w = (struct writer){0};
    (void)snprintf(text, sizeof text,
                   "tls_server_config: {cert_file: server.crt, key_file: server.key%s}\n", more);
    r.options.web_config_path = files_write("web.yml", text);
    rig_open(&r);
}

static void down(void)
{
    rig_close(&r);
    writer_release(&w);
    files_close();
}

/* False: no handshake. */
static bool dial(struct client *c, const char *alpn, int most, const char *certificate)
{
    c->context = SSL_CTX_new(TLS_client_method());
    if (most)
        (void)SSL_CTX_set_max_proto_version(c->context, most);
    if (certificate) {
        char file[64];
        (void)snprintf(file, sizeof file, "%s.crt", certificate);
        cr_assert_eq(SSL_CTX_use_certificate_chain_file(c->context, files_path(file)), 1);
        (void)snprintf(file, sizeof file, "%s.key", certificate);
        cr_assert_eq(SSL_CTX_use_PrivateKey_file(c->context, files_path(file), SSL_FILETYPE_PEM),
                     1);
    }
    c->ssl = SSL_new(c->context);
    c->fd = rig_connect(&r);
    (void)SSL_set_fd(c->ssl, c->fd);
    if (alpn)
        (void)SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    return SSL_connect(c->ssl) == 1;
}

static void hang_up(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    (void)close(c->fd);
    ERR_clear_error();
}

static const char *ask(struct client *c, const char *request)
{
    writer_reset(&w);
    (void)SSL_write(c->ssl, request, (int)strlen(request));
    int n;
    while ((n = SSL_read(c->ssl, writer_reserve(&w, 65536), 65536)) > 0)
        w.len += (size_t)n;
    *writer_reserve(&w, 1) = 0;
    return (const char *)w.at;
}

#define LAST "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Test(tls, serves_http1_and_closes_cleanly)
{
    struct client c;
    up("");
    cr_assert(net_has_tls(r.net));
    cr_assert(dial(&c, NULL, 0, NULL));
    cr_assert_eq(SSL_version(c.ssl), TLS1_3_VERSION);
    const char *a = ask(&c, LAST);
    cr_assert(strstr(a, "\r\n\r\nhello\n"), "%s", a);
    cr_assert_eq(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN,
                 "close_notify is missing");
    hang_up(&c);
    cr_assert(dial(&c, "\x08http/1.1", TLS1_2_VERSION, NULL));
    a = ask(&c, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert_gt(w.len, RIG_STREAM_BYTES);
    hang_up(&c);
    down();
}

Test(tls, alpn_chooses_http2)
{
    struct client c;
    up("");
    cr_assert(dial(&c, "\x02h2\x08http/1.1", 0, NULL));
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(c.ssl, &name, &len);
    cr_assert(len == 2 && memcmp(name, "h2", 2) == 0);
    static struct h2 h;
    h2_init(&h, c.fd, false);
    (void)h2_submit(&h, "GET", "/hello", NULL, (struct bytes){0});
    while (h.closed == 0) {
        const uint8_t *at;
        ssize_t n;
        uint8_t in[16384];
        while ((n = nghttp2_session_mem_send(h.session, &at)) > 0)
            cr_assert_eq(SSL_write(c.ssl, at, (int)n), (int)n);
        int got = SSL_read(c.ssl, in, sizeof in);
        cr_assert_gt(got, 0);
        (void)nghttp2_session_mem_recv(h.session, in, (size_t)got);
    }
    cr_assert_str_eq(h2_text(&h2_stream(&h, 1)->body), "hello\n");
    nghttp2_session_del(h.session);
    hang_up(&c);
    cr_assert_not(dial(&c, "\x04what", 0, NULL), "an unknown protocol was agreed on");
    hang_up(&c);
    down();
}

Test(tls, old_versions_and_plain_text_are_refused)
{
    struct client c;
    up(", min_version: TLS13");
    cr_assert_not(dial(&c, NULL, TLS1_2_VERSION, NULL));
    hang_up(&c);
    int fd = rig_connect(&r);
    (void)rig_send(fd, LAST);
    const char *a = rig_read_all(fd, &w);
    cr_assert_null(strstr(a, "hello"));
    (void)close(fd);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_TLS] == 2);
    down();
}

Test(tls, client_certificates_are_verified)
{
    struct client c;
    files_open();
    files_certificate("server", 1);
    files_certificate("client", 2);
    files_certificate("stranger", 3);
    rig_init(&r);
    w = (struct writer){0};
    r.options.web_config_path = files_write(
        "web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
                   "  client_auth_type: RequireAndVerifyClientCert\n"
                   "  client_ca_file: client.crt\n");
    rig_open(&r);
    bool is_good = dial(&c, NULL, 0, "client");
    cr_assert(is_good && strstr(ask(&c, LAST), "hello\n"));
    hang_up(&c);
    is_good = dial(&c, NULL, 0, "stranger");
    cr_assert_not(is_good && strstr(ask(&c, LAST), "hello\n"));
    hang_up(&c);
    is_good = dial(&c, NULL, 0, NULL);
    cr_assert_not(is_good && strstr(ask(&c, LAST), "hello\n"));
    hang_up(&c);
    down();
}

static long serial(void)
{
    struct client c;
    cr_assert(dial(&c, NULL, 0, NULL));
    X509 *cert = SSL_get1_peer_certificate(c.ssl);
    long n = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
    X509_free(cert);
    hang_up(&c);
    return n;
}

Test(tls, new_certificates_are_taken_and_bad_ones_are_not)
{
    struct client old;
    struct tsdb_error err = {0};
    up("");
    cr_assert_eq(serial(), 1);
    cr_assert(dial(&old, NULL, 0, NULL));
    files_certificate("server", 2);
    cr_assert_eq(net_reload(r.net, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(serial(), 2);
    cr_assert(strstr(ask(&old, LAST), "hello\n"), "a connection ends with its certificate");
    hang_up(&old);
    (void)files_write("server.key", "no key\n");
    cr_assert_eq(net_reload(r.net, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "server.key"), "%s", err.msg);
    cr_assert_eq(serial(), 2, "the old one stays");
    files_certificate("server", 3);
    RIG_UNTIL(serial() == 3); /* noticed without being told */
    struct net_counters now = rig_counters(&r);
    cr_assert_geq(now.tls_reloads, 2);
    cr_assert_geq(now.tls_reload_failures, 1);
    (void)files_write("web.yml", "{}\n");
    cr_assert_eq(net_reload(r.net, &err), TSDB_EINVAL, "TLS must not silently go");
    down();
}

Test(tls, a_bad_certificate_stops_the_start)
{
    struct tsdb_error err = {0};
    files_open();
    files_certificate("server", 1);
    files_certificate("other", 2);
    rig_init(&r);
    r.options.web_config_path =
        files_write("web.yml", "tls_server_config: {cert_file: server.crt, key_file: other.key}\n");
    cr_assert_eq(net_open(&r.options, &r.net, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "other.key"), "%s", err.msg);
    r.options.web_config_path =
        files_write("web.yml", "tls_server_config: {cert_file: no.crt, key_file: other.key}\n");
    cr_assert_eq(net_open(&r.options, &r.net, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "no.crt"), "%s", err.msg);
    files_close();
}
