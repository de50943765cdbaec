#include "collector/derive/derived_set.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

/* Bounds are inclusive, and double. */
Test(derived_set, buckets_are_where_a_search_of_the_bounds_finds_them)
{
    static const enum set_kind kinds[] = {SET_SPANS, SET_EDGES};
    for (int k = 0; k < 2; k++) {
        const struct set_shape *shape = &set_shapes[kinds[k]];
        for (unsigned i = 0; i < shape->bucket_count; i++)
            for (int64_t off = -1; off <= 1; off++) {
                int64_t ns = (shape->unit_ns << i) + off;
                unsigned want = 0;
                while (want + 1u < shape->bucket_count && ns > shape->unit_ns << want)
                    want++;
                cr_assert_eq(latency_bucket(shape, ns), want, "%lld", (long long)ns);
            }
        cr_assert_eq(latency_bucket(shape, 0), 0);
        cr_assert_eq(latency_bucket(shape, INT64_MAX), shape->bucket_count - 1u);
    }
}

Test(derived_set, every_series_has_a_name_of_its_own)
{
    static struct series_name names[SET_KIND_COUNT * SET_SERIES_MAX];
    struct series_name name;
    uint32_t n = 0;
    for (unsigned kind = 0; kind < SET_KIND_COUNT; kind++) {
        if (kind == SET_MESSAGING_EDGES)
            continue; /* families of edges, under other labels */
        for (uint32_t i = 0; i < set_series_count(kind); i++) {
            series_name_format(kind, i, &name);
            for (uint32_t j = 0; j < n; j++)
                cr_assert(strcmp(name.name, names[j].name) != 0 ||
                          strcmp(name.bound, names[j].bound) != 0);
            cr_assert_eq(strlen(name.name), name.name_len);
            names[n++] = name;
        }
    }
    cr_assert_eq(n, 19 + 24 + 1);
    series_name_format(SET_EDGES, 2, &name);
    cr_assert_str_eq(name.name, "traces_service_graph_request_server_seconds_bucket");
    cr_assert_str_eq(name.bound, "0.1");
    series_name_format(SET_MESSAGING_EDGES, 34, &name);
    cr_assert_str_eq(name.name, "traces_service_graph_request_messaging_system_seconds_count");
}

Test(derived_set, labels_are_sorted_and_what_is_empty_is_left_out)
{
    const struct tsdb_label labels[] = {
        {text_of("b"), text_of("2")}, {text_of("c"), text_of("")}, {text_of("a"), text_of("1")}};
    const struct tsdb_label turned[] = {{text_of("a"), text_of("1")}, {text_of("b"), text_of("2")}};
    const struct tsdb_label others[] = {{text_of("a"), text_of("12")}, {text_of("b"), text_of("")}};
    struct derived_set *s = derived_set_new(SET_SPANS, (struct tsdb_labels){labels, 3}, 1, NULL);
    struct derived_set *t = derived_set_new(SET_SPANS, (struct tsdb_labels){turned, 2}, 1, NULL);
    struct derived_set *o = derived_set_new(SET_SPANS, (struct tsdb_labels){others, 2}, 1, NULL);
    cr_assert_eq(s->label_count, 2);
    cr_assert(text_equal(s->labels[0].name, text_of("a")));
    cr_assert(text_equal(s->labels[1].value, text_of("2")));
    cr_assert_eq(s->identity.lo, t->identity.lo);
    cr_assert_neq(s->identity.lo, o->identity.lo);
    derived_set_free(s, NULL);
    derived_set_free(t, NULL);
    derived_set_free(o, NULL);
    derived_set_free(NULL, NULL);
}

Test(derived_set, buckets_are_cumulative_when_they_are_read)
{
    static const struct span_mark mark;
    double values[SET_SERIES_MAX];
    struct derived_set *s = derived_set_new(SET_SPANS, (struct tsdb_labels){NULL, 0}, 1, NULL);
    latency_add(&s->latencies[0], &set_shapes[SET_SPANS], 3 * NS_PER_MS, &mark);
    latency_add(&s->latencies[0], &set_shapes[SET_SPANS], 3 * NS_PER_MS, &mark);
    latency_add(&s->latencies[0], &set_shapes[SET_SPANS], NS_PER_HOUR, &mark);
    derived_set_values(s, values);
    const double *buckets = values + derived_set_bucket_series(SET_SPANS, 0, 0);
    cr_assert_eq(buckets[0], 0.0);
    cr_assert_eq(buckets[1], 2.0);
    cr_assert_eq(buckets[13], 2.0);
    cr_assert_eq(buckets[14], 3.0, "+Inf");
    cr_assert_float_eq(buckets[15], 3600.006, 1e-9, "sum");
    cr_assert_eq(buckets[16], 3.0, "count");
    derived_set_free(s, NULL);
}
