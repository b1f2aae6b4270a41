/* manifest.ndjson of a recording: one JSON object a line, each sealed with the CRC-32C of all bytes
 * up to it, so that a line that was changed, taken out or put in is found. What a killed process
 * left is whole up to its last line. Blocking. */
#ifndef CONNECTORS_RECORDED_MANIFEST_H
#define CONNECTORS_RECORDED_MANIFEST_H

#include "runner/base/buffer.h"
#include "runner/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MANIFEST_NAME "manifest.ndjson"

struct manifest_writer {
    char *path;
    int fd;
    struct buffer pending;
    uint64_t crc;
    int64_t offset;   /* where the next line begins */
    struct error err; /* the first failure; nothing is written after it */
};

int manifest_create(struct manifest_writer *writer, const char *folder, struct error *err);
/* Steals the line. `flush` false: it may stay in memory until one that is flushed. */
void manifest_write(struct manifest_writer *writer, json_t *line, bool flush);
int manifest_close(struct manifest_writer *writer, struct error *err); /* durable; what failed */

struct manifest_reader {
    char *path;
    FILE *file;
    char *text;
    size_t capacity;
    uint64_t crc;
    int64_t number, offset; /* of the line that was read last */
};

int manifest_open(struct manifest_reader *reader, const char *folder, struct error *err);
/* 1: a line, to be released; 0: the end, or what a killed process began to write; -1: damaged. */
int manifest_next(struct manifest_reader *reader, json_t **ret_line, struct error *err);
/* The line that begins there, without a look at those before it. */
int manifest_at(
    struct manifest_reader *reader, int64_t offset, json_t **ret_line, struct error *err);
void manifest_end(struct manifest_reader *reader); /* a zeroed one, too */

#endif
