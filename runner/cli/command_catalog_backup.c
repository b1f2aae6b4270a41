/* catalog backup, export, import: the whole catalog as one file. */
#include "connectors/catalog_sqlite/dump.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"

#include <stdio.h>

typedef int (*dump_fn)(
    const char *path, const char *file, struct dump_result *ret_result, struct error *err);

/* These are about the embedded catalog's file, so no engine is opened. */
static int find_path(const struct cli *cli, const char **ret_path, struct error *err)
{
    const struct environment *environment = cli->project->environment;
    const char *url = environment->catalog.url;

    if (!url || !text_starts(url, "sqlite:"))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "environment %s: its catalog is none of ours, and has ways of its own to be copied",
            environment->item.name);
    *ret_path = url + sizeof("sqlite:") - 1;
    if (text_starts(*ret_path, "///"))
        *ret_path += 2;
    return 0;
}

static int dump(struct cli *cli, dump_fn function, const char *file, const char *done)
{
    struct dump_result result;
    struct error err;
    const char *path;
    char size[TIME_TEXT_SIZE], rows[PRINT_COUNTED_SIZE];
    json_t *item;
    const int code = cli_open_project(cli);

    if (code)
        return code;
    if (find_path(cli, &path, &err) || function(path, file, &result, &err))
        return cli_fail(cli, &err);
    if (cli->globals.json) {
        item = json_object();
        json_put_text(item, "file", file);
        if (result.rows > 0)
            json_put_int(item, "rows", result.rows);
        json_put_int(item, "bytes", result.bytes);
        cli_print_json(item);
    } else {
        fprintf(stderr, "%s %s, %s%s%s\n", done, file, size_format((uint64_t)result.bytes, size),
            result.rows > 0 ? ", " : "",
            result.rows > 0 ? print_counted(result.rows, "row", rows) : "");
    }
    return EXIT_OK;
}

int command_catalog_backup(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    (void)values;
    (void)arg_count;
    return dump(cli, catalog_sqlite_backup, args[0], "copied to");
}

int command_catalog_export(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    (void)values;
    (void)arg_count;
    return dump(cli, catalog_sqlite_export, args[0], "exported to");
}

int command_catalog_import(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    (void)values;
    (void)arg_count;
    return dump(cli, catalog_sqlite_import, args[0], "imported from");
}
