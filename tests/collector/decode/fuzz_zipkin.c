/* Zipkin's JSON: any bytes are an answer, the same one wherever batches end; what is refused
 * is counted; and a span that is written from what was read is read again as the same. */
#include "collector/decode/zipkin.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_spans.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Fragments, so that the fuzzer meets the schema soon; bytes above pick one. */
static const char *const fragments[] = {
    "[{",
    "},{",
    "}]",
    "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"id\":\"a1a2a3a4a5a6a7a8\",",
    "\"traceId\":\"1\",\"id\":\"2\",\"parentId\":\"3\",",
    "\"timestamp\":1700000000000000.5,",
    "\"timestamp\":1",
    "\"duration\":1e3,",
    "\"name\":\"get\",",
    "\"kind\":\"CLIENT\",",
    "\"kind\":\"SERVER\"",
    "\"localEndpoint\":{\"serviceName\":\"a\",\"ipv4\":\"1.2.3.4\",\"port\":80},",
    "\"remoteEndpoint\":{\"serviceName\":\"b\",\"ipv6\":\"::1\"},",
    "\"annotations\":[{\"timestamp\":1,\"value\":\"",
    "\\\"a\\\":{\\\"b\\\":1.0,\\\"c\\\":[1,{}]}",
    "\"},{\"timestamp\":",
    "\"}],",
    "\"tags\":{",
    "\"error\":\"true\",",
    "\"otel.status_code\":\"OK\",",
    "\"otel.scope.name\":\"lib\",",
    "\"otel.dropped_events_count\":\"3\",",
    "\"w3c.tracestate\":\"a=1\",",
    "\"peer.service\":\"c\",",
    "\"k\":\"\\u00e9\\ud83d\\ude00\"",
    "},",
    "\"shared\":true,",
    "\"debug\":true",
    "null",
    ",",
    "{",
    "}",
    "[",
    "]",
};

/* Whole members of a span. */
static const char *const members[] = {
    "\"parentId\":\"3\"",
    "\"duration\":1e3",
    "\"duration\":12.5",
    "\"name\":\"get\"",
    "\"name\":\"\\u00e9\\n\\\"\"",
    "\"kind\":\"CLIENT\"",
    "\"kind\":\"SERVER\"",
    "\"localEndpoint\":{\"serviceName\":\"a\",\"ipv4\":\"1.2.3.4\",\"port\":80}",
    "\"remoteEndpoint\":{\"serviceName\":\"b\",\"ipv6\":\"::1\"}",
    "\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\":{\\\"b\\\":1.0}\"}]",
    "\"tags\":{\"error\":\"true\",\"k\":\"v\",\"otel.status_code\":\"OK\"}",
    "\"tags\":{\"otel.scope.name\":\"lib\",\"otel.dropped_events_count\":\"3\"}",
    "\"shared\":true",
    "\"x\":{\"y\":[1,{}]}",
};

/* Well-formed spans, a few bytes of which are damaged. */
static struct bytes build(struct entropy *e)
{
    struct writer w = {0};
    for (size_t n = 1 + entropy_below(e, 4); n > 0; n--) {
        writer_text(&w, w.len > 0 ? "},{" : "[{");
        writer_format(&w, "\"traceId\":\"%llx\",\"id\":\"%x\",\"timestamp\":%llu.%0*u",
                      (unsigned long long)entropy_u64(e), entropy_u8(e) + 1u,
                      (unsigned long long)entropy_u64(e) >> 12, 1 + (int)entropy_below(e, 5),
                      entropy_u8(e));
        for (size_t more = entropy_below(e, 6); more > 0; more--)
            writer_format(&w, ",%s", members[entropy_below(e, sizeof members / sizeof *members)]);
    }
    writer_text(&w, "}]");
    uint8_t *at = ORACLE_ARRAY(uint8_t, w.len);
    struct bytes out = {at, w.len};
    memcpy(at, w.at, w.len);
    writer_release(&w);
    oracle_damage(e, at, out.len);
    return out;
}

static struct bytes compose(struct entropy *e)
{
    char *at = ORACLE_ARRAY(char, ORACLE_BYTES_MAX);
    size_t len = 0;
    while (e->len > 0 && len < ORACLE_BYTES_MAX - 128) {
        uint8_t pick = entropy_u8(e);
        if (pick < 0x80) {
            at[len++] = (char)pick;
            continue;
        }
        const char *f = fragments[pick % (sizeof fragments / sizeof fragments[0])];
        memcpy(at + len, f, strlen(f));
        len += strlen(f);
    }
    return (struct bytes){(const uint8_t *)at, len};
}

/* ---- what was read, written again ------------------------------------------------------- */

struct echo {
    struct collect_spans *seen;
    struct writer *out; /* a list of spans, as Zipkin writes them; NULL: nothing is written */
};

static void put_text(struct writer *w, struct tsdb_text t)
{
    writer_u8(w, '"');
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = (uint8_t)t.at[i];
        if (c < 0x20 || c == '"' || c == '\\')
            writer_format(w, "\\u%04x", c);
        else
            writer_u8(w, c);
    }
    writer_u8(w, '"');
}

/* Ids, times and texts: what has one way to be written. */
static void write_span(struct writer *w, const struct tsdb_span_source *source,
                       const struct tsdb_span *s)
{
    static const char *const kinds[] = {"\"?\"",      "null",         "\"SERVER\"",
                                        "\"CLIENT\"", "\"PRODUCER\"", "\"CONSUMER\""};
    writer_text(w, w->len > 1 ? ",{\"traceId\":\"" : "{\"traceId\":\"");
    collect_put_hex(w, s->trace_id.at, sizeof s->trace_id.at);
    writer_text(w, "\",\"id\":\"");
    collect_put_hex(w, s->span_id.at, sizeof s->span_id.at);
    writer_text(w, "\",\"parentId\":\"");
    collect_put_hex(w, s->parent_id.at, sizeof s->parent_id.at);
    writer_format(w, "\",\"kind\":%s,\"timestamp\":%lld.%03lld,\"duration\":%lld.%03lld,\"name\":",
                  kinds[s->kind], (long long)(s->start / 1000), (long long)(s->start % 1000),
                  (long long)((s->end - s->start) / 1000), (long long)((s->end - s->start) % 1000));
    put_text(w, s->name);
    if (source->resource.count > 0) {
        writer_text(w, ",\"localEndpoint\":{\"serviceName\":");
        put_text(w, source->resource.at[0].text);
        writer_u8(w, '}');
    }
    writer_u8(w, '}');
}

static enum tsdb_status echo_batch(void *arg, const struct decode_span_batch *b)
{
    struct echo *e = arg;
    for (uint32_t i = 0; i < b->batch.span_count; i++) {
        const struct tsdb_span *s = &b->batch.spans[i];
        ASSERT(s->start >= 0 && s->end >= s->start);
        ASSERT(s->kind <= TSDB_KIND_CONSUMER && s->status <= TSDB_STATUS_ERROR);
        if (e->out)
            write_span(e->out, &b->batch.sources[s->source], s);
    }
    return collect_span_batch(e->seen, b);
}

static enum tsdb_status decode(struct bytes in, struct collect_spans *seen, struct writer *out,
                               struct decode_tally *tally)
{
    struct arena arena;
    struct echo echo = {seen, out};
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_span_task task = collect_span_task(seen, &arena);
    task.sink.batch = echo_batch;
    task.sink.arg = &echo;
    enum tsdb_status st = zipkin_decode(&task, in, tally, NULL);
    collect_spans_check(seen, tally, st);
    arena_release(&arena);
    return st;
}

/* The part of a line up to the times: without status, trace state and attributes. */
static size_t head_length(const char *line)
{
    const char *end = strstr(line, " kind=");
    ASSERT(end);
    end += strlen(" kind=") + 1;
    return (size_t)(end - line) + 1 + strcspn(end + 1, " ");
}

static void check(struct bytes in)
{
    struct collect_spans *seen = collect_spans_new(), *again = collect_spans_new();
    struct decode_tally tally, second;
    struct writer w = {0};
    writer_u8(&w, '[');
    if (decode(in, seen, &w, &tally) == TSDB_OK) {
        writer_u8(&w, ']');
        ASSERT(decode(writer_bytes(&w), again, NULL, &second) == TSDB_OK);
        ASSERT(second.handed == tally.handed && second.handed == second.received);
        for (uint32_t i = 0; i < again->base.count; i++) {
            const char *a = seen->base.lines[i], *b = again->base.lines[i];
            if (!strstr(a, "> | @ <> | "))
                continue; /* a scope: not written again */
            ASSERT(head_length(a) == head_length(b));
            ASSERT(memcmp(a, b, head_length(a)) == 0);
        }
    }
    writer_release(&w);
    collect_spans_free(seen);
    collect_spans_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    arena_reset(oracle_arena());
    check(entropy_u8(&e) & 1 ? build(&e) : compose(&e));
    return 0;
}
