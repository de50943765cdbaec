#include "collector/net/answer.h"

#include "collector/net/auth.h"
#include "collector/net/http1.h"
#include "collector/net/web_config.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { GZIP_LEVEL = 1, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_STEP = 16 << 10 };

const char *answer_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } table[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].reason;
    return "";
}

/* ---- lines ---- */

static bool is_safe_value(struct tsdb_text value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

void answer_line(struct writer *lines, struct tsdb_text name, struct tsdb_text value)
{
    if (!http_is_token(name) || !is_safe_value(value))
        return;
    writer_put(lines, name.at, name.len);
    writer_put(lines, ": ", 2);
    writer_put(lines, value.at, value.len);
    writer_put(lines, "\r\n", 2);
}

/* IMF-fixdate (RFC 9110, section 5.6.7), once a second and thread. */
void answer_date(struct site *site, struct writer *lines)
{
    static _Thread_local int64_t second = INT64_MIN;
    static _Thread_local char line[48];
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now = clock_wall_ns(site->clock) / NS_PER_S;
    if (now != second) {
        struct tm tm;
        time_t t = (time_t)now;
        (void)gmtime_r(&t, &tm);
        (void)snprintf(line, sizeof line, "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                       days[tm.tm_wday % 7], tm.tm_mday % 100, months[tm.tm_mon % 12],
                       (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
                       tm.tm_sec % 100);
        second = now;
    }
    writer_text(lines, line);
}

static struct tsdb_text header_of(const struct exchange_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (http_equal_caseless(answer->headers[i].name, name))
            return answer->headers[i].value;
    return (struct tsdb_text){0};
}

static const struct {
    const char *name, *value;
    bool is_for_pages;
} defaults[] = {
    {"cache-control", "no-store", false},
    {"x-content-type-options", "nosniff", false},
    {"referrer-policy", "no-referrer", false},
    {"cross-origin-opener-policy", "same-origin", false},
    {"cross-origin-resource-policy", "same-origin", false},
    {"content-security-policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
     "base-uri 'none'; require-trusted-types-for 'script'",
     true},
};

static bool is_page(const struct exchange_answer *answer)
{
    return answer->content_type && strncmp(answer->content_type, "text/html", 9) == 0;
}

void answer_lines(struct site *site, const struct exchange_answer *answer, bool is_gzip,
                  struct writer *lines)
{
    answer_date(site, lines);
    if (answer->content_type)
        answer_line(lines, text_of("content-type"), text_of(answer->content_type));
    if (is_gzip)
        writer_text(lines, "content-encoding: gzip\r\nvary: accept-encoding\r\n");
    struct web_config *config = auth_config_ref(site->auth);
    const struct exchange_header *extra = config->headers;
    size_t extra_count = config->header_count;
    const struct exchange_answer configured = {.headers = extra, .header_count = extra_count};
    for (size_t i = 0; i < answer->header_count; i++)
        answer_line(lines, answer->headers[i].name, answer->headers[i].value);
    for (size_t i = 0; i < extra_count; i++)
        if (!header_of(answer, extra[i].name.at).at)
            answer_line(lines, extra[i].name, extra[i].value);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        const char *name = defaults[i].name;
        if (header_of(answer, name).at || header_of(&configured, name).at)
            continue;
        if (!defaults[i].is_for_pages || is_page(answer))
            answer_line(lines, text_of(name), text_of(defaults[i].value));
    }
    web_config_unref(config);
}

/* ---- gzip ---- */

bool answer_is_compressible(const struct exchange_answer *answer)
{
    static const char *const types[] = {
        "text/",
        "application/json",
        "application/javascript",
        "application/protobuf",
        "application/openmetrics-text",
        "image/svg+xml",
    };
    if (!answer->content_type || header_of(answer, "content-encoding").at)
        return false;
    if (strncmp(answer->content_type, "text/event-stream", 17) == 0)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strncmp(answer->content_type, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

struct deflater {
    z_stream z;
};

static void *z_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return mem_array(count, size);
}

static void z_free(void *opaque, void *block)
{
    (void)opaque;
    mem_free(block);
}

struct deflater *deflater_new(void)
{
    struct deflater *d = MEM_NEW(struct deflater);
    d->z.zalloc = z_alloc;
    d->z.zfree = z_free;
    int got =
        deflateInit2(&d->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    ASSERT(got == Z_OK);
    return d;
}

void deflater_free(struct deflater *d)
{
    if (!d)
        return;
    (void)deflateEnd(&d->z); /* Z_DATA_ERROR: it was not finished, which is fine */
    mem_free(d);
}

void deflater_add(struct deflater *d, struct bytes in, bool is_last, struct writer *out)
{
    static const uint8_t nothing[1];
    do {
        uInt n = in.len < (1u << 30) ? (uInt)in.len : 1u << 30;
        /* zlib reads through a pointer that is not const; it does not write. */
        memcpy(&d->z.next_in, &(const uint8_t *){in.len ? in.at : nothing}, sizeof(uint8_t *));
        d->z.avail_in = n;
        in.at += n;
        in.len -= n;
        int flush = in.len == 0 && is_last ? Z_FINISH : Z_NO_FLUSH;
        do {
            d->z.next_out = writer_reserve(out, GZIP_STEP);
            d->z.avail_out = GZIP_STEP;
            int got = deflate(&d->z, flush);
            ASSERT(got != Z_STREAM_ERROR);
            out->len += GZIP_STEP - d->z.avail_out;
        } while (d->z.avail_out == 0);
    } while (in.len > 0);
}
