#include "collector/ingest/intake_end.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <stdio.h>

void intake_remember(const struct intake_end *in, enum reason reason, struct tsdb_text text)
{
    rejects_put(in->room->rejects, clock_wall_ns(in->room->clock), in->source, reason, text);
}

static void count_items(const struct intake_end *in)
{
    enum door door = in->source->door;
    counters_add(ITEMS_RECEIVED, AT(in->signal, door), (int64_t)in->out->received);
    counters_add(ITEMS_ACCEPTED, AT(in->signal, door), (int64_t)in->out->accepted);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        if (in->counts[r] > 0)
            counters_add(ITEMS_REJECTED, AT(in->signal, door, r), (int64_t)in->counts[r]);
}

/* Decoded whole: what the items' verdicts add up to. */
void intake_conclude(struct intake_end *in, const struct decode_tally *tally)
{
    struct outcome *out = in->out;
    for (int r = 0; r < DECODE_REASON_COUNT; r++) {
        uint64_t n = tally->rejected[r];
        if (n == 0)
            continue;
        in->counts[outcome_reason_of((enum decode_reason)r)] += n;
        out->rejected += n;
    }
    if (tally->message[0])
        intake_remember(in, REASON_MALFORMED, text_of(tally->message));
    out->received = tally->received;
    ASSERT(out->received == out->accepted + out->rejected);
    bool is_limited = in->counts[REASON_SERIES_LIMIT] + in->counts[REASON_CHURN_LIMIT] > 0;
    if (is_limited)
        out->kind = OUTCOME_LIMITED;
    else if (out->rejected > 0)
        out->kind = OUTCOME_PARTIAL;
    size_t len = 0;
    for (unsigned r = 0; r < REASON_COUNT && len < sizeof out->message; r++) {
        if (in->counts[r] == 0)
            continue;
        int n = snprintf(out->message + len, sizeof out->message - len, "%s%s: %llu",
                         len > 0 ? ", " : "", outcome_reason_name((enum reason)r),
                         (unsigned long long)in->counts[r]);
        len += n > 0 ? (size_t)n : 0;
    }
    if (tally->message[0] && len < sizeof out->message)
        (void)snprintf(out->message + len, sizeof out->message - len, " (%s)", tally->message);
    count_items(in);
}

/* Whether it was the message's own limit that was reached, not the process' memory:
 * then it will never fit, and must not be sent again. */
static bool is_too_large(const struct intake_room *room)
{
    if (!room->budget)
        return true;
    if (!budget_charge(room->budget, room->arena_bytes_max))
        return false;
    budget_release(room->budget, room->arena_bytes_max);
    return true;
}

/* Refused whole; items stored before the fault stay, and are counted as they are. */
void intake_fail(struct intake_end *in, enum tsdb_status st)
{
    struct outcome *out = in->out;
    out->received = out->accepted + out->rejected;
    count_items(in);
    if (in->append_status != TSDB_OK && in->room->otlp.seen)
        otlp_seen_reset(in->room->otlp.seen);
    if (in->append_status == TSDB_EIO)
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_UNWRITABLE, in->err.msg);
    else if (in->append_status != TSDB_OK || (st == TSDB_ELIMIT && !is_too_large(in->room)))
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_OVERLOADED, in->err.msg);
    else if (st == TSDB_EINVAL || st == TSDB_ELIMIT)
        outcome_refuse(out, OUTCOME_TOO_LARGE, REASON_TOO_LARGE, in->err.msg);
    else
        outcome_refuse(out, OUTCOME_INVALID, REASON_MALFORMED, in->err.msg);
}
