#include "collector/ingest/syslog_door.h"

#include "collector/decode/syslog_frame.h"
#include "tsdb/base/text.h"

#include <string.h>

/* Messages from one host, and what they cost. */
struct gathered {
    struct bytes messages[SYSLOG_BATCH_MAX];
    uint32_t count;
    int64_t bytes;
};

static void gather(struct gathered *g, struct bytes message)
{
    if (message.len == 0)
        return;
    g->messages[g->count++] = message;
    g->bytes += (int64_t)message.len;
}

/* "10.0.0.7:514" and "[::1]:514" without the port and the brackets. */
static struct tsdb_text host_of(struct tsdb_text peer)
{
    const char *colon = peer.len ? memrchr(peer.at, ':', peer.len) : NULL;
    struct tsdb_text host = {peer.at, colon ? (size_t)(colon - peer.at) : peer.len};
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct tsdb_text){host.at + 1, host.len - 2};
    return host;
}

/* The batch failed: nobody sends its messages again, so they are counted as refused. */
static void count_lost(const struct outcome *o, uint32_t count)
{
    int64_t lost = (int64_t)count - (int64_t)o->received;
    if (o->kind < OUTCOME_INVALID || o->kind == OUTCOME_LIMITED || lost <= 0)
        return;
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_LOGS, DOOR_SYSLOG), lost);
    counters_add(ITEMS_REJECTED, AT(SIGNAL_LOGS, DOOR_SYSLOG, o->reason), lost);
}

static void append(struct reception *r, struct tsdb_text peer, struct gathered *g)
{
    struct intake_source source = {DOOR_SYSLOG, peer, ""};
    struct outcome outcome = {.signal = SIGNAL_LOGS};
    const struct log_hints hints = {
        .syslog = {.host = host_of(peer)}, .messages = g->messages, .message_count = g->count};
    if (g->count == 0)
        return;
    counters_add(RECEIVED_BYTES, AT(DOOR_SYSLOG), g->bytes);
    counters_add(DECODED_BYTES, AT(DOOR_SYSLOG), g->bytes);
    log_intake_run(&r->room, &source, INTAKE_SYSLOG, &hints, (struct bytes){0}, &outcome);
    reception_refused(r, &source, &outcome);
    count_lost(&outcome, g->count);
    g->count = 0;
    g->bytes = 0;
}

/* ---- datagrams --------------------------------------------------------------------------- */

struct origin {
    char text[ADDRESS_TEXT_MAX];
    size_t len;
};

static struct tsdb_text origin_host(const struct origin *o)
{
    return host_of((struct tsdb_text){o->text, o->len});
}

/* Those of the first host that are left, and the datagrams of others kept for later. */
static size_t take_host(struct reception *r, const struct udp_datagram *at,
                        const struct origin *origins, uint16_t *left, size_t count)
{
    struct gathered g = {.count = 0};
    size_t others = 0;
    const struct origin *first = &origins[left[0]];
    for (size_t i = 0; i < count; i++) {
        if (text_equal(origin_host(&origins[left[i]]), origin_host(first)))
            gather(&g, at[left[i]].bytes);
        else
            left[others++] = left[i];
    }
    append(r, (struct tsdb_text){first->text, first->len}, &g);
    return others;
}

static void take_datagrams(struct reception *r, const struct udp_datagram *at, size_t count)
{
    struct origin origins[SYSLOG_BATCH_MAX];
    uint16_t left[SYSLOG_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        origins[i].len = address_format(at[i].peer, origins[i].text);
        left[i] = (uint16_t)i;
    }
    while (count > 0)
        count = take_host(r, at, origins, left, count);
}

void syslog_door_datagrams(struct reception *r, const struct udp_datagram *at, size_t count)
{
    for (size_t i = 0; i < count; i += SYSLOG_BATCH_MAX) {
        size_t n = count - i < SYSLOG_BATCH_MAX ? count - i : SYSLOG_BATCH_MAX;
        take_datagrams(r, at + i, n);
    }
}

/* ---- streams ------------------------------------------------------------------------------ */

/* Whether what is new can have ended a message; if not, the long look at the rest is spared,
 * so that a line that drips in does not cost its square. */
static bool may_end(const struct stream_piece *p)
{
    struct bytes in = p->bytes;
    size_t digits = 0;
    while (digits < in.len && digits < 10 && in.at[digits] >= '0' && in.at[digits] <= '9')
        digits++;
    bool is_count = digits > 0 && (digits == in.len || in.at[digits] == ' ');
    if (p->seen == 0 || p->is_last || is_count || in.len >= SYSLOG_FRAME_MAX)
        return true;
    const uint8_t *fresh = in.at + p->seen;
    size_t n = in.len - p->seen;
    return n > 0 && (memchr(fresh, '\n', n) || memchr(fresh, '\0', n));
}

size_t syslog_door_stream(struct reception *r, const struct stream_piece *piece)
{
    struct gathered g = {.count = 0};
    struct bytes rest = piece->bytes;
    enum tsdb_status st = may_end(piece) ? TSDB_OK : TSDB_END;
    while (st == TSDB_OK) {
        struct syslog_frame frame;
        st = syslog_frame_next(rest, SYSLOG_FRAME_MAX, piece->is_last, &frame);
        if (st == TSDB_OK)
            gather(&g, frame.message);
        if (st != TSDB_ECORRUPT) {
            rest.at += frame.used;
            rest.len -= frame.used;
        }
        if (g.count == SYSLOG_BATCH_MAX)
            append(r, piece->peer, &g);
    }
    append(r, piece->peer, &g);
    return st == TSDB_ECORRUPT ? STREAM_FAULT : piece->bytes.len - rest.len;
}
