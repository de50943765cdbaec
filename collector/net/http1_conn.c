#include "collector/net/http1_conn.h"

#include "collector/net/answer.h"
#include "collector/net/carrier.h"
#include "collector/net/http1.h"
#include "collector/net/router.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_WAIT, PHASE_BODY, PHASE_ANSWER, PHASE_UPGRADED };
enum step { STEP_AGAIN, STEP_WAIT };

enum { HTTP1_GATHER_BYTES = 64 << 10, HTTP1_KEEP_BYTES = 4 * HTTP1_GATHER_BYTES };

struct http1_conn {
    struct http1 parser;
    enum phase phase;
    struct exchange *x; /* from the head to the end of its answer */
    bool keeps_alive, is_streaming, is_chunked, is_head_sent, is_done_read;
    int64_t body_start; /* monotonic ns */
    struct writer out;  /* owned; empty between calls */
    size_t charged;     /* for the parser's and our buffer */
};

static void on_answer(void *carrier, struct exchange *x);
static void on_admitted(void *carrier, struct exchange *x, bool is_admitted);

static const struct carrier_ops ops = {.answer = on_answer, .admitted = on_admitted};

/* ---- answers ---- */

/* From here on the bytes are the other protocol's; what it was sent already waits. */
static void put_upgrade(struct conn *c, const struct answer_head *head)
{
    struct http1_conn *h = c->state;
    writer_format(&h->out, "HTTP/1.1 %d %s\r\n", head->status, answer_reason(head->status));
    writer_put(&h->out, head->lines.at, head->lines.len);
    writer_text(&h->out, "\r\n");
    h->is_head_sent = true;
    h->keeps_alive = h->is_chunked = c->is_half_sent = false;
    h->phase = PHASE_UPGRADED;
    conn_resume(c);
}

static void put_head(struct conn *c, const struct answer_head *head)
{
    struct http1_conn *h = c->state;
    struct exchange *x = h->x;
    if (x->input) {
        put_upgrade(c, head);
        return;
    }
    h->phase = PHASE_ANSWER;
    h->is_streaming = head->length < 0;
    h->is_chunked = h->is_streaming && h->parser.is_1_1 && !x->is_head;
    bool is_bodiless = head->status == 204 || head->status == 304;
    if (h->is_streaming && !h->is_chunked && !x->is_head)
        h->keeps_alive = false; /* HTTP/1.0: the body ends with the connection */
    if (atomic_load_explicit(&c->site->is_draining, memory_order_relaxed) || !h->is_done_read)
        h->keeps_alive = false;
    writer_format(&h->out, "HTTP/1.1 %d %s\r\n", head->status, answer_reason(head->status));
    writer_put(&h->out, head->lines.at, head->lines.len);
    if (h->is_chunked)
        writer_text(&h->out, "transfer-encoding: chunked\r\n");
    else if (!h->is_streaming && !is_bodiless)
        writer_format(&h->out, "content-length: %lld\r\n", (long long)head->length);
    if (!h->keeps_alive)
        writer_text(&h->out, "connection: close\r\n");
    else if (!h->parser.is_1_1)
        writer_text(&h->out, "connection: keep-alive\r\n");
    writer_text(&h->out, "\r\n");
    h->is_head_sent = true;
}

static void put_part(struct http1_conn *h, const struct part *part)
{
    if (h->is_chunked)
        writer_format(&h->out, "%zx\r\n", part->len);
    writer_put(&h->out, part->bytes, part->len);
    if (h->is_chunked)
        writer_text(&h->out, "\r\n");
}

static bool send_out(struct conn *c)
{
    struct http1_conn *h = c->state;
    bool is_sent = h->out.len == 0 || conn_write(c, writer_bytes(&h->out));
    if (h->out.cap > HTTP1_KEEP_BYTES)
        writer_release(&h->out);
    writer_reset(&h->out);
    return is_sent;
}

/* The answer was handed on in full: ready for the next request, or the end. */
static void answer_done(struct conn *c)
{
    struct http1_conn *h = c->state;
    struct exchange *x = h->x;
    exchange_answered(x);
    h->x = NULL;
    exchange_detach(x);
    c->is_half_sent = false;
    if (!h->keeps_alive) {
        conn_finish(c, h->parser.state == HTTP1_AT_BAD ? CLOSING_MALFORMED : CLOSING_DONE);
        return;
    }
    http1_reset(&h->parser);
    h->phase = PHASE_IDLE;
    h->is_head_sent = h->is_done_read = false;
    conn_deadline(c, c->site->limits.idle_ms);
    conn_resume(c);
}

/* Moves what the handler has answered into the connection, up to its mark. */
static void pump(struct conn *c)
{
    struct http1_conn *h = c->state;
    if (!h->x || c->is_closing || c->is_finishing)
        return;
    const struct answer_head *head = exchange_pull_head(h->x);
    if (!head)
        return;
    if (!h->is_head_sent)
        put_head(c, head);
    enum pull got = PULL_PART;
    while (conn_queued(c) + h->out.len < CONN_OUTPUT_HIGH) {
        struct part *part;
        got = exchange_pull(h->x, &part);
        if (got != PULL_PART)
            break;
        put_part(h, part);
        part_free(h->x, part);
        if (h->out.len >= HTTP1_GATHER_BYTES && !send_out(c))
            return;
    }
    if (got == PULL_END && h->is_chunked)
        writer_text(&h->out, "0\r\n\r\n");
    if (send_out(c) && got == PULL_END)
        answer_done(c);
}

static void on_answer(void *carrier, struct exchange *x)
{
    struct conn *c = carrier;
    struct http1_conn *h = c->state;
    ASSERT(h->x == x);
    conn_enter(c);
    pump(c);
    conn_leave(c);
}

/* An answer to what never became an exchange. */
static void answer_bare(struct conn *c, int status, const char *reason, enum closing why)
{
    struct http1_conn *h = c->state;
    struct exchange_answer answer = {.status = status, .content_type = "text/plain; charset=utf-8"};
    writer_format(&h->out, "HTTP/1.1 %d %s\r\n", status, answer_reason(status));
    answer_lines(c->site, &answer, false, &h->out);
    if (status == 503)
        writer_format(&h->out, "retry-after: %lld\r\n", (long long)exchange_retry_after_s());
    writer_format(&h->out, "content-length: %zu\r\nconnection: close\r\n\r\n%d %s\n",
                  strlen(reason) + 5, status, reason);
    tally_add(&c->site->tally.requests, 1);
    tally_add(&c->site->tally.requests_refused, 1);
    counters_request((struct tsdb_text){"", 0}, status, 0);
    if (send_out(c))
        conn_finish(c, why);
}

/* ---- requests ---- */

static bool copy_text(struct exchange *x, struct tsdb_text from, struct tsdb_text *to)
{
    char *at = ARENA_ARRAY(&x->arena, char, from.len + 1);
    if (!at)
        return false;
    if (from.len)
        memcpy(at, from.at, from.len);
    *to = (struct tsdb_text){at, from.len};
    return true;
}

/* Copies the head into the exchange, which may outlive the connection. */
static bool fill(struct conn *c, struct exchange *x)
{
    struct http1_conn *h = c->state;
    struct http1 *p = &h->parser;
    struct tsdb_text target;
    if (!copy_text(x, http1_method(p), &x->method) || !copy_text(x, http1_target(p), &target) ||
        !exchange_set_headers(x, p->field_count))
        return false;
    for (uint32_t i = 0; i < p->field_count; i++)
        if (!copy_text(x, http1_name(p, i), &x->headers[i].name) ||
            !copy_text(x, http1_value(p, i), &x->headers[i].value))
            return false;
    x->header_count = p->field_count;
    exchange_set_target(x, target);
    exchange_look(x);
    x->is_grpc = false; /* gRPC needs the trailers of HTTP/2 */
    x->is_tls = c->is_tls;
    x->takes_upgrade = p->is_1_1 && !p->has_body && text_equal(x->method, text_of("GET"));
    x->door = c->door;
    memcpy(x->peer, c->peer, sizeof c->peer);
    return true;
}

static void start_body(struct conn *c)
{
    struct http1_conn *h = c->state;
    h->phase = PHASE_BODY;
    h->body_start = loop_now(c->loop);
    if (h->parser.expects_continue) {
        static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)conn_write(c, (struct bytes){(const uint8_t *)line, sizeof line - 1});
    }
    int64_t body_ms = c->site->limits.body_ms;
    conn_deadline(c, body_ms < RATE_LOOK_MS ? body_ms : RATE_LOOK_MS);
}

static enum step on_head(struct conn *c)
{
    struct http1_conn *h = c->state;
    h->keeps_alive = h->parser.keeps_alive;
    struct exchange *x = exchange_new(c->site, c->loop, &ops, c);
    h->x = x;
    if (!fill(c, x)) {
        h->x = NULL;
        exchange_detach(x);
        answer_bare(c, 503, "out of memory for the request", CLOSING_LIMIT);
        return STEP_WAIT;
    }
    h->is_done_read = !h->parser.has_body;
    switch (router_admit(x)) {
    case ADMIT_YES: start_body(c); return STEP_AGAIN;
    case ADMIT_NO: return c->is_finishing || c->is_closing || h->x ? STEP_WAIT : STEP_AGAIN;
    case ADMIT_WAIT:
        h->phase = PHASE_WAIT;
        conn_deadline(c, c->site->limits.body_ms);
        return STEP_WAIT;
    }
    UNREACHABLE();
}

static void on_admitted(void *carrier, struct exchange *x, bool is_admitted)
{
    struct conn *c = carrier;
    struct http1_conn *h = c->state;
    ASSERT(h->x == x);
    conn_enter(c);
    if (is_admitted && h->phase == PHASE_WAIT) {
        start_body(c);
        conn_resume(c);
    }
    conn_leave(c);
}

static enum step on_body(struct conn *c, struct bytes piece)
{
    struct http1_conn *h = c->state;
    uint64_t hint = h->parser.is_chunked ? 0 : h->parser.body_left;
    if (exchange_add_body(h->x, piece, hint))
        return STEP_AGAIN;
    conn_deadline(c, 0);
    exchange_refuse(h->x, &(struct refusal){.status = 503,
                                            .text = "out of memory for the body",
                                            .retry_after_s = exchange_retry_after_s()});
    return STEP_WAIT;
}

static enum step on_done(struct conn *c)
{
    struct http1_conn *h = c->state;
    conn_deadline(c, 0);
    h->phase = PHASE_ANSWER;
    h->is_done_read = true;
    exchange_began(h->x);
    h->x->message = (struct bytes){h->x->body, h->x->body_len};
    router_run(h->x);
    return h->phase == PHASE_IDLE ? STEP_AGAIN : STEP_WAIT;
}

static enum step on_bad(struct conn *c)
{
    struct http1_conn *h = c->state;
    conn_deadline(c, 0);
    enum closing why = h->parser.status == 413 ? CLOSING_TOO_LARGE : CLOSING_MALFORMED;
    struct exchange *x = h->x;
    h->x = NULL;
    if (x)
        exchange_detach(x);
    answer_bare(c, h->parser.status, h->parser.reason, why);
    return STEP_WAIT;
}

static void note_start(struct conn *c, struct bytes in)
{
    struct http1_conn *h = c->state;
    if (h->phase != PHASE_IDLE || in.len == 0)
        return;
    h->phase = PHASE_HEAD;
    c->is_half_sent = true;
    conn_deadline(c, c->site->limits.head_ms);
}

static void charge_buffers(struct conn *c)
{
    struct http1_conn *h = c->state;
    size_t holds = sizeof *h + h->parser.head.cap + h->out.cap;
    if (holds > h->charged)
        budget_force(&c->site->budget, holds - h->charged);
    else
        budget_release(&c->site->budget, h->charged - holds);
    h->charged = holds;
}

static size_t take(struct conn *c, struct bytes in)
{
    struct http1_conn *h = c->state;
    struct bytes rest = in, piece = {0};
    if (h->phase == PHASE_UPGRADED && h->x) {
        h->x->input(h->x->input_arg, in);
        return in.len;
    }
    int heads = 0;
    enum step step = STEP_AGAIN;
    while (step == STEP_AGAIN && !c->is_closing && !c->is_finishing) {
        if (h->phase == PHASE_WAIT || h->phase == PHASE_ANSWER || h->phase == PHASE_UPGRADED)
            break;
        if (h->phase == PHASE_IDLE && heads == HTTP1_REQUESTS_PER_WAKEUP) {
            conn_yield(c);
            break;
        }
        note_start(c, rest);
        switch (http1_parse(&h->parser, &rest, &piece)) {
        case HTTP1_MORE: step = STEP_WAIT; break;
        case HTTP1_HEAD:
            heads++;
            step = on_head(c);
            break;
        case HTTP1_BODY: step = on_body(c, piece); break;
        case HTTP1_DONE: step = on_done(c); break;
        case HTTP1_BAD: step = on_bad(c); break;
        }
    }
    charge_buffers(c);
    return c->is_finishing ? in.len : in.len - rest.len;
}

/* ---- the rest of the protocol ---- */

static void late_body(struct conn *c)
{
    struct http1_conn *h = c->state;
    int64_t spent = (loop_now(c->loop) - h->body_start) / NS_PER_MS;
    int64_t body_ms = c->site->limits.body_ms;
    uint64_t want = c->site->limits.rate_bytes_min * (uint64_t)spent / 1000;
    if (spent < body_ms && h->parser.body_bytes >= want) {
        conn_deadline(c, body_ms - spent < RATE_LOOK_MS ? body_ms - spent : RATE_LOOK_MS);
        return;
    }
    struct exchange *x = h->x;
    h->x = NULL;
    exchange_detach(x);
    answer_bare(c, 408, "the body came too slowly", CLOSING_SLOW);
}

static void late(struct conn *c)
{
    struct http1_conn *h = c->state;
    switch (h->phase) {
    case PHASE_IDLE: conn_close(c, CLOSING_IDLE); return;
    case PHASE_HEAD: answer_bare(c, 408, "the head came too slowly", CLOSING_SLOW); return;
    case PHASE_BODY: late_body(c); return;
    case PHASE_WAIT: conn_close(c, CLOSING_SLOW); return;
    case PHASE_ANSWER:
    case PHASE_UPGRADED: return;
    }
    UNREACHABLE();
}

static void drain(struct conn *c)
{
    struct http1_conn *h = c->state;
    if (h->phase == PHASE_IDLE)
        conn_close(c, CLOSING_SHUTDOWN);
}

static void gone(struct conn *c)
{
    struct http1_conn *h = c->state;
    if (h->x)
        exchange_detach(h->x);
    http1_release(&h->parser);
    writer_release(&h->out);
    budget_release(&c->site->budget, h->charged);
    mem_free(h);
}

static const struct protocol protocol = {
    .take = take,
    .writable = pump,
    .late = late,
    .drain = drain,
    .gone = gone,
};

void http1_conn_start(struct conn *c)
{
    struct http1_conn *h = MEM_NEW(struct http1_conn);
    http1_init(&h->parser, c->site->limits.body_bytes_max);
    c->state = h;
    c->protocol = &protocol;
    charge_buffers(c);
}
