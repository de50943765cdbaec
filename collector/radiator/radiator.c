#include "collector/radiator/radiator.h"

#include "collector/radiator/asset.h"
#include "collector/radiator/snapshot.h"
#include "collector/self/log.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <string.h>

enum { TICK_MS = 1000 };

/* One open stream; owned by the list. */
struct board {
    struct exchange *exchange;
    struct board *next;
};

struct radiator {
    struct tsdb *db;
    struct clock *clock;
    struct mutex lock; /* guards the next four */
    struct cond wake;
    struct board *boards;
    uint32_t board_count;
    bool is_stopping;
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

static void on_live(void *arg, struct exchange *x)
{
    struct radiator *r = arg;
    mutex_lock(&r->lock);
    bool is_taken = !r->is_stopping && r->board_count < RADIATOR_BOARDS_MAX;
    mutex_unlock(&r->lock);
    if (!is_taken) {
        reply_text(x, 503, "too many boards are open\n");
        return;
    }
    struct exchange_header headers[] = {{text_of("cache-control"), text_of("no-store")}};
    struct exchange_answer answer = {
        .status = 200, .content_type = "text/event-stream", .headers = headers, .header_count = 1};
    exchange_start(x, &answer);
    struct board *b = MEM_NEW(struct board);
    b->exchange = x;
    mutex_lock(&r->lock);
    b->next = r->boards;
    r->boards = b;
    r->board_count++;
    cond_signal(&r->wake);
    mutex_unlock(&r->lock);
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

static void put_back(struct radiator *r, struct board *list, uint32_t gone)
{
    mutex_lock(&r->lock);
    while (list) {
        struct board *next = list->next;
        list->next = r->boards;
        r->boards = list;
        list = next;
    }
    r->board_count -= gone;
    mutex_unlock(&r->lock);
}

static void board_end(struct board *b)
{
    exchange_end(b->exchange);
    mem_free(b);
}

/* Sends the event to every board; a board whose peer has gone is ended. */
static void broadcast(struct radiator *r, struct bytes event)
{
    struct board *list = take_boards(r), *kept = NULL;
    uint32_t gone = 0;
    while (list) {
        struct board *b = list;
        list = b->next;
        if (exchange_is_open(b->exchange) && exchange_write(b->exchange, event)) {
            b->next = kept;
            kept = b;
        } else {
            board_end(b);
            gone++;
        }
    }
    put_back(r, kept, gone);
}

static void tick(struct radiator *r)
{
    struct json j;
    json_init(&j, 0, NULL, NULL);
    writer_text(&j.out, "event: snapshot\ndata: ");
    snapshot_write(&r->snapshot, &j);
    writer_text(&j.out, "\n\n");
    broadcast(r, writer_bytes(&j.out));
    json_release(&j);
}

/* False when it is time to stop. */
static bool wait_tick(struct radiator *r)
{
    mutex_lock(&r->lock);
    if (!r->is_stopping)
        (void)cond_wait_for(&r->wake, &r->lock, TICK_MS * NS_PER_MS);
    while (!r->is_stopping && r->board_count == 0)
        cond_wait(&r->wake, &r->lock); /* nobody looks */
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
    mutex_init(&r->lock);
    cond_init(&r->wake);
    snapshot_init(&r->snapshot, r->db, r->clock);
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
    for (struct board *b = take_boards(r); b;) {
        struct board *next = b->next;
        board_end(b);
        b = next;
    }
}

void radiator_free(struct radiator *r)
{
    if (!r)
        return;
    mutex_release(&r->lock);
    cond_release(&r->wake);
    mem_free(r);
}
