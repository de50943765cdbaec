#include "collector/decode/otlp_names.h"

#include "tsdb/base/text.h"

#include <string.h>

struct word {
    const char *from, *to;
};

static const struct word main_units[] = {
    {"d", "days"},          {"h", "hours"},
    {"min", "minutes"},     {"s", "seconds"},
    {"ms", "milliseconds"}, {"us", "microseconds"},
    {"ns", "nanoseconds"},  {"By", "bytes"},
    {"KiBy", "kibibytes"},  {"MiBy", "mebibytes"},
    {"GiBy", "gibibytes"},  {"TiBy", "tebibytes"},
    {"kBy", "kilobytes"},   {"KBy", "kilobytes"},
    {"MBy", "megabytes"},   {"GBy", "gigabytes"},
    {"TBy", "terabytes"},   {"m", "meters"},
    {"V", "volts"},         {"A", "amperes"},
    {"J", "joules"},        {"W", "watts"},
    {"g", "grams"},         {"Cel", "celsius"},
    {"Hz", "hertz"},        {"1", ""},
    {"%", "percent"},
};

static const struct word per_units[] = {
    {"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
    {"w", "week"},   {"mo", "month"}, {"y", "year"},
};

/* A text being written where there is room for all that can come. */
struct build {
    char *at;
    size_t len;
};

static void put(struct build *b, struct tsdb_text t)
{
    if (t.len)
        memcpy(b->at + b->len, t.at, t.len);
    b->len += t.len;
}

/* One more word of the name; nothing for an empty one. */
static void put_token(struct build *b, struct tsdb_text t)
{
    if (t.len == 0)
        return;
    if (b->len > 0)
        b->at[b->len++] = '_';
    put(b, t);
}

static struct tsdb_text built(const struct build *b)
{
    return (struct tsdb_text){b->at, b->len};
}

bool otlp_strategy_parse(struct tsdb_text name, enum otlp_strategy *out)
{
    static const char *const names[] = {
        "UnderscoreEscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "NoTranslation",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_equal(name, text_of(names[i]))) {
            *out = (enum otlp_strategy)i;
            return true;
        }
    }
    return false;
}

static struct tsdb_text look_up(const struct word *words, size_t count, struct tsdb_text t)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(t, text_of(words[i].from)))
            return text_of(words[i].to);
    return t;
}

static struct tsdb_text trim(struct tsdb_text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || (t.at[0] >= '\t' && t.at[0] <= '\r'))) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 &&
           (t.at[t.len - 1] == ' ' || (t.at[t.len - 1] >= '\t' && t.at[t.len - 1] <= '\r')))
        t.len--;
    return t;
}

static bool is_annotation(struct tsdb_text t)
{
    return t.len == 0 || memchr(t.at, '{', t.len) || memchr(t.at, '}', t.len);
}

/* The two halves of "main/per" in words; "" where there is none. */
static void unit_words(struct tsdb_text unit, struct tsdb_text *main, struct tsdb_text *per)
{
    const char *slash = unit.len ? memchr(unit.at, '/', unit.len) : NULL;
    struct tsdb_text head = unit, tail = {"", 0};
    if (slash) {
        head.len = (size_t)(slash - unit.at);
        tail = (struct tsdb_text){slash + 1, unit.len - head.len - 1};
    }
    head = trim(head);
    tail = trim(tail);
    *main = *per = (struct tsdb_text){"", 0};
    if (!is_annotation(head))
        *main = look_up(main_units, sizeof main_units / sizeof main_units[0], head);
    if (!is_annotation(tail))
        *per = look_up(per_units, sizeof per_units / sizeof per_units[0], tail);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':';
}

/* The next word of a name at *off, or an empty text at its end. */
static struct tsdb_text next_token(struct tsdb_text name, size_t *off)
{
    size_t i = *off;
    while (i < name.len && !is_name_char(name.at[i]))
        i++;
    size_t start = i;
    while (i < name.len && is_name_char(name.at[i]))
        i++;
    *off = i;
    return (struct tsdb_text){name.at + start, i - start};
}

static bool has_token(struct tsdb_text name, struct tsdb_text word)
{
    size_t off = 0;
    for (struct tsdb_text t; (t = next_token(name, &off)).len > 0;)
        if (text_equal(t, word))
            return true;
    return false;
}

/* A unit as a word: its valid characters, everything between them one '_'. */
static struct tsdb_text unit_token(struct tsdb_text unit, const char *prefix, char *room)
{
    struct build b = {room, 0};
    if (unit.len == 0)
        return built(&b);
    put(&b, text_of(prefix));
    size_t start = b.len, off = 0;
    for (struct tsdb_text t; (t = next_token(unit, &off)).len > 0;) {
        if (b.len > start)
            b.at[b.len++] = '_';
        put(&b, t);
    }
    if (b.len == start)
        b.len = 0;
    return built(&b);
}

static struct tsdb_text escaped_with_suffixes(struct tsdb_text name, struct tsdb_text unit,
                                              enum otlp_type type, struct arena *arena)
{
    static const struct tsdb_text none = {NULL, 0};
    size_t most = name.len + 2 * unit.len + 64;
    struct build b = {ARENA_ARRAY(arena, char, most), 0};
    char *room = ARENA_ARRAY(arena, char, 2 * (unit.len + 32));
    if (!b.at || !room)
        return none;
    struct tsdb_text main, per, drop = {"", 0};
    unit_words(unit, &main, &per);
    main = unit_token(main, "", room);
    per = unit_token(per, "per_", room + unit.len + 32);
    bool is_ratio = type == OTLP_GAUGE && unit.len == 1 && unit.at[0] == '1';
    if (type == OTLP_COUNTER)
        drop = text_of("total");
    else if (is_ratio)
        drop = text_of("ratio");
    if (has_token(name, main) || text_equal(main, drop))
        main.len = 0;
    size_t off = 0;
    for (struct tsdb_text t; (t = next_token(name, &off)).len > 0;)
        if (!text_equal(t, drop))
            put_token(&b, t);
    put_token(&b, main);
    put_token(&b, per);
    put_token(&b, drop);
    return built(&b);
}

static struct tsdb_text escaped(struct tsdb_text name, struct arena *arena)
{
    struct build b = {ARENA_ARRAY(arena, char, name.len + 2), 0};
    if (!b.at)
        return (struct tsdb_text){NULL, 0};
    for (size_t i = 0; i < name.len; i++) {
        bool is_kept = is_name_char(name.at[i]) || name.at[i] == '_';
        if (is_kept)
            b.at[b.len++] = name.at[i];
        else if (b.len > 0 && b.at[b.len - 1] != '\0')
            b.at[b.len++] = '\0'; /* a gap, written below */
    }
    while (b.len > 0 && b.at[b.len - 1] == '\0')
        b.len--;
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] == '\0')
            b.at[i] = '_';
    return built(&b);
}

/* Names that begin with a digit get a '_'. */
static struct tsdb_text not_a_digit(struct tsdb_text name, struct arena *arena)
{
    if (name.len == 0 || name.at[0] < '0' || name.at[0] > '9')
        return name;
    struct build b = {ARENA_ARRAY(arena, char, name.len + 1), 0};
    if (!b.at)
        return (struct tsdb_text){NULL, 0};
    b.at[b.len++] = '_';
    put(&b, name);
    return built(&b);
}

static bool ends_with(struct tsdb_text t, struct tsdb_text end)
{
    return t.len >= end.len && memcmp(t.at + t.len - end.len, end.at, end.len) == 0;
}

/* Without the suffix and the one character before it. */
static struct tsdb_text without_suffix(struct tsdb_text t, struct tsdb_text suffix)
{
    if (suffix.len > 0 && ends_with(t, suffix) && t.len > suffix.len + 1)
        t.len -= suffix.len + 1;
    return t;
}

static struct tsdb_text utf8_with_suffixes(struct tsdb_text name, struct tsdb_text unit,
                                           enum otlp_type type, struct arena *arena)
{
    struct build b = {ARENA_ARRAY(arena, char, name.len + unit.len + 64), 0};
    if (!b.at)
        return (struct tsdb_text){NULL, 0};
    struct tsdb_text main, per, last = {"", 0};
    unit_words(unit, &main, &per);
    if (type == OTLP_COUNTER)
        last = text_of("total");
    else if (type == OTLP_GAUGE && unit.len == 1 && unit.at[0] == '1')
        last = text_of("ratio");
    name = without_suffix(name, last);
    char *room = ARENA_ARRAY(arena, char, per.len + 8);
    if (!room)
        return (struct tsdb_text){NULL, 0};
    struct build each = {room, 0};
    if (per.len > 0) {
        put(&each, text_of("per_"));
        put(&each, per);
    }
    name = without_suffix(name, built(&each));
    put(&b, name);
    if (main.len > 0 && !ends_with(name, main))
        put_token(&b, main);
    put_token(&b, built(&each));
    put_token(&b, last);
    return built(&b);
}

bool otlp_metric_is_named(enum otlp_strategy strategy, struct tsdb_text name)
{
    if (strategy == OTLP_UTF8 || strategy == OTLP_UTF8_WITH_SUFFIXES)
        return name.len > 0;
    for (size_t i = 0; i < name.len; i++)
        if (is_name_char(name.at[i]) || (strategy == OTLP_UNDERSCORE && name.at[i] == '_'))
            return true;
    return false;
}

struct tsdb_text otlp_metric_name(enum otlp_strategy strategy, struct tsdb_text name,
                                  struct tsdb_text unit, enum otlp_type type, struct arena *arena)
{
    switch (strategy) {
    case OTLP_UNDERSCORE_WITH_SUFFIXES:
        return not_a_digit(escaped_with_suffixes(name, unit, type, arena), arena);
    case OTLP_UNDERSCORE: return not_a_digit(escaped(name, arena), arena);
    case OTLP_UTF8_WITH_SUFFIXES: return utf8_with_suffixes(name, unit, type, arena);
    case OTLP_UTF8: break;
    }
    return name;
}

static bool is_label_char(char c)
{
    return is_name_char(c) ? c != ':' : c == '_';
}

/* Each invalid character is one '_'; one of several bytes too. */
static size_t label_escape(struct tsdb_text name, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (((unsigned char)name.at[i] & 0xc0) == 0x80)
            continue; /* continues the character before it */
        out[n++] = is_label_char(name.at[i]) ? name.at[i] : '_';
    }
    return n;
}

struct tsdb_text otlp_label_name(enum otlp_strategy strategy, struct tsdb_text name,
                                 struct arena *arena)
{
    if (name.len == 0 || strategy == OTLP_UTF8 || strategy == OTLP_UTF8_WITH_SUFFIXES)
        return name;
    bool is_plain = name.at[0] > '9';
    for (size_t i = 0; i < name.len && is_plain; i++)
        is_plain = is_label_char(name.at[i]);
    if (is_plain && name.at[0] != '_')
        return name;
    char *at = ARENA_ARRAY(arena, char, name.len + 4);
    if (!at)
        return (struct tsdb_text){NULL, 0};
    size_t n = label_escape(name, at + 4);
    struct tsdb_text out = {at + 4, n};
    bool is_digit = n > 0 && out.at[0] >= '0' && out.at[0] <= '9';
    bool is_single = n > 0 && out.at[0] == '_' && !(n > 1 && out.at[1] == '_');
    const char *prefix = is_digit ? "key_" : is_single ? "key" : "";
    size_t add = strlen(prefix);
    memcpy(at + 4 - add, prefix, add);
    return (struct tsdb_text){out.at - add, n + add};
}

struct tsdb_text otlp_unit_name(struct tsdb_text unit, struct arena *arena)
{
    struct tsdb_text main, per;
    unit_words(unit, &main, &per);
    struct build b = {ARENA_ARRAY(arena, char, unit.len + 64), 0};
    if (!b.at)
        return (struct tsdb_text){NULL, 0};
    put(&b, main);
    if (per.len > 0) {
        put_token(&b, text_of("per"));
        put_token(&b, per);
    }
    return built(&b);
}
