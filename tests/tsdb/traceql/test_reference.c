#include "tsdb/traceql/reference.h"

#include "tests/tsdb/traceql/prop_traceql.h"

#include <criterion/criterion.h>

static enum tsdb_status parse(const char *text, struct arena *arena, struct traceql_ref *ref,
                              struct tsdb_error *err)
{
    arena_init(arena, 1 << 16, NULL);
    return traceql_ref_parse(text_of(text), arena, ref, err);
}

Test(traceql_ref, is_read_and_written)
{
    static const struct {
        const char *text, *written, *name;
        enum tsdb_trace_place place;
    } cases[] = {
        {".a", ".a", "a", TSDB_PLACE_ANY},
        {"span.a.b", "span.a.b", "a.b", TSDB_PLACE_SPAN},
        {"resource.service.name", "resource.service.name", "service.name", TSDB_PLACE_RESOURCE},
        {"event.a", "event.a", "a", TSDB_PLACE_EVENT},
        {"link.a", "link.a", "a", TSDB_PLACE_LINK},
        {"instrumentation.a", "instrumentation.a", "a", TSDB_PLACE_SCOPE},
        {" span.a /* b */ ", "span.a", "a", TSDB_PLACE_SPAN},
        {".\"a b\"", ".\"a b\"", "a b", TSDB_PLACE_ANY},
        {"span.\"a\".b", "span.a.b", "a.b", TSDB_PLACE_SPAN},
        {".\"\\\"\\\\\"", ".\"\\\"\\\\\"", "\"\\", TSDB_PLACE_ANY},
        {".\"5\"", ".\"5\"", "5", TSDB_PLACE_ANY},
        {"span.5", "span.5", "5", TSDB_PLACE_SPAN},
        {".\"\"", ".\"\"", "", TSDB_PLACE_ANY},
        {".\xf0\x9f\x98\x80", ".\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", TSDB_PLACE_ANY},
        {".\"\xe2\x80\x83\"", ".\"\xe2\x80\x83\"", "\xe2\x80\x83", TSDB_PLACE_ANY},
        {"name", "name", "", TSDB_PLACE_INTRINSIC},
        {"span:name", "name", "", TSDB_PLACE_INTRINSIC},
        {"trace:id", "trace:id", "", TSDB_PLACE_INTRINSIC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct traceql_ref ref;
        struct writer out = {0};
        struct tsdb_error err = {.msg = ""};
        cr_assert_eq(parse(cases[i].text, &arena, &ref, &err), TSDB_OK, "%s: %s", cases[i].text,
                     err.msg);
        traceql_ref_format(&ref, &out);
        cr_expect(text_equal(prop_text(&out), text_of(cases[i].written)), "%s: %.*s", cases[i].text,
                  (int)out.len, (const char *)out.at);
        cr_expect(text_equal(ref.name, text_of(cases[i].name)), "%s", cases[i].text);
        cr_expect_eq(ref.place, cases[i].place, "%s", cases[i].text);
        writer_release(&out);
        arena_release(&arena);
    }
}

Test(traceql_ref, is_one_and_nothing_else)
{
    static const char *const cases[] = {
        "",  "a",     ".",      "span.",    "span:",        ".a .b", ".a = 1", "{ .a }",
        "1", "\"a\"", "parent", "parent.a", "span:nothing", ".\"a",  "$"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct traceql_ref ref = {.intrinsic = INTRINSICS};
        struct tsdb_error err = {.msg = ""};
        cr_expect_eq(parse(cases[i], &arena, &ref, &err), TSDB_EINVAL, "%s", cases[i]);
        cr_expect(err.msg[0] != '\0' && ref.intrinsic == INTRINSICS, "%s", cases[i]);
        arena_release(&arena);
    }
}

Test(traceql_ref, reads_the_name_of_every_intrinsic)
{
    for (int i = INTRINSIC_NONE + 1; i < INTRINSICS; i++) {
        struct arena arena;
        struct traceql_ref ref;
        struct tsdb_error err = {.msg = ""};
        const char *name = traceql_intrinsic_name((enum traceql_intrinsic)i);
        cr_assert_eq(parse(name, &arena, &ref, &err), TSDB_OK, "%s: %s", name, err.msg);
        cr_expect(ref.place == TSDB_PLACE_INTRINSIC && (int)ref.intrinsic == i, "%s", name);
        cr_expect_neq(traceql_intrinsic_type(ref.intrinsic), TRACEQL_NIL, "%s", name);
        arena_release(&arena);
    }
}
