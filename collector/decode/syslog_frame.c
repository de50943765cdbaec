#include "collector/decode/syslog_frame.h"

enum { COUNT_DIGITS_MAX = 9 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_between(uint8_t c)
{
    return c == '\n' || c == '\r' || c == '\0' || c == ' ';
}

/* What the front of a frame is. */
enum front { FRONT_LINE, FRONT_COUNT, FRONT_MORE };

/* A count is digits, a blank and the '<' of a priority; *skip: bytes before the message. */
static enum front front_of(struct bytes in, bool is_last, size_t *count, size_t *skip)
{
    size_t i = 0, n = 0;
    while (i < in.len && is_digit(in.at[i]) && i < COUNT_DIGITS_MAX)
        n = n * 10 + (size_t)(in.at[i++] - '0');
    if (i == 0 || in.at[0] == '0')
        return FRONT_LINE;
    static const uint8_t behind[] = {' ', '<'};
    for (size_t k = 0; k < sizeof behind; k++, i++) {
        if (i == in.len)
            return is_last ? FRONT_LINE : FRONT_MORE;
        if (in.at[i] != behind[k])
            return FRONT_LINE;
    }
    *count = n;
    *skip = i - 1;
    return FRONT_COUNT;
}

static enum tsdb_status take_line(struct bytes in, size_t limit, bool is_last,
                                  struct syslog_frame *out)
{
    size_t most = in.len < limit ? in.len : limit, n = 0;
    while (n < most && in.at[n] != '\n' && in.at[n] != '\0')
        n++;
    if (n == in.len && !is_last) /* also at the limit: its end may come next */
        return TSDB_END;
    bool has_end = n < in.len && (in.at[n] == '\n' || in.at[n] == '\0');
    out->message = (struct bytes){in.at, n};
    out->is_cut = !has_end && n < in.len;
    out->used += n + has_end;
    return TSDB_OK;
}

enum tsdb_status syslog_frame_next(struct bytes in, size_t limit, bool is_last,
                                   struct syslog_frame *out)
{
    size_t count = 0, skip = 0;
    *out = (struct syslog_frame){0};
    while (in.len > 0 && is_between(in.at[0])) {
        in.at++;
        in.len--;
        out->used++;
    }
    if (in.len == 0)
        return TSDB_END;
    switch (front_of(in, is_last, &count, &skip)) {
    case FRONT_LINE: return take_line(in, limit, is_last, out);
    case FRONT_MORE: return TSDB_END;
    case FRONT_COUNT: break;
    }
    if (count > limit)
        return TSDB_ECORRUPT;
    if (count > in.len - skip)
        return is_last ? TSDB_ECORRUPT : TSDB_END;
    out->message = (struct bytes){in.at + skip, count};
    out->used += skip + count;
    return TSDB_OK;
}
