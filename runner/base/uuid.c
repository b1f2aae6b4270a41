#include "runner/base/uuid.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* sluice's own name space, made once at random. */
static const unsigned char name_space[16] = {
    0x5c, 0x8e, 0x0f, 0x6d, 0x3a, 0x71, 0x4b, 0x19, 0x9d, 0x42, 0xc6, 0x0a, 0x7e, 0xb5, 0x21, 0xf3};

static const char *write_text(unsigned char bytes[16], unsigned version, char *text)
{
    char *at = text;

    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += snprintf(at, 3, "%02x", bytes[i]);
    }
    return text;
}

const char *uuid_v7(int64_t time_ms, char text[UUID_TEXT_SIZE])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        abort();
    for (unsigned i = 0; i < 6; i++)
        bytes[i] = (unsigned char)((uint64_t)time_ms >> (40 - 8 * i));
    return write_text(bytes, 7, text);
}

const char *uuid_v5(const char *const parts[], unsigned count, char text[UUID_TEXT_SIZE])
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char input[4096];
    size_t used = sizeof(name_space);

    memcpy(input, name_space, sizeof(name_space));
    for (unsigned i = 0; i < count; i++) {
        const size_t length = strlen(parts[i]);

        if (used + length + 1 > sizeof(input))
            abort(); /* names and times are short: a programmer error */
        memcpy(input + used, parts[i], length);
        used += length;
        input[used++] = 0x1f;
    }
    SHA1(input, used, digest);
    return write_text(digest, 5, text);
}

bool uuid_valid(const char *text)
{
    for (unsigned i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text[UUID_TEXT_SIZE - 1] == '\0';
}
