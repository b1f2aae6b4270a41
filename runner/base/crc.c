#include "runner/base/crc.h"

#include "runner/base/crc_private.h"

struct facts {
    unsigned bits;
    uint64_t polynomial; /* reflected: the highest bit is x^0 */
};

static const struct facts facts[] = {
    [CRC_32] = {32, 0xedb88320},
    [CRC_32C] = {32, 0x82f63b78},
    [CRC_64NVME] = {64, UINT64_C(0x9a6c9329ac4bc9b5)},
};

static uint64_t ones(enum crc_kind kind)
{
    return UINT64_MAX >> (64 - facts[kind].bits);
}

uint64_t crc_update(enum crc_kind kind, uint64_t crc, const void *bytes, size_t length)
{
    const uint64_t state = crc ^ ones(kind);

    if (length >= CRC_FOLD_BYTES_MIN && crc_fold_possible())
        return crc_fold_update(kind, state, bytes, length) ^ ones(kind);
    return crc_table_update(kind, state, bytes, length) ^ ones(kind);
}

/* The product of two polynomials, modulo the CRC's own. */
static uint64_t multiply(enum crc_kind kind, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (uint64_t bit = UINT64_C(1) << (facts[kind].bits - 1); bit && a; bit >>= 1) {
        if (a & bit)
            product ^= b;
        a &= ~bit;
        b = b & 1 ? b >> 1 ^ facts[kind].polynomial : b >> 1;
    }
    return product;
}

/* Zero bytes behind the first piece multiply its checksum by x^8 each; the inversions of both ends
 * cancel out. */
uint64_t crc_combine(enum crc_kind kind, uint64_t first, uint64_t second, uint64_t second_length)
{
    uint64_t power = UINT64_C(1) << (facts[kind].bits - 1 - 8); /* x^8 */

    for (; second_length > 0; second_length >>= 1) {
        if (second_length & 1)
            first = multiply(kind, first, power);
        power = multiply(kind, power, power);
    }
    return first ^ second;
}
