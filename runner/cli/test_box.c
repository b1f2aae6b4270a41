#include "runner/cli/test_box.h"

#include "runner/base/mem.h"
#include "runner/io/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char project[] = "project: test\n"
                              "environments:\n"
                              "  test: {store: file:store, catalog: sqlite:catalog.db,\n"
                              "    state: sqlite:state.db, logs: {dir: logs, level: warn}}\n";

static int make_folder(struct test_box *box, struct error *err)
{
    const char *parent = getenv("TMPDIR");
    char *template = mem_printf("%s/sluice-case-XXXXXX", parent && *parent ? parent : "/tmp");

    if (!mkdtemp(template)) {
        error_set_errno(err, errno, "a folder for the test cannot be made: %s", template);
        free(template);
        return -1;
    }
    box->folder = template;
    return 0;
}

const char *test_box_write(
    struct test_box *box, const char *name, const char *text, size_t length, struct error *err)
{
    const char *path = arena_printf(&box->cli.arena, "%s/%s", box->folder, name);

    return file_write(path, text, length, err) ? NULL : path;
}

int test_box_open(struct test_box *box, const struct cli *outer, struct error *err)
{
    struct cli *cli = &box->cli;

    *box = (struct test_box){.cli = {.err_color = outer->err_color, .offline = true}};
    if (make_folder(box, err))
        return -1;
    arena_init(&cli->arena);
    cli->globals = outer->globals;
    cli->globals.json = false;
    cli->globals.quiet = true;
    cli->globals.env = "test";
    cli->globals.config = test_box_write(box, "sluice.yaml", project, strlen(project), err);
    if (!cli->globals.config)
        return -1;
    if (cli_open_engine(cli, false) != EXIT_OK)
        return error_set(err, ERROR_INTERNAL, "the project of the test cannot be opened");
    return 0;
}

void test_box_close(struct test_box *box)
{
    if (!box->folder)
        return;
    cli_close(&box->cli, EXIT_OK);
    file_remove_tree(box->folder, NULL);
    free(box->folder);
    box->folder = NULL;
}
