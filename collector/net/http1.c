#include "collector/net/http1.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { HEAD_KEEP_BYTES = 16 << 10 };

/* ---- characters ---- */

static bool is_token_char(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != 0 && c < 0x80 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_value_char(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool http_is_token(struct tsdb_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char((uint8_t)text.at[i]))
            return false;
    return text.len > 0;
}

bool http_equal_caseless(struct tsdb_text text, const char *want)
{
    size_t n = strlen(want);
    if (text.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower((uint8_t)text.at[i]) != (uint8_t)want[i])
            return false;
    return true;
}

static struct tsdb_text trim(struct tsdb_text t)
{
    while (t.len && (t.at[0] == ' ' || t.at[0] == '\t'))
        t.at++, t.len--;
    while (t.len && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* Cuts the next element off the list. */
static struct tsdb_text list_next(struct tsdb_text *list)
{
    const char *comma = list->len ? memchr(list->at, ',', list->len) : NULL;
    size_t n = comma ? (size_t)(comma - list->at) : list->len;
    struct tsdb_text item = {list->at, n};
    size_t skip = comma ? n + 1 : n;
    list->at += skip;
    list->len -= skip;
    return trim(item);
}

bool http_list_has(struct tsdb_text list, const char *word)
{
    while (list.len) {
        struct tsdb_text item = list_next(&list);
        const char *semicolon = item.len ? memchr(item.at, ';', item.len) : NULL;
        if (semicolon)
            item = trim((struct tsdb_text){item.at, (size_t)(semicolon - item.at)});
        if (http_equal_caseless(item, word))
            return true;
    }
    return false;
}

/* ---- life ---- */

void http1_init(struct http1 *p, uint64_t body_max)
{
    memset(p, 0, sizeof *p);
    p->body_max = body_max;
}

void http1_release(struct http1 *p)
{
    writer_release(&p->head);
}

void http1_reset(struct http1 *p)
{
    struct writer head = p->head;
    uint64_t body_max = p->body_max;
    if (head.cap > HEAD_KEEP_BYTES)
        writer_release(&head);
    writer_reset(&head);
    size_t fixed = offsetof(struct http1, fields);
    memset(p, 0, fixed);
    memset((uint8_t *)p + fixed + sizeof p->fields, 0, sizeof *p - fixed - sizeof p->fields);
    p->head = head;
    p->body_max = body_max;
}

bool http1_is_midway(const struct http1 *p)
{
    return p->state != HTTP1_AT_DONE && (p->state != HTTP1_AT_START || p->head.len > 0);
}

static struct tsdb_text head_text(const struct http1 *p, size_t off, size_t len)
{
    ASSERT(off + len <= p->head.len);
    return (struct tsdb_text){(const char *)p->head.at + off, len};
}

struct tsdb_text http1_method(const struct http1 *p)
{
    return head_text(p, 0, p->method_len);
}

struct tsdb_text http1_target(const struct http1 *p)
{
    return head_text(p, p->target, p->target_len);
}

struct tsdb_text http1_name(const struct http1 *p, uint32_t index)
{
    ASSERT(index < p->field_count);
    return head_text(p, p->fields[index].name, p->fields[index].name_len);
}

struct tsdb_text http1_value(const struct http1 *p, uint32_t index)
{
    ASSERT(index < p->field_count);
    return head_text(p, p->fields[index].value, p->fields[index].value_len);
}

static enum http1_event bad(struct http1 *p, int status, const char *reason)
{
    p->state = HTTP1_AT_BAD;
    p->status = status;
    p->reason = reason;
    return HTTP1_BAD;
}

/* ---- lines ---- */

enum line_result { LINE_MORE, LINE_READY, LINE_LONG, LINE_BARE };

/* Gathers the line that starts at p->line; `max` counts its CRLF.  READY: it
 * lies in the head without its CRLF, *len long, and the buffer ends after it. */
static enum line_result take_line(struct http1 *p, struct bytes *in, size_t max, size_t *len)
{
    size_t room = max - (p->head.len - p->line);
    size_t n = in->len < room ? in->len : room;
    const uint8_t *end = n ? memchr(in->at, '\n', n) : NULL;
    if (end)
        n = (size_t)(end - in->at) + 1;
    writer_put(&p->head, in->at, n);
    in->at += n;
    in->len -= n;
    if (!end)
        return n == room ? LINE_LONG : LINE_MORE;
    *len = p->head.len - p->line - 1;
    if (*len == 0 || p->head.at[p->line + *len - 1] != '\r')
        return LINE_BARE;
    --*len;
    return LINE_READY;
}

static enum http1_event line_fault(struct http1 *p, enum line_result result, int too_long,
                                   const char *reason)
{
    if (result == LINE_LONG)
        return bad(p, too_long, reason);
    return bad(p, 400, "a line must end in CRLF");
}

/* ---- request line ---- */

static bool version_parse(struct http1 *p, struct tsdb_text v, bool *is_known)
{
    if (v.len != 8 || memcmp(v.at, "HTTP/", 5) != 0 || !is_digit((uint8_t)v.at[5]) ||
        v.at[6] != '.' || !is_digit((uint8_t)v.at[7]))
        return false;
    *is_known = v.at[5] == '1' && v.at[7] <= '1';
    p->is_1_1 = v.at[7] == '1';
    return true;
}

/* http://authority/path: the path is what is left (RFC 9112, section 3.2.2). */
static bool strip_authority(struct http1 *p)
{
    struct tsdb_text t = http1_target(p);
    size_t skip = 0;
    if (t.len > 7 && http_equal_caseless((struct tsdb_text){t.at, 7}, "http://"))
        skip = 7;
    else if (t.len > 8 && http_equal_caseless((struct tsdb_text){t.at, 8}, "https://"))
        skip = 8;
    else
        return false;
    size_t i = skip;
    while (i < t.len && t.at[i] != '/' && t.at[i] != '?')
        i++;
    if (i == skip || i == t.len || t.at[i] != '/')
        return false; /* no authority, or no path */
    p->target += (uint32_t)i;
    p->target_len -= (uint32_t)i;
    return true;
}

static enum http1_event target_check(struct http1 *p)
{
    struct tsdb_text t = http1_target(p);
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] >= 0x7f || t.at[i] == '#')
            return bad(p, 400, "the target holds a byte that must be percent-encoded");
    if (text_equal(http1_method(p), text_of("CONNECT")))
        return bad(p, 501, "CONNECT is not served");
    if (t.len > 0 && t.at[0] == '/')
        return HTTP1_MORE;
    if (t.len == 1 && t.at[0] == '*' && text_equal(http1_method(p), text_of("OPTIONS")))
        return HTTP1_MORE;
    if (!strip_authority(p))
        return bad(p, 400, "the target must begin with /");
    return HTTP1_MORE;
}

/* method SP target SP version, one space each. */
static enum http1_event request_line(struct http1 *p, size_t len)
{
    struct tsdb_text line = head_text(p, 0, len);
    const char *space = len ? memchr(line.at, ' ', len) : NULL;
    if (!space)
        return bad(p, 400, "the request line has no target");
    p->method_len = (uint32_t)(space - line.at);
    if (p->method_len > HTTP1_METHOD_MAX || !http_is_token(http1_method(p)))
        return bad(p, 400, "the method is no token");
    p->target = p->method_len + 1;
    const char *second = memchr(space + 1, ' ', len - p->target);
    if (!second)
        return bad(p, 400, "the request line has no version");
    p->target_len = (uint32_t)(second - space - 1);
    size_t version = p->target + p->target_len + 1;
    bool is_known;
    if (!version_parse(p, head_text(p, version, len - version), &is_known))
        return bad(p, 400, "the version is not HTTP/1.1");
    if (!is_known)
        return bad(p, 505, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are served");
    if (target_check(p) == HTTP1_BAD)
        return HTTP1_BAD;
    p->state = HTTP1_AT_FIELDS;
    p->line = p->fields_start = p->head.len;
    return HTTP1_MORE;
}

/* ---- fields ---- */

static bool digits_parse(struct tsdb_text t, uint64_t *out)
{
    uint64_t n = 0;
    if (t.len == 0 || t.len > 18)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (!is_digit((uint8_t)t.at[i]))
            return false;
        n = n * 10 + (uint64_t)(t.at[i] - '0');
    }
    *out = n;
    return true;
}

static enum http1_event transfer_encoding(struct http1 *p, struct tsdb_text value)
{
    if (p->coding_count++)
        return bad(p, 400, "Transfer-Encoding is repeated");
    if (http_equal_caseless(value, "chunked")) {
        p->is_chunked = true;
        return HTTP1_MORE;
    }
    struct tsdb_text last = {0};
    bool has_other = false;
    while (value.len) {
        last = list_next(&value);
        has_other = has_other || !http_equal_caseless(last, "chunked");
    }
    if (!has_other)
        return bad(p, 400, "Transfer-Encoding must be exactly chunked");
    return bad(p, 501, "only the transfer coding chunked is known");
}

static bool host_check(struct tsdb_text host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!is_token_char((uint8_t)host.at[i]) && !strchr(":[]", host.at[i]))
            return false;
    return true;
}

/* The fields that decide how the message is framed. */
static enum http1_event field_meaning(struct http1 *p, struct tsdb_text name,
                                      struct tsdb_text value)
{
    if (text_equal(name, text_of("host"))) {
        p->host_count++;
        if (!host_check(value))
            return bad(p, 400, "Host is malformed");
    } else if (text_equal(name, text_of("content-length"))) {
        if (p->length_count++)
            return bad(p, 400, "Content-Length is repeated");
        if (!digits_parse(value, &p->body_left))
            return bad(p, 400, "Content-Length must be digits");
    } else if (text_equal(name, text_of("transfer-encoding"))) {
        return transfer_encoding(p, value);
    } else if (text_equal(name, text_of("connection"))) {
        p->says_close = p->says_close || http_list_has(value, "close");
        p->says_keep_alive = p->says_keep_alive || http_list_has(value, "keep-alive");
    } else if (text_equal(name, text_of("expect"))) {
        if (!http_equal_caseless(value, "100-continue"))
            return bad(p, 417, "the only expectation known is 100-continue");
        p->expects_continue = true;
    }
    return HTTP1_MORE;
}

/* Checks one field line of `len` bytes at p->line, and cuts it in two. */
static enum http1_event field_split(struct http1 *p, size_t len, struct http1_field *out)
{
    uint8_t *line = p->head.at + p->line;
    if (line[0] == ' ' || line[0] == '\t')
        return bad(p, 400, "folded field lines are not taken");
    const uint8_t *colon = memchr(line, ':', len);
    if (!colon)
        return bad(p, 400, "a field line has no colon");
    size_t name_len = (size_t)(colon - line);
    for (size_t i = 0; i < name_len; i++) {
        if (!is_token_char(line[i]))
            return bad(p, 400, "a field name is no token");
        line[i] = lower(line[i]);
    }
    if (name_len == 0)
        return bad(p, 400, "a field name is empty");
    for (size_t i = name_len + 1; i < len; i++)
        if (!is_value_char(line[i]))
            return bad(p, 400, "a field value holds a control character");
    struct tsdb_text value = trim(head_text(p, p->line + name_len + 1, len - name_len - 1));
    out->name = (uint32_t)p->line;
    out->name_len = (uint32_t)name_len;
    out->value = (uint32_t)((const uint8_t *)value.at - p->head.at);
    out->value_len = (uint32_t)value.len;
    return HTTP1_MORE;
}

static enum http1_event field_line(struct http1 *p, size_t len)
{
    if (p->field_count == HTTP1_FIELD_COUNT_MAX)
        return bad(p, 431, "too many header fields");
    struct http1_field *field = &p->fields[p->field_count];
    if (field_split(p, len, field) == HTTP1_BAD)
        return HTTP1_BAD;
    p->field_count++;
    p->line = p->head.len;
    return field_meaning(p, http1_name(p, p->field_count - 1), http1_value(p, p->field_count - 1));
}

/* The head is complete: decide how the body is framed. */
static enum http1_event head_done(struct http1 *p)
{
    if (p->is_1_1 ? p->host_count != 1 : p->host_count > 1)
        return bad(p, 400, p->host_count ? "Host is repeated" : "Host is missing");
    if (p->coding_count && p->length_count)
        return bad(p, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (p->coding_count && !p->is_1_1)
        return bad(p, 400, "HTTP/1.0 knows no Transfer-Encoding");
    if (p->body_left > p->body_max)
        return bad(p, 413, "the body is too large");
    p->line = p->head.len;
    p->keeps_alive = !p->says_close && (p->is_1_1 || p->says_keep_alive);
    p->has_body = p->is_chunked || p->body_left > 0;
    p->expects_continue = p->expects_continue && p->is_1_1 && p->has_body;
    p->state = p->is_chunked ? HTTP1_AT_SIZE : p->body_left ? HTTP1_AT_LENGTH : HTTP1_AT_DONE;
    return HTTP1_HEAD;
}

static enum http1_event at_line(struct http1 *p, struct bytes *in)
{
    size_t len;
    enum line_result got = take_line(p, in, HTTP1_LINE_MAX + 2, &len);
    if (got == LINE_MORE)
        return HTTP1_MORE;
    if (got != LINE_READY)
        return line_fault(p, got, 414, "the request line is too long");
    if (len == 0 && p->state == HTTP1_AT_START) { /* some clients send one too many */
        p->state = HTTP1_AT_LINE;
        writer_reset(&p->head);
        return HTTP1_MORE;
    }
    return request_line(p, len);
}

static enum http1_event at_fields(struct http1 *p, struct bytes *in)
{
    size_t len;
    size_t used = p->line - p->fields_start;
    enum line_result got = take_line(p, in, HTTP1_FIELDS_MAX + 2 - used, &len);
    if (got == LINE_MORE)
        return HTTP1_MORE;
    if (got != LINE_READY)
        return line_fault(p, got, 431, "the header fields are too long");
    if (len == 0)
        return head_done(p);
    return field_line(p, len);
}

/* ---- bodies ---- */

static struct bytes body_piece(struct http1 *p, struct bytes *in)
{
    size_t n = in->len < p->body_left ? in->len : (size_t)p->body_left;
    struct bytes piece = {in->at, n};
    in->at += n;
    in->len -= n;
    p->body_left -= n;
    p->body_bytes += n;
    return piece;
}

static enum http1_event at_length(struct http1 *p, struct bytes *in, struct bytes *body)
{
    if (in->len == 0)
        return HTTP1_MORE;
    *body = body_piece(p, in);
    if (p->body_left == 0)
        p->state = HTTP1_AT_DONE;
    return HTTP1_BODY;
}

static int hex(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http1_event chunk_size(struct http1 *p, struct tsdb_text line)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < line.len && hex((uint8_t)line.at[i]) >= 0; i++) {
        if (i == 15)
            return bad(p, 400, "a chunk size is too long");
        size = size << 4 | (uint64_t)hex((uint8_t)line.at[i]);
    }
    if (i == 0)
        return bad(p, 400, "a chunk size is no hexadecimal number");
    if (i < line.len && line.at[i] != ';')
        return bad(p, 400, "a chunk size is followed by something else");
    for (; i < line.len; i++)
        if (!is_value_char((uint8_t)line.at[i]))
            return bad(p, 400, "a chunk extension holds a control character");
    if (size > p->body_max - p->body_bytes)
        return bad(p, 413, "the body is too large");
    p->body_left = size;
    p->state = size ? HTTP1_AT_CHUNK : HTTP1_AT_TRAILERS;
    return HTTP1_MORE;
}

/* Lines of the body share the head's buffer, behind it, and are forgotten. */
static enum line_result body_line(struct http1 *p, struct bytes *in, size_t max,
                                  struct tsdb_text *line)
{
    size_t len;
    enum line_result got = take_line(p, in, max, &len);
    if (got == LINE_READY)
        *line = head_text(p, p->line, len);
    return got;
}

static enum http1_event at_size(struct http1 *p, struct bytes *in)
{
    struct tsdb_text line;
    enum line_result got = body_line(p, in, HTTP1_CHUNK_LINE_MAX + 2, &line);
    if (got == LINE_MORE)
        return HTTP1_MORE;
    if (got != LINE_READY)
        return line_fault(p, got, 400, "a chunk extension is too long");
    enum http1_event event = chunk_size(p, line);
    p->head.len = p->line;
    return event;
}

static enum http1_event at_chunk(struct http1 *p, struct bytes *in, struct bytes *body)
{
    if (in->len == 0)
        return HTTP1_MORE;
    *body = body_piece(p, in);
    if (p->body_left == 0)
        p->state = HTTP1_AT_CHUNK_END;
    return HTTP1_BODY;
}

static enum http1_event at_chunk_end(struct http1 *p, struct bytes *in)
{
    struct tsdb_text line;
    enum line_result got = body_line(p, in, 2, &line);
    if (got == LINE_MORE)
        return HTTP1_MORE;
    if (got != LINE_READY)
        return bad(p, 400, "a chunk is longer than its size");
    p->head.len = p->line;
    p->state = HTTP1_AT_SIZE;
    return HTTP1_MORE;
}

/* Trailers are checked like fields, and ignored. */
static enum http1_event at_trailers(struct http1 *p, struct bytes *in)
{
    struct tsdb_text line;
    struct http1_field field;
    enum line_result got = body_line(p, in, HTTP1_TRAILERS_MAX + 2 - p->trailer_bytes, &line);
    if (got == LINE_MORE)
        return HTTP1_MORE;
    if (got != LINE_READY)
        return line_fault(p, got, 431, "the trailers are too long");
    p->trailer_bytes += line.len + 2;
    if (line.len == 0)
        p->state = HTTP1_AT_DONE;
    else if (field_split(p, line.len, &field) == HTTP1_BAD)
        return HTTP1_BAD;
    p->head.len = p->line;
    return HTTP1_MORE;
}

/* The only switch over the state. */
static enum http1_event step(struct http1 *p, struct bytes *in, struct bytes *body)
{
    switch (p->state) {
    case HTTP1_AT_START:
    case HTTP1_AT_LINE: return at_line(p, in);
    case HTTP1_AT_FIELDS: return at_fields(p, in);
    case HTTP1_AT_LENGTH: return at_length(p, in, body);
    case HTTP1_AT_SIZE: return at_size(p, in);
    case HTTP1_AT_CHUNK: return at_chunk(p, in, body);
    case HTTP1_AT_CHUNK_END: return at_chunk_end(p, in);
    case HTTP1_AT_TRAILERS: return at_trailers(p, in);
    case HTTP1_AT_DONE: return HTTP1_DONE;
    case HTTP1_AT_BAD: return HTTP1_BAD;
    }
    UNREACHABLE();
}

enum http1_event http1_parse(struct http1 *p, struct bytes *in, struct bytes *body)
{
    enum http1_event event;
    do
        event = step(p, in, body);
    while (event == HTTP1_MORE && (in->len > 0 || p->state == HTTP1_AT_DONE));
    return event;
}
