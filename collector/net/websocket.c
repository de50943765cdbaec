#include "collector/net/websocket.h"

#include "collector/net/http1.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <string.h>

enum { KEY_TEXT_LEN = 24, KEY_BYTES = 16 };

/* ---- reading frames -------------------------------------------------------------------- */

void websocket_reader_init(struct websocket_reader *r, bool is_of_client, uint8_t *buffer,
                           size_t cap)
{
    *r = (struct websocket_reader){.is_of_client = is_of_client, .buffer = buffer, .cap = cap};
}

static enum websocket_event bad(struct websocket_reader *r, enum websocket_close_code code)
{
    r->is_over = true;
    r->code = (uint16_t)code;
    return WEBSOCKET_BAD;
}

static bool is_control(unsigned operation)
{
    return operation >= WEBSOCKET_OP_CLOSE;
}

/* How long the head is, as far as its first two bytes tell. */
static size_t head_size(const struct websocket_reader *r)
{
    unsigned len7 = r->head[1] & 0x7f;
    return 2 + (size_t)(len7 == 126 ? 2 : len7 == 127 ? 8 : 0) + (r->is_of_client ? 4 : 0);
}

/* The first two bytes; what is wrong with them needs no more. */
static bool check_start(const struct websocket_reader *r)
{
    unsigned operation = r->head[0] & 0x0f, len7 = r->head[1] & 0x7f;
    bool has_fin = r->head[0] & 0x80, has_mask = r->head[1] & 0x80;
    if ((r->head[0] & 0x70) || has_mask != r->is_of_client)
        return false;
    if (is_control(operation))
        return operation <= WEBSOCKET_OP_PONG && has_fin && len7 <= WEBSOCKET_CONTROL_MAX;
    if (operation == WEBSOCKET_OP_CONTINUATION)
        return r->message != 0;
    return operation <= WEBSOCKET_OP_BINARY && r->message == 0;
}

/* The head is complete: MORE, or BAD. */
static enum websocket_event take_head(struct websocket_reader *r)
{
    unsigned len7 = r->head[1] & 0x7f;
    size_t at = 2, wide = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    r->left = wide ? 0 : len7;
    for (size_t i = 0; i < wide; i++)
        r->left = r->left << 8 | r->head[at++];
    if ((wide == 2 && r->left < 126) || (wide == 8 && r->left <= UINT16_MAX) || r->left > INT64_MAX)
        return bad(r, WEBSOCKET_PROTOCOL);
    if (r->is_of_client)
        memcpy(r->mask, r->head + at, sizeof r->mask);
    r->operation = r->head[0] & 0x0f;
    r->has_fin = r->head[0] & 0x80;
    r->masked = 0;
    r->control_len = 0;
    if (!is_control(r->operation)) {
        if (r->operation != WEBSOCKET_OP_CONTINUATION) {
            r->message = r->operation;
            r->len = 0;
        }
        if (r->left > r->cap - r->len)
            return bad(r, WEBSOCKET_TOO_LARGE);
    }
    return WEBSOCKET_MORE;
}

/* False: more bytes are wanted, or *event is BAD. */
static bool read_head(struct websocket_reader *r, struct bytes *in, enum websocket_event *event)
{
    *event = WEBSOCKET_MORE;
    while (r->head_len < 2 || r->head_len < head_size(r)) {
        if (in->len == 0)
            return false;
        r->head[r->head_len++] = *in->at++;
        in->len--;
        if (r->head_len == 2 && !check_start(r)) {
            *event = bad(r, WEBSOCKET_PROTOCOL);
            return false;
        }
        if (r->head_len >= 2 && r->head_len == head_size(r) &&
            (*event = take_head(r)) == WEBSOCKET_BAD)
            return false;
    }
    return true;
}

static void read_payload(struct websocket_reader *r, struct bytes *in)
{
    size_t n = in->len < r->left ? in->len : (size_t)r->left;
    uint8_t *to = is_control(r->operation) ? r->control + r->control_len : r->buffer + r->len;
    for (size_t i = 0; i < n; i++)
        to[i] = r->is_of_client ? in->at[i] ^ r->mask[(r->masked + i) & 3] : in->at[i];
    if (is_control(r->operation))
        r->control_len += (uint32_t)n;
    else
        r->len += n;
    r->masked += n;
    r->left -= n;
    in->at += n;
    in->len -= n;
}

static bool is_sendable(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static enum websocket_event end_close(struct websocket_reader *r, struct bytes *payload)
{
    *payload = (struct bytes){r->control, 0};
    if (r->control_len == 1)
        return bad(r, WEBSOCKET_PROTOCOL);
    unsigned code = WEBSOCKET_NO_CODE;
    if (r->control_len >= 2) {
        code = (unsigned)r->control[0] << 8 | r->control[1];
        *payload = (struct bytes){r->control + 2, r->control_len - 2};
        if (!is_sendable(code))
            return bad(r, WEBSOCKET_PROTOCOL);
        if (!utf8_check((const char *)payload->at, payload->len))
            return bad(r, WEBSOCKET_NOT_UTF8);
    }
    r->is_over = true;
    r->code = (uint16_t)code;
    return WEBSOCKET_CLOSE;
}

/* A frame is complete. */
static enum websocket_event end_frame(struct websocket_reader *r, struct bytes *payload)
{
    r->head_len = 0;
    if (r->operation == WEBSOCKET_OP_CLOSE)
        return end_close(r, payload);
    if (is_control(r->operation)) {
        *payload = (struct bytes){r->control, r->control_len};
        return r->operation == WEBSOCKET_OP_PING ? WEBSOCKET_PING : WEBSOCKET_PONG;
    }
    if (!r->has_fin)
        return WEBSOCKET_MORE;
    bool is_text = r->message == WEBSOCKET_OP_TEXT;
    r->message = 0;
    *payload = (struct bytes){r->buffer, r->len};
    if (is_text && r->len > 0 && !utf8_check((const char *)r->buffer, r->len))
        return bad(r, WEBSOCKET_NOT_UTF8);
    return is_text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
}

enum websocket_event websocket_read(struct websocket_reader *r, struct bytes *in,
                                    struct bytes *payload)
{
    enum websocket_event event = WEBSOCKET_MORE;
    *payload = (struct bytes){0};
    if (r->is_over) {
        in->at += in->len;
        in->len = 0;
        return WEBSOCKET_MORE;
    }
    while (read_head(r, in, &event)) {
        read_payload(r, in);
        if (r->left > 0)
            return WEBSOCKET_MORE;
        if ((event = end_frame(r, payload)) != WEBSOCKET_MORE)
            return event;
    }
    return event;
}

/* ---- writing frames ---------------------------------------------------------------------- */

void websocket_put(struct writer *w, enum websocket_operation operation, const uint8_t mask[4],
                   struct bytes payload)
{
    unsigned mask_bit = mask ? 0x80 : 0;
    writer_u8(w, (uint8_t)(0x80u | (unsigned)operation));
    size_t wide = payload.len > UINT16_MAX ? 8 : payload.len >= 126 ? 2 : 0;
    unsigned len7 = wide == 8 ? 127 : wide == 2 ? 126 : (unsigned)payload.len;
    writer_u8(w, (uint8_t)(mask_bit | len7));
    for (size_t i = wide; i > 0; i--)
        writer_u8(w, (uint8_t)((uint64_t)payload.len >> 8 * (i - 1)));
    if (!mask) {
        writer_put(w, payload.at, payload.len);
        return;
    }
    writer_put(w, mask, 4);
    uint8_t *to = writer_reserve(w, payload.len);
    for (size_t i = 0; i < payload.len; i++)
        to[i] = payload.at[i] ^ mask[i & 3];
    w->len += payload.len;
}

void websocket_accept_key(struct tsdb_text key, char out[32])
{
    static const char unique[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
    uint8_t text[KEY_TEXT_LEN + sizeof unique], hash[SHA_DIGEST_LENGTH];
    ASSERT(key.len == KEY_TEXT_LEN);
    memcpy(text, key.at, KEY_TEXT_LEN);
    memcpy(text + KEY_TEXT_LEN, unique, sizeof unique - 1);
    (void)SHA1(text, KEY_TEXT_LEN + sizeof unique - 1, hash);
    out[base64_encode(hash, sizeof hash, out)] = '\0';
}

/* ---- the handshake ------------------------------------------------------------------------ */

static bool refuse(struct exchange *x, int status, const char *text)
{
    const struct exchange_header version = {text_of("sec-websocket-version"), text_of("13")};
    struct exchange_answer answer = {.status = status,
                                     .content_type = "text/plain; charset=utf-8",
                                     .headers = &version,
                                     .header_count = status == 426};
    exchange_reply(x, &answer, (struct bytes){(const uint8_t *)text, strlen(text)});
    return false;
}

/* 16 bytes in base64. */
static bool is_key(struct tsdb_text key)
{
    if (key.len != KEY_TEXT_LEN || memcmp(key.at + KEY_TEXT_LEN - 2, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < KEY_TEXT_LEN - 2; i++)
        if (!memchr(base64_digits, key.at[i], 64))
            return false;
    return true;
}

/* A program sends no Origin; a page's must be the server's own. */
static bool is_own_origin(struct tsdb_text origin, struct tsdb_text host)
{
    if (origin.len == 0)
        return true;
    const char *slashes = memmem(origin.at, origin.len, "://", 3);
    if (!slashes)
        return false;
    size_t scheme = (size_t)(slashes - origin.at) + 3;
    return text_equal((struct tsdb_text){origin.at + scheme, origin.len - scheme}, host);
}

bool websocket_check(struct exchange *x)
{
    if (!exchange_can_upgrade(x) || !http_list_has(exchange_header(x, "connection"), "upgrade") ||
        !http_list_has(exchange_header(x, "upgrade"), "websocket"))
        return refuse(x, 400, "a WebSocket handshake is wanted, over HTTP/1.1\n");
    if (!text_equal(exchange_header(x, "sec-websocket-version"), text_of("13")))
        return refuse(x, 426, "WebSocket version 13 is wanted\n");
    if (!is_key(exchange_header(x, "sec-websocket-key")))
        return refuse(x, 400, "Sec-WebSocket-Key is not 16 bytes in base64\n");
    if (!is_own_origin(exchange_header(x, "origin"), exchange_header(x, "host")))
        return refuse(x, 403, "pages of other origins may not connect\n");
    return true;
}

/* ---- an open socket --------------------------------------------------------------------- */

struct websocket {
    struct exchange *x;
    _Atomic bool is_over;           /* Atomic: a hint for the owner; orders nothing */
    struct websocket_reader reader; /* the loop thread's */
    uint16_t code;                  /* the owner's last word; then the loop thread's */
    uint8_t buffer[WEBSOCKET_MESSAGE_MAX];
};

static void send_frame(struct websocket *s, enum websocket_operation operation,
                       struct bytes payload)
{
    struct writer frame = {0};
    websocket_put(&frame, operation, NULL, payload);
    (void)exchange_write(s->x, writer_bytes(&frame)); /* to a peer that has gone: nowhere */
    writer_release(&frame);
}

static void on_input(void *arg, struct bytes in)
{
    struct websocket *s = arg;
    struct bytes payload;
    enum websocket_event event;
    while ((event = websocket_read(&s->reader, &in, &payload)) != WEBSOCKET_MORE) {
        if (event == WEBSOCKET_PING && exchange_queued(s->x) < WEBSOCKET_PONG_QUEUE)
            send_frame(s, WEBSOCKET_OP_PONG, payload);
        if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_BAD)
            atomic_store_explicit(&s->is_over, true, memory_order_relaxed);
    }
}

struct websocket *websocket_accept(struct exchange *x)
{
    struct websocket *s = ARENA_ARRAY(exchange_arena(x), struct websocket, 1);
    if (!s) {
        (void)refuse(x, 503, "out of memory for the request\n");
        return NULL;
    }
    s->x = x;
    websocket_reader_init(&s->reader, true, s->buffer, sizeof s->buffer);
    char accept[32];
    websocket_accept_key(exchange_header(x, "sec-websocket-key"), accept);
    const struct exchange_header headers[] = {
        {text_of("upgrade"), text_of("websocket")},
        {text_of("connection"), text_of("Upgrade")},
        {text_of("sec-websocket-accept"), text_of(accept)},
    };
    const struct exchange_answer answer = {
        .status = 101, .headers = headers, .header_count = sizeof headers / sizeof headers[0]};
    exchange_upgrade(x, &answer, on_input, s);
    return s;
}

void websocket_send(struct websocket *s, struct bytes text)
{
    if (websocket_is_open(s))
        send_frame(s, WEBSOCKET_OP_TEXT, text);
}

void websocket_ping(struct websocket *s)
{
    if (websocket_is_open(s))
        send_frame(s, WEBSOCKET_OP_PING, (struct bytes){0});
}

uint64_t websocket_queued(struct websocket *s)
{
    return exchange_queued(s->x);
}

bool websocket_is_open(const struct websocket *s)
{
    return !atomic_load_explicit(&s->is_over, memory_order_relaxed) && exchange_is_open(s->x);
}

/* On the loop thread, where no pong can come between. */
static void finish(void *arg)
{
    struct websocket *s = arg;
    unsigned code = s->reader.is_over ? s->reader.code : s->code;
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    s->reader.is_over = true; /* what still comes is thrown away */
    send_frame(s, WEBSOCKET_OP_CLOSE,
               (struct bytes){payload, code == WEBSOCKET_NO_CODE ? 0 : sizeof payload});
    exchange_end(s->x);
}

void websocket_close(struct websocket *s, enum websocket_close_code code)
{
    s->code = (uint16_t)code;
    exchange_post(s->x, finish, s);
}
