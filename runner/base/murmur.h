/* murmur3_x86_32 with seed 0, which Iceberg's bucket transform is made of. Pure.
 *
 * Source: Austin Appleby's MurmurHash3 (public domain), and the Iceberg specification, Appendix B.
 */
#ifndef RUNNER_BASE_MURMUR_H
#define RUNNER_BASE_MURMUR_H

#include <stddef.h>
#include <stdint.h>

uint32_t murmur3(const void *bytes, size_t length);

/* Of the eight bytes, little-endian first: how Iceberg hashes integers, dates and times. */
uint32_t murmur3_long(int64_t value);

#endif
