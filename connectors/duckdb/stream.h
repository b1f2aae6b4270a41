/* The sorted rows of a WRITE, cut into parts: one part is one file. A part that is small is taken
 * whole into memory, so that several can be encoded at once; a large one is read on while it is
 * encoded, in DuckDB's own thread. Rows reach DuckDB's COPY through a table function.
 *
 * One thread at a time reads a stream: stream_take(), then whoever encodes a part that is not
 * `whole`. */
#ifndef CONNECTORS_DUCKDB_STREAM_H
#define CONNECTORS_DUCKDB_STREAM_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <duckdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stream_chunk; /* DuckDB's, shared by the parts that it has rows of */

struct stream {
    duckdb_result result; /* streaming; the first key_count columns are BIGINT or VARCHAR */
    size_t key_count;
    size_t part_bytes;          /* most of a part that is held in memory */
    uint64_t file_bytes;        /* 0: no limit */
    struct stream_chunk *chunk; /* NULL: fetch the next one */
    idx_t position;
    bool open, ended;
    struct error err; /* of fetching */
};

struct stream_slice {
    struct stream_chunk *chunk;
    idx_t from, count;
};

struct part {
    struct stream *stream;
    struct arena arena; /* the values' and the path's */
    const char **keys;  /* one text a key column; NULL: null */
    struct stream_slice *slices;
    size_t slice_count, slice_capacity, next_slice;
    size_t bytes;     /* held in memory, about */
    bool whole;       /* nothing more of it is in the stream */
    bool cut;         /* ended by file_bytes: the next part goes on with the same values */
    const char *path; /* set before it is encoded */
    int64_t rows;     /* given to the encoder */
};

/* Takes over the result. */
void stream_open(
    struct stream *stream, duckdb_result *result, size_t key_count, uint64_t file_bytes);
void stream_close(struct stream *stream); /* a zeroed one is fine */

/* The next part; *ret_part is NULL at the end. */
int stream_take(struct stream *stream, struct part **ret_part, struct error *err);
void part_free(struct part *part);

/* Bytes of a row in memory, about, as far as read; 0 where nothing is. */
size_t part_row_bytes(const struct part *part);

/* Registers table function `name`, whose rows are those of *part when it is bound. */
int stream_register(
    duckdb_connection connection, const char *name, struct part **part, struct error *err);

#endif
