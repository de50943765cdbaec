#include "collector/api/param.h"
#include "collector/api/request.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

enum { SECONDS_DIGITS_MAX = 10, INT64_DIGITS_MAX = 19 };

/* A whole number of nanoseconds; false when the text is none, or has few digits. */
static bool parse_ns(struct tsdb_text text, int64_t *ns)
{
    bool is_negative = text.len > 0 && text.at[0] == '-';
    size_t digits = text.len - is_negative;
    uint64_t v = 0;
    if (digits <= SECONDS_DIGITS_MAX || digits > INT64_DIGITS_MAX)
        return false;
    for (size_t i = is_negative; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (v > INT64_MAX)
        return false;
    *ns = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

bool request_time(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_text text = request_param(r, name);
    struct tsdb_error err = {0};
    if (text.len == 0 || parse_ns(text, ns) || param_time(text, ns, &err) == TSDB_OK)
        return true;
    request_fail_param(r, name, &err);
    return false;
}

bool request_duration(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_text text = request_param(r, name);
    struct tsdb_error err = {0};
    if (text.len == 0 || (param_duration(text, ns, &err) == TSDB_OK && *ns >= 0))
        return true;
    if (err.msg[0] == '\0')
        (void)tsdb_fail(&err, TSDB_EINVAL, "a negative duration");
    request_fail_param(r, name, &err);
    return false;
}

bool request_count(struct request *r, const char *name, uint64_t most, uint64_t *count)
{
    struct tsdb_text text = request_param(r, name);
    struct tsdb_error err = {0};
    if (text.len == 0)
        return true;
    if (param_limit(text, count, &err) != TSDB_OK) {
        request_fail_param(r, name, &err);
        return false;
    }
    if (*count >= 1 && *count <= most)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid parameter \"%s\": %llu, want 1 to %llu", name,
               (unsigned long long)*count, (unsigned long long)most);
    return false;
}
