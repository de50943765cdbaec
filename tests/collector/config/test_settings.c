#include "collector/config/settings.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(settings, keys_are_unique_and_have_three_names)
{
    for (size_t i = 0; i < setting_count; i++) {
        char flag[SETTING_NAME_MAX], variable[SETTING_NAME_MAX];
        setting_flag(&settings[i], flag);
        setting_variable(&settings[i], variable);
        cr_assert_eq(strncmp(flag, "--", 2), 0);
        cr_assert_not(strchr(flag, '_'), "%s", flag);
        cr_assert_eq(strncmp(variable, "ANDON_", 6), 0);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(settings[i].key, settings[j].key);
    }
    char flag[SETTING_NAME_MAX], variable[SETTING_NAME_MAX];
    setting_flag(setting_find(text_of("data_dir")), flag);
    setting_variable(setting_find(text_of("data_dir")), variable);
    cr_assert_str_eq(flag, "--data-dir");
    cr_assert_str_eq(variable, "ANDON_DATA_DIR");
}

Test(settings, nearest_key_is_found_when_it_is_near)
{
    cr_assert_str_eq(setting_nearest(text_of("retension")), "retention");
    cr_assert_str_eq(setting_nearest(text_of("datadir")), "data_dir");
    cr_assert_str_eq(setting_nearest(text_of("http_lisen")), "http_listen");
    cr_assert_str_eq(setting_nearest(text_of("retention")), "retention");
    cr_assert_null(setting_nearest(text_of("xyzzy")));
    cr_assert_null(setting_nearest(text_of("")));
    char big[200];
    memset(big, 'a', sizeof big);
    cr_assert_null(setting_nearest((struct tsdb_text){big, SETTING_NAME_MAX}));
    cr_assert_null(setting_nearest((struct tsdb_text){big, SETTING_NAME_MAX - 1}));
}

Test(settings, range_names_what_is_accepted)
{
    char out[200];
    setting_range(setting_find(text_of("retention")), out, sizeof out);
    cr_assert_str_eq(out, "a duration from 0s to 100y, such as 90s, 12h or 30d");
    setting_range(setting_find(text_of("journal_sync")), out, sizeof out);
    cr_assert_str_eq(out, "one of always,interval,os");
}
