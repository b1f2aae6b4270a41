#include "runner/base/dialect.h"

#include "runner/base/mem.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *extension;
    enum file_format format;
} formats[] = {{".csv", FORMAT_CSV}, {".tsv", FORMAT_CSV}, {".txt", FORMAT_CSV},
    {".json", FORMAT_JSON}, {".geojson", FORMAT_JSON}, {".ndjson", FORMAT_NDJSON},
    {".jsonl", FORMAT_NDJSON}, {".parquet", FORMAT_PARQUET}, {".pq", FORMAT_PARQUET}};

static const struct {
    const char *extension;
    enum file_compression compression;
} compressions[] = {{".gz", COMPRESSION_GZIP}, {".gzip", COMPRESSION_GZIP},
    {".zst", COMPRESSION_ZSTD}, {".zstd", COMPRESSION_ZSTD}};

static bool ends_at(const char *path, size_t length, const char *extension)
{
    const size_t size = strlen(extension);

    return length > size && strncasecmp(path + length - size, extension, size) == 0;
}

size_t dialect_name_length(const char *path)
{
    if (strncmp(path, "http://", 7) != 0 && strncmp(path, "https://", 8) != 0)
        return strlen(path);
    return strcspn(path, "?#");
}

/* Where the compression's extension begins; the whole length where there is none. */
static size_t plain_length(const char *path, enum file_compression *ret_compression)
{
    const size_t length = dialect_name_length(path);

    for (size_t i = 0; i < ARRAY_LENGTH(compressions); i++) {
        if (ends_at(path, length, compressions[i].extension)) {
            *ret_compression = compressions[i].compression;
            return length - strlen(compressions[i].extension);
        }
    }
    *ret_compression = COMPRESSION_NONE;
    return length;
}

enum file_compression dialect_compression_of(const char *path)
{
    enum file_compression compression;

    plain_length(path, &compression);
    return compression;
}

enum file_format dialect_format_of(const char *path)
{
    enum file_compression compression;
    const size_t length = plain_length(path, &compression);

    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (ends_at(path, length, formats[i].extension))
            return formats[i].format;
    }
    return FORMAT_AUTO;
}

const char *dialect_format_name(enum file_format format)
{
    static const char *const names[] = {[FORMAT_AUTO] = "auto",
        [FORMAT_CSV] = "csv",
        [FORMAT_JSON] = "json",
        [FORMAT_NDJSON] = "ndjson",
        [FORMAT_PARQUET] = "parquet",
        [FORMAT_ARROW] = "arrow"};

    return names[format];
}
