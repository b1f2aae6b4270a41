/* catalog history and files: deltas and what they consist of. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/command_catalog.h"
#include "runner/cli/print.h"
#include "runner/cli/run_text.h"
#include "runner/cli/tables.h"

#include <string.h>

/* Deltas of a table that is there; the exit code. `ask` is the caller's to deinit. */
static int ask_deltas(
    struct cli *cli, const char *name, const struct catalog_query *what, struct question *ask)
{
    const struct catalog_version *version;
    struct question found = {0};
    struct error err;
    int code = cli_open_engine(cli, true);

    if (code)
        return code;
    if (tables_find_version(cli, name, &found, &version, &err)) {
        code = cli_fail(cli, &err);
    } else {
        ask->catalog = *what;
        ask->catalog.at = (struct catalog_locator){
            .namespace = version->namespace, .table = version->table, .version = version->version};
        question_ask_catalog(cli, ask);
        questions_wait(cli);
        if (ask->err.code)
            code = cli_fail(cli, &ask->err);
    }
    question_deinit(&found);
    return code;
}

static json_t *values_json(const struct catalog_delta *delta)
{
    json_t *list = json_array();

    for (size_t i = 0; i < delta->value_count; i++)
        json_array_append_new(list, json_text(delta->values[i]));
    return list;
}

/* "2001-03, NULL"; "" where the table has no partitions. */
static void describe_values(const struct catalog_delta *delta, struct buffer *text)
{
    buffer_clear(text);
    for (size_t i = 0; i < delta->value_count; i++)
        buffer_printf(text, "%s%s", i ? ", " : "", delta->values[i] ? delta->values[i] : "NULL");
}

/* --- history --- */

static const char *bare_type(const struct catalog_position *bare)
{
    return bare->brought_back ? "rollback" : bare->took_away ? "removal" : "partition";
}

/* A commit: one of its deltas, or what has none. */
struct commit {
    const struct catalog_delta *delta;
    const struct catalog_position *bare;
};

static json_t *bare_json(const struct catalog_position *bare)
{
    json_t *item = json_object();

    json_put_int(item, "position", bare->position);
    json_put_text(item, "type", bare_type(bare));
    json_put_text(item, "state", catalog_commit_state_name(CATALOG_COMMITTED));
    json_object_set_new(item, "partition", json_array());
    json_put_int(item, "rows", 0);
    json_put_int(item, "bytes", 0);
    json_put_time(item, "created", bare->committed_ms);
    return item;
}

static json_t *delta_json(const struct catalog_delta *delta)
{
    json_t *item = json_object();

    json_put_int(item, "position", delta->position);
    json_put_int(item, "previous_position", delta->previous_position);
    json_put_text(item, "type", catalog_delta_type_name(delta->type));
    json_put_text(item, "state", catalog_commit_state_name(delta->state));
    json_put_text(item, "run_id", delta->run_id);
    json_object_set_new(item, "partition", values_json(delta));
    json_put_int(item, "rows", delta->rows);
    json_put_int(item, "bytes", (int64_t)delta->bytes);
    json_put_time(item, "created", delta->created_ms);
    return item;
}

static void add_delta(
    struct print_table *table, const struct catalog_delta *delta, struct buffer *values)
{
    const bool is_current = delta->state == CATALOG_COMMITTED;
    char position[PRINT_COUNT_SIZE], type[64], rows[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE],
        ago[TIME_TEXT_SIZE], id[RUN_TEXT_ID_SIZE];
    const char *cells[7] = {print_count(delta->position, position), type, NULL,
        print_count(delta->rows, rows), size_format(delta->bytes, size),
        time_format_ago(delta->created_ms, time_now_ms(), ago),
        run_text_id(delta->run_id, print_terminal_width(1), id)};

    snprintf(type, sizeof(type), "%s%s%s", catalog_delta_type_name(delta->type),
        is_current ? "" : ", ", is_current ? "" : catalog_commit_state_name(delta->state));
    describe_values(delta, values);
    cells[2] = values->data;
    print_table_row(table, cells);
    print_table_style(table, 1, is_current ? "" : "\033[2m");
}

static void add_bare(struct print_table *table, const struct catalog_position *bare)
{
    char position[PRINT_COUNT_SIZE], ago[TIME_TEXT_SIZE];
    const char *const cells[7] = {print_count(bare->position, position), bare_type(bare), "", "",
        "", time_format_ago(bare->committed_ms, time_now_ms(), ago), ""};

    print_table_row(table, cells);
}

/* Both are in descending order: `limit` of them (0: all). */
static size_t merge_commits(const struct catalog_query *deltas, const struct catalog_query *bare,
    int64_t limit, struct commit *commits)
{
    const size_t most = limit > 0 ? (size_t)limit : SIZE_MAX;
    size_t count = 0, d = 0, b = 0;

    while (count < most && (d < deltas->count || b < bare->count)) {
        const bool is_bare =
            d == deltas->count ||
            (b < bare->count && bare->positions[b].position > deltas->deltas[d].position);

        commits[count++] = is_bare ? (struct commit){.bare = &bare->positions[b++]}
                                   : (struct commit){.delta = &deltas->deltas[d++]};
    }
    return count;
}

static void print_history(struct cli *cli, const struct commit *commits, size_t count)
{
    static const char *const headers[] = {
        ">POSITION", "TYPE", "PARTITION", ">ROWS", ">SIZE", "WHEN", "RUN", NULL};
    struct print_table *table;
    struct buffer values;
    json_t *list;

    if (cli->globals.json) {
        list = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(
                list, commits[i].bare ? bare_json(commits[i].bare) : delta_json(commits[i].delta));
        cli_print_json(list);
        return;
    }
    buffer_init(&values, 0);
    table = print_table_new(headers);
    for (size_t i = 0; i < count; i++) {
        if (commits[i].bare)
            add_bare(table, commits[i].bare);
        else
            add_delta(table, commits[i].delta, &values);
    }
    print_table_end(table, stdout, print_terminal_width(1), 2, cli->color);
    buffer_deinit(&values);
}

/* Of the time that the deltas are of. */
static int ask_bare(
    struct cli *cli, const char *name, const struct catalog_query *deltas, struct question *bare)
{
    struct catalog_query what = {.verb = CATALOG_LIST_BARE_POSITIONS, .limit = deltas->limit};

    if (deltas->truncated && deltas->count > 0)
        what.first_position = deltas->deltas[deltas->count - 1].position;
    return ask_deltas(cli, name, &what, bare);
}

int command_catalog_history(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct catalog_delta_options *options = values;
    const struct catalog_query what = {.verb = CATALOG_LIST_DELTAS, .limit = options->limit};
    struct question deltas = {0}, bare = {0};
    struct commit *commits;
    int code = ask_deltas(cli, args[0], &what, &deltas);

    (void)arg_count;
    if (code == EXIT_OK)
        code = ask_bare(cli, args[0], &deltas.catalog, &bare);
    if (code == EXIT_OK) {
        commits = arena_array(
            &cli->arena, deltas.catalog.count + bare.catalog.count + 1, sizeof(*commits));
        print_history(
            cli, commits, merge_commits(&deltas.catalog, &bare.catalog, options->limit, commits));
    }
    question_deinit(&bare);
    question_deinit(&deltas);
    return code;
}

/* --- files --- */

static json_t *file_json(
    const struct catalog_delta *delta, const struct catalog_file *file, const char *path)
{
    json_t *item = json_object();

    json_put_text(item, "path", path);
    json_put_text(item, "format", file->format);
    json_object_set_new(item, "partition", values_json(delta));
    json_put_int(item, "rows", file->rows);
    json_put_int(item, "bytes", (int64_t)file->bytes);
    json_put_int(item, "position", delta->position);
    json_put_text(item, "run_id", delta->run_id);
    return item;
}

static void add_file(struct print_table *table, const struct catalog_file *file, const char *path,
    const char *values)
{
    char rows[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE];
    const char *const cells[] = {
        values, print_count(file->rows, rows), size_format(file->bytes, size), path};

    print_table_row(table, cells);
}

static int print_files(
    struct cli *cli, const struct catalog_query *deltas, int64_t limit, struct error *err)
{
    static const char *const headers[] = {"PARTITION", ">ROWS", ">SIZE", "PATH", NULL};
    struct print_table *table = print_table_new(headers);
    json_t *list = json_array();
    struct buffer values;
    int64_t count = 0;
    int result = 0;

    buffer_init(&values, 0);
    for (size_t i = 0; i < deltas->count; i++) {
        const struct catalog_delta *delta = &deltas->deltas[i];

        describe_values(delta, &values);
        for (size_t j = 0; j < delta->file_count && (limit == 0 || count < limit); j++, count++) {
            const char *path = NULL;

            if (result || (result = tables_file(cli, &delta->files[j], &path, err)))
                break;
            if (cli->globals.json)
                json_array_append_new(list, file_json(delta, &delta->files[j], path));
            else
                add_file(table, &delta->files[j], path, values.data);
        }
    }
    buffer_deinit(&values);
    if (cli->globals.json && result == 0)
        cli_print_json(json_incref(list));
    print_table_end(
        table, cli->globals.json || result ? NULL : stdout, print_terminal_width(1), 3, cli->color);
    json_decref(list);
    return result;
}

int command_catalog_files(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct catalog_delta_options *options = values;
    const struct catalog_query what = {.verb = CATALOG_LIST_FILES};
    struct question ask = {0};
    int code = ask_deltas(cli, args[0], &what, &ask);
    struct error err;

    (void)arg_count;
    if (code == EXIT_OK && print_files(cli, &ask.catalog, options->limit, &err))
        code = cli_fail(cli, &err);
    question_deinit(&ask);
    return code;
}
