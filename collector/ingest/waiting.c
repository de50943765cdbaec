#include "collector/ingest/waiting.h"

#include "collector/self/trace.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

struct waiting_entry {
    struct waiting_entry *next;
    struct waiting *line;
    struct reply reply;
};

enum readiness { NOT_READY, READY, HOPELESS };

void waiting_init(struct waiting *w, struct tsdb *db, struct clock *clock, uint32_t max,
                  const char *durability)
{
    *w = (struct waiting){.db = db, .clock = clock, .max = max, .durability = durability};
    mutex_init(&w->lock);
}

void waiting_release(struct waiting *w)
{
    ASSERT(w->count == 0);
    mutex_release(&w->lock);
}

/* Whether something was stored that the answer speaks of. */
static bool stores(const struct outcome *o)
{
    bool may = o->kind == OUTCOME_OK || o->kind == OUTCOME_PARTIAL || o->kind == OUTCOME_LIMITED;
    return may && o->position > 0;
}

void reply_send(const struct reply *reply, const char *durability, struct clock *clock)
{
    if (stores(&reply->outcome))
        counters_observe(ACK_LATENCY, AT(reply->door), clock_mono_ns(clock) - reply->received_ns);
    if (reply->exchange) {
        trace_step(exchange_trace(reply->exchange),
                   &(struct trace_step){.name = "decode, append, sync",
                                        .start_ns = reply->received_ns,
                                        .end_ns = clock_mono_ns(clock)});
        answer_send(reply->exchange, reply->protocol, &reply->outcome, durability);
        return;
    }
    struct writer ack = {0};
    answer_ack(&reply->outcome, reply->sequence, &ack);
    frame_conn_send(reply->frame, writer_bytes(&ack));
    writer_release(&ack);
}

static enum readiness readiness_of(const struct waiting *w, const struct outcome *o)
{
    if (tsdb_synced(w->db) >= o->position)
        return READY;
    return tsdb_is_writable(w->db) ? NOT_READY : HOPELESS;
}

static void make_hopeless(struct outcome *o)
{
    outcome_refuse(o, OUTCOME_UNAVAILABLE, REASON_UNWRITABLE,
                   "the journal cannot be written: nothing was acknowledged");
    o->retry_after_ms = 5000;
}

/* Sends and frees an entry that has left the line. */
static void entry_end(struct waiting_entry *e, enum readiness readiness)
{
    struct waiting *w = e->line;
    if (readiness == HOPELESS)
        make_hopeless(&e->reply.outcome);
    reply_send(&e->reply, w->durability, w->clock);
    if (e->reply.frame)
        frame_conn_unref(e->reply.frame);
    mem_free(e);
}

/* The first entry when it can be answered, taken out of the line; or NULL. */
static struct waiting_entry *take_first(struct waiting *w, enum readiness *readiness)
{
    struct waiting_entry *e = w->first;
    *readiness = e ? readiness_of(w, &e->reply.outcome) : NOT_READY;
    if (*readiness == NOT_READY)
        return NULL;
    w->first = e->next;
    if (!w->first)
        w->last = NULL;
    w->count--;
    return e;
}

bool waiting_push(struct waiting *w, const struct reply *reply)
{
    if (!stores(&reply->outcome) || tsdb_synced(w->db) >= reply->outcome.position) {
        reply_send(reply, w->durability, w->clock);
        return true;
    }
    struct waiting_entry *e = MEM_NEW(struct waiting_entry);
    e->line = w;
    e->reply = *reply;
    mutex_lock(&w->lock);
    bool is_full = w->count >= w->max;
    if (!is_full) {
        if (w->last)
            w->last->next = e;
        else
            w->first = e;
        w->last = e;
        w->count++;
        if (e->reply.frame)
            frame_conn_ref(e->reply.frame);
    }
    mutex_unlock(&w->lock);
    if (is_full) {
        mem_free(e);
        return false;
    }
    waiting_drain(w); /* the journal may have got there meanwhile */
    return true;
}

void waiting_drain(struct waiting *w)
{
    for (;;) {
        enum readiness readiness;
        mutex_lock(&w->lock);
        struct waiting_entry *e = take_first(w, &readiness);
        mutex_unlock(&w->lock);
        if (!e)
            return;
        entry_end(e, readiness);
    }
}

/* On the loop of the entry's exchange. */
static void on_loop(void *arg)
{
    struct waiting_entry *e = arg;
    struct waiting *w = e->line;
    mutex_lock(&w->lock);
    w->is_posted = false;
    mutex_unlock(&w->lock);
    enum readiness readiness = readiness_of(w, &e->reply.outcome);
    entry_end(e, readiness == NOT_READY ? HOPELESS : readiness);
    waiting_drain(w);
}

void waiting_on_synced(struct waiting *w)
{
    for (;;) {
        enum readiness readiness;
        struct waiting_entry *e = NULL;
        mutex_lock(&w->lock);
        if (!w->is_posted)
            e = take_first(w, &readiness);
        bool is_exchange = e && e->reply.exchange;
        if (is_exchange)
            w->is_posted = true;
        mutex_unlock(&w->lock);
        if (!e)
            return;
        if (is_exchange) {
            exchange_post(e->reply.exchange, on_loop, e);
            return;
        }
        entry_end(e, readiness);
    }
}

void waiting_abandon(struct waiting *w)
{
    for (;;) {
        mutex_lock(&w->lock);
        struct waiting_entry *e = w->first;
        if (e) {
            w->first = e->next;
            if (!w->first)
                w->last = NULL;
            w->count--;
        }
        mutex_unlock(&w->lock);
        if (!e)
            return;
        bool is_ready = readiness_of(w, &e->reply.outcome) == READY;
        entry_end(e, is_ready ? READY : HOPELESS);
    }
}

uint32_t waiting_count(struct waiting *w)
{
    mutex_lock(&w->lock);
    uint32_t n = w->count;
    mutex_unlock(&w->lock);
    return n;
}

int64_t waiting_age_ns(struct waiting *w)
{
    mutex_lock(&w->lock);
    int64_t since = w->first ? w->first->reply.received_ns : 0;
    mutex_unlock(&w->lock);
    return since ? clock_mono_ns(w->clock) - since : 0;
}
