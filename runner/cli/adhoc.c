#include "runner/cli/adhoc.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/fetch.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"
#include "runner/io/scratch.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 4 };

struct adhoc {
    struct cli *cli;
    const struct adhoc_options *options;
    const struct sql_engine_type *type;
    struct sql_dataset *datasets;
    size_t dataset_count;
    struct scratch scratch; /* for what spills and what is fetched; none: nothing can */
    struct error scratch_err;
    struct fetch fetch;
    struct work_lane lane;
    struct sql_session *session;
    bool stopped; /* a signal came while nothing ran that could be cancelled */
    struct sql_request request;
    struct rows_writer *rows;
    bool reader_gone;
    struct error err;
};

/* --- which tables --- */

static const char *lower(struct cli *cli, const char *text)
{
    char *copy = arena_strdup(&cli->arena, text);

    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int add_table(struct adhoc *adhoc, const char *name, bool alone)
{
    const struct catalog_version *version;
    struct question found = {0};
    int result = tables_find(adhoc->cli, name, &found, &version, &adhoc->err);

    if (result == 0)
        result = tables_dataset(adhoc->cli, version, alone, &adhoc->fetch,
            &adhoc->datasets[adhoc->dataset_count], &adhoc->err);
    if (result == 0)
        adhoc->dataset_count++;
    question_deinit(&found);
    return result;
}

static bool is_there(const struct adhoc *adhoc, const char *space, const char *name)
{
    for (size_t i = 0; i < adhoc->dataset_count; i++) {
        if (text_equal(adhoc->datasets[i].space, space) &&
            strcmp(adhoc->datasets[i].name, name) == 0)
            return true;
    }
    return false;
}

/* SQL does not tell Upper from lower in names, the catalog has lower ones only. */
static int add_named_tables(struct adhoc *adhoc, const struct sql_statement *statement)
{
    struct cli *cli = adhoc->cli;

    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table *table = &statement->tables[i];
        const char *space = table->schema ? lower(cli, table->schema) : NULL;
        const char *name = lower(cli, table->name);

        if (is_there(adhoc, space, name))
            continue;
        if (!space)
            return tables_unknown(cli, table->name, &adhoc->err);
        if (add_table(adhoc, arena_printf(&cli->arena, "%s.%s", space, name), false))
            return -1;
    }
    return 0;
}

static int find_tables(struct adhoc *adhoc, const char *sql, const char *table)
{
    struct sql_statement statement = {0};
    struct error *err = &adhoc->err;
    size_t offset;

    if (sql && adhoc->type->parse(sql, &adhoc->cli->arena, &statement, &offset, err))
        return error_prefix(err, "SQL, character %zu", offset + 1);
    adhoc->datasets =
        arena_array(&adhoc->cli->arena, statement.table_count + 2, sizeof(*adhoc->datasets));
    if (table && add_table(adhoc, table, true))
        return -1;
    return add_named_tables(adhoc, &statement);
}

/* --- the session --- */

/* Removed at the end; where the spool cannot be written to, larger sorts fail instead. */
static void make_folder(struct adhoc *adhoc)
{
    const struct environment *environment = adhoc->cli->project->environment;
    char id[UUID_TEXT_SIZE];

    scratch_make(
        &adhoc->scratch, environment->spool, uuid_v7(time_now_ms(), id), &adhoc->scratch_err);
    fetch_init(&adhoc->fetch, adhoc->cli, adhoc->scratch.path ? adhoc->scratch.path : "");
}

/* DuckDB opens nothing but files. */
static int fetch_files(struct adhoc *adhoc)
{
    if (adhoc->fetch.count == 0)
        return 0;
    if (!adhoc->scratch.path) {
        adhoc->err = adhoc->scratch_err;
        return error_prefix(&adhoc->err, "files of the table have to be fetched");
    }
    return fetch_all(&adhoc->fetch, &adhoc->err);
}

static unsigned thread_count(const struct adhoc *adhoc)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = (unsigned)MIN(MAX(online, 1), THREADS_MAX);

    while (threads > 1 && adhoc->type->memory_minimum(threads) > adhoc->options->memory)
        threads--;
    return threads;
}

static int open_session(struct adhoc *adhoc)
{
    const unsigned threads = thread_count(adhoc);
    struct sql_session_options options = {.loop = &adhoc->cli->loop,
        .lane = &adhoc->lane,
        .threads = threads,
        .views_over = true,
        .datasets = adhoc->datasets,
        .dataset_count = adhoc->dataset_count};
    char minimum[TIME_TEXT_SIZE];

    if (adhoc->options->memory < adhoc->type->memory_minimum(threads))
        return error_set(&adhoc->err, ERROR_INVALID, "--memory: a query needs %s at least",
            size_format(adhoc->type->memory_minimum(threads), minimum));
    options.folder = adhoc->scratch.path;
    options.memory = adhoc->type->memory_share(adhoc->options->memory, threads);
    adhoc->session = adhoc->type->open(&options, &adhoc->err);
    return adhoc->session ? 0 : -1;
}

/* --- the query --- */

/* A signal that nobody waits for ends the process at once, and its folder stays. */
static void note_stop(void *data, int signal_number)
{
    struct adhoc *adhoc = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    adhoc->stopped = true;
}

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct adhoc *adhoc = container_of(request, struct adhoc, request);

    if (adhoc->reader_gone || rows_write(adhoc->rows, schema, cells, row_count))
        return;
    adhoc->reader_gone = true;
    adhoc->type->cancel(request);
}

static void on_done(struct sql_request *request, const struct error *err)
{
    struct adhoc *adhoc = container_of(request, struct adhoc, request);

    error_keep_first(&adhoc->err, err);
    loop_on_stop(&adhoc->cli->loop, note_stop, adhoc);
}

static void on_stop(void *data, int signal_number)
{
    struct adhoc *adhoc = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    adhoc->type->cancel(&adhoc->request);
}

static void query(struct adhoc *adhoc, const char *sql)
{
    struct cli *cli = adhoc->cli;
    const struct rows_options rows = {.format = cli->globals.json && !adhoc->options->format
                                                    ? ROWS_JSON
                                                    : (enum rows_format)adhoc->options->format,
        .out = stdout,
        .width = print_terminal_width(1),
        .color = cli->color};

    adhoc->rows = rows_new(&rows);
    adhoc->request = (struct sql_request){.verb = SQL_QUERY,
        .query = {.sql = sql, .limit = adhoc->options->limit, .on_rows = on_rows},
        .arena = &cli->arena,
        .done = on_done};
    loop_on_stop(&cli->loop, on_stop, adhoc);
    adhoc->type->start(adhoc->session, &adhoc->request);
    loop_run(&cli->loop);
    /* Nobody reads on: main() says so where that is a failure. */
    if (adhoc->reader_gone)
        error_clear(&adhoc->err);
    if (adhoc->err.code || adhoc->reader_gone)
        rows_abandon(adhoc->rows);
    else
        rows_end(adhoc->rows);
}

static const char *select_all(struct cli *cli, const char *table)
{
    return arena_printf(&cli->arena, "select * from \"%s\"", strchr(table, '.') + 1);
}

static void end(struct adhoc *adhoc)
{
    if (adhoc->session)
        adhoc->type->close(adhoc->session);
    loop_run(&adhoc->cli->loop);
    work_lane_deinit(&adhoc->lane);
    scratch_remove(&adhoc->scratch, NULL);
    loop_on_stop(&adhoc->cli->loop, NULL, NULL);
}

static int check_stopped(struct adhoc *adhoc)
{
    loop_on_stop(&adhoc->cli->loop, note_stop, adhoc); /* again: fetching took it */
    return adhoc->stopped ? error_set(&adhoc->err, ERROR_STOPPED, "cancelled") : 0;
}

int adhoc_run(
    struct cli *cli, const struct adhoc_options *options, const char *sql, const char *table)
{
    struct adhoc adhoc = {.cli = cli, .options = options};

    work_lane_init(&adhoc.lane, cli->engine->pool, "query", 1);
    loop_on_stop(&cli->loop, note_stop, &adhoc);
    make_folder(&adhoc);
    if (engine_sql(cli->engine, &adhoc.type, &adhoc.err) == 0 &&
        find_tables(&adhoc, sql, table) == 0 && fetch_files(&adhoc) == 0 &&
        open_session(&adhoc) == 0 && check_stopped(&adhoc) == 0)
        query(&adhoc, sql ? sql : select_all(cli, table));
    end(&adhoc);
    return adhoc.err.code ? cli_fail(cli, &adhoc.err) : EXIT_OK;
}
