#include "collector/api/loki.h"
#include "collector/net/http1.h"
#include "tsdb/base/text.h"

/* a - b, held at the ends of time. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t out;
    return __builtin_sub_overflow(a, b, &out) ? INT64_MIN : out;
}

bool loki_ask_range(struct request *r, int64_t since, struct loki_range *out)
{
    int64_t now = clock_wall_ns(r->api->options.clock);
    *out = (struct loki_range){.end = now};
    if (!request_time(r, "end", &out->end) || !request_duration(r, "since", &since))
        return false;
    out->start = minus(out->end < now ? out->end : now, since);
    if (!request_time(r, "start", &out->start))
        return false;
    if (out->start < out->end)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA,
               "end timestamp must not be before or equal to start time");
    return false;
}

bool loki_ask_step(struct request *r, int64_t steps_max, struct loki_range *range)
{
    /* Unsigned, because start and end may be all of time apart. */
    uint64_t width = (uint64_t)range->end - (uint64_t)range->start;
    uint64_t seconds = width / LOKI_STEPS_DEFAULT / (uint64_t)NS_PER_S;
    range->step = (int64_t)(seconds > 0 ? seconds : 1) * NS_PER_S;
    if (!request_duration(r, "step", &range->step))
        return false;
    if (range->step <= 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "zero or negative query resolution step widths are not accepted. Try a positive "
                   "integer");
        return false;
    }
    if (width / (uint64_t)range->step <= (uint64_t)steps_max)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA,
               "exceeded maximum resolution of %lld points per time series. Try increasing the "
               "value of the step parameter",
               (long long)steps_max);
    return false;
}

/* "{}" selects all, as no selector does. */
static bool selects_all(struct tsdb_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '{' && text.at[i] != '}' && text.at[i] != ' ')
            return false;
    return true;
}

bool loki_ask_scope(struct request *r, const char *param, struct tsdb_scope *out)
{
    struct loki_range range;
    *out = (struct tsdb_scope){.tenant = request_tenant(r)};
    if (!loki_ask_range(r, 6 * NS_PER_HOUR, &range) || !request_limit(r, &out->limit))
        return false;
    out->start = range.start;
    out->end = range.end;
    struct tsdb_text *selectors =
        ARENA_ARRAY(request_arena(r), struct tsdb_text, API_SELECTORS_MAX);
    size_t count = selectors ? form_collect(&r->form, param, selectors, API_SELECTORS_MAX) : 0;
    if (!selectors || count > API_SELECTORS_MAX) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "too many %s parameters, want at most %d", param,
                   API_SELECTORS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (selects_all(selectors[i]))
            count = 0;
    out->selectors = selectors;
    out->selector_count = (uint32_t)count;
    return true;
}

bool loki_is_categorized(const struct request *r)
{
    return http_list_has(exchange_header(r->x, "x-loki-response-encoding-flags"),
                         "categorize-labels");
}
