/* Folding by carry-less multiplication (Gopal and others, "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ Instruction"): 16 bytes that stand D bits ahead of others count as
 * much as their product with x^D modulo the polynomial, so that a stream shrinks to 16 bytes whose
 * checksum is that of the whole. Those, and what is left at the end, go over the tables. */
#include "runner/base/crc_private.h"

#include <assert.h>

/* x^(D+63) and x^(D-1) modulo the polynomial, for the 8 bytes in front and those behind; the
 * product of reflected numbers is shifted by one, hence one less than D+64 and D. */
struct fold_constants {
    uint64_t far[2];  /* D = 512: over 4 lanes of 16 bytes */
    uint64_t near[2]; /* D = 128: to the next lane */
};

static const struct fold_constants constants[] = {
    [CRC_32] = {{0x653d982200000000, 0xcad38e8f00000000}, {0x65673b4600000000, 0x9ba54c6f00000000}},
    [CRC_32C] = {{0x1c19243b00000000, 0x75bba45b00000000},
        {0x3743f7bd00000000, 0x3171d43000000000}},
    [CRC_64NVME] = {{0x0c32cdb31e18a84a, 0x62242240ace5045a},
        {0xeadc41fd2ba3d420, 0x21e9761e252621ac}},
};

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,sse2")))
typedef __m128i lane;

bool crc_fold_possible(void)
{
    return __builtin_cpu_supports("pclmul");
}

TARGET static inline lane load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

TARGET static inline void store(void *bytes, lane value)
{
    _mm_storeu_si128(bytes, value);
}

TARGET static inline lane add(lane a, lane b)
{
    return _mm_xor_si128(a, b);
}

TARGET static inline lane fold(lane value, lane powers, lane next)
{
    return add(next,
        add(_mm_clmulepi64_si128(value, powers, 0x00), _mm_clmulepi64_si128(value, powers, 0x11)));
}

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>
#include <sys/auxv.h>

#ifdef __clang__
#define TARGET __attribute__((target("aes")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif
typedef uint64x2_t lane;

bool crc_fold_possible(void)
{
    enum { HAS_PMULL = 1 << 4 }; /* HWCAP_PMULL of Linux */

    return (getauxval(AT_HWCAP) & HAS_PMULL) != 0;
}

TARGET static inline lane load(const void *bytes)
{
    return vreinterpretq_u64_u8(vld1q_u8(bytes));
}

TARGET static inline void store(void *bytes, lane value)
{
    vst1q_u8(bytes, vreinterpretq_u8_u64(value));
}

TARGET static inline lane add(lane a, lane b)
{
    return veorq_u64(a, b);
}

TARGET static inline lane fold(lane value, lane powers, lane next)
{
    const poly128_t front =
        vmull_p64((poly64_t)vgetq_lane_u64(value, 0), (poly64_t)vgetq_lane_u64(powers, 0));
    const poly128_t behind =
        vmull_p64((poly64_t)vgetq_lane_u64(value, 1), (poly64_t)vgetq_lane_u64(powers, 1));

    return add(next, add(vreinterpretq_u64_p128(front), vreinterpretq_u64_p128(behind)));
}

#else

#define NO_FOLDING

bool crc_fold_possible(void)
{
    return false;
}

uint64_t crc_fold_update(
    enum crc_kind kind, uint64_t state, const unsigned char *bytes, size_t length)
{
    return crc_table_update(kind, state, bytes, length);
}

#endif

#ifndef NO_FOLDING

TARGET uint64_t crc_fold_update(
    enum crc_kind kind, uint64_t state, const unsigned char *bytes, size_t length)
{
    const lane far = load(constants[kind].far), near = load(constants[kind].near);
    const uint64_t begin[2] = {state, 0};
    unsigned char rest[16];
    lane a, b, c, d;

    assert(length >= 64);
    a = add(load(bytes), load(begin));
    b = load(bytes + 16);
    c = load(bytes + 32);
    d = load(bytes + 48);
    for (bytes += 64, length -= 64; length >= 64; bytes += 64, length -= 64) {
        a = fold(a, far, load(bytes));
        b = fold(b, far, load(bytes + 16));
        c = fold(c, far, load(bytes + 32));
        d = fold(d, far, load(bytes + 48));
    }
    a = fold(fold(fold(a, near, b), near, c), near, d);
    for (; length >= 16; bytes += 16, length -= 16)
        a = fold(a, near, load(bytes));
    store(rest, a);
    return crc_table_update(kind, crc_table_update(kind, 0, rest, sizeof(rest)), bytes, length);
}

#endif
