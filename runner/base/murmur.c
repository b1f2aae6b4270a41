#include "runner/base/murmur.h"

#include <endian.h>
#include <string.h>

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static uint32_t scramble(uint32_t word)
{
    return rotate(word * 0xcc9e2d51U, 15) * 0x1b873593U;
}

static uint32_t word_at(const uint8_t *bytes, size_t length)
{
    uint32_t word = 0;

    for (size_t i = 0; i < length; i++)
        word |= (uint32_t)bytes[i] << 8 * i;
    return word;
}

uint32_t murmur3(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint32_t hash = 0;
    size_t left = length;

    for (; left >= 4; at += 4, left -= 4) {
        uint32_t word;

        memcpy(&word, at, sizeof(word)); /* one load in place of four */
        hash = rotate(hash ^ scramble(le32toh(word)), 13) * 5 + 0xe6546b64U;
    }
    hash ^= scramble(word_at(at, left)) ^ (uint32_t)length;
    hash = (hash ^ hash >> 16) * 0x85ebca6bU;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
    return hash ^ hash >> 16;
}

uint32_t murmur3_long(int64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((uint64_t)value >> 8 * i);
    return murmur3(bytes, sizeof(bytes));
}
