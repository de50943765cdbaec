#include "collector/net/answer.h"

#include "collector/net/auth.h"
#include "rig.h"

#include <zlib.h>

static struct site site;
static struct clock_sim sim;
static struct writer w;

static const char *lines(const struct exchange_answer *answer, bool is_gzip)
{
    if (!site.auth) {
        struct web_config *config;
        cr_assert_eq(web_config_read(fs_posix(), NULL, &config, NULL), TSDB_OK);
        clock_sim_init(&sim, INT64_C(784111777) * NS_PER_S);
        site.clock = &sim.clock;
        site.auth = auth_new(site.clock, config);
    }
    writer_reset(&w);
    answer_lines(&site, answer, is_gzip, &w);
    writer_u8(&w, 0);
    return (const char *)w.at;
}

Test(answer, carries_the_date_and_the_security_fields)
{
    struct exchange_answer answer = {.status = 200, .content_type = "application/json"};
    const char *got = lines(&answer, false);
    /* RFC 9110's own example */
    cr_assert(strstr(got, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "%s", got);
    static const char *const want[] = {
        "content-type: application/json\r\n",
        "cache-control: no-store\r\n",
        "x-content-type-options: nosniff\r\n",
        "referrer-policy: no-referrer\r\n",
        "cross-origin-opener-policy: same-origin\r\n",
        "cross-origin-resource-policy: same-origin\r\n",
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_expect(strstr(got, want[i]), "%s in %s", want[i], got);
    cr_expect_null(strstr(got, "content-security-policy"));
    answer.content_type = "text/html; charset=utf-8";
    got = lines(&answer, true);
    cr_expect(strstr(got, "content-security-policy: default-src 'none'; script-src 'self'"), "%s",
              got);
    cr_expect(strstr(got, "frame-ancestors 'none'"));
    cr_expect(strstr(got, "content-encoding: gzip\r\nvary: accept-encoding\r\n"));
    cr_expect_null(strstr(got, "unsafe-inline"));
}

Test(answer, a_handlers_field_wins_and_cannot_split)
{
    struct exchange_header headers[] = {
        {text_of("Cache-Control"), text_of("max-age=60")},
        {text_of("x-bad"), text_of("a\r\nset-cookie: b")},
        {text_of("x bad"), text_of("c")},
        {text_of("content-security-policy"), text_of("default-src 'self'")},
    };
    struct exchange_answer answer = {
        .status = 200, .content_type = "text/html", .headers = headers, .header_count = 4};
    const char *got = lines(&answer, false);
    cr_expect(strstr(got, "Cache-Control: max-age=60\r\n"), "%s", got);
    cr_expect_null(strstr(got, "no-store"));
    cr_expect_null(strstr(got, "set-cookie"));
    cr_expect_null(strstr(got, "x bad"));
    cr_expect_null(strstr(got, "default-src 'none'"));
}

Test(answer, compresses_only_what_is_worth_it)
{
    static const char *const yes[] = {"text/html", "application/json; charset=utf-8",
                                      "application/protobuf", "application/javascript",
                                      "image/svg+xml"};
    static const char *const no[] = {"image/png", "application/octet-stream",
                                     "application/x-protobuf", "text/event-stream",
                                     "application/x-ndjson"};
    struct exchange_header coded = {text_of("Content-Encoding"), text_of("snappy")};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        struct exchange_answer answer = {.status = 200, .content_type = yes[i]};
        cr_expect(answer_is_compressible(&answer), "%s", yes[i]);
        answer.headers = &coded;
        answer.header_count = 1;
        cr_expect_not(answer_is_compressible(&answer), "twice: %s", yes[i]);
        answer = (struct exchange_answer){.status = 200, .content_type = no[i]};
        cr_expect_not(answer_is_compressible(&answer), "%s", no[i]);
    }
    cr_expect_not(answer_is_compressible(&(struct exchange_answer){.status = 200}));
}

Test(answer, gzip_is_gzip_in_any_pieces)
{
    enum { BYTES = 300000 };
    static uint8_t plain[BYTES], back[BYTES + 1];
    for (size_t i = 0; i < BYTES; i++)
        plain[i] = (uint8_t)(i * i >> 7);
    struct writer out = {0};
    struct deflater *d = deflater_new();
    for (size_t at = 0; at < BYTES; at += 999)
        deflater_add(d, (struct bytes){plain + at, BYTES - at < 999 ? BYTES - at : 999}, false,
                     &out);
    deflater_add(d, (struct bytes){0}, true, &out);
    deflater_free(d);
    z_stream z = {
        .next_in = out.at, .avail_in = (uInt)out.len, .next_out = back, .avail_out = sizeof back};
    cr_assert_eq(inflateInit2(&z, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(z.total_out, BYTES);
    cr_assert_eq(memcmp(plain, back, BYTES), 0);
    (void)inflateEnd(&z);
    writer_release(&out);
    deflater_free(NULL);
}

Test(answer, reasons)
{
    cr_assert_str_eq(answer_reason(200), "OK");
    cr_assert_str_eq(answer_reason(431), "Request Header Fields Too Large");
    cr_assert_str_eq(answer_reason(299), "");
}
