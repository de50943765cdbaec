#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"

struct seen {
    char text[256];
};

static bool note(void *arg, struct tsdb_text text)
{
    struct seen *s = arg;
    size_t at = strlen(s->text);
    (void)snprintf(s->text + at, sizeof s->text - at, "%.*s ", (int)text.len, text.at);
    return true;
}

static void put_as(struct rig *r, const char *tenant, const char *series)
{
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {.key = rig_key(r, series), .ts = RIG_NOW, .value = 1};
    struct tsdb_batch batch = {
        .tenant = tenant, .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    cr_assert_eq(metrics_append(r->m, &batch, &out, NULL, NULL), TSDB_OK);
}

static void expect(struct rig *r, const char *tenant, const char *label, const char *want)
{
    struct seen seen = {""};
    struct lookup all = {.tenant = tenant, .start = INT64_MIN, .end = INT64_MAX};
    if (label)
        cr_assert_eq(metrics_label_values(r->m, text_of(label), &all, note, &seen, NULL), TSDB_OK);
    else
        cr_assert_eq(metrics_label_names(r->m, &all, note, &seen, NULL), TSDB_OK);
    cr_assert_str_eq(seen.text, want, "tenant \"%s\": %s, want %s", tenant, seen.text, want);
}

/* In the head, in a block, and in a block of a store whose head knows no tenant. */
Test(lookup, names_and_values_are_the_tenants_own)
{
    struct rig r;
    rig_init(&r);
    put_as(&r, "", "a|x=1");
    put_as(&r, "blue", "b|x=2|secret=s");
    for (int pass = 0; pass < 3; pass++) {
        expect(&r, "", NULL, "__name__ x ");
        expect(&r, "", "x", "1 ");
        expect(&r, "", "secret", "");
        expect(&r, "blue", NULL, "__name__ secret x ");
        expect(&r, "blue", "x", "2 ");
        expect(&r, "green", NULL, "");
        if (pass == 0) {
            rig_seal(&r);
        } else {
            clock_sim_advance(&r.clock, NS_PER_HOUR);
            for (int i = 0; i < 3; i++)
                rig_seal(&r); /* the head forgets them */
            cr_assert_eq(head_series_count(&r.m->head), 0u);
            rig_sync(&r);
            rig_close(&r);
            rig_open(&r);
        }
    }
    rig_release(&r);
}

struct pairs {
    uint32_t count, series;
    bool has_secret;
};

static bool note_pair(void *arg, struct tsdb_label pair, uint32_t series)
{
    struct pairs *p = arg;
    p->count++;
    p->series += series;
    p->has_secret |= text_equal(pair.name, text_of("secret"));
    cr_assert_not(text_equal(pair.name, text_of(TENANT_LABEL)));
    return true;
}

static struct pairs pairs_of(struct rig *r, const char *tenant)
{
    struct pairs p = {0};
    metrics_cardinality(r->m, tenant, note_pair, &p);
    return p;
}

Test(lookup, label_pairs_are_the_tenants_own)
{
    struct rig r;
    rig_init(&r);
    cr_assert_eq(pairs_of(&r, "").count, 0u);
    put_as(&r, "", "a|x=1");
    cr_assert_eq(pairs_of(&r, "").count, 2u);
    cr_assert_eq(pairs_of(&r, NULL).count, 2u);
    cr_assert_eq(pairs_of(&r, "blue").count, 0u);
    put_as(&r, "blue", "a|x=1|secret=s");
    put_as(&r, "blue", "b|x=1");
    struct pairs own = pairs_of(&r, ""), blue = pairs_of(&r, "blue");
    cr_assert_eq(own.count, 2u);
    cr_assert_eq(own.series, 2u);
    cr_assert_not(own.has_secret);
    cr_assert_eq(blue.count, 4u, "a, b, x, secret");
    cr_assert_eq(blue.series, 5u);
    cr_assert(blue.has_secret);
    cr_assert_eq(pairs_of(&r, "green").count, 0u);
    rig_release(&r);
}

/* Alone in the store, and one whose name nothing in the head has any more. */
Test(lookup, label_pairs_of_a_tenant_that_is_alone)
{
    struct rig r;
    rig_init(&r);
    put_as(&r, "blue", "a|x=1");
    cr_assert_eq(pairs_of(&r, "blue").count, 2u);
    cr_assert_eq(pairs_of(&r, "").count, 0u);
    rig_release(&r);
}
