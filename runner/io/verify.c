#include "runner/io/verify.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    INPUT_BYTES = 256 * 1024,
    OUTPUT_BYTES = 256 * 1024, /* stays in the cache */
    HEAD_BYTES = 4,            /* enough to tell what begins here */
    ZSTD_WINDOW_LOG_MAX = 27,
};

struct verify;

/* One format. `unpack` consumes input from verify->at to verify->end, as much as is there; it sets
 * `between` at the end of a member or frame and clears it inside one. */
struct unpacker {
    const char *name;
    int (*unpack)(struct verify *verify, struct error *err);
    bool (*begins)(const unsigned char *bytes); /* HEAD_BYTES bytes: another member or frame */
    bool padding;                               /* zeros may follow the last one */
};

struct verify {
    const struct unpacker *type;
    const char *path;
    int fd, plain_fd; /* plain_fd -1: what is unpacked is only counted */
    uint64_t plain_max;
    unsigned char *input, *output;
    const unsigned char *at, *end; /* of the input that is not yet consumed */
    bool input_ended;
    uint64_t read_bytes, plain_bytes;
    bool between; /* members or frames; also at the very beginning */
    z_stream gzip;
    ZSTD_DCtx *zstd;
    atomic_uint_fast64_t *progress;
    const atomic_bool *stop;
};

/* Where the next byte of input is in the file. */
static uint64_t offset(const struct verify *verify)
{
    return verify->read_bytes - (uint64_t)(verify->end - verify->at);
}

static int damaged(const struct verify *verify, const char *why, struct error *err)
{
    return error_set(err, ERROR_DATA, "the %s data is damaged at about byte %llu: %s",
        verify->type->name, (unsigned long long)offset(verify), why);
}

/* --- output --- */

static int put_output(struct verify *verify, size_t length, struct error *err)
{
    const unsigned char *at = verify->output;

    verify->plain_bytes += length;
    if (verify->plain_bytes > verify->plain_max)
        return error_set(err, ERROR_LIMIT,
            "it unpacks to more than the %llu bytes that are allowed",
            (unsigned long long)verify->plain_max);
    while (verify->plain_fd >= 0 && length > 0) {
        const ssize_t n = write(verify->plain_fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "cannot write what %s unpacks to", verify->path);
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

/* --- formats --- */

static bool gzip_begins(const unsigned char *bytes)
{
    return bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static bool zstd_begins(const unsigned char *bytes)
{
    const uint32_t magic = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                           (uint32_t)bytes[3] << 24;

    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/* zlib checks the header, the CRC and the length of each member. */
static int unpack_gzip(struct verify *verify, struct error *err)
{
    z_stream *gzip = &verify->gzip;
    int rc;

    if (verify->between)
        inflateReset(gzip);
    gzip->next_in = (unsigned char *)verify->at; /* zlib does not write there */
    gzip->avail_in = (unsigned)(verify->end - verify->at);
    do {
        gzip->next_out = verify->output;
        gzip->avail_out = OUTPUT_BYTES;
        rc = inflate(gzip, Z_NO_FLUSH);
        if (put_output(verify, OUTPUT_BYTES - gzip->avail_out, err))
            return -1;
    } while (rc == Z_OK && (gzip->avail_in > 0 || gzip->avail_out == 0));
    verify->at = gzip->next_in;
    verify->between = rc == Z_STREAM_END;
    if (rc == Z_MEM_ERROR)
        return error_set(err, ERROR_NO_MEMORY, "no memory to unpack gzip data");
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) /* which only means: nothing to do */
        return damaged(verify, gzip->msg ? gzip->msg : "it needs a dictionary", err);
    return 0;
}

static int unpack_zstd(struct verify *verify, struct error *err)
{
    ZSTD_inBuffer in = {.src = verify->at, .size = (size_t)(verify->end - verify->at)};
    size_t left;
    bool more;

    do {
        ZSTD_outBuffer out = {.dst = verify->output, .size = OUTPUT_BYTES};

        left = ZSTD_decompressStream(verify->zstd, &out, &in);
        if (put_output(verify, out.pos, err))
            return -1;
        more = in.pos < in.size || out.pos == out.size;
    } while (!ZSTD_isError(left) && left != 0 && more);
    verify->at += in.pos;
    if (ZSTD_isError(left))
        return damaged(verify, ZSTD_getErrorName(left), err);
    verify->between = left == 0;
    return 0;
}

static const struct unpacker unpackers[] = {
    [VERIFY_GZIP] = {.name = "gzip", .unpack = unpack_gzip, .begins = gzip_begins, .padding = true},
    [VERIFY_ZSTD] = {.name = "zstd", .unpack = unpack_zstd, .begins = zstd_begins},
};

/* --- input --- */

/* Reads until the buffer is full, behind what is not yet consumed. */
static int read_input(struct verify *verify, struct error *err)
{
    size_t length = (size_t)(verify->end - verify->at);

    if (verify->stop && atomic_load_explicit(verify->stop, memory_order_relaxed))
        return error_set(err, ERROR_STOPPED, "checking %s was stopped", verify->path);
    memmove(verify->input, verify->at, length);
    while (length < INPUT_BYTES && !verify->input_ended) {
        const ssize_t n = read(verify->fd, verify->input + length, INPUT_BYTES - length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "cannot read %s", verify->path);
        verify->input_ended = n == 0;
        verify->read_bytes += (uint64_t)n;
        length += (size_t)n;
        if (verify->progress)
            atomic_fetch_add_explicit(verify->progress, (uint64_t)n, memory_order_relaxed);
    }
    verify->at = verify->input;
    verify->end = verify->input + length;
    return 0;
}

/* Reads on to the end of the file; *ret_first is the offset of the first byte that is not 0. */
static int skip_zeros(struct verify *verify, uint64_t *ret_first, struct error *err)
{
    for (;;) {
        while (verify->at < verify->end && *verify->at == 0)
            verify->at++;
        if (verify->at < verify->end || verify->input_ended)
            break;
        if (read_input(verify, err))
            return -1;
    }
    *ret_first = offset(verify);
    return 0;
}

/* What follows the last member or frame is no other one: nothing, padding, or something else. */
static int check_tail(struct verify *verify, struct error *err)
{
    const uint64_t tail = offset(verify);
    uint64_t first = tail;

    if (verify->type->padding && skip_zeros(verify, &first, err))
        return -1;
    if (verify->at == verify->end)
        return 0;
    while (!verify->input_ended) {
        verify->at = verify->end;
        if (read_input(verify, err))
            return -1;
    }
    return error_set(err, ERROR_DATA,
        "%llu bytes that are not %s follow the end of the data, at byte %llu",
        (unsigned long long)(verify->read_bytes - tail), verify->type->name,
        (unsigned long long)tail);
}

/* --- the whole file --- */

static int verify_all(struct verify *verify, struct error *err)
{
    bool begun = false;

    for (;;) {
        const size_t available = (size_t)(verify->end - verify->at);

        if (available < HEAD_BYTES && !verify->input_ended) {
            if (read_input(verify, err))
                return -1;
            continue;
        }
        if (begun && verify->between &&
            (available < HEAD_BYTES || !verify->type->begins(verify->at)))
            return check_tail(verify, err);
        if (available == 0)
            return error_set(err, ERROR_DATA,
                "the %s data ends too early, at byte %llu: the file is truncated",
                verify->type->name, (unsigned long long)verify->read_bytes);
        if (verify->type->unpack(verify, err))
            return -1;
        begun = true;
    }
}

static int open_unpacker(struct verify *verify, struct error *err)
{
    enum { GZIP_ONLY = 16 }; /* zlib: no raw streams, no zlib streams */
    bool ready;

    if (verify->type == &unpackers[VERIFY_GZIP]) {
        ready = inflateInit2(&verify->gzip, MAX_WBITS + GZIP_ONLY) == Z_OK;
    } else {
        verify->zstd = ZSTD_createDCtx();
        ready = verify->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                    verify->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
    }
    verify->input = malloc(INPUT_BYTES);
    verify->output = malloc(OUTPUT_BYTES);
    if (!ready || !verify->input || !verify->output)
        return error_set(err, ERROR_NO_MEMORY, "no memory to unpack %s data", verify->type->name);
    verify->at = verify->end = verify->input;
    return 0;
}

static void close_unpacker(struct verify *verify)
{
    if (verify->type == &unpackers[VERIFY_GZIP])
        inflateEnd(&verify->gzip); /* harmless where it was not begun */
    ZSTD_freeDCtx(verify->zstd);
    free(verify->input);
    free(verify->output);
}

static int open_file(const char *path, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    return fd;
}

/* Takes over plain_fd. */
static int unpack_to(struct verify *verify, const char *path, enum verify_format format,
    uint64_t *ret_plain_bytes, struct error *err)
{
    int rc;

    assert(format != VERIFY_NONE);
    verify->path = path;
    verify->between = true;
    verify->type = &unpackers[format];
    verify->fd = open_file(path, err);
    if (verify->fd < 0)
        return -1;
    posix_fadvise(verify->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    rc = open_unpacker(verify, err);
    if (rc == 0)
        rc = verify_all(verify, err);
    if (rc == 0)
        *ret_plain_bytes = verify->plain_bytes;
    close_unpacker(verify);
    close(verify->fd);
    return rc;
}

int verify_file(const char *path, enum verify_format format, uint64_t *ret_plain_bytes,
    atomic_uint_fast64_t *progress, const atomic_bool *stop, struct error *err)
{
    struct verify verify = {
        .plain_fd = -1, .plain_max = UINT64_MAX, .progress = progress, .stop = stop};

    return unpack_to(&verify, path, format, ret_plain_bytes, err);
}

int verify_unpack(const char *path, enum verify_format format, const char *to, uint64_t plain_max,
    uint64_t *ret_plain_bytes, atomic_uint_fast64_t *progress, const atomic_bool *stop,
    struct error *err)
{
    struct verify verify = {.plain_max = plain_max, .progress = progress, .stop = stop};
    int rc;

    verify.plain_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (verify.plain_fd < 0)
        return error_set_errno(err, errno, "cannot make %s", to);
    rc = unpack_to(&verify, path, format, ret_plain_bytes, err);
    if (close(verify.plain_fd) && rc == 0)
        rc = error_set_errno(err, errno, "cannot write %s", to);
    if (rc)
        unlink(to);
    return rc;
}

int verify_detect(const char *path, enum verify_format *ret_format, struct error *err)
{
    unsigned char head[HEAD_BYTES] = {0};
    const int fd = open_file(path, err);
    ssize_t n;

    if (fd < 0)
        return -1;
    do {
        n = read(fd, head, sizeof(head));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        error_set_errno(err, errno, "cannot read %s", path);
        close(fd);
        return -1;
    }
    close(fd);
    *ret_format = n >= 2 && gzip_begins(head)   ? VERIFY_GZIP
                  : n == 4 && zstd_begins(head) ? VERIFY_ZSTD
                                                : VERIFY_NONE;
    return 0;
}
