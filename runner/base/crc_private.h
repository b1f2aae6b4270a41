/* The two ways to go over bytes: only crc*.c and their test include this. A `state` is the register
 * itself, without the inversions of begin and end. */
#ifndef RUNNER_BASE_CRC_PRIVATE_H
#define RUNNER_BASE_CRC_PRIVATE_H

#include "runner/base/crc.h"

#include <stdbool.h>

uint64_t crc_table_update(
    enum crc_kind kind, uint64_t state, const unsigned char *bytes, size_t length);

enum { CRC_FOLD_BYTES_MIN = 128 }; /* below, tables are as fast */

bool crc_fold_possible(void); /* on this processor; else the next may not be called */
uint64_t crc_fold_update(
    enum crc_kind kind, uint64_t state, const unsigned char *bytes, size_t length);

#endif
