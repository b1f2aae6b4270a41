/* SHA-256 (FIPS 180-4), by OpenSSL. */
#ifndef RUNNER_BASE_SHA256_H
#define RUNNER_BASE_SHA256_H

#include <stddef.h>

enum { SHA256_TEXT_SIZE = 65 };

/* Of bytes in memory, as 64 hexadecimal digits, lower case, and a NUL. */
const char *sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT_SIZE]);

/* The same of bytes that come piece by piece. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *sum, const void *bytes, size_t length);
const char *sha256_end(struct sha256 *sum, char text[SHA256_TEXT_SIZE]); /* frees it */

#endif
