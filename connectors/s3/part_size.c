#include "connectors/s3/part_size.h"

#include "connectors/s3/client.h"
#include "runner/base/mem.h"

enum { STEADY_PARTS = 3000, STEP_PARTS = 500 };

uint64_t s3_part_bytes(uint64_t length, uint64_t wish)
{
    const uint64_t least = length / S3_PARTS_MAX + (length % S3_PARTS_MAX != 0);

    return MIN(MAX(wish, least), S3_PART_BYTES_MAX);
}

uint64_t s3_part_bytes_of(unsigned number, uint64_t wish)
{
    uint64_t bytes = wish;

    for (unsigned end = STEADY_PARTS; number > end && bytes < S3_PART_BYTES_MAX; end += STEP_PARTS)
        bytes *= 2;
    return MIN(bytes, S3_PART_BYTES_MAX);
}
