#include "collector/net/grpc.h"

#include "collector/net/protobuf.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <string.h>

bool grpc_is_content_type(struct tsdb_text type)
{
    static const char want[] = "application/grpc";
    size_t n = sizeof want - 1;
    if (type.len < n || memcmp(type.at, want, n) != 0)
        return false;
    return type.len == n || type.at[n] == '+' || type.at[n] == ';' || type.at[n] == ' ';
}

bool grpc_timeout_parse(struct tsdb_text text, int64_t *ns)
{
    static const struct {
        char unit;
        int64_t ns;
    } units[] = {
        {'H', NS_PER_HOUR}, {'M', NS_PER_MINUTE}, {'S', NS_PER_S},
        {'m', NS_PER_MS},   {'u', NS_PER_US},     {'n', 1},
    };
    int64_t n = 0;
    if (text.len < 2 || text.len > 9)
        return false;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (text.at[i] - '0');
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text.at[text.len - 1] != units[i].unit)
            continue;
        if (__builtin_mul_overflow(n, units[i].ns, ns))
            *ns = INT64_MAX;
        return true;
    }
    return false;
}

bool grpc_unframe(struct bytes body, struct bytes *message, bool *is_compressed)
{
    struct reader r = reader_over(body);
    uint8_t flag = reader_u8(&r);
    struct bytes length = reader_take(&r, 4);
    if (r.fault || flag > 1)
        return false;
    size_t n = (size_t)length.at[0] << 24 | (size_t)length.at[1] << 16 | (size_t)length.at[2] << 8 |
               length.at[3];
    if (n != r.rest.len)
        return false;
    *message = reader_take(&r, n);
    *is_compressed = flag == 1;
    return true;
}

void grpc_prefix(size_t len, uint8_t out[GRPC_PREFIX_BYTES])
{
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(len >> (24 - 8 * i));
}

/* Bytes outside 0x20..0x7e, and '%' itself, become %XX. */
static void percent_encode(struct writer *w, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; text[i] && i < GRPC_MESSAGE_TEXT_MAX; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= ' ' && c <= '~' && c != '%') {
            writer_u8(w, c);
            continue;
        }
        writer_u8(w, '%');
        writer_u8(w, (uint8_t)digits[c >> 4]);
        writer_u8(w, (uint8_t)digits[c & 15]);
    }
}

/* Unpadded, as gRPC wants. */
static void base64(struct writer *w, struct bytes in)
{
    char *out = (char *)writer_reserve(w, BASE64_BYTES(in.len));
    size_t n = base64_encode(in.at, in.len, out);
    while (n > 0 && out[n - 1] == '=')
        n--;
    w->len += n;
}

static void details(struct writer *lines, int status, const char *message, int64_t retry_after_ms)
{
    static const char type[] = "type.googleapis.com/google.rpc.RetryInfo";
    struct writer all = {0};
    size_t n = strnlen(message, GRPC_MESSAGE_TEXT_MAX);
    protobuf_u64(&all, 1, (uint64_t)status);
    protobuf_bytes_set(&all, 2, message, n);
    size_t any = protobuf_begin(&all, 3);
    protobuf_text(&all, 1, text_of(type));
    size_t info = protobuf_begin(&all, 2);
    size_t duration = protobuf_begin(&all, 1);
    protobuf_u64(&all, 1, (uint64_t)(retry_after_ms / 1000));
    protobuf_u64(&all, 2, (uint64_t)(retry_after_ms % 1000 * NS_PER_MS));
    protobuf_end(&all, duration);
    protobuf_end(&all, info);
    protobuf_end(&all, any);
    writer_text(lines, "grpc-status-details-bin: ");
    base64(lines, writer_bytes(&all));
    writer_text(lines, "\r\n");
    writer_release(&all);
}

void grpc_trailers(int status, const char *message, int64_t retry_after_ms, struct writer *lines)
{
    writer_format(lines, "grpc-status: %d\r\n", status);
    if (message[0]) {
        writer_text(lines, "grpc-message: ");
        percent_encode(lines, message);
        writer_text(lines, "\r\n");
    }
    if (status != GRPC_OK && retry_after_ms > 0)
        details(lines, status, message, retry_after_ms);
}

int grpc_status_of_http(int status)
{
    switch (status) {
    case 400: return GRPC_INVALID_ARGUMENT;
    case 401: return GRPC_UNAUTHENTICATED;
    case 403: return GRPC_PERMISSION_DENIED;
    case 404:
    case 405:
    case 415:
    case 501: return GRPC_UNIMPLEMENTED;
    case 408: return GRPC_DEADLINE_EXCEEDED;
    case 413:
    case 431: return GRPC_RESOURCE_EXHAUSTED;
    case 429:
    case 503: return GRPC_UNAVAILABLE;
    default: return GRPC_INTERNAL;
    }
}

int grpc_status_to_http(int status)
{
    switch (status) {
    case GRPC_OK: return 200;
    case GRPC_UNKNOWN:
    case GRPC_INTERNAL: return 500;
    case GRPC_UNAVAILABLE: return 503;
    case GRPC_DEADLINE_EXCEEDED: return 504;
    default: return 400;
    }
}
