#include "connectors/s3/error.h"

#include "connectors/s3/answers.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

/* What S3's own words mean. What is not here is judged by its status. */
static const struct code {
    const char *name;
    enum error_code code;
    enum s3_remedy remedy;
} codes[] = {
    {"AccessDenied", ERROR_DENIED, S3_REMEDY_NONE},
    {"AuthorizationHeaderMalformed", ERROR_DENIED, S3_REMEDY_REGION},
    {"BadDigest", ERROR_DATA, S3_REMEDY_RETRY}, /* bytes changed on the way */
    {"BandwidthLimitExceeded", ERROR_BUSY, S3_REMEDY_RETRY},
    {"BucketAlreadyExists", ERROR_EXISTS, S3_REMEDY_NONE},
    {"BucketAlreadyOwnedByYou", ERROR_EXISTS, S3_REMEDY_NONE},
    {"BucketNotEmpty", ERROR_CONFLICT, S3_REMEDY_NONE},
    {"ConditionalRequestConflict", ERROR_CONFLICT, S3_REMEDY_RETRY},
    {"EntityTooLarge", ERROR_LIMIT, S3_REMEDY_NONE},
    {"ExpiredToken", ERROR_DENIED, S3_REMEDY_CREDENTIALS},
    {"ExpiredTokenException", ERROR_DENIED, S3_REMEDY_CREDENTIALS},
    {"IncompleteBody", ERROR_IO, S3_REMEDY_RETRY},
    {"IncorrectEndpoint", ERROR_IO, S3_REMEDY_REGION},
    {"InternalError", ERROR_IO, S3_REMEDY_RETRY},
    {"InvalidAccessKeyId", ERROR_DENIED, S3_REMEDY_NONE},
    {"InvalidArgument", ERROR_IO, S3_REMEDY_NO_CHECKSUMS},
    {"InvalidBucketName", ERROR_INVALID, S3_REMEDY_NONE},
    {"InvalidObjectState", ERROR_DENIED, S3_REMEDY_NONE},
    {"InvalidRequest", ERROR_IO, S3_REMEDY_NO_CHECKSUMS},
    {"InvalidToken", ERROR_DENIED, S3_REMEDY_NONE},
    {"KeyTooLongError", ERROR_INVALID, S3_REMEDY_NONE},
    {"NoSuchBucket", ERROR_NOT_FOUND, S3_REMEDY_NONE},
    {"NoSuchKey", ERROR_NOT_FOUND, S3_REMEDY_NONE},
    {"NoSuchUpload", ERROR_NOT_FOUND, S3_REMEDY_NONE},
    {"NoSuchVersion", ERROR_NOT_FOUND, S3_REMEDY_NONE},
    {"NotImplemented", ERROR_NOT_SUPPORTED, S3_REMEDY_NO_CHECKSUMS},
    {"OperationAborted", ERROR_CONFLICT, S3_REMEDY_RETRY},
    {"PermanentRedirect", ERROR_IO, S3_REMEDY_REGION},
    {"QuotaExceeded", ERROR_NO_SPACE, S3_REMEDY_NONE},
    {"RequestExpired", ERROR_DENIED, S3_REMEDY_CLOCK},
    {"RequestLimitExceeded", ERROR_BUSY, S3_REMEDY_RETRY},
    {"RequestTimeTooSkewed", ERROR_DENIED, S3_REMEDY_CLOCK},
    {"RequestTimeout", ERROR_TIMEOUT, S3_REMEDY_RETRY},
    {"ServiceUnavailable", ERROR_BUSY, S3_REMEDY_RETRY},
    {"SignatureDoesNotMatch", ERROR_DENIED, S3_REMEDY_NONE},
    {"SlowDown", ERROR_BUSY, S3_REMEDY_RETRY},
    {"TemporaryRedirect", ERROR_IO, S3_REMEDY_REGION},
    {"Throttling", ERROR_BUSY, S3_REMEDY_RETRY},
    {"ThrottlingException", ERROR_BUSY, S3_REMEDY_RETRY},
    {"TokenRefreshRequired", ERROR_DENIED, S3_REMEDY_CREDENTIALS},
    {"TooManyRequests", ERROR_BUSY, S3_REMEDY_RETRY},
    {"XAmzContentChecksumMismatch", ERROR_DATA, S3_REMEDY_RETRY},
    {"XAmzContentSHA256Mismatch", ERROR_DATA, S3_REMEDY_RETRY},
    {"XMinioServerNotInitialized", ERROR_BUSY, S3_REMEDY_RETRY},
    {"XMinioStorageFull", ERROR_NO_SPACE, S3_REMEDY_NONE},
};

static const struct status {
    int status;
    enum error_code code;
    enum s3_remedy remedy;
    const char *words; /* where the store has none of its own */
} statuses[] = {
    {301, ERROR_IO, S3_REMEDY_REGION, "redirected"},
    {302, ERROR_IO, S3_REMEDY_REGION, "redirected"},
    {304, ERROR_EXISTS, S3_REMEDY_NONE, "not modified"},
    {307, ERROR_IO, S3_REMEDY_REGION, "redirected"},
    {308, ERROR_IO, S3_REMEDY_REGION, "redirected"},
    {400, ERROR_IO, S3_REMEDY_REGION, "refused as malformed"},
    {401, ERROR_DENIED, S3_REMEDY_NONE, "access denied"},
    {403, ERROR_DENIED, S3_REMEDY_NONE, "access denied"},
    {404, ERROR_NOT_FOUND, S3_REMEDY_NONE, "not found"},
    {405, ERROR_NOT_SUPPORTED, S3_REMEDY_NONE, "the store does not do that"},
    {408, ERROR_TIMEOUT, S3_REMEDY_RETRY, "the store waited too long for the request"},
    {409, ERROR_CONFLICT, S3_REMEDY_NONE, "conflicts with another request"},
    {412, ERROR_CHANGED, S3_REMEDY_NONE, "a condition of the request does not hold"},
    {416, ERROR_DATA, S3_REMEDY_NONE, "the object has no bytes in that range"},
    {429, ERROR_BUSY, S3_REMEDY_RETRY, "too many requests"},
    {501, ERROR_NOT_SUPPORTED, S3_REMEDY_NO_CHECKSUMS, "the store does not do that"},
    {503, ERROR_BUSY, S3_REMEDY_RETRY, "the store is busy"},
    {505, ERROR_NOT_SUPPORTED, S3_REMEDY_NONE, "the store does not speak HTTP/1.1"},
    {507, ERROR_NO_SPACE, S3_REMEDY_NONE, "the store is full"},
    {511, ERROR_DENIED, S3_REMEDY_NONE, "the network wants a sign-in"},
};

static const struct status server_fault = {
    0, ERROR_IO, S3_REMEDY_RETRY, "the store failed internally"};
static const struct status other_fault = {0, ERROR_IO, S3_REMEDY_NONE, "an unexpected answer"};

static const struct code *find_code(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LENGTH(codes); i++) {
        if (strcmp(codes[i].name, name) == 0)
            return &codes[i];
    }
    return NULL;
}

static const struct status *find_status(int status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (statuses[i].status == status)
            return &statuses[i];
    }
    return status >= 500 ? &server_fault : &other_fault;
}

static enum error_code code_of(const struct s3_error *error)
{
    const struct code *code = find_code(error->code);

    return code ? code->code : find_status(error->status)->code;
}

enum s3_remedy s3_error_remedy(const struct s3_error *error)
{
    const struct code *code = find_code(error->code);

    return code ? code->remedy : find_status(error->status)->remedy;
}

bool s3_error_throttled(const struct s3_error *error)
{
    return code_of(error) == ERROR_BUSY;
}

/* --- reading --- */

static const char *take(const char *said, const char *before)
{
    return said && said[0] ? said : before;
}

bool s3_error_parse(
    const char *body, size_t length, struct arena *arena, struct s3_error *ret_error)
{
    struct s3_error_answer answer;

    if (s3_answer_parse(&s3_document_error, body, length, arena, &answer, NULL))
        return false;
    ret_error->code = take(answer.code, ret_error->code);
    ret_error->message = take(answer.message, ret_error->message);
    ret_error->request_id = take(answer.request_id, ret_error->request_id);
    ret_error->host_id = take(answer.host_id, ret_error->host_id);
    ret_error->region = take(answer.region, ret_error->region);
    ret_error->endpoint = take(answer.endpoint, ret_error->endpoint);
    return true;
}

/* --- telling --- */

/* Appends text of a server's: one line, printable, no more than `limit` bytes of it. */
static void append_foreign(struct buffer *line, const char *text, size_t limit)
{
    struct buffer valid;

    buffer_init(&valid, 0);
    text_append_valid(&valid, text, strnlen(text, limit));
    text_append_printable(line, valid.data);
    buffer_deinit(&valid);
    if (strlen(text) > limit)
        buffer_puts(line, "…");
}

const char *s3_error_name(const char *bucket, const char *key, char text[S3_NAME_SIZE])
{
    enum { HEAD = 90, TAIL = 100 };
    struct buffer name;

    buffer_init(&name, 0);
    s3_uri_append_shown(bucket ? bucket : "", key, &name);
    if (name.length < S3_NAME_SIZE) {
        memcpy(text, name.data, name.length + 1);
    } else {
        size_t head = HEAD, tail = name.length - TAIL;

        while (((unsigned char)name.data[head] & 0xc0) == 0x80)
            head--;
        while (((unsigned char)name.data[tail] & 0xc0) == 0x80)
            tail++;
        snprintf(text, S3_NAME_SIZE, "%.*s…%s", (int)head, name.data, name.data + tail);
    }
    buffer_deinit(&name);
    return text;
}

enum level { SERVICE, BUCKET, OBJECT };

static const struct action {
    enum level level;
    const char *method, *subresource; /* NULL: any other */
    const char *name;
} actions[] = {
    {SERVICE, "GET", NULL, "s3:ListAllMyBuckets"},
    {BUCKET, "GET", "versions", "s3:ListBucketVersions"},
    {BUCKET, "GET", "uploads", "s3:ListBucketMultipartUploads"},
    {BUCKET, "GET", "location", "s3:GetBucketLocation"},
    {BUCKET, "GET", "tagging", "s3:GetBucketTagging"},
    {BUCKET, "GET", NULL, "s3:ListBucket"},
    {BUCKET, "HEAD", NULL, "s3:ListBucket"},
    {BUCKET, "POST", "delete", "s3:DeleteObject"},
    {BUCKET, "PUT", NULL, "s3:CreateBucket"},
    {BUCKET, "DELETE", NULL, "s3:DeleteBucket"},
    {OBJECT, "GET", "uploadId", "s3:ListMultipartUploadParts"},
    {OBJECT, "GET", "tagging", "s3:GetObjectTagging"},
    {OBJECT, "GET", "versionId", "s3:GetObjectVersion"},
    {OBJECT, "GET", NULL, "s3:GetObject"},
    {OBJECT, "HEAD", "versionId", "s3:GetObjectVersion"},
    {OBJECT, "HEAD", NULL, "s3:GetObject"},
    {OBJECT, "PUT", "tagging", "s3:PutObjectTagging"},
    {OBJECT, "PUT", NULL, "s3:PutObject"},
    {OBJECT, "POST", NULL, "s3:PutObject"},
    {OBJECT, "DELETE", "uploadId", "s3:AbortMultipartUpload"},
    {OBJECT, "DELETE", "versionId", "s3:DeleteObjectVersion"},
    {OBJECT, "DELETE", NULL, "s3:DeleteObject"},
};

const char *s3_error_action(const struct s3_error_context *context)
{
    const enum level level = !context->bucket ? SERVICE : context->key ? OBJECT : BUCKET;

    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        const struct action *action = &actions[i];

        if (action->level == level && strcmp(action->method, context->method) == 0 &&
            (!action->subresource || text_equal(action->subresource, context->subresource)))
            return action->name;
    }
    return "permission for that";
}

static void hint_denied(struct buffer *line, const struct s3_error_context *context)
{
    const bool reads = context->key && (strcmp(context->method, "GET") == 0 ||
                                           strcmp(context->method, "HEAD") == 0);

    if (context->access_key_id)
        buffer_printf(
            line, "; key id %.128s needs %s", context->access_key_id, s3_error_action(context));
    else
        buffer_printf(line, "; without credentials (unsigned), this needs %s for everybody",
            s3_error_action(context));
    if (reads)
        buffer_puts(line, " (s3:ListBucket, too, to be told what does not exist)");
}

static void hint_clock(struct buffer *line, const struct s3_error_context *context)
{
    const long long seconds = context->clock_ms / 1000;

    if (seconds == 0)
        buffer_puts(line, "; set this host's clock");
    else
        buffer_printf(line, "; this host's clock is %lld s %s the store's: set it",
            seconds < 0 ? -seconds : seconds, seconds < 0 ? "ahead of" : "behind");
}

static void hint_region(
    struct buffer *line, const struct s3_error *error, const struct s3_error_context *context)
{
    enum { REGION_BYTES = 40 };

    if (error->region && !text_equal(error->region, context->region)) {
        buffer_puts(line, "; the bucket is in ");
        append_foreign(line, error->region, REGION_BYTES);
        buffer_printf(line, ", not %.40s: set s3.region",
            context->region ? context->region : "where it was asked");
    } else if (error->status < 400) {
        buffer_puts(line, "; check s3.region and s3.endpoint");
    }
}

/* Hints that are always the same. */
static const struct hint {
    const char *code, *text;
} hints[] = {
    {"ExpiredToken", "; the session token is too old: sign in anew, or renew AWS_SESSION_TOKEN"},
    {"ExpiredTokenException", "; the token is too old: sign in anew, or renew AWS_SESSION_TOKEN"},
    {"InvalidBucketName", "; a bucket's name has 3 to 63 of a-z, 0-9, \"-\" and \".\""},
    {"InvalidObjectState", "; it is archived: restore it first"},
    {"InvalidToken", "; the session token does not belong to the key: renew AWS_SESSION_TOKEN"},
    {"NoSuchBucket", "; check the bucket's name, s3.endpoint and whose account it is"},
    {"NoSuchUpload", "; the upload was completed, aborted or cleaned away"},
    {"TokenRefreshRequired", "; the token is too old: sign in anew"},
};

static void append_hint(
    struct buffer *line, const struct s3_error *error, const struct s3_error_context *context)
{
    const char *code = error->code ? error->code : "";
    const char *key_id = context->access_key_id ? context->access_key_id : "(none)";

    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++) {
        if (strcmp(hints[i].code, code) == 0) {
            buffer_puts(line, hints[i].text);
            return;
        }
    }
    if (s3_error_remedy(error) == S3_REMEDY_REGION) {
        hint_region(line, error, context);
    } else if (s3_error_remedy(error) == S3_REMEDY_CLOCK) {
        hint_clock(line, context);
    } else if (strcmp(code, "InvalidAccessKeyId") == 0) {
        buffer_printf(
            line, "; key id %.128s is not known there: check the profile and s3.endpoint", key_id);
    } else if (strcmp(code, "SignatureDoesNotMatch") == 0) {
        buffer_printf(line,
            "; the secret is not that of key id %.128s, or a proxy changes the request", key_id);
    } else if (s3_error_throttled(error)) {
        buffer_puts(line, "; lower s3.concurrency or try later");
    } else if (code_of(error) == ERROR_CHANGED && text_equal(context->method, "GET")) {
        buffer_puts(line, "; the object was changed or replaced while it was read: read it again");
    } else if (code_of(error) == ERROR_DENIED) {
        hint_denied(line, context);
    }
}

/* The completion of an upload says what the store must have: what it has is not changed by asking
 * once more. */
static bool is_in_vain(const struct s3_error *error, const struct s3_error_context *context)
{
    return text_equal(error->code, "BadDigest") && text_equal(context->method, "POST") &&
           text_equal(context->subresource, "uploadId");
}

int s3_error_set(
    struct error *err, const struct s3_error *error, const struct s3_error_context *context)
{
    enum { CODE_BYTES = 64, MESSAGE_BYTES = 160, ID_BYTES = 64 };
    enum error_code code = code_of(error);
    const bool again = s3_error_remedy(error) == S3_REMEDY_RETRY || code == ERROR_BUSY;
    char name[S3_NAME_SIZE];
    struct buffer line;

    if (code == ERROR_CHANGED && context->if_none_match)
        code = ERROR_EXISTS;
    buffer_init(&line, 0);
    buffer_printf(
        &line, "%s %s: ", context->method, s3_error_name(context->bucket, context->key, name));
    if (error->message)
        append_foreign(&line, error->message, MESSAGE_BYTES);
    else
        buffer_puts(&line, find_status(error->status)->words);
    buffer_puts(&line, " (");
    if (error->code) {
        append_foreign(&line, error->code, CODE_BYTES);
        buffer_puts(&line, ", ");
    }
    buffer_printf(&line, "HTTP %d", error->status);
    if (error->request_id) {
        buffer_puts(&line, ", request ");
        append_foreign(&line, error->request_id, ID_BYTES);
    }
    buffer_putc(&line, ')');
    append_hint(&line, error, context);
    error_set(err, code, "%s", line.data);
    buffer_deinit(&line);
    if (err)
        err->detail = error->status;
    return error_set_class(
        err, again && !is_in_vain(error, context) ? ERROR_TRANSIENT : ERROR_PERMANENT);
}
