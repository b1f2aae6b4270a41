#include "connectors/aws/sigv4.h"

#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4_private.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum {
    HASH_BYTES = 32,
    TEXT_BYTES = 512, /* what a string to sign or a header's value usually takes */
};

static void write_hex(const unsigned char bytes[HASH_BYTES], char text[SIGV4_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < HASH_BYTES; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * HASH_BYTES] = '\0';
}

static int crypto_failed(struct error *err)
{
    return error_set(err, ERROR_INTERNAL,
        "cannot sign a request: libcrypto has no working SHA-256; check its configuration "
        "(openssl.cnf)");
}

static int hash(const void *bytes, size_t length, const EVP_MD *digest, char text[SIGV4_HASH_SIZE],
    struct error *err)
{
    unsigned char result[HASH_BYTES];

    if (!EVP_Digest(bytes, length, result, NULL, digest, NULL))
        return crypto_failed(err);
    write_hex(result, text);
    return 0;
}

int sigv4_hash(const void *bytes, size_t length, char text[SIGV4_HASH_SIZE], struct error *err)
{
    return hash(bytes, length, EVP_sha256(), text, err);
}

const char *sigv4_date(int64_t time_ms, char text[SIGV4_DATE_SIZE])
{
    const struct civil at = time_civil(time_ms);
    const int fields[] = {at.month, at.day, -1, at.hour, at.minute, at.second};
    char *to = text;

    assert(at.year >= 0 && at.year <= 9999);
    for (int32_t year = at.year, digit = 1000; digit > 0; year %= digit, digit /= 10)
        *to++ = (char)('0' + year / digit);
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (fields[i] < 0) {
            *to++ = 'T';
            continue;
        }
        *to++ = (char)('0' + fields[i] / 10);
        *to++ = (char)('0' + fields[i] % 10);
    }
    *to++ = 'Z';
    *to = '\0';
    return text;
}

/* --- the key --- */

static void forget_context(struct sigv4_key *key)
{
    EVP_MAC_CTX_free(key->context); /* wipes what it holds */
    key->context = NULL;
}

void sigv4_key_deinit(struct sigv4_key *key)
{
    forget_context(key);
    EVP_MAC_free(key->algorithm);
    EVP_MD_free(key->digest);
    OPENSSL_cleanse(key, sizeof(*key));
}

/* `bytes` NULL: the key that the context holds. */
static bool mac(EVP_MAC_CTX *context, const void *bytes, size_t length, const char *text,
    size_t text_length, unsigned char result[HASH_BYTES])
{
    return EVP_MAC_init(context, bytes, length, NULL) &&
           EVP_MAC_update(context, (const unsigned char *)text, text_length) &&
           EVP_MAC_final(context, result, NULL, HASH_BYTES);
}

static bool derive(
    EVP_MAC_CTX *context, const struct sigv4_request *request, const char *date, const char *secret)
{
    const char *const steps[] = {request->region, request->service, "aws4_request"};
    unsigned char bytes[HASH_BYTES];
    struct buffer first;
    bool derived;

    buffer_init(&first, 0);
    buffer_reserve(&first, strlen(secret) + 4);
    buffer_puts(&first, "AWS4");
    buffer_puts(&first, secret);
    derived = mac(context, first.data, first.length, date, 8, bytes);
    for (size_t i = 0; derived && i < ARRAY_LENGTH(steps); i++)
        derived = mac(context, bytes, sizeof(bytes), steps[i], strlen(steps[i]), bytes);
    derived = derived && EVP_MAC_init(context, bytes, sizeof(bytes), NULL);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(first.data, first.length);
    buffer_deinit(&first);
    return derived;
}

static bool key_fits(const struct sigv4_key *key, const struct sigv4_request *request,
    const char *date, const struct aws_credentials *credentials)
{
    return key->context && memcmp(key->date, date, 8) == 0 &&
           strcmp(key->access_key_id, credentials->access_key_id) == 0 &&
           strcmp(key->region, request->region) == 0 &&
           strcmp(key->service, request->service) == 0 &&
           strcmp(key->secret_access_key, credentials->secret_access_key) == 0;
}

static int make_key(struct sigv4_key *key, const struct sigv4_request *request,
    const struct aws_credentials *credentials, struct error *err)
{
    char date[SIGV4_DATE_SIZE];
    char digest_name[] = "SHA256";
    const OSSL_PARAM options[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
        OSSL_PARAM_construct_end(),
    };

    sigv4_date(request->time_ms, date);
    if (key_fits(key, request, date, credentials))
        return 0;
    forget_context(key);
    if (!key->digest)
        key->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!key->algorithm)
        key->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!key->digest || !key->algorithm)
        return crypto_failed(err);
    key->context = EVP_MAC_CTX_new(key->algorithm);
    if (!key->context || !EVP_MAC_CTX_set_params(key->context, options) ||
        !derive(key->context, request, date, credentials->secret_access_key)) {
        forget_context(key);
        return crypto_failed(err);
    }
    snprintf(key->date, sizeof(key->date), "%.8s", date);
    snprintf(key->region, sizeof(key->region), "%s", request->region);
    snprintf(key->service, sizeof(key->service), "%s", request->service);
    snprintf(key->access_key_id, sizeof(key->access_key_id), "%s", credentials->access_key_id);
    snprintf(key->secret_access_key, sizeof(key->secret_access_key), "%s",
        credentials->secret_access_key);
    return 0;
}

/* --- the texts --- */

static int too_long(const struct buffer *text, struct error *err)
{
    return error_set(
        err, ERROR_LIMIT, "a signed request is longer than its limit of %zu bytes", text->limit);
}

/* What was left in memory may hold a session token. */
static void wipe(struct buffer *text)
{
    OPENSSL_cleanse(text->data, text->length);
    buffer_deinit(text);
}

int sigv4_canonical_request(
    const struct sigv4_request *request, struct buffer *ret_text, struct error *err)
{
    const size_t start = ret_text->length;
    struct sigv4_headers headers;

    if (sigv4_headers_sort(request, &headers, err))
        return -1;
    if (sigv4_append_canonical(request, &headers, request->query, ret_text, err)) {
        buffer_truncate(ret_text, start);
        return -1;
    }
    return 0;
}

static void append_scope(const struct sigv4_request *request, const char *date, struct buffer *text)
{
    buffer_append(text, date, 8);
    buffer_putc(text, '/');
    buffer_puts(text, request->region);
    buffer_putc(text, '/');
    buffer_puts(text, request->service);
    buffer_puts(text, "/aws4_request");
}

static int append_string_to_sign(const struct sigv4_request *request,
    const struct sigv4_headers *headers, const char *query, const EVP_MD *digest,
    struct buffer *text, struct error *err)
{
    char date[SIGV4_DATE_SIZE], hashed[SIGV4_HASH_SIZE];
    struct buffer canonical;
    int result;

    buffer_init(&canonical, 0);
    buffer_reserve(&canonical, sigv4_canonical_size(request, query));
    result = sigv4_append_canonical(request, headers, query, &canonical, err);
    if (result == 0)
        result = hash(canonical.data, canonical.length, digest, hashed, err);
    wipe(&canonical);
    if (result)
        return -1;
    buffer_reserve(text, MIN(TEXT_BYTES, text->limit - text->length));
    buffer_puts(text, ALGORITHM "\n");
    buffer_puts(text, sigv4_date(request->time_ms, date));
    buffer_putc(text, '\n');
    append_scope(request, date, text);
    buffer_putc(text, '\n');
    buffer_puts(text, hashed);
    return text->overflowed ? too_long(text, err) : 0;
}

int sigv4_string_to_sign(
    const struct sigv4_request *request, struct buffer *ret_text, struct error *err)
{
    const size_t start = ret_text->length;
    struct sigv4_headers headers;

    if (sigv4_headers_sort(request, &headers, err))
        return -1;
    if (append_string_to_sign(request, &headers, request->query, EVP_sha256(), ret_text, err)) {
        buffer_truncate(ret_text, start);
        return -1;
    }
    return 0;
}

/* --- the signature --- */

static int append_signature(const struct sigv4_request *request,
    const struct sigv4_headers *headers, const char *query, const struct sigv4_key *key,
    struct buffer *text, struct error *err)
{
    unsigned char result[HASH_BYTES];
    char signature[SIGV4_HASH_SIZE];
    struct buffer signed_text;
    int status;

    buffer_init(&signed_text, 0);
    status = append_string_to_sign(request, headers, query, key->digest, &signed_text, err);
    if (status == 0 && !mac(key->context, NULL, 0, signed_text.data, signed_text.length, result))
        status = crypto_failed(err);
    buffer_deinit(&signed_text);
    if (status)
        return -1;
    write_hex(result, signature);
    buffer_puts(text, signature);
    return 0;
}

static int authorize(const struct sigv4_request *request, const struct aws_credentials *credentials,
    struct sigv4_key *key, struct buffer *text, struct error *err)
{
    struct sigv4_headers headers;
    char date[SIGV4_DATE_SIZE];

    if (make_key(key, request, credentials, err) || sigv4_headers_sort(request, &headers, err))
        return -1;
    buffer_reserve(text, MIN(TEXT_BYTES, text->limit - text->length));
    sigv4_date(request->time_ms, date);
    buffer_puts(text, ALGORITHM " Credential=");
    buffer_puts(text, credentials->access_key_id);
    buffer_putc(text, '/');
    append_scope(request, date, text);
    buffer_puts(text, ", SignedHeaders=");
    sigv4_append_names(&headers, ";", text);
    buffer_puts(text, ", Signature=");
    if (append_signature(request, &headers, request->query, key, text, err))
        return -1;
    return text->overflowed ? too_long(text, err) : 0;
}

static void append_credential(const struct sigv4_request *request,
    const struct aws_credentials *credentials, const char *date, struct buffer *query)
{
    struct buffer scope;

    buffer_init(&scope, 0);
    buffer_puts(&scope, credentials->access_key_id);
    buffer_putc(&scope, '/');
    append_scope(request, date, &scope);
    sigv4_encode(scope.data, scope.length, false, query);
    buffer_deinit(&scope);
}

static void append_token(const struct aws_credentials *credentials, struct buffer *query)
{
    const char *token = credentials->session_token;

    buffer_puts(query, "&X-Amz-Security-Token=");
    sigv4_encode(token, strlen(token), false, query);
}

/* All of it but the signature, as it is signed. */
static void append_presigned(const struct sigv4_request *request,
    const struct sigv4_headers *headers, const struct aws_credentials *credentials,
    unsigned expires_s, struct buffer *query)
{
    char date[SIGV4_DATE_SIZE];

    sigv4_date(request->time_ms, date);
    if (request->query && *request->query) {
        buffer_puts(query, request->query);
        buffer_putc(query, '&');
    }
    buffer_puts(query, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    append_credential(request, credentials, date, query);
    buffer_printf(query, "&X-Amz-Date=%s&X-Amz-SignedHeaders=", date);
    sigv4_append_names(headers, "%3B", query);
    buffer_printf(query, "&X-Amz-Expires=%u", expires_s);
    if (credentials->session_token && !request->omit_session_token)
        append_token(credentials, query);
}

static int presign(const struct sigv4_request *request, const struct aws_credentials *credentials,
    unsigned expires_s, struct sigv4_key *key, struct buffer *query, struct error *err)
{
    const size_t start = query->length;
    struct sigv4_headers headers;
    struct buffer signature;
    int status;

    if (make_key(key, request, credentials, err) || sigv4_headers_sort(request, &headers, err))
        return -1;
    append_presigned(request, &headers, credentials, expires_s, query);
    if (query->overflowed)
        return too_long(query, err);
    buffer_init(&signature, 0);
    status = append_signature(request, &headers, query->data + start, key, &signature, err);
    if (status == 0) {
        if (credentials->session_token && request->omit_session_token)
            append_token(credentials, query);
        buffer_puts(query, "&X-Amz-Signature=");
        buffer_append(query, signature.data, signature.length);
        status = query->overflowed ? too_long(query, err) : 0;
    }
    buffer_deinit(&signature);
    return status;
}

/* --- its faces: with a key for this once where the caller keeps none --- */

int sigv4_authorization(const struct sigv4_request *request,
    const struct aws_credentials *credentials, struct sigv4_key *key, struct buffer *ret_value,
    struct error *err)
{
    const size_t start = ret_value->length;
    struct sigv4_key once = {0};
    const int status = authorize(request, credentials, key ? key : &once, ret_value, err);

    if (!key)
        sigv4_key_deinit(&once);
    if (status)
        buffer_truncate(ret_value, start);
    return status;
}

int sigv4_presign(const struct sigv4_request *request, const struct aws_credentials *credentials,
    unsigned expires_s, struct sigv4_key *key, struct buffer *ret_query, struct error *err)
{
    const size_t start = ret_query->length;
    struct sigv4_key once = {0};
    int status;

    if (expires_s < 1 || expires_s > SIGV4_EXPIRES_MAX_S)
        return error_set(err, ERROR_INVALID,
            "a presigned URL cannot hold for %u s: choose 1 s to 7 days", expires_s);
    status = presign(request, credentials, expires_s, key ? key : &once, ret_query, err);
    if (!key)
        sigv4_key_deinit(&once);
    if (status)
        buffer_truncate(ret_query, start);
    return status;
}
