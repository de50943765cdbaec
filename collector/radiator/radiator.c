#include "collector/radiator/radiator.h"

#include "collector/radiator/asset.h"
#include "collector/radiator/snapshot.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <string.h>

enum { TICK_MS = 1000 };

/* The first words of a stream: a browser that loses it comes back after two seconds. */
#define HELLO "retry: 2000\n\n"

/* Boards of one tenant.  The thread alone takes one out of the list, and reads it without
 * the lock. */
struct audience {
    char tenant[EXCHANGE_TENANT_MAX + 1];
    struct audience *next;
    uint32_t boards;          /* guarded by the lock; those being opened included */
    struct writer latest;     /* the last event; the thread writes it with the lock held */
    struct services services; /* the thread's */
};

/* One open stream; owned by the list. */
struct board {
    struct exchange *exchange;
    struct audience *audience;
    struct board *next;
    uint32_t late; /* events it was left out of, in a row */
};

struct radiator {
    struct tsdb *db;
    struct clock *clock;
    int64_t tick_ms;
    struct mutex lock; /* guards the next five */
    struct cond wake;
    struct board *boards;
    uint32_t board_count; /* those being opened included */
    bool is_stopping;
    struct audience *audiences; /* the default tenant's is the last, and stays */
    struct thread thread;
    struct snapshot snapshot; /* the thread's */
};

/* ---- pages --------------------------------------------------------------------------- */

static const struct asset *find_asset(struct tsdb_text path)
{
    for (size_t i = 0; i < asset_count; i++)
        if (text_equal(path, text_of(assets[i].path)))
            return &assets[i];
    return NULL;
}

static void reply_text(struct exchange *x, int status, const char *text)
{
    struct exchange_answer answer = {.status = status, .content_type = "text/plain; charset=utf-8"};
    exchange_reply(x, &answer, (struct bytes){(const uint8_t *)text, strlen(text)});
}

/* Pages are asked for again each time, and answered 304 while they are the same. */
static void on_asset(void *arg, struct exchange *x)
{
    (void)arg;
    const struct asset *a = find_asset(exchange_path(x));
    if (!a) {
        reply_text(x, 404, "no such page: the board is at /, queries at /explore\n");
        return;
    }
    struct exchange_header headers[] = {{text_of("etag"), text_of(a->tag)},
                                        {text_of("cache-control"), text_of("no-cache")}};
    struct exchange_answer answer = {
        .status = 200, .content_type = a->type, .headers = headers, .header_count = 2};
    if (text_equal(exchange_header(x, "if-none-match"), text_of(a->tag))) {
        answer.status = 304;
        answer.content_type = NULL;
        exchange_reply(x, &answer, (struct bytes){0});
        return;
    }
    exchange_reply(x, &answer, (struct bytes){a->at, a->len});
}

/* ---- the stream ------------------------------------------------------------------------ */

static struct audience *audience_new(struct radiator *r, const char *tenant)
{
    struct audience *a = MEM_NEW(struct audience);
    size_t len = strlen(tenant);
    ASSERT(len <= EXCHANGE_TENANT_MAX);
    memcpy(a->tenant, tenant, len + 1);
    services_init(&a->services, r->db, r->clock, a->tenant);
    a->next = r->audiences;
    r->audiences = a;
    return a;
}

static void audience_free(struct audience *a)
{
    writer_release(&a->latest);
    mem_free(a);
}

/* The tenant's, with one board more; NULL when there is no place for that. */
static struct audience *reserve_board(struct radiator *r, const char *tenant)
{
    struct audience *a = NULL;
    mutex_lock(&r->lock);
    if (!r->is_stopping && r->board_count < RADIATOR_BOARDS_MAX) {
        for (a = r->audiences; a && strcmp(a->tenant, tenant) != 0;)
            a = a->next;
        if (!a)
            a = audience_new(r, tenant);
        a->boards++;
        r->board_count++;
    }
    mutex_unlock(&r->lock);
    return a;
}

static void board_end(struct board *b)
{
    exchange_end(b->exchange);
    mem_free(b);
}

/* Hands the board to the thread, or ends it when that has stopped meanwhile. */
static void enter_board(struct radiator *r, struct board *b)
{
    mutex_lock(&r->lock);
    bool is_stopping = r->is_stopping;
    if (!is_stopping) {
        b->next = r->boards;
        r->boards = b;
    }
    mutex_unlock(&r->lock);
    if (is_stopping)
        board_end(b);
}

static void on_live(void *arg, struct exchange *x)
{
    struct radiator *r = arg;
    bool is_head = text_equal(exchange_method(x), text_of("HEAD"));
    struct audience *a = is_head ? NULL : reserve_board(r, exchange_tenant(x).at);
    if (!is_head && !a) {
        reply_text(x, 503, "too many boards are open, or the server is stopping\n");
        return;
    }
    struct exchange_header headers[] = {{text_of("cache-control"), text_of("no-store")}};
    struct exchange_answer answer = {
        .status = 200, .content_type = "text/event-stream", .headers = headers, .header_count = 1};
    exchange_start(x, &answer);
    if (is_head) {
        exchange_end(x);
        return;
    }
    struct writer first = {0};
    writer_text(&first, HELLO);
    mutex_lock(&r->lock);
    writer_put(&first, a->latest.at, a->latest.len);
    mutex_unlock(&r->lock);
    struct board *b = MEM_NEW(struct board);
    b->exchange = x;
    b->audience = a;
    (void)exchange_write(x, writer_bytes(&first)); /* one that has gone is ended at the tick */
    writer_release(&first);
    enter_board(r, b);
}

/* The boards that are open now; what comes later waits for the next tick. */
static struct board *take_boards(struct radiator *r)
{
    mutex_lock(&r->lock);
    struct board *list = r->boards;
    r->boards = NULL;
    mutex_unlock(&r->lock);
    return list;
}

static void put_back(struct radiator *r, struct board *list, const struct board *gone)
{
    mutex_lock(&r->lock);
    while (list) {
        struct board *next = list->next;
        list->next = r->boards;
        r->boards = list;
        list = next;
    }
    for (; gone; gone = gone->next) {
        gone->audience->boards--;
        r->board_count--;
    }
    mutex_unlock(&r->lock);
}

static void end_boards(struct board *list)
{
    while (list) {
        struct board *next = list->next;
        board_end(list);
        list = next;
    }
}

/* False when the board is to be ended.  Never blocks: the connection had taken all. */
static bool board_send(struct board *b)
{
    struct bytes event = writer_bytes(&b->audience->latest);
    if (event.len == 0) /* the first of its tenant, since this tick began */
        return true;
    if (!exchange_is_open(b->exchange))
        return false;
    if (exchange_queued(b->exchange) > 0)
        return ++b->late < RADIATOR_LATE_MAX;
    b->late = 0;
    return exchange_write(b->exchange, event);
}

static void broadcast(struct radiator *r)
{
    struct board *list = take_boards(r), *kept = NULL, *gone = NULL;
    while (list) {
        struct board *b = list;
        list = b->next;
        struct board **to = board_send(b) ? &kept : &gone;
        b->next = *to;
        *to = b;
    }
    put_back(r, kept, gone);
    end_boards(gone);
}

/* Those that somebody looks at, and the default tenant's; frees the others. */
static struct audience *take_audiences(struct radiator *r, struct audience **watched)
{
    mutex_lock(&r->lock);
    int64_t soonest = INT64_MAX;
    *watched = NULL;
    for (struct audience **at = &r->audiences; *at;) {
        struct audience *a = *at;
        if (a->boards == 0 && a->next) {
            *at = a->next;
            audience_free(a);
            continue;
        }
        if (a->boards > 0 && a->services.due_ns < soonest) {
            soonest = a->services.due_ns;
            *watched = a;
        }
        at = &a->next;
    }
    struct audience *list = r->audiences;
    mutex_unlock(&r->lock);
    return list;
}

static void write_event(struct radiator *r, struct audience *a)
{
    struct json j;
    json_init(&j, 0, NULL, NULL);
    writer_text(&j.out, "event: snapshot\ndata: ");
    snapshot_write(&r->snapshot, &a->services, &j);
    writer_text(&j.out, "\n\n");
    mutex_lock(&r->lock);
    writer_reset(&a->latest);
    writer_put(&a->latest, j.out.at, j.out.len);
    mutex_unlock(&r->lock);
    json_release(&j);
}

static void tick(struct radiator *r)
{
    struct audience *next, *list = take_audiences(r, &next);
    if (next && next->services.due_ns <= clock_mono_ns(r->clock))
        services_refresh(&next->services);
    snapshot_take(&r->snapshot);
    for (struct audience *a = list; a; a = a->next)
        write_event(r, a);
    broadcast(r);
}

/* False when it is time to stop. */
static bool wait_tick(struct radiator *r)
{
    mutex_lock(&r->lock);
    if (!r->is_stopping)
        (void)cond_wait_for(&r->wake, &r->lock, r->tick_ms * NS_PER_MS);
    bool goes_on = !r->is_stopping;
    mutex_unlock(&r->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct radiator *r = arg;
    do
        tick(r);
    while (wait_tick(r));
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

struct radiator *radiator_new(const struct radiator_options *options)
{
    struct radiator *r = MEM_NEW(struct radiator);
    r->db = options->db;
    r->clock = options->clock ? options->clock : clock_real();
    r->tick_ms = options->tick_ms ? options->tick_ms : TICK_MS;
    mutex_init(&r->lock);
    cond_init(&r->wake);
    (void)audience_new(r, "");
    snapshot_init(&r->snapshot, r->db, r->clock, options->disk_limit);
    thread_start(&r->thread, "andon-board", run, r);
    return r;
}

size_t radiator_routes(struct radiator *r, struct exchange_route *out)
{
    size_t n = 0;
    out[n++] = (struct exchange_route){"GET", "/-/live", SCOPE_QUERY, on_live, r};
    out[n++] = (struct exchange_route){"GET", "/", SCOPE_QUERY, on_asset, r};
    out[n++] = (struct exchange_route){"GET", "/explore", SCOPE_QUERY, on_asset, r};
    out[n++] = (struct exchange_route){"GET", "/assets/", SCOPE_QUERY, on_asset, r};
    return n;
}

void radiator_stop(struct radiator *r)
{
    mutex_lock(&r->lock);
    r->is_stopping = true;
    cond_signal(&r->wake);
    mutex_unlock(&r->lock);
    thread_join(&r->thread);
    end_boards(take_boards(r));
}

void radiator_free(struct radiator *r)
{
    if (!r)
        return;
    for (struct audience *a = r->audiences; a;) {
        struct audience *next = a->next;
        audience_free(a);
        a = next;
    }
    mutex_release(&r->lock);
    cond_release(&r->wake);
    mem_free(r);
}
