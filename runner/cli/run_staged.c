#include "runner/cli/run_staged.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/cli/run_text.h"
#include "runner/engine/run_json.h"
#include "runner/engine/staged.h"

#include <string.h>

/* Why there is nothing, as far as that can be told. */
static int find(
    struct cli *cli, const struct state_run *run, struct staged *ret_staged, struct error *err)
{
    if (staged_read(cli->project->environment->spool, run->run_id, &cli->arena, ret_staged, err) ==
        0)
        return 0;
    if (err->code != ERROR_NOT_FOUND)
        return -1;
    if (run->outcome == STATE_CHECK_FAILED)
        return error_set(err, ERROR_NOT_FOUND,
            "what run %s staged is gone, or was never on this machine: it stays for 24 h, or until "
            "the next run of %s; run it again",
            run->run_id, run->pipeline);
    return error_set(err, ERROR_NOT_FOUND,
        "nothing is staged of run %s: its outcome is \"%s\", and only a failed check leaves rows",
        run->run_id, run_text_outcome(run->outcome));
}

static void join(struct buffer *text, const struct text_list *list)
{
    buffer_clear(text);
    for (size_t i = 0; i < list->count; i++)
        buffer_printf(text, "%s%s", i ? ", " : "", list->items[i]);
}

/* --- the list --- */

static json_t *texts_json(const struct text_list *list)
{
    json_t *value = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(value, json_text(list->items[i]));
    return value;
}

static void print_json(const struct staged *staged)
{
    json_t *value = json_object(), *list = json_array();

    json_put_text(value, "run_id", staged->run_id);
    json_put_text(value, "pipeline", staged->pipeline);
    json_put_time(value, "until", staged->until_ms);
    for (size_t i = 0; i < staged->count; i++) {
        const struct staged_dataset *dataset = &staged->datasets[i];
        json_t *item = json_object();

        json_put_text(item, "dataset", dataset->name);
        json_object_set_new(item, "loads", texts_json(&dataset->loads));
        json_put_int(item, "rows", dataset->rows);
        json_put_int(item, "bytes", (int64_t)dataset->bytes);
        json_object_set_new(item, "files", texts_json(&dataset->files));
        json_array_append_new(list, item);
    }
    json_object_set_new(value, "datasets", list);
    cli_print_json(value);
}

static void print_text(const struct cli *cli, const struct staged *staged)
{
    static const char *const headers[] = {"DATASET", "LOADS", ">ROWS", ">FILES", ">SIZE", NULL};
    struct print_table *table = print_table_new(headers);
    char until[TIME_TEXT_SIZE], ago[TIME_TEXT_SIZE];
    struct buffer loads;

    buffer_init(&loads, 0);
    for (size_t i = 0; i < staged->count; i++) {
        const struct staged_dataset *dataset = &staged->datasets[i];
        char rows[PRINT_COUNT_SIZE], files[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE];

        join(&loads, &dataset->loads);
        print_table_row(table,
            (const char *const[]){dataset->name, loads.data, print_count(dataset->rows, rows),
                print_count((int64_t)dataset->files.count, files),
                size_format(dataset->bytes, size)});
    }
    print_table_end(table, stdout, print_terminal_width(1), 1, cli->color);
    buffer_deinit(&loads);
    if (!cli->globals.quiet)
        fprintf(stderr, "in %s, until %s (%s) or the next run of %s\n", staged->folder,
            time_format_rfc3339(staged->until_ms, until),
            time_format_ago(staged->until_ms, time_now_ms(), ago), staged->pipeline);
}

int run_staged_list(struct cli *cli, const struct state_run *run)
{
    struct staged staged;
    struct error err;

    if (find(cli, run, &staged, &err))
        return cli_fail(cli, &err);
    if (cli->globals.json)
        print_json(&staged);
    else
        print_text(cli, &staged);
    return EXIT_OK;
}

/* --- the rows --- */

static const struct staged_dataset *find_dataset(
    const struct staged *staged, const char *name, struct arena *arena, struct error *err)
{
    const char **names = arena_array(arena, staged->count, sizeof(*names));
    struct buffer all;

    for (size_t i = 0; i < staged->count; i++) {
        if (strcmp(staged->datasets[i].name, name) == 0)
            return &staged->datasets[i];
        names[i] = staged->datasets[i].name;
    }
    buffer_init(&all, 0);
    join(&all, &(struct text_list){names, staged->count});
    error_set(err, ERROR_INVALID, "\"%s\" is not staged; there is: %s", name, all.data);
    buffer_deinit(&all);
    return NULL;
}

int run_staged_read(struct cli *cli, const struct state_run *run, const char *name,
    const struct adhoc_options *options)
{
    const struct staged_dataset *dataset;
    struct sql_dataset rows;
    struct staged staged;
    struct buffer sql;
    struct error err;
    int code;

    if (find(cli, run, &staged, &err))
        return cli_fail(cli, &err);
    dataset = find_dataset(&staged, name, &cli->arena, &err);
    if (!dataset)
        return cli_fail(cli, &err);
    rows = (struct sql_dataset){.name = dataset->name,
        .schema = dataset->schema,
        .rows = dataset->rows,
        .bytes = dataset->bytes,
        .files = dataset->files};
    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, dataset->name);
    code = adhoc_run(cli, options, &(struct adhoc_source){.sql = sql.data, .dataset = &rows});
    buffer_deinit(&sql);
    return code;
}

/* --- one line --- */

const char *run_staged_says(struct cli *cli, const struct state_run *run)
{
    char until[TIME_TEXT_SIZE], rows[PRINT_COUNTED_SIZE];
    struct staged staged;
    struct buffer text;
    struct error err;
    const char *says;

    if (run->outcome != STATE_CHECK_FAILED ||
        staged_read(cli->project->environment->spool, run->run_id, &cli->arena, &staged, &err))
        return NULL;
    buffer_init(&text, 0);
    for (size_t i = 0; i < staged.count; i++)
        buffer_printf(&text, "%s%s of %s", i ? ", " : "",
            print_counted(staged.datasets[i].rows, "row", rows), staged.datasets[i].name);
    buffer_printf(
        &text, ", until %s: --staged shows them", time_format_rfc3339(staged.until_ms, until));
    says = arena_strdup(&cli->arena, text.data);
    buffer_deinit(&text);
    return says;
}
