#include "runner/cli/adhoc.h"

#include "runner/base/mem.h"
#include "runner/cli/adhoc_output.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/cli/print.h"
#include "runner/cli/query_session.h"

#include <string.h>
#include <unistd.h>

const char *const adhoc_format_names[] = {
    "table", "csv", "ndjson", "json", "parquet", "arrow", NULL};

static const char answer_name[] = "sluice_answer", limited_name[] = "sluice_answer_limited";

struct adhoc {
    const struct adhoc_options *options;
    enum adhoc_format format;
    struct query_session query;
    struct adhoc_tables tables;
    struct rows_writer *rows;
    bool reader_gone;
};

/* --- rows as they come --- */

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct adhoc *adhoc = container_of(request, struct adhoc, query.request);

    if (adhoc->reader_gone || rows_write(adhoc->rows, schema, cells, row_count))
        return;
    adhoc->reader_gone = true;
    adhoc->query.type->cancel(request);
}

/* What --json says of the files, behind the rows. */
static const char *count_json(const struct adhoc *adhoc)
{
    struct adhoc_count count;

    adhoc_tables_count(&adhoc->tables, &count);
    return arena_printf(&adhoc->query.cli->arena,
        "\"read\":{\"files\":%zu,\"skipped\":%zu,\"bytes\":%llu}", count.files, count.skipped,
        (unsigned long long)count.bytes);
}

static void end_rows(struct adhoc *adhoc)
{
    /* Nobody reads on: main() says so where that is a failure. */
    if (adhoc->reader_gone)
        error_clear(&adhoc->query.err);
    if (adhoc->query.err.code || adhoc->reader_gone)
        rows_abandon(adhoc->rows);
    else
        rows_end(adhoc->rows);
}

static int write_rows(struct adhoc *adhoc, const char *sql)
{
    struct adhoc_output output;
    struct rows_options rows = {.format = (enum rows_format)adhoc->format};

    if (adhoc_output_begin(&output, adhoc->options->output, &adhoc->query.err))
        return -1;
    rows.out = output.stream;
    rows.members = count_json(adhoc);
    rows.width = output.is_file ? 0 : print_terminal_width(1);
    rows.color = !output.is_file && adhoc->query.cli->color;
    adhoc->rows = rows_new(&rows);
    adhoc->query.request = (struct sql_request){.verb = SQL_QUERY,
        .query = {.sql = sql, .limit = adhoc->options->limit, .on_rows = on_rows}};
    query_session_ask(&adhoc->query);
    end_rows(adhoc);
    return adhoc_output_end(&output, adhoc->query.err.code ? -1 : 0, &adhoc->query.err);
}

/* --- files of the SQL engine's --- */

static int derive(struct adhoc *adhoc, const char *dataset, const char *sql)
{
    adhoc->query.request =
        (struct sql_request){.verb = SQL_DERIVE, .derive = {.dataset = dataset, .sql = sql}};
    return query_session_ask(&adhoc->query);
}

static int write_file(struct adhoc *adhoc, const char *sql)
{
    struct arena *arena = &adhoc->query.cli->arena;
    const int64_t limit = adhoc->options->limit;
    const char *path;

    if (!adhoc->options->output && isatty(1))
        return error_set(&adhoc->query.err, ERROR_INVALID,
            "--format %s is not for a terminal: write it to a file with --output",
            adhoc_format_names[adhoc->format]);
    if (!adhoc->query.scratch.path) {
        adhoc->query.err = adhoc->query.scratch_err;
        return error_prefix(&adhoc->query.err, "the file has to be made somewhere");
    }
    path = arena_printf(arena, "%s/answer", adhoc->query.scratch.path);
    if (derive(adhoc, answer_name, sql) ||
        (limit > 0 &&
            derive(adhoc, limited_name,
                arena_printf(arena, "select * from %s limit %lld", answer_name, (long long)limit))))
        return -1;
    adhoc->query.request = (struct sql_request){.verb = SQL_EXPORT,
        .export = {.dataset = limit > 0 ? limited_name : answer_name,
            .path = path,
            .format = adhoc->format == ADHOC_ARROW ? FORMAT_ARROW : FORMAT_PARQUET}};
    if (query_session_ask(&adhoc->query))
        return -1;
    return adhoc_output_file(path, adhoc->options->output, &adhoc->query.err);
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
    if (adhoc->query.cli->globals.quiet || adhoc->tables.read_count == 0)
        return;
    fprintf(stderr, "read %zu of %zu files (%zu skipped), %s\n", count.files,
        count.files + count.skipped, count.skipped, size_format(count.bytes, size));
}

static int read_tables(struct adhoc *adhoc, const char *sql, const char *table)
{
    struct error *err = &adhoc->query.err;

    return adhoc_tables_find(&adhoc->tables, adhoc->query.type, sql, table, err) ||
                   adhoc_tables_read(&adhoc->tables, err)
               ? -1
               : 0;
}

static int read_files(struct adhoc *adhoc, const struct adhoc_source *source, const char **ret_sql)
{
    struct query_session *query = &adhoc->query;
    struct error *err = &query->err;

    adhoc->tables = (struct adhoc_tables){.cli = query->cli,
        .at = adhoc->options->at,
        .folder = query->scratch.path,
        .condition_at = source->condition_at};
    *ret_sql = source->sql;
    if (source->dataset) {
        adhoc->tables.datasets = (struct sql_dataset *)source->dataset;
        adhoc->tables.dataset_count = 1;
        return 0;
    }
    if (source->delta ? adhoc_delta_read(&adhoc->tables, source->delta, ret_sql, err)
                      : read_tables(adhoc, source->sql, source->table))
        return query->scratch.path || err->code != ERROR_IO
                   ? -1
                   : error_prefix(err, "%s", query->scratch_err.message);
    query_session_note_stop(query); /* again: reading took it */
    return 0;
}

static int run(struct adhoc *adhoc, const struct adhoc_source *source)
{
    const bool is_binary = adhoc->format == ADHOC_PARQUET || adhoc->format == ADHOC_ARROW;
    const char *sql;

    if (query_session_begin(&adhoc->query) || read_files(adhoc, source, &sql) ||
        query_session_open(&adhoc->query, (struct sql_session_options){.views_over = true,
                                              .datasets = adhoc->tables.datasets,
                                              .dataset_count = adhoc->tables.dataset_count}))
        return -1;
    return is_binary ? write_file(adhoc, sql) : write_rows(adhoc, sql);
}

int adhoc_run(
    struct cli *cli, const struct adhoc_options *options, const struct adhoc_source *source)
{
    struct adhoc adhoc = {.options = options,
        .format = choose_format(cli, options),
        .query = {.cli = cli, .memory = options->memory}};

    if (run(&adhoc, source) == 0 && !adhoc.reader_gone)
        print_files(&adhoc);
    query_session_end(&adhoc.query);
    return adhoc.query.err.code ? cli_fail(cli, &adhoc.query.err) : EXIT_OK;
}
