/* Goal: labels, attributes and tenant go into one label set and come out as they were, types and
 * empty texts included; sets that no stream makes are refused. */
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"
#include "tsdb/logs/stream_labels.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct tsdb_limits limits = {
    .labels_max = 64, .name_bytes_max = 256, .value_bytes_max = 4096};

enum { ATTRIBUTES = 10 };

static void attributes_of(struct tsdb_field out[ATTRIBUTES])
{
    static const double nan_value = NAN;
    const struct tsdb_field in[ATTRIBUTES] = {
        {.name = text_of("host"), .type = TSDB_FIELD_STRING, .text = text_of("")},
        {.name = text_of("host"), .type = TSDB_FIELD_INT, .integer = INT64_MIN},
        {.name = text_of("load"), .type = TSDB_FIELD_DOUBLE, .real = nan_value},
        {.name = text_of("zero"), .type = TSDB_FIELD_DOUBLE, .real = -0.0},
        {.name = text_of("spot"), .type = TSDB_FIELD_BOOL, .integer = 1},
        {.name = text_of("idle"), .type = TSDB_FIELD_BOOL, .integer = 0},
        {.name = text_of("raw"), .type = TSDB_FIELD_BYTES, .text = {"\0\xff.", 3}},
        {.name = text_of("id"), .type = TSDB_FIELD_ID, .text = text_of("0123456789abcdef")},
        {.name = text_of("list"), .type = TSDB_FIELD_JSON, .text = text_of("[1,2]")},
        {.name = text_of("host"), .type = TSDB_FIELD_STRING, .text = text_of("the second")},
    };
    memcpy(out, in, sizeof in);
}

static bool is_same(const struct tsdb_field *a, const struct tsdb_field *b)
{
    if (a->type != b->type || !text_equal(a->name, b->name))
        return false;
    if (a->type == TSDB_FIELD_INT || a->type == TSDB_FIELD_BOOL)
        return a->integer == b->integer;
    if (a->type == TSDB_FIELD_DOUBLE)
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    return text_equal(a->text, b->text);
}

Test(stream_labels, come_out_as_they_went_in)
{
    struct tsdb_field attributes[ATTRIBUTES];
    struct tsdb_label in[3] = {{text_of("b"), text_of("2")},
                               {text_of("empty"), text_of("")},
                               {text_of("a"), text_of("1")}};
    struct tsdb_log_stream stream = {{in, 3}, attributes, ATTRIBUTES};
    struct tsdb_label out[LABELS_MAX];
    static struct stream_parts parts;
    struct arena arena;
    uint32_t count;
    attributes_of(attributes);
    arena_init(&arena, 1 << 20, NULL);
    cr_assert_eq(stream_canonical(&limits, &stream, &arena, out, &count), TSDB_ACCEPTED);
    cr_assert_eq(count, 2u + ATTRIBUTES - 1);
    cr_assert(stream_check((struct tsdb_labels){out, count}));
    stream_add_tenant("blue", out, &count);
    cr_assert(!stream_check((struct tsdb_labels){out, count}), "the tenant is not of the record");
    for (uint32_t i = 1; i < count; i++)
        cr_assert_lt(text_compare(out[i - 1].name, out[i].name), 0);
    stream_split((struct tsdb_labels){out, count}, &parts);
    cr_assert_eq(parts.label_count, 2u);
    cr_assert(text_equal(parts.labels[0].name, text_of("a")));
    cr_assert_eq(parts.attribute_count, ATTRIBUTES - 1u);
    for (uint32_t i = 0; i < ATTRIBUTES - 1; i++) {
        uint32_t found = 0;
        for (uint32_t k = 0; k < parts.attribute_count; k++)
            found += is_same(&attributes[i], &parts.attributes[k]);
        cr_assert_eq(found, 1u, "attribute %u", i);
    }
    arena_release(&arena);
}

Test(stream_labels, no_more_than_an_index_takes)
{
    static struct tsdb_field attributes[LABELS_MAX];
    static char names[LABELS_MAX][8];
    struct tsdb_label label = {text_of("a"), text_of("1")}, out[LABELS_MAX];
    struct tsdb_log_stream stream = {{&label, 1}, attributes, 0};
    struct arena arena;
    uint32_t count;
    arena_init(&arena, 1 << 20, NULL);
    for (uint32_t i = 0; i < LABELS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%u", i);
        attributes[i] = (struct tsdb_field){.name = text_of(names[i]), .type = TSDB_FIELD_INT};
    }
    stream.attribute_count = LABELS_MAX - 2; /* and the tenant */
    cr_assert_eq(stream_canonical(&limits, &stream, &arena, out, &count), TSDB_ACCEPTED);
    stream_add_tenant("blue", out, &count);
    cr_assert_eq(count, (uint32_t)LABELS_MAX);
    stream.attribute_count++;
    cr_assert_eq(stream_canonical(&limits, &stream, &arena, out, &count), TSDB_LABEL_LIMIT);
    arena_release(&arena);
}

Test(stream_labels, check_refuses)
{
    static const struct tsdb_label bad[][2] = {
        {{{"b", 1}, {"1", 1}}, {{"a", 1}, {"1", 1}}},             /* not sorted */
        {{{"a", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}},             /* twice */
        {{{"a", 1}, {"", 0}}, {{"b", 1}, {"1", 1}}},              /* no value */
        {{{"", 0}, {"1", 1}}, {{"b", 1}, {"1", 1}}},              /* no name */
        {{{"\0x", 2}, {"1", 1}}, {{"b", 1}, {"1", 1}}},           /* of no type */
        {{{"\1", 1}, {"x.", 2}}, {{"b", 1}, {"1", 1}}},           /* an attribute without a name */
        {{{"\1x", 2}, {"x", 1}}, {{"b", 1}, {"1", 1}}},           /* a text without its end */
        {{{"\2x", 2}, {"1234567", 7}}, {{"b", 1}, {"1", 1}}},     /* a short integer */
        {{{"\3x", 2}, {"123456789", 9}}, {{"b", 1}, {"1", 1}}},   /* a long double */
        {{{"\4x", 2}, {"2", 1}}, {{"b", 1}, {"1", 1}}},           /* no bool */
        {{{"\1x", 2}, {".", 1}}, {{"\1y", 2}, {".", 1}}},         /* no label */
        {{{"\7x", 2}, {".", 1}}, {{"__tenant__", 10}, {"x", 1}}}, /* the tenant's */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!stream_check((struct tsdb_labels){bad[i], 2}), "case %zu", i);
    cr_assert(!stream_check((struct tsdb_labels){0}));
    static const struct tsdb_label good[] = {{{"\7x", 2}, {".", 1}}, {{"a", 1}, {"x", 1}}};
    cr_assert(stream_check((struct tsdb_labels){good, 2}));
}

Test(stream_labels, hashes_tell_where_a_text_ends)
{
    static const struct tsdb_label a[] = {{{"a", 1}, {"bc", 2}}}, b[] = {{{"ab", 2}, {"c", 1}}};
    struct tsdb_hash x = stream_hash(7, (struct tsdb_labels){a, 1});
    cr_assert(hash_equal(x, stream_hash(7, (struct tsdb_labels){a, 1})));
    cr_assert(!hash_equal(x, stream_hash(7, (struct tsdb_labels){b, 1})));
    cr_assert(!hash_equal(x, stream_hash(8, (struct tsdb_labels){a, 1})));
}
