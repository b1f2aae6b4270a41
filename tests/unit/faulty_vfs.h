/* A file system for SQLite whose n-th write, sync or truncation fails: "faulty" once it is
 * registered. */
#ifndef TESTS_UNIT_FAULTY_VFS_H
#define TESTS_UNIT_FAULTY_VFS_H

#include "tests/unit/io_fixture.h"

#include "runner/base/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

/* Wraps SQLite's own one. The counter is the test's; SQLite hands no data to a VFS's methods but
 * the VFS itself, so it lies beside it. */
struct faulty {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    int left;     /* operations until one fails; 0: none does */
    int error;    /* with this */
    bool keep_on; /* and all after it, as on a disk that is full */
    bool has_failed;
};

struct faulty_file {
    sqlite3_file file;
    struct faulty *faulty;
    sqlite3_file *real;
};

static struct faulty_file *faulty_of(sqlite3_file *file)
{
    return container_of(file, struct faulty_file, file);
}

static bool fails_now(struct faulty *faulty)
{
    if (faulty->has_failed && faulty->keep_on)
        return true;
    if (faulty->left == 0 || --faulty->left > 0)
        return false;
    faulty->has_failed = true;
    return true;
}

static int faulty_close(sqlite3_file *file)
{
    sqlite3_file *real = faulty_of(file)->real;
    const int result = real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;

    free(real);
    return result;
}

static int faulty_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    struct faulty_file *faulty = faulty_of(file);

    return fails_now(faulty->faulty)
               ? faulty->faulty->error
               : faulty->real->pMethods->xWrite(faulty->real, bytes, length, offset);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    struct faulty_file *faulty = faulty_of(file);

    return fails_now(faulty->faulty) ? SQLITE_IOERR_FSYNC
                                     : faulty->real->pMethods->xSync(faulty->real, flags);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct faulty_file *faulty = faulty_of(file);

    return fails_now(faulty->faulty) ? SQLITE_IOERR_TRUNCATE
                                     : faulty->real->pMethods->xTruncate(faulty->real, size);
}

#define PASS_ON(name, parameters, ...)                                                             \
    static int faulty_##name parameters                                                            \
    {                                                                                              \
        sqlite3_file *real = faulty_of(file)->real;                                                \
                                                                                                   \
        return real->pMethods->x##name(real, ##__VA_ARGS__);                                       \
    }
PASS_ON(Read, (sqlite3_file * file, void *bytes, int length, sqlite3_int64 offset), bytes, length,
    offset)
PASS_ON(FileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
PASS_ON(Lock, (sqlite3_file * file, int lock), lock)
PASS_ON(Unlock, (sqlite3_file * file, int lock), lock)
PASS_ON(CheckReservedLock, (sqlite3_file * file, int *lock), lock)
PASS_ON(FileControl, (sqlite3_file * file, int verb, void *argument), verb, argument)
PASS_ON(SectorSize, (sqlite3_file * file))
PASS_ON(DeviceCharacteristics, (sqlite3_file * file))
PASS_ON(ShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **memory), page,
    size, extend, memory)
PASS_ON(ShmLock, (sqlite3_file * file, int offset, int count, int flags), offset, count, flags)
PASS_ON(ShmUnmap, (sqlite3_file * file, int remove), remove)

static void faulty_ShmBarrier(sqlite3_file *file)
{
    sqlite3_file *real = faulty_of(file)->real;

    real->pMethods->xShmBarrier(real);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_Read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_FileSize,
    .xLock = faulty_Lock,
    .xUnlock = faulty_Unlock,
    .xCheckReservedLock = faulty_CheckReservedLock,
    .xFileControl = faulty_FileControl,
    .xSectorSize = faulty_SectorSize,
    .xDeviceCharacteristics = faulty_DeviceCharacteristics,
    .xShmMap = faulty_ShmMap,
    .xShmLock = faulty_ShmLock,
    .xShmBarrier = faulty_ShmBarrier,
    .xShmUnmap = faulty_ShmUnmap,
};

static int faulty_open(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct faulty *faulty = container_of(vfs, struct faulty, vfs);
    struct faulty_file *opened = faulty_of(file);
    int result;

    opened->faulty = faulty;
    opened->real = mem_calloc(1, (size_t)faulty->real->szOsFile);
    result = faulty->real->xOpen(faulty->real, name, opened->real, flags, ret_flags);
    file->pMethods = &faulty_methods; /* also after a failure: SQLite closes it then */
    return result;
}

static inline void faulty_register(struct faulty *faulty)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    *faulty = (struct faulty){.vfs = *real, .real = real};
    faulty->vfs.zName = "faulty";
    faulty->vfs.szOsFile = sizeof(struct faulty_file);
    faulty->vfs.xOpen = faulty_open;
    faulty->vfs.pNext = NULL;
    assert_int_equal(sqlite3_vfs_register(&faulty->vfs, 0), SQLITE_OK);
}

#endif
