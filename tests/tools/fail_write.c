/* A library that LD_PRELOAD puts before libc: the nth call that changes a file fails. It counts
 * what writes to, syncs, cuts, names and makes regular files, of every thread and library of the
 * process; pipes and terminals are left alone.
 *
 * FAIL_AT     n: the first call that fails; 0, or not set: none does
 * FAIL_ERROR  the errno that it fails with
 * FAIL_ON     set: all after it fail, too, as on a disk that is full
 * FAIL_KILL   set: it does not fail, the process is killed in its place (SIGKILL). What removes
 *             files and what is sent to servers is counted then, too
 * FAIL_MARK   a file that is made when the first one fails */
#undef _FILE_OFFSET_BITS /* pwrite and pwrite64 are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static long number_of(const char *name)
{
    const char *value = getenv(name);

    return value ? strtol(value, NULL, 10) : 0;
}

static void make_mark(void)
{
    const char *path = getenv("FAIL_MARK");
    const int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600) : -1;

    if (fd >= 0)
        close(fd);
}

static bool fails_now(void)
{
    const long at = number_of("FAIL_AT");
    const long call = at > 0 ? atomic_fetch_add(&calls, 1) + 1 : 0;

    if (at == 0 || call < at || (call > at && !getenv("FAIL_ON")))
        return false;
    if (call == at)
        make_mark();
    if (getenv("FAIL_KILL"))
        kill(getpid(), SIGKILL);
    errno = (int)number_of("FAIL_ERROR");
    return true;
}

static bool is_file(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Counted for kills only: no full disk keeps a file from being removed. */
static bool ends_now(void)
{
    return getenv("FAIL_KILL") && fails_now();
}

/* What stands behind a name of libc's, found once. */
#define REAL(name)                                                                                 \
    static __typeof__(&(name)) real;                                                               \
                                                                                                   \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

#define ON_FILE(type, name, parameters, ...)                                                       \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        REAL(name);                                                                                \
        return is_file(fd) && fails_now() ? -1 : real(__VA_ARGS__);                                \
    }

#define ON_END(type, name, parameters, ...)                                                        \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        REAL(name);                                                                                \
        return ends_now() ? -1 : real(__VA_ARGS__);                                                \
    }

#define ON_NAME(name, parameters, ...)                                                             \
    int name parameters;                                                                           \
    int name parameters                                                                            \
    {                                                                                              \
        REAL(name);                                                                                \
        return fails_now() ? -1 : real(__VA_ARGS__);                                               \
    }

ON_FILE(ssize_t, write, (int fd, const void *bytes, size_t length), fd, bytes, length)
ON_FILE(
    ssize_t, pwrite, (int fd, const void *bytes, size_t length, off_t at), fd, bytes, length, at)
ON_FILE(ssize_t, pwrite64, (int fd, const void *bytes, size_t length, off64_t at), fd, bytes,
    length, at)
ON_FILE(int, fsync, (int fd), fd)
ON_FILE(int, fdatasync, (int fd), fd)
ON_FILE(int, ftruncate, (int fd, off_t length), fd, length)
ON_FILE(int, ftruncate64, (int fd, off64_t length), fd, length)
ON_NAME(rename, (const char *from, const char *to), from, to)
ON_NAME(renameat2, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags),
    from_fd, from, to_fd, to, flags)
ON_NAME(link, (const char *from, const char *to), from, to)
ON_NAME(linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), from_fd,
    from, to_fd, to, flags)
ON_NAME(symlink, (const char *from, const char *to), from, to)
ON_NAME(mkdir, (const char *path, mode_t mode), path, mode)
ON_END(int, unlink, (const char *path), path)
ON_END(int, unlinkat, (int fd, const char *path, int flags), fd, path, flags)
ON_END(int, rmdir, (const char *path), path)
ON_END(
    ssize_t, send, (int fd, const void *bytes, size_t length, int flags), fd, bytes, length, flags)

ssize_t copy_file_range(
    int from, off64_t *from_at, int fd, off64_t *at, size_t length, unsigned flags)
{
    REAL(copy_file_range);
    return fails_now() ? -1 : real(from, from_at, fd, at, length, flags);
}
