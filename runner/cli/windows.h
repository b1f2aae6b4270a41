/* The windows of a backfill: [from, to] by steps. Pure.
 *
 * A step of whole days, weeks or months goes by the calendar of the zone: a day begins at its
 * midnight, also where that day has 23 hours, and months are counted from the first window (31
 * January, 28 February, 31 March). Any other step is so much time. A window is named by its start,
 * which is also its due time. */
#ifndef RUNNER_CLI_WINDOWS_H
#define RUNNER_CLI_WINDOWS_H

#include "config/pipeline.h"
#include "config/zone.h"
#include "runner/base/arena.h"
#include "runner/base/time.h"

enum { WINDOWS_MAX = 100000 };

struct window {
    int64_t due_ms;   /* its start */
    const char *text; /* as the parameter gets it: a date, or a time in UTC */
};

struct windows {
    struct window *items;
    size_t count;
};

struct windows_options {
    const struct param *param;
    const struct zone *zone; /* NULL: UTC */
    const char *from, *to;   /* dates, of the zone; or times */
    const char *step;
};

/* In `arena`. ERROR_INVALID names the flag: "--to: 2001-01-01 is before …". */
int windows_make(const struct windows_options *options, struct arena *arena,
    struct windows *ret_windows, struct error *err);

#endif
