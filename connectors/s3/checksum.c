#include "connectors/s3/checksum.h"

#include "runner/base/crc.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct facts {
    const char *name, *header;
    size_t length; /* in bytes */
    const EVP_MD *(*digest)(void);
    enum crc_kind crc;
};

static const struct facts facts[S3_CHECKSUM_KINDS] = {
    [S3_CHECKSUM_CRC32] = {"CRC32", "x-amz-checksum-crc32", 4, NULL, CRC_32},
    [S3_CHECKSUM_CRC32C] = {"CRC32C", "x-amz-checksum-crc32c", 4, NULL, CRC_32C},
    [S3_CHECKSUM_CRC64NVME] = {"CRC64NVME", "x-amz-checksum-crc64nvme", 8, NULL, CRC_64NVME},
    [S3_CHECKSUM_SHA1] = {"SHA1", "x-amz-checksum-sha1", 20, EVP_sha1, 0},
    [S3_CHECKSUM_SHA256] = {"SHA256", "x-amz-checksum-sha256", 32, EVP_sha256, 0},
};

const char *s3_checksum_name(enum s3_checksum_kind kind)
{
    return facts[kind].name;
}

const char *s3_checksum_header(enum s3_checksum_kind kind)
{
    return facts[kind].header;
}

enum s3_checksum_kind s3_checksum_of_name(const char *name)
{
    for (int kind = S3_CHECKSUM_NONE + 1; kind < S3_CHECKSUM_KINDS; kind++) {
        if (strcasecmp(facts[kind].name, name) == 0)
            return kind;
    }
    return S3_CHECKSUM_NONE;
}

enum s3_checksum_kind s3_checksum_of_header(const char *header)
{
    for (int kind = S3_CHECKSUM_NONE + 1; kind < S3_CHECKSUM_KINDS; kind++) {
        if (strcasecmp(facts[kind].header, header) == 0)
            return kind;
    }
    return S3_CHECKSUM_NONE;
}

/* --- bytes going by --- */

static int crypto_failed(enum s3_checksum_kind kind, struct error *err)
{
    return error_set(err, ERROR_INTERNAL,
        "cannot compute a %s checksum: libcrypto refuses; check its configuration (openssl.cnf)",
        facts[kind].name);
}

int s3_checksum_init(struct s3_checksum *checksum, enum s3_checksum_kind kind, struct error *err)
{
    assert(kind > S3_CHECKSUM_NONE && kind < S3_CHECKSUM_KINDS);
    *checksum = (struct s3_checksum){.kind = kind};
    if (!facts[kind].digest)
        return 0;
    checksum->digest = EVP_MD_CTX_new();
    if (checksum->digest && EVP_DigestInit_ex(checksum->digest, facts[kind].digest(), NULL))
        return 0;
    s3_checksum_deinit(checksum);
    return crypto_failed(kind, err);
}

void s3_checksum_deinit(struct s3_checksum *checksum)
{
    EVP_MD_CTX_free(checksum->digest);
    *checksum = (struct s3_checksum){0};
}

void s3_checksum_update(struct s3_checksum *checksum, const void *bytes, size_t length)
{
    if (!checksum->digest)
        checksum->crc = crc_update(facts[checksum->kind].crc, checksum->crc, bytes, length);
    else if (!EVP_DigestUpdate(checksum->digest, bytes, length))
        checksum->failed = true;
}

/* The bytes as they are sent: of a CRC the highest first. */
static bool result_of(const struct s3_checksum *checksum, unsigned char bytes[EVP_MAX_MD_SIZE])
{
    const size_t length = facts[checksum->kind].length;
    EVP_MD_CTX *copy;
    bool done;

    if (!checksum->digest) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (unsigned char)(checksum->crc >> 8 * (length - 1 - i));
        return true;
    }
    copy = EVP_MD_CTX_new(); /* so that more may follow */
    done = copy && !checksum->failed && EVP_MD_CTX_copy_ex(copy, checksum->digest) &&
           EVP_DigestFinal_ex(copy, bytes, NULL);
    EVP_MD_CTX_free(copy);
    return done;
}

int s3_checksum_text(
    const struct s3_checksum *checksum, char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];

    if (!result_of(checksum, bytes))
        return crypto_failed(checksum->kind, err);
    EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)facts[checksum->kind].length);
    return 0;
}

/* --- texts of others --- */

/* "-N", N in 1 … 10,000, or nothing. */
static bool parse_parts(const char *text, unsigned *ret_parts)
{
    unsigned parts = 0;

    *ret_parts = 0;
    if (*text == '\0')
        return true;
    if (*text++ != '-' || strlen(text) > 5)
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        parts = parts * 10 + (unsigned)(*text - '0');
    *ret_parts = parts;
    return *text == '\0' && parts > 0 && parts <= 10000;
}

static bool parse_value(const char *text, struct s3_checksum_value *value)
{
    const size_t length = facts[value->kind].length, padding = (3 - length % 3) % 3;
    const size_t encoded = (length + padding) / 3 * 4;
    unsigned char decoded[36];
    char again[S3_CHECKSUM_TEXT_SIZE];

    if (strlen(text) < encoded || !parse_parts(text + encoded, &value->parts))
        return false;
    if (EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)encoded) !=
        (int)(length + padding))
        return false;
    /* libcrypto takes white space and other paddings, too */
    EVP_EncodeBlock((unsigned char *)again, decoded, (int)length);
    if (memcmp(again, text, encoded) != 0)
        return false;
    memcpy(value->bytes, decoded, length);
    value->length = length;
    return true;
}

int s3_checksum_parse(enum s3_checksum_kind kind, const char *text,
    struct s3_checksum_value *ret_value, struct error *err)
{
    struct s3_checksum_value value = {.kind = kind};

    assert(kind > S3_CHECKSUM_NONE && kind < S3_CHECKSUM_KINDS);
    if (!parse_value(text, &value))
        return error_set(err, ERROR_DATA, "\"%.60s\" is no %s checksum", text, facts[kind].name);
    *ret_value = value;
    return 0;
}

/* --- of parts --- */

void s3_checksum_append(
    struct s3_checksum *whole, const struct s3_checksum_value *part, uint64_t part_bytes)
{
    uint64_t crc = 0;

    assert(!whole->digest && whole->kind == part->kind && part->parts == 0);
    for (size_t i = 0; i < part->length; i++)
        crc = crc << 8 | part->bytes[i];
    whole->crc = crc_combine(facts[whole->kind].crc, whole->crc, crc, part_bytes);
}

int s3_checksum_composite(const struct s3_checksum_value *parts, size_t count,
    char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err)
{
    struct s3_checksum checksum;
    size_t length;
    int result;

    assert(count > 0 && count <= 10000);
    if (s3_checksum_init(&checksum, parts[0].kind, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        assert(parts[i].kind == checksum.kind);
        s3_checksum_update(&checksum, parts[i].bytes, parts[i].length);
    }
    result = s3_checksum_text(&checksum, ret_text, err);
    if (result == 0) {
        length = strlen(ret_text);
        snprintf(ret_text + length, S3_CHECKSUM_TEXT_SIZE - length, "-%zu", count);
    }
    s3_checksum_deinit(&checksum);
    return result;
}
