#include "runner/base/sha256.h"

#include "runner/base/mem.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

struct sha256 {
    EVP_MD_CTX *context;
};

static const char *write_digest(
    const unsigned char digest[SHA256_DIGEST_LENGTH], char text[SHA256_TEXT_SIZE])
{
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

const char *sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256(length ? bytes : "", length, digest);
    return write_digest(digest, text);
}

/* Of these calls none fails but for want of memory. */
struct sha256 *sha256_new(void)
{
    struct sha256 *sum = mem_new(struct sha256);

    sum->context = EVP_MD_CTX_new();
    if (!sum->context || EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) != 1)
        abort();
    return sum;
}

void sha256_update(struct sha256 *sum, const void *bytes, size_t length)
{
    if (length > 0 && EVP_DigestUpdate(sum->context, bytes, length) != 1)
        abort();
}

const char *sha256_end(struct sha256 *sum, char text[SHA256_TEXT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (EVP_DigestFinal_ex(sum->context, digest, NULL) != 1)
        abort();
    EVP_MD_CTX_free(sum->context);
    free(sum);
    return write_digest(digest, text);
}
