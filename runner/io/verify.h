/* Reads a compressed file to its very end: DuckDB reads a truncated or damaged gzip without an
 * error (reference: tried with 1.5.6), so somebody else must look. Blocking; for jobs.
 * Format sources: RFC 1952 (several members allowed, and zeros behind the last as gzip(1) and
 * tar's tapes have it), RFC 8878 (several frames allowed, skippable ones among them). A frame
 * that asks for a window of more than 128 MiB is refused, as zstd(1) does. */
#ifndef RUNNER_IO_VERIFY_H
#define RUNNER_IO_VERIFY_H

#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum verify_format { VERIFY_NONE, VERIFY_GZIP, VERIFY_ZSTD };

/* By magic number; VERIFY_NONE for anything else and for an empty file. */
int verify_detect(const char *path, enum verify_format *ret_format, struct error *err);

/* Fails with ERROR_DATA: "the gzip data is damaged at about byte 1234: incorrect data check",
 * "the gzip data ends too early, at byte 1234: the file is truncated", "17 bytes that are not gzip
 * follow the end of the data, at byte 1217"; an empty file is truncated, too. These messages do
 * not name the file: the caller prefixes what people call it, which is seldom `path`.
 * `progress` counts bytes of the file, `stop` ends it with ERROR_STOPPED; both may be NULL. */
int verify_file(const char *path, enum verify_format format, uint64_t *ret_plain_bytes,
    atomic_uint_fast64_t *progress, const atomic_bool *stop, struct error *err);

/* The same, and the plain bytes go to the new file `to`, at most `plain_max` of them (ERROR_LIMIT);
 * on failure it is gone. One pass does both: checking and unpacking for a reader that would unpack
 * on one thread only. */
int verify_unpack(const char *path, enum verify_format format, const char *to, uint64_t plain_max,
    uint64_t *ret_plain_bytes, atomic_uint_fast64_t *progress, const atomic_bool *stop,
    struct error *err);

#endif
