/* A small S3 in memory behind origin.h: objects, lists, uploads, copies, deletes. It looks at what
 * it is sent (ETags and checksums of parts, conditions) and does a chosen request wrongly. */
#ifndef TESTS_UNIT_S3_SMALL_H
#define TESTS_UNIT_S3_SMALL_H

#include "tests/unit/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_small;

enum s3_fault {
    S3_FAULT_NONE,
    S3_FAULT_503,
    S3_FAULT_500_DONE, /* did it, and says 500 */
    S3_FAULT_RESET_BEFORE,
    S3_FAULT_DROPPED,  /* did it, and resets before a word */
    S3_FAULT_RESET_IN, /* did it, and resets in the answer's body (its head, where it has none) */
    S3_FAULT_CUT,      /* the same, with an orderly close */
    S3_FAULT_STALL,    /* says nothing, ever */
    S3_FAULT_STALL_DONE,
    S3_FAULT_ERROR_200, /* 200 with an <Error> */
    S3_FAULT_ERROR_200_DONE,
    S3_FAULT_EXPIRED,
    S3_FAULT_SLOW,      /* a late first byte; nothing is wrong */
    S3_FAULTS_HARMLESS, /* those before end well where there are retries */
    S3_FAULT_DENIED = S3_FAULTS_HARMLESS,
    S3_FAULTS,
};

struct s3_small *s3_small_new(void);
void s3_small_free(struct s3_small *store);

/* For origin_options: `answer` and its data. */
void s3_small_answer(
    void *data, const struct origin_request *request, struct origin_answer *ret_answer);

/* --- what it does wrongly; before the requests --- */

/* Request number `nth` (1 …), and all after it where `for_ever`. */
void s3_small_fault(struct s3_small *store, enum s3_fault fault, unsigned nth, bool for_ever);

/* All requests with this method whose target holds `part` (NULL: any) from the n-th such on. */
void s3_small_fault_at(struct s3_small *store, enum s3_fault fault, const char *method,
    const char *part, unsigned nth, bool for_ever);

void s3_small_refuse_checksums(struct s3_small *store); /* 501 */
void s3_small_odd_etags(struct s3_small *store);        /* no MD5s, as with KMS */
void s3_small_no_batch_delete(struct s3_small *store);  /* 501 */
void s3_small_fail_key(struct s3_small *store, const char *key, const char *code, unsigned times);

/* --- what it holds --- */

struct s3_small_kept {
    char *key, *etag, *head; /* head: of the request that made it */
    char *bytes, *tags;
    size_t length;
    char checksum[64]; /* x-amz-checksum-crc32c, as HEAD tells it; "": none */
};

void s3_small_put(
    struct s3_small *store, const char *key, const char *bytes, size_t length, const char *head);
const struct s3_small_kept *s3_small_object(struct s3_small *store, const char *key);
size_t s3_small_object_count(struct s3_small *store);
size_t s3_small_upload_count(struct s3_small *store); /* neither completed nor aborted */
unsigned s3_small_request_count(struct s3_small *store);

#endif
