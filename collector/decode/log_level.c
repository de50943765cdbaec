#include "collector/decode/log_level.h"

#include "tsdb/base/text.h"

#include <string.h>

enum { WORD_MIN = 3, WORD_MAX = 11 };

enum level { TRACE, DEBUG, INFO, WARN, ERROR, CRITICAL, FATAL, UNKNOWN, NONE };

static const char *const level_names[] = {"trace",    "debug", "info",    "warn", "error",
                                          "critical", "fatal", "unknown", ""};

static struct tsdb_text name_of(enum level level)
{
    return text_of(level_names[level]);
}

/* Words that mean a level.  `is_plain`: counts wherever it stands in a line; `is_short`:
 * only where a colon or brackets say that it is meant. */
static const struct word {
    char text[WORD_MAX + 1];
    uint8_t level;
    bool is_plain, is_short;
} words[] = {
    {"trace", TRACE, false, false},     {"trc", TRACE, false, true},
    {"debug", DEBUG, true, false},      {"dbg", DEBUG, false, true},
    {"info", INFO, true, false},        {"inf", INFO, false, true},
    {"information", INFO, false, true}, {"notice", INFO, false, false},
    {"warn", WARN, false, false},       {"wrn", WARN, false, true},
    {"warning", WARN, true, false},     {"error", ERROR, false, false},
    {"err", ERROR, false, true},        {"critical", CRITICAL, false, false},
    {"crit", CRITICAL, false, true},    {"fatal", FATAL, false, false},
    {"panic", FATAL, false, false},     {"emerg", FATAL, false, true},
    {"alert", CRITICAL, false, true},   {"severe", ERROR, false, true},
    {"verbose", TRACE, false, true},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* One bit a letter that a level word begins with. */
#define BEGINS(c) (UINT32_C(1) << ((c) - 'a'))
static const uint32_t begins = BEGINS('a') | BEGINS('c') | BEGINS('d') | BEGINS('e') | BEGINS('f') |
                               BEGINS('i') | BEGINS('n') | BEGINS('p') | BEGINS('s') | BEGINS('t') |
                               BEGINS('v') | BEGINS('w');

static const struct word *word_find(struct tsdb_text t)
{
    char folded[WORD_MAX + 1] = {0};
    if (t.len < WORD_MIN || t.len > WORD_MAX || !is_letter(t.at[0]) ||
        !(begins >> (lower(t.at[0]) - 'a') & 1))
        return NULL;
    for (size_t i = 0; i < t.len; i++)
        folded[i] = lower(t.at[i]);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memcmp(folded, words[i].text, sizeof folded) == 0)
            return &words[i];
    return NULL;
}

struct tsdb_text log_level_of_text(struct tsdb_text text)
{
    const struct word *w = word_find(text);
    return name_of(w ? (enum level)w->level : NONE);
}

struct tsdb_text log_level_of_number(int64_t severity)
{
    static const enum level levels[] = {TRACE, DEBUG, INFO, WARN, ERROR, FATAL};
    return name_of(severity >= 1 && severity <= 24 ? levels[(severity - 1) / 4] : UNKNOWN);
}

/* A number that is called level. */
static struct tsdb_text level_of_integer(int64_t n)
{
    static const enum level syslog[] = {FATAL, CRITICAL, CRITICAL, ERROR, WARN, INFO, INFO, DEBUG};
    static const enum level pino[] = {TRACE, DEBUG, INFO, WARN, ERROR, FATAL};
    if (n >= 0 && n <= 7)
        return name_of(syslog[n]);
    return name_of(n >= 10 && n <= 60 && n % 10 == 0 ? pino[n / 10 - 1] : NONE);
}

/* The same of its digits; .len == 0: not such a number. */
static struct tsdb_text level_of_digits(struct tsdb_text t)
{
    int64_t n = 0;
    if (t.len == 0 || t.len > 2)
        return name_of(NONE);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return name_of(NONE);
        n = n * 10 + (t.at[i] - '0');
    }
    return level_of_integer(n);
}

/* ---- fields that are called level ---------------------------------------------------- */

/* Equal to `want`, whose letters are lower-case, in one of the three cases in which
 * level names are written: level, LEVEL, Level. */
static bool is_name(struct tsdb_text name, const char *want)
{
    if (name.len != strlen(want))
        return false;
    size_t uppers = 0, lowers = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (lower(c) != want[i])
            return false;
        uppers += c >= 'A' && c <= 'Z';
        lowers += c >= 'a' && c <= 'z';
    }
    bool is_first_upper = name.at[0] >= 'A' && name.at[0] <= 'Z';
    return uppers == 0 || lowers == 0 || (is_first_upper && uppers == 1);
}

bool log_level_is_name_slow(struct tsdb_text name)
{
    static const char *const names[] = {"level", "lvl", "severity", "severity_text"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_name(name, names[i]))
            return true;
    return text_equal(name, text_of("log.level")) || text_equal(name, text_of("log_level")) ||
           text_equal(name, text_of("SeverityText")) || text_equal(name, text_of("Severity_Text"));
}

struct tsdb_text log_level_of_field(const struct tsdb_field *field)
{
    if (field->type == TSDB_FIELD_INT)
        return level_of_integer(field->integer);
    if (field->type != TSDB_FIELD_STRING)
        return name_of(NONE);
    struct tsdb_text known = log_level_of_text(field->text);
    if (known.len == 0)
        known = level_of_digits(field->text);
    return known.len > 0 ? known : field->text;
}

/* ---- the line ------------------------------------------------------------------------- */

/* The level that a value spells, quotes and all after it left out; UNKNOWN is none. */
static struct tsdb_text level_of_value(const char *at, size_t len)
{
    size_t n = 0;
    if (len > 0 && *at == '"') {
        at++;
        len--;
    }
    while (n < len && (is_letter(at[n]) || (at[n] >= '0' && at[n] <= '9')))
        n++;
    struct tsdb_text t = {at, n}, known = log_level_of_text(t);
    return known.len > 0 ? known : level_of_digits(t);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(struct tsdb_text t, size_t i)
{
    while (i < t.len && is_blank(t.at[i]))
        i++;
    return i;
}

/* The end of the string that begins behind the quote at i - 1; t.len when it has none. */
static size_t string_end(struct tsdb_text t, size_t i)
{
    while (i < t.len && t.at[i] != '"')
        i += t.at[i] == '\\' ? 2 : 1;
    return i < t.len ? i : t.len;
}

/* Strings that a colon follows are keys, at any depth. */
static struct tsdb_text level_of_json(struct tsdb_text look)
{
    for (size_t i = 0; i < look.len; i++) {
        if (look.at[i] != '"')
            continue;
        size_t end = string_end(look, i + 1);
        struct tsdb_text key = {look.at + i + 1, end - i - (end > i)};
        size_t colon = skip_blanks(look, end + 1);
        i = end;
        if (colon >= look.len || look.at[colon] != ':' || !log_level_is_name(key))
            continue;
        size_t value = skip_blanks(look, colon + 1);
        return level_of_value(look.at + value, look.len - value);
    }
    return name_of(NONE);
}

static struct tsdb_text level_of_logfmt(struct tsdb_text look)
{
    size_t from = 0;
    while (from < look.len) {
        const char *found = memchr(look.at + from, '=', look.len - from);
        if (!found)
            break;
        size_t equals = (size_t)(found - look.at), begin = equals;
        while (begin > from && !is_blank(look.at[begin - 1]) && look.at[begin - 1] != '"')
            begin--;
        struct tsdb_text key = {look.at + begin, equals - begin};
        if (log_level_is_name(key))
            return level_of_value(found + 1, look.len - equals - 1);
        from = equals + 1;
    }
    return name_of(NONE);
}

/* Whether the word [i, end) is meant as a level. */
static bool is_meant(struct tsdb_text look, size_t i, size_t end, const struct word *w)
{
    char before = (char)(i > 0 ? look.at[i - 1] : '\n');
    char after = (char)(end < look.len ? look.at[end] : '\n');
    bool is_tagged = after == ':' || after == ']' || after == '|' || after == '>' ||
                     (after == ')' && before == '(');
    if (is_tagged || w->is_short)
        return is_tagged;
    bool is_upper = look.at[i] < 'a' && look.at[i + 1] < 'a';
    return w->is_plain || i == 0 || is_upper;
}

static struct tsdb_text level_of_words(struct tsdb_text look)
{
    size_t i = 0;
    while (i < look.len) {
        if (!is_letter(look.at[i])) {
            i++;
            continue;
        }
        size_t end = i + 1;
        while (end < look.len && is_letter(look.at[end]))
            end++;
        bool is_alone = (i == 0 || (look.at[i - 1] != '_' && look.at[i - 1] != '-')) &&
                        (end == look.len || (look.at[end] != '_' && look.at[end] != '='));
        const struct word *w = is_alone && end - i <= WORD_MAX
                                   ? word_find((struct tsdb_text){look.at + i, end - i})
                                   : NULL;
        if (w && is_meant(look, i, end, w))
            return name_of((enum level)w->level);
        i = end;
    }
    return name_of(UNKNOWN);
}

struct tsdb_text log_level_of_line(struct tsdb_text line)
{
    struct tsdb_text look = {line.at, line.len < LOG_LEVEL_LOOK ? line.len : LOG_LEVEL_LOOK};
    size_t first = skip_blanks(look, 0);
    bool is_object = first < look.len && look.at[first] == '{';
    struct tsdb_text found = is_object ? level_of_json(look) : level_of_logfmt(look);
    return found.len > 0 ? found : level_of_words(look);
}

/* ---- all together ----------------------------------------------------------------------- */

struct tsdb_text log_level_detect(struct tsdb_labels labels, const struct tsdb_field *fields,
                                  uint32_t count, struct tsdb_text line)
{
    struct tsdb_text found = name_of(NONE);
    int64_t severity = 0;
    for (uint32_t i = 0; i < labels.count && found.len == 0; i++) {
        struct tsdb_field as_field = {.type = TSDB_FIELD_STRING, .text = labels.at[i].value};
        if (log_level_is_name(labels.at[i].name))
            found = log_level_of_field(&as_field);
    }
    for (uint32_t i = 0; i < count && found.len == 0; i++) {
        if (log_level_is_name(fields[i].name))
            found = log_level_of_field(&fields[i]);
        else if (fields[i].type == TSDB_FIELD_INT &&
                 text_equal(fields[i].name, text_of("severity_number")))
            severity = fields[i].integer;
    }
    if (found.len > 0)
        return found;
    return severity > 0 ? log_level_of_number(severity) : log_level_of_line(line);
}
