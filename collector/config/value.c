#include "collector/config/load.h"

#include "collector/config/size.h"
#include "collector/self/period.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { RANGE_TEXT_MAX = 200, SHOWN_MAX = 48 };

static enum tsdb_status refuse(struct loader *l, const struct setting *s, struct tsdb_text value,
                               const char *place)
{
    char range[RANGE_TEXT_MAX], shown[SHOWN_MAX];
    setting_range(s, range, sizeof range);
    size_t n = value.len < sizeof shown - 1 ? value.len : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) /* one line, whatever the file holds */
        shown[i] = (unsigned char)value.at[i] < 0x20 ? '?' : value.at[i];
    shown[n] = '\0';
    return tsdb_fail(l->err, TSDB_EINVAL, "%s: %s is \"%s\", want %s", place, s->key, shown, range);
}

static const char *keep_text(struct loader *l, struct tsdb_text value)
{
    char *copy = ARENA_ARRAY(&l->config->texts, char, value.len + 1);
    if (copy)
        memcpy(copy, value.at, value.len);
    return copy;
}

static void *member(struct config *c, const struct setting *s)
{
    return (char *)c + s->off;
}

static const void *member_of(const struct config *c, const struct setting *s)
{
    return (const char *)c + s->off;
}

static bool is_in_range(const struct setting *s, uint64_t value)
{
    return value >= (uint64_t)s->low && value <= (uint64_t)s->high;
}

static bool port_parse(struct tsdb_text text)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.at[i] - '0');
    }
    return text.len > 0 && text.len <= 5 && port <= 65535;
}

/* host:port, :port, [v6]:port, off, or nothing (the same).  Hosts are addresses or localhost:
 * a name that moves is no place to listen on. */
static bool is_address(struct tsdb_text value)
{
    if (value.len == 0 || text_equal(value, text_of("off")))
        return true;
    const char *colon = memrchr(value.at, ':', value.len);
    if (!colon)
        return false;
    size_t n = (size_t)(colon - value.at);
    char host[64];
    if (!port_parse((struct tsdb_text){colon + 1, value.len - n - 1}) || n >= sizeof host)
        return false;
    memcpy(host, value.at, n);
    host[n] = '\0';
    unsigned char raw[sizeof(struct in6_addr)];
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, raw) == 1;
    }
    return n == 0 || strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, raw) == 1;
}

static bool share_parse(struct tsdb_text value, uint64_t *bytes)
{
    if (value.len < 2 || value.len > 4 || value.at[value.len - 1] != '%')
        return size_parse(value, bytes);
    uint64_t percent;
    if (!size_parse((struct tsdb_text){value.at, value.len - 1}, &percent) || percent < 1 ||
        percent > 100)
        return false;
    *bytes = memory_available(fs_posix()) / 100 * percent;
    return true;
}

static int choice_find(const char *choices, struct tsdb_text value)
{
    int index = 0;
    for (const char *p = choices;; index++) {
        size_t n = strcspn(p, ",");
        if (text_equal(value, (struct tsdb_text){p, n}))
            return index;
        if (p[n] == '\0')
            return -1;
        p += n + 1;
    }
}

static struct tsdb_text choice_get(const char *choices, int index)
{
    const char *p = choices;
    for (; index > 0; index--)
        p += strcspn(p, ",") + 1;
    return (struct tsdb_text){p, strcspn(p, ",")};
}

/* Numbers and choices into their member; false: not one, or out of range. */
static bool put_number(struct config *c, const struct setting *s, struct tsdb_text value)
{
    int64_t ns;
    uint64_t n;
    switch (s->kind) {
    case SETTING_DURATION:
        if (!period_parse(value, &ns) || !is_in_range(s, (uint64_t)ns))
            return false;
        *(int64_t *)member(c, s) = ns;
        return true;
    case SETTING_SIZE:
    case SETTING_SHARE:
        if (!(s->kind == SETTING_SIZE ? size_parse : share_parse)(value, &n) || !is_in_range(s, n))
            return false;
        *(uint64_t *)member(c, s) = n;
        return true;
    case SETTING_COUNT:
        if (value.len == 0 || value.at[value.len - 1] > '9' || !size_parse(value, &n) ||
            !is_in_range(s, n))
            return false;
        *(uint64_t *)member(c, s) = n;
        return true;
    case SETTING_BOOL:
    case SETTING_CHOICE:
    case SETTING_TEXT:
    case SETTING_ADDRESS:
    case SETTING_LIST: break;
    }
    UNREACHABLE();
}

static bool put_text(struct loader *l, const struct setting *s, struct tsdb_text value)
{
    if (memchr(value.at, '\0', value.len))
        return false;
    if (s->kind == SETTING_ADDRESS ? !is_address(value) : !is_in_range(s, value.len))
        return false;
    const char *copy = keep_text(l, value);
    if (copy)
        *(const char **)member(l->config, s) = copy;
    return copy != NULL;
}

/* Where the item at `from` ends: at a comma that stands neither in quotes nor in braces. */
static size_t item_end(struct tsdb_text value, size_t from)
{
    char quote = '\0';
    int depth = 0;
    for (size_t i = from; i < value.len; i++) {
        char c = value.at[i];
        if (quote) {
            i += c == '\\' && quote == '"';
            if (c == quote)
                quote = '\0';
        } else if (c == '"' || c == '`') {
            quote = c;
        } else if (c == ',' && depth <= 0) {
            return i;
        } else {
            depth += (c == '{') - (c == '}');
        }
    }
    return value.len;
}

static enum tsdb_status put_split(struct loader *l, const struct setting *s, struct tsdb_text value,
                                  const char *place)
{
    struct tsdb_text items[CONFIG_VALUE_MAX / 2];
    size_t count = 0;
    for (size_t i = 0; i < value.len;) {
        size_t end = item_end(value, i);
        if (count >= (size_t)s->high)
            return refuse(l, s, value, place);
        items[count++] = (struct tsdb_text){value.at + i, end - i};
        i = end + 1;
    }
    return loader_put_list(l, s, items, count, place);
}

enum tsdb_status loader_put(struct loader *l, const struct setting *s, struct tsdb_text value,
                            const char *place)
{
    bool is_taken = false;
    int choice;
    if (value.len > CONFIG_VALUE_MAX)
        return refuse(l, s, value, place);
    switch (s->kind) {
    case SETTING_LIST: return put_split(l, s, value, place);
    case SETTING_TEXT:
    case SETTING_ADDRESS: is_taken = put_text(l, s, value); break;
    case SETTING_BOOL:
        choice = choice_find("false,true", value);
        is_taken = choice >= 0;
        if (is_taken)
            *(bool *)member(l->config, s) = choice == 1;
        break;
    case SETTING_CHOICE:
        choice = choice_find(s->choices, value);
        is_taken = choice >= 0;
        if (is_taken)
            *(int *)member(l->config, s) = choice;
        break;
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_SHARE:
    case SETTING_COUNT: is_taken = put_number(l->config, s, value); break;
    }
    return is_taken ? TSDB_OK : refuse(l, s, value, place);
}

enum tsdb_status loader_put_list(struct loader *l, const struct setting *s,
                                 const struct tsdb_text *items, size_t count, const char *place)
{
    ASSERT(s->kind == SETTING_LIST);
    if (count > (size_t)s->high)
        return refuse(l, s, items[s->high], place);
    const char **kept = ARENA_ARRAY(&l->config->texts, const char *, count + 1);
    for (size_t i = 0; kept && i < count; i++) {
        if (items[i].len == 0 || memchr(items[i].at, '\0', items[i].len))
            return refuse(l, s, items[i], place);
        kept[i] = keep_text(l, items[i]);
        if (!kept[i])
            kept = NULL;
    }
    if (!kept)
        return tsdb_fail(l->err, TSDB_ELIMIT, "%s: too much text", place);
    *(struct config_list *)member(l->config, s) = (struct config_list){kept, count};
    return TSDB_OK;
}

/* Quoted whenever a YAML reader could take the plain form for something else. */
static void text_format(struct writer *w, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./-";
    if (*text && text[strspn(text, plain)] == '\0' && *text != '-') {
        writer_text(w, text);
        return;
    }
    writer_u8(w, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            writer_format(w, "\\%c", c);
        else if (c == '$')
            writer_text(w, "$$");
        else if (c < 0x20 || c == 0x7f)
            writer_format(w, "\\x%02x", c);
        else
            writer_u8(w, c);
    }
    writer_u8(w, '"');
}

static void list_format(struct writer *w, const struct config_list *list)
{
    writer_u8(w, '[');
    for (size_t i = 0; i < list->count; i++) {
        writer_text(w, i ? ", " : "");
        text_format(w, list->at[i]);
    }
    writer_u8(w, ']');
}

void value_format(const struct config *c, const struct setting *s, struct writer *w)
{
    const void *at = member_of(c, s);
    char text[SIZE_TEXT_MAX + PERIOD_TEXT_MAX];
    struct tsdb_text choice;
    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_ADDRESS: text_format(w, *(const char *const *)at); return;
    case SETTING_DURATION:
        period_format(*(const int64_t *)at, text);
        writer_text(w, text);
        return;
    case SETTING_SIZE:
    case SETTING_SHARE:
        size_format(*(const uint64_t *)at, text);
        writer_text(w, text);
        return;
    case SETTING_COUNT: writer_format(w, "%llu", (unsigned long long)*(const uint64_t *)at); return;
    case SETTING_BOOL: writer_text(w, *(const bool *)at ? "true" : "false"); return;
    case SETTING_CHOICE:
        choice = choice_get(s->choices, *(const int *)at);
        writer_put(w, choice.at, choice.len);
        return;
    case SETTING_LIST: list_format(w, at); return;
    }
    UNREACHABLE();
}
