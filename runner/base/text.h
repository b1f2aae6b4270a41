/* Small questions about text. */
#ifndef RUNNER_BASE_TEXT_H
#define RUNNER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* A list of texts; who fills it says who owns it. */
struct text_list {
    const char **items;
    size_t count;
};

bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_equal(const char *a, const char *b); /* NULL equals only NULL */

/* Matches [a-z0-9][a-z0-9<extra>]*, at most 255 bytes: names of pipelines ("_-"), namespaces and
 * tables ("_"). */
bool text_is_name(const char *text, const char *extra);

/* The entry of `choices` (NULL-terminated) that is nearest to `text`, NULL where none is near
 * enough to be what was meant: for "did you mean". */
const char *text_nearest(const char *text, const char *const *choices);

/* Length of the UTF-8 sequence at `bytes` (1 … 4), 0 where it is not valid UTF-8. */
size_t text_utf8_length(const char *bytes, size_t available);

/* Appends `bytes` with everything that is not valid UTF-8 replaced by U+FFFD. */
void text_append_valid(struct buffer *buffer, const char *bytes, size_t length);

/* Appends `text` as an SQL literal ('it''s') or identifier ("a ""b"""). */
void text_append_sql_literal(struct buffer *buffer, const char *text);
void text_append_sql_name(struct buffer *buffer, const char *text);

/* Appends `text` as it may be shown in a terminal or a one-line message: control characters,
 * line ends among them, as \n, \t, \x1b. */
void text_append_printable(struct buffer *buffer, const char *text);

/* The same of a path or URL; of what is at http:// or https:// without what may be secret: a name
 * and password in front of the host, and the query ("?…"). */
void text_append_url(struct buffer *buffer, const char *url);

/* fnmatch-like glob over a whole key: * and ? stop at '/', ** does not, [a-z] [!a-z] sets. */
bool text_glob(const char *pattern, const char *key);
bool text_has_glob(const char *pattern); /* holds one of * ? [ */

#endif
