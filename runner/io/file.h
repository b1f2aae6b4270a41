/* Files, blocking: for use inside jobs (runner/io/work) and at start-up, never on the loop while a
 * run is under way. Every error names the path. Paths are bytes.
 *
 * What is written is durable when the function returns: the bytes, then the name. A full disk is
 * ERROR_NO_SPACE; what was written of the file is removed. */
#ifndef RUNNER_IO_FILE_H
#define RUNNER_IO_FILE_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* --- questions --- */

/* What says whether a file is still the same one. */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
};

/* Of what a link points to. A folder, a pipe or a device is ERROR_INVALID. */
int file_stamp(const char *path, struct file_stamp *ret_stamp, struct error *err);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

bool file_exists(const char *path);    /* anything of that name, also a dangling link */
bool file_is_folder(const char *path); /* also a link to one */

/* Whether `name` (a last part) is that of a file that is being written, or was when the process
 * was killed: nobody else's, and to be ignored. */
bool file_is_temporary(const char *name);

/* flock(2), for us alone, until it is closed. False: somebody has it, or there are no locks here.
 */
bool file_lock(int fd, bool wait);

/* Removes a temporary file that nobody is writing any more: its process, which held a lock
 * (flock(2)) on it, was killed. False: somebody is, or it cannot be told, or not be removed. */
bool file_remove_left(const char *path);

/* All such files of a folder. */
void file_remove_all_left(const char *folder);

/* --- whole files --- */

/* Appends the file to the buffer; `limit` bytes at most (ERROR_LIMIT above). */
int file_read(const char *path, size_t limit, struct buffer *buffer, struct error *err);

/* Whole or not at all: a temporary file in the same folder, fsync, rename, fsync of the folder. */
int file_write(const char *path, const void *bytes, size_t length, struct error *err);

/* All of it, where the descriptor stands; `path` is for the error. */
int file_write_all(int fd, const void *bytes, size_t length, const char *path, struct error *err);

/* As file_write(), from another file, of any size. `progress` (may be NULL) counts bytes; `stop`
 * (may be NULL) is looked at between blocks and ends the copy with ERROR_STOPPED. `replace` false:
 * an existing target is ERROR_EXISTS. Same file system: uses a reflink or copy_file_range. */
int file_copy(const char *from, const char *to, bool replace, atomic_uint_fast64_t *progress,
    const atomic_bool *stop, struct error *err);

/* Moves a finished file to its name, durably: fsync of the file, rename (or copy across file
 * systems), fsync of both folders. On failure the bytes are still in `from`, or already in `to`. */
int file_publish(const char *from, const char *to, bool replace, atomic_uint_fast64_t *progress,
    const atomic_bool *stop, struct error *err);

/* Opens a new, empty file to write and read; what had the name goes, also a link, whose target
 * stays as it is. */
int file_open_new(const char *path, int *ret_fd, struct error *err);

int file_remove(const char *path, struct error *err); /* not there: success */

/* What becomes the file `to` when it is whole: a temporary file in the same folder, locked so that
 * nobody takes it for one that was left (file_remove_left). Written through `fd`. */
struct file_new {
    const char *to; /* kept by the caller until the end */
    char *path, *folder;
    int fd;
};
int file_new_begin(struct file_new *file, const char *to, struct error *err);

/* `rc` 0: makes it durable and gives it its name; else, and where that fails, removes it. Closes
 * `fd` in any case. `replace` false: an existing `to` is ERROR_EXISTS. Returns rc, or -1. */
int file_new_end(struct file_new *file, int rc, bool replace, struct error *err);

/* --- folders (file_folder.c) --- */

int file_make_folders(const char *path, struct error *err); /* mkdir -p */
int file_remove_tree(const char *path, struct error *err);  /* rm -rf; does not follow links */

/* fsync of a folder, so that names in it are durable. */
int file_sync_folder(const char *path, struct error *err);

/* The folder of `path` ("x" is in "."), and a name in a folder (`name` alone where it is absolute
 * or the folder is empty), as new texts to free(). */
char *file_folder(const char *path);
char *file_join(const char *folder, const char *name);

/* The way back: what follows the folder in `path`; the path itself where it is not below it. */
const char *file_below(const char *folder, const char *path);

/* Calls `visit` for each regular file below `folder` (links to files count; links to folders are
 * not followed, dangling ones not visited) with its path relative to it, in order of the bytes of
 * these paths. It stops with -1 when visit does. `depth_max` levels: 1 is the folder alone.
 * `hidden` false: what starts with "." is left out, folders with all that is in them. A `folder`
 * that is not there is ERROR_NOT_FOUND; what goes while it walks is left out. For a folder below
 * it that cannot be read `stamp` is NULL and *err says why: 0 leaves it out. */
typedef int (*file_visit_fn)(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err);
int file_walk(const char *folder, unsigned depth_max, bool hidden, file_visit_fn visit, void *data,
    struct error *err);

#endif
