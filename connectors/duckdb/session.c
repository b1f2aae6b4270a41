#include "connectors/duckdb/session.h"

#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/stream.h"
#include "connectors/duckdb/transforms.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAG_MS = 20 };

/* --- settings ------------------------------------------------------------------------------------
 */

static int set_option(duckdb_config config, const char *name, const char *value, struct error *err)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return 0;
    return error_set(err, ERROR_INTERNAL, "the SQL engine refuses %s = %s", name, value);
}

static int set_bytes(duckdb_config config, const char *name, uint64_t bytes, struct error *err)
{
    char text[32];

    snprintf(text, sizeof(text), "%lluKiB", (unsigned long long)MAX(bytes / 1024, 1));
    return set_option(config, name, text, err);
}

static int set_spill(const struct session *session, duckdb_config config, struct error *err)
{
    char *spill = mem_printf("%s/spill", session->folder);
    int rc = 0;

    if (mkdir(spill, 0700) && errno != EEXIST)
        rc = error_set_errno(err, errno, "%s", spill);
    else
        rc = set_option(config, "temp_directory", spill, err);
    free(spill);
    return rc;
}

static int configure(struct session *session, const struct sql_session_options *options,
    duckdb_config config, struct error *err)
{
    static const char *const fixed[][2] = {
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"preserve_insertion_order", "true"}, /* rows stay in the order of the files */
        /* What a statement frees goes back to the system early: 100 MiB less at the peak of the
         * next one, for 4 % more CPU (3 M rows sorted, 2 threads). */
        {"allocator_flush_threshold", "8MiB"},
        {"allocator_bulk_deallocation_flush_threshold", "8MiB"},
    };
    char threads[16];

    snprintf(threads, sizeof(threads), "%u", session->threads);
    for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++) {
        if (set_option(config, fixed[i][0], fixed[i][1], err))
            return -1;
    }
    if (set_option(config, "threads", threads, err) ||
        set_bytes(config, "memory_limit", options->memory, err))
        return -1;
    if (session->folder)
        return set_spill(session, config, err);
    return set_option(config, "temp_directory", "", err);
}

static int open_database(
    struct session *session, const struct sql_session_options *options, struct error *err)
{
    duckdb_config config;
    char *why = NULL;
    int rc;

    duckdb_create_config(&config);
    rc = configure(session, options, config, err);
    if (!rc && duckdb_open_ext(NULL, &session->database, config, &why) != DuckDBSuccess)
        rc = error_set(
            err, ERROR_INTERNAL, "the SQL engine cannot be opened: %s", why ? why : "no reason");
    duckdb_free(why);
    duckdb_destroy_config(&config);
    return rc;
}

/* --- connections ---------------------------------------------------------------------------------
 */

/* Settings of a connection are made now: once the session is locked nobody can. */
static int connect_one(struct session *session, duckdb_connection *connection, struct error *err)
{
    if (duckdb_connect(session->database, connection) != DuckDBSuccess)
        return error_set(err, ERROR_INTERNAL, "the SQL engine gives no connection");
    return statement_run(*connection,
        "SET TimeZone = 'UTC'; SET enable_progress_bar = true;"
        "SET enable_progress_bar_print = false; SET streaming_buffer_size = '4MiB'",
        err);
}

static int connect_all(struct session *session, struct error *err)
{
    session->slot_count = MAX(session->lane->limit, 1);
    session->slots = mem_calloc(session->slot_count, sizeof(*session->slots));
    for (unsigned i = 0; i < session->slot_count; i++) {
        struct slot *slot = &session->slots[i];

        if (connect_one(session, &slot->main, err))
            return -1;
        for (unsigned w = 0; w < SESSION_WRITERS; w++) {
            snprintf(slot->functions[w], sizeof(slot->functions[w]), "sluice_part_%u_%u", i, w);
            if (connect_one(session, &slot->writers[w], err) ||
                stream_register(slot->writers[w], slot->functions[w], &slot->parts[w], err))
                return -1;
        }
    }
    return transforms_register(session->slots[0].main, err);
}

/* --- the lock ------------------------------------------------------------------------------------
 */

/* As it is, and as views name it: the lock compares texts before patterns are resolved. */
static void append_list(struct buffer *sql, const struct text_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        buffer_puts(sql, sql->data[sql->length - 1] == '[' ? "" : ", ");
        text_append_sql_literal(sql, paths->items[i]);
        if (strpbrk(paths->items[i], "*?[")) {
            buffer_puts(sql, ", ");
            schema_append_path(sql, paths->items[i]);
        }
    }
}

static void append_paths(struct buffer *sql, const struct sql_session_options *options)
{
    buffer_puts(sql, "SET allowed_paths = [");
    append_list(sql, &options->readable);
    for (size_t d = 0; options->views_over && d < options->dataset_count; d++) {
        const struct sql_dataset *dataset = &options->datasets[d];

        append_list(sql, &dataset->files);
        for (size_t p = 0; p < dataset->part_count; p++)
            append_list(sql, &dataset->parts[p].files);
    }
    buffer_puts(sql, "];");
}

/* From here on the session's SQL reaches these files and no others, and cannot change that. */
static int lock(
    struct session *session, const struct sql_session_options *options, struct error *err)
{
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    append_paths(&sql, options);
    if (session->folder) {
        char *folder = mem_printf("%s/", session->folder);

        buffer_puts(&sql, "SET allowed_directories = [");
        text_append_sql_literal(&sql, folder);
        buffer_puts(&sql, "];");
        free(folder);
    }
    /* Only here: from the configuration that a database is opened with it is shown, not obeyed. */
    if (session->folder && options->spill)
        buffer_printf(&sql, "SET max_temp_directory_size = '%lluKiB';",
            (unsigned long long)MAX(options->spill / 1024, 1));
    buffer_puts(&sql, "SET enable_external_access = false; SET lock_configuration = true");
    rc = sql.overflowed ? error_set(err, ERROR_LIMIT, "too many files for one session")
                        : statement_run(session->slots[0].main, sql.data, err);
    buffer_deinit(&sql);
    return rc;
}

static int make_views(
    struct session *session, const struct sql_session_options *options, struct error *err)
{
    for (size_t i = 0; i < options->dataset_count; i++) {
        if (schema_make_view(session->slots[0].main, &options->datasets[i], err))
            return -1;
    }
    return 0;
}

/* --- open and close
 * -------------------------------------------------------------------------------- */

static void on_nag(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, nagging);
    bool again = false;

    for (struct operation *o = session->operations; o; o = o->next)
        again = operation_nag(o) || again;
    if (again)
        timer_start(timer, NAG_MS, 0, on_nag);
}

void session_nag(struct session *session)
{
    if (!timer_active(&session->nagging))
        timer_start(&session->nagging, NAG_MS, 0, on_nag);
}

static void on_timer_closed(struct timer *timer)
{
    struct session *session = container_of(timer, struct session, nagging);

    pthread_mutex_destroy(&session->making);
    free(session);
}

void session_close(struct sql_session *base)
{
    struct session *session = container_of(base, struct session, base);

    if (!base)
        return;
    for (unsigned i = 0; i < session->slot_count; i++) {
        duckdb_disconnect(&session->slots[i].main);
        for (unsigned w = 0; w < SESSION_WRITERS; w++)
            duckdb_disconnect(&session->slots[i].writers[w]);
    }
    duckdb_close(&session->database);
    free(session->slots);
    free(session->folder);
    timer_close(&session->nagging, on_timer_closed);
}

/* The real path: the lock compares paths after links are resolved. */
static int resolve_folder(struct session *session, const char *folder, struct error *err)
{
    if (!folder)
        return 0;
    session->folder = realpath(folder, NULL);
    return session->folder ? 0 : error_set_errno(err, errno, "%s", folder);
}

struct sql_session *session_open(const struct sql_session_options *options, struct error *err)
{
    struct session *session = mem_new(struct session);

    session->loop = options->loop;
    session->lane = options->lane;
    session->threads = MAX(options->threads, 1);
    pthread_mutex_init(&session->making, NULL);
    timer_init(&session->nagging, options->loop);
    if (resolve_folder(session, options->folder, err) || open_database(session, options, err) ||
        connect_all(session, err) || make_views(session, options, err) ||
        lock(session, options, err)) {
        session_close(&session->base);
        return NULL;
    }
    return &session->base;
}
