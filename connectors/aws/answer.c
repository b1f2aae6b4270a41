#include "connectors/aws/answer.h"

#include "connectors/aws/answer_xml.h"
#include "connectors/aws/credentials_private.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>

/* The library's own message quotes what stands at the fault: it could be a secret. */
static json_t *parse_object(const struct buffer *body, const char *source, struct error *err)
{
    json_t *object = body->overflowed ? NULL : json_parse(body->data, body->length, NULL);

    if (json_is_object(object))
        return object;
    json_decref(object);
    error_set(err, ERROR_DATA, "%s: the answer is no JSON object", source);
    return NULL;
}

static int parse_expiry(const char *text, const char *source, int64_t *ret_ms, struct error *err)
{
    if (text && time_parse(text, ret_ms, NULL))
        return error_set(err, ERROR_DATA, "%s: the time of expiry is no time of ISO 8601", source);
    return 0;
}

/* `token` is the name that the session token has. */
static struct aws_credentials *from_object(const json_t *object, const char *token,
    const char *account_id, const char *source, struct error *err)
{
    const struct aws_credentials texts = {
        .access_key_id = json_get_text(object, "AccessKeyId"),
        .secret_access_key = json_get_text(object, "SecretAccessKey"),
        .session_token = json_get_text(object, token),
        .account_id = json_get_text(object, "AccountId"),
        .source = source,
    };
    struct aws_credentials all = texts;

    if (!texts.access_key_id || !texts.secret_access_key) {
        error_set(err, ERROR_DATA, "%s: the answer has no AccessKeyId and SecretAccessKey", source);
        return NULL;
    }
    if (!all.account_id || !all.account_id[0])
        all.account_id = account_id;
    if (parse_expiry(json_get_text(object, "Expiration"), source, &all.expires_ms, err))
        return NULL;
    return aws_credentials_new(&all, err);
}

/* A server's words, in one line and short. */
static void append_words(struct buffer *text, const char *words)
{
    enum { WORDS_MAX = 300 };
    char *part = mem_strndup(words, strnlen(words, WORDS_MAX));

    text_append_printable(text, part);
    free(part);
}

struct aws_credentials *answer_metadata(
    const struct buffer *body, const char *source, struct error *err)
{
    json_t *object = parse_object(body, source, err);
    const char *code = json_get_text(object, "Code");
    struct aws_credentials *credentials = NULL;

    if (!object)
        return NULL;
    if (code && !text_equal(code, "Success")) {
        struct buffer text;

        buffer_init(&text, 0);
        append_words(&text, code);
        error_set(err, ERROR_DENIED, "%s: %s", source, text.data);
        buffer_deinit(&text);
    } else {
        credentials = from_object(object, "Token", NULL, source, err);
    }
    json_decref(object);
    return credentials;
}

struct aws_credentials *answer_process(
    const struct buffer *output, const char *source, const char *account_id, struct error *err)
{
    json_t *object = parse_object(output, source, err);
    struct aws_credentials *credentials = NULL;

    if (!object)
        return NULL;
    if (json_get_int(object, "Version", 0) != 1)
        error_set(err, ERROR_DATA, "%s: the answer is not of \"Version\": 1", source);
    else
        credentials = from_object(object, "SessionToken", account_id, source, err);
    json_decref(object);
    return credentials;
}

struct aws_credentials *answer_sso(
    const struct buffer *body, const char *source, const char *account_id, struct error *err)
{
    json_t *object = parse_object(body, source, err);
    const json_t *keys = json_object_get(object, "roleCredentials");
    struct aws_credentials *credentials = NULL;

    if (!object)
        return NULL;
    if (json_is_object(keys)) {
        const struct aws_credentials texts = {
            .access_key_id = json_get_text(keys, "accessKeyId"),
            .secret_access_key = json_get_text(keys, "secretAccessKey"),
            .session_token = json_get_text(keys, "sessionToken"),
            .account_id = account_id,
            .expires_ms = json_get_int(keys, "expiration", 0),
            .source = source,
        };

        if (texts.access_key_id)
            credentials = aws_credentials_new(&texts, err);
        else
            error_set(err, ERROR_DATA, "%s: the answer has no accessKeyId", source);
    } else {
        error_set(err, ERROR_DATA, "%s: the answer has no roleCredentials", source);
    }
    json_decref(object);
    return credentials;
}

/* The account in "arn:aws:sts::123456789012:assumed-role/…", as a new text; NULL: not there. */
static char *account_of(const char *arn)
{
    for (unsigned i = 0; arn && i < 4; i++) {
        arn = strchr(arn, ':');
        arn = arn ? arn + 1 : NULL;
    }
    return arn && strcspn(arn, ":") ? mem_strndup(arn, strcspn(arn, ":")) : NULL;
}

struct aws_credentials *answer_sts(const struct buffer *body, const char *source, struct error *err)
{
    struct sts_answer answer;
    struct aws_credentials *credentials = NULL;
    char *account_id = NULL;

    if (sts_answer_parse(body->data, body->length, &answer)) {
        error_set(err, ERROR_DATA, "%s: the answer of STS is no XML that can be used", source);
        return NULL;
    }
    if (!answer.access_key_id || !answer.secret_access_key || !answer.session_token) {
        error_set(err, ERROR_DATA, "%s: the answer of STS has no credentials", source);
    } else {
        struct aws_credentials texts = {
            .access_key_id = answer.access_key_id,
            .secret_access_key = answer.secret_access_key,
            .session_token = answer.session_token,
            .source = source,
        };

        texts.account_id = account_id = account_of(answer.arn);
        if (!parse_expiry(answer.expiration, source, &texts.expires_ms, err))
            credentials = aws_credentials_new(&texts, err);
    }
    free(account_id);
    sts_answer_deinit(&answer);
    return credentials;
}

/* --- failures --- */

static bool is_transient(int status, const char *code)
{
    static const char *const codes[] = {"IDPCommunicationError", "RequestTimeout",
        "RequestTimeoutException", "ServiceUnavailable", "Throttling", "ThrottlingException",
        "TooManyRequestsException"};

    for (unsigned i = 0; code && i < ARRAY_LENGTH(codes); i++)
        if (text_equal(code, codes[i]))
            return true;
    return status >= 500 || status == 429 || status == 408;
}

static void fail(int status, const char *code, const char *message, const char *request_id,
    const char *what, struct error *err)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_printf(&text, "%s: HTTP %d", what, status);
    if (code) {
        buffer_puts(&text, ", ");
        append_words(&text, code);
    }
    if (message) {
        buffer_puts(&text, ": ");
        append_words(&text, message);
    }
    if (request_id) {
        buffer_puts(&text, " (request ");
        append_words(&text, request_id);
        buffer_putc(&text, ')');
    }
    error_set(err, ERROR_DENIED, "%s", text.data);
    if (err)
        err->detail = status;
    if (is_transient(status, code))
        error_set_class(err, ERROR_TRANSIENT);
    buffer_deinit(&text);
}

int answer_failure(int status, const struct buffer *body, const char *what, struct error *err)
{
    struct sts_answer answer;
    json_t *object = json_parse(body->data, body->length, NULL);

    if (json_is_object(object)) {
        const char *code = json_get_text(object, "code"), *type = json_get_text(object, "__type");
        const char *message = json_get_text(object, "message");

        if (!code)
            code = json_get_text(object, "Code");
        if (!message)
            message = json_get_text(object, "Message");
        fail(status, code ? code : type, message, NULL, what, err);
    } else if (sts_answer_parse(body->data, body->length, &answer) == 0) {
        fail(status, answer.code, answer.message, answer.request_id, what, err);
        sts_answer_deinit(&answer);
    } else {
        fail(status, NULL, NULL, NULL, what, err);
    }
    json_decref(object);
    return -1;
}

/* --- the SSO token --- */

char *answer_sso_token(
    const struct buffer *file, const char *profile, int64_t now_ms, struct error *err)
{
    json_t *object = json_parse(file->data, file->length, NULL);
    const char *token = json_get_text(object, "accessToken");
    const char *expires = json_get_text(object, "expiresAt");
    /* Old versions of the command line wrote "…UTC" for "…Z". */
    char *time = expires ? mem_strndup(expires, strcspn(expires, "U")) : NULL;
    int64_t expires_ms = 0;
    char *copy = NULL;

    if (!token || !time || time_parse(time, &expires_ms, NULL))
        error_set(err, ERROR_DATA,
            "the cached SSO token is damaged: run `aws sso login --profile %s`", profile);
    else if (expires_ms <= now_ms)
        error_set(err, ERROR_DENIED,
            "the cached SSO token has expired: run `aws sso login --profile %s`", profile);
    else
        copy = mem_strdup(token);
    free(time);
    json_decref(object);
    return copy;
}
