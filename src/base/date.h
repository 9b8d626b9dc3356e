/* date.h - days and dates of the proleptic Gregorian calendar; no clock, no zone. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

struct date {
    int64_t year;
    int month, day; /* 1..12, 1..31 */
};

int64_t date_to_days(struct date d); /* since 1970-01-01; a month of 0 or 13 is the neighbour year's */
struct date date_of_days(int64_t days);
int date_weekday(int64_t days); /* 0 Sunday .. 6 Saturday */
int date_month_days(int64_t year, int month);
bool date_is_leap(int64_t year);

#endif
