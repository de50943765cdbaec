#include "collector/api/trace_text.h"

#include "collector/decode/json_pull.h"
#include "tsdb/base/text.h"

enum { INT_DIGITS_MAX = 18 };

static void begin(struct trace_filter *f)
{
    writer_text(&f->text, f->text.len == 0 ? "{ " : " && ");
}

static void put_quoted(struct writer *w, struct tsdb_text value)
{
    writer_u8(w, '"');
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '"' || c == '\\') {
            writer_u8(w, '\\');
            writer_u8(w, (uint8_t)c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            writer_u8(w, '\\');
            writer_u8(w, c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        } else {
            writer_u8(w, (uint8_t)c);
        }
    }
    writer_u8(w, '"');
}

static bool is_word(struct tsdb_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!is_plain)
            return false;
    }
    return name.len > 0 && name.at[0] != '.';
}

static void put_attribute(struct writer *w, struct tsdb_text name)
{
    writer_u8(w, '.');
    if (is_word(name))
        writer_put(w, name.at, name.len);
    else
        put_quoted(w, name);
}

/* ---- values ------------------------------------------------------------------------------ */

/* How many points a decimal number has: 0 an integer, 1 a fraction; -1: it is none. */
static int number_points(struct tsdb_text value)
{
    size_t from = value.len > 0 && value.at[0] == '-';
    int points = 0;
    if (value.len - from == 0 || value.len - from > INT_DIGITS_MAX)
        return -1;
    for (size_t i = from; i < value.len; i++) {
        bool is_inside = i > from && i + 1 < value.len;
        if (value.at[i] == '.' && is_inside && points == 0)
            points++;
        else if (value.at[i] < '0' || value.at[i] > '9')
            return -1;
    }
    return points;
}

static void put_either(struct writer *w, struct tsdb_text name, struct tsdb_text value,
                       const char *suffix)
{
    writer_text(w, " || ");
    put_attribute(w, name);
    writer_text(w, " = ");
    writer_put(w, value.at, value.len);
    writer_text(w, suffix);
}

static void put_tag(struct trace_filter *f, struct tsdb_text name, struct tsdb_text value)
{
    struct writer *w = &f->text;
    int points = number_points(value);
    bool is_truth = text_equal(value, text_of("true")) || text_equal(value, text_of("false"));
    begin(f);
    if (points >= 0 || is_truth)
        writer_u8(w, '(');
    put_attribute(w, name);
    writer_text(w, " = ");
    put_quoted(w, value);
    if (points >= 0 || is_truth)
        put_either(w, name, value, "");
    if (points == 0)
        put_either(w, name, value, ".0");
    if (points >= 0 || is_truth)
        writer_u8(w, ')');
}

/* ---- tags that are no attributes ------------------------------------------------------------ */

static bool equal_caseless(struct tsdb_text text, const char *word)
{
    size_t i = 0;
    for (; i < text.len && word[i]; i++) {
        char c = text.at[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != word[i])
            return false;
    }
    return i == text.len && word[i] == '\0';
}

/* "WHAT = WORD", when the value is one of the words; else it is an attribute after all. */
static bool put_word(struct trace_filter *f, const char *what, struct tsdb_text value,
                     const char *const *words)
{
    for (; *words; words++)
        if (equal_caseless(value, *words)) {
            trace_filter_word(f, what, *words);
            return true;
        }
    return false;
}

static const struct {
    const char *tag, *what;
    bool is_word; /* one of TraceQL's; else a text */
    bool is_tempo, is_jaeger;
} known[] = {
    {"span.kind", "kind", true, true, true},
    {"status.code", "status", true, true, false},
    {"otel.status_code", "status", true, true, true},
    {"otel.status_description", "statusMessage", false, true, true},
    {"otel.scope.name", "instrumentation:name", false, false, true},
    {"otel.library.name", "instrumentation:name", false, false, true},
    {"otel.scope.version", "instrumentation:version", false, false, true},
    {"otel.library.version", "instrumentation:version", false, false, true},
    {"name", "name", false, true, false},
    {"root.name", "rootName", false, true, false},
    {"root.service.name", "rootServiceName", false, true, false},
};

static bool put_error(struct trace_filter *f, struct tsdb_text value)
{
    bool is_true = text_equal(value, text_of("true"));
    if (!is_true && !text_equal(value, text_of("false")))
        return false;
    trace_filter_raw(f, is_true ? "status = error" : "status != error");
    return true;
}

static bool put_known(struct trace_filter *f, struct tsdb_text name, struct tsdb_text value,
                      enum tag_manner manner)
{
    static const char *const kinds[] = {"unspecified", "internal", "server", "client",
                                        "producer",    "consumer", NULL};
    static const char *const statuses[] = {"unset", "ok", "error", NULL};
    if (text_equal(name, text_of("error")))
        return put_error(f, value);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!text_equal(name, text_of(known[i].tag)) ||
            !(manner == TAG_TEMPO ? known[i].is_tempo : known[i].is_jaeger))
            continue;
        if (known[i].is_word)
            return put_word(f, known[i].what, value, known[i].what[0] == 'k' ? kinds : statuses);
        trace_filter_equal(f, known[i].what, value);
        return true;
    }
    return false;
}

/* ---- the conditions ------------------------------------------------------------------------- */

void trace_filter_equal(struct trace_filter *f, const char *what, struct tsdb_text value)
{
    begin(f);
    writer_format(&f->text, "%s = ", what);
    put_quoted(&f->text, value);
}

void trace_filter_word(struct trace_filter *f, const char *what, const char *word)
{
    begin(f);
    writer_format(&f->text, "%s = %s", what, word);
}

void trace_filter_tag(struct trace_filter *f, struct tsdb_text name, struct tsdb_text value,
                      enum tag_manner manner)
{
    if (name.len > 0 && !put_known(f, name, value, manner))
        put_tag(f, name, value);
}

void trace_filter_duration(struct trace_filter *f, const char *what, const char *comparison,
                           int64_t ns)
{
    begin(f);
    writer_format(&f->text, "%s %s %lldns", what, comparison, (long long)ns);
}

void trace_filter_raw(struct trace_filter *f, const char *condition)
{
    begin(f);
    writer_text(&f->text, condition);
}

struct tsdb_text trace_filter_end(struct trace_filter *f)
{
    writer_text(&f->text, f->text.len == 0 ? "{}" : " }");
    return (struct tsdb_text){(const char *)f->text.at, f->text.len};
}

/* ---- lists of tags -------------------------------------------------------------------------- */

/* A quoted value's length with both quotes; 0: it does not end. */
static size_t quoted_length(struct tsdb_text text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            return i + 1;
    }
    return 0;
}

static size_t run_until(struct tsdb_text text, const char *stops)
{
    size_t n = 0;
    while (n < text.len && !strchr(stops, text.at[n]))
        n++;
    return n;
}

static struct tsdb_text cut(struct tsdb_text *rest, size_t n)
{
    struct tsdb_text front = {rest->at, n};
    rest->at += n;
    rest->len -= n;
    return front;
}

/* One value, quoted or not, unescaped into `plain`. */
static bool take_value(struct tsdb_text *rest, struct writer *plain, struct tsdb_text *out)
{
    if (rest->len == 0 || rest->at[0] != '"') {
        *out = cut(rest, run_until(*rest, " \t\n"));
        return memchr(out->at, '"', out->len) == NULL;
    }
    size_t n = quoted_length(*rest);
    if (n == 0)
        return false;
    struct tsdb_text quoted = cut(rest, n);
    writer_reset(plain);
    if (!json_unescape((struct tsdb_text){quoted.at + 1, n - 2}, writer_reserve(plain, n),
                       &plain->len))
        return false;
    *out = (struct tsdb_text){(const char *)plain->at, plain->len};
    return rest->len == 0 || strchr(" \t\n", rest->at[0]);
}

bool trace_filter_logfmt(struct trace_filter *f, struct tsdb_text pairs)
{
    struct writer plain = {0};
    bool is_valid = true;
    while (is_valid) {
        while (pairs.len > 0 && strchr(" \t\n", pairs.at[0]))
            (void)cut(&pairs, 1);
        if (pairs.len == 0)
            break;
        struct tsdb_text name = cut(&pairs, run_until(pairs, " \t\n=\"")), value;
        is_valid = name.len > 0 && pairs.len > 0 && pairs.at[0] == '=';
        if (!is_valid)
            break;
        (void)cut(&pairs, 1);
        is_valid = take_value(&pairs, &plain, &value);
        if (is_valid)
            trace_filter_tag(f, name, value, TAG_TEMPO);
    }
    writer_release(&plain);
    return is_valid;
}

static bool take_text(struct tsdb_text escaped, struct writer *plain, struct tsdb_text *out)
{
    writer_reset(plain);
    bool is_text = json_unescape(escaped, writer_reserve(plain, escaped.len + 1), &plain->len);
    *out = (struct tsdb_text){(const char *)plain->at, plain->len};
    return is_text;
}

bool trace_filter_json(struct trace_filter *f, struct tsdb_text object)
{
    struct json_pull in;
    struct writer key = {0}, value = {0};
    json_pull_init(&in, (struct bytes){(const uint8_t *)object.at, object.len});
    bool is_valid = json_next(&in) == JSON_BEGIN_OBJECT;
    while (is_valid && json_next(&in) == JSON_KEY) {
        struct tsdb_text name, text;
        is_valid = take_text(in.text, &key, &name);
        enum json_token token = json_next(&in);
        if (token == JSON_TRUE || token == JSON_FALSE)
            text = text_of(token == JSON_TRUE ? "true" : "false");
        else if (token == JSON_NUMBER)
            text = in.text;
        else
            is_valid = is_valid && token == JSON_STRING && take_text(in.text, &value, &text);
        if (is_valid)
            trace_filter_tag(f, name, text, TAG_JAEGER);
    }
    is_valid = is_valid && !in.r.fault && json_next(&in) == JSON_END;
    writer_release(&key);
    writer_release(&value);
    return is_valid;
}
