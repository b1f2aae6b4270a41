/* jansson (https://jansson.readthedocs.io) made safe for bytes that come from outside: file
 * names, rows and messages may hold anything, and an invalid byte must never lose a log line. */
#ifndef RUNNER_BASE_JSON_H
#define RUNNER_BASE_JSON_H

#include "runner/base/error.h"

#include <jansson.h>
#include <stdint.h>

struct buffer;

/* A JSON string; invalid UTF-8 becomes U+FFFD; NULL becomes null. New reference. */
json_t *json_text(const char *text);
json_t *json_text_n(const char *bytes, size_t length);

/* Sets object[key] = text, integer, time (RFC 3339); json_put_text() leaves a NULL text out. */
void json_put_text(json_t *object, const char *key, const char *text);
/* The same of a path or URL as text_append_url() shows it. */
void json_put_url(json_t *object, const char *key, const char *url);
void json_put_int(json_t *object, const char *key, int64_t value);
void json_put_time(json_t *object, const char *key, int64_t time_ms);

/* Appends the value in one line, keys in order of insertion. */
void json_append(struct buffer *buffer, const json_t *value);
char *json_line(const json_t *value); /* the same as a text to free() */

/* Parses at most 64 MiB; the error says line, column and why. New reference, NULL on failure. */
json_t *json_parse(const char *text, size_t length, struct error *err);

/* Members of a parsed object; NULL or `otherwise` where the key is missing or of another type.
 * The text lives as long as the object. */
const char *json_get_text(const json_t *object, const char *key);
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);

#endif
