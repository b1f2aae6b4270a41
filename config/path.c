#include "config/path.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *path_join(struct arena *arena, const char *base, const char *path)
{
    if (path[0] == '/')
        return arena_strdup(arena, path);
    while (text_starts(path, "./"))
        path += 2;
    if (path[0] == '\0' || strcmp(path, ".") == 0)
        return arena_strdup(arena, base);
    return arena_printf(arena, "%s%s%s", base, text_ends(base, "/") ? "" : "/", path);
}

const char *path_folder(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return arena_strdup(arena, ".");
    return arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_stem(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strlen(name);

    if (text_ends(name, ".yaml"))
        length -= 5;
    else if (text_ends(name, ".yml"))
        length -= 4;
    return arena_strndup(arena, name, length);
}

const char *path_working_folder(struct arena *arena)
{
    char *folder = getcwd(NULL, 0);
    const char *copy = arena_strdup(arena, folder ? folder : ".");

    free(folder);
    return copy;
}

const char *path_display(struct arena *arena, const char *path)
{
    const char *folder;
    size_t length;

    if (path[0] != '/')
        return arena_strdup(arena, path);
    folder = path_working_folder(arena);
    length = strlen(folder);
    if (length > 1 && strncmp(path, folder, length) == 0 && path[length] == '/')
        path += length + 1;
    return arena_strdup(arena, path);
}

static int read_all(int fd, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
    struct stat info;
    size_t capacity, length = 0;
    ssize_t got;
    char *text;

    if (fstat(fd, &info))
        return error_set_errno(err, errno, "cannot be read");
    if (S_ISDIR(info.st_mode))
        return error_set(err, ERROR_INVALID, "is a folder, not a file");
    if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode))
        return error_set(err, ERROR_INVALID, "is not a plain file");
    capacity = S_ISREG(info.st_mode) ? MIN((size_t)info.st_size, limit) + 1 : limit + 1;
    text = mem_calloc(capacity + 1, 1);
    /* One byte more than it has tells that it grew, or is over the limit. */
    while (length < capacity && (got = read(fd, text + length, capacity - length)) != 0) {
        if (got < 0 && errno != EINTR) {
            error_set_errno(err, errno, "cannot be read");
            free(text);
            return -1;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    if (length > limit) {
        free(text);
        return error_set(err, ERROR_LIMIT, "is larger than %zu KiB, the limit", limit / 1024);
    }
    text[length] = '\0';
    *ret_text = text;
    *ret_length = length;
    return 0;
}

int path_read_file(
    const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "does not exist");
    if (fd < 0)
        return error_set_errno(err, errno, "cannot be opened");
    rc = read_all(fd, limit, ret_text, ret_length, err);
    close(fd);
    return rc;
}
