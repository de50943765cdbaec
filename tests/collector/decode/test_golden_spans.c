/* Goal: what a real sender means by its bytes does not drift.
 * Method: tests/golden/spans/v1 holds the bodies of one trace as OpenTelemetry's JavaScript
 * SDK (2.12, exporters 0.223) sent it through its exporters, and the text of the spans in
 * them.  UPDATE_GOLDEN=1 rewrites the text; the difference is for a reviewer. */
#include "collector/decode/otlp_json.h"
#include "collector/decode/otlp_spans.h"
#include "collector/decode/zipkin.h"
#include "tests/collector/decode/collect_spans.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 16 };

#define FOLDER "tests/golden/spans/v1/"

static struct bytes load(const char *path, uint8_t *room)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s is missing", path);
    size_t len = fread(room, 1, FILE_MAX, f);
    fclose(f);
    return (struct bytes){room, len};
}

static void save(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f, "%s", path);
    cr_assert_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

typedef enum tsdb_status decode_fn(const struct decode_span_task *task, struct bytes in,
                                   struct decode_tally *tally, struct tsdb_error *err);

static enum tsdb_status decode_json(const struct decode_span_task *task, struct bytes in,
                                    struct decode_tally *tally, struct tsdb_error *err)
{
    struct payload wire;
    payload_init(&wire, 1 << 20, NULL);
    enum tsdb_status st = otlp_json_trace_to_wire(in, &wire, err);
    if (st == TSDB_OK)
        st = otlp_spans_decode(task, payload_bytes(&wire), tally, err);
    payload_release(&wire);
    return st;
}

static void expect_golden(const char *body, const char *meaning, decode_fn *fn)
{
    static uint8_t room[FILE_MAX], text[FILE_MAX];
    struct collect_spans *seen = collect_spans_new();
    struct arena arena;
    struct decode_tally tally;
    struct tsdb_error err;
    arena_init(&arena, 16 << 20, NULL);
    struct decode_span_task task = collect_span_task(seen, &arena);
    cr_assert_eq(fn(&task, load(body, room), &tally, &err), TSDB_OK, "%s: %s", body, err.msg);
    cr_assert_eq(tally.received, tally.handed, "%s: %s", body, tally.message);
    char *got = collect_dump(&seen->base);
    if (getenv("UPDATE_GOLDEN"))
        save(meaning, got);
    struct bytes want = load(meaning, text);
    cr_expect(want.len == strlen(got) && memcmp(want.at, got, want.len) == 0,
              "%s means something else:\n%s", body, got);
    mem_free(got);
    arena_release(&arena);
    collect_spans_free(seen);
}

/* The exporters differ in form only. */
Test(golden_spans, opentelemetry)
{
    expect_golden(FOLDER "otlp_js.bin", FOLDER "otlp_js.txt", otlp_spans_decode);
    expect_golden(FOLDER "otlp_js.json", FOLDER "otlp_js_json.txt", decode_json);
}

Test(golden_spans, zipkin)
{
    expect_golden(FOLDER "zipkin_js.json", FOLDER "zipkin_js.txt", zipkin_decode);
}
