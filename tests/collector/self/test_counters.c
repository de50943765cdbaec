#include "collector/self/counters.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static char page[1 << 18];

static const char *render(enum counters_form form)
{
    struct writer w = {0};
    counters_render(&w, form);
    cr_assert_lt(w.len, sizeof page);
    memcpy(page, w.at, w.len);
    page[w.len] = '\0';
    writer_release(&w);
    return page;
}

Test(counters, prometheus_text_puts_total_in_the_family_name)
{
    counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP, REASON_TOO_OLD), 3);
    counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP, REASON_TOO_OLD), 4);
    const char *text = render(FORM_PROMETHEUS_TEXT);
    cr_assert(strstr(text, "# TYPE andon_items_rejected_total counter\n"));
    cr_assert(strstr(text, "\nandon_items_rejected_total{door=\"otlp_http\",reason=\"too_old\","
                           "signal=\"metrics\"} 7\n"),
              "%s", text);
    cr_assert_not(strstr(text, "# EOF"));
    cr_assert_not(strstr(text, "# UNIT"));
}

Test(counters, openmetrics_has_units_and_an_end)
{
    const char *text = render(FORM_OPENMETRICS);
    cr_assert(strstr(text, "# TYPE andon_items_rejected counter\n"));
    cr_assert(strstr(text, "# UNIT andon_journal_bytes bytes\n"));
    cr_assert(strstr(text, "# UNIT process_cpu_seconds seconds\n"));
    cr_assert(strstr(text, "\nprocess_cpu_seconds_total "));
    cr_assert(strstr(text, "\nandon_build_info{version=\"" ANDON_VERSION "\"} 1\n"));
    cr_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
}

Test(counters, every_family_name_is_unique_and_ends_in_its_unit)
{
#define FAMILY_NAME(id, kind, name, unit, a, b, c, help) {name, unit, help, #kind},
    static const struct {
        const char *name, *unit, *help, *kind;
    } all[] = {FAMILIES(FAMILY_NAME)};
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        size_t n = strlen(all[i].name), u = strlen(all[i].unit), h = strlen(all[i].help);
        cr_assert(u == 0 || (n > u + 1 && strcmp(all[i].name + n - u, all[i].unit) == 0), "%s",
                  all[i].name);
        cr_assert(h > 0 && all[i].help[h - 1] == '.', "%s", all[i].name);
        cr_assert_not(strchr(all[i].help, '\n'));
        cr_assert_not(strstr(all[i].name, "_total"), "%s", all[i].name);
        if (strcmp(all[i].kind, "HISTOGRAM") == 0)
            cr_assert_str_eq(all[i].unit, "seconds");
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(all[i].name, all[j].name);
    }
}

Test(counters, histogram_is_cumulative_in_seconds)
{
    counters_observe(ACK_LATENCY, AT(DOOR_TCP), 100000);        /* on a bound: inside */
    counters_observe(ACK_LATENCY, AT(DOOR_TCP), 100001);        /* just above */
    counters_observe(ACK_LATENCY, AT(DOOR_TCP), 20 * NS_PER_S); /* above all */
    counters_observe(ACK_LATENCY, AT(DOOR_TCP), -5);            /* a clock that stepped */
    cr_assert_eq(counters_get(ACK_LATENCY, AT(DOOR_TCP)), 4);
    const char *text = render(FORM_OPENMETRICS);
    cr_assert(strstr(text, "andon_ack_latency_seconds_bucket{door=\"tcp\",le=\"0.0001\"} 2\n"));
    cr_assert(strstr(text, "andon_ack_latency_seconds_bucket{door=\"tcp\",le=\"0.00025\"} 3\n"));
    cr_assert(strstr(text, "andon_ack_latency_seconds_bucket{door=\"tcp\",le=\"1.0\"} 3\n"));
    cr_assert(strstr(text, "andon_ack_latency_seconds_bucket{door=\"tcp\",le=\"+Inf\"} 4\n"));
    cr_assert(strstr(text, "andon_ack_latency_seconds_sum{door=\"tcp\"} 20.000200001\n"), "%s",
              text);
    cr_assert(strstr(text, "andon_ack_latency_seconds_count{door=\"tcp\"} 4\n"));
    cr_assert_not(strstr(text, "andon_ack_latency_seconds_count{door=\"udp\"}"));
}

Test(counters, gauges_move_both_ways_and_show_zero)
{
    counters_add(CONNECTIONS_OPEN, AT(LISTENER_HTTP), 2);
    counters_add(CONNECTIONS_OPEN, AT(LISTENER_HTTP), -2);
    counters_set(CONNECTIONS_OPEN, AT(LISTENER_TCP), 5);
    const char *text = render(FORM_PROMETHEUS_TEXT);
    cr_assert(strstr(text, "andon_connections_open{listener=\"http\"} 0\n"));
    cr_assert(strstr(text, "andon_connections_open{listener=\"tcp\"} 5\n"));
}

static void fill(void *arg)
{
    counters_set(UDP_SENDERS, NOWHERE, *(int *)arg);
}

Test(counters, collectors_run_before_every_reading)
{
    int senders = 41;
    counters_on_collect(fill, &senders);
    cr_assert(strstr(render(FORM_PROMETHEUS_TEXT), "\nandon_udp_senders 41\n"));
    senders = 42;
    cr_assert(strstr(render(FORM_PROMETHEUS_TEXT), "\nandon_udp_senders 42\n"));
    counters_forget_collectors();
    senders = 43;
    cr_assert(strstr(render(FORM_PROMETHEUS_TEXT), "\nandon_udp_senders 42\n"));
}

struct tally {
    size_t samples;
    bool has_latency, is_sorted;
};

static void tally_sample(void *arg, const struct counter_sample *sample)
{
    struct tally *t = arg;
    t->samples++;
    for (uint32_t i = 1; i < sample->labels.count; i++)
        if (text_compare(sample->labels.at[i - 1].name, sample->labels.at[i].name) >= 0)
            t->is_sorted = false;
    if (text_equal(sample->name, text_of("andon_query_duration_seconds_sum"))) {
        t->has_latency = sample->value == 1.5 && sample->type == TSDB_METRIC_HISTOGRAM &&
                         text_equal(sample->family, text_of("andon_query_duration_seconds")) &&
                         text_equal(sample->unit, text_of("seconds"));
    }
}

Test(counters, iterator_hands_out_what_the_page_shows)
{
    counters_observe(QUERY_DURATION, AT(STAGE_RUN), NS_PER_S * 3 / 2);
    struct tally t = {.is_sorted = true};
    counters_each(tally_sample, &t);
    cr_assert(t.has_latency);
    cr_assert(t.is_sorted);
    size_t lines = 0;
    for (const char *p = render(FORM_PROMETHEUS_TEXT); *p; p = strchr(p, '\n') + 1)
        lines += *p != '#';
    cr_assert_eq(lines, t.samples);
}

static void *add_many(void *arg)
{
    while (!atomic_load((atomic_bool *)arg))
        ;
    for (int i = 0; i < 100000; i++)
        counters_add(UDP_DATAGRAMS, NOWHERE, 1);
    return NULL;
}

Test(counters, adds_of_threads_are_not_lost)
{
    struct thread threads[4];
    atomic_bool go = false; /* all are there before the first ends */
    for (int i = 0; i < 4; i++)
        thread_start(&threads[i], "test", add_many, &go);
    atomic_store(&go, true);
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
    cr_assert_eq(counters_get(UDP_DATAGRAMS, NOWHERE), 400000);
}
