/* The checksums that S3 knows: names and headers, bytes going by, and the texts that a store sends
 * for whole objects and for those made of parts. Pure; no thread of its own.
 *
 * Of an object that came in parts a store has one of two: that of all its bytes ("full object":
 * CRC64NVME always, CRC32 and CRC32C by choice), or that of the checksums of its parts
 * ("composite", with "-N" behind it), which cannot be told from the bytes alone. */
#ifndef CONNECTORS_S3_CHECKSUM_H
#define CONNECTORS_S3_CHECKSUM_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum s3_checksum_kind {
    S3_CHECKSUM_NONE,
    S3_CHECKSUM_CRC32,
    S3_CHECKSUM_CRC32C,
    S3_CHECKSUM_CRC64NVME,
    S3_CHECKSUM_SHA1,
    S3_CHECKSUM_SHA256,
    S3_CHECKSUM_KINDS, /* how many, none among them */
};

enum { S3_CHECKSUM_TEXT_SIZE = 56 }; /* base64 of 32 bytes, "-10000" and a NUL */

/* "CRC32C", as in x-amz-checksum-algorithm and in XML; "x-amz-checksum-crc32c". NULL for NONE. */
const char *s3_checksum_name(enum s3_checksum_kind kind);
const char *s3_checksum_header(enum s3_checksum_kind kind);

/* By any case; S3_CHECKSUM_NONE: not known. */
enum s3_checksum_kind s3_checksum_of_name(const char *name);
enum s3_checksum_kind s3_checksum_of_header(const char *header);

/* --- bytes going by --- */

struct s3_checksum {
    enum s3_checksum_kind kind;
    uint64_t crc;
    struct evp_md_ctx_st *digest; /* of SHA only */
    bool failed;                  /* libcrypto did: the text will be an error */
};

/* Any kind but NONE. ERROR_INTERNAL: libcrypto has no such digest (SHA1 in a FIPS setting). */
int s3_checksum_init(struct s3_checksum *checksum, enum s3_checksum_kind kind, struct error *err);
void s3_checksum_deinit(struct s3_checksum *checksum); /* a zeroed one is fine, too */

void s3_checksum_update(struct s3_checksum *checksum, const void *bytes, size_t length);

/* base64 of what went by. More may follow. */
int s3_checksum_text(
    const struct s3_checksum *checksum, char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err);

/* --- texts of others --- */

struct s3_checksum_value {
    enum s3_checksum_kind kind;
    unsigned parts; /* of a composite one; 0: of the object's bytes */
    unsigned char bytes[32];
    size_t length; /* of them, as `kind` has it */
};

/* "yZRlqg==" or "yZRlqg==-3". ERROR_DATA: it is no checksum of that kind. */
int s3_checksum_parse(enum s3_checksum_kind kind, const char *text,
    struct s3_checksum_value *ret_value, struct error *err);

/* --- of parts --- */

/* CRCs: `whole` goes on with a part of `part_bytes`, of which only the checksum is at hand. */
void s3_checksum_append(
    struct s3_checksum *whole, const struct s3_checksum_value *part, uint64_t part_bytes);

/* The text of the composite checksum of these parts. */
int s3_checksum_composite(const struct s3_checksum_value *parts, size_t count,
    char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err);

#endif
