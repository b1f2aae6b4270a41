#include "connectors/recorded/manifest.h"

#include "runner/base/crc.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { SEAL_LENGTH = sizeof(",\"crc32c\":\"00000000\"}") - 1, PENDING_BYTES = 64 * 1024 };

/* --- writing --- */

int manifest_create(struct manifest_writer *writer, const char *folder, struct error *err)
{
    *writer = (struct manifest_writer){.path = file_join(folder, MANIFEST_NAME)};
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        error_set_errno(err, errno, "cannot create %s", writer->path);
        free(writer->path);
        return -1;
    }
    buffer_init(&writer->pending, 0);
    return 0;
}

static void flush_pending(struct manifest_writer *writer)
{
    const char *bytes = writer->pending.data;
    size_t length = writer->pending.length;

    while (length > 0 && !writer->err.code) {
        const ssize_t written = write(writer->fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            error_set_errno(&writer->err, errno, "cannot write %s", writer->path);
        else
            bytes += written, length -= (size_t)written;
    }
    buffer_clear(&writer->pending);
}

void manifest_write(struct manifest_writer *writer, json_t *line, bool flush)
{
    struct buffer text;

    buffer_init(&text, 0);
    json_append(&text, line);
    json_decref(line);
    buffer_truncate(&text, text.length - 1); /* its "}" */
    writer->crc = crc_update(CRC_32C, writer->crc, text.data, text.length);
    buffer_printf(&text, ",\"crc32c\":\"%08" PRIx32 "\"}\n", (uint32_t)writer->crc);
    writer->crc = crc_update(
        CRC_32C, writer->crc, text.data + text.length - SEAL_LENGTH - 1, SEAL_LENGTH + 1);
    writer->offset += (int64_t)text.length;
    buffer_append(&writer->pending, text.data, text.length);
    buffer_deinit(&text);
    if (flush || writer->pending.length > PENDING_BYTES)
        flush_pending(writer);
}

int manifest_close(struct manifest_writer *writer, struct error *err)
{
    flush_pending(writer);
    if (!writer->err.code && fsync(writer->fd))
        error_set_errno(&writer->err, errno, "cannot write %s", writer->path);
    close(writer->fd);
    free(writer->path);
    buffer_deinit(&writer->pending);
    if (!writer->err.code)
        return 0;
    *err = writer->err;
    return -1;
}

/* --- reading --- */

int manifest_open(struct manifest_reader *reader, const char *folder, struct error *err)
{
    *reader = (struct manifest_reader){.path = file_join(folder, MANIFEST_NAME)};
    reader->file = fopen(reader->path, "re");
    if (reader->file)
        return 0;
    if (errno == ENOENT)
        error_set(err, ERROR_NOT_FOUND,
            "%s is no recording: it has no " MANIFEST_NAME "; make one with sluice run --record",
            folder);
    else
        error_set_errno(err, errno, "cannot open %s", reader->path);
    manifest_end(reader);
    return -1;
}

static int damaged(const struct manifest_reader *reader, const char *why, struct error *err)
{
    return error_set(err, ERROR_DATA,
        "%s:%" PRId64 ": %s: the recording was changed or damaged since it was made; record again",
        reader->path, reader->number, why);
}
#define damaged(...) error_returned(damaged(__VA_ARGS__))

/* 1, with the line's length; 0 at the end; -1. */
static int read_text(struct manifest_reader *reader, size_t *ret_length, struct error *err)
{
    const ssize_t length = getline(&reader->text, &reader->capacity, reader->file);

    if (length <= 0 && ferror(reader->file))
        return error_set_errno(err, errno, "cannot read %s", reader->path);
    if (length <= 0 || reader->text[length - 1] != '\n')
        return 0;
    *ret_length = (size_t)length;
    return 1;
}

int manifest_next(struct manifest_reader *reader, json_t **ret_line, struct error *err)
{
    char seal[SEAL_LENGTH + 2];
    size_t length = 0, body;
    struct error ignored;
    json_t *line;
    int rc;

    reader->offset = ftell(reader->file);
    reader->number++;
    rc = read_text(reader, &length, err);
    if (rc <= 0)
        return rc;
    if (length < SEAL_LENGTH + 2)
        return damaged(reader, "this is no line of a recording", err);
    body = length - SEAL_LENGTH - 1;
    reader->crc = crc_update(CRC_32C, reader->crc, reader->text, body);
    snprintf(seal, sizeof(seal), ",\"crc32c\":\"%08" PRIx32 "\"}\n", (uint32_t)reader->crc);
    if (strcmp(reader->text + body, seal) != 0)
        return damaged(reader, "its checksum is another one", err);
    reader->crc = crc_update(CRC_32C, reader->crc, seal, SEAL_LENGTH + 1);
    line = json_parse(reader->text, length, &ignored);
    if (!line)
        return damaged(reader, ignored.message, err);
    *ret_line = line;
    return 1;
}

int manifest_at(
    struct manifest_reader *reader, int64_t offset, json_t **ret_line, struct error *err)
{
    size_t length = 0;

    if (fseek(reader->file, offset, SEEK_SET))
        return error_set_errno(err, errno, "cannot read %s", reader->path);
    reader->offset = offset;
    if (read_text(reader, &length, err) != 1)
        return err->code ? -1 : damaged(reader, "a line is missing", err);
    *ret_line = json_parse(reader->text, length, err);
    return *ret_line ? 0 : error_prefix(err, "%s", reader->path);
}

void manifest_end(struct manifest_reader *reader)
{
    if (reader->file)
        fclose(reader->file);
    free(reader->path);
    free(reader->text);
    *reader = (struct manifest_reader){0};
}
