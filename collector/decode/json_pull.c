#include "collector/decode/json_pull.h"

#include "tsdb/base/text.h"

enum expect {
    EXPECT_VALUE = 0,
    EXPECT_FIRST_KEY, /* or the end of the object */
    EXPECT_MORE_KEYS, /* a comma and a key, or the end of the object */
    EXPECT_FIRST_ITEM,
    EXPECT_MORE_ITEMS,
    EXPECT_NOTHING,
    EXPECT_FAULT,
};

void json_pull_init(struct json_pull *j, struct bytes in)
{
    *j = (struct json_pull){.r = reader_over(in), .expect = EXPECT_VALUE};
}

static enum json_token fault(struct json_pull *j)
{
    reader_fail(&j->r);
    j->expect = EXPECT_FAULT;
    return JSON_FAULT;
}

/* The next byte that is no white space, not taken; -1 at the end. */
static int peek(struct json_pull *j)
{
    while (j->r.rest.len > 0) {
        uint8_t c = j->r.rest.at[0];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
        (void)reader_u8(&j->r);
    }
    return -1;
}

static bool top_is_object(const struct json_pull *j)
{
    uint32_t at = j->depth - 1;
    return j->nest[at / 8] >> (at % 8) & 1;
}

static void value_ended(struct json_pull *j)
{
    if (j->depth == 0)
        j->expect = EXPECT_NOTHING;
    else
        j->expect = top_is_object(j) ? EXPECT_MORE_KEYS : EXPECT_MORE_ITEMS;
}

static enum json_token begin(struct json_pull *j, bool is_object)
{
    if (j->depth == JSON_DEPTH_MAX)
        return fault(j);
    uint8_t bit = (uint8_t)(1u << (j->depth % 8));
    uint8_t *nest = &j->nest[j->depth / 8];
    *nest = is_object ? (uint8_t)(*nest | bit) : (uint8_t)(*nest & ~bit);
    j->depth++;
    j->expect = is_object ? EXPECT_FIRST_KEY : EXPECT_FIRST_ITEM;
    (void)reader_u8(&j->r);
    return is_object ? JSON_BEGIN_OBJECT : JSON_BEGIN_ARRAY;
}

static enum json_token end(struct json_pull *j, enum json_token token)
{
    (void)reader_u8(&j->r);
    j->depth--;
    value_ended(j);
    return token;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether eight bytes hold no quote, no backslash and no control character: a zero
 * byte in w ^ EACH(c) borrows into its top bit, a byte below 0x20 does in w - EACH. */
static inline bool is_plain(const uint8_t *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof w);
    uint64_t quote = w ^ EACH('"'), slash = w ^ EACH('\\');
    uint64_t hits = ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash) |
                    ((w - EACH(0x20)) & ~w); /* wraps */
    return (hits & EACH(0x80)) == 0;
}

/* The text between the quotes; the first quote is next. */
static bool take_string(struct json_pull *j)
{
    (void)reader_u8(&j->r);
    const uint8_t *at = j->r.rest.at;
    size_t len = j->r.rest.len, i = 0;
    j->is_escaped = false;
    while (i < len && at[i] != '"') {
        if (len - i >= 8 && is_plain(at + i)) {
            i += 8;
            continue;
        }
        if (at[i] < 0x20)
            return false;
        if (at[i] == '\\') {
            j->is_escaped = true;
            i++;
        }
        i++;
    }
    if (i >= len)
        return false;
    j->text = (struct tsdb_text){(const char *)at, i};
    (void)reader_take(&j->r, i + 1);
    return true;
}

static size_t digits(const uint8_t *at, size_t len, size_t i)
{
    while (i < len && at[i] >= '0' && at[i] <= '9')
        i++;
    return i;
}

/* Length of the number at the front by RFC 8259 section 6, or 0. */
static size_t number_length(const uint8_t *at, size_t len)
{
    size_t i = len > 0 && at[0] == '-';
    size_t whole = digits(at, len, i);
    if (whole == i || (at[i] == '0' && whole > i + 1))
        return 0;
    i = whole;
    if (i < len && at[i] == '.') {
        size_t more = digits(at, len, i + 1);
        if (more == i + 1)
            return 0;
        i = more;
    }
    if (i < len && (at[i] == 'e' || at[i] == 'E')) {
        size_t from = i + 1;
        if (from < len && (at[from] == '+' || at[from] == '-'))
            from++;
        size_t more = digits(at, len, from);
        if (more == from)
            return 0;
        i = more;
    }
    return i;
}

static enum json_token take_word(struct json_pull *j)
{
    static const struct {
        const char *word;
        enum json_token token;
    } words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i].word);
        if (j->r.rest.len >= n && memcmp(j->r.rest.at, words[i].word, n) == 0) {
            (void)reader_take(&j->r, n);
            value_ended(j);
            return words[i].token;
        }
    }
    return fault(j);
}

static enum json_token take_value(struct json_pull *j)
{
    int c = peek(j);
    if (c == '{' || c == '[')
        return begin(j, c == '{');
    if (c == '"') {
        if (!take_string(j))
            return fault(j);
        value_ended(j);
        return JSON_STRING;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        size_t n = number_length(j->r.rest.at, j->r.rest.len);
        if (n == 0)
            return fault(j);
        j->text = (struct tsdb_text){(const char *)j->r.rest.at, n};
        j->is_escaped = false;
        (void)reader_take(&j->r, n);
        value_ended(j);
        return JSON_NUMBER;
    }
    return take_word(j);
}

static enum json_token take_key(struct json_pull *j)
{
    if (peek(j) != '"' || !take_string(j) || peek(j) != ':')
        return fault(j);
    (void)reader_u8(&j->r);
    j->expect = EXPECT_VALUE;
    return JSON_KEY;
}

enum json_token json_next(struct json_pull *j)
{
    int c = peek(j);
    switch ((enum expect)j->expect) {
    case EXPECT_VALUE: return take_value(j);
    case EXPECT_FIRST_KEY: return c == '}' ? end(j, JSON_END_OBJECT) : take_key(j);
    case EXPECT_MORE_KEYS:
        if (c == '}')
            return end(j, JSON_END_OBJECT);
        if (c != ',')
            return fault(j);
        (void)reader_u8(&j->r);
        return take_key(j);
    case EXPECT_FIRST_ITEM: return c == ']' ? end(j, JSON_END_ARRAY) : take_value(j);
    case EXPECT_MORE_ITEMS:
        if (c == ']')
            return end(j, JSON_END_ARRAY);
        if (c != ',')
            return fault(j);
        (void)reader_u8(&j->r);
        return take_value(j);
    case EXPECT_NOTHING: return c == -1 ? JSON_END : fault(j);
    case EXPECT_FAULT: break;
    }
    return JSON_FAULT;
}

bool json_skip(struct json_pull *j, enum json_token first)
{
    if (first == JSON_FAULT || first == JSON_END)
        return false;
    if (first != JSON_BEGIN_OBJECT && first != JSON_BEGIN_ARRAY)
        return true;
    uint32_t until = j->depth - 1;
    while (j->depth > until)
        if (json_next(j) == JSON_FAULT)
            return false;
    return true;
}

/* ---- strings ------------------------------------------------------------------------- */

/* Four hex digits, or -1. */
static int32_t hex4(const char *at, size_t len)
{
    int32_t v = 0;
    if (len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char c = at[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        else
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static size_t utf8_put(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

/* The character of \uXXXX (and its other half) after the 'u' at text.at[*i]; false for
 * half a pair.  *i moves past it. */
static bool unicode_take(struct tsdb_text text, size_t *i, uint32_t *out)
{
    int32_t first = hex4(text.at + *i, text.len - *i);
    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff))
        return false;
    *i += 4;
    *out = (uint32_t)first;
    if (first < 0xd800 || first > 0xdbff)
        return true;
    if (text.len - *i < 6 || text.at[*i] != '\\' || text.at[*i + 1] != 'u')
        return false;
    int32_t second = hex4(text.at + *i + 2, text.len - *i - 2);
    if (second < 0xdc00 || second > 0xdfff)
        return false;
    *i += 6;
    *out = 0x10000 + (((uint32_t)first - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
    return true;
}

static bool escape_take(struct tsdb_text text, size_t *i, uint8_t *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = text.at[(*i)++];
    uint32_t wide;
    if (c == 'u') {
        if (!unicode_take(text, i, &wide))
            return false;
        *n += utf8_put(wide, out + *n);
        return true;
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return false;
    out[(*n)++] = (uint8_t)to[found - from];
    return true;
}

bool json_unescape(struct tsdb_text text, uint8_t *out, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        if ((uint8_t)text.at[i] < 0x20)
            return false;
        if (text.at[i] != '\\') {
            out[n++] = (uint8_t)text.at[i++];
            continue;
        }
        i++;
        if (i >= text.len || !escape_take(text, &i, out, &n))
            return false;
    }
    *len = n;
    return utf8_check((const char *)out, n);
}
