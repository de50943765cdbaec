#include "collector/net/http2_answer.h"

#include "collector/net/conn.h"
#include "collector/net/grpc.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 128 }; /* more are left out */

struct fields {
    nghttp2_nv at[FIELDS_MAX];
    size_t count;
};

static uint8_t *no_const(const void *at)
{
    uint8_t *out; /* nghttp2 takes pointers that are not const, and copies */
    memcpy(&out, &at, sizeof out);
    return out;
}

static void add(struct fields *f, struct tsdb_text name, struct tsdb_text value)
{
    if (f->count < FIELDS_MAX)
        f->at[f->count++] =
            (nghttp2_nv){no_const(name.at), no_const(value.at), name.len, value.len, 0};
}

/* Field lines "name: value\r\n", written by answer_line, cut up again. */
static void add_lines(struct fields *f, const struct writer *lines)
{
    const char *at = (const char *)lines->at;
    const char *end = at + lines->len;
    while (at && at < end) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon ? memchr(colon, '\r', (size_t)(end - colon)) : NULL;
        if (!stop)
            return;
        struct tsdb_text name = {at, (size_t)(colon - at)};
        struct tsdb_text value = {colon + 2, (size_t)(stop - colon - 2)};
        add(f, name, value);
        at = stop + 2;
    }
}

static void free_part(struct http2_answer *a)
{
    if (a->part)
        part_free(a->x, a->part);
    a->part = NULL;
}

static void send_trailers(struct http2_answer *a, nghttp2_session *session)
{
    struct fields f = {.count = 0};
    add_lines(&f, &a->x->out.grpc_trailers); /* constant since the answer ended */
    (void)nghttp2_submit_trailer(session, a->id, f.at, f.count);
}

/* Ends the data; the answer is complete. */
static void finish(struct http2_answer *a, nghttp2_session *session, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    a->is_finished = true;
    if (a->x->out.grpc_status < 0)
        return;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    send_trailers(a, session);
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2 asks for seven parameters */
static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)id;
    (void)user;
    struct http2_answer *a = source->ptr;
    if (!a->x)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t n = 0;
    while (n < room) {
        enum pull got = a->part ? PULL_PART : exchange_pull(a->x, &a->part);
        if (got == PULL_END) {
            finish(a, session, flags);
            break;
        }
        if (got == PULL_NOTHING) {
            if (n == 0) {
                a->is_deferred = true;
                a->drain_start = INT64_MAX;
                return NGHTTP2_ERR_DEFERRED;
            }
            break;
        }
        size_t left = a->part->len - a->part->off;
        size_t take = left < room - n ? left : room - n;
        memcpy(out + n, a->part->bytes + a->part->off, take);
        n += take;
        a->part->off += take;
        if (a->part->off == a->part->len)
            free_part(a);
    }
    a->drained += n;
    return (ssize_t)n;
}

static void submit(struct http2_answer *a, nghttp2_session *session, const struct answer_head *head)
{
    struct exchange *x = a->x;
    char status[16], length[24];
    struct fields f = {.count = 0};
    int n = snprintf(status, sizeof status, "%d", head->status);
    add(&f, text_of(":status"), (struct tsdb_text){status, (size_t)n});
    if (head->length >= 0 && head->status != 204 && head->status != 304) {
        size_t digits = i64_format(head->length, length);
        add(&f, text_of("content-length"), (struct tsdb_text){length, digits});
    }
    add_lines(&f, &head->lines);
    bool is_bodiless = x->is_head || head->status == 204 || head->status == 304;
    bool is_fault = x->out.grpc_status > 0;
    if (is_fault)
        add_lines(&f, &x->out.grpc_trailers);
    nghttp2_data_provider data = {.source.ptr = a, .read_callback = read_data};
    bool has_data = !is_bodiless && !is_fault && head->length != 0;
    a->is_submitted = true;
    a->is_finished = !has_data;
    a->drain_start = has_data ? loop_now(a->loop) : INT64_MAX;
    a->drained = 0;
    (void)nghttp2_submit_response(session, a->id, f.at, f.count, has_data ? &data : NULL);
}

void http2_answer_pump(struct http2_answer *a, nghttp2_session *session)
{
    const struct answer_head *head = a->x ? exchange_pull_head(a->x) : NULL;
    if (!head)
        return;
    if (!a->is_submitted) {
        submit(a, session, head);
    } else if (a->is_deferred) {
        a->is_deferred = false;
        a->drain_start = loop_now(a->loop);
        a->drained = 0;
        (void)nghttp2_session_resume_data(session, a->id);
    }
}

void http2_answer_timeout(struct http2_answer *a, nghttp2_session *session)
{
    struct fields f = {.count = 0};
    struct writer lines = {0};
    grpc_trailers(GRPC_DEADLINE_EXCEEDED, "the deadline of the call has passed", 0, &lines);
    add(&f, text_of(":status"), text_of("200"));
    add(&f, text_of("content-type"), text_of("application/grpc"));
    add_lines(&f, &lines);
    a->is_submitted = true;
    (void)nghttp2_submit_response(session, a->id, f.at, f.count, NULL);
    writer_release(&lines);
}

bool http2_answer_is_late(const struct http2_answer *a, int64_t now, int64_t drain_ms)
{
    if (!a->is_submitted || a->is_finished || now < a->drain_start)
        return false;
    int64_t more = (int64_t)(a->drained / CONN_DRAIN_RATE) * NS_PER_S;
    return now - a->drain_start >= drain_ms * NS_PER_MS + more;
}

void http2_answer_release(struct http2_answer *a)
{
    struct exchange *x = a->x;
    if (!x)
        return;
    free_part(a);
    if (a->is_submitted)
        exchange_answered(x);
    a->x = NULL;
    exchange_detach(x);
}
