#include "runner/io/file.h"

#include "runner/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- paths --- */

char *file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *file_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder);

    if (name[0] == '/' || length == 0)
        return mem_strdup(name);
    return mem_printf("%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

const char *file_below(const char *folder, const char *path)
{
    size_t length = strlen(folder);

    while (length > 1 && folder[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(folder, path, length) != 0)
        return path;
    if (folder[length - 1] != '/' && path[length] != '/')
        return path;
    path += length;
    return path + strspn(path, "/");
}

/* --- making --- */

int file_sync_folder(const char *path, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open the folder %s", path);
    do {
        rc = fsync(fd);
    } while (rc && errno == EINTR);
    /* EINVAL: a file system that has no such thing, and needs none. */
    if (rc && errno == EINVAL)
        rc = 0;
    if (rc)
        error_set_errno(err, errno, "cannot write the folder %s to the disk", path);
    close(fd);
    return rc;
}

/* One level; 0 also where it is there already, made by whomever. */
static int make_folder(const char *path, struct error *err)
{
    char *parent;
    int rc;

    if (mkdir(path, 0777)) {
        const int errnum = errno;

        if (file_is_folder(path))
            return 0;
        return error_set_errno(err, errnum, "cannot make the folder %s", path);
    }
    parent = file_folder(path);
    rc = file_sync_folder(parent, err);
    free(parent);
    return rc;
}

int file_make_folders(const char *path, struct error *err)
{
    char *partial;
    int rc = 0;

    if (file_is_folder(path))
        return 0;
    partial = mem_strdup(path);
    for (char *slash = strchr(partial + 1, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (slash[-1] != '/')
            rc = make_folder(partial, err);
        *slash = '/';
    }
    if (rc == 0)
        rc = make_folder(partial, err);
    free(partial);
    return rc;
}

/* --- walking and removing --- */

void file_remove_all_left(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        char *path = file_is_temporary(entry->d_name) ? file_join(folder, entry->d_name) : NULL;

        if (path)
            file_remove_left(path);
        free(path);
    }
    if (entries)
        closedir(entries);
}

static FTS *open_tree(
    const char *path, int options, int (*compare)(const FTSENT **, const FTSENT **))
{
    char *const paths[] = {(char *)path, NULL}; /* read only: an old interface */

    /* fts_read() does not recurse, and without chdir() is safe on any thread. */
    return fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | options, compare);
}

int file_remove_tree(const char *path, struct error *err)
{
    FTS *tree;
    FTSENT *entry;
    int rc = 0;

    if (!file_exists(path))
        return 0;
    tree = open_tree(path, 0, NULL);
    if (!tree)
        return error_set_errno(err, errno, "cannot remove %s", path);
    errno = 0;
    while (rc == 0 && (entry = fts_read(tree))) {
        if (entry->fts_info == FTS_D)
            continue;
        /* A folder that cannot be read may be empty: rmdir() is what knows. */
        rc = entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR ? rmdir(entry->fts_accpath)
                                                                     : unlink(entry->fts_accpath);
        if (rc && errno == ENOENT)
            rc = 0;
        if (rc)
            error_set_errno(err, entry->fts_info == FTS_DNR ? entry->fts_errno : errno,
                "cannot remove %s", entry->fts_path);
        errno = 0;
    }
    if (rc == 0 && errno)
        rc = error_set_errno(err, errno, "cannot remove %s", path);
    fts_close(tree);
    return rc;
}

/* By the bytes of the relative path, in which a folder's name is followed by '/'. */
static int compare_entries(const FTSENT **a, const FTSENT **b)
{
    const unsigned char *x = (const unsigned char *)(*a)->fts_name;
    const unsigned char *y = (const unsigned char *)(*b)->fts_name;
    int c, d;

    while (*x && *x == *y)
        x++, y++;
    c = *x ? *x : (*a)->fts_info == FTS_D ? '/' : 0;
    d = *y ? *y : (*b)->fts_info == FTS_D ? '/' : 0;
    return c - d;
}

/* Whether the walk has a file here; *ret_stamp is filled in then. */
static bool is_file(const FTSENT *entry, struct file_stamp *ret_stamp)
{
    return (entry->fts_info == FTS_F || entry->fts_info == FTS_SL) &&
           file_stamp(entry->fts_accpath, ret_stamp, NULL) == 0;
}

struct walk {
    FTS *tree;
    size_t prefix; /* length of what is not relative in a path */
    unsigned depth_max;
    bool hidden;
    file_visit_fn visit;
    void *data;
};

/* A part of the tree that the visitor may do without; the whole of it is nobody's to miss. */
static int unreadable(const struct walk *walk, const FTSENT *entry, struct error *err)
{
    struct error why;

    error_set_errno(&why, entry->fts_errno, "cannot read the folder %s", entry->fts_path);
    if (entry->fts_level > 0 &&
        walk->visit(walk->data, entry->fts_path + walk->prefix, NULL, &why) == 0)
        return 0;
    if (err)
        *err = why;
    return -1;
}

/* Visits what fts_read() came to. */
static int walk_entry(const struct walk *walk, FTSENT *entry, struct error *err)
{
    const bool left_out = !walk->hidden && entry->fts_level > 0 && entry->fts_name[0] == '.';
    struct file_stamp stamp;

    if (entry->fts_info == FTS_D && (left_out || entry->fts_level >= (int)walk->depth_max))
        return fts_set(walk->tree, entry, FTS_SKIP);
    if ((entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) && entry->fts_errno != ENOENT)
        return unreadable(walk, entry, err);
    if (!left_out && is_file(entry, &stamp))
        return walk->visit(walk->data, entry->fts_path + walk->prefix, &stamp, err);
    return 0;
}

static int walk_tree(struct walk *walk, const char *root, struct error *err)
{
    FTSENT *entry;
    int rc = 0;

    walk->tree = open_tree(root, FTS_COMFOLLOW, compare_entries);
    if (!walk->tree)
        return error_set_errno(err, errno, "cannot read the folder %s", root);
    errno = 0;
    while (rc == 0 && (entry = fts_read(walk->tree))) {
        rc = walk_entry(walk, entry, err);
        errno = 0;
    }
    if (rc == 0 && errno)
        rc = error_set_errno(err, errno, "cannot read the folder %s", root);
    fts_close(walk->tree);
    return rc;
}

int file_walk(const char *folder, unsigned depth_max, bool hidden, file_visit_fn visit, void *data,
    struct error *err)
{
    struct walk walk = {.depth_max = depth_max, .hidden = hidden, .visit = visit, .data = data};
    size_t length = strlen(folder);
    struct stat st;
    char *root;
    int rc = -1;

    while (length > 1 && folder[length - 1] == '/')
        length--;
    root = mem_strndup(folder, length);
    walk.prefix = length + (strcmp(root, "/") != 0); /* the slash that fts puts behind it */
    if (stat(root, &st))
        error_set_errno(err, errno, "cannot read the folder %s", root);
    else if (!S_ISDIR(st.st_mode))
        error_set_errno(err, ENOTDIR, "cannot read the folder %s", root);
    else
        rc = walk_tree(&walk, root, err);
    free(root);
    return rc;
}
