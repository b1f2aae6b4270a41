/* What a run is measured against: a bare program on libduckdb without a pipeline, a catalog or a
 * loop. It checks the gzip to its end and then does one COPY: typed, one column added, Parquet zstd
 * partitioned by day.
 *
 *     bare make PARQUET OUT.csv COPIES      the input: gzip it afterwards
 *     bare run IN.csv.gz OUT_FOLDER */
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { BLOCK_BYTES = 256 * 1024 };

static int check_gzip(const char *path)
{
    gzFile file = gzopen(path, "rb");
    char *block = malloc(BLOCK_BYTES);
    int length = -1, error = Z_ERRNO;

    if (file && block) {
        gzbuffer(file, BLOCK_BYTES);
        while ((length = gzread(file, block, BLOCK_BYTES)) > 0)
            continue;
        gzerror(file, &error);
    }
    free(block);
    if (!file || gzclose(file) != Z_OK || length < 0 || error != Z_OK) {
        fprintf(stderr, "%s: damaged gzip\n", path);
        return -1;
    }
    return 0;
}

static int query(duckdb_connection connection, const char *sql)
{
    duckdb_result result;
    const bool failed = duckdb_query(connection, sql, &result) == DuckDBError;

    if (failed)
        fprintf(stderr, "%s\n", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return failed ? -1 : 0;
}

static void write_make(char *sql, size_t size, char **arguments)
{
    snprintf(sql, size,
        "COPY (SELECT f.* FROM range(%s) r, read_parquet('%s') f) TO '%s' (FORMAT csv, HEADER)",
        arguments[2], arguments[0], arguments[1]);
}

static void write_run(char *sql, size_t size, char **arguments)
{
    snprintf(sql, size,
        "COPY (SELECT *, delay > 15 AS is_late, date::date AS day FROM read_csv('%s', header=true, "
        "columns={'date': 'TIMESTAMP', 'delay': 'BIGINT', 'distance': 'BIGINT', "
        "'origin': 'VARCHAR', 'destination': 'VARCHAR'})) "
        "TO '%s' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))",
        arguments[0], arguments[1]);
}

int main(int argc, char **argv)
{
    const bool make = argc == 5 && strcmp(argv[1], "make") == 0;
    const bool run = argc == 4 && strcmp(argv[1], "run") == 0;
    duckdb_config config;
    duckdb_database database;
    duckdb_connection connection;
    char sql[8192];
    int failed;

    if (!make && !run) {
        fputs("usage: bare make PARQUET OUT.csv COPIES | bare run IN.csv.gz OUT_FOLDER\n", stderr);
        return 2;
    }
    if (run && check_gzip(argv[2]))
        return 1;
    (make ? write_make : write_run)(sql, sizeof(sql), argv + 2);
    duckdb_create_config(&config);
    duckdb_set_config(config, "memory_limit", "400MB");
    duckdb_set_config(config, "threads", "2");
    if (duckdb_open_ext(NULL, &database, config, NULL) || duckdb_connect(database, &connection))
        return 1;
    failed = query(connection, sql);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    duckdb_destroy_config(&config);
    return failed ? 1 : 0;
}
