#include "runner/base/buffer.h"
#include "runner/base/crc.h"
#include "runner/base/crc_private.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

static const enum crc_kind kinds[] = {CRC_32, CRC_32C, CRC_64NVME};
static const char *const names[] = {"CRC32", "CRC32C", "CRC64NVME"};

/* The definition, bit by bit. */
static uint64_t by_bits(enum crc_kind kind, const unsigned char *bytes, size_t length)
{
    static const uint64_t polynomials[] = {0xedb88320, 0x82f63b78, 0x9a6c9329ac4bc9b5};
    const uint64_t ones = kind == CRC_64NVME ? UINT64_MAX : UINT32_MAX;
    uint64_t state = ones;

    for (size_t i = 0; i < length; i++) {
        state ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            state = state & 1 ? state >> 1 ^ polynomials[kind] : state >> 1;
    }
    return state ^ ones;
}

/* Numbers that are the same in each run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static unsigned char *random_bytes(size_t length)
{
    unsigned char *bytes = mem_calloc(length, 1);
    uint64_t seed = 88172645463325252;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(next_random(&seed) >> 24);
    return bytes;
}

static void known_values_come_out(void **state)
{
    static const char *const digits = "123456789";
    unsigned char bytes[32] = {0};

    (void)state;
    assert_int_equal(crc_update(CRC_32, 0, digits, 9), 0xcbf43926);
    assert_int_equal(crc_update(CRC_32C, 0, digits, 9), 0xe3069283);
    assert_true(crc_update(CRC_64NVME, 0, digits, 9) == UINT64_C(0xae8b14860a799888));
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        assert_int_equal(crc_update(kinds[i], 0, "", 0), 0);
    /* RFC 3720, B.4 */
    assert_int_equal(crc_update(CRC_32C, 0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc_update(CRC_32C, 0, bytes, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc_update(CRC_32C, 0, bytes, 32), 0x46dd794e);
}

/* Each length across the borders of words, lanes and blocks, at each alignment. */
static void every_length_and_alignment_is_right(void **state)
{
    enum { LENGTH_MAX = 600 };
    unsigned char *bytes = random_bytes(LENGTH_MAX + 16);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        const uint64_t ones = kinds[i] == CRC_64NVME ? UINT64_MAX : UINT32_MAX;

        for (size_t length = 0; length <= LENGTH_MAX; length++) {
            const unsigned char *at = bytes + length % 16;
            const uint64_t expected = by_bits(kinds[i], at, length);

            assert_true(crc_update(kinds[i], 0, at, length) == expected);
            assert_true((crc_table_update(kinds[i], ones, at, length) ^ ones) == expected);
            if (length >= 64 && crc_fold_possible())
                assert_true((crc_fold_update(kinds[i], ones, at, length) ^ ones) == expected);
        }
    }
    free(bytes);
}

static void zlib_says_the_same(void **state)
{
    enum { LENGTH = 1 << 20 };
    unsigned char *bytes = random_bytes(LENGTH);

    (void)state;
    for (size_t length = LENGTH; length > 1; length = length * 7 / 9) {
        assert_int_equal(crc_update(CRC_32, 0, bytes, length), crc32_z(0, bytes, length));
        assert_int_equal(crc_update(CRC_32, 12345, bytes, length), crc32_z(12345, bytes, length));
    }
    free(bytes);
}

static void pieces_make_the_whole(void **state)
{
    enum { LENGTH = 100000, ROUNDS = 200 };
    unsigned char *bytes = random_bytes(LENGTH);
    uint64_t seed = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        const uint64_t whole = crc_update(kinds[i], 0, bytes, LENGTH);

        for (size_t round = 0; round < ROUNDS; round++) {
            uint64_t running = 0, combined = 0;

            for (size_t at = 0, length; at < LENGTH; at += length) {
                length = next_random(&seed) % (round * 97 + 2);
                length = MIN(length, LENGTH - at);
                running = crc_update(kinds[i], running, bytes + at, length);
                combined = crc_combine(
                    kinds[i], combined, crc_update(kinds[i], 0, bytes + at, length), length);
            }
            assert_true(running == whole);
            assert_true(combined == whole);
        }
    }
    free(bytes);
}

/* Two parts of 5 GiB, said by their checksums alone: zeros, whose checksum is quick to find. */
static void parts_of_any_size_are_combined(void **state)
{
    const uint64_t gib = UINT64_C(1) << 30;
    unsigned char zeros[4096] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        uint64_t doubled = crc_update(kinds[i], 0, zeros, sizeof(zeros)), by_parts = 0;

        for (uint64_t length = sizeof(zeros); length < 16 * gib; length *= 2)
            doubled = crc_combine(kinds[i], doubled, doubled, length);
        for (unsigned part = 0; part < 16; part++) {
            uint64_t one = crc_update(kinds[i], 0, zeros, sizeof(zeros));

            for (uint64_t length = sizeof(zeros); length < gib; length *= 2)
                one = crc_combine(kinds[i], one, one, length);
            by_parts = crc_combine(kinds[i], by_parts, one, gib);
        }
        assert_true(doubled == by_parts);
        assert_true(crc_combine(kinds[i], doubled, 0, 0) == doubled);
    }
}

typedef uint64_t (*update_fn)(
    enum crc_kind kind, uint64_t state, const unsigned char *bytes, size_t length);

static double gigabytes_per_second(
    update_fn way, enum crc_kind kind, unsigned char *bytes, size_t length)
{
    enum { ROUNDS = 400 };
    const clock_t start = clock();
    uint64_t crc = 0;

    for (size_t i = 0; i < ROUNDS; i++)
        crc = way(kind, crc, bytes, length);
    bytes[0] = (unsigned char)crc;
    return (double)length * ROUNDS / 1e9 / ((double)(clock() - start + 1) / CLOCKS_PER_SEC);
}

/* Said, not judged: machines differ. */
static void the_speed_is_said(void **state)
{
    enum { LENGTH = 256 * 1024 };
    unsigned char *bytes = random_bytes(LENGTH);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        print_message("%-9s tables %.1f GB/s", names[i],
            gigabytes_per_second(crc_table_update, kinds[i], bytes, LENGTH));
        if (crc_fold_possible())
            print_message(", folding %.1f GB/s, folding 1 KiB %.1f GB/s",
                gigabytes_per_second(crc_fold_update, kinds[i], bytes, LENGTH),
                gigabytes_per_second(crc_fold_update, kinds[i], bytes, 1024));
        print_message("\n");
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_come_out),
        cmocka_unit_test(every_length_and_alignment_is_right),
        cmocka_unit_test(zlib_says_the_same),
        cmocka_unit_test(pieces_make_the_whole),
        cmocka_unit_test(parts_of_any_size_are_combined),
        cmocka_unit_test(the_speed_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
