#include "tsdb/logql/pass.h"

#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"

#include <stdarg.h>
#include <stdio.h>

char *pass_bytes(struct pass *p, size_t count)
{
    char *at = arena_get(&p->arena, count ? count : 1, 1, 1);
    if (!at)
        p->is_spent = true;
    return at;
}

void pass_fail(struct pass *p, const char *error, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    char *copy = pass_bytes(p, len);
    if (copy)
        memcpy(copy, text, len);
    label_set_fail(&p->labels, error, (struct tsdb_text){copy ? copy : "", copy ? len : 0});
}

static bool is_wanted(const struct wanted *w, struct tsdb_text name, uint32_t hash)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->hashes[i] == hash && text_equal(w->names[i], name))
            return true;
    return false;
}

/* The fields are written in place: a copy of a struct just written stalls. */
static bool claim_suffixed(struct pass *p, struct tsdb_text name, struct label_claim *out)
{
    static const char suffix[] = "_extracted";
    char *at = pass_bytes(p, name.len + sizeof suffix - 1);
    if (!at)
        return false;
    memcpy(at, name.at, name.len);
    memcpy(at + name.len, suffix, sizeof suffix - 1);
    out->name.at = at;
    out->name.len = name.len + sizeof suffix - 1;
    out->hash = label_name_hash(out->name);
    return true;
}

bool pass_claim_any(struct pass *p, struct tsdb_text name, struct label_claim *out)
{
    uint32_t hash = label_name_hash(name);
    if (label_set_has_base(&p->labels, name, hash))
        return claim_suffixed(p, name, out);
    out->name.at = name.at;
    out->name.len = name.len;
    out->hash = hash;
    return true;
}

bool pass_claim(struct pass *p, struct tsdb_text name, struct label_claim *out)
{
    /* Where NAME_extracted is wanted, NAME is on the list too. */
    if (p->wanted && !is_wanted(p->wanted, name, label_name_hash(name)))
        return false;
    return pass_claim_any(p, name, out) &&
           (!p->wanted || is_wanted(p->wanted, out->name, out->hash)) &&
           !label_set_is_taken(&p->labels, out->name, out->hash);
}

bool pass_wants_prefix(const struct pass *p, struct tsdb_text prefix)
{
    const struct wanted *w = p->wanted;
    for (uint32_t i = 0; w && i < w->count; i++)
        if (w->names[i].len >= prefix.len && memcmp(w->names[i].at, prefix.at, prefix.len) == 0)
            return true;
    return !w;
}

static void count_wanted(struct pass *p, const struct label_claim *claim, uint32_t count)
{
    if (p->wanted && p->labels.count > count && is_wanted(p->wanted, claim->name, claim->hash))
        p->wanted_left--;
}

void pass_put(struct pass *p, const struct label_claim *claim, struct tsdb_text value)
{
    uint32_t count = p->labels.count;
    label_set_put(&p->labels, claim, value);
    count_wanted(p, claim, count);
}

void pass_put_fresh(struct pass *p, const struct label_claim *claim, struct tsdb_text value)
{
    uint32_t count = p->labels.count;
    label_set_append(&p->labels, claim, value);
    count_wanted(p, claim, count);
}

void pass_set(struct pass *p, struct tsdb_text name, struct tsdb_text value)
{
    struct label_claim claim = {name, label_name_hash(name)};
    pass_put(p, &claim, value);
}

/* [0-9], [A-Z], _, [a-z]: a bit a byte. */
static const uint64_t name_bytes[4] = {0x03ff000000000000u, 0x07fffffe87fffffeu, 0, 0};

static bool is_name_byte(unsigned char c)
{
    return name_bytes[c >> 6] >> (c & 63) & 1;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct tsdb_text trimmed(struct tsdb_text t)
{
    while (t.len > 0 && is_blank((unsigned char)t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && is_blank((unsigned char)t.at[t.len - 1]))
        t.len--;
    return t;
}

struct tsdb_text pass_label_name(struct pass *p, struct tsdb_text name)
{
    size_t good = 0;
    while (good < name.len && is_name_byte((unsigned char)name.at[good]))
        good++;
    bool is_led = name.len > 0 && (unsigned)(name.at[0] - '0') < 10;
    if (good == name.len && !is_led)
        return name;
    name = trimmed(name);
    char *out = pass_bytes(p, name.len + 1);
    size_t n = 0;
    if (!out || name.len == 0)
        return (struct tsdb_text){"", 0};
    if ((unsigned)(name.at[0] - '0') < 10)
        out[n++] = '_';
    for (size_t i = 0; i < name.len;) {
        uint32_t width = 1;
        unsigned char c = (unsigned char)name.at[i];
        if (c >= 0x80)
            (void)rune_at(name, i, &width);
        out[n++] = is_name_byte(c) ? (char)c : '_';
        i += width;
    }
    return (struct tsdb_text){out, n};
}

struct tsdb_text pass_clean_text(struct pass *p, struct tsdb_text text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    if (text.len == 0 || (utf8_check(text.at, text.len) &&
                          !memmem(text.at, text.len, replacement, sizeof replacement - 1)))
        return text;
    char *out = pass_bytes(p, text.len);
    if (!out)
        return (struct tsdb_text){"", 0};
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        uint32_t width = 1;
        if ((unsigned char)text.at[i] < 0x80) {
            out[n++] = text.at[i];
        } else if (rune_at(text, i, &width) == RUNE_ERROR) {
            out[n++] = ' ';
        } else {
            memcpy(out + n, text.at + i, width);
            n += width;
        }
        i += width;
    }
    return (struct tsdb_text){out, n};
}

void label_name_of(struct tsdb_text name, struct writer *out)
{
    if (name.len > 0 && (unsigned)(name.at[0] - '0') < 10)
        writer_u8(out, '_');
    for (size_t i = 0; i < name.len; i++)
        writer_u8(out, is_name_byte((unsigned char)name.at[i]) ? (uint8_t)name.at[i] : '_');
}
