/* The credentials themselves: copied, counted, wiped. */
#include "connectors/aws/credentials_private.h"
#include "runner/base/mem.h"

#include <string.h>

void aws_forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static bool is_header_text(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return text[0] != '\0';
}

static int check(const struct aws_credentials *from, struct error *err)
{
    const struct {
        const char *name, *value;
        bool needed;
    } texts[] = {
        {"access key id", from->access_key_id, from->secret_access_key != NULL},
        {"secret access key", from->secret_access_key, from->access_key_id != NULL},
        {"session token", from->session_token, false},
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (!texts[i].value && texts[i].needed)
            return error_set(err, ERROR_DATA, "%s: the %s is missing", from->source, texts[i].name);
        if (texts[i].value && !is_header_text(texts[i].value))
            return error_set(err, ERROR_DATA,
                "%s: the %s is empty, or has a blank or another character that it may not have",
                from->source, texts[i].name);
    }
    if (from->access_key_id && strlen(from->access_key_id) > AWS_KEY_ID_MAX)
        return error_set(err, ERROR_DATA, "%s: the access key id has more than %d bytes",
            from->source, AWS_KEY_ID_MAX);
    return 0;
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

struct aws_credentials *aws_credentials_new(const struct aws_credentials *from, struct error *err)
{
    struct aws_credentials *credentials;

    if (check(from, err))
        return NULL;
    credentials = mem_new(struct aws_credentials);
    *credentials = (struct aws_credentials){
        .access_key_id = copy(from->access_key_id),
        .secret_access_key = copy(from->secret_access_key),
        .session_token = copy(from->session_token),
        .account_id = copy(from->account_id),
        .expires_ms = from->expires_ms,
        .source = copy(from->source),
        .references = 1,
    };
    return credentials;
}

struct aws_credentials *aws_credentials_ref(const struct aws_credentials *credentials)
{
    struct aws_credentials *counted = (struct aws_credentials *)credentials;

    counted->references++;
    return counted;
}

void aws_credentials_unref(const struct aws_credentials *credentials)
{
    struct aws_credentials *counted = (struct aws_credentials *)credentials;

    if (!counted || --counted->references > 0)
        return;
    aws_forget((char *)counted->access_key_id);
    aws_forget((char *)counted->secret_access_key);
    aws_forget((char *)counted->session_token);
    free((char *)counted->account_id);
    free((char *)counted->source);
    free(counted);
}
