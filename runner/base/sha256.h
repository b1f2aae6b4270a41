/* SHA-256 (FIPS 180-4) of bytes in memory, by OpenSSL. */
#ifndef RUNNER_BASE_SHA256_H
#define RUNNER_BASE_SHA256_H

#include <stddef.h>

enum { SHA256_TEXT_SIZE = 65 };

/* As 64 hexadecimal digits, lower case, and a NUL. */
const char *sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT_SIZE]);

#endif
