#include "collector/command_http.h"

#include "collector/command_socket.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum tsdb_status http_url_parse(const char *text, struct http_url *out, struct tsdb_error *err)
{
    static const char scheme[] = "http://";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return tsdb_fail(err, TSDB_EINVAL, "%.100s: want http://HOST:PORT", text);
    const char *authority = text + sizeof scheme - 1;
    size_t len = strcspn(authority, "/"), prefix_len = strlen(authority + len);
    struct tsdb_text address = {authority, len};
    char with_port[300];
    if (len < 256 && !memchr(authority, ':', len)) {
        int n = snprintf(with_port, sizeof with_port, "%.*s:80", (int)len, authority);
        address = (struct tsdb_text){with_port, (size_t)n};
    }
    while (prefix_len > 0 && authority[len + prefix_len - 1] == '/')
        prefix_len--;
    if (!command_address(address, out->host, out->port) || prefix_len >= sizeof out->prefix ||
        strpbrk(authority, " \r\n?#@"))
        return tsdb_fail(err, TSDB_EINVAL, "%.100s: want http://HOST:PORT", text);
    memcpy(out->prefix, authority + len, prefix_len);
    out->prefix[prefix_len] = '\0';
    return TSDB_OK;
}

void http_form_put(struct writer *form, const char *name, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    if (form->len > 0)
        writer_u8(form, '&');
    writer_text(form, name);
    writer_u8(form, '=');
    for (; *value; value++) {
        if (strchr(plain, *value))
            writer_u8(form, (uint8_t)*value);
        else
            writer_format(form, "%%%02X", (unsigned char)*value);
    }
}

/* ---- the answer ------------------------------------------------------------------------ */

/* One line without its CR LF; false when there is none. */
static bool line_take(struct reader *r, struct tsdb_text *line)
{
    const uint8_t *end = r->rest.len ? memmem(r->rest.at, r->rest.len, "\r\n", 2) : NULL;
    if (!end)
        return false;
    struct bytes raw = reader_take(r, (size_t)(end - r->rest.at));
    (void)reader_take(r, 2);
    *line = (struct tsdb_text){(const char *)raw.at, raw.len};
    return true;
}

static bool header_is(struct tsdb_text line, const char *name, struct tsdb_text *value)
{
    size_t n = strlen(name);
    if (line.len <= n || strncasecmp(line.at, name, n) != 0 || line.at[n] != ':')
        return false;
    *value = (struct tsdb_text){line.at + n + 1, line.len - n - 1};
    while (value->len > 0 && (*value->at == ' ' || *value->at == '\t')) {
        value->at++;
        value->len--;
    }
    return true;
}

/* Digits of base 10 or 16 at the start of text; how many, 0 for none or too large. */
static size_t number_parse(struct tsdb_text text, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < text.len && v <= HTTP_BODY_MAX; i++) {
        char c = text.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit >= base)
            break;
        v = v * base + digit;
    }
    *out = v;
    return v <= HTTP_BODY_MAX ? i : 0;
}

static enum tsdb_status chunks_take(struct reader *r, struct writer *body, struct tsdb_error *err)
{
    for (;;) {
        struct tsdb_text line;
        uint64_t size;
        if (!line_take(r, &line) || number_parse(line, 16, &size) == 0)
            return tsdb_fail(err, TSDB_ECORRUPT, "the answer's chunks do not parse");
        if (size == 0)
            return TSDB_OK; /* trailers do not matter */
        struct bytes part = reader_take(r, (size_t)size);
        struct bytes end = reader_take(r, 2);
        if (r->fault || memcmp(end.at, "\r\n", 2) != 0)
            return tsdb_fail(err, TSDB_ECORRUPT, "the answer is cut off");
        writer_put(body, part.at, part.len);
    }
}

struct head {
    int status;
    bool is_chunked, has_length;
    uint64_t length;
};

static enum tsdb_status head_take(struct reader *r, struct head *head, struct tsdb_error *err)
{
    struct tsdb_text line, value;
    uint64_t status;
    if (!line_take(r, &line) || line.len < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 ||
        number_parse((struct tsdb_text){line.at + 9, 3}, 10, &status) != 3)
        return tsdb_fail(err, TSDB_ECORRUPT, "the answer is no HTTP/1.1");
    *head = (struct head){.status = (int)status};
    for (;;) {
        if (!line_take(r, &line))
            return tsdb_fail(err, TSDB_ECORRUPT, "the answer's head is cut off");
        if (line.len == 0)
            return TSDB_OK;
        if (header_is(line, "transfer-encoding", &value)) {
            head->is_chunked = true;
        } else if (header_is(line, "content-length", &value)) {
            head->has_length = true;
            if (number_parse(value, 10, &head->length) == 0)
                return tsdb_fail(err, TSDB_ECORRUPT, "the answer's length does not parse");
        }
    }
}

enum tsdb_status http_answer_parse(struct bytes wire, struct http_answer *answer,
                                   struct tsdb_error *err)
{
    struct reader r = reader_over(wire);
    struct head head;
    enum tsdb_status st = head_take(&r, &head, err);
    while (st == TSDB_OK && head.status / 100 == 1) /* "100 Continue" and the like */
        st = head_take(&r, &head, err);
    if (st != TSDB_OK)
        return st;
    answer->status = head.status;
    if (head.is_chunked)
        return chunks_take(&r, &answer->body, err);
    struct bytes body = head.has_length ? reader_take(&r, (size_t)head.length) : r.rest;
    if (r.fault)
        return tsdb_fail(err, TSDB_ECORRUPT, "the answer is cut off");
    writer_put(&answer->body, body.at, body.len);
    return TSDB_OK;
}

/* ---- the request ----------------------------------------------------------------------- */

static enum tsdb_status read_all(struct command_socket *s, struct writer *wire,
                                 struct tsdb_error *err)
{
    enum { PART = 64 << 10 };
    for (;;) {
        size_t n;
        enum tsdb_status st = command_read(s, writer_reserve(wire, PART), PART, &n, err);
        if (st == TSDB_END)
            return TSDB_OK;
        if (st != TSDB_OK)
            return st;
        wire->len += n;
        if (wire->len > HTTP_HEAD_MAX + (size_t)HTTP_BODY_MAX)
            return tsdb_fail(err, TSDB_ELIMIT, "the answer has more than %d MiB",
                             HTTP_BODY_MAX >> 20);
    }
}

static void put_request(struct writer *w, const struct http_ask *ask)
{
    bool is_v6 = strchr(ask->url->host, ':') != NULL;
    writer_format(w, "%s %s%s", ask->is_get ? "GET" : "POST", ask->url->prefix, ask->path);
    if (ask->is_get && ask->form.len > 0) {
        writer_u8(w, '?');
        writer_put(w, ask->form.at, ask->form.len);
    }
    writer_text(w, " HTTP/1.1\r\n");
    writer_format(w, is_v6 ? "Host: [%s]:%s\r\n" : "Host: %s:%s\r\n", ask->url->host,
                  ask->url->port);
    writer_text(w, "User-Agent: andon/" ANDON_VERSION "\r\nConnection: close\r\n"
                   "Accept-Encoding: identity\r\n");
    if (ask->token)
        writer_format(w, "Authorization: Bearer %s\r\n", ask->token);
    if (ask->is_get) {
        writer_text(w, "\r\n");
        return;
    }
    writer_format(w,
                  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n",
                  ask->form.len);
    writer_put(w, ask->form.at, ask->form.len);
}

enum tsdb_status http_request(const struct http_ask *ask, struct http_answer *answer,
                              struct tsdb_error *err)
{
    struct command_socket s;
    struct writer wire = {0};
    enum tsdb_status st =
        command_connect(ask->url->host, ask->url->port, false, ask->timeout_ns, &s, err);
    if (st != TSDB_OK)
        return st;
    put_request(&wire, ask);
    st = command_write(&s, writer_bytes(&wire), err);
    writer_reset(&wire);
    if (st == TSDB_OK)
        st = read_all(&s, &wire, err);
    if (st == TSDB_OK)
        st = http_answer_parse(writer_bytes(&wire), answer, err);
    command_disconnect(&s);
    writer_release(&wire);
    return st;
}
