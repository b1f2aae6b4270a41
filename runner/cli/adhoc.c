#include "runner/cli/adhoc.h"

#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/adhoc_output.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/cli/print.h"
#include "runner/io/scratch.h"

#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 4 };

const char *const adhoc_format_names[] = {
    "table", "csv", "ndjson", "json", "parquet", "arrow", NULL};

static const char answer_name[] = "sluice_answer", limited_name[] = "sluice_answer_limited";

struct adhoc {
    struct cli *cli;
    const struct adhoc_options *options;
    enum adhoc_format format;
    const struct sql_engine_type *type;
    struct adhoc_tables tables;
    struct scratch scratch; /* for what spills and what is fetched; none: nothing can */
    struct error scratch_err;
    struct work_lane lane;
    struct sql_session *session;
    bool stopped; /* a signal came while nothing ran that could be cancelled */
    struct sql_request request;
    struct rows_writer *rows;
    bool reader_gone;
    struct error err;
};

/* --- the session --- */

/* Removed at the end; where the spool cannot be written to, larger sorts fail instead. */
static void make_folder(struct adhoc *adhoc)
{
    const struct environment *environment = adhoc->cli->project->environment;
    char id[UUID_TEXT_SIZE];

    scratch_make(
        &adhoc->scratch, environment->spool, uuid_v7(time_now_ms(), id), &adhoc->scratch_err);
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
        .datasets = adhoc->tables.datasets,
        .dataset_count = adhoc->tables.dataset_count};
    char minimum[TIME_TEXT_SIZE];

    if (adhoc->options->memory < adhoc->type->memory_minimum(threads))
        return error_set(&adhoc->err, ERROR_INVALID, "--memory: a query needs %s at least",
            size_format(adhoc->type->memory_minimum(threads), minimum));
    options.folder = adhoc->scratch.path;
    options.memory = adhoc->type->memory_share(adhoc->options->memory, threads);
    adhoc->session = adhoc->type->open(&options, &adhoc->err);
    return adhoc->session ? 0 : -1;
}

/* --- statements --- */

/* A signal that nobody waits for ends the process at once, and its folder stays. */
static void note_stop(void *data, int signal_number)
{
    struct adhoc *adhoc = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    adhoc->stopped = true;
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

/* Runs what is in adhoc->request to its end. */
static int ask(struct adhoc *adhoc)
{
    struct cli *cli = adhoc->cli;

    if (adhoc->stopped)
        return error_set(&adhoc->err, ERROR_STOPPED, "cancelled");
    adhoc->request.arena = &cli->arena;
    adhoc->request.done = on_done;
    loop_on_stop(&cli->loop, on_stop, adhoc);
    adhoc->type->start(adhoc->session, &adhoc->request);
    loop_run(&cli->loop);
    return adhoc->err.code ? -1 : 0;
}

/* --- rows as they come --- */

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct adhoc *adhoc = container_of(request, struct adhoc, request);

    if (adhoc->reader_gone || rows_write(adhoc->rows, schema, cells, row_count))
        return;
    adhoc->reader_gone = true;
    adhoc->type->cancel(request);
}

/* What --json says of the files, behind the rows. */
static const char *count_json(const struct adhoc *adhoc)
{
    struct adhoc_count count;

    adhoc_tables_count(&adhoc->tables, &count);
    return arena_printf(&adhoc->cli->arena,
        "\"read\":{\"files\":%zu,\"skipped\":%zu,\"bytes\":%llu}", count.files, count.skipped,
        (unsigned long long)count.bytes);
}

static void end_rows(struct adhoc *adhoc)
{
    /* Nobody reads on: main() says so where that is a failure. */
    if (adhoc->reader_gone)
        error_clear(&adhoc->err);
    if (adhoc->err.code || adhoc->reader_gone)
        rows_abandon(adhoc->rows);
    else
        rows_end(adhoc->rows);
}

static int write_rows(struct adhoc *adhoc, const char *sql)
{
    struct adhoc_output output;
    struct rows_options rows = {.format = (enum rows_format)adhoc->format};

    if (adhoc_output_begin(&output, adhoc->options->output, &adhoc->err))
        return -1;
    rows.out = output.stream;
    rows.members = count_json(adhoc);
    rows.width = output.is_file ? 0 : print_terminal_width(1);
    rows.color = !output.is_file && adhoc->cli->color;
    adhoc->rows = rows_new(&rows);
    adhoc->request = (struct sql_request){.verb = SQL_QUERY,
        .query = {.sql = sql, .limit = adhoc->options->limit, .on_rows = on_rows}};
    ask(adhoc);
    end_rows(adhoc);
    return adhoc_output_end(&output, adhoc->err.code ? -1 : 0, &adhoc->err);
}

/* --- files of the SQL engine's --- */

static int derive(struct adhoc *adhoc, const char *dataset, const char *sql)
{
    adhoc->request =
        (struct sql_request){.verb = SQL_DERIVE, .derive = {.dataset = dataset, .sql = sql}};
    return ask(adhoc);
}

static int write_file(struct adhoc *adhoc, const char *sql)
{
    struct arena *arena = &adhoc->cli->arena;
    const int64_t limit = adhoc->options->limit;
    const char *path;

    if (!adhoc->options->output && isatty(1))
        return error_set(&adhoc->err, ERROR_INVALID,
            "--format %s is not for a terminal: write it to a file with --output",
            adhoc_format_names[adhoc->format]);
    if (!adhoc->scratch.path) {
        adhoc->err = adhoc->scratch_err;
        return error_prefix(&adhoc->err, "the file has to be made somewhere");
    }
    path = arena_printf(arena, "%s/answer", adhoc->scratch.path);
    if (derive(adhoc, answer_name, sql) ||
        (limit > 0 &&
            derive(adhoc, limited_name,
                arena_printf(arena, "select * from %s limit %lld", answer_name, (long long)limit))))
        return -1;
    adhoc->request = (struct sql_request){.verb = SQL_EXPORT,
        .export = {.dataset = limit > 0 ? limited_name : answer_name,
            .path = path,
            .format = adhoc->format == ADHOC_ARROW ? FORMAT_ARROW : FORMAT_PARQUET}};
    if (ask(adhoc))
        return -1;
    return adhoc_output_file(path, adhoc->options->output, &adhoc->err);
}

/* --- the whole --- */

/* What is said, else by the name of the file. */
static enum adhoc_format choose_format(const struct cli *cli, const struct adhoc_options *options)
{
    const char *dot = options->output ? strrchr(options->output, '.') : NULL;

    if (options->format != ADHOC_TABLE)
        return (enum adhoc_format)options->format;
    for (int i = 0; dot && adhoc_format_names[i]; i++) {
        if (strcmp(dot + 1, adhoc_format_names[i]) == 0)
            return (enum adhoc_format)i;
    }
    return cli->globals.json ? ADHOC_JSON : ADHOC_TABLE;
}

static void print_files(const struct adhoc *adhoc)
{
    struct adhoc_count count;
    char size[TIME_TEXT_SIZE];

    adhoc_tables_count(&adhoc->tables, &count);
    if (adhoc->cli->globals.quiet || adhoc->tables.read_count == 0)
        return;
    fprintf(stderr, "read %zu of %zu files (%zu skipped), %s\n", count.files,
        count.files + count.skipped, count.skipped, size_format(count.bytes, size));
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

static int read_tables(struct adhoc *adhoc, const char *sql, const char *table)
{
    struct error *err = &adhoc->err;

    adhoc->tables = (struct adhoc_tables){
        .cli = adhoc->cli, .at = adhoc->options->at, .folder = adhoc->scratch.path};
    if (adhoc_tables_find(&adhoc->tables, adhoc->type, sql, table, err))
        return -1;
    if (adhoc_tables_read(&adhoc->tables, err))
        return adhoc->scratch.path || err->code != ERROR_IO
                   ? -1
                   : error_prefix(err, "%s", adhoc->scratch_err.message);
    loop_on_stop(&adhoc->cli->loop, note_stop, adhoc); /* again: reading took it */
    return 0;
}

int adhoc_run(
    struct cli *cli, const struct adhoc_options *options, const char *sql, const char *table)
{
    struct adhoc adhoc = {.cli = cli, .options = options, .format = choose_format(cli, options)};
    const bool is_binary = adhoc.format == ADHOC_PARQUET || adhoc.format == ADHOC_ARROW;

    work_lane_init(&adhoc.lane, cli->engine->pool, "query", 1);
    loop_on_stop(&cli->loop, note_stop, &adhoc);
    make_folder(&adhoc);
    if (engine_sql(cli->engine, &adhoc.type, &adhoc.err) == 0 &&
        read_tables(&adhoc, sql, table) == 0 && open_session(&adhoc) == 0 &&
        (is_binary ? write_file : write_rows)(&adhoc, sql) == 0 && !adhoc.reader_gone)
        print_files(&adhoc);
    end(&adhoc);
    return adhoc.err.code ? cli_fail(cli, &adhoc.err) : EXIT_OK;
}
