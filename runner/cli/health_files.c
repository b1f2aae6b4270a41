#include "runner/cli/health_files.h"

#include "runner/base/mem.h"
#include "runner/cli/tables.h"

#include <unistd.h>

struct look {
    struct cli *cli;
    struct health_files *files;
    const struct catalog_file *file;
    struct store_request request;
};

static void keep_gone(struct cli *cli, const struct catalog_file *file, struct health_files *files)
{
    const char *shown;

    if (!files->gone && tables_file(cli, file, &shown, &files->err) == 0)
        files->gone = shown;
}

static void on_looked(struct store_request *request, const struct error *err)
{
    struct look *look = container_of(request, struct look, request);

    if (err && err->code == ERROR_NOT_FOUND)
        keep_gone(look->cli, look->file, look->files);
    else
        error_keep_first(&look->files->err, err);
}

static void ask(struct cli *cli, struct store *store, const char *key,
    const struct catalog_file *file, struct health_files *files)
{
    struct look *look = arena_new(&cli->arena, struct look);

    *look = (struct look){.cli = cli, .files = files, .file = file};
    look->request = (struct store_request){.verb = STORE_CHECK, .key = key, .done = on_looked};
    store->type->start(store, &look->request);
}

/* True: one more that is to be counted. */
static bool look_at(
    struct cli *cli, const struct catalog_file *file, size_t asked, struct health_files *files)
{
    const char *key, *path;
    struct store *store;

    if (engine_data_file(cli->engine, file->key, &store, &key, &files->err))
        return false;
    if (store->type->local_path) {
        if (tables_file(cli, file, &path, &files->err) == 0 && access(path, F_OK))
            keep_gone(cli, file, files);
        return false;
    }
    if (asked < HEALTH_FILES_ASKED)
        ask(cli, store, key, file, files);
    return true;
}

void health_files_look(
    struct cli *cli, const struct catalog_query *files, struct health_files *ret_files)
{
    size_t asked = 0;

    *ret_files = (struct health_files){0};
    for (size_t i = files->count; i-- > 0 && !ret_files->gone && asked < HEALTH_FILES_ASKED;) {
        const struct catalog_delta *delta = &files->deltas[i];

        for (size_t j = 0; j < delta->file_count && !ret_files->gone && !ret_files->err.code; j++)
            asked += look_at(cli, &delta->files[j], asked, ret_files);
    }
}
