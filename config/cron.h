// Schedules in five fields, "minute hour day-of-month month day-of-week", as Vixie cron reads them
// (crontab(5)): lists, ranges and steps (* 5 1,15 9-17 */15 10-50/20), names JAN … DEC and
// SUN … SAT in any case, 0 and 7 both Sunday, and @hourly @daily (@midnight) @weekly @monthly
// @yearly (@annually). Where both day fields are restricted, either one matching is enough; a day
// field that begins with * does not count as restricted, */2 included.
//
// Times are wall-clock times of a zone. Where its clock jumps (daylight saving):
// - an hour field that begins with *, or names all 24, makes an interval schedule: each real minute
//   whose wall-clock reading matches is due. "*/15 * * * *" runs every 15 minutes through a
//   repeated hour and does not know the skipped one.
// - every other schedule names wall-clock times, and each is due exactly once: at the first instant
//   at which the clock shows it or is past it. A time that the clock skips is due as soon as it has
//   jumped (02:30 in Berlin at 03:00; several of them together, once), a repeated one when it is
//   shown first. So a daily schedule runs for each date, also for one that a zone left out.
//
// Pure; a zone of NULL is UTC. (Line comments, because */15 would end the other kind.)
#ifndef CONFIG_CRON_H
#define CONFIG_CRON_H

#include "config/zone.h"
#include "runner/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { CRON_TEXT_MAX = 1024 };

/* Bit n is set where n matches. */
struct cron {
    uint64_t minutes; /* 0 … 59 */
    uint32_t hours;   /* 0 … 23 */
    uint32_t days;    /* 1 … 31 */
    uint16_t months;  /* 1 … 12 */
    uint8_t weekdays; /* 0 … 6, 0 = Sunday */
    bool either_day;  /* a day matches by `days` or by `weekdays`, else by both */
    bool every_hour;  /* an interval schedule, see above */
};

/* The error names the field and the piece: `minute: "61" is not in 0-59`. A schedule that is never
 * due ("0 0 30 2 *") is an error, too. */
int cron_parse(const char *text, struct cron *ret_cron, struct error *err);

/* The first due time after `after_ms`, and the last one up to and including `before_ms`. False only
 * where the calendar (years 1 … 9999) ends before one: a parsed schedule is due again within 41
 * years (29 February on a given day of the week, across 2100). */
bool cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms, int64_t *ret_ms);
bool cron_previous(
    const struct cron *cron, const struct zone *zone, int64_t before_ms, int64_t *ret_ms);

#endif
