#include "collector/waiting_room.h"

#include "collector/self/log.h"
#include "tsdb/base/writer.h"

#include <stdio.h>
#include <string.h>

static void reply_text(struct exchange *x, int status, const char *text)
{
    static const struct exchange_header retry = {{"retry-after", 11}, {"1", 1}};
    struct exchange_answer answer = {.status = status,
                                     .content_type = "text/plain; charset=utf-8",
                                     .headers = &retry,
                                     .header_count = status == 503 ? 1 : 0};
    exchange_reply(x, &answer, (struct bytes){(const uint8_t *)text, strlen(text)});
}

static void on_healthy(void *arg, struct exchange *x)
{
    (void)arg;
    reply_text(x, 200, "Andon is healthy.\n");
}

static void on_other(void *arg, struct exchange *x)
{
    struct waiting_room *w = arg;
    char text[WAITING_TEXT_MAX + 64];
    mutex_lock(&w->lock);
    (void)snprintf(text, sizeof text, "Andon is starting: %s\n", w->progress);
    mutex_unlock(&w->lock);
    if (exchange_is_grpc(x))
        exchange_reply_grpc(x, 14, "Andon is starting", (struct bytes){0}, 1000);
    else
        reply_text(x, 503, text);
}

void waiting_room_open(struct waiting_room *w, const struct net_options *options)
{
    *w = (struct waiting_room){0};
    mutex_init(&w->lock);
    waiting_room_tell(w, "opening the store");
    w->routes[0] = (struct exchange_route){"GET", "/-/healthy", 0, on_healthy, w};
    w->routes[1] = (struct exchange_route){"GET POST PUT DELETE", "/", 0, on_other, w};
    struct net_options early = *options;
    early.udp = early.tcp = "off"; /* frames are better refused than answered late */
    early.routes = w->routes;
    early.route_count = 2;
    early.loops = 1;
    struct tsdb_error err = {0};
    if (net_open(&early, &w->net, &err) == TSDB_OK)
        net_start(w->net);
    else
        w->net = NULL;
}

void waiting_room_tell(struct waiting_room *w, const char *progress)
{
    mutex_lock(&w->lock);
    (void)snprintf(w->progress, sizeof w->progress, "%s", progress);
    mutex_unlock(&w->lock);
}

void waiting_room_close(struct waiting_room *w)
{
    if (w->net) {
        net_stop_accepting(w->net);
        (void)net_drain(w->net, 200); /* what is left gets a reset and tries again */
        net_close(w->net);
    }
    w->net = NULL;
    mutex_release(&w->lock);
}
