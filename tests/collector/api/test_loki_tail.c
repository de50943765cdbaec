#include "collector/api/loki_tail.h"

#include "collector/net/websocket.h"
#include "tests/collector/api/ask.h"

#define S INT64_C(1000000000)
#define NOW INT64_C(1795521600123000000)
#define TAIL "/loki/api/v1/tail"

TestSuite(loki_tail, .init = api_up, .fini = api_down, .timeout = 60);

static const struct tsdb_labels cart = LABELS_AT(LABEL("app", "cart"));
static const struct tsdb_labels trace = LABELS_AT(LABEL("trace_id", "t1"));

static struct tsdb_log_entry entry(int64_t ts, const char *line)
{
    return (struct tsdb_log_entry){ts, text_of(line), cart, trace, {0}};
}

static void connect_to(struct exchange *to, const char *query)
{
    static const char *const headers[][2] = {
        {"connection", "Upgrade"},
        {"upgrade", "websocket"},
        {"sec-websocket-version", "13"},
        {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
    };
    exchange_init(to, TAIL, query);
    memcpy(to->headers, headers, sizeof headers);
    send_to(to);
}

static bool is_started(struct exchange *of)
{
    mutex_lock(&of->lock);
    bool is_started = of->is_started;
    mutex_unlock(&of->lock);
    return is_started;
}

static void wait_open(struct exchange *of)
{
    for (int i = 0; i < 5000 && !is_started(of); i++)
        usleep(1000);
    cr_assert(is_started(of));
    cr_assert_eq(of->status, 101, "%d %s", of->status, exchange_body_text(of));
}

/* The text of the frames so far, each in [brackets]; control frames as their number. */
static const char *frames(struct exchange *of)
{
    static uint8_t buffer[1 << 20];
    static struct writer out;
    struct websocket_reader r;
    struct bytes payload;
    enum websocket_event event;
    writer_reset(&out);
    websocket_reader_init(&r, false, buffer, sizeof buffer);
    mutex_lock(&of->lock);
    struct bytes in = writer_bytes(&of->out);
    while ((event = websocket_read(&r, &in, &payload)) != WEBSOCKET_MORE)
        if (event == WEBSOCKET_TEXT)
            writer_format(&out, "[%.*s]", (int)payload.len, (const char *)payload.at);
        else
            writer_format(&out, "<%d %u>", (int)event, r.code);
    mutex_unlock(&of->lock);
    writer_u8(&out, 0);
    return (const char *)out.at;
}

static void wait_frames(struct exchange *of, const char *want)
{
    for (int i = 0; i < 3000 && !strstr(frames(of), want); i++)
        usleep(1000);
    cr_assert(strstr(frames(of), want), "want %s in %s", want, frames(of));
}

static void peer_closes(struct exchange *of)
{
    static const uint8_t close_frame[] = {0x88, 0x82, 1, 2, 3, 4, 0x02, 0xea}; /* 1000 */
    exchange_receive(of, (struct bytes){close_frame, sizeof close_frame});
}

Test(loki_tail, what_was_there_comes_first_and_what_comes_comes_soon)
{
    logs.entries[0] = entry(NOW - 3 * S, "one");
    logs.entries[1] = entry(NOW - 2 * S, "two");
    logs.entries[2] = entry(NOW - S, "three");
    logs.entry_count = 3;
    connect_to(&x, "query={app=\"cart\"}&limit=2");
    wait_open(&x);
    wait_frames(&x, "[{\"streams\":[{\"stream\":{\"app\":\"cart\",\"trace_id\":\"t1\"},\"values\":["
                    "[\"1795521598123000000\",\"two\"],[\"1795521599123000000\",\"three\"]]}],"
                    "\"dropped_entries\":null}]");
    struct tsdb_log_entry again = entry(NOW - S, "three"), fresh = entry(NOW, "four");
    tail_append(&again); /* told already: not told twice */
    tail_append(&fresh);
    int64_t before = clock_mono_ns(clock_real());
    wait_frames(&x, "\"four\"]");
    cr_assert_lt((clock_mono_ns(clock_real()) - before) / NS_PER_MS, 200);
    cr_assert(!strstr(strstr(frames(&x), "four") - 40, "three"), "%s", frames(&x));
    peer_closes(&x);
    exchange_wait(&x);
    cr_assert(strstr(frames(&x), "<5 1000>"), "%s", frames(&x));
    cr_assert_eq(logs.tails_open, 0);
    exchange_release(&x);
}

Test(loki_tail, the_flag_keeps_kinds_of_labels_apart)
{
    exchange_init(&x, TAIL, "query={app=\"cart\"}&start=1795521600123000000&delay_for=5");
    x.headers[0][0] = "connection";
    x.headers[0][1] = "upgrade";
    x.headers[1][0] = "upgrade";
    x.headers[1][1] = "websocket";
    x.headers[2][0] = "sec-websocket-version";
    x.headers[2][1] = "13";
    x.headers[3][0] = "sec-websocket-key";
    x.headers[3][1] = "dGhlIHNhbXBsZSBub25jZQ==";
    x.headers[4][0] = "x-loki-response-encoding-flags";
    x.headers[4][1] = "categorize-labels";
    send_to(&x);
    wait_open(&x);
    struct tsdb_log_entry e = entry(7, "x");
    tail_append(&e);
    wait_frames(&x,
                "[{\"streams\":[{\"stream\":{\"app\":\"cart\"},\"values\":[[\"7\",\"x\","
                "{\"structuredMetadata\":{\"trace_id\":\"t1\"}}]]}],\"dropped_entries\":null}]");
    x.is_gone = true;
    exchange_wait(&x);
    exchange_release(&x);
}

Test(loki_tail, a_slow_reader_is_passed_over_and_told_what_it_lost)
{
    connect_to(&x, "query={app=\"cart\"}");
    wait_open(&x);
    x.queued = TAIL_QUEUE_BYTES + 1;
    usleep(3 * TAIL_TICK_MS * 1000);
    struct tsdb_log_entry e = entry(7, "x");
    tail_append(&e);
    mutex_lock(&logs.lock);
    logs.tail_dropped = 12;
    mutex_unlock(&logs.lock);
    usleep(3 * TAIL_TICK_MS * 1000);
    cr_assert_str_eq(frames(&x), "");
    x.queued = 0;
    wait_frames(&x, "\"dropped_entries\":[{\"labels\":{\"dropped\":\"12\"},\"timestamp\":"
                    "\"1795521600123000000\"}]}]");
    cr_assert(strstr(frames(&x), "[\"7\",\"x\"]"), "%s", frames(&x));
    x.is_gone = true;
    exchange_wait(&x);
    exchange_release(&x);
}

Test(loki_tail, silence_is_broken_by_pings)
{
    connect_to(&x, "query={app=\"cart\"}");
    wait_open(&x);
    usleep(3 * TAIL_TICK_MS * 1000);
    cr_assert_str_eq(frames(&x), "");
    clock_sim_advance(&wall, TAIL_PING_S * NS_PER_S);
    wait_frames(&x, "<3 0>");
    x.is_gone = true;
    exchange_wait(&x);
    exchange_release(&x);
}

Test(loki_tail, a_tail_that_breaks_is_closed)
{
    connect_to(&x, "query={app=\"cart\"}");
    wait_open(&x);
    mutex_lock(&logs.lock);
    logs.tail_status = TSDB_EIO;
    mutex_unlock(&logs.lock);
    exchange_wait(&x);
    cr_assert_str_eq(frames(&x), "<5 1011>");
    exchange_release(&x);
}

Test(loki_tail, the_servers_end_closes_them_and_refuses_new_ones)
{
    static struct exchange late;
    connect_to(&x, "query={app=\"cart\"}");
    wait_open(&x);
    api_end_tails(api);
    exchange_wait(&x);
    cr_assert_str_eq(frames(&x), "<5 1001>");
    connect_to(&late, "query={app=\"cart\"}");
    exchange_wait(&late);
    cr_assert_eq(late.status, 429);
    cr_assert_eq(logs.tails_open, 0);
    exchange_release(&late);
    exchange_release(&x);
}

Test(loki_tail, what_is_wrong_is_said_before_the_handshake)
{
    static const struct {
        const char *query;
        int status;
    } cases[] = {
        {"query=x&limit=0", 400}, {"query=x&delay_for=6", 400}, {"query=x&start=soon", 400}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        connect_to(&x, cases[i].query);
        exchange_wait(&x);
        cr_assert_eq(x.status, cases[i].status, "%s: %d", cases[i].query, x.status);
        exchange_release(&x);
    }
    db.open_status = TSDB_EINVAL;
    db.message = "parse error";
    connect_to(&x, "query=x");
    exchange_wait(&x);
    cr_assert_eq(x.status, 400);
    cr_assert_str_eq(exchange_body_text(&x), "parse error\n");
    exchange_release(&x);
    (void)get(TAIL, "query=x"); /* no handshake */
    cr_assert_eq(x.status, 400);
    exchange_release(&x);
}

Test(loki_tail, no_more_than_there_are_places)
{
    static struct exchange many[TAILS_MAX + 1];
    for (size_t i = 0; i < TAILS_MAX; i++) {
        connect_to(&many[i], "query={app=\"cart\"}");
        wait_open(&many[i]);
    }
    connect_to(&many[TAILS_MAX], "query={app=\"cart\"}");
    exchange_wait(&many[TAILS_MAX]);
    cr_assert_eq(many[TAILS_MAX].status, 429);
    many[0].is_gone = true;
    exchange_wait(&many[0]);
    usleep(2 * TAIL_TICK_MS * 1000);
    connect_to(&x, "query={app=\"cart\"}");
    wait_open(&x);
    api_end_tails(api);
    exchange_wait(&x);
}
