#include "collector/net/server.h"

#include "files_rig.h"
#include "rig.h"

TestSuite(server, .timeout = 60);

static struct rig r;
static struct writer w;

#define LAST(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static bool sink(void *arg, struct frame_conn *conn, struct bytes frame)
{
    (void)arg;
    (void)conn;
    (void)frame;
    return false;
}

static void udp_sink(void *arg, const struct udp_datagram *at, size_t count)
{
    (void)arg;
    (void)at;
    (void)count;
}

static size_t stream_sink(void *arg, const struct stream_piece *piece)
{
    (void)arg;
    return piece->bytes.len;
}

Test(server, answers_a_request_on_every_http_door)
{
    rig_init(&r);
    r.options.grpc = "127.0.0.1:0";
    r.options.tcp = "localhost:0";
    r.options.udp = "127.0.0.1:0";
    r.options.frame_sink = sink;
    r.options.udp_sink = udp_sink;
    r.options.syslog_tcp = "127.0.0.1:0";
    r.options.syslog_udp = "127.0.0.1:0";
    r.options.syslog_stream_sink = stream_sink;
    r.options.syslog_datagram_sink = udp_sink;
    rig_open(&r);
    for (unsigned door = 0; door < LISTENER_COUNT; door++)
        cr_assert_eq(strncmp(net_address(r.net, (enum listener)door).at, "127.0.0.1:", 10), 0);
    int fd = rig_connect_to(&r, LISTENER_GRPC);
    cr_assert(rig_send(fd, LAST("/hello")));
    cr_assert_eq(rig_status(rig_read_all(fd, &w)), 200);
    (void)close(fd);
    cr_assert_eq(rig_status(rig_ask(&r, LAST("/later"), &w)), 200);
    cr_assert_not(net_has_auth(r.net));
    cr_assert_not(net_has_tls(r.net));
    net_collect(r.net);
    cr_assert_eq(counters_get(CONNECTIONS_ACCEPTED, AT(LISTENER_GRPC)), 1);
    writer_release(&w);
    rig_close(&r);
}

static enum tsdb_status try_open(struct tsdb_error *err)
{
    memset(err, 0, sizeof *err);
    r.net = NULL;
    enum tsdb_status st = net_open(&r.options, &r.net, err);
    if (st == TSDB_OK)
        net_close(r.net);
    return st;
}

Test(server, refuses_to_open_what_is_wrong)
{
    struct tsdb_error err;
    rig_init(&r);
    r.options.http = "nonsense";
    cr_assert_eq(try_open(&err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "http door: "), "%s", err.msg);
    rig_init(&r);
    r.options.grpc = "192.0.2.1:4317";
    r.options.allow_insecure_listen = true;
    cr_assert_eq(try_open(&err), TSDB_EIO);
    cr_assert(strstr(err.msg, "grpc door: bind 192.0.2.1:4317"), "%s", err.msg);
    cr_assert_neq(err.os_errno, 0);
    rig_init(&r);
    r.options.tcp = "127.0.0.1:0";
    cr_assert_eq(try_open(&err), TSDB_EINVAL, "no sink");
    rig_init(&r);
    r.options.udp = "127.0.0.1:0";
    cr_assert_eq(try_open(&err), TSDB_EINVAL, "no sink");
    rig_init(&r);
    r.options.syslog_udp = "127.0.0.1:0";
    cr_assert_eq(try_open(&err), TSDB_EINVAL, "no sink");
    rig_init(&r);
    r.options.syslog_tcp = "127.0.0.1:0";
    cr_assert_eq(try_open(&err), TSDB_EINVAL, "no sink");
    rig_init(&r);
    r.options.limits.connections_max = 0;
    cr_assert_eq(try_open(&err), TSDB_EINVAL);
    rig_init(&r);
    r.options.http = "off";
    cr_assert_eq(try_open(&err), TSDB_OK, "all doors may be off: %s", err.msg);
    cr_assert_eq(try_open(NULL ? NULL : &err), TSDB_OK);
    cr_assert_eq(budget_used(&r.budget), 0);
}

Test(server, an_address_in_use_is_noticed)
{
    struct tsdb_error err = {0};
    struct rig other;
    rig_init(&r);
    r.options.udp = "127.0.0.1:0";
    r.options.udp_sink = udp_sink;
    rig_open(&r);
    rig_init(&other);
    other.options.http = net_address(r.net, LISTENER_HTTP).at;
    cr_assert_eq(net_open(&other.options, &other.net, &err), TSDB_EIO);
    other.options.http = NULL;
    other.options.udp = net_address(r.net, LISTENER_UDP).at;
    other.options.udp_sink = udp_sink;
    cr_assert_eq(net_open(&other.options, &other.net, &err), TSDB_EIO, "two may not share a port");
    rig_close(&r);
}

/* Default deny: beyond loopback only with TLS and authentication. */
Test(server, beyond_loopback_wants_tls_and_authentication)
{
    struct tsdb_error err;
    char text[512];
    files_open();
    files_certificate("server", 1);
    (void)snprintf(text, sizeof text, "tokens: [{token_sha256: %s, scopes: [query]}]\n",
                   files_sha256("query-query-query"));
    const char *auth_only = files_write("auth.yml", text);
    const char *tls_only = files_write(
        "tls.yml", "tls_server_config: {cert_file: server.crt, key_file: server.key}\n");
    static const char *const addresses[] = {"0.0.0.0:0", ":0", "*:0", "[::]:0"};
    for (size_t i = 0; i < 4; i++) {
        rig_init(&r);
        r.options.http = addresses[i];
        cr_expect_eq(try_open(&err), TSDB_EINVAL, "%s", addresses[i]);
        cr_expect(strstr(err.msg, "http door: ") && strstr(err.msg, "has no TLS"), "%s", err.msg);
        r.options.web_config_path = auth_only;
        cr_expect_eq(try_open(&err), TSDB_EINVAL);
        cr_expect(strstr(err.msg, "has no TLS"), "%s", err.msg);
        r.options.web_config_path = tls_only;
        cr_expect_eq(try_open(&err), TSDB_EINVAL);
        cr_expect(strstr(err.msg, "has no authentication"), "%s", err.msg);
        r.options.web_config_path = NULL;
        r.options.allow_insecure_listen = true;
        cr_expect_eq(try_open(&err), TSDB_OK, "%s", err.msg);
    }
    size_t n = strlen(text);
    (void)snprintf(text + n, sizeof text - n, "%s",
                   "tls_server_config: {cert_file: server.crt, key_file: server.key}\n");
    rig_init(&r);
    r.options.http = "0.0.0.0:0";
    r.options.web_config_path = files_write("both.yml", text);
    cr_expect_eq(try_open(&err), TSDB_OK, "%s", err.msg);
    r.options.web_config_path =
        files_write("mutual.yml",
                    "tls_server_config: {cert_file: server.crt, key_file: server.key, "
                    "client_auth_type: RequireAndVerifyClientCert, client_ca_file: server.crt}\n");
    cr_expect_eq(try_open(&err), TSDB_OK, "%s", err.msg);
    r.options.http = NULL;
    r.options.udp = "0.0.0.0:0";
    r.options.udp_sink = udp_sink;
    cr_expect_eq(try_open(&err), TSDB_EINVAL, "datagrams have no TLS");
    r.options.udp = NULL;
    r.options.syslog_udp = "0.0.0.0:0";
    r.options.syslog_datagram_sink = udp_sink;
    cr_expect_eq(try_open(&err), TSDB_EINVAL, "datagrams have no TLS");
    r.options.syslog_udp = NULL;
    r.options.syslog_tcp = "0.0.0.0:0";
    r.options.syslog_stream_sink = stream_sink;
    cr_expect_eq(try_open(&err), TSDB_OK, "certificates are verified: %s", err.msg);
    r.options.web_config_path = files_write("both.yml", text);
    cr_expect_eq(try_open(&err), TSDB_EINVAL, "tokens do not help where none can be sent");
    files_close();
}

Test(server, tokens_are_checked_for_other_doors)
{
    char text[256];
    struct arena arena;
    struct tsdb_text tenant = {0};
    files_open();
    (void)snprintf(text, sizeof text,
                   "tokens: [{token_sha256: %s, scopes: [ingest], tenant: team}]\n",
                   files_sha256("ingest-ingest-ingest"));
    rig_init(&r);
    r.options.web_config_path = files_write("web.yml", text);
    rig_open(&r);
    arena_init(&arena, 1000, NULL);
    struct tsdb_text token = text_of("ingest-ingest-ingest");
    cr_assert(net_token_check(r.net, token, SCOPE_INGEST, &arena, &tenant));
    cr_assert(text_equal(tenant, text_of("team")));
    cr_assert_not(net_token_check(r.net, token, SCOPE_QUERY, &arena, &tenant));
    cr_assert_not(net_token_check(r.net, text_of("x"), SCOPE_INGEST, &arena, &tenant));
    cr_assert(net_has_auth(r.net));
    arena_release(&arena);
    rig_close(&r);
    files_close();
}

Test(server, a_changed_web_config_is_taken_and_a_bad_one_is_not)
{
    char text[256];
    files_open();
    rig_init(&r);
    w = (struct writer){0};
    r.options.web_config_path = files_write("web.yml", "{}\n");
    rig_open(&r);
    cr_assert_eq(rig_status(rig_ask(&r, LAST("/query"), &w)), 200);
    (void)snprintf(text, sizeof text,
                   "http_server_config: {headers: {X-Frame-Options: deny}}\n"
                   "tokens: [{token_sha256: %s, scopes: [query]}]\n",
                   files_sha256("query-query-query"));
    (void)files_write("web.yml", text);
    RIG_UNTIL(rig_status(rig_ask(&r, LAST("/query"), &w)) == 401);
    cr_assert(strstr(rig_ask(&r, LAST("/hello"), &w), "\r\nx-frame-options: deny\r\n"));
    (void)files_write("web.yml", "tokens: nonsense\n");
    RIG_UNTIL(rig_counters(&r).tls_reload_failures == 1);
    rig_sleep_ms(1200);
    RIG_UNTIL(rig_counters(&r).tls_reload_failures == 1); /* a bad file is reported once */
    cr_assert_eq(rig_status(rig_ask(&r, LAST("/query"), &w)), 401, "the old one stays");
    writer_release(&w);
    rig_close(&r);
    files_close();
}

Test(server, draining_finishes_what_was_begun)
{
    rig_init(&r);
    w = (struct writer){0};
    rig_open(&r);
    int idle = rig_connect(&r), busy = rig_connect(&r);
    cr_assert(rig_send(idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    cr_assert(rig_read_until(idle, &w, "hello", 1));
    cr_assert(rig_send(busy, "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n"));
    RIG_UNTIL(rig_kept != NULL);
    net_stop_accepting(r.net);
    cr_assert_eq(rig_receive(idle, &w, RIG_WAIT_MS), 0, "idle connections end at once");
    struct sockaddr_in to = rig_sockaddr(&r, LISTENER_HTTP);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(late, (struct sockaddr *)&to, sizeof to), -1);
    rig_hello(NULL, rig_kept);
    writer_reset(&w);
    const char *a = rig_read_all(busy, &w);
    cr_assert(strstr(a, "connection: close\r\n") && strstr(a, "hello\n"), "%s", a);
    (void)close(idle);
    (void)close(busy);
    (void)close(late);
    cr_assert(net_drain(r.net, RIG_WAIT_MS));
    writer_release(&w);
    rig_close(&r);
}

Test(server, closing_under_load_leaks_nothing)
{
    rig_init(&r);
    w = (struct writer){0};
    rig_open(&r);
    int fds[50];
    for (int i = 0; i < 50; i++) {
        fds[i] = rig_connect(&r);
        static const char *const begun[] = {"GET /hel",
                                            "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                            "Content-Length: 99\r\n\r\nabc",
                                            "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""};
        (void)rig_send(fds[i], begun[i % 5]);
    }
    rig_sleep_ms(20);
    rig_close(&r);
    for (int i = 0; i < 50; i++)
        (void)close(fds[i]);
}
