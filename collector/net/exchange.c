#include "collector/net/exchange.h"

#include "collector/net/answer.h"
#include "collector/net/carrier.h"
#include "collector/net/grpc.h"
#include "collector/net/http1.h"
#include "collector/self/counters.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { BODY_BYTES_MIN = 4 << 10 };

/* ---- the request ---- */

struct tsdb_text exchange_method(const struct exchange *x)
{
    return x->method;
}

struct tsdb_text exchange_path(const struct exchange *x)
{
    return x->path;
}

struct tsdb_text exchange_query(const struct exchange *x)
{
    return x->query;
}

struct tsdb_text exchange_header(const struct exchange *x, const char *name)
{
    struct tsdb_text want = text_of(name);
    for (uint32_t i = 0; i < x->header_count; i++)
        if (text_equal(x->headers[i].name, want))
            return x->headers[i].value;
    return (struct tsdb_text){"", 0};
}

struct bytes exchange_body(const struct exchange *x)
{
    return x->message;
}

bool exchange_is_grpc(const struct exchange *x)
{
    return x->is_grpc;
}

bool exchange_is_tls(const struct exchange *x)
{
    return x->is_tls;
}

bool exchange_is_compressed(const struct exchange *x)
{
    return x->is_compressed;
}

struct tsdb_text exchange_peer(const struct exchange *x)
{
    return text_of(x->peer);
}

struct tsdb_text exchange_tenant(const struct exchange *x)
{
    return x->tenant;
}

struct arena *exchange_arena(struct exchange *x)
{
    return &x->arena;
}

struct trace *exchange_trace(struct exchange *x)
{
    return &x->trace;
}

/* ---- life ---- */

void exchange_began(struct exchange *x)
{
    x->started_ns = loop_now(x->loop);
    trace_begin(&x->trace, exchange_header(x, "traceparent"));
}

void exchange_answered(struct exchange *x)
{
    int status = exchange_pull_head(x)->status;
    int64_t now = loop_now(x->loop);
    counters_request(x->path, status, now - x->started_ns);
    trace_end(&x->trace, &(struct trace_request){
                             .method = x->method,
                             .path = x->path,
                             .peer = text_of(x->peer),
                             .route = x->route ? x->route->path : NULL,
                             .is_grpc = x->is_grpc,
                             .status = status,
                             .body_bytes = x->body_len,
                             .start_ns = x->started_ns,
                             .end_ns = now,
                         });
}

struct exchange *exchange_new(struct site *site, struct loop *loop, const struct carrier_ops *ops,
                              void *carrier)
{
    struct exchange *x = MEM_NEW(struct exchange);
    atomic_init(&x->refs, 1);
    atomic_init(&x->is_open, true);
    x->site = site;
    x->loop = loop;
    x->ops = ops;
    x->carrier = carrier;
    x->tenant = (struct tsdb_text){"", 0};
    x->started_ns = loop_now(loop);
    arena_init(&x->arena, EXCHANGE_ARENA_MAX, &site->budget);
    mutex_init(&x->lock);
    cond_init(&x->out.room);
    x->out.grpc_status = -1;
    tally_add(&site->tally.exchanges_open, 1);
    return x;
}

void part_free(struct exchange *x, struct part *part)
{
    budget_release(&x->site->budget, part->cap);
    mem_free(part);
}

static void drop_parts(struct exchange *x)
{
    while (x->out.first) {
        struct part *next = x->out.first->next;
        part_free(x, x->out.first);
        x->out.first = next;
    }
    x->out.tail = NULL;
    x->out.pending = 0;
}

void exchange_ref(struct exchange *x)
{
    (void)atomic_fetch_add(&x->refs, 1);
}

void exchange_unref(struct exchange *x)
{
    if (atomic_fetch_sub(&x->refs, 1) > 1)
        return;
    struct site *site = x->site;
    drop_parts(x);
    writer_release(&x->out.head.lines);
    writer_release(&x->out.grpc_trailers);
    deflater_free(x->deflater);
    cond_release(&x->out.room);
    mutex_release(&x->lock);
    budget_release(&site->budget, x->body_cap);
    mem_free(x->body);
    arena_release(&x->arena);
    mem_free(x);
    tally_end(&site->tally.exchanges_open);
}

void exchange_detach(struct exchange *x)
{
    mutex_lock(&x->lock);
    bool was_open = !x->out.is_ended;
    void (*gone)(void *arg) = was_open ? x->out.on_gone : NULL;
    void *arg = x->out.gone_arg;
    x->out.on_gone = NULL;
    x->out.is_gone = true;
    drop_parts(x);
    cond_broadcast(&x->out.room);
    mutex_unlock(&x->lock);
    atomic_store_explicit(&x->is_open, false, memory_order_relaxed);
    x->ops = NULL;
    if (gone)
        gone(arg);
    exchange_unref(x);
}

bool exchange_set_headers(struct exchange *x, uint32_t count)
{
    x->headers = ARENA_ARRAY(&x->arena, struct exchange_header, count);
    return x->headers != NULL;
}

void exchange_set_target(struct exchange *x, struct tsdb_text target)
{
    const char *mark = target.len ? memchr(target.at, '?', target.len) : NULL;
    size_t n = mark ? (size_t)(mark - target.at) : target.len;
    x->path = (struct tsdb_text){target.at, n};
    x->query = mark ? (struct tsdb_text){mark + 1, target.len - n - 1} : (struct tsdb_text){"", 0};
}

/* "gzip" as an element of Accept-Encoding, and not with q=0. */
static bool takes_gzip(struct tsdb_text accept)
{
    if (!http_list_has(accept, "gzip"))
        return false;
    for (size_t i = 0; i + 8 <= accept.len; i++) {
        if (memcmp(accept.at + i, "gzip;q=0", 8) != 0)
            continue;
        size_t end = i + 8;
        while (end < accept.len && (accept.at[end] == '.' || accept.at[end] == '0'))
            end++;
        if (end == accept.len || accept.at[end] == ',' || accept.at[end] == ' ')
            return false;
    }
    return true;
}

void exchange_look(struct exchange *x)
{
    x->is_grpc = grpc_is_content_type(exchange_header(x, "content-type"));
    x->is_head = text_equal(x->method, text_of("HEAD"));
    x->takes_gzip = !x->is_grpc && takes_gzip(exchange_header(x, "accept-encoding"));
}

/* Charged as it arrives, never by what the peer announces. */
bool exchange_add_body(struct exchange *x, struct bytes piece, uint64_t hint)
{
    if (piece.len > x->body_cap - x->body_len) {
        size_t want = x->body_len + piece.len;
        size_t cap = x->body_cap ? 2 * x->body_cap : BODY_BYTES_MIN;
        if (hint && cap > want + hint)
            cap = (size_t)(want + hint);
        if (cap < want)
            cap = want;
        if (!budget_charge(&x->site->budget, cap - x->body_cap))
            return false;
        x->body = mem_grow(x->body, cap, 1);
        x->body_cap = cap;
    }
    if (piece.len)
        memcpy(x->body + x->body_len, piece.at, piece.len);
    x->body_len += piece.len;
    return true;
}

/* ---- answering ---- */

static void flush_now(void *arg)
{
    struct exchange *x = arg;
    mutex_lock(&x->lock);
    x->out.is_posted = false;
    mutex_unlock(&x->lock);
    if (x->ops)
        x->ops->answer(x->carrier, x);
    exchange_unref(x);
}

/* Tells the carrier; the lock is not held. */
static void flush(struct exchange *x, bool is_posted)
{
    if (is_posted)
        return; /* it is on its way already */
    exchange_ref(x);
    if (loop_current() == x->loop)
        flush_now(x);
    else
        loop_post(x->loop, flush_now, x);
}

static struct part *part_new(struct exchange *x, size_t cap)
{
    struct part *part = mem_alloc(sizeof *part + cap);
    *part = (struct part){.cap = cap};
    budget_force(&x->site->budget, cap);
    return part;
}

static void append(struct exchange_output *o, struct part *part)
{
    if (o->tail)
        o->tail->next = part;
    else
        o->first = part;
    o->tail = part;
}

/* Adds to the queue; under the lock. */
static void queue(struct exchange *x, struct bytes piece, bool is_whole)
{
    struct exchange_output *o = &x->out;
    o->pending += piece.len;
    struct part *tail = o->tail;
    if (tail) {
        size_t n = tail->cap - tail->len;
        if (n > piece.len)
            n = piece.len;
        memcpy(tail->bytes + tail->len, piece.at, n);
        tail->len += n;
        piece.at += n;
        piece.len -= n;
    }
    if (piece.len == 0)
        return;
    size_t cap = piece.len;
    if (!is_whole && cap < EXCHANGE_PART_BYTES)
        cap = EXCHANGE_PART_BYTES;
    struct part *part = part_new(x, cap);
    memcpy(part->bytes, piece.at, piece.len);
    part->len = piece.len;
    append(o, part);
}

/* The head of the answer; under the lock. */
static void begin(struct exchange *x, int status, struct writer *lines, int64_t length)
{
    ASSERT(!x->out.is_started);
    x->out.is_started = true;
    x->out.head = (struct answer_head){.status = status, .lines = *lines, .length = length};
}

static bool has_no_body(const struct exchange *x, int status)
{
    return x->is_head || status == 204 || status == 304;
}

/* Ends the answer and gives the handler's reference back. */
static void finish(struct exchange *x)
{
    mutex_lock(&x->lock);
    ASSERT(!x->out.is_ended);
    x->out.is_ended = true;
    bool is_posted = x->out.is_posted;
    x->out.is_posted = loop_current() != x->loop;
    mutex_unlock(&x->lock);
    flush(x, is_posted);
    exchange_unref(x);
}

static void family_line(const struct exchange *x, struct writer *lines)
{
    if (x->header && x->header->name.len > 0)
        answer_line(lines, x->header->name, x->header->value);
}

void exchange_reply(struct exchange *x, const struct exchange_answer *answer, struct bytes body)
{
    struct writer coded = {0};
    if (x->takes_gzip && body.len > GZIP_BYTES_MIN && answer_is_compressible(answer)) {
        struct deflater *d = deflater_new();
        deflater_add(d, body, true, &coded);
        deflater_free(d);
        body = writer_bytes(&coded);
    }
    struct exchange_answer full = {.status = 503, .content_type = "text/plain; charset=utf-8"};
    if (budget_charge(&x->site->budget, body.len)) {
        budget_release(&x->site->budget, body.len); /* queue() charges what it makes */
        full = *answer;
    } else {
        body = (struct bytes){(const uint8_t *)"out of memory for the answer\n", 29};
        writer_reset(&coded);
    }
    struct writer lines = {0};
    answer_lines(x->site, &full, coded.len > 0, &lines);
    family_line(x, &lines);
    mutex_lock(&x->lock);
    begin(x, full.status, &lines, (int64_t)body.len);
    if (!x->out.is_gone && !has_no_body(x, full.status))
        queue(x, body, true);
    mutex_unlock(&x->lock);
    writer_release(&coded);
    finish(x);
}

void exchange_start(struct exchange *x, const struct exchange_answer *answer)
{
    x->is_gzip = x->takes_gzip && !x->is_head && answer_is_compressible(answer);
    if (x->is_gzip)
        x->deflater = deflater_new();
    struct writer lines = {0};
    answer_lines(x->site, answer, x->is_gzip, &lines);
    family_line(x, &lines);
    mutex_lock(&x->lock);
    begin(x, answer->status, &lines, -1);
    mutex_unlock(&x->lock);
}

bool exchange_can_upgrade(const struct exchange *x)
{
    return x->takes_upgrade;
}

void exchange_upgrade(struct exchange *x, const struct exchange_answer *answer,
                      exchange_input_fn *input, void *arg)
{
    ASSERT(x->takes_upgrade);
    ASSERT(answer->status == 101);
    struct writer lines = {0};
    answer_lines(x->site, answer, false, &lines);
    x->input = input;
    x->input_arg = arg;
    mutex_lock(&x->lock);
    begin(x, answer->status, &lines, -1);
    bool is_posted = x->out.is_posted;
    x->out.is_posted = loop_current() != x->loop;
    mutex_unlock(&x->lock);
    flush(x, is_posted);
}

/* Queues and, off the loops, waits until the peer has caught up. */
static bool send_piece(struct exchange *x, struct bytes piece)
{
    mutex_lock(&x->lock);
    ASSERT(x->out.is_started);
    bool is_gone = x->out.is_gone;
    if (!is_gone && piece.len > 0 && !has_no_body(x, x->out.head.status))
        queue(x, piece, false);
    bool is_posted = x->out.is_posted;
    x->out.is_posted = loop_current() != x->loop;
    mutex_unlock(&x->lock);
    if (is_gone)
        return false;
    flush(x, is_posted);
    if (loop_current() || x->input)
        return true;
    mutex_lock(&x->lock);
    while (x->out.pending > EXCHANGE_QUEUE_MAX && !x->out.is_gone)
        cond_wait(&x->out.room, &x->lock);
    is_gone = x->out.is_gone;
    mutex_unlock(&x->lock);
    return !is_gone;
}

bool exchange_write(struct exchange *x, struct bytes part)
{
    if (!x->is_gzip)
        return send_piece(x, part);
    struct writer coded = {0};
    deflater_add(x->deflater, part, false, &coded);
    bool is_open = coded.len == 0 ? exchange_is_open(x) : send_piece(x, writer_bytes(&coded));
    writer_release(&coded);
    return is_open;
}

void exchange_end(struct exchange *x)
{
    if (x->is_gzip) {
        struct writer coded = {0};
        deflater_add(x->deflater, (struct bytes){0}, true, &coded);
        (void)send_piece(x, writer_bytes(&coded)); /* gone is as good as ended */
        writer_release(&coded);
    }
    finish(x);
}

static void begin_grpc(struct exchange *x, int grpc_status)
{
    ASSERT(x->is_grpc);
    struct writer lines = {0};
    answer_date(x->site, &lines);
    answer_line(&lines, text_of("content-type"), text_of("application/grpc"));
    mutex_lock(&x->lock);
    begin(x, 200, &lines, -1);
    x->out.grpc_status = grpc_status;
    mutex_unlock(&x->lock);
}

static void end_grpc(struct exchange *x, int grpc_status, const char *message,
                     int64_t retry_after_ms)
{
    struct writer trailers = {0};
    grpc_trailers(grpc_status, message ? message : "", retry_after_ms, &trailers);
    mutex_lock(&x->lock);
    x->out.grpc_trailers = trailers;
    mutex_unlock(&x->lock);
    finish(x);
}

/* The message and its prefix; under the lock. */
static void queue_message(struct exchange *x, struct bytes message)
{
    uint8_t prefix[GRPC_PREFIX_BYTES];
    grpc_prefix(message.len, prefix);
    struct part *part = part_new(x, sizeof prefix + message.len);
    memcpy(part->bytes, prefix, sizeof prefix);
    if (message.len)
        memcpy(part->bytes + sizeof prefix, message.at, message.len);
    part->len = part->cap;
    x->out.pending += part->len;
    append(&x->out, part);
}

void exchange_reply_grpc(struct exchange *x, int grpc_status, const char *message,
                         struct bytes body, int64_t retry_after_ms)
{
    begin_grpc(x, grpc_status);
    mutex_lock(&x->lock);
    if (!x->out.is_gone && grpc_status == GRPC_OK)
        queue_message(x, body);
    mutex_unlock(&x->lock);
    end_grpc(x, grpc_status, message, retry_after_ms);
}

void exchange_start_grpc(struct exchange *x)
{
    begin_grpc(x, GRPC_OK);
}

bool exchange_write_grpc(struct exchange *x, struct bytes message)
{
    mutex_lock(&x->lock);
    ASSERT(x->out.is_started);
    if (!x->out.is_gone)
        queue_message(x, message);
    mutex_unlock(&x->lock);
    return send_piece(x, (struct bytes){0});
}

void exchange_end_grpc(struct exchange *x, int grpc_status, const char *message)
{
    end_grpc(x, grpc_status, message, 0);
}

uint64_t exchange_queued(struct exchange *x)
{
    mutex_lock(&x->lock);
    uint64_t pending = x->out.pending;
    mutex_unlock(&x->lock);
    return pending;
}

bool exchange_is_open(const struct exchange *x)
{
    return atomic_load_explicit(&x->is_open, memory_order_relaxed);
}

void exchange_on_gone(struct exchange *x, void (*fn)(void *arg), void *arg)
{
    mutex_lock(&x->lock);
    x->out.on_gone = fn;
    x->out.gone_arg = arg;
    bool is_gone = x->out.is_gone;
    mutex_unlock(&x->lock);
    if (is_gone)
        loop_post(x->loop, fn, arg);
}

void exchange_post(struct exchange *x, void (*fn)(void *arg), void *arg)
{
    loop_post(x->loop, fn, arg);
}

/* ---- sending ---- */

const struct answer_head *exchange_pull_head(struct exchange *x)
{
    mutex_lock(&x->lock);
    bool is_started = x->out.is_started;
    mutex_unlock(&x->lock);
    return is_started ? &x->out.head : NULL; /* constant from then on */
}

enum pull exchange_pull(struct exchange *x, struct part **part)
{
    mutex_lock(&x->lock);
    struct exchange_output *o = &x->out;
    enum pull got = o->is_ended ? PULL_END : PULL_NOTHING;
    if (o->first) {
        *part = o->first;
        o->first = o->first->next;
        if (!o->first)
            o->tail = NULL;
        bool was_full = o->pending > EXCHANGE_QUEUE_MAX;
        o->pending -= (*part)->len;
        if (was_full && o->pending <= EXCHANGE_QUEUE_MAX)
            cond_broadcast(&o->room);
        got = PULL_PART;
    }
    mutex_unlock(&x->lock);
    return got;
}

/* ---- net's own answers ---- */

int64_t exchange_retry_after_s(void)
{
    uint8_t byte;
    random_secret(&byte, 1);
    return 1 + byte % 5;
}

static void refuse_http(struct exchange *x, const struct refusal *refusal)
{
    struct writer body = {0};
    char seconds[24];
    struct exchange_header headers[2];
    struct exchange_answer answer = {.status = refusal->status, .headers = headers};
    if (refusal->name)
        headers[answer.header_count++] =
            (struct exchange_header){text_of(refusal->name), text_of(refusal->value)};
    if (refusal->retry_after_s) {
        size_t n = i64_format(refusal->retry_after_s, seconds);
        headers[answer.header_count++] =
            (struct exchange_header){text_of("retry-after"), {seconds, n}};
    }
    bool is_api = x->path.len >= 5 && memcmp(x->path.at, "/api/", 5) == 0;
    answer.content_type = is_api ? "application/json" : "text/plain; charset=utf-8";
    writer_format(&body,
                  is_api ? "{\"status\":\"error\",\"errorType\":\"http_%d\",\"error\":\"%s\"}\n"
                         : "%d %s\n",
                  refusal->status, refusal->text);
    exchange_reply(x, &answer, writer_bytes(&body));
    writer_release(&body);
}

void exchange_refuse(struct exchange *x, const struct refusal *refusal)
{
    tally_add(&x->site->tally.requests_refused, 1);
    exchange_ref(x); /* in place of the handler's */
    if (x->is_grpc)
        exchange_reply_grpc(x, grpc_status_of_http(refusal->status), refusal->text,
                            (struct bytes){0}, refusal->retry_after_s * 1000);
    else
        refuse_http(x, refusal);
}
