/* How large the parts of an upload are, so that 10,000 of them always do. Pure. */
#ifndef CONNECTORS_S3_PART_SIZE_H
#define CONNECTORS_S3_PART_SIZE_H

#include <stdint.h>

/* Of an object of known length: `wish`, or as much more as it takes. Never above 5 GiB: what does
 * not fit then (48.8 TiB) has more than 10,000. */
uint64_t s3_part_bytes(uint64_t length, uint64_t wish);

/* Part `number` (1 …) of an upload whose length nobody knows: `wish` for the first 3,000, then
 * twice as much after each 500, up to 5 GiB. At 5 MiB that is room for 14 TiB. */
uint64_t s3_part_bytes_of(unsigned number, uint64_t wish);

#endif
