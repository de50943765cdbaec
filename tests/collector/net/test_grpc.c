#include "collector/net/grpc.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>

Test(grpc, content_types)
{
    static const char *const yes[] = {"application/grpc", "application/grpc+proto",
                                      "application/grpc;a=b"};
    static const char *const no[] = {"", "application/grpcx", "application/grpc-web",
                                     "application/json", "application/grp"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        cr_expect(grpc_is_content_type(text_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        cr_expect_not(grpc_is_content_type(text_of(no[i])), "%s", no[i]);
}

Test(grpc, timeouts)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {"1H", NS_PER_HOUR},
        {"2M", 2 * NS_PER_MINUTE},
        {"3S", 3 * NS_PER_S},
        {"4986m", 4986 * NS_PER_MS},
        {"4992970u", 4992970 * NS_PER_US},
        {"7n", 7},
        {"0S", 0},
        {"99999999H", INT64_MAX},
        {"100000000S", -1},
        {"", -1},
        {"S", -1},
        {"5", -1},
        {"5s", -1},
        {"-5S", -1},
        {"5 S", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -1;
        bool is_good = grpc_timeout_parse(text_of(cases[i].text), &ns);
        cr_expect_eq(is_good, cases[i].ns >= 0, "%s", cases[i].text);
        if (is_good)
            cr_expect_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
}

Test(grpc, unframes_exactly_one_message)
{
    uint8_t body[16] = {1, 0, 0, 0, 3, 'a', 'b', 'c', 0};
    struct bytes message;
    bool is_compressed;
    cr_assert(grpc_unframe((struct bytes){body, 8}, &message, &is_compressed));
    cr_assert(is_compressed);
    cr_assert_eq(message.len, 3);
    cr_assert_eq(message.at, body + 5);
    for (size_t len = 0; len <= sizeof body; len++)
        cr_expect_eq(grpc_unframe((struct bytes){body, len}, &message, &is_compressed), len == 8);
    body[0] = 2;
    cr_expect_not(grpc_unframe((struct bytes){body, 8}, &message, &is_compressed));
    uint8_t prefix[GRPC_PREFIX_BYTES];
    grpc_prefix(0x01020304, prefix);
    cr_assert_eq(memcmp(prefix, "\0\1\2\3\4", 5), 0);
}

static const char *trailers(int status, const char *message, int64_t retry_ms)
{
    static struct writer w;
    writer_reset(&w);
    grpc_trailers(status, message, retry_ms, &w);
    writer_u8(&w, 0);
    return (const char *)w.at;
}

Test(grpc, trailers_are_encoded)
{
    cr_assert_str_eq(trailers(0, "", 0), "grpc-status: 0\r\n");
    cr_assert_str_eq(trailers(3, "a%b\n\xc3\xa4", 0),
                     "grpc-status: 3\r\ngrpc-message: a%25b%0A%C3%A4\r\n");
    cr_assert_null(strstr(trailers(0, "", 1000), "details"));
}

/* The golden bytes were taken apart by hand: Status{8, "slow", Any{type, RetryInfo
 * {Duration{1 s, 500000000 ns}}}}. */
Test(grpc, retry_info_is_what_google_rpc_says)
{
    static const char type[] = "type.googleapis.com/google.rpc.RetryInfo";
    uint8_t want[128], got[256];
    size_t n = 0;
    memcpy(want, "\x08\x08\x12\x04slow\x1a\x36\x0a\x28", 12);
    n = 12;
    memcpy(want + n, type, sizeof type - 1);
    n += sizeof type - 1;
    memcpy(want + n, "\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01", 12);
    n += 12;
    const char *text = strstr(trailers(8, "slow", 1500), "grpc-status-details-bin: ");
    cr_assert_not_null(text);
    char padded[256] = {0};
    size_t len = strcspn(text + 25, "\r");
    memcpy(padded, text + 25, len);
    cr_assert_null(strchr(padded, '='), "unpadded: %s", padded);
    while (len % 4)
        padded[len++] = '=';
    int decoded = EVP_DecodeBlock(got, (const unsigned char *)padded, (int)len);
    cr_assert_geq(decoded, (int)n);
    cr_assert_eq(memcmp(got, want, n), 0);
}

Test(grpc, statuses_map_to_http_and_back)
{
    cr_assert_eq(grpc_status_of_http(404), GRPC_UNIMPLEMENTED);
    cr_assert_eq(grpc_status_of_http(413), GRPC_RESOURCE_EXHAUSTED);
    cr_assert_eq(grpc_status_of_http(401), GRPC_UNAUTHENTICATED);
    cr_assert_eq(grpc_status_of_http(403), GRPC_PERMISSION_DENIED);
    cr_assert_eq(grpc_status_of_http(503), GRPC_UNAVAILABLE);
    cr_assert_eq(grpc_status_of_http(500), GRPC_INTERNAL);
    cr_assert_eq(grpc_status_of_http(408), GRPC_DEADLINE_EXCEEDED);
    cr_assert_eq(grpc_status_of_http(400), GRPC_INVALID_ARGUMENT);
    cr_assert_eq(grpc_status_to_http(GRPC_OK), 200);
    cr_assert_eq(grpc_status_to_http(GRPC_UNAVAILABLE), 503);
    cr_assert_eq(grpc_status_to_http(GRPC_DEADLINE_EXCEEDED), 504);
    cr_assert_eq(grpc_status_to_http(GRPC_INTERNAL), 500);
    cr_assert_eq(grpc_status_to_http(GRPC_PERMISSION_DENIED), 400);
}
