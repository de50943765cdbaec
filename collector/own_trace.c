#include "collector/own_trace.h"

#include "collector/self/counters.h"
#include "collector/self/trace.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <stdio.h>
#include <string.h>

enum {
    DRAIN_BATCH = 32,
    SPANS_MAX = 1 + TRACE_STEPS_MAX, /* of a request */
    FIELDS_MAX = 6,                  /* of a span */
    NAME_MAX = 96,
    PATH_MAX_BYTES = 256,
    PEER_MAX = 64,
    TEXTS_MAX = 1024, /* of all steps */
};

struct step {
    const char *name, *key;
    uint32_t text, len; /* in texts */
    int64_t start_ns, end_ns;
    bool is_error;
};

struct kept {
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id, parent_id;
    int64_t start_ns, end_ns, body_bytes; /* wall */
    int status;
    bool is_grpc;
    const char *route;
    char method[16], path[PATH_MAX_BYTES], peer[PEER_MAX], texts[TEXTS_MAX];
    uint32_t method_len, path_len, peer_len, text_len, step_count;
    struct step steps[TRACE_STEPS_MAX];
};

struct own_trace {
    struct mutex lock;
    struct kept ring[OWN_TRACES_MAX]; /* Guarded by: lock */
    uint64_t put, taken;              /* Guarded by: lock; requests ever */
    struct kept batch[DRAIN_BATCH];   /* the draining thread's, as are the next */
    struct tsdb_span spans[DRAIN_BATCH * SPANS_MAX];
    struct tsdb_field fields[DRAIN_BATCH * SPANS_MAX][FIELDS_MAX];
    char names[DRAIN_BATCH][NAME_MAX];
};

static void count_rejected(enum reason reason, int64_t n)
{
    if (n > 0)
        counters_add(ITEMS_REJECTED, AT(SIGNAL_TRACES, DOOR_SELF, reason), n);
}

/* ---- taking -------------------------------------------------------------------------------- */

/* The bytes copied; a text is cut where it does not fit, never within a character. */
static uint32_t copy(char *out, size_t cap, struct tsdb_text text)
{
    size_t len = text.len < cap ? text.len : cap;
    while (len > 0 && len < text.len && ((uint8_t)text.at[len] & 0xc0) == 0x80)
        len--;
    memcpy(out, text.at, len);
    return (uint32_t)len;
}

static void copy_steps(struct kept *k, const struct trace *t, int64_t wall_from_mono)
{
    k->step_count = t->step_count;
    k->text_len = 0;
    for (uint32_t i = 0; i < t->step_count; i++) {
        const struct trace_step *from = &t->steps[i];
        struct step *to = &k->steps[i];
        *to = (struct step){.name = from->name,
                            .key = from->key,
                            .text = k->text_len,
                            .start_ns = from->start_ns + wall_from_mono,
                            .end_ns = from->end_ns + wall_from_mono,
                            .is_error = from->is_error};
        if (from->key)
            to->len = copy(k->texts + k->text_len, sizeof k->texts - k->text_len, from->text);
        k->text_len += to->len;
    }
}

static void on_request(void *arg, const struct trace *t, const struct trace_request *r)
{
    struct own_trace *s = arg;
    int64_t wall_from_mono = clock_wall_ns(clock_real()) - clock_mono_ns(clock_real());
    mutex_lock(&s->lock);
    uint32_t lost = 0;
    if (s->put - s->taken == OWN_TRACES_MAX)
        lost = 1 + s->ring[s->taken++ % OWN_TRACES_MAX].step_count;
    struct kept *k = &s->ring[s->put++ % OWN_TRACES_MAX];
    k->trace_id = t->trace_id;
    k->span_id = t->span_id;
    k->parent_id = t->parent_id;
    k->start_ns = r->start_ns + wall_from_mono;
    k->end_ns = r->end_ns + wall_from_mono;
    k->body_bytes = (int64_t)r->body_bytes;
    k->status = r->status;
    k->is_grpc = r->is_grpc;
    k->route = r->route;
    k->method_len = copy(k->method, sizeof k->method, r->method);
    k->path_len = copy(k->path, sizeof k->path, r->path);
    k->peer_len = copy(k->peer, sizeof k->peer, r->peer);
    copy_steps(k, t, wall_from_mono);
    mutex_unlock(&s->lock);
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_TRACES, DOOR_SELF), 1 + t->step_count);
    count_rejected(REASON_OVERLOADED, lost);
}

struct own_trace *own_trace_new(void)
{
    struct own_trace *s = MEM_NEW(struct own_trace);
    mutex_init(&s->lock);
    trace_set_tap(on_request, s);
    return s;
}

void own_trace_free(struct own_trace *s)
{
    if (!s)
        return;
    trace_set_tap(NULL, NULL);
    mutex_release(&s->lock);
    mem_free(s);
}

/* ---- storing ------------------------------------------------------------------------------- */

static uint32_t take(struct own_trace *s)
{
    uint32_t count = 0;
    mutex_lock(&s->lock);
    while (s->taken < s->put && count < DRAIN_BATCH)
        s->batch[count++] = s->ring[s->taken++ % OWN_TRACES_MAX];
    mutex_unlock(&s->lock);
    return count;
}

static void set_text(struct tsdb_field *f, const char *name, const char *at, size_t len)
{
    *f = (struct tsdb_field){.name = text_of(name), .type = TSDB_FIELD_STRING, .text = {at, len}};
}

static void set_int(struct tsdb_field *f, const char *name, int64_t v)
{
    *f = (struct tsdb_field){.name = text_of(name), .type = TSDB_FIELD_INT, .integer = v};
}

static void request_span(const struct kept *k, char name[NAME_MAX],
                         struct tsdb_field fields[FIELDS_MAX], struct tsdb_span *out)
{
    uint32_t n = 0;
    int len = k->route
                  ? snprintf(name, NAME_MAX, "%.*s %s", (int)k->method_len, k->method, k->route)
                  : snprintf(name, NAME_MAX, "%.*s", (int)k->method_len, k->method);
    set_text(&fields[n++], "http.request.method", k->method, k->method_len);
    set_text(&fields[n++], "url.path", k->path, k->path_len);
    if (k->route)
        set_text(&fields[n++], k->is_grpc ? "rpc.method" : "http.route", k->route,
                 strlen(k->route));
    set_int(&fields[n++], "http.response.status_code", k->status);
    set_text(&fields[n++], "network.peer.address", k->peer, k->peer_len);
    set_int(&fields[n++], "http.request.body.size", k->body_bytes);
    *out = (struct tsdb_span){
        .trace_id = k->trace_id,
        .span_id = k->span_id,
        .parent_id = k->parent_id,
        .start = k->start_ns,
        .end = k->end_ns,
        .kind = TSDB_KIND_SERVER,
        .status = k->status >= 500 ? TSDB_STATUS_ERROR : TSDB_STATUS_UNSET,
        .name = {name, len < NAME_MAX ? (size_t)len : NAME_MAX - 1},
        .attributes = {.at = fields, .count = n},
    };
}

static void step_span(const struct kept *k, const struct step *step, struct tsdb_field *field,
                      struct tsdb_span *out)
{
    if (step->key)
        set_text(field, step->key, k->texts + step->text, step->len);
    *out = (struct tsdb_span){
        .trace_id = k->trace_id,
        .span_id = trace_new_span_id(),
        .parent_id = k->span_id,
        .start = step->start_ns,
        .end = step->end_ns,
        .kind = TSDB_KIND_INTERNAL,
        .status = step->is_error ? TSDB_STATUS_ERROR : TSDB_STATUS_UNSET,
        .name = text_of(step->name),
        .attributes = {.at = field, .count = step->key != NULL},
    };
}

static void append(struct own_trace *s, struct tsdb *db, uint32_t requests)
{
    static const struct tsdb_field resource[] = {
        {.name = {"service.name", 12}, .type = TSDB_FIELD_STRING, .text = {"andon", 5}},
        {.name = {"service.version", 15},
         .type = TSDB_FIELD_STRING,
         .text = {ANDON_VERSION, sizeof ANDON_VERSION - 1}},
    };
    const struct tsdb_span_source source = {.resource = {.at = resource, .count = 2},
                                            .scope_name = {"andon", 5}};
    struct tsdb_appended out = {0};
    struct tsdb_error err;
    uint32_t count = 0;
    for (uint32_t i = 0; i < requests; i++) {
        const struct kept *k = &s->batch[i];
        request_span(k, s->names[i], s->fields[count], &s->spans[count]);
        count++;
        for (uint32_t j = 0; j < k->step_count; j++, count++)
            step_span(k, &k->steps[j], s->fields[count], &s->spans[count]);
    }
    const struct tsdb_span_batch batch = {.tenant = "",
                                          .sources = &source,
                                          .source_count = 1,
                                          .spans = s->spans,
                                          .span_count = count};
    if (tsdb_span_append(db, &batch, &out, NULL, &err) != TSDB_OK) {
        count_rejected(REASON_UNWRITABLE, count);
        return;
    }
    counters_add(ITEMS_ACCEPTED, AT(SIGNAL_TRACES, DOOR_SELF),
                 out.counts[TSDB_ACCEPTED] + out.counts[TSDB_DUPLICATE]);
    for (unsigned v = TSDB_CONFLICT; v < TSDB_VERDICT_COUNT; v++)
        count_rejected((enum reason)v, out.counts[v]);
}

void own_trace_drain(struct own_trace *s, struct tsdb *db)
{
    if (!s || !tsdb_is_writable(db))
        return;
    for (uint32_t n = take(s); n > 0; n = take(s))
        append(s, db, n);
}
