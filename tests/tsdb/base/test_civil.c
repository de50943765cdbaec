#include "tsdb/base/civil.h"

#include <criterion/criterion.h>

Test(civil, known_days)
{
    static const struct {
        struct civil_date date;
        int64_t days;
    } cases[] = {
        {{1970, 1, 1}, 0},       {{1969, 12, 31}, -1},      {{2000, 2, 29}, 11016},
        {{2000, 3, 1}, 11017},   {{1, 1, 1}, -719162},      {{0, 3, 1}, -719468},
        {{2026, 11, 24}, 20781}, {{9999, 12, 31}, 2932896},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(civil_days(cases[i].date), cases[i].days, "%zu", i);
        struct civil_date back = civil_of_days(cases[i].days);
        cr_assert(back.year == cases[i].date.year && back.month == cases[i].date.month &&
                      back.day == cases[i].date.day,
                  "%zu", i);
    }
}

Test(civil, every_day_follows_the_one_before)
{
    struct civil_date before = civil_of_days(-1000000);
    for (int64_t days = -999999; days < 1000000; days++) {
        struct civil_date c = civil_of_days(days);
        struct civil_date want = {before.year, before.month, before.day + 1};
        if (want.day > civil_month_days(want.year, want.month))
            want = want.month == 12 ? (struct civil_date){want.year + 1, 1, 1}
                                    : (struct civil_date){want.year, want.month + 1, 1};
        cr_assert(c.year == want.year && c.month == want.month && c.day == want.day, "day %lld",
                  (long long)days);
        cr_assert_eq(civil_days(c), days);
        before = c;
    }
}
