#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct init_file {
    const char *path;
    const char *text; /* NULL: a folder */
};

static const char project_text[] =
    "# Where things are, by environment. `sluice --env NAME …` chooses one; dev is the default.\n"
    "project: example\n"
    "pipelines: pipelines\n"
    "environments:\n"
    "  dev:\n"
    "    catalog: sqlite:.sluice/catalog.db   # what is committed\n"
    "    store: file:.sluice/store            # where table data files go\n"
    "    state: sqlite:.sluice/state.db       # history, leases\n"
    "    logs: {dir: .sluice/logs, level: info}\n";

static const char pipeline_text[] =
    "# Orders, with their customers, landed by month. Try:\n"
    "#   sluice validate\n"
    "#   sluice plan example\n"
    "#   sluice run example\n"
    "#   sluice catalog read shop.orders\n"
    "name: example\n"
    "description: Orders with their customers, by month\n"
    "schedule: \"15 6 * * *\"             # every day at 6:15\n"
    "timezone: UTC\n"
    "freshness: 26h                     # sluice health: how old the last success may be\n"
    "params:\n"
    "  since: {type: date, default: 2026-01-01}\n"
    "\n"
    "extract:\n"
    "  orders:\n"
    "    from: pipelines/data/orders*.csv   # paths start at the project's folder\n"
    "    only_new: true                     # each version of a file once\n"
    "    columns: {ordered_on: date, amount: \"decimal(10,2)\"}\n"
    "  customers:\n"
    "    from: pipelines/data/customers.csv # a lookup: read whole each time\n"
    "\n"
    "transform:\n"
    "  clean:\n"
    "    sql: |\n"
    "      select o.order_id, o.ordered_on, o.amount, c.name as customer, c.country\n"
    "      from orders o\n"
    "      left join customers c on c.customer_id = o.customer_id\n"
    "      where o.ordered_on >= $since\n"
    "    checks:\n"
    "      - not_null: [order_id, ordered_on]\n"
    "      - unique: [order_id]\n"
    "      - sql: select count(*) = 0 from clean where amount < 0\n"
    "        name: no_negative_amount\n"
    "        severity: warn\n"
    "\n"
    "load:\n"
    "  clean:\n"
    "    into: shop.orders                # namespace.table\n"
    "    mode: append\n"
    "    partition_by: [\"month(ordered_on)\"]\n"
    "    sort_by: [ordered_on]\n";

static const char orders_text[] = "order_id,ordered_on,customer_id,amount\n"
                                  "1001,2026-01-05,1,19.90\n"
                                  "1002,2026-01-17,2,240.00\n"
                                  "1003,2026-02-02,1,7.50\n"
                                  "1004,2026-02-20,3,129.95\n"
                                  "1005,2026-03-01,2,64.00\n";

static const char customers_text[] = "customer_id,name,country\n"
                                     "1,Ada Byron,GB\n"
                                     "2,Emmy Noether,DE\n"
                                     "3,Grace Hopper,US\n";

static const struct init_file files[] = {
    {"pipelines", NULL},
    {"pipelines/data", NULL},
    {"sluice.yaml", project_text},
    {"pipelines/example.yaml", pipeline_text},
    {"pipelines/data/orders-2026.csv", orders_text},
    {"pipelines/data/customers.csv", customers_text},
    {".gitignore", ".sluice/\n"},
};

/* Folders may be there; a file may not, be it a dangling link. */
static int check_absent(const char *dir, const struct init_file *file, struct error *err)
{
    char *path = mem_printf("%s/%s", dir, file->path);
    struct stat info;
    int result = 0;

    if (file->text && lstat(path, &info) == 0)
        result = error_set(err, ERROR_EXISTS,
            "init: %s is there already and nothing is overwritten; name an empty folder", path);
    free(path);
    return result;
}

static int make_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return error_set_errno(err, errno, "init: the folder %s cannot be made", path);
    return 0;
}

static int make_file(const char *path, const char *text, struct error *err)
{
    const size_t length = strlen(text);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    ssize_t written;

    if (fd < 0)
        return error_set_errno(err, errno, "init: %s cannot be made", path);
    written = write(fd, text, length);
    if (close(fd) || written != (ssize_t)length)
        return error_set_errno(
            err, written < 0 ? errno : ENOSPC, "init: %s cannot be written", path);
    return 0;
}

static int make(const char *dir, const struct init_file *file, struct error *err)
{
    char *path = mem_printf("%s/%s", dir, file->path);
    const int result = file->text ? make_file(path, file->text, err) : make_folder(path, err);

    free(path);
    return result;
}

static int make_all(const char *dir, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        if (check_absent(dir, &files[i], err))
            return -1;
    }
    if (make_folder(dir, err))
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        if (make(dir, &files[i], err))
            return -1;
    }
    return 0;
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const char *dir = args[0];
    struct error err;

    (void)options, (void)arg_count;
    if (make_all(dir, &err))
        return cli_fail(cli, &err);
    if (cli->globals.json) {
        json_t *value = json_object(), *list = json_array();

        for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
            if (files[i].text)
                json_array_append_new(list, json_text(files[i].path));
        }
        json_put_text(value, "folder", dir);
        json_object_set_new(value, "files", list);
        cli_print_json(value);
        return EXIT_OK;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        if (files[i].text)
            printf("%s/%s\n", dir, files[i].path);
    }
    if (!cli->globals.quiet)
        fprintf(stderr, "Next: cd %s && sluice run example\n", dir);
    return EXIT_OK;
}

const struct command command_init = {
    .name = "init",
    .arguments = "DIR",
    .help = "Write a small project that runs",
    .details = "DIR gets a sluice.yaml, a pipeline that explains itself, and its data. Nothing is "
               "ever overwritten.\n\n"
               "Keys of --json: folder, files.",
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_FOLDER,
    .run = run,
    .examples = "sluice init shop && cd shop && sluice run example",
};
