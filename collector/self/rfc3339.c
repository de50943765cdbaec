#include "collector/self/rfc3339.h"

#include "tsdb/base/civil.h"
#include "tsdb/base/clock.h"

#include <stdio.h>
#include <string.h>

size_t rfc3339_format(int64_t ns, unsigned digits, char out[RFC3339_MAX])
{
    int64_t s = ns / NS_PER_S, fraction = ns % NS_PER_S;
    if (fraction < 0) {
        fraction += NS_PER_S;
        s--;
    }
    int64_t days = s / SECONDS_PER_DAY, of_day = s % SECONDS_PER_DAY;
    if (of_day < 0) {
        of_day += SECONDS_PER_DAY;
        days--;
    }
    struct civil_date c = civil_of_days(days);
    int n = snprintf(out, RFC3339_MAX, "%04d-%02u-%02uT%02d:%02d:%02d", (int)c.year, c.month, c.day,
                     (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
    size_t len = (size_t)n;
    if (digits > 9)
        digits = 9;
    if (digits > 0) {
        char nine[16];
        (void)snprintf(nine, sizeof nine, "%09d", (int)fraction);
        out[len++] = '.';
        memcpy(out + len, nine, digits);
        len += digits;
    }
    out[len++] = 'Z';
    out[len] = '\0';
    return len;
}

struct scan {
    struct tsdb_text rest;
    bool fault;
};

static int scan_char(struct scan *s)
{
    if (s->rest.len == 0) {
        s->fault = true;
        return -1;
    }
    s->rest.len--;
    return (unsigned char)*s->rest.at++;
}

static void scan_one(struct scan *s, const char *of)
{
    int c = scan_char(s);
    if (c <= 0 || !strchr(of, c))
        s->fault = true;
}

static unsigned scan_digits(struct scan *s, int count, unsigned low, unsigned high)
{
    unsigned v = 0;
    for (int i = 0; i < count; i++) {
        int c = scan_char(s);
        if (c < '0' || c > '9') {
            s->fault = true;
            return 0;
        }
        v = v * 10 + (unsigned)(c - '0');
    }
    if (v < low || v > high)
        s->fault = true;
    return v;
}

static int64_t scan_fraction(struct scan *s)
{
    if (s->rest.len == 0 || *s->rest.at != '.')
        return 0;
    (void)scan_char(s);
    int64_t fraction = 0, unit = NS_PER_S;
    size_t seen = 0;
    for (; s->rest.len > 0 && *s->rest.at >= '0' && *s->rest.at <= '9'; seen++) {
        unit /= 10; /* 0 after nine digits: the rest is dropped */
        fraction += (scan_char(s) - '0') * unit;
    }
    if (seen == 0)
        s->fault = true;
    return fraction;
}

/* Seconds that local time is ahead of UTC. */
static int64_t scan_zone(struct scan *s)
{
    int c = scan_char(s);
    if (c == 'Z' || c == 'z')
        return 0;
    if (c != '+' && c != '-') {
        s->fault = true;
        return 0;
    }
    int64_t hours = scan_digits(s, 2, 0, 23);
    scan_one(s, ":");
    int64_t seconds = hours * 3600 + scan_digits(s, 2, 0, 59) * INT64_C(60);
    return c == '-' ? -seconds : seconds;
}

bool rfc3339_parse(struct tsdb_text text, int64_t *ns)
{
    struct scan s = {.rest = text};
    struct civil_date c;
    c.year = scan_digits(&s, 4, 1, 9999);
    scan_one(&s, "-");
    c.month = scan_digits(&s, 2, 1, 12);
    scan_one(&s, "-");
    c.day = scan_digits(&s, 2, 1, 31);
    scan_one(&s, "Tt ");
    int64_t of_day = scan_digits(&s, 2, 0, 23) * INT64_C(3600);
    scan_one(&s, ":");
    of_day += scan_digits(&s, 2, 0, 59) * INT64_C(60);
    scan_one(&s, ":");
    of_day += scan_digits(&s, 2, 0, 60);
    int64_t fraction = scan_fraction(&s);
    int64_t ahead = scan_zone(&s);
    if (s.fault || s.rest.len > 0 || c.day > civil_month_days(c.year, c.month))
        return false;
    int64_t seconds = civil_days(c) * SECONDS_PER_DAY + of_day - ahead;
    int64_t whole;
    if (__builtin_mul_overflow(seconds, NS_PER_S, &whole) ||
        __builtin_add_overflow(whole, fraction, &whole))
        return false;
    *ns = whole;
    return true;
}
