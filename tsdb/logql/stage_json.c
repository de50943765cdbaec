#include "tsdb/logql/stage_json.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

/* ---- paths ---------------------------------------------------------------------- */

static bool is_name_byte(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!is_first && c >= '0' && c <= '9');
}

struct path_text {
    const char *at, *end;
};

static void skip_blanks(struct path_text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\n'))
        t->at++;
}

static bool read_name(struct path_text *t, struct json_step *out)
{
    const char *from = t->at;
    while (t->at < t->end && is_name_byte(*t->at, t->at == from))
        t->at++;
    out->key = (struct tsdb_text){from, (size_t)(t->at - from)};
    return t->at > from;
}

/* Behind the bracket: "key"] or 12]. */
static bool read_bracket(struct path_text *t, struct json_step *out)
{
    skip_blanks(t);
    if (t->at < t->end && *t->at == '"') {
        const char *close = memchr(t->at + 1, '"', (size_t)(t->end - t->at - 1));
        if (!close)
            return false;
        out->key = (struct tsdb_text){t->at + 1, (size_t)(close - t->at - 1)};
        t->at = close + 1;
    } else {
        const char *from = t->at;
        out->is_index = true;
        for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && t->at - from < 9; t->at++)
            out->index = out->index * 10 + (uint32_t)(*t->at - '0');
        if (t->at == from)
            return false;
    }
    skip_blanks(t);
    if (t->at == t->end || *t->at != ']')
        return false;
    t->at++;
    return true;
}

static bool read_step(struct path_text *t, bool is_first, struct json_step *out)
{
    *out = (struct json_step){0};
    if (*t->at == '[') {
        t->at++;
        return read_bracket(t, out);
    }
    if (!is_first) {
        if (*t->at != '.')
            return false;
        t->at++;
        skip_blanks(t);
    }
    return read_name(t, out);
}

static enum tsdb_status path_compile(struct compiler *c, const struct stage_extract *e,
                                     struct json_path *out)
{
    struct json_step *steps = COMPILER_ARRAY(c, struct json_step, STAGE_JSON_STEPS_MAX);
    struct path_text t = {e->path.at, e->path.at + e->path.len};
    uint32_t count = 0;
    bool is_good = true;
    if (!steps)
        return TSDB_ELIMIT;
    skip_blanks(&t);
    while (is_good && t.at < t.end && count < STAGE_JSON_STEPS_MAX) {
        is_good = read_step(&t, count == 0, &steps[count]);
        count += is_good;
        skip_blanks(&t);
    }
    if (count == 0 || !is_good || t.at < t.end)
        return tsdb_fail(c->err, TSDB_EINVAL, "cannot parse expression [%.*s]: syntax error at %zu",
                         e->path.len < 128 ? (int)e->path.len : 128, e->path.at,
                         (size_t)(t.at - e->path.at));
    *out = (struct json_path){.label = e->label, .steps = steps, .count = count};
    return TSDB_OK;
}

enum tsdb_status stage_json_compile(struct compiler *c, const struct stage *s,
                                    struct json_stage *out)
{
    *out = (struct json_stage){0};
    if (s->count == 0)
        return TSDB_OK;
    struct json_path *paths = COMPILER_ARRAY(c, struct json_path, s->count);
    if (!paths)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < s->count; i++) {
        enum tsdb_status st = path_compile(c, &s->extracts[i], &paths[i]);
        if (st != TSDB_OK)
            return st;
    }
    *out = (struct json_stage){paths, s->count};
    return TSDB_OK;
}

/* ---- values --------------------------------------------------------------------- */

struct tsdb_text json_string(struct pass *p, const struct quoted_span *span)
{
    struct tsdb_text text = span->raw;
    if (!span->has_escape)
        return span->has_high ? pass_clean_text(p, text) : text;
    char *out = pass_bytes(p, text.len);
    size_t n = out ? escape_read(text, ESCAPE_JSON, out) : SIZE_MAX;
    if (n == SIZE_MAX)
        return (struct tsdb_text){"", 0};
    return pass_clean_text(p, (struct tsdb_text){out, n});
}

static struct tsdb_text key_text(struct pass *p, const struct quoted_span *key)
{
    return key->has_escape ? json_string(p, key) : key->raw;
}

/* ---- everything ----------------------------------------------------------------- */

struct walk {
    struct json_reader r;
    struct pass *p;
    uint32_t depth;                          /* objects entered within the outermost */
    uint32_t name_lens[JSON_READ_DEPTH_MAX]; /* of the names around */
    uint32_t name_len;                       /* more than the room: no label below fits */
    char name[STAGE_JSON_NAME_MAX];
};

/* Appends '_' and the key to the name; the name's length before. */
static uint32_t name_push(struct walk *w, struct tsdb_text key)
{
    uint32_t was = w->name_len;
    struct tsdb_text clean = pass_label_name(w->p, key);
    if (was > 0 && clean.len > 0 && clean.at != key.at && key.len > 0 && clean.len > 1 &&
        clean.at[0] == '_' && clean.at[1] >= '0' && clean.at[1] <= '9' &&
        memchr("0123456789", *key.at, 10)) {
        clean.at++; /* a digit leads the key, not the name */
        clean.len--;
    }
    if (clean.len == 0)
        return was;
    if (clean.len >= sizeof w->name || was + clean.len + 1 > sizeof w->name) {
        w->name_len = sizeof w->name + 1;
        return was;
    }
    if (was > 0)
        w->name[w->name_len++] = '_';
    memcpy(w->name + w->name_len, clean.at, clean.len);
    w->name_len += (uint32_t)clean.len;
    return was;
}

/* The claim of a member's key at this depth. */
static bool member_claim(struct walk *w, struct tsdb_text key, struct label_claim *out)
{
    if (w->depth == 0) {
        struct tsdb_text name = pass_label_name(w->p, key);
        return name.len > 0 && pass_claim(w->p, name, out);
    }
    uint32_t was = name_push(w, key), len = w->name_len;
    w->name_len = was;
    if (len == 0 || len > sizeof w->name ||
        !pass_claim(w->p, (struct tsdb_text){w->name, len}, out))
        return false;
    if (out->name.at == w->name) { /* else it is NAME_extracted, in the arena */
        char *copy = pass_bytes(w->p, len);
        if (!copy)
            return false;
        memcpy(copy, w->name, len);
        out->name.at = copy;
    }
    return true;
}

static void object_enter(struct walk *w, struct tsdb_text key)
{
    struct tsdb_text block;
    uint32_t was = name_push(w, key);
    bool is_wanted = w->name_len <= sizeof w->name &&
                     pass_wants_prefix(w->p, (struct tsdb_text){w->name, w->name_len});
    if (!is_wanted) {
        w->name_len = was;
        (void)line_json_skip(&w->r, &block);
    } else if (w->depth + 1 == JSON_READ_DEPTH_MAX) {
        w->r.fault = "more than 128 levels";
    } else {
        w->r.at++;
        w->name_lens[w->depth++] = was;
    }
}

/* One member; an object is entered, not read. */
static void member_read(struct walk *w)
{
    struct quoted_span key, value;
    struct tsdb_text block;
    struct label_claim claim;
    if (!line_json_key(&w->r, &key))
        return;
    enum json_kind kind = line_json_value(&w->r, &value);
    if (kind == JSON_OBJECT) {
        object_enter(w, key_text(w->p, &key));
    } else if (kind == JSON_ARRAY) {
        (void)line_json_skip(&w->r, &block);
    } else if (kind != JSON_FAULT && kind != JSON_NULL &&
               member_claim(w, key_text(w->p, &key), &claim)) {
        pass_put_fresh(w->p, &claim, kind == JSON_STRING ? json_string(w->p, &value) : value.raw);
    }
}

/* Closes objects that end here; false: the outermost did, or there is a fault. */
static bool close_and_comma(struct walk *w, bool is_entered)
{
    while (!w->r.fault) {
        if (!is_entered && !json_comma(&w->r, '}'))
            return false;
        if (!json_is_closed(&w->r, '}'))
            return true;
        if (w->depth == 0)
            return false;
        w->name_len = w->name_lens[--w->depth];
        is_entered = false;
    }
    return false;
}

static void run_all(struct pass *p)
{
    struct walk w; /* name and name_lens are written before they are read */
    w.r = json_reader_over(p->line);
    w.p = p;
    w.depth = w.name_len = 0;
    if (json_enter(&w.r, '{')) {
        bool goes_on = close_and_comma(&w, true);
        while (goes_on) {
            uint32_t depth = w.depth;
            member_read(&w);
            if (pass_is_served(p))
                return;
            goes_on = close_and_comma(&w, w.depth > depth);
        }
    }
    if (w.r.fault)
        pass_fail(p, STAGE_JSON_ERROR, "%s", w.r.fault);
}

/* ---- paths -------------------------------------------------------------------- */

/* Goes to the member of that name; false: there is none, or a fault. */
static bool find_key(struct json_reader *r, struct tsdb_text want, struct pass *p)
{
    struct quoted_span key, value;
    struct tsdb_text block;
    if (json_peek(r) != '{' || r->at == r->end)
        return false;
    r->at++;
    while (!json_is_closed(r, '}')) {
        if (!line_json_key(r, &key))
            return false;
        if (text_equal(key_text(p, &key), want))
            return true;
        enum json_kind kind = line_json_value(r, &value);
        if (kind == JSON_FAULT ||
            ((kind == JSON_OBJECT || kind == JSON_ARRAY) && !line_json_skip(r, &block)) ||
            !json_comma(r, '}'))
            return false;
    }
    return false;
}

static bool find_index(struct json_reader *r, uint32_t want)
{
    struct quoted_span value;
    struct tsdb_text block;
    if (json_peek(r) != '[' || r->at == r->end)
        return false;
    r->at++;
    for (uint32_t i = 0; !json_is_closed(r, ']'); i++) {
        if (i == want)
            return true;
        enum json_kind kind = line_json_value(r, &value);
        if (kind == JSON_FAULT ||
            ((kind == JSON_OBJECT || kind == JSON_ARRAY) && !line_json_skip(r, &block)) ||
            !json_comma(r, ']'))
            return false;
    }
    return false;
}

/* What the path leads to; false: nothing, perhaps because of r->fault. */
static bool path_value(struct json_reader *r, const struct json_path *path, struct pass *p,
                       struct tsdb_text *out)
{
    struct quoted_span value;
    for (uint32_t i = 0; i < path->count; i++) {
        const struct json_step *s = &path->steps[i];
        if (!(s->is_index ? find_index(r, s->index) : find_key(r, s->key, p)))
            return false;
    }
    enum json_kind kind = line_json_value(r, &value);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY)
        return line_json_skip(r, out);
    *out = kind == JSON_STRING ? json_string(p, &value) : value.raw;
    if (kind == JSON_NULL)
        *out = (struct tsdb_text){"", 0};
    return kind != JSON_FAULT;
}

static void run_paths(const struct json_stage *s, struct pass *p)
{
    const char *fault = NULL;
    char first = p->line.at[0];
    if (first != '{' && first != '[' && first != '"') {
        label_set_fail(&p->labels, STAGE_JSON_ERROR, (struct tsdb_text){"", 0});
        return;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        struct json_reader r = json_reader_over(p->line);
        struct tsdb_text value = {"", 0}, ignored;
        struct label_claim claim;
        bool is_found = path_value(&r, &s->paths[i], p, &value);
        if (r.fault)
            fault = r.fault;
        if (!is_found && label_set_get(&p->labels, s->paths[i].label, &ignored) != LABEL_NONE)
            continue;
        if (pass_claim_any(p, s->paths[i].label, &claim))
            pass_put(p, &claim, is_found ? value : (struct tsdb_text){"", 0});
    }
    if (fault)
        pass_fail(p, STAGE_JSON_ERROR, "%s", fault);
}

void stage_json_run(const struct json_stage *s, struct pass *p)
{
    if (pass_is_served(p))
        return;
    if (!s->paths)
        run_all(p);
    else if (p->line.len > 0)
        run_paths(s, p);
}
