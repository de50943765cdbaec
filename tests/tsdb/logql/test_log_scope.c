#include "tsdb/logql/log_scope.h"

#include "tests/tsdb/logql/rig.h"
#include "tsdb/logql/scan.h"

static bool note(void *arg, struct tsdb_text text)
{
    char *out = arg;
    (void)snprintf(out + strlen(out), 200 - strlen(out), "%.*s ", (int)text.len, text.at);
    return true;
}

static bool note_volume(void *arg, const struct tsdb_log_volume *v)
{
    char *out = arg;
    for (uint32_t i = 0; i < v->labels.count; i++)
        (void)snprintf(out + strlen(out), 200 - strlen(out), "%.*s=%.*s ",
                       (int)v->labels.at[i].name.len, v->labels.at[i].name.at,
                       (int)v->labels.at[i].value.len, v->labels.at[i].value.at);
    (void)snprintf(out + strlen(out), 200 - strlen(out), "%llu/%llu; ",
                   (unsigned long long)v->entries, (unsigned long long)v->bytes);
    return true;
}

Test(log_scope, names_values_and_volumes)
{
    struct rig r;
    rig_open(&r);
    rig_put(&r, "app=cart env=prod", 1000, "12345", "field=x");
    rig_put(&r, "app=cart env=prod", 2000, "123", "");
    rig_put(&r, "app=web", 3000, "1", "");
    struct logql_store store = rig_store(&r);
    struct tsdb_text selector = text_of("{app=\"cart\"}");
    struct tsdb_scope scope = {.tenant = "", .start = RIG_NOW - 1000 * NS_PER_S, .end = RIG_NOW};
    struct tsdb_error err = {0};
    for (int sealed = 0; sealed < 2; sealed++) {
        char text[200] = "";
        scope.selector_count = 0;
        cr_assert_eq(log_scope_names(&store, &scope, note, text, &err), TSDB_OK, "%s", err.msg);
        cr_assert_str_eq(text, "app env ");
        text[0] = 0;
        cr_assert_eq(log_scope_values(&store, text_of("app"), &scope, note, text, &err), TSDB_OK);
        cr_assert_str_eq(text, "cart web ");
        text[0] = 0;
        cr_assert_eq(log_scope_volumes(&store, &scope, note_volume, text, &err), TSDB_OK);
        cr_assert_str_eq(text, "app=cart env=prod 2/8; app=web 1/1; ");
        scope.selectors = &selector;
        scope.selector_count = 1;
        text[0] = 0;
        cr_assert_eq(log_scope_values(&store, text_of("app"), &scope, note, text, &err), TSDB_OK);
        cr_assert_str_eq(text, "cart ");
        text[0] = 0;
        scope.start = RIG_NOW - 1000 * NS_PER_S + 1500 * NS_PER_MS; /* half of the stream */
        cr_assert_eq(log_scope_volumes(&store, &scope, note_volume, text, &err), TSDB_OK);
        cr_assert_str_eq(text, "app=cart env=prod 1/4; ");
        scope.start = RIG_NOW - 1000 * NS_PER_S;
        rig_seal(&r);
    }
    struct tsdb_text bad = text_of("{app=");
    scope.selectors = &bad;
    cr_assert_eq(log_scope_names(&store, &scope, note, NULL, &err), TSDB_EINVAL);
    rig_close(&r);
}

Test(log_scope, selectors_of_settings_become_matchers)
{
    struct arena arena;
    struct matcher *m;
    uint32_t count;
    struct tsdb_error err = {0};
    arena_init(&arena, 1 << 16, NULL);
    char text[] = "{app=\"cart\", env=~`pr.*|dev`}";
    cr_assert_eq(log_scope_selector(text_of(text), &arena, &m, &count, &err), TSDB_OK, "%s",
                 err.msg);
    memset(text, 0, sizeof text - 1); /* what it points into is the arena's */
    struct tsdb_label l[] = {{{"app", 3}, {"cart", 4}}, {{"env", 3}, {"prod", 4}}};
    cr_assert_eq(count, 2);
    cr_assert(matchers_test(m, count, (struct tsdb_labels){l, 2}));
    l[1].value = text_of("test");
    cr_assert_not(matchers_test(m, count, (struct tsdb_labels){l, 2}));
    log_matchers_free(m, count);
    cr_assert_eq(log_scope_selector(text_of("{app="), &arena, &m, &count, &err), TSDB_EINVAL);
    cr_assert_eq(log_scope_selector(text_of("{app=~\"(\"}"), &arena, &m, &count, &err),
                 TSDB_EINVAL);
    arena_release(&arena);
}
