/* What input and output files look like: plain data that config binds and SQL engines read. */
#ifndef RUNNER_BASE_DIALECT_H
#define RUNNER_BASE_DIALECT_H

#include "runner/base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum file_format {
    FORMAT_AUTO,
    FORMAT_CSV,
    FORMAT_JSON,
    FORMAT_NDJSON,
    FORMAT_PARQUET,
    FORMAT_ARROW, /* an Arrow IPC stream: written by catalog read, read by nobody here */
};

enum file_compression { COMPRESSION_AUTO, COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/* Texts are NULL where the pipeline does not say: then the engine finds out. */
struct csv_dialect {
    const char *delimiter;      /* one to four bytes */
    const char *quote, *escape; /* one byte, or empty for none */
    bool header;
    int64_t skip;           /* lines before the header */
    struct text_list nulls; /* what reads as null; nothing said: the empty cell */
    const char *date_format, *timestamp_format; /* strptime's */
    const char *encoding;                       /* utf-8, latin-1, utf-16 */
    const char *decimal;                        /* "." or "," */
};

/* "CSV", …: by name, and by a path's extensions (x.csv.gz is CSV, gzip); AUTO where it is none. */
/* Bytes of a path or URL that name the file: all, but a query or fragment of http(s)://. */
size_t dialect_name_length(const char *path);
enum file_format dialect_format_of(const char *path);
enum file_compression dialect_compression_of(const char *path);
const char *dialect_format_name(enum file_format format);

#endif
