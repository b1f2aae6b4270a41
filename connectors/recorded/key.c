#include "connectors/recorded/key.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/sha256.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { VALUE_DIGITS = 12 };

bool recorded_is_secret(const char *name, size_t length)
{
    static const char *const words[] = {"token", "secret", "passw", "key", "credential", "auth",
        "signature", "private", "cookie", "session"};
    static const char *const names[] = {"sig", "se", "st", "sv", "sr", "sp", "spr", "skoid",
        "sktid", "skt", "ske", "sks", "skv", "expires", "policy", "pwd", "dsn"};
    static const char *const prefixes[] = {"x-amz-", "x-goog-"};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strlen(names[i]) == length && strncasecmp(name, names[i], length) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
        if (length >= strlen(prefixes[i]) &&
            strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        for (size_t at = 0; at + strlen(words[i]) <= length; at++) {
            if (strncasecmp(name + at, words[i], strlen(words[i])) == 0)
                return true;
        }
    }
    return false;
}

static bool is_http(const char *text)
{
    return text_starts(text, "http://") || text_starts(text, "https://");
}

/* "~0123456789ab" */
static bool is_digest(const char *value, size_t length)
{
    if (length != VALUE_DIGITS + 1 || value[0] != '~')
        return false;
    for (size_t i = 1; i < length; i++) {
        if (!isxdigit((unsigned char)value[i]))
            return false;
    }
    return true;
}

static void append_value(const char *value, size_t length, struct buffer *buffer)
{
    char digest[SHA256_TEXT_SIZE];

    if (is_digest(value, length))
        buffer_append(buffer, value, length);
    else
        buffer_printf(buffer, "~%.*s", VALUE_DIGITS, sha256_text(value, length, digest));
}

static void append_query(const char *query, size_t length, struct buffer *buffer)
{
    char mark = '?';

    for (size_t at = 0, piece; at < length; at += piece + 1) {
        size_t name;

        piece = MIN(strcspn(query + at, "&"), length - at);
        name = MIN(strcspn(query + at, "="), piece);
        if (piece == 0 || recorded_is_secret(query + at, name))
            continue;
        buffer_putc(buffer, mark);
        buffer_append(buffer, query + at, name);
        if (name < piece) {
            buffer_putc(buffer, '=');
            append_value(query + at + name + 1, piece - name - 1, buffer);
        }
        mark = '&';
    }
}

/* Where the parts of a URL begin: its host, behind a name and password; its query; its end. */
static void take_apart(const char *url, size_t length, size_t *ret_host, size_t *ret_query)
{
    const size_t scheme = (size_t)(strstr(url, "://") + 3 - url);
    size_t path = scheme;
    const char *at;

    while (path < length && !strchr("/?#", url[path]))
        path++;
    at = memrchr(url + scheme, '@', path - scheme);
    *ret_host = at ? (size_t)(at + 1 - url) : scheme;
    *ret_query = path;
    while (*ret_query < length && url[*ret_query] != '?' && url[*ret_query] != '#')
        ++*ret_query;
}

void recorded_key(const char *key, struct buffer *buffer)
{
    size_t host, query, length = strlen(key);

    if (!is_http(key)) {
        buffer_puts(buffer, key);
        return;
    }
    take_apart(key, length, &host, &query);
    buffer_append(buffer, key, (size_t)(strstr(key, "://") + 3 - key));
    buffer_append(buffer, key + host, query - host);
    if (key[query] == '?')
        append_query(key + query + 1, strcspn(key + query + 1, "#"), buffer);
}

/* --- texts with URLs in them --- */

/* ${…} holds names, no values. */
static void append_redacted_query(const char *query, size_t length, struct buffer *buffer)
{
    for (size_t at = 0, piece; at < length; at += piece + 1) {
        size_t name;

        piece = MIN(strcspn(query + at, "&"), length - at);
        name = MIN(strcspn(query + at, "="), piece);
        if (name < piece && recorded_is_secret(query + at, name) &&
            strncmp(query + at + name + 1, "${", 2) != 0) {
            buffer_append(buffer, query + at, name);
            buffer_puts(buffer, "=redacted");
        } else {
            buffer_append(buffer, query + at, piece);
        }
        if (at + piece < length)
            buffer_putc(buffer, '&');
    }
}

static void append_redacted(const char *url, size_t length, struct buffer *buffer)
{
    const size_t scheme = (size_t)(strstr(url, "://") + 3 - url);
    size_t host, query;

    take_apart(url, length, &host, &query);
    buffer_append(buffer, url, scheme);
    if (host > scheme && url[scheme] == '$') /* ${env.…} */
        buffer_append(buffer, url + scheme, host - scheme);
    else if (host > scheme)
        buffer_puts(buffer, "redacted@");
    buffer_append(buffer, url + host, query - host);
    if (query < length && url[query] == '?') {
        buffer_putc(buffer, '?');
        append_redacted_query(url + query + 1, length - query - 1, buffer);
    } else {
        buffer_append(buffer, url + query, length - query);
    }
}

void recorded_text(const char *text, size_t length, struct buffer *buffer)
{
    for (size_t at = 0; at < length;) {
        const char *url = text[at] == 'h' && is_http(text + at) ? text + at : NULL;
        size_t end = at;

        if (!url) {
            buffer_putc(buffer, text[at++]);
            continue;
        }
        while (end < length && !isspace((unsigned char)text[end]) && !strchr("\"'<>,", text[end]))
            end++;
        append_redacted(url, end - at, buffer);
        at = end;
    }
}

/* --- JSON --- */

void recorded_put_key(json_t *object, const char *key)
{
    struct buffer kept, hex;

    buffer_init(&kept, 0);
    buffer_init(&hex, 0);
    recorded_key(key, &kept);
    json_put_text(object, "key", kept.data);
    if (strcmp(json_get_text(object, "key"), kept.data) != 0) { /* no UTF-8 */
        for (size_t i = 0; i < kept.length; i++)
            buffer_printf(&hex, "%02x", (unsigned char)kept.data[i]);
        json_put_text(object, "key_hex", hex.data);
    }
    buffer_deinit(&hex);
    buffer_deinit(&kept);
}

char *recorded_get_key(const json_t *object)
{
    const char *hex = json_get_text(object, "key_hex"), *key = json_get_text(object, "key");
    struct buffer bytes;

    if (!hex)
        return key ? mem_strdup(key) : NULL;
    buffer_init(&bytes, 0);
    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[3] = {hex[0], hex[1], '\0'};

        buffer_putc(&bytes, (char)strtoul(digits, NULL, 16));
    }
    return buffer_steal(&bytes);
}
