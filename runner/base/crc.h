/* Cyclic redundancy checks: 8 bytes at a time from tables, and many times faster where the
 * processor multiplies without carry (x86-64's PCLMULQDQ, ARMv8's PMULL), found at run time.
 * Bits are reflected, the register begins as ones and is inverted at the end, as everywhere. */
#ifndef RUNNER_BASE_CRC_H
#define RUNNER_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

enum crc_kind {
    CRC_32,     /* of zlib and gzip: 32 bits */
    CRC_32C,    /* of iSCSI, Castagnoli's: 32 bits */
    CRC_64NVME, /* 64 bits */
};

/* The checksum of all bytes so far; 0 is that of none. */
uint64_t crc_update(enum crc_kind kind, uint64_t crc, const void *bytes, size_t length);

/* The checksum of two pieces one behind the other, from theirs and the second one's length. */
uint64_t crc_combine(enum crc_kind kind, uint64_t first, uint64_t second, uint64_t second_length);

#endif
