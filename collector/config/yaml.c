#include "collector/config/load.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { PLACE_MAX = 160 };

/* One file being read.  The event is owned until the next step. */
struct document {
    struct loader *l;
    const char *name;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    unsigned lines[CONFIG_SETTINGS_MAX]; /* where a key stood; 0: not yet */
};

static void place_format(const struct document *d, yaml_mark_t mark, char out[PLACE_MAX])
{
    (void)snprintf(out, PLACE_MAX, "%.120s:%zu:%zu", d->name, mark.line + 1, mark.column + 1);
}

static enum tsdb_status fail_at(const struct document *d, yaml_mark_t mark, const char *what)
{
    char place[PLACE_MAX];
    place_format(d, mark, place);
    return tsdb_fail(d->l->err, TSDB_EINVAL, "%s: %s", place, what);
}

/* The next event, of this type or, with YAML_NO_EVENT, of any. */
static enum tsdb_status step(struct document *d, yaml_event_type_t want, const char *otherwise)
{
    if (d->has_event)
        yaml_event_delete(&d->event);
    d->has_event = yaml_parser_parse(&d->parser, &d->event) == 1;
    if (!d->has_event)
        return fail_at(d, d->parser.problem_mark,
                       d->parser.problem ? d->parser.problem : "no YAML");
    if (want != YAML_NO_EVENT && d->event.type != want)
        return fail_at(d, d->event.start_mark, otherwise);
    return TSDB_OK;
}

static struct tsdb_text scalar_text(const yaml_event_t *e)
{
    return (struct tsdb_text){(const char *)e->data.scalar.value, e->data.scalar.length};
}

/* Only what a reader of the file would call a value: no anchors, no tags. */
static enum tsdb_status check_plain(const struct document *d)
{
    const yaml_event_t *e = &d->event;
    if (e->type == YAML_ALIAS_EVENT)
        return fail_at(d, e->start_mark, "aliases are not taken");
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    }
    if (anchor || tag)
        return fail_at(d, e->start_mark, "anchors and tags are not taken");
    return TSDB_OK;
}

static enum tsdb_status key_find(struct document *d, const struct setting **out)
{
    yaml_mark_t mark = d->event.start_mark;
    char place[PLACE_MAX];
    place_format(d, mark, place);
    struct tsdb_text key = scalar_text(&d->event);
    const struct setting *s = setting_find(key);
    if (!s) {
        const char *near = setting_nearest(key);
        int shown = key.len > 60 ? 60 : (int)key.len;
        if (near)
            return tsdb_fail(d->l->err, TSDB_EINVAL,
                             "%s: unknown key \"%.*s\", did you mean \"%s\"?", place, shown, key.at,
                             near);
        return tsdb_fail(d->l->err, TSDB_EINVAL, "%s: unknown key \"%.*s\"", place, shown, key.at);
    }
    if (strcmp(s->key, "config") == 0)
        return fail_at(d, mark, "config: a settings file cannot name another");
    unsigned *line = &d->lines[s - settings];
    if (*line)
        return tsdb_fail(d->l->err, TSDB_EINVAL, "%s: %s is already set in line %u", place, s->key,
                         *line);
    *line = (unsigned)mark.line + 1;
    *out = s;
    return TSDB_OK;
}

static bool is_null(const yaml_event_t *e)
{
    struct tsdb_text t = scalar_text(e);
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (t.len == 0 || text_equal(t, text_of("~")) || text_equal(t, text_of("null")));
}

/* The scalar of the event, expanded, at the end of out. */
static enum tsdb_status scalar_expand(struct document *d, struct writer *out)
{
    enum tsdb_status st = check_plain(d);
    if (st != TSDB_OK)
        return st;
    if (d->event.type != YAML_SCALAR_EVENT)
        return fail_at(d, d->event.start_mark, "want a single value, got a mapping or a list");
    if (is_null(&d->event))
        return fail_at(d, d->event.start_mark, "no value; write \"\" for an empty one");
    char place[PLACE_MAX];
    place_format(d, d->event.start_mark, place);
    return loader_expand(d->l, scalar_text(&d->event), place, out);
}

static enum tsdb_status put_scalar(struct document *d, const struct setting *s)
{
    char place[PLACE_MAX];
    place_format(d, d->event.start_mark, place);
    struct writer value = {0};
    enum tsdb_status st = scalar_expand(d, &value);
    if (st == TSDB_OK) {
        (void)writer_reserve(&value, 1); /* a place for what may be empty */
        st = loader_put(d->l, s, (struct tsdb_text){(const char *)value.at, value.len}, place);
    }
    writer_release(&value);
    return st;
}

/* Items lie one after the other in one buffer, which moves as it grows: their
 * ends are kept, and become views when it has stopped. */
static enum tsdb_status put_sequence(struct document *d, const struct setting *s)
{
    enum { ITEMS_MAX = 256 };
    char place[PLACE_MAX];
    place_format(d, d->event.start_mark, place);
    size_t ends[ITEMS_MAX], count = 0;
    struct tsdb_text items[ITEMS_MAX];
    struct writer text = {0};
    enum tsdb_status st = TSDB_OK;
    for (;;) {
        st = step(d, YAML_NO_EVENT, NULL);
        if (st != TSDB_OK || d->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (count == ITEMS_MAX)
            st = fail_at(d, d->event.start_mark, "too many items");
        else
            st = scalar_expand(d, &text);
        if (st != TSDB_OK)
            break;
        ends[count++] = text.len;
    }
    if (st == TSDB_OK) {
        (void)writer_reserve(&text, 1); /* a place for what may be empty */
        for (size_t i = 0, begin = 0; i < count; begin = ends[i++])
            items[i] = (struct tsdb_text){(const char *)text.at + begin, ends[i] - begin};
        st = loader_put_list(d->l, s, items, count, place);
    }
    writer_release(&text);
    return st;
}

static enum tsdb_status put_pair(struct document *d)
{
    const struct setting *s = NULL;
    enum tsdb_status st = check_plain(d);
    if (st == TSDB_OK && d->event.type != YAML_SCALAR_EVENT)
        return fail_at(d, d->event.start_mark, "want a key");
    if (st == TSDB_OK)
        st = key_find(d, &s);
    if (st == TSDB_OK)
        st = step(d, YAML_NO_EVENT, NULL);
    if (st == TSDB_OK)
        st = check_plain(d);
    if (st != TSDB_OK)
        return st;
    bool is_sequence = d->event.type == YAML_SEQUENCE_START_EVENT;
    if (is_sequence != (s->kind == SETTING_LIST))
        return fail_at(d, d->event.start_mark,
                       is_sequence ? "want a single value, got a list" : "want a list: [a, b]");
    loader_source(d->l, s, (struct config_source){ORIGIN_FILE, d->lines[s - settings]});
    return is_sequence ? put_sequence(d, s) : put_scalar(d, s);
}

static enum tsdb_status put_document(struct document *d)
{
    enum tsdb_status st = step(d, YAML_STREAM_START_EVENT, "no YAML");
    if (st == TSDB_OK)
        st = step(d, YAML_NO_EVENT, NULL);
    if (st != TSDB_OK || d->event.type == YAML_STREAM_END_EVENT)
        return st; /* an empty file sets nothing */
    st = step(d, YAML_NO_EVENT, NULL);
    if (st == TSDB_OK)
        st = check_plain(d);
    if (st != TSDB_OK)
        return st;
    if (d->event.type == YAML_SCALAR_EVENT && is_null(&d->event))
        return TSDB_OK;
    if (d->event.type != YAML_MAPPING_START_EVENT)
        return fail_at(d, d->event.start_mark, "want a mapping: key: value");
    for (;;) {
        st = step(d, YAML_NO_EVENT, NULL);
        if (st != TSDB_OK)
            return st;
        if (d->event.type == YAML_MAPPING_END_EVENT)
            break;
        st = put_pair(d);
        if (st != TSDB_OK)
            return st;
    }
    st = step(d, YAML_DOCUMENT_END_EVENT, "want the end");
    if (st == TSDB_OK)
        st = step(d, YAML_STREAM_END_EVENT, "a second document is not taken");
    return st;
}

enum tsdb_status loader_yaml(struct loader *l, struct tsdb_text text, const char *name)
{
    struct document d = {.l = l, .name = name};
    if (!yaml_parser_initialize(&d.parser))
        return tsdb_fail(l->err, TSDB_ELIMIT, "%s: no memory for YAML", name);
    const char *at = text.at ? text.at : ""; /* libyaml asserts that there is a place */
    yaml_parser_set_input_string(&d.parser, (const unsigned char *)at, text.len);
    yaml_parser_set_encoding(&d.parser, YAML_UTF8_ENCODING);
    enum tsdb_status st = put_document(&d);
    if (d.has_event)
        yaml_event_delete(&d.event);
    yaml_parser_delete(&d.parser);
    return st;
}
