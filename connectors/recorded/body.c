#include "connectors/recorded/body.h"

#include "connectors/recorded/mask.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 * 1024 };

static char *path_of(const char *folder, const char *name)
{
    return mem_printf("%s/" BODY_FOLDER "/%s", folder, name);
}

/* BLOCK_BYTES at most; 0 at the end, -1 with err. */
static ssize_t read_block(
    const char *path, int fd, char *block, const atomic_bool *stop, struct error *err)
{
    ssize_t length;

    if (stop && atomic_load(stop))
        return error_set(err, ERROR_STOPPED, "%s: cancelled", path);
    do
        length = read(fd, block, BLOCK_BYTES);
    while (length < 0 && errno == EINTR);
    return length < 0 ? error_set_errno(err, errno, "cannot read %s", path) : length;
}

/* Reads it to its end; `to` ≥ 0: and writes it there. */
static int sum_file(const char *path, int to, const atomic_bool *stop,
    atomic_uint_fast64_t *progress, struct body *ret_body, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct body body = {0};
    struct sha256 *sum;
    ssize_t length = 1;
    char *block;
    int rc = 0;

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    sum = sha256_new();
    block = mem_calloc(1, BLOCK_BYTES);
    while (rc == 0 && length != 0) {
        length = read_block(path, fd, block, stop, err);
        rc = length < 0 ? -1 : 0;
        if (length <= 0)
            continue;
        if (to >= 0)
            rc = file_write_all(to, block, (size_t)length, "the recording", err);
        sha256_update(sum, block, (size_t)length);
        body.bytes += (uint64_t)length;
        if (progress)
            atomic_store(progress, body.bytes);
    }
    sha256_end(sum, body.sha256);
    free(block);
    close(fd);
    if (rc == 0)
        *ret_body = body;
    return rc;
}

/* The same with what is masked taken out: *ret_body is of what is left. */
static int mask_file(const char *path, int to, const struct mask *mask, const atomic_bool *stop,
    struct body *ret_body, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct body body = {0};
    struct masking masking;
    struct buffer output;
    struct sha256 *sum;
    ssize_t length = 1;
    char *block;
    int rc = 0;

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    sum = sha256_new();
    block = mem_calloc(1, BLOCK_BYTES);
    buffer_init(&output, SIZE_MAX / 2);
    masking_init(&masking, mask, &output);
    while (rc == 0 && length != 0) {
        length = read_block(path, fd, block, stop, err);
        if (length < 0)
            rc = -1;
        else
            rc = length > 0 ? masking_add(&masking, block, (size_t)length, err)
                            : masking_end(&masking, err);
        if (rc == 0)
            rc = file_write_all(to, output.data, output.length, "the recording", err);
        sha256_update(sum, output.data, output.length);
        body.bytes += output.length;
        buffer_clear(&output);
    }
    sha256_end(sum, body.sha256);
    masking_deinit(&masking);
    buffer_deinit(&output);
    free(block);
    close(fd);
    if (rc == 0)
        *ret_body = body;
    return rc;
}

/* 1: it has a second name now. */
static int link_body(const char *folder, const char *path, const struct body *body)
{
    char *name = path_of(folder, body->sha256);
    const int linked = link(path, name) == 0 || errno == EEXIST;

    if (linked)
        chmod(name, 0400);
    free(name);
    return linked;
}

/* Two that copy the same bytes at once both come to the same file. */
static int copy_body(const char *folder, const char *path, const struct mask *mask,
    const atomic_bool *stop, struct body *ret_body, struct error *err)
{
    char *part = path_of(folder, "part-XXXXXX"), *name = NULL;
    const int fd = mkostemp(part, O_CLOEXEC);
    int rc = fd < 0 ? error_set_errno(err, errno, "cannot create %s", part)
             : mask ? mask_file(path, fd, mask, stop, ret_body, err)
                    : sum_file(path, fd, stop, NULL, ret_body, err);

    if (fd >= 0 && fchmod(fd, 0400) + close(fd) && rc == 0)
        rc = error_set_errno(err, errno, "cannot write %s", part);
    if (rc == 0) {
        name = path_of(folder, ret_body->sha256);
        if (rename(part, name))
            rc = error_set_errno(err, errno, "cannot create %s", name);
    }
    if (rc && fd >= 0)
        file_remove(part, NULL);
    free(name);
    free(part);
    return rc;
}

int body_add(const char *folder, const char *path, const struct mask *mask, const atomic_bool *stop,
    struct body *ret_body, struct error *err)
{
    struct stat info;

    if (!mask && lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
        if (sum_file(path, -1, stop, NULL, ret_body, err))
            return -1;
        if (link_body(folder, path, ret_body))
            return 0;
    }
    return copy_body(folder, path, mask, stop, ret_body, err);
}

int body_add_text(
    const char *folder, const char *text, size_t length, struct body *ret_body, struct error *err)
{
    char *name;
    int rc = 0;

    sha256_text(text, length, ret_body->sha256);
    ret_body->bytes = length;
    name = path_of(folder, ret_body->sha256);
    if (!file_exists(name))
        rc = file_write(name, text, length, err);
    free(name);
    return rc;
}

int body_give(const char *folder, const struct body *body, const char *path,
    atomic_uint_fast64_t *progress, const atomic_bool *stop, struct error *err)
{
    char *name = path_of(folder, body->sha256);
    struct body found = {0};
    int rc = -1;

    if (!file_exists(name))
        error_set(err, ERROR_DATA,
            "%s is missing: the recording is not whole; record again, or copy all of it", name);
    else if (sum_file(name, -1, stop, progress, &found, err) == 0) {
        if (!text_equal(found.sha256, body->sha256))
            error_set(err, ERROR_DATA,
                "%s is not what was recorded: it was changed or damaged since; record again", name);
        else if (file_remove(path, err) == 0)
            rc = link(name, path) == 0 ? 0 : file_copy(name, path, true, NULL, stop, err);
    }
    free(name);
    return rc;
}
