#include "tsdb/logql/address.h"

#include "tsdb/base/status.h"
#include "tsdb/query/quote.h"

#include <arpa/inet.h>
#include <string.h>

enum { ADDRESS_TEXT_MAX = 45 };

struct address {
    bool is_v6;
    uint8_t bytes[16];
};

static bool one_parse(const char *at, size_t len, struct address *out)
{
    char text[ADDRESS_TEXT_MAX + 1];
    if (len == 0 || len > ADDRESS_TEXT_MAX || memchr(at, '\0', len))
        return false;
    memcpy(text, at, len);
    text[len] = '\0';
    out->is_v6 = strchr(text, ':') != NULL;
    memset(out->bytes, 0, sizeof out->bytes);
    return inet_pton(out->is_v6 ? AF_INET6 : AF_INET, text, out->bytes) == 1;
}

static bool range_parse(struct tsdb_text p, const char *dash, struct address_set *out)
{
    struct address low, high;
    if (!one_parse(p.at, (size_t)(dash - p.at), &low) ||
        !one_parse(dash + 1, p.len - (size_t)(dash + 1 - p.at), &high) || low.is_v6 != high.is_v6 ||
        memcmp(low.bytes, high.bytes, sizeof low.bytes) > 0)
        return false;
    out->is_v6 = low.is_v6;
    memcpy(out->low, low.bytes, sizeof out->low);
    memcpy(out->high, high.bytes, sizeof out->high);
    return true;
}

static bool prefix_parse(struct tsdb_text p, const char *slash, struct address_set *out)
{
    struct address a;
    const char *digits = slash + 1, *end = p.at + p.len;
    unsigned bits = 0;
    size_t count = (size_t)(end - digits);
    if (count == 0 || count > 3 || (count > 1 && *digits == '0') ||
        !one_parse(p.at, (size_t)(slash - p.at), &a))
        return false;
    for (; digits < end; digits++) {
        if (*digits < '0' || *digits > '9')
            return false;
        bits = bits * 10 + (unsigned)(*digits - '0');
    }
    unsigned width = a.is_v6 ? 128 : 32;
    if (bits > width)
        return false;
    out->is_v6 = a.is_v6;
    memcpy(out->low, a.bytes, sizeof out->low);
    memcpy(out->high, a.bytes, sizeof out->high);
    for (unsigned bit = bits; bit < width; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        out->low[bit / 8] &= (uint8_t)~mask;
        out->high[bit / 8] |= mask;
    }
    return true;
}

enum tsdb_status ip_address_parse(struct tsdb_text pattern, struct address_set *out,
                                  struct tsdb_error *err)
{
    struct address_set set = {0};
    struct address one;
    const char *slash = pattern.len ? memchr(pattern.at, '/', pattern.len) : NULL;
    const char *dash = pattern.len ? memchr(pattern.at, '-', pattern.len) : NULL;
    bool is_good = false;
    if (one_parse(pattern.at, pattern.len, &one)) {
        set.is_v6 = one.is_v6;
        memcpy(set.low, one.bytes, sizeof set.low);
        memcpy(set.high, one.bytes, sizeof set.high);
        is_good = true;
    } else if (slash) {
        is_good = prefix_parse(pattern, slash, &set);
    } else if (dash) {
        is_good = range_parse(pattern, dash, &set);
    }
    if (!is_good)
        return tsdb_fail(err, TSDB_EINVAL, "ip: invalid pattern: %s", quoted_text(pattern, 64).at);
    *out = set;
    return TSDB_OK;
}

static bool holds(const struct address_set *set, const struct address *a)
{
    return a->is_v6 == set->is_v6 && memcmp(a->bytes, set->low, sizeof set->low) >= 0 &&
           memcmp(a->bytes, set->high, sizeof set->high) <= 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool begins_v4(const char *at, size_t left)
{
    return left > 3 && is_digit(at[0]) && (at[1] == '.' || at[2] == '.' || at[3] == '.');
}

/* "::" and a digit, or one to four digits and a colon. */
static bool begins_v6(const char *at, size_t left)
{
    if (left > 2 && at[0] == ':' && at[1] == ':' && is_hex(at[2]))
        return true;
    size_t digits = 0;
    while (digits < 4 && digits < left && is_hex(at[digits]))
        digits++;
    return digits > 0 && digits < left && at[digits] == ':';
}

bool address_search(const struct address_set *set, struct tsdb_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.at + i;
        size_t left = text.len - i, n = 0;
        if (begins_v4(at, left)) {
            while (n < left && (is_digit(at[n]) || at[n] == '.'))
                n++;
        } else if (begins_v6(at, left)) {
            while (n < left && (is_hex(at[n]) || at[n] == ':' || at[n] == '.'))
                n++;
        } else {
            continue;
        }
        struct address found;
        if (one_parse(at, n, &found) && holds(set, &found))
            return true;
        i += n;
    }
    return false;
}
