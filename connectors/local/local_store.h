/* Objects as files: the store for `file:` and for plain paths (connectors/store.h).
 *
 * A key is a path, relative to the root or absolute. LIST starts at the longest part of a glob
 * that has no wildcard and descends no deeper than the glob can reach; as in a shell, what starts
 * with "." is matched only by a part of the glob that does, and folders that are links are not
 * entered. A folder that is not there is ERROR_NOT_FOUND. Keys come back in order of their bytes,
 * without "." parts and doubled slashes, so that `./data//x*` and `data/x*` name the same objects.
 *
 * PUT makes the folders that are missing. What a killed process left of it is a file that LIST does
 * not show unless the glob's last part starts with ".sluice-". SWEEP removes such files from the
 * folders of its glob; those that are being written are locked by their process (file.h).
 *
 * A version is size and time of modification: what a restored or moved file keeps, and nothing that
 * changes while the bytes do not (inode, chmod), as `only_new` would read such an object again.
 * Within one GET the whole stamp must hold, inode and time of change too. */
#ifndef CONNECTORS_LOCAL_LOCAL_STORE_H
#define CONNECTORS_LOCAL_LOCAL_STORE_H

#include "connectors/store.h"

extern const struct store_type local_store_type;

#endif
