#include "runner/io/file.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 128 * 1024,            /* on the stack, for read and write */
    KERNEL_COPY_BYTES = 8 * 1024 * 1024, /* per call: how often `stop` is looked at */
};

/* --- questions --- */

static int64_t ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int file_stamp(const char *path, struct file_stamp *ret_stamp, struct error *err)
{
    struct stat st;

    if (stat(path, &st))
        return error_set_errno(err, errno, "cannot look at %s", path);
    if (S_ISDIR(st.st_mode))
        return error_set(err, ERROR_INVALID, "%s is a folder, not a file", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INVALID, "%s is not a regular file", path);
    *ret_stamp = (struct file_stamp){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .modified_ns = ns_of(&st.st_mtim),
        .changed_ns = ns_of(&st.st_ctim),
    };
    return 0;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

bool file_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- descriptors --- */

static int open_source(const char *path, struct error *err)
{
    int fd;

    do {
        fd = open(path, O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    return fd;
}

/* -1 with errno set; short reads happen at the end only. */
static ssize_t read_block(int fd, void *block, size_t size)
{
    size_t length = 0;

    while (length < size) {
        const ssize_t n = read(fd, (char *)block + length, size - length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

int file_write_all(int fd, const void *bytes, size_t length, const char *path, struct error *err)
{
    const char *at = bytes;

    while (length > 0) {
        const ssize_t n = write(fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "cannot write %s", path);
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

/* --- temporary files: the new content of `to`, in its folder until it is complete --- */

#define TEMPORARY_PREFIX ".sluice-"
#define TEMPORARY_SUFFIX ".tmp"
enum { TEMPORARY_DIGITS = 16 };

bool file_is_temporary(const char *name)
{
    const size_t prefix = strlen(TEMPORARY_PREFIX);

    return text_starts(name, TEMPORARY_PREFIX) &&
           strspn(name + prefix, "0123456789abcdef") == TEMPORARY_DIGITS &&
           strcmp(name + prefix + TEMPORARY_DIGITS, TEMPORARY_SUFFIX) == 0;
}

bool file_lock(int fd, bool wait)
{
    int result;

    do {
        result = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    } while (result && errno == EINTR);
    return result == 0;
}

static int create_locked(const char *path)
{
    struct stat st;
    int fd;

    do {
        do {
            fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        } while (fd < 0 && errno == EINTR);
        if (fd < 0)
            return -1;
        file_lock(fd, true); /* no locks here: nobody removes it, either */
        if (fstat(fd, &st) || st.st_nlink > 0)
            return fd;
        close(fd); /* between the two it was taken for one that was left */
    } while (true);
}

/* Its name does not hold that of `to`, which may be as long as names can be. */
int file_new_begin(struct file_new *file, const char *to, struct error *err)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = time_monotonic_ns() ^ (uint64_t)getpid() << 32;
    *file = (struct file_new){.to = to, .folder = file_folder(to)};
    file->path = mem_printf("%s/" TEMPORARY_PREFIX "%0*llx" TEMPORARY_SUFFIX, file->folder,
        TEMPORARY_DIGITS, (unsigned long long)random);
    file->fd = create_locked(file->path);
    if (file->fd >= 0)
        return 0;
    error_set_errno(err, errno, "cannot write %s", to);
    free(file->path);
    free(file->folder);
    return -1;
}

/* renameat2() where the file system has it; a hard link fails just as well when there is
 * something of that name. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) || unlink(from) ? -1 : 0;
}

static int rename_to(const char *from, const char *to, bool replace)
{
    return replace ? rename(from, to) : rename_new(from, to);
}

int file_new_end(struct file_new *file, int rc, bool replace, struct error *err)
{
    /* Holds the lock until it has its name: closing, which may fail, comes before that. */
    const int lock_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    bool named = false;

    while (rc == 0 && fsync(file->fd)) {
        if (errno != EINTR)
            rc = error_set_errno(err, errno, "cannot write %s", file->to);
    }
    if (close(file->fd) && rc == 0 && errno != EINTR) /* a network's disk may be full only now */
        rc = error_set_errno(err, errno, "cannot write %s", file->to);
    if (rc == 0) {
        named = rename_to(file->path, file->to, replace) == 0;
        rc = named ? file_sync_folder(file->folder, err)
                   : error_set_errno(err, errno, "cannot write %s", file->to);
    }
    if (!named)
        unlink(file->path);
    if (lock_fd >= 0)
        close(lock_fd);
    free(file->path);
    free(file->folder);
    return rc;
}

bool file_remove_left(const char *path)
{
    const int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const bool removed = fd >= 0 && file_lock(fd, false) && unlink(path) == 0;

    if (fd >= 0)
        close(fd);
    return removed;
}

/* --- whole files --- */

int file_read(const char *path, size_t limit, struct buffer *buffer, struct error *err)
{
    const size_t before = buffer->length;
    const int fd = open_source(path, err);
    char block[BLOCK_BYTES];
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0)
        return -1;
    while (rc == 0 && (n = read_block(fd, block, sizeof(block))) > 0) {
        buffer_append(buffer, block, (size_t)n);
        if (buffer->overflowed || buffer->length - before > limit)
            rc = error_set(err, ERROR_LIMIT, "%s has more than the %zu bytes that are allowed",
                path, MIN(limit, buffer->limit - before));
    }
    if (n < 0)
        rc = error_set_errno(err, errno, "cannot read %s", path);
    if (rc)
        buffer_truncate(buffer, before);
    close(fd);
    return rc;
}

int file_write(const char *path, const void *bytes, size_t length, struct error *err)
{
    struct file_new file;
    int rc;

    if (file_new_begin(&file, path, err))
        return -1;
    rc = file_write_all(file.fd, bytes, length, path, err);
    return file_new_end(&file, rc, true, err);
}

struct copy {
    int from_fd, to_fd;
    const char *from, *to;
    atomic_uint_fast64_t *progress;
    const atomic_bool *stop;
};

/* Counts what was copied; -1 when somebody asked for the end. */
static int after_block(const struct copy *copy, uint64_t length, struct error *err)
{
    if (copy->progress)
        atomic_fetch_add_explicit(copy->progress, length, memory_order_relaxed);
    if (copy->stop && atomic_load_explicit(copy->stop, memory_order_relaxed))
        return error_set(err, ERROR_STOPPED, "copying %s was stopped", copy->from);
    return 0;
}

/* The kernel's own copy, on the same file system without moving the bytes at all. *ret_unable:
 * these two files cannot be copied so, and nothing was. */
static int copy_in_kernel(const struct copy *copy, bool *ret_unable, struct error *err)
{
    bool begun = false;
    struct stat st;

    *ret_unable = false;
    if (ioctl(copy->to_fd, FICLONE, copy->from_fd) == 0)
        return fstat(copy->from_fd, &st) ? 0 : after_block(copy, (uint64_t)st.st_size, err);
    for (;;) {
        const ssize_t n =
            copy_file_range(copy->from_fd, NULL, copy->to_fd, NULL, KERNEL_COPY_BYTES, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (begun || errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return error_set_errno(err, errno, "cannot copy %s to %s", copy->from, copy->to);
        /* At once at its end: empty, or of a file system that makes its files up as they are read.
         */
        *ret_unable = n < 0 || (n == 0 && !begun);
        if (n <= 0)
            return 0;
        begun = true;
        if (after_block(copy, (uint64_t)n, err))
            return -1;
    }
}

static int copy_by_hand(const struct copy *copy, struct error *err)
{
    char block[BLOCK_BYTES];

    for (;;) {
        const ssize_t n = read_block(copy->from_fd, block, sizeof(block));

        if (n < 0)
            return error_set_errno(err, errno, "cannot read %s", copy->from);
        if (n == 0)
            return 0;
        if (file_write_all(copy->to_fd, block, (size_t)n, copy->to, err) ||
            after_block(copy, (uint64_t)n, err))
            return -1;
    }
}

int file_copy(const char *from, const char *to, bool replace, atomic_uint_fast64_t *progress,
    const atomic_bool *stop, struct error *err)
{
    struct copy copy = {.from = from, .to = to, .progress = progress, .stop = stop};
    struct file_new file;
    bool unable;
    int rc = -1;

    copy.from_fd = open_source(from, err);
    if (copy.from_fd < 0)
        return -1;
    if (!replace && file_exists(to)) {
        error_set_errno(err, EEXIST, "cannot write %s", to); /* before the work, not after it */
    } else if (file_new_begin(&file, to, err) == 0) {
        copy.to_fd = file.fd;
        rc = after_block(&copy, 0, err);
        if (rc == 0)
            rc = copy_in_kernel(&copy, &unable, err);
        if (rc == 0 && unable)
            rc = copy_by_hand(&copy, err);
        rc = file_new_end(&file, rc, replace, err);
    }
    close(copy.from_fd);
    return rc;
}

static int sync_file(const char *path, struct error *err)
{
    const int fd = open_source(path, err);
    int rc;

    if (fd < 0)
        return -1;
    do {
        rc = fsync(fd);
    } while (rc && errno == EINTR);
    if (rc)
        error_set_errno(err, errno, "cannot write %s to the disk", path);
    close(fd);
    return rc;
}

static int sync_folder_of(const char *path, struct error *err)
{
    char *folder = file_folder(path);
    const int rc = file_sync_folder(folder, err);

    free(folder);
    return rc;
}

int file_publish(const char *from, const char *to, bool replace, atomic_uint_fast64_t *progress,
    const atomic_bool *stop, struct error *err)
{
    struct file_stamp stamp;

    if (file_stamp(from, &stamp, err) || sync_file(from, err))
        return -1;
    if (rename_to(from, to, replace) == 0) {
        if (progress)
            atomic_fetch_add_explicit(progress, stamp.size, memory_order_relaxed);
        return sync_folder_of(to, err) || sync_folder_of(from, err) ? -1 : 0;
    }
    if (errno != EXDEV)
        return error_set_errno(err, errno, "cannot move %s to %s", from, to);
    return file_copy(from, to, replace, progress, stop, err) || file_remove(from, err) ||
                   sync_folder_of(from, err)
               ? -1
               : 0;
}

int file_open_new(const char *path, int *ret_fd, struct error *err)
{
    int fd;

    if (unlink(path) && errno != ENOENT)
        return error_set_errno(err, errno, "cannot make %s anew", path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot make %s", path);
    *ret_fd = fd;
    return 0;
}

int file_remove(const char *path, struct error *err)
{
    if (unlink(path) && errno != ENOENT)
        return error_set_errno(err, errno, "cannot remove %s", path);
    return 0;
}
