#include "runner/base/text.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    const size_t length = strlen(text), end = strlen(suffix);

    return length >= end && memcmp(text + length - end, suffix, end) == 0;
}

bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool text_is_name(const char *text, const char *extra)
{
    size_t length = 0;

    if (!is_lower_or_digit(text[0]))
        return false;
    for (; text[length]; length++) {
        if (!is_lower_or_digit(text[length]) && !strchr(extra, text[length]))
            return false;
    }
    return length <= 255;
}

/* --- nearest --- */

enum { NEAREST_MAX = 64 };

/* Edit distance with neighbouring transpositions (optimal string alignment), ignoring case. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][NEAREST_MAX + 1];
    const size_t a_length = strlen(a), b_length = strlen(b);

    if (a_length > NEAREST_MAX || b_length > NEAREST_MAX)
        return NEAREST_MAX;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            const int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            unsigned best = above[j - 1] + (x != y);

            best = MIN(best, above[j] + 1);
            best = MIN(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                best = MIN(best, above2[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *text_nearest(const char *text, const char *const *choices)
{
    const unsigned limit = (unsigned)MIN(strlen(text) / 3 + 1, 3);
    const char *best = NULL;
    unsigned best_distance = limit + 1;

    for (; *choices; choices++) {
        const unsigned d = distance(text, *choices);

        if (d < best_distance && d < strlen(*choices)) {
            best_distance = d;
            best = *choices;
        }
    }
    return best;
}

/* --- UTF-8 --- */

size_t text_utf8_length(const char *bytes, size_t available)
{
    const unsigned char *b = (const unsigned char *)bytes;
    size_t length;
    unsigned value;

    if (available == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    length = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (length == 0 || length > available)
        return 0;
    value = b[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3fU);
    }
    if (length == 3 && (value < 0x800 || (value >= 0xd800 && value < 0xe000)))
        return 0;
    if (length == 4 && (value < 0x10000 || value > 0x10ffff))
        return 0;
    return length;
}

void text_append_valid(struct buffer *buffer, const char *bytes, size_t length)
{
    size_t at = 0;

    while (at < length) {
        const size_t step = text_utf8_length(bytes + at, length - at);

        if (step)
            buffer_append(buffer, bytes + at, step);
        else
            buffer_puts(buffer, "\xef\xbf\xbd");
        at += step ? step : 1;
    }
}

/* --- quoting --- */

static void append_quoted(struct buffer *buffer, const char *text, char quote)
{
    buffer_putc(buffer, quote);
    for (; *text; text++) {
        if (*text == quote)
            buffer_putc(buffer, quote);
        buffer_putc(buffer, *text);
    }
    buffer_putc(buffer, quote);
}

void text_append_sql_literal(struct buffer *buffer, const char *text)
{
    append_quoted(buffer, text, '\'');
}

void text_append_sql_name(struct buffer *buffer, const char *text)
{
    append_quoted(buffer, text, '"');
}

void text_append_printable(struct buffer *buffer, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c == '\n')
            buffer_puts(buffer, "\\n");
        else if (c == '\r')
            buffer_puts(buffer, "\\r");
        else if (c == '\t')
            buffer_puts(buffer, "\\t");
        else if (c < 0x20 || c == 0x7f)
            buffer_printf(buffer, "\\x%02x", c);
        else
            buffer_putc(buffer, *text);
    }
}

void text_append_url(struct buffer *buffer, const char *url)
{
    const size_t scheme = text_starts(url, "https://") ? 8 : text_starts(url, "http://") ? 7 : 0;
    const size_t host_end = scheme + strcspn(url + scheme, "/?#");
    const size_t name_end = scheme ? scheme + strcspn(url + scheme, "?#") : strlen(url);
    const char *at = scheme ? memrchr(url + scheme, '@', host_end - scheme) : NULL;
    const size_t host = at ? (size_t)(at + 1 - url) : scheme;
    struct buffer valid;

    buffer_init(&valid, 0);
    text_append_valid(&valid, url, scheme);
    text_append_valid(&valid, url + host, name_end - host);
    if (url[name_end] == '?')
        buffer_puts(&valid, "?…");
    text_append_printable(buffer, valid.data);
    buffer_deinit(&valid);
}

/* --- globs --- */

bool text_has_glob(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

/* Matches one character against the set at `set` ("[a-z]"); *ret_end is behind the "]", NULL
 * where the set never ends. */
static bool match_set(const char *set, char c, const char **ret_end)
{
    const bool negated = set[1] == '!' || set[1] == '^';
    const char *at = set + 1 + negated;
    bool found = false;

    for (const char *first = at; *at && (*at != ']' || at == first); at++) {
        if (at[1] == '-' && at[2] && at[2] != ']') {
            found = found || (c >= at[0] && c <= at[2]);
            at += 2;
        } else {
            found = found || c == *at;
        }
    }
    *ret_end = *at == ']' ? at + 1 : NULL;
    return found != negated;
}

/* Where "**" goes on after `key` did not match: the next character, behind "**" and a slash the
 * next folder; NULL where there is none. */
static const char *deeper(const char *key, bool folders)
{
    const char *at = folders ? strchr(key, '/') : key;

    return at && *at ? at + 1 : NULL;
}

/* Backtracks to the newest '*' only: linear in practice, quadratic at worst. Two kinds of star
 * nest, so each kind keeps its own point of return. */
bool text_glob(const char *pattern, const char *key)
{
    const char *star = NULL, *star_key = NULL, *deep = NULL, *deep_key = NULL;
    bool deep_folders = false; /* "**" and a slash: whole folders only */

    for (;;) {
        const char *end = NULL;

        if (pattern[0] == '*' && pattern[1] == '*') {
            deep_folders = pattern[2] == '/' && pattern[3] != '\0';
            deep = pattern + 2 + deep_folders;
            deep_key = key;
            pattern = deep;
            star = NULL;
        } else if (*pattern == '*') {
            star = ++pattern;
            star_key = key;
        } else if (*pattern == '\0' && *key == '\0') {
            return true;
        } else if (*key && *pattern == '?' && *key != '/') {
            pattern++, key++;
        } else if (*key && *pattern == '[' && *key != '/' && match_set(pattern, *key, &end) &&
                   end) {
            pattern = end, key++;
        } else if (*key && *pattern == *key && *pattern != '?') {
            pattern++, key++;
        } else if (star && *star_key && *star_key != '/') {
            pattern = star, key = ++star_key;
        } else if (deep && (deep_key = deeper(deep_key, deep_folders))) {
            pattern = deep, key = deep_key;
            star = NULL;
        } else {
            return false;
        }
    }
}
