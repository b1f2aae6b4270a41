/* One client for one environment: where S3 is, who we are there, and what was learnt on the way:
 * which region a bucket is in, whether the store takes checksums, how far its clock is from ours.
 * Used on the loop's thread. Requests are call.h's.
 *
 * What the options leave open comes from the process environment, then from the profile:
 *   endpoint   AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; endpoint_url of s3 in the profile's
 *              `services`, endpoint_url (unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)
 *   region     AWS_REGION, AWS_DEFAULT_REGION; region; us-east-1
 *   ca_file    AWS_CA_BUNDLE; ca_bundle; then what runner/io/http takes
 *   checksums  AWS_REQUEST_CHECKSUM_CALCULATION; request_checksum_calculation,
 *              AWS_RESPONSE_CHECKSUM_VALIDATION; response_checksum_validation
 *   dual_stack, fips   AWS_USE_DUALSTACK_ENDPOINT, AWS_USE_FIPS_ENDPOINT; use_dualstack_endpoint,
 *              use_fips_endpoint
 *   retry.attempts     AWS_MAX_ATTEMPTS; max_attempts; 5
 *   own_region_only    where AWS_S3_USE_ARN_REGION; s3_use_arn_region is false */
#ifndef CONNECTORS_S3_CLIENT_H
#define CONNECTORS_S3_CLIENT_H

#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4.h"
#include "connectors/s3/endpoint.h"
#include "runner/io/http.h"
#include "runner/io/retry.h"
#include "runner/io/work.h"

#include <stdbool.h>
#include <stdint.h>

struct log;
struct s3_client;
struct s3_memory;

/* Checksums in requests (CRC32C and its kin as headers) and their validation in answers. */
enum s3_checksums {
    S3_CHECKSUMS_AUTO, /* AWS: supported. Other stores: tried once, left out where refused */
    S3_CHECKSUMS_WHEN_SUPPORTED, /* always; a store that refuses them fails the request */
    S3_CHECKSUMS_WHEN_REQUIRED,  /* only where an operation must have one */
};

/* Zero means the default everywhere; texts are copied. */
struct s3_client_options {
    struct loop *loop;
    struct log *log;        /* scopes "s3" and "http"; NULL: none */
    struct work_lane *lane; /* for what blocks: the credentials' files and processes, ours */
    const char *region, *profile, *endpoint, *ca_file;
    enum s3_addressing addressing;
    bool dual_stack, fips, accelerate;
    bool own_region_only; /* an access point's ARN that names another region is refused */
    bool unsigned_access; /* no credentials, no signature */
    bool requester_pays;
    enum s3_checksums request_checksums, response_checksums;
    uint64_t part_bytes;       /* 5 MiB … 5 GiB; 8 MiB */
    uint64_t memory_bytes;     /* for payload in flight; 32 MiB */
    unsigned concurrency;      /* connections to one host; 64 */
    struct retry_policy retry; /* 5 attempts, 500 ms … 20 s */
    struct http_timeouts timeouts;
};

enum {
    S3_PART_BYTES_MIN = 5 * 1024 * 1024,
    S3_PARTS_MAX = 10000,
};
#define S3_PART_BYTES_MAX (5ULL * 1024 * 1024 * 1024)

/* ERROR_INVALID names the option (or the variable) that cannot be used. Blocks on the CA file and
 * the two files of profiles; a missing credential is the first request's error. */
struct s3_client *s3_client_new(const struct s3_client_options *options, struct error *err);

/* No call may be under way. Handles are closed by later turns of the loop, which `lane` and `log`
 * outlive: credentials may just be fetched ahead of time. NULL is harmless. */
void s3_client_free(struct s3_client *client);

/* The options as they are in force: environment, profile and defaults filled in. `region` is where
 * requests start. */
const struct s3_client_options *s3_client_options(const struct s3_client *client);

/* Whether the store is AWS's own: without an endpoint, or by the endpoint's host. */
bool s3_client_is_aws(const struct s3_client *client);

struct http *s3_client_http(struct s3_client *client);
struct credentials_chain *s3_client_chain(struct s3_client *client);

/* Half of `memory_bytes`: the other half is the transfers' own buffers. */
struct s3_memory *s3_client_memory(struct s3_client *client);

/* --- what is learnt --- */

/* Where a bucket is, as far as it is known: resolved once, kept. */
struct s3_place {
    const char *region; /* that it was resolved with */
    struct s3_endpoint endpoint;
    struct sigv4_key key; /* for signing there, used again and again */
};

/* `bucket` NULL: the service itself. Valid until the next call here or
 * to s3_client_learn_region(). */
int s3_client_place(
    struct s3_client *client, const char *bucket, struct s3_place **ret_place, struct error *err);

/* An answer said that the bucket is in this region. False: that is no region's name. */
bool s3_client_learn_region(struct s3_client *client, const char *bucket, const char *region);

/* Our clock, corrected by what the store said in its Date header. */
int64_t s3_client_now_ms(const struct s3_client *client);
void s3_client_learn_time(struct s3_client *client, int64_t server_ms);

/* Whether checksum headers go out. AUTO and not AWS: true until one was refused; call.c learns it
 * and sends the request again without them. Ask again for each request. */
bool s3_client_sends_checksums(const struct s3_client *client);
bool s3_client_checksums_unproven(const struct s3_client *client);
void s3_client_learn_checksums(struct s3_client *client, bool taken); /* the first word counts */

/* Whether to ask for checksums of what is read (x-amz-checksum-mode: ENABLED) and validate them. */
bool s3_client_wants_checksums(const struct s3_client *client);

#endif
