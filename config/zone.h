/* Time zones by IANA name ("Europe/Berlin"), read from the system's TZif files (RFC 8536): the
 * recorded changes, and after the last one the file's POSIX rule. Leap seconds are not counted,
 * as everywhere here. A zone is immutable: any thread may ask it. A NULL zone is UTC in every
 * question below. Times are runner/base/time.h's; a *local* time is what the wall clock of the
 * zone shows, written as if it were UTC. Both lie within ZONE_FIRST_MS / 2 … ZONE_LAST_MS / 2. */
#ifndef CONFIG_ZONE_H
#define CONFIG_ZONE_H

#include "config/zone_rule.h"
#include "runner/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct zone;

enum { ZONE_FILE_BYTES_MAX = 64 * 1024 }; /* the largest of 2026 has 4 KB */

/* Reads the zone from $TZDIR or /usr/share/zoneinfo. Names are relative and hold only letters,
 * digits and + - _ . between slashes, no part of them beginning with a dot. NULL, "UTC" and
 * "Etc/UTC" need no file. NULL with the error where it cannot be read. */
struct zone *zone_open(const char *name, struct error *err);

/* The same from the bytes of a file; `name` is for zone_name() and for errors. Files with leap
 * seconds ("right/…") are refused. */
struct zone *zone_parse(const char *name, const void *bytes, size_t length, struct error *err);
void zone_free(struct zone *zone); /* NULL is fine */

const char *zone_name(const struct zone *zone);

/* What is to be added to UTC at that instant to get local time. */
int32_t zone_offset_s(const struct zone *zone, int64_t time_ms);
int64_t zone_to_local(const struct zone *zone, int64_t time_ms);

/* The stretch around an instant in which the offset is the same (neighbours may agree). */
struct zone_span zone_span(const struct zone *zone, int64_t time_ms);

enum zone_local {
    ZONE_UNIQUE,    /* one instant: both results are it */
    ZONE_SKIPPED,   /* none, the clock jumped over it: both are the first instant after the jump */
    ZONE_AMBIGUOUS, /* shown more than once: the first and the last instant */
};

enum zone_local zone_from_local(
    const struct zone *zone, int64_t local_ms, int64_t *ret_first_ms, int64_t *ret_last_ms);

/* The two halves of "when has the wall clock reached …", which makes skipped and repeated times
 * orderly: zone_first_ms(z, l) <= t exactly when l <= zone_peak_ms(z, t), and both only grow.
 * first: the first instant at which the clock shows local_ms or later; for a repeated time its
 * first showing, for a skipped one the end of the gap.
 * peak: the latest local time that the clock has shown up to and including time_ms. */
int64_t zone_first_ms(const struct zone *zone, int64_t local_ms);
int64_t zone_peak_ms(const struct zone *zone, int64_t time_ms);

#endif
