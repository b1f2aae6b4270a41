/* The rule that a time zone follows after its last recorded change: the POSIX TZ string in the
 * footer of a TZif file (RFC 8536, section 3.3), "CET-1CEST,M3.5.0,M10.5.0/3". Used by
 * config/zone.c only. Pure. */
#ifndef CONFIG_ZONE_RULE_H
#define CONFIG_ZONE_RULE_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of time in which the offset from UTC does not change: start_ms <= t < end_ms. The
 * first stretch starts at ZONE_FIRST_MS, the last one ends at ZONE_LAST_MS; an offset may be added
 * to either without overflow. */
struct zone_span {
    int64_t start_ms, end_ms;
    int32_t offset_s; /* local = UTC + offset */
};

#define ZONE_FIRST_MS (INT64_MIN / 4)
#define ZONE_LAST_MS (INT64_MAX / 4)

/* Offsets are within what RFC 8536 allows: -24:59:59 … +25:59:59. */
enum { ZONE_OFFSET_MIN_S = -89999, ZONE_OFFSET_MAX_S = 93599 };

enum zone_day_kind { ZONE_DAY_JULIAN, ZONE_DAY_OF_YEAR, ZONE_DAY_OF_MONTH };

/* The local moment of a year at which daylight saving starts or ends. */
struct zone_moment {
    enum zone_day_kind kind;
    int day;                  /* JULIAN: 1 … 365, never 29 February; OF_YEAR: 0 … 365 */
    int month, week, weekday; /* OF_MONTH: week 5 is the last one */
    int32_t time_s;           /* from that day's midnight; -167 h … 167 h */
};

struct zone_rule {
    int32_t standard_offset_s;
    bool has_daylight;
    int32_t daylight_offset_s;
    struct zone_moment start, end; /* of daylight saving */
};

/* Daylight saving without its two dates is refused: their default differs between systems. */
int zone_rule_parse(const char *text, size_t length, struct zone_rule *ret_rule, struct error *err);

/* The stretch around `time_ms`, as if the rule had always held. */
struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t time_ms);

#endif
