/* The pipeline files of a project. */
#include "config/environment.h"
#include "config/path.h"
#include "config/test_file.h"
#include "config/yaml.h"
#include "runner/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_DEPTH_MAX = 16, PIPELINES_MAX = 100000 };

struct listing {
    struct arena *arena;
    const char **items;
    size_t count, capacity;
};

static bool is_pipeline_file(const char *name)
{
    return text_ends(name, ".yaml") || text_ends(name, ".yml");
}

static bool is_folder(const char *path, const struct dirent *entry)
{
    struct stat info;

    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int list_folder(
    struct listing *listing, const char *folder, unsigned depth, struct error *err)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);
    int rc = 0;

    if (!dir)
        return error_set_errno(err, errno, "the pipelines' folder %s cannot be read", folder);
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        const char *path;

        if (entry->d_name[0] == '.' || entry->d_name[0] == '_')
            continue;
        path = path_join(listing->arena, folder, entry->d_name);
        if (is_folder(path, entry)) {
            if (depth < FOLDER_DEPTH_MAX)
                rc = list_folder(listing, path, depth + 1, err);
        } else if (is_pipeline_file(entry->d_name) && !test_file_is_one(entry->d_name)) {
            if (listing->count >= PIPELINES_MAX) {
                rc = error_set(
                    err, ERROR_LIMIT, "%s holds over %d pipelines", folder, PIPELINES_MAX);
                break;
            }
            listing->items = mem_grow(
                listing->items, &listing->capacity, listing->count, sizeof(*listing->items));
            listing->items[listing->count++] = path;
        }
    }
    closedir(dir);
    return rc;
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int no_folder(struct project *project, struct error *err)
{
    const char *folder = path_display(&project->arena, project->pipelines);

    if (!project->path)
        return error_set(err, ERROR_INVALID,
            "there is no sluice.yaml here or above, and no folder %s; go to your project's folder, "
            "name its sluice.yaml with --config, or begin one with `sluice init DIR`",
            folder);
    return error_set(err, ERROR_INVALID,
        "%s: there is no folder %s; make it, or name another under pipelines:",
        path_display(&project->arena, project->path), folder);
}

int project_pipeline_paths(struct project *project, struct text_list *ret_paths, struct error *err)
{
    struct listing listing = {.arena = &project->arena};
    int rc;

    if (access(project->pipelines, F_OK))
        return no_folder(project, err);
    rc = list_folder(&listing, project->pipelines, 1, err);
    if (rc == 0) {
        ret_paths->count = listing.count;
        ret_paths->items = arena_array(&project->arena, listing.count, sizeof(char *));
        if (listing.count) {
            mem_sort(listing.items, listing.count, sizeof(*listing.items), compare);
            memcpy(ret_paths->items, listing.items, listing.count * sizeof(*listing.items));
        }
    }
    free(listing.items);
    return rc;
}

/* The `name:` of a file; NULL: it has none, or cannot be read as YAML. */
static const char *name_in_file(struct arena *arena, const char *path)
{
    struct diagnostics ignored;
    struct yaml_node *root, *name = NULL;
    struct error err;
    size_t length;
    char *text;

    if (path_read_file(path, YAML_BYTES_MAX, &text, &length, &err))
        return NULL;
    diagnostics_init(&ignored);
    root = yaml_load(path, text, length, arena, &ignored);
    if (root && root->kind == YAML_MAP)
        name = yaml_get(root, "name");
    diagnostics_deinit(&ignored);
    free(text);
    return name && name->kind == YAML_SCALAR ? name->text : NULL;
}

/* A path as it was given: from the working folder, else from the project's root. */
static int find_by_path(
    struct project *project, const char *name, const char **ret_path, struct error *err)
{
    const char *below_root = path_join(&project->arena, project->root, name);

    if (access(name, F_OK) == 0)
        *ret_path = arena_strdup(&project->arena, name);
    else if (access(below_root, F_OK) == 0)
        *ret_path = below_root;
    else
        return error_set(err, ERROR_INVALID, "there is no file %s", name);
    return 0;
}

/* "x" or "folder/x" of the pipelines' folder. */
static bool is_named(
    const struct project *project, struct arena *arena, const char *path, const char *name)
{
    const char *below = path + strlen(project->pipelines);
    const size_t length = strlen(name);

    below += strspn(below, "/");
    if (strncmp(below, name, length) == 0 &&
        (strcmp(below + length, ".yaml") == 0 || strcmp(below + length, ".yml") == 0))
        return true;
    return strcmp(path_stem(arena, path), name) == 0;
}

int project_find_pipeline(
    struct project *project, const char *name, const char **ret_path, struct error *err)
{
    struct text_list paths;
    const char **names, *nearest;
    struct arena *arena = &project->arena;

    if (is_pipeline_file(name))
        return find_by_path(project, name, ret_path, err);
    if (project_pipeline_paths(project, &paths, err))
        return -1;
    for (size_t i = 0; i < paths.count; i++) {
        if (is_named(project, arena, paths.items[i], name)) {
            *ret_path = paths.items[i];
            return 0;
        }
    }
    names = arena_array(arena, paths.count + 1, sizeof(*names));
    for (size_t i = 0; i < paths.count; i++) {
        names[i] = name_in_file(arena, paths.items[i]);
        if (names[i] && strcmp(names[i], name) == 0) {
            *ret_path = paths.items[i];
            return 0;
        }
        if (!names[i])
            names[i] = path_stem(arena, paths.items[i]);
    }
    if (!paths.count)
        return error_set(err, ERROR_INVALID,
            "there is no pipeline in %s; write one, as `sluice init DIR` makes an example of",
            path_display(arena, project->pipelines));
    nearest = text_nearest(name, names);
    if (nearest)
        return error_set(
            err, ERROR_INVALID, "there is no pipeline \"%s\"; did you mean \"%s\"?", name, nearest);
    return error_set(err, ERROR_INVALID,
        "there is no pipeline \"%s\" in %s; `sluice list` shows them", name,
        path_display(arena, project->pipelines));
}
