/* Reads a compressed file to its very end: DuckDB reads a truncated or damaged gzip without an
 * error (reference: tried with 1.5.6), so somebody else must look. Blocking; for jobs.
 * Format sources: RFC 1952 (several members allowed), RFC 8878 (several frames allowed). */
#ifndef RUNNER_IO_VERIFY_H
#define RUNNER_IO_VERIFY_H

#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum verify_format { VERIFY_NONE, VERIFY_GZIP, VERIFY_ZSTD };

/* By magic number; VERIFY_NONE for anything else and for an empty file. */
int verify_detect(const char *path, enum verify_format *ret_format, struct error *err);

/* Fails with ERROR_DATA: "x.csv.gz: gzip ends in the middle of the data at byte 1234 (truncated)",
 * "… the checksum does not match", "… 17 bytes of something else follow the end". */
int verify_file(const char *path, enum verify_format format, uint64_t *ret_plain_bytes,
    atomic_uint_fast64_t *progress, const atomic_bool *stop, struct error *err);

#endif
