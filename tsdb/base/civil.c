#include "tsdb/base/civil.h"

enum { DAYS_PER_ERA = 146097, EPOCH_DAY = 719468 };

int64_t civil_days(struct civil_date date)
{
    int64_t y = date.year - (date.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era_year = y - era * 400;
    int64_t shifted = date.month > 2 ? date.month - 3 : date.month + 9; /* March is 0 */
    int64_t of_year = (153 * shifted + 2) / 5 + date.day - 1;
    int64_t of_era = of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
    return era * DAYS_PER_ERA + of_era - EPOCH_DAY;
}

struct civil_date civil_of_days(int64_t days)
{
    int64_t z = days + EPOCH_DAY;
    int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned of_era = (unsigned)(z - era * DAYS_PER_ERA);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    struct civil_date c = {.day = of_year - (153 * shifted + 2) / 5 + 1};
    c.month = shifted < 10 ? shifted + 3 : shifted - 9;
    c.year = (int64_t)year + era * 400 + (c.month <= 2);
    return c;
}

unsigned civil_month_days(int64_t year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}
