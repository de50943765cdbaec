/* Any bytes give the same events, wherever they are cut, within the limits. */
#include "collector/net/http1.h"

#include "tsdb/base/assert.h"

enum { BODY_MAX = 10000 };

static void note(struct writer *out, struct http1 *p, enum http1_event event, struct bytes body)
{
    if (event == HTTP1_BODY) {
        writer_put(out, body.at, body.len);
        return;
    }
    writer_u8(out, (uint8_t)event);
    if (event == HTTP1_BAD)
        writer_le16(out, (uint16_t)p->status);
    if (event != HTTP1_HEAD)
        return;
    ASSERT(p->field_count <= HTTP1_FIELD_COUNT_MAX);
    ASSERT(http_is_token(http1_method(p)));
    struct tsdb_text target = http1_target(p);
    writer_put(out, target.at, target.len);
    for (uint32_t i = 0; i < p->field_count; i++) {
        struct tsdb_text name = http1_name(p, i), value = http1_value(p, i);
        ASSERT(http_is_token(name));
        ASSERT(value.len == 0 ||
               (!memchr(value.at, '\r', value.len) && !memchr(value.at, '\n', value.len) &&
                !memchr(value.at, 0, value.len)));
        writer_put(out, name.at, name.len);
        writer_put(out, value.at, value.len);
    }
}

static void run(struct bytes in, size_t piece, struct writer *out)
{
    struct http1 p;
    http1_init(&p, BODY_MAX);
    while (in.len > 0) {
        struct bytes part = {in.at, in.len < piece ? in.len : piece};
        in.at += part.len;
        in.len -= part.len;
        enum http1_event event = HTTP1_DONE;
        while (event != HTTP1_MORE) {
            struct bytes body = {0};
            event = http1_parse(&p, &part, &body);
            ASSERT(p.body_bytes <= BODY_MAX);
            if (event != HTTP1_MORE)
                note(out, &p, event, body);
            if (event == HTTP1_DONE)
                http1_reset(&p);
            if (event == HTTP1_BAD) {
                http1_release(&p);
                return;
            }
        }
    }
    http1_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct writer whole = {0}, cut = {0};
    if (len < 1)
        return 0;
    struct bytes in = {data + 1, len - 1};
    run(in, in.len + 1, &whole);
    run(in, (size_t)data[0] + 1, &cut);
    ASSERT(whole.len == cut.len);
    ASSERT(whole.len == 0 || memcmp(whole.at, cut.at, whole.len) == 0);
    writer_release(&whole);
    writer_release(&cut);
    return 0;
}
