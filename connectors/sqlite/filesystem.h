/* Whether a database may lie on a file system: its processes share memory through a file there and
 * trust its locks (https://sqlite.org/wal.html, "all processes must be on the same host"). */
#ifndef CONNECTORS_SQLITE_FILESYSTEM_H
#define CONNECTORS_SQLITE_FILESYSTEM_H

#include "runner/base/error.h"

#include <stdint.h>

/* What statfs(2) calls it, and what the mount does ("fuse.sshfs"; NULL: not known) → its name where
 * other machines may write to it, too; NULL: it is local as far as can be told. Pure. */
const char *filesystem_network_name(uint64_t magic, const char *mount_type);

/* The type of a mount by its device, "major:minor", in the text of /proc/self/mountinfo (proc(5));
 * the last one where it is there twice. Writes at most `size` bytes; "" where it is not there. */
void filesystem_find_type(const char *mountinfo, const char *device, char *ret_type, size_t size);

/* ERROR_NOT_SUPPORTED where `folder`, which exists, is on such a file system; `what` and `path`
 * begin the message. */
int filesystem_check(const char *folder, const char *what, const char *path, struct error *err);

#endif
