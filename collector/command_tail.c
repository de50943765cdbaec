/* andon tail: logs as they come.  It speaks Loki's own tail, a WebSocket, with the frame
 * reader the server has as well: no second streaming API, and any Loki can be asked. */
#include "collector/command.h"
#include "collector/command_http.h"
#include "collector/command_socket.h"
#include "collector/net/websocket.h"
#include "collector/self/period.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 32 << 20,
    CONNECT_S = 30,
    SILENCE_S = 60, /* the server pings more often than that */
    READ_BYTES = 64 << 10,
    REASON_MAX = 400, /* of a refusal's text that is shown */
};

struct tail_flags {
    const char *since, *limit, *url, *token_file;
    bool is_json, is_once;
};

/* ---- lines --------------------------------------------------------------------------------- */

struct line {
    int64_t ts;
    const json_t *stream, *text;
};

struct shown {
    bool is_json, is_terminal;
    struct writer out; /* owned */
};

static int older_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->ts > y->ts) - (x->ts < y->ts);
}

static const char *label_of(const json_t *stream, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_object_get(stream, names[i]));
        if (value && value[0])
            return value;
    }
    return NULL;
}

static const char *level_of(const json_t *stream)
{
    static const char *const names[] = {"detected_level", "level", "severity_text", "severity"};
    return label_of(stream, names, sizeof names / sizeof names[0]);
}

static const char *name_of(const json_t *stream)
{
    static const char *const names[] = {"service_name", "service", "app", "job", "container"};
    const char *name = label_of(stream, names, sizeof names / sizeof names[0]);
    void *first = json_object_iter((json_t *)(uintptr_t)stream);
    if (!name && first)
        name = json_string_value(json_object_iter_value(first));
    return name ? name : "-";
}

static const char *color_of(const char *level)
{
    static const struct {
        const char *prefix, *color;
    } colors[] = {
        {"fatal", "\033[1;31m"}, {"crit", "\033[1;31m"}, {"emerg", "\033[1;31m"},
        {"err", "\033[31m"},     {"warn", "\033[33m"},   {"info", "\033[32m"},
        {"debug", "\033[36m"},   {"trace", "\033[90m"},
    };
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        if (strncasecmp(level, colors[i].prefix, strlen(colors[i].prefix)) == 0)
            return colors[i].color;
    return "";
}

static void put_plain(struct shown *s, const struct line *line)
{
    enum { LEVEL_WIDTH = 5 };
    char time[RFC3339_MAX];
    const char *level = level_of(line->stream);
    const char *color = s->is_terminal && level ? color_of(level) : "";
    rfc3339_format(line->ts, 3, time);
    writer_format(&s->out, "%s %s", time, color);
    size_t start = s->out.len;
    command_put_text(&s->out, text_of(level ? level : "-"));
    while (s->out.len - start < LEVEL_WIDTH)
        writer_u8(&s->out, ' ');
    writer_text(&s->out, color[0] ? "\033[0m " : " ");
    command_put_text(&s->out, text_of(name_of(line->stream)));
    writer_u8(&s->out, ' ');
    struct tsdb_text text = {json_string_value(line->text), json_string_length(line->text)};
    if (s->is_terminal)
        command_put_text(&s->out, text);
    else
        writer_put(&s->out, text.at, text.len);
    writer_u8(&s->out, '\n');
}

static int put_dumped(const char *at, size_t len, void *arg)
{
    writer_put(arg, at, len);
    return 0;
}

static void put_json(struct shown *s, const struct line *line)
{
    char ts[24];
    ts[i64_format(line->ts, ts)] = '\0';
    json_t *object =
        json_pack("{s:s, s:O, s:O}", "timestamp", ts, "labels", line->stream, "line", line->text);
    if (object)
        (void)json_dump_callback(object, put_dumped, &s->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    writer_u8(&s->out, '\n');
    json_decref(object);
}

/* Entries of an answer's streams; how many.  NULL lines: only counts. */
static size_t collect(const json_t *streams, struct line *lines)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(streams); i++) {
        const json_t *stream = json_array_get(streams, i);
        const json_t *values = json_object_get(stream, "values");
        for (size_t k = 0; k < json_array_size(values); k++) {
            const json_t *entry = json_array_get(values, k);
            const char *ts = json_string_value(json_array_get(entry, 0));
            if (!ts || !json_is_string(json_array_get(entry, 1)))
                continue;
            if (lines)
                lines[n] = (struct line){strtoll(ts, NULL, 10), json_object_get(stream, "stream"),
                                         json_array_get(entry, 1)};
            n++;
        }
    }
    return n;
}

/* False: stdout is closed. */
static bool print_streams(struct shown *s, const json_t *streams)
{
    size_t count = collect(streams, NULL);
    struct line *lines = MEM_ARRAY(struct line, count + 1);
    (void)collect(streams, lines);
    qsort(lines, count, sizeof *lines, older_first);
    for (size_t i = 0; i < count; i++)
        if (s->is_json)
            put_json(s, &lines[i]);
        else
            put_plain(s, &lines[i]);
    mem_free(lines);
    return command_print(&s->out);
}

static void warn_dropped(const json_t *dropped)
{
    if (json_array_size(dropped) == 0)
        return;
    const json_t *labels = json_object_get(json_array_get(dropped, 0), "labels");
    const char *count = json_string_value(json_object_get(labels, "dropped"));
    (void)command_fail(0, "warning: %s lines were left out: they come faster than they are read",
                       count ? count : "some");
}

static bool print_frame(struct shown *s, struct bytes text)
{
    json_t *root = json_loadb((const char *)text.at, text.len, 0, NULL);
    if (!root)
        return command_fail(COMMAND_FAILED, "the server's frame is no JSON") == COMMAND_OK;
    bool is_printed = print_streams(s, json_object_get(root, "streams"));
    warn_dropped(json_object_get(root, "dropped_entries"));
    json_decref(root);
    return is_printed;
}

/* ---- following ------------------------------------------------------------------------------- */

struct follower {
    struct command_socket socket;
    struct websocket_reader reader;
    struct writer wire; /* owned: the head, and what came with it */
    struct shown *shown;
};

static void put_handshake(struct writer *w, const struct http_url *url, struct bytes query,
                          const char *key, const char *token)
{
    bool is_v6 = strchr(url->host, ':') != NULL;
    writer_format(w, "GET %s/loki/api/v1/tail?%.*s HTTP/1.1\r\n", url->prefix, (int)query.len,
                  (const char *)query.at);
    writer_format(w, is_v6 ? "Host: [%s]:%s\r\n" : "Host: %s:%s\r\n", url->host, url->port);
    writer_format(w,
                  "User-Agent: andon/" ANDON_VERSION "\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
                  key);
    if (token)
        writer_format(w, "Authorization: Bearer %s\r\n", token);
    writer_text(w, "\r\n");
}

/* 16 bytes in base64. */
static void make_key(char out[BASE64_BYTES(16) + 1])
{
    uint8_t bytes[16];
    random_secret(bytes, sizeof bytes);
    out[base64_encode(bytes, sizeof bytes, out)] = '\0';
}

/* Reads up to the end of the head; its length, or 0. */
static size_t read_head(struct follower *f, struct tsdb_error *err)
{
    for (;;) {
        const uint8_t *end = f->wire.len ? memmem(f->wire.at, f->wire.len, "\r\n\r\n", 4) : NULL;
        size_t n;
        if (end)
            return (size_t)(end - f->wire.at) + 4;
        if (f->wire.len > HTTP_HEAD_MAX) {
            (void)tsdb_fail(err, TSDB_ELIMIT, "the answer's head is too long");
            return 0;
        }
        enum tsdb_status st =
            command_read(&f->socket, writer_reserve(&f->wire, READ_BYTES), READ_BYTES, &n, err);
        if (st != TSDB_OK) {
            if (st == TSDB_END)
                (void)tsdb_fail(err, TSDB_ECORRUPT, "the answer is cut off");
            return 0;
        }
        f->wire.len += n;
    }
}

static bool is_accepted(const struct follower *f, size_t head, const char *key)
{
    char accept[32];
    websocket_accept_key(text_of(key), accept);
    return f->wire.len > 12 && memcmp(f->wire.at, "HTTP/1.1 101", 12) == 0 &&
           memmem(f->wire.at, head, accept, strlen(accept));
}

/* What a server that refuses says: its text is the body. */
static int fail_refused(struct follower *f)
{
    struct tsdb_error err = {0};
    struct http_answer answer = {0};
    size_t n;
    while (f->wire.len < HTTP_HEAD_MAX && /* until it parses, or the other side has ended */
           http_answer_parse(writer_bytes(&f->wire), &answer, &err) != TSDB_OK &&
           command_read(&f->socket, writer_reserve(&f->wire, READ_BYTES), READ_BYTES, &n, &err) ==
               TSDB_OK) {
        f->wire.len += n;
        writer_reset(&answer.body);
    }
    size_t len = answer.body.len < REASON_MAX ? answer.body.len : REASON_MAX;
    while (len > 0 && answer.body.at[len - 1] == '\n')
        len--;
    int status = command_fail(COMMAND_FAILED, "HTTP %d: %.*s", answer.status, (int)len,
                              len ? (const char *)answer.body.at : "no WebSocket");
    writer_release(&answer.body);
    return status;
}

static void answer_ping(struct follower *f, struct bytes payload)
{
    struct writer frame = {0};
    uint8_t mask[4];
    random_secret(mask, sizeof mask);
    websocket_put(&frame, WEBSOCKET_OP_PONG, mask, payload);
    (void)!command_write(&f->socket, writer_bytes(&frame), NULL); /* the next read tells */
    writer_release(&frame);
}

/* False: it is over, and *exit_status says how. */
static bool take(struct follower *f, struct bytes in, int *exit_status)
{
    struct bytes payload;
    enum websocket_event event;
    *exit_status = COMMAND_FAILED;
    while ((event = websocket_read(&f->reader, &in, &payload)) != WEBSOCKET_MORE) {
        if (event == WEBSOCKET_TEXT && !print_frame(f->shown, payload))
            return false;
        if (event == WEBSOCKET_PING)
            answer_ping(f, payload);
        if (event == WEBSOCKET_BAD)
            (void)command_fail(0, "the server's frames do not parse");
        if (event == WEBSOCKET_CLOSE)
            (void)command_fail(0, "the server has closed: %s",
                               f->reader.code == WEBSOCKET_GOING_AWAY ? "it is stopping"
                                                                      : "it cannot go on");
        if (event == WEBSOCKET_BAD || event == WEBSOCKET_CLOSE)
            return false;
    }
    return true;
}

static int read_frames(struct follower *f, size_t head)
{
    struct tsdb_error err = {0};
    enum tsdb_status st = TSDB_OK;
    int exit_status;
    uint8_t *buffer = mem_alloc(MESSAGE_MAX);
    websocket_reader_init(&f->reader, false, buffer, MESSAGE_MAX);
    bool goes_on = take(f, (struct bytes){f->wire.at + head, f->wire.len - head}, &exit_status);
    while (goes_on) {
        size_t n;
        f->socket.deadline_ns = clock_mono_ns(clock_real()) + SILENCE_S * NS_PER_S;
        writer_reset(&f->wire);
        st = command_read(&f->socket, writer_reserve(&f->wire, READ_BYTES), READ_BYTES, &n, &err);
        if (st != TSDB_OK)
            break;
        goes_on = take(f, (struct bytes){f->wire.at, n}, &exit_status);
    }
    mem_free(buffer);
    if (st == TSDB_END)
        return command_fail(COMMAND_FAILED, "the server has gone");
    return st == TSDB_OK ? exit_status : command_fail(COMMAND_FAILED, "%s", err.msg);
}

static int follow(const struct http_url *url, struct bytes query, const char *token,
                  struct shown *shown)
{
    struct follower f = {.shown = shown};
    struct tsdb_error err = {0};
    char key[25];
    if (command_connect(url->host, url->port, false, CONNECT_S * NS_PER_S, &f.socket, &err) !=
        TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    make_key(key);
    put_handshake(&f.wire, url, query, key, token);
    enum tsdb_status st = command_write(&f.socket, writer_bytes(&f.wire), &err);
    writer_reset(&f.wire);
    size_t head = st == TSDB_OK ? read_head(&f, &err) : 0;
    int exit_status;
    if (head == 0)
        exit_status = command_fail(COMMAND_FAILED, "%s", err.msg);
    else if (!is_accepted(&f, head, key))
        exit_status = fail_refused(&f);
    else
        exit_status = read_frames(&f, head);
    command_disconnect(&f.socket);
    writer_release(&f.wire);
    return exit_status;
}

/* ---- once --------------------------------------------------------------------------------------
 */

static int show_once(const struct http_url *url, struct bytes form, const char *token,
                     struct shown *shown)
{
    struct http_ask request = {.url = url,
                               .path = "/loki/api/v1/query_range",
                               .form = form,
                               .token = token,
                               .timeout_ns = 120 * NS_PER_S};
    struct http_answer answer = {0};
    struct tsdb_error err = {0};
    int exit_status = COMMAND_FAILED;
    if (http_request(&request, &answer, &err) != TSDB_OK) {
        (void)command_fail(0, "%s", err.msg);
    } else if (answer.status != 200) {
        size_t len = answer.body.len < REASON_MAX ? answer.body.len : REASON_MAX;
        while (len > 0 && answer.body.at[len - 1] == '\n')
            len--;
        (void)command_fail(0, "HTTP %d: %.*s", answer.status, (int)len,
                           len ? (const char *)answer.body.at : "");
    } else {
        json_t *root = json_loadb((const char *)answer.body.at, answer.body.len, 0, NULL);
        const json_t *data = json_object_get(root, "data");
        const char *kind = json_string_value(json_object_get(data, "resultType"));
        if (!kind || strcmp(kind, "streams") != 0)
            (void)command_fail(0, "the answer has no lines: a log query is wanted");
        else if (print_streams(shown, json_object_get(data, "result")))
            exit_status = COMMAND_OK;
        json_decref(root);
    }
    writer_release(&answer.body);
    return exit_status;
}

/* ---- the command
 * ---------------------------------------------------------------------------------- */

static int put_start(struct writer *form, const char *since)
{
    int64_t ns;
    char text[24];
    if (!period_parse(text_of(since), &ns))
        return command_fail(COMMAND_USAGE, "--since is \"%s\", want a duration such as 5m", since);
    text[i64_format(clock_wall_ns(clock_real()) - ns, text)] = '\0';
    http_form_put(form, "start", text);
    return COMMAND_OK;
}

static int ask(const char *query, const struct tail_flags *f, const char *token)
{
    struct http_url url;
    struct tsdb_error err = {0};
    struct writer form = {0};
    struct shown shown = {.is_json = f->is_json, .is_terminal = isatty(STDOUT_FILENO) == 1};
    const char *where = f->url ? f->url : getenv("ANDON_URL");
    if (http_url_parse(where ? where : "http://127.0.0.1:4318", &url, &err) != TSDB_OK)
        return command_fail(COMMAND_USAGE, "%s", err.msg);
    http_form_put(&form, "query", query);
    http_form_put(&form, "limit", f->limit);
    int exit_status = put_start(&form, f->since);
    if (exit_status == COMMAND_OK && f->is_once)
        exit_status = show_once(&url, writer_bytes(&form), token, &shown);
    else if (exit_status == COMMAND_OK)
        exit_status = follow(&url, writer_bytes(&form), token, &shown);
    writer_release(&form);
    writer_release(&shown.out);
    return exit_status;
}

int command_tail(int argc, const char *const *argv)
{
    const char *query = NULL;
    struct tail_flags f = {.since = "1h", .limit = "10"};
    const struct command_flag flags[] = {
        {.name = "--since", .value = &f.since},   {.name = "--limit", .value = &f.limit},
        {.name = "--json", .is_set = &f.is_json}, {.name = "--no-follow", .is_set = &f.is_once},
        {.name = "--url", .value = &f.url},       {.name = "--token-file", .value = &f.token_file},
    };
    const struct command_line line = {"tail QUERY [--since 1h] [--limit 10] [--no-follow] [--json] "
                                      "[--url http://127.0.0.1:4318] [--token-file FILE]",
                                      flags, sizeof flags / sizeof flags[0], &query, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    char *token = f.token_file ? command_read_secret(f.token_file) : NULL;
    if (f.token_file && !token)
        return COMMAND_FAILED;
    int exit_status = ask(query, &f, token);
    mem_free(token);
    return exit_status;
}
