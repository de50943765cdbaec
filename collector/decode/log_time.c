#include "collector/decode/log_time.h"

#include "tsdb/base/civil.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <stddef.h>

struct scan {
    const char *at, *end;
    bool fault;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The next character when it is one of two. */
static bool scan_either(struct scan *s, char a, char b)
{
    if (s->at == s->end || (*s->at != a && *s->at != b))
        return false;
    s->at++;
    return true;
}

static void scan_must(struct scan *s, char c)
{
    if (!scan_either(s, c, c))
        s->fault = true;
}

static unsigned scan_number(struct scan *s, unsigned digits, unsigned low, unsigned high)
{
    unsigned v = 0;
    for (; digits > 0 && s->at < s->end && is_digit(*s->at); digits--)
        v = v * 10 + (unsigned)(*s->at++ - '0');
    if (digits == 0 && v >= low && v <= high)
        return v;
    s->fault = true;
    return low;
}

/* Digits of a fraction, in units of which `unit` make a whole; further digits drop. */
static int64_t scan_fraction(struct scan *s, int64_t unit)
{
    int64_t fraction = 0;
    if (s->at == s->end || !is_digit(*s->at))
        s->fault = true;
    for (; s->at < s->end && is_digit(*s->at); s->at++) {
        unit /= 10;
        fraction += (*s->at - '0') * unit;
    }
    return fraction;
}

/* Seconds that the writer's clock is ahead of UTC. */
static int64_t scan_zone(struct scan *s)
{
    (void)scan_either(s, ' ', ' ');
    if (s->at == s->end || scan_either(s, 'Z', 'z'))
        return 0;
    bool is_behind = *s->at == '-';
    if (!scan_either(s, '+', '-')) {
        s->fault = true;
        return 0;
    }
    int64_t seconds = scan_number(s, 2, 0, 23) * INT64_C(3600);
    if (s->at < s->end) {
        (void)scan_either(s, ':', ':');
        seconds += scan_number(s, 2, 0, 59) * INT64_C(60);
    }
    return is_behind ? -seconds : seconds;
}

bool log_time_parse_iso(struct tsdb_text text, int64_t *ns)
{
    struct scan s = {text.at, text.at + text.len, false};
    int64_t seconds = 0, fraction = 0, whole;
    unsigned year = scan_number(&s, 4, 1, 9999);
    scan_must(&s, '-');
    unsigned month = scan_number(&s, 2, 1, 12);
    scan_must(&s, '-');
    unsigned day = scan_number(&s, 2, 1, 31);
    if (!s.fault && s.at < s.end) {
        if (!scan_either(&s, 'T', 't'))
            scan_must(&s, ' ');
        seconds = scan_number(&s, 2, 0, 23) * INT64_C(3600);
        scan_must(&s, ':');
        seconds += scan_number(&s, 2, 0, 59) * INT64_C(60);
        if (scan_either(&s, ':', ':')) {
            seconds += scan_number(&s, 2, 0, 60);
            if (scan_either(&s, '.', ','))
                fraction = scan_fraction(&s, NS_PER_S);
        }
        seconds -= scan_zone(&s);
    }
    if (s.fault || s.at != s.end || day > civil_month_days(year, month))
        return false;
    seconds += civil_days((struct civil_date){year, month, day}) * SECONDS_PER_DAY;
    if (__builtin_mul_overflow(seconds, NS_PER_S, &whole) ||
        __builtin_add_overflow(whole, fraction, &whole))
        return false;
    *ns = whole;
    return true;
}

/* Nanoseconds in the unit that a number of this size counts. */
static int64_t unit_of(int64_t n)
{
    if (n < INT64_C(100000000000))
        return NS_PER_S;
    if (n < INT64_C(100000000000000))
        return NS_PER_MS;
    return n < INT64_C(100000000000000000) ? NS_PER_US : 1;
}

static bool parse_exponent(struct tsdb_text text, int64_t *ns)
{
    double v;
    if (!double_parse(text, &v) || !(fabs(v) < 9e18))
        return false;
    int64_t whole = (int64_t)v, unit = unit_of(whole < 0 ? -whole : whole), out;
    int64_t fraction = (int64_t)((v - (double)whole) * (double)unit);
    if (__builtin_mul_overflow(whole, unit, &out) || __builtin_add_overflow(out, fraction, &out))
        return false;
    *ns = out;
    return true;
}

bool log_time_parse_epoch(struct tsdb_text text, int64_t *ns)
{
    struct scan s = {text.at, text.at + text.len, false};
    int64_t n = 0, fraction = 0, out;
    bool is_negative = scan_either(&s, '-', '-');
    if (s.at == s.end || !is_digit(*s.at))
        return false;
    for (; s.at < s.end && is_digit(*s.at); s.at++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s.at - '0', &n))
            return false;
    int64_t unit = unit_of(n);
    if (scan_either(&s, '.', '.'))
        fraction = scan_fraction(&s, unit);
    if (s.at < s.end && (*s.at == 'e' || *s.at == 'E'))
        return !s.fault && parse_exponent(text, ns);
    if (s.fault || s.at != s.end || __builtin_mul_overflow(n, unit, &out) ||
        __builtin_add_overflow(out, fraction, &out))
        return false;
    *ns = is_negative ? -out : out;
    return true;
}

bool log_time_parse(struct tsdb_text text, int64_t *ns)
{
    return log_time_parse_iso(text, ns) || log_time_parse_epoch(text, ns);
}
