/* Any bytes give the same events, wherever they are cut; what is no message ends the
 * reading; a message goes through websocket_put and comes back. */
#include "collector/net/websocket.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

enum { CAP = 3000 };

static void check_again(enum websocket_event event, struct bytes payload)
{
    static uint8_t buffer[CAP];
    struct websocket_reader r;
    struct writer w = {0};
    struct bytes got;
    bool is_text = event == WEBSOCKET_TEXT;
    websocket_put(&w, is_text ? WEBSOCKET_OP_TEXT : WEBSOCKET_OP_BINARY, (const uint8_t *)"mask",
                  payload);
    struct bytes in = writer_bytes(&w);
    websocket_reader_init(&r, true, buffer, sizeof buffer);
    ASSERT(websocket_read(&r, &in, &got) == event);
    ASSERT(in.len == 0 && got.len == payload.len);
    ASSERT(got.len == 0 || memcmp(got.at, payload.at, got.len) == 0);
    writer_release(&w);
}

static void run(struct bytes in, bool is_of_client, size_t piece, struct writer *out)
{
    static uint8_t buffer[CAP];
    struct websocket_reader r;
    websocket_reader_init(&r, is_of_client, buffer, sizeof buffer);
    while (in.len > 0) {
        struct bytes part = {in.at, in.len < piece ? in.len : piece}, payload;
        in.at += part.len;
        in.len -= part.len;
        enum websocket_event event;
        while ((event = websocket_read(&r, &part, &payload)) != WEBSOCKET_MORE) {
            ASSERT(payload.len <= CAP);
            ASSERT(event != WEBSOCKET_TEXT || payload.len == 0 ||
                   utf8_check((const char *)payload.at, payload.len));
            writer_u8(out, (uint8_t)event);
            writer_le16(out, r.code);
            writer_put(out, payload.at, payload.len);
            if (event == WEBSOCKET_TEXT || event == WEBSOCKET_BINARY)
                check_again(event, payload);
        }
        ASSERT(part.len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct writer whole = {0}, cut = {0};
    if (len < 1)
        return 0;
    struct bytes in = {data + 1, len - 1};
    bool is_of_client = data[0] & 1;
    run(in, is_of_client, in.len + 1, &whole);
    run(in, is_of_client, (size_t)(data[0] >> 1) + 1, &cut);
    ASSERT(whole.len == cut.len);
    ASSERT(whole.len == 0 || memcmp(whole.at, cut.at, whole.len) == 0);
    writer_release(&whole);
    writer_release(&cut);
    return 0;
}
