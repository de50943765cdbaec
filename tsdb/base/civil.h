/* civil.h - dates and days: the proleptic Gregorian calendar.
 *
 * Years are taken to begin in March, so that the leap day is their last; 400 of them are an
 * era of 146,097 days.  Days count from 1970-01-01.  Pure.
 */
#ifndef TSDB_BASE_CIVIL_H
#define TSDB_BASE_CIVIL_H

#include <stdint.h>

enum { SECONDS_PER_DAY = 86400 };

struct civil_date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

int64_t civil_days(struct civil_date date); /* day may lie beyond its month's end */
struct civil_date civil_of_days(int64_t days);
unsigned civil_month_days(int64_t year, unsigned month);

#endif
