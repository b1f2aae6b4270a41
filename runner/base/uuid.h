/* Identifiers: UUIDv7 (RFC 9562, section 5.7) for runs, UUIDv5 (5.5) for runs that a schedule
 * started, so that the same (pipeline, instance, due) is the same run. */
#ifndef RUNNER_BASE_UUID_H
#define RUNNER_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT_SIZE = 37 };

/* Time-ordered, random otherwise. Aborts only where the system has no randomness. */
const char *uuid_v7(int64_t time_ms, char text[UUID_TEXT_SIZE]);

/* The same parts always give the same id. Parts are joined by a byte that none may hold (0x1f). */
const char *uuid_v5(const char *const parts[], unsigned count, char text[UUID_TEXT_SIZE]);

bool uuid_valid(const char *text); /* 8-4-4-4-12 lowercase hexadecimal digits */

#endif
