#include "connectors/http/http_store_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* --- URLs --- */

struct parts {
    size_t scheme;                     /* length of "https://" */
    size_t host;                       /* where it begins, behind a name and a password */
    size_t path, query, fragment, end; /* where each begins */
};

static struct parts take_apart(const char *url)
{
    const char *colon = strstr(url, "://");
    struct parts parts = {.scheme = colon ? (size_t)(colon + 3 - url) : 0, .end = strlen(url)};
    const char *at;

    parts.host = parts.scheme;
    parts.path = parts.scheme + strcspn(url + parts.scheme, "/?#");
    at = memrchr(url + parts.host, '@', parts.path - parts.host);
    if (at)
        parts.host = (size_t)(at + 1 - url);
    parts.query = parts.path + strcspn(url + parts.path, "?#");
    parts.fragment = parts.query + strcspn(url + parts.query, "#");
    return parts;
}

int http_store_check_url(const char *url, struct error *err)
{
    const struct parts parts = take_apart(url);
    struct buffer shown;
    int result = 0;

    buffer_init(&shown, 0);
    text_append_url(&shown, url);
    if (strcspn(url + parts.path, "*[") < parts.query - parts.path)
        result = error_set(err, ERROR_NOT_SUPPORTED,
            "%s: files at a URL have no globs, for nobody can list them: name one file, with %%2A "
            "or %%5B for a star or a bracket in its name",
            shown.data);
    else if (parts.host == parts.path)
        result = error_set(
            err, ERROR_INVALID, "%s is no URL of a file: write https://host/path", shown.data);
    buffer_deinit(&shown);
    return result;
}

/* Names of what is only there to prove that one may: of AWS, Google, Azure, CloudFront, …. */
static bool is_signature(const char *name, size_t length)
{
    static const char *const prefixes[] = {"x-amz-", "x-goog-"};
    static const char *const names[] = {"signature", "sig", "se", "st", "sv", "sr", "sp", "spr",
        "skoid", "sktid", "skt", "ske", "sks", "skv", "expires", "awsaccesskeyid", "googleaccessid",
        "key-pair-id", "policy", "token", "access_token", "api_key", "apikey"};

    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
        const size_t size = strlen(prefixes[i]);

        if (length >= size && strncasecmp(name, prefixes[i], size) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strlen(names[i]) == length && strncasecmp(name, names[i], length) == 0)
            return true;
    }
    return false;
}

void http_store_identify(const char *url, struct buffer *identity)
{
    const struct parts parts = take_apart(url);
    size_t at = parts.query + 1;
    char mark = '?';

    buffer_append(identity, url, parts.scheme);
    buffer_append(identity, url + parts.host, parts.query - parts.host);
    while (at < parts.fragment) {
        const size_t length = MIN(strcspn(url + at, "&"), parts.fragment - at);

        if (length > 0 && !is_signature(url + at, MIN(strcspn(url + at, "="), length))) {
            buffer_putc(identity, mark);
            buffer_append(identity, url + at, length);
            mark = '&';
        }
        at += length + 1;
    }
}

/* --- versions --- */

static bool is_etag(const char *version)
{
    return version[0] == '"' || text_starts(version, "W/");
}

static void write_version(const struct http_facts *facts, struct buffer *version)
{
    if (facts->etag && is_etag(facts->etag))
        buffer_puts(version, facts->etag);
    else if (facts->etag)
        buffer_printf(version, "\"%s\"", facts->etag);
    else if (facts->modified)
        buffer_printf(version, "modified %s", facts->modified);
    if (!facts->etag && facts->length >= 0)
        buffer_printf(version, "%s%" PRId64 " bytes", facts->modified ? ", " : "", facts->length);
}

const char *http_store_version(const struct http_facts *facts, struct arena *arena)
{
    struct buffer version;
    const char *text;

    buffer_init(&version, 0);
    write_version(facts, &version);
    text = version.length ? arena_strdup(arena, version.data) : "unknown";
    buffer_deinit(&version);
    return text;
}

/* Without ETags, what both of them say has to agree: HEAD may know a length that GET does not. */
bool http_store_is_version(const char *version, const struct http_facts *facts)
{
    struct http_facts without = *facts;
    struct buffer now;
    bool same;

    if (strcmp(version, "unknown") == 0)
        return true;
    if (!is_etag(version))
        without.etag = NULL;
    buffer_init(&now, 0);
    write_version(&without, &now);
    if (is_etag(version))
        same = strcmp(version, now.data) == 0;
    else
        same = text_starts(version, now.data) || text_starts(now.data, version);
    buffer_deinit(&now);
    return same;
}

const char *http_store_validator(const struct http_facts *facts)
{
    if (facts->etag)
        return facts->etag[0] == '"' ? facts->etag : NULL;
    return facts->modified;
}

/* --- ranges --- */

static bool read_number(const char **text, char end, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = *text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (number > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (at == *text || *at != end)
        return false;
    *ret_number = number;
    *text = at + (end != '\0');
    return true;
}

bool http_store_read_range(const char *text, uint64_t *ret_first, int64_t *ret_length)
{
    uint64_t first, last, length;

    if (strncasecmp(text, "bytes ", 6) != 0)
        return false;
    text += 6;
    if (!read_number(&text, '-', &first) || !read_number(&text, '/', &last) || last < first)
        return false;
    if (strcmp(text, "*") == 0) {
        *ret_length = HTTP_LENGTH_UNKNOWN;
    } else {
        if (!read_number(&text, '\0', &length) || length <= last)
            return false;
        *ret_length = (int64_t)length;
    }
    *ret_first = first;
    return true;
}
