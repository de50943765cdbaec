#include "collector/net/address.h"

#include "collector/net/server.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(address, reads_and_writes)
{
    static const struct {
        const char *in, *out;
        bool is_loopback;
    } good[] = {
        {"127.0.0.1:4318", "127.0.0.1:4318", true},
        {"127.9.9.9:1", "127.9.9.9:1", true},
        {"[::1]:65535", "[::1]:65535", true},
        {"localhost:0", "127.0.0.1:0", true},
        {":80", "[::]:80", false},
        {"*:80", "[::]:80", false},
        {"0.0.0.0:80", "0.0.0.0:80", false},
        {"10.0.0.1:80", "10.0.0.1:80", false},
        {"[::ffff:127.0.0.1]:8", "127.0.0.1:8", true},
        {"[2001:db8::1]:8", "[2001:db8::1]:8", false},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX];
        cr_assert_eq(address_parse(text_of(good[i].in), &a, NULL), TSDB_OK, "%s", good[i].in);
        cr_expect_eq(address_format(&a, text), strlen(good[i].out));
        cr_expect_str_eq(text, good[i].out);
        cr_expect_eq(address_is_loopback(&a), good[i].is_loopback, "%s", good[i].in);
    }
}

Test(address, refuses)
{
    static const char *const bad[] = {
        "",        "80",        "127.0.0.1", "127.0.0.1:",    "127.0.0.1:65536",  "127.0.0.1:-1",
        "::1:80",  "[::1]80",   "[::1",      "[]:80",         "example.com:80",   "127.0.0.1:8 ",
        "1.2.3:8", "[1.2.3:80", "a:b:c",     "127.0.0.1:1e1", "127.0.0.1:000080",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address a;
        struct tsdb_error err = {0};
        cr_expect_eq(address_parse(text_of(bad[i]), &a, &err), TSDB_EINVAL, "%s", bad[i]);
        cr_expect(strstr(err.msg, "HOST:PORT"), "%s", err.msg);
    }
}

Test(address, loopback_hosts)
{
    static const char *const yes[] = {"127.0.0.1", "::1", "[::1]", "localhost", "127.255.0.1"};
    static const char *const no[] = {"", "0.0.0.0", "::", "10.1.1.1", "localhost.evil", "*"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        cr_expect(net_is_loopback(text_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        cr_expect_not(net_is_loopback(text_of(no[i])), "%s", no[i]);
}

Test(address, binds_and_notices_what_is_in_use)
{
    struct address a, again;
    struct tsdb_error err = {0};
    int fd, other;
    cr_assert_eq(address_parse(text_of("127.0.0.1:0"), &a, NULL), TSDB_OK);
    cr_assert_eq(address_listen(&a, &fd, &err), TSDB_OK, "%s", err.msg);
    cr_assert_gt(address_port(&a), 0);
    again = a;
    cr_assert_eq(address_listen(&again, &other, &err), TSDB_EIO);
    cr_assert(strstr(err.msg, "127.0.0.1:"), "%s", err.msg);
    (void)close(fd);
    cr_assert_eq(address_parse(text_of("127.0.0.1:0"), &a, NULL), TSDB_OK);
    cr_assert_eq(address_bind_udp(&a, true, &fd, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(address_bind_udp(&a, false, &other, &err), TSDB_EIO, "shared and unshared");
    cr_assert_eq(address_bind_udp(&a, true, &other, &err), TSDB_OK, "%s", err.msg);
    (void)close(fd);
    (void)close(other);
}
