#include "tsdb/logql/template_functions.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/template.h"
#include "tsdb/logql/unit_value.h"
#include "tsdb/query/quote.h"

#include <string.h>

enum { REGEX_WORK = 1 << 14 }; /* units that compiling an expression costs, in bytes of work */

/* ---- the table -------------------------------------------------------------------- */

const struct template_function *template_function_find(struct tsdb_text name)
{
    const struct template_function *const tables[] = {
        template_text_functions, template_math_functions, template_compare_functions,
        template_print_functions};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct template_function *f = tables[i]; f->name; f++)
            if (text_equal(name, text_of(f->name)))
                return f;
    return NULL;
}

static bool kind_fits(char want, const struct value *v)
{
    if (want == 's')
        return v->kind == VALUE_TEXT;
    if (want == 'i')
        return v->kind == VALUE_INT;
    if (want == 't')
        return v->kind == VALUE_TIME;
    return true;
}

static const char *kind_name(char want)
{
    return want == 's' ? "string" : want == 'i' ? "int" : "time.Time";
}

/* How many a signature takes. */
static void arity(const char *takes, uint32_t *least, uint32_t *most)
{
    *least = *most = 0;
    for (const char *t = takes; *t; t++) {
        if (*t == '+') {
            *most = TEMPLATE_ARGUMENTS_MAX + 1;
            --*least; /* the one it repeats may be missing */
        } else if (*t == '?') {
            --*least;
        } else {
            ++*least;
            ++*most;
        }
    }
}

bool template_function_call(const struct template_function *f, const struct template_call *c,
                            struct value *out)
{
    uint32_t least, most;
    const char *want = f->takes;
    arity(f->takes, &least, &most);
    if (c->count < least || c->count > most)
        return template_fail(c->run, "wrong number of args for %s: want %s%u got %u", f->name,
                             most > least ? "at least " : "", least, c->count);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct value *v = &c->arguments[i];
        bool has_text = v->kind == VALUE_TEXT || v->kind == VALUE_OBJECT || v->kind == VALUE_ARRAY;
        if (has_text && !template_charge(c->run, v->text.len))
            return false;
        if (!kind_fits(*want, v))
            return template_fail(c->run,
                                 "error calling %s: wrong type for value; expected %s; got %s",
                                 f->name, kind_name(*want), value_type(v));
        if (want[1] != '+' && want[1] != '\0')
            want += want[1] == '?' && want[2] != '\0' ? 2 : want[1] == '?' ? 0 : 1;
    }
    if (f->fn(c, out))
        return !c->run->has_failed;
    return template_fail(c->run, "error calling %s", f->name);
}

/* ---- texts ------------------------------------------------------------------------ */

static struct tsdb_text arg(const struct template_call *c, uint32_t i)
{
    return c->arguments[i].text;
}

static bool yields(struct value *out, const char *at, size_t len)
{
    *out = value_text((struct tsdb_text){at, len});
    return true;
}

/* ASCII and the letters of Latin-1, Greek and Cyrillic; others stay. */
static uint32_t rune_case(uint32_t r, bool is_upper)
{
    if (is_upper) {
        if ((r >= 'a' && r <= 'z') || (r >= 0xe0 && r <= 0xfe && r != 0xf7) ||
            (r >= 0x3b1 && r <= 0x3c9 && r != 0x3c2) || (r >= 0x430 && r <= 0x44f))
            return r - 32;
        return r >= 0x450 && r <= 0x45f ? r - 80 : r;
    }
    if ((r >= 'A' && r <= 'Z') || (r >= 0xc0 && r <= 0xde && r != 0xd7) ||
        (r >= 0x391 && r <= 0x3a9) || (r >= 0x410 && r <= 0x42f))
        return r + 32;
    return r >= 0x400 && r <= 0x40f ? r + 80 : r;
}

static size_t rune_put(uint32_t r, const char *source, uint32_t width, char *out)
{
    if (width == 1 && r < 0x80) {
        out[0] = (char)r;
    } else if (width == 2 && r >= 0x80 && r < 0x800) {
        out[0] = (char)(0xc0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3f));
    } else {
        memcpy(out, source, width);
    }
    return width;
}

enum case_change { CASE_LOWER, CASE_UPPER, CASE_TITLE };

static bool change_case(const struct template_call *c, enum case_change how, struct value *out)
{
    struct tsdb_text t = arg(c, 0);
    char *to = template_bytes(c->run, t.len);
    bool is_start = true;
    if (!to)
        return false;
    for (size_t i = 0; i < t.len;) {
        uint32_t width = 1, r = rune_at(t, i, &width);
        if (how != CASE_TITLE || is_start)
            r = rune_case(r, how != CASE_LOWER);
        (void)rune_put(r, t.at + i, width, to + i);
        char ch = t.at[i];
        is_start = !((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' ||
                     ch == '\'' || (ch >= '0' && ch <= '9') || (unsigned char)ch >= 0x80);
        i += width;
    }
    return yields(out, to, t.len);
}

static bool fn_lower(const struct template_call *c, struct value *out)
{
    return change_case(c, CASE_LOWER, out);
}

static bool fn_upper(const struct template_call *c, struct value *out)
{
    return change_case(c, CASE_UPPER, out);
}

static bool fn_title(const struct template_call *c, struct value *out)
{
    return change_case(c, CASE_TITLE, out);
}

static bool replace(const struct template_call *c, struct tsdb_text s, struct tsdb_text from,
                    struct tsdb_text to, int64_t times, struct value *out)
{
    struct writer w = {0};
    size_t at = 0;
    while (times != 0 && at <= s.len && w.len <= PIPELINE_LINE_MAX) {
        const char *found = from.len ? memmem(s.at + at, s.len - at, from.at, from.len) : s.at + at;
        if (!found)
            break;
        size_t before = (size_t)(found - s.at) - at;
        writer_put(&w, s.at + at, before);
        writer_put(&w, to.at, to.len);
        at += before + from.len;
        if (from.len == 0) { /* between all characters */
            uint32_t width = 1;
            if (at == s.len)
                at++;
            else
                (void)rune_at(s, at, &width);
            writer_put(&w, s.at + (at <= s.len ? at : s.len), at < s.len ? width : 0);
            at += at < s.len ? width : 0;
        }
        times -= times > 0;
    }
    if (at < s.len)
        writer_put(&w, s.at + at, s.len - at);
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

static bool fn_replace(const struct template_call *c, struct value *out)
{
    return replace(c, arg(c, 2), arg(c, 0), arg(c, 1), -1, out);
}

static bool fn_replace_old(const struct template_call *c, struct value *out)
{
    return replace(c, arg(c, 0), arg(c, 1), arg(c, 2), c->arguments[3].integer, out);
}

/* Does the cutset hold the character at `at`? */
static bool in_cutset(struct tsdb_text set, struct tsdb_text t, size_t at, uint32_t width)
{
    for (size_t i = 0; i < set.len;) {
        uint32_t w = 1;
        (void)rune_at(set, i, &w);
        if (w == width && memcmp(set.at + i, t.at + at, w) == 0)
            return true;
        i += w;
    }
    return false;
}

static struct tsdb_text trim(struct tsdb_text t, struct tsdb_text set, bool is_left, bool is_right)
{
    uint32_t width = 1;
    while (is_left && t.len > 0) {
        (void)rune_at(t, 0, &width);
        if (!in_cutset(set, t, 0, width))
            break;
        t.at += width;
        t.len -= width;
    }
    while (is_right && t.len > 0) {
        size_t at = t.len - 1;
        while (at > 0 && t.len - at < 4 && ((unsigned char)t.at[at] & 0xc0) == 0x80)
            at--;
        (void)rune_at(t, at, &width);
        if (at + width != t.len) {
            at = t.len - 1;
            width = 1;
        }
        if (!in_cutset(set, t, at, width))
            break;
        t.len -= width;
    }
    return t;
}

static struct tsdb_text blanks(void)
{
    return text_of(" \t\n\v\f\r\xc2\x85\xc2\xa0");
}

static bool fn_trim_space(const struct template_call *c, struct value *out)
{
    *out = value_text(trim(arg(c, 0), blanks(), true, true));
    return true;
}

static bool fn_trim_old(const struct template_call *c, struct value *out)
{
    *out = value_text(trim(arg(c, 0), arg(c, 1), true, true));
    return true;
}

static bool fn_trim_left(const struct template_call *c, struct value *out)
{
    *out = value_text(trim(arg(c, 0), arg(c, 1), true, false));
    return true;
}

static bool fn_trim_right(const struct template_call *c, struct value *out)
{
    *out = value_text(trim(arg(c, 0), arg(c, 1), false, true));
    return true;
}

static bool fn_trim_all(const struct template_call *c, struct value *out)
{
    *out = value_text(trim(arg(c, 1), arg(c, 0), true, true));
    return true;
}

static bool has_prefix(struct tsdb_text t, struct tsdb_text prefix)
{
    return t.len >= prefix.len && (prefix.len == 0 || memcmp(t.at, prefix.at, prefix.len) == 0);
}

static bool has_suffix(struct tsdb_text t, struct tsdb_text suffix)
{
    return t.len >= suffix.len &&
           (suffix.len == 0 || memcmp(t.at + t.len - suffix.len, suffix.at, suffix.len) == 0);
}

static bool without_prefix(struct tsdb_text t, struct tsdb_text prefix, struct value *out)
{
    size_t n = has_prefix(t, prefix) ? prefix.len : 0;
    return yields(out, t.at + n, t.len - n);
}

static bool without_suffix(struct tsdb_text t, struct tsdb_text suffix, struct value *out)
{
    return yields(out, t.at, has_suffix(t, suffix) ? t.len - suffix.len : t.len);
}

static bool fn_trim_prefix(const struct template_call *c, struct value *out)
{
    return without_prefix(arg(c, 1), arg(c, 0), out);
}

static bool fn_trim_suffix(const struct template_call *c, struct value *out)
{
    return without_suffix(arg(c, 1), arg(c, 0), out);
}

static bool fn_trim_prefix_old(const struct template_call *c, struct value *out)
{
    return without_prefix(arg(c, 0), arg(c, 1), out);
}

static bool fn_trim_suffix_old(const struct template_call *c, struct value *out)
{
    return without_suffix(arg(c, 0), arg(c, 1), out);
}

static bool fn_has_prefix(const struct template_call *c, struct value *out)
{
    *out = value_bool(has_prefix(arg(c, 1), arg(c, 0)));
    return true;
}

static bool fn_has_suffix(const struct template_call *c, struct value *out)
{
    *out = value_bool(has_suffix(arg(c, 1), arg(c, 0)));
    return true;
}

static bool fn_contains(const struct template_call *c, struct value *out)
{
    struct tsdb_text want = arg(c, 0), in = arg(c, 1);
    *out = value_bool(want.len == 0 || memmem(in.at, in.len, want.at, want.len) != NULL);
    return true;
}

static bool fn_trunc(const struct template_call *c, struct value *out)
{
    int64_t n = c->arguments[0].integer;
    struct tsdb_text t = arg(c, 1);
    int64_t len = (int64_t)t.len;
    if (n < 0 && len + n > 0)
        return yields(out, t.at + len + n, (size_t)-n);
    return yields(out, t.at, n >= 0 && len > n ? (size_t)n : t.len);
}

static bool fn_substr(const struct template_call *c, struct value *out)
{
    int64_t from = c->arguments[0].integer, to = c->arguments[1].integer;
    struct tsdb_text t = arg(c, 2);
    int64_t len = (int64_t)t.len;
    if (from < 0)
        from = 0;
    else if (to < 0 || to > len)
        to = len;
    if (from > to || to > len)
        return template_fail(c->run, "error calling substr: slice bounds out of range");
    return yields(out, t.at + from, (size_t)(to - from));
}

static bool fn_repeat(const struct template_call *c, struct value *out)
{
    int64_t times = c->arguments[0].integer;
    struct tsdb_text t = arg(c, 1);
    if (times < 0)
        return template_fail(c->run, "error calling repeat: negative Repeat count");
    if (t.len > 0 && times > (int64_t)(PIPELINE_LINE_MAX / t.len))
        return template_fail(c->run, "error calling repeat: more than %d bytes", PIPELINE_LINE_MAX);
    size_t len = t.len ? t.len * (size_t)times : 0;
    char *to = template_bytes(c->run, len);
    for (size_t i = 0; to && i < len; i += t.len)
        memcpy(to + i, t.at, t.len);
    return to && yields(out, to, len);
}

static bool indent(const struct template_call *c, bool has_newline, struct value *out)
{
    int64_t spaces = c->arguments[0].integer;
    struct tsdb_text t = arg(c, 1);
    struct writer w = {0};
    if (spaces < 0 || spaces > 4096)
        return template_fail(c->run, "error calling indent: %lld spaces", (long long)spaces);
    if (has_newline)
        writer_u8(&w, '\n');
    for (size_t at = 0; at <= t.len && w.len <= PIPELINE_LINE_MAX;) {
        const char *end = at < t.len ? memchr(t.at + at, '\n', t.len - at) : NULL;
        size_t n = end ? (size_t)(end - t.at) - at + 1 : t.len - at;
        memset(writer_reserve(&w, (size_t)spaces), ' ', (size_t)spaces);
        w.len += (size_t)spaces;
        writer_put(&w, t.at + at, n);
        at += n + !end;
    }
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

static bool fn_indent(const struct template_call *c, struct value *out)
{
    return indent(c, false, out);
}

static bool fn_nindent(const struct template_call *c, struct value *out)
{
    return indent(c, true, out);
}

/* Byte offset of the n-th character, or the length. */
static size_t rune_offset(struct tsdb_text t, int64_t n, int64_t *count)
{
    size_t at = 0;
    int64_t i = 0;
    for (; at < t.len && i < n; i++) {
        uint32_t width = 1;
        (void)rune_at(t, at, &width);
        at += width;
    }
    *count = i;
    return at;
}

static bool align(const struct template_call *c, bool is_right, struct value *out)
{
    int64_t want = c->arguments[0].integer, have, kept;
    struct tsdb_text t = arg(c, 1);
    (void)rune_offset(t, INT64_MAX, &have);
    if (want < 0 || want == have) {
        *out = c->arguments[1];
        return true;
    }
    if (want < have) {
        size_t at = rune_offset(t, is_right ? have - want : want, &kept);
        return is_right ? yields(out, t.at + at, t.len - at) : yields(out, t.at, at);
    }
    if (want - have > PIPELINE_LINE_MAX)
        return template_fail(c->run, "error calling align: more than %d bytes", PIPELINE_LINE_MAX);
    size_t pad = (size_t)(want - have);
    char *to = template_bytes(c->run, t.len + pad);
    if (!to)
        return false;
    memset(to, ' ', t.len + pad);
    memcpy(to + (is_right ? pad : 0), t.at, t.len);
    return yields(out, to, t.len + pad);
}

static bool fn_align_left(const struct template_call *c, struct value *out)
{
    return align(c, false, out);
}

static bool fn_align_right(const struct template_call *c, struct value *out)
{
    return align(c, true, out);
}

/* ---- expressions ------------------------------------------------------------------ */

/* The call's expression: the literal's, or one compiled for the call (owned: *is_owned). */
static const struct regex *regex_of(const struct template_call *c, struct regex **owned)
{
    struct tsdb_error err = {0};
    struct writer pattern = {0};
    *owned = NULL;
    if (c->regex)
        return c->regex;
    if (!template_charge(c->run, REGEX_WORK * 64))
        return NULL;
    writer_text(&pattern, "(?-s)");
    writer_put(&pattern, arg(c, 0).at, arg(c, 0).len);
    if (regex_new((struct tsdb_text){(const char *)pattern.at, pattern.len}, owned, &err) !=
        TSDB_OK)
        (void)template_fail(c->run, "%s", err.msg);
    writer_release(&pattern);
    return *owned;
}

/* Each match in turn, also empty ones, as Go's ReplaceAll: an empty match right behind the last
 * one does not count.  false: there is no more. */
struct matches {
    const struct regex *regex;
    struct tsdb_text text;
    size_t from; /* where to look */
    size_t last; /* where the last one ended; SIZE_MAX: none */
};

static bool match_next(struct matches *m, struct tsdb_text *groups, uint32_t count)
{
    while (m->from <= m->text.len) {
        struct tsdb_text rest = {m->text.at + m->from, m->text.len - m->from};
        if (!regex_search(m->regex, rest, groups, count))
            return false;
        size_t begin = (size_t)(groups[0].at - m->text.at), end = begin + groups[0].len;
        uint32_t width = 1;
        if (end < m->text.len)
            (void)rune_at(m->text, end, &width);
        bool is_empty = groups[0].len == 0;
        m->from = is_empty ? end + width : end;
        if (is_empty && begin == m->last)
            continue;
        m->last = end;
        return true;
    }
    return false;
}

static bool replace_matches(const struct template_call *c, bool is_literal, struct value *out)
{
    struct regex *owned;
    const struct regex *re = regex_of(c, &owned);
    struct tsdb_text groups[REGEX_GROUPS_MAX + 1], text = arg(c, 1), with = arg(c, 2);
    struct writer w = {0};
    size_t copied = 0;
    if (!re)
        return false;
    uint32_t count = regex_group_count(re) + 1;
    struct matches m = {.regex = re, .text = text, .last = SIZE_MAX};
    while (match_next(&m, groups, count) && template_charge(c->run, with.len + 64) &&
           w.len <= PIPELINE_LINE_MAX) {
        writer_put(&w, text.at + copied, (size_t)(groups[0].at - text.at) - copied);
        copied = (size_t)(groups[0].at - text.at) + groups[0].len;
        if (is_literal)
            writer_put(&w, with.at, with.len);
        else
            regex_expand_groups(re, groups, count, with, &w);
    }
    writer_put(&w, text.at + copied, text.len - copied);
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    regex_free(owned);
    return is_taken;
}

static bool fn_regex_replace(const struct template_call *c, struct value *out)
{
    return replace_matches(c, false, out);
}

static bool fn_regex_replace_literal(const struct template_call *c, struct value *out)
{
    return replace_matches(c, true, out);
}

static bool fn_count(const struct template_call *c, struct value *out)
{
    struct regex *owned;
    const struct regex *re = regex_of(c, &owned);
    struct tsdb_text match;
    int64_t n = 0;
    if (!re)
        return false;
    struct matches m = {.regex = re, .text = arg(c, 1), .last = SIZE_MAX};
    while (match_next(&m, &match, 1) && template_charge(c->run, 64))
        n++;
    regex_free(owned);
    *out = value_int(n);
    return true;
}

const struct template_function template_text_functions[] = {
    {"lower", "s", fn_lower, false},
    {"upper", "s", fn_upper, false},
    {"title", "s", fn_title, false},
    {"ToLower", "s", fn_lower, false},
    {"ToUpper", "s", fn_upper, false},
    {"Replace", "sssi", fn_replace_old, false},
    {"replace", "sss", fn_replace, false},
    {"Trim", "ss", fn_trim_old, false},
    {"TrimLeft", "ss", fn_trim_left, false},
    {"TrimRight", "ss", fn_trim_right, false},
    {"TrimPrefix", "ss", fn_trim_prefix_old, false},
    {"TrimSuffix", "ss", fn_trim_suffix_old, false},
    {"TrimSpace", "s", fn_trim_space, false},
    {"trim", "s", fn_trim_space, false},
    {"trimAll", "ss", fn_trim_all, false},
    {"trimPrefix", "ss", fn_trim_prefix, false},
    {"trimSuffix", "ss", fn_trim_suffix, false},
    {"trunc", "is", fn_trunc, false},
    {"substr", "iis", fn_substr, false},
    {"repeat", "is", fn_repeat, false},
    {"indent", "is", fn_indent, false},
    {"nindent", "is", fn_nindent, false},
    {"contains", "ss", fn_contains, false},
    {"hasPrefix", "ss", fn_has_prefix, false},
    {"hasSuffix", "ss", fn_has_suffix, false},
    {"alignLeft", "is", fn_align_left, false},
    {"alignRight", "is", fn_align_right, false},
    {"regexReplaceAll", "sss", fn_regex_replace, true},
    {"regexReplaceAllLiteral", "sss", fn_regex_replace_literal, true},
    {"count", "ss", fn_count, true},
    {0},
};
