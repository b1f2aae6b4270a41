#include "runner/io/scratch.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "scratch-"
#define KEPT "kept-"
enum {
    SWEPT_MAX = 100, /* so that a start stays short; the next one goes on */
    ATTEMPTS = 100,  /* each lost to a sweep within microseconds */
};

static int open_folder(const char *path)
{
    int fd;

    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Whether the folder still goes by the path under which it was opened. */
static bool is_there(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* Between making and locking it a sweep may have taken it for one that was left: then again. */
static int make_and_lock(const char *path, int *ret_fd, struct error *err)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        int fd;

        /* Not durable, as it need not be: so nothing comes between the two for long. */
        if (mkdir(path, 0777) && errno != EEXIST)
            return error_set_errno(err, errno, "cannot make the folder %s", path);
        fd = open_folder(path);
        if (fd < 0 && errno != ENOENT)
            return error_set_errno(err, errno, "cannot open the folder %s", path);
        if (fd < 0)
            continue;
        file_lock(fd, true); /* no locks here: no sweep that works, either */
        if (is_there(fd, path)) {
            *ret_fd = fd;
            return 0;
        }
        close(fd);
    }
    return error_set(err, ERROR_IO, "cannot make the folder %s: something else removes it", path);
}

int scratch_make(struct scratch *scratch, const char *folder, const char *name, struct error *err)
{
    char *path = mem_printf("%s/" PREFIX "%s", folder, name);
    int fd;

    scratch_sweep(folder);
    if (file_make_folders(folder, err) || make_and_lock(path, &fd, err)) {
        free(path);
        return -1;
    }
    *scratch = (struct scratch){.path = path, .fd = fd};
    return 0;
}

int scratch_remove(struct scratch *scratch, struct error *err)
{
    int result;

    if (!scratch->path)
        return 0;
    result = file_remove_tree(scratch->path, err);
    close(scratch->fd);
    free(scratch->path);
    *scratch = (struct scratch){0};
    return result;
}

static bool remove_left(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    const int fd = open_folder(path);
    const bool removed =
        fd >= 0 && file_lock(fd, false) && is_there(fd, path) && file_remove_tree(path, NULL) == 0;

    if (fd >= 0)
        close(fd);
    free(path);
    return removed;
}

/* --- what outlives its process for a time --- */

/* When the folder's time is over, by its own; 0: it is. A clock that was set back does not make it
 * live for longer. */
static int64_t kept_until(const char *path)
{
    const int64_t now_ms = time_now_ms();
    struct stat stat_buffer;
    int64_t kept_ms;

    if (stat(path, &stat_buffer))
        return 0;
    kept_ms = (int64_t)stat_buffer.st_mtim.tv_sec * 1000 + stat_buffer.st_mtim.tv_nsec / 1000000;
    return kept_ms + SCRATCH_KEPT_MS > now_ms && kept_ms - SCRATCH_KEPT_MS < now_ms
               ? kept_ms + SCRATCH_KEPT_MS
               : 0;
}

static void remove_old(const char *folder, const char *name)
{
    char *path = file_join(folder, name);

    if (kept_until(path) == 0)
        file_remove_tree(path, NULL);
    free(path);
}

/* Each kept folder whose name begins so: removed. */
static void remove_kept(const char *folder, const char *prefix)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        char *path;

        if (!text_starts(entry->d_name, prefix))
            continue;
        path = file_join(folder, entry->d_name);
        file_remove_tree(path, NULL);
        free(path);
    }
    if (entries)
        closedir(entries);
}

void scratch_forget(const char *folder, const char *owner)
{
    char *prefix = mem_printf(KEPT "%s-", owner);

    remove_kept(folder, prefix);
    free(prefix);
}

int scratch_keep(
    const char *folder, const char *path, const char *owner, const char *name, struct error *err)
{
    char *kept = mem_printf("%s/" KEPT "%s-%s", folder, owner, name);
    int result;

    scratch_forget(folder, owner);
    result = rename(path, kept);
    if (result)
        error_set_errno(err, errno, "cannot keep the folder %s", path);
    free(kept);
    return result;
}

char *scratch_kept(const char *folder, const char *name, int64_t *ret_until_ms)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    char *path = NULL;

    while (entries && !path && (entry = readdir(entries))) {
        if (!text_starts(entry->d_name, KEPT) || !text_ends(entry->d_name, name))
            continue;
        path = file_join(folder, entry->d_name);
        *ret_until_ms = kept_until(path);
        if (*ret_until_ms > 0)
            continue;
        file_remove_tree(path, NULL);
        free(path);
        path = NULL;
    }
    if (entries)
        closedir(entries);
    return path;
}

size_t scratch_sweep(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    size_t count = 0;

    while (entries && count < SWEPT_MAX && (entry = readdir(entries))) {
        count += text_starts(entry->d_name, PREFIX) && remove_left(folder, entry->d_name);
        if (text_starts(entry->d_name, KEPT))
            remove_old(folder, entry->d_name);
    }
    if (entries)
        closedir(entries);
    return count;
}
