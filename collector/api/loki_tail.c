#include "collector/api/loki_tail.h"

#include "collector/api/loki.h"
#include "collector/api/loki_streams.h"
#include "collector/api/param.h"
#include "collector/net/websocket.h"
#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

enum { REPLAY_MAX = 5000 };

struct tail {
    struct tail *next;
    struct websocket *socket;
    struct tsdb_log_tail *source;
    bool is_categorized;
    int64_t heard_ns; /* monotonic: the last frame */
    /* Records that the first frame told; the source may tell them again until then. */
    struct tsdb_hash *told;
    uint32_t told_count;
    int64_t told_until_ns;
};

struct loki_tails {
    struct tsdb *db;
    struct clock *clock;
    struct mutex lock;
    struct cond wake;
    struct tail *fresh; /* not yet the thread's */
    uint32_t count;
    bool is_stopping;
    struct arena arena; /* the thread's, for one frame */
    struct tail *open;  /* the thread's */
    struct thread thread;
};

/* ---- one tail -------------------------------------------------------------------------- */

static void tail_free(struct tail *t)
{
    tsdb_log_tail_close(t->source);
    mem_free(t->told);
    mem_free(t);
}

static void tail_end(struct tail *t, enum websocket_close_code code)
{
    struct websocket *socket = t->socket;
    tail_free(t);
    websocket_close(socket, code);
}

static struct tsdb_hash hash_entry(const struct tsdb_log_entry *e)
{
    struct tsdb_hash hash = tsdb_labels_hash(0, e->stream);
    hash = hash_combine(hash, tsdb_labels_hash(0, e->metadata));
    hash = hash_combine(hash, hash128((uint64_t)e->ts, e->line.at, e->line.len));
    return hash;
}

static bool was_told(const struct tail *t, const struct tsdb_log_entry *e)
{
    if (t->told_count == 0)
        return false;
    struct tsdb_hash hash = hash_entry(e);
    for (uint32_t i = 0; i < t->told_count; i++)
        if (hash_equal(t->told[i], hash))
            return true;
    return false;
}

static void put_dropped(struct json *j, uint64_t dropped, int64_t now)
{
    char text[24];
    json_key(j, "dropped_entries");
    if (dropped == 0) {
        json_null(j);
        return;
    }
    json_array(j);
    json_object(j);
    json_key(j, "labels");
    json_object(j);
    json_key(j, "dropped");
    size_t len = i64_format((int64_t)(dropped & INT64_MAX), text);
    json_text(j, (struct tsdb_text){text, len});
    json_end_object(j);
    json_key(j, "timestamp");
    len = i64_format(now, text);
    json_text(j, (struct tsdb_text){text, len});
    json_end_object(j);
    json_end_array(j);
}

static void send_frame(struct websocket *socket, const struct loki_streams *streams,
                       uint64_t dropped, int64_t now)
{
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_object(&j);
    json_key(&j, "streams");
    loki_streams_write(streams, &j);
    put_dropped(&j, dropped, now);
    json_end_object(&j);
    websocket_send(socket, writer_bytes(&j.out));
    json_release(&j);
    counters_add(TAIL_LINES, NOWHERE, (int64_t)streams->entry_count);
    counters_add(TAIL_DROPPED, NOWHERE, (int64_t)(dropped & INT64_MAX));
}

/* Entries of one frame.  TSDB_END: there are no more now; TSDB_OK: there may be. */
static enum tsdb_status gather(struct tail *t, struct loki_streams *streams, uint64_t *dropped,
                               struct tsdb_error *err)
{
    struct tsdb_log_entry entry;
    enum tsdb_status st = TSDB_OK;
    while (streams->entry_count < TAIL_FRAME_ENTRIES && streams->arena->used < TAIL_FRAME_BYTES) {
        if ((st = tsdb_log_tail_next(t->source, &entry, err)) != TSDB_OK)
            break;
        if (!was_told(t, &entry) && !loki_streams_add(streams, &entry))
            ++*dropped;
    }
    *dropped += tsdb_log_tail_dropped(t->source);
    return st;
}

enum progress { PROGRESS_IDLE, PROGRESS_MORE, PROGRESS_OVER };

static enum progress tail_step(struct loki_tails *all, struct tail *t)
{
    struct loki_streams streams;
    struct tsdb_error err = {0};
    uint64_t dropped = 0;
    int64_t now = clock_mono_ns(all->clock);
    if (!websocket_is_open(t->socket))
        return PROGRESS_OVER;
    if (websocket_queued(t->socket) > TAIL_QUEUE_BYTES)
        return PROGRESS_IDLE;
    arena_reset(&all->arena);
    loki_streams_init(&streams, &all->arena, t->is_categorized, false);
    enum tsdb_status st = gather(t, &streams, &dropped, &err);
    bool has_news = streams.entry_count > 0 || dropped > 0;
    if (has_news)
        send_frame(t->socket, &streams, dropped, clock_wall_ns(all->clock));
    loki_streams_release(&streams);
    if (!has_news && now - t->heard_ns >= TAIL_PING_S * NS_PER_S)
        websocket_ping(t->socket);
    else if (!has_news)
        now = t->heard_ns;
    t->heard_ns = now;
    if (t->told && clock_mono_ns(all->clock) >= t->told_until_ns) {
        t->told_count = 0;
        mem_free(t->told);
        t->told = NULL;
    }
    if (st == TSDB_END)
        return PROGRESS_IDLE;
    if (st == TSDB_OK)
        return PROGRESS_MORE;
    log_warn("api", "tail ended: %s", err.msg);
    return PROGRESS_OVER;
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Lets the new ones in; false when it is time to stop. */
static bool take_fresh(struct loki_tails *t, bool is_waiting)
{
    mutex_lock(&t->lock);
    if (is_waiting && !t->is_stopping && !t->fresh) {
        if (t->open)
            (void)cond_wait_for(&t->wake, &t->lock, TAIL_TICK_MS * NS_PER_MS);
        else
            cond_wait(&t->wake, &t->lock);
    }
    struct tail *fresh = t->fresh;
    t->fresh = NULL;
    bool goes_on = !t->is_stopping;
    mutex_unlock(&t->lock);
    while (fresh) {
        struct tail *next = fresh->next;
        fresh->next = t->open;
        t->open = fresh;
        fresh = next;
    }
    return goes_on;
}

static void give_back(struct loki_tails *t, uint32_t count)
{
    mutex_lock(&t->lock);
    ASSERT(t->count >= count);
    t->count -= count;
    counters_set(TAILS_OPEN, NOWHERE, t->count);
    mutex_unlock(&t->lock);
}

/* True: some had more than one frame holds. */
static bool step_all(struct loki_tails *t)
{
    bool has_more = false;
    uint32_t ended = 0;
    for (struct tail **at = &t->open; *at;) {
        struct tail *tail = *at;
        enum progress progress = tail_step(t, tail);
        has_more = has_more || progress == PROGRESS_MORE;
        if (progress == PROGRESS_OVER) {
            *at = tail->next;
            tail_end(tail, WEBSOCKET_INTERNAL);
            ended++;
        } else {
            at = &tail->next;
        }
    }
    if (ended > 0)
        give_back(t, ended);
    return has_more;
}

static void *run(void *arg)
{
    struct loki_tails *t = arg;
    bool has_more = false;
    while (take_fresh(t, !has_more))
        has_more = step_all(t);
    uint32_t ended = 0;
    while (t->open) {
        struct tail *tail = t->open;
        t->open = tail->next;
        tail_end(tail, WEBSOCKET_GOING_AWAY);
        ended++;
    }
    give_back(t, ended);
    return NULL;
}

struct loki_tails *loki_tails_new(struct tsdb *db, struct clock *clock)
{
    struct loki_tails *t = MEM_NEW(struct loki_tails);
    t->db = db;
    t->clock = clock;
    mutex_init(&t->lock);
    cond_init(&t->wake);
    arena_init(&t->arena, TAIL_ARENA_BYTES, NULL);
    thread_start(&t->thread, "andon-tail", run, t);
    return t;
}

void loki_tails_stop(struct loki_tails *t)
{
    mutex_lock(&t->lock);
    bool is_first = !t->is_stopping;
    t->is_stopping = true;
    cond_signal(&t->wake);
    mutex_unlock(&t->lock);
    if (is_first)
        thread_join(&t->thread);
}

void loki_tails_free(struct loki_tails *t)
{
    if (!t)
        return;
    loki_tails_stop(t);
    ASSERT(t->count == 0);
    arena_release(&t->arena);
    cond_release(&t->wake);
    mutex_release(&t->lock);
    mem_free(t);
}

/* ---- opening one ------------------------------------------------------------------------------
 */

static bool reserve(struct loki_tails *t)
{
    mutex_lock(&t->lock);
    bool has_place = !t->is_stopping && t->count < TAILS_MAX;
    t->count += has_place;
    counters_set(TAILS_OPEN, NOWHERE, t->count);
    mutex_unlock(&t->lock);
    return has_place;
}

/* Hands it to the thread, or ends it when that has stopped meanwhile. */
static void enter(struct loki_tails *t, struct tail *tail)
{
    mutex_lock(&t->lock);
    bool is_stopping = t->is_stopping;
    if (!is_stopping) {
        tail->next = t->fresh;
        t->fresh = tail;
        cond_signal(&t->wake);
    }
    mutex_unlock(&t->lock);
    if (is_stopping) {
        tail_end(tail, WEBSOCKET_GOING_AWAY);
        give_back(t, 1);
    }
}

struct replay {
    struct loki_streams streams;
    struct tail *tail;
    bool is_full;
};

static bool visit_replay(void *arg, const struct tsdb_log_entry *e)
{
    struct replay *p = arg;
    ASSERT(p->tail->told_count < REPLAY_MAX);
    p->is_full = !loki_streams_add(&p->streams, e);
    if (!p->is_full)
        p->tail->told[p->tail->told_count++] = hash_entry(e);
    return !p->is_full; /* the newest come first: what is left out is the oldest */
}

/* Reads what is there already, takes the handshake, sends; false: answered otherwise. */
static bool replay(struct request *r, struct tail *tail, const struct tsdb_log_options *options)
{
    struct replay p = {.tail = tail};
    bool is_ok = true;
    tail->told = MEM_ARRAY(struct tsdb_hash, REPLAY_MAX);
    loki_streams_init(&p.streams, request_arena(r), tail->is_categorized, true);
    if (options->start < options->end)
        is_ok = loki_each_entry(r, request_param(r, "query"), options, visit_replay, &p);
    if (is_ok)
        tail->socket = websocket_accept(r->x);
    if (tail->socket && p.streams.entry_count > 0)
        send_frame(tail->socket, &p.streams, 0, 0);
    loki_streams_release(&p.streams);
    return tail->socket != NULL;
}

static bool ask(struct request *r, struct tsdb_log_options *options)
{
    struct tsdb_error err;
    uint64_t delay = 0;
    options->end = clock_wall_ns(r->api->options.clock);
    options->start = options->end - NS_PER_HOUR;
    options->limit = LOKI_LIMIT;
    if (!request_time(r, "start", &options->start) ||
        !request_count(r, "limit", REPLAY_MAX, &options->limit))
        return false;
    struct tsdb_text text = request_param(r, "delay_for");
    if (text.len == 0 || (param_limit(text, &delay, &err) == TSDB_OK && delay <= TAIL_DELAY_MAX_S))
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "delay_for can't be greater than %d", TAIL_DELAY_MAX_S);
    return false;
}

static void run_tail(struct request *r)
{
    struct loki_tails *all = r->api->tails;
    struct tsdb_log_options options = {0};
    struct tsdb_error err = {0};
    if (!ask(r, &options))
        return;
    if (!reserve(all)) {
        reply_fail(&r->reply, REPLY_BUSY, "too many tails, want at most %d", TAILS_MAX);
        return;
    }
    struct tail *tail = MEM_NEW(struct tail);
    tail->is_categorized = loki_is_categorized(r);
    tail->heard_ns = clock_mono_ns(all->clock);
    tail->told_until_ns = tail->heard_ns + TAIL_ECHO_S * NS_PER_S;
    enum tsdb_status st = tsdb_log_tail_open(all->db, request_tenant(r), request_param(r, "query"),
                                             &tail->source, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, NULL);
    } else if (replay(r, tail, &options)) {
        enter(all, tail);
        return;
    }
    tail_free(tail);
    give_back(all, 1);
}

void handle_loki_tail(void *arg, struct exchange *x)
{
    if (websocket_check(x))
        api_submit(arg, x, run_tail);
}
