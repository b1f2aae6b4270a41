#include "runner/base/sha256.h"

#include <openssl/sha.h>
#include <stdio.h>

const char *sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256(length ? bytes : "", length, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}
