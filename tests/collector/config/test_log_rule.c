#include "collector/config/log_rule.h"

#include "collector/config/config.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(log_rule, a_period_and_a_selector)
{
    struct log_rule rule = {0};
    cr_assert(log_rule_parse("7d {level=\"debug\"}", &rule));
    cr_assert_eq(rule.period, INT64_C(7) * 86400 * 1000000000);
    cr_assert_str_eq(rule.selector, "{level=\"debug\"}");
    cr_assert(log_rule_parse("1h   {}", &rule));
    cr_assert_str_eq(rule.selector, "{}");
    static const char *const bad[] = {"",        "7d",     "7d ",       "{a=\"b\"}", " 7d {}",
                                      "0 {}",    "7 {}",   "7d{}",      "7d {",      "7d }",
                                      "7d a {}", "7d {} ", "7d sum({})"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(log_rule_parse(bad[i], &rule), "%s", bad[i]);
}

Test(log_rule, the_settings_are_checked)
{
    static const struct {
        const char *text;
        enum tsdb_status st;
        size_t count;
    } rows[] = {
        {"log_retention: ['7d {level=\"debug\"}', '1h {app=\"a\",env=\"b\"}']\n", TSDB_OK, 2},
        {"log_retention: []\n", TSDB_OK, 0},
        {"log_retention: ['{level=\"debug\"}']\n", TSDB_EINVAL, 0},
        {"log_retention: ['soon {level=\"debug\"}']\n", TSDB_EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config c;
        struct tsdb_error err = {0};
        cr_expect_eq(config_load_text(text_of(rows[i].text), "x.yml", NULL, &c, &err), rows[i].st,
                     "%s: %s", rows[i].text, err.msg);
        if (rows[i].st != TSDB_OK) {
            cr_expect(strstr(err.msg, "log_retention"), "%s", err.msg);
            continue;
        }
        cr_expect_eq(c.store.log_retention.count, rows[i].count);
        config_release(&c);
    }
}
