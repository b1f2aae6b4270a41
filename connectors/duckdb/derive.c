/* DERIVE, CHECK, OPEN and DROP: one SELECT and what it yields; tables that become views. */
#include "connectors/duckdb/bind.h"
#include "connectors/duckdb/parse.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

struct derived {
    struct sql_dataset dataset; /* in the operation's arena */
};

static void begin(struct operation *operation)
{
    operation->state = mem_new(struct derived);
}

static void end(struct operation *operation)
{
    free(operation->state);
}

/* --- DERIVE
 * ---------------------------------------------------------------------------------------- */

static int check_names(const struct sql_schema *schema, struct error *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcasecmp(schema->columns[i].name, schema->columns[k].name) == 0)
                return error_set(err, ERROR_SQL,
                    "column \"%s\" comes twice: name each one with AS, or leave one out",
                    schema->columns[i].name);
        }
    }
    return 0;
}

static int make_view(struct operation *operation, struct sql_dataset *dataset, struct error *err)
{
    const struct sql_derive *derive = &operation->request->derive;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "CREATE OR REPLACE VIEW ");
    schema_append_name(&sql, dataset);
    buffer_puts(&sql, " AS\n");
    rc = bind_paste(derive->sql, derive->params, derive->param_count, &sql, err);
    if (!rc)
        rc = statement_run(operation->slot->main, sql.data, err);
    buffer_deinit(&sql);
    dataset->rows = -1;
    return rc;
}

static int run_derive(struct operation *operation, struct error *err)
{
    const struct sql_derive *derive = &operation->request->derive;
    struct sql_dataset *dataset = &((struct derived *)operation->state)->dataset;

    if (parse_check(derive->sql, err))
        return -1;
    dataset->name = derive->dataset;
    if (statement_describe(operation->slot->main, derive->sql, derive->params, derive->param_count,
            &operation->arena, &dataset->schema, err) ||
        check_names(&dataset->schema, err))
        return -1;
    if (!derive->folder)
        return make_view(operation, dataset, err);
    if (store_select(operation, derive->sql, derive->params, derive->param_count, derive->folder,
            dataset, err))
        return -1;
    return derive->numbered
               ? schema_make_numbered(operation->slot->main, dataset, derive->numbered, err)
               : 0;
}

static void deliver_derive(struct operation *operation)
{
    struct derived *derived = operation->state;

    schema_copy_dataset(
        operation->request->arena, &derived->dataset, &operation->request->derive.ret_dataset);
}

const struct verb verb_derive = {
    .name = "derive", .begin = begin, .run = run_derive, .deliver = deliver_derive, .end = end};

/* --- CHECK
 * ----------------------------------------------------------------------------------------- */

static int read_answer(struct sql_check *check, duckdb_result *result, struct error *err)
{
    const duckdb_type type = duckdb_column_count(result) ? duckdb_column_type(result, 0) : 0;

    if (duckdb_row_count(result) != 1)
        return error_set(err, ERROR_SQL,
            "a check gives one row with a boolean or a number of offending rows; this gives %s",
            duckdb_row_count(result) ? "more" : "none");
    if (type == DUCKDB_TYPE_BOOLEAN || type == DUCKDB_TYPE_SQLNULL) {
        check->ret_passed = duckdb_value_boolean(result, 0, 0); /* null: false */
        check->ret_count = 0;
        check->ret_found =
            duckdb_column_type(result, 1) == DUCKDB_TYPE_BIGINT ? statement_int(result, 1, 0) : 0;
        return 0;
    }
    if (type == DUCKDB_TYPE_VARCHAR || type == DUCKDB_TYPE_INVALID || type == DUCKDB_TYPE_DATE)
        return error_set(err, ERROR_SQL,
            "a check gives a boolean (true: passed) or a number (0: passed) in its first column");
    check->ret_count = statement_int(result, 0, 0);
    check->ret_passed =
        !duckdb_value_is_null(result, 0, 0) && duckdb_value_double(result, 0, 0) == 0;
    return 0;
}

static int run_check(struct operation *operation, struct error *err)
{
    struct sql_check *check = &operation->request->check;
    duckdb_result result;
    int rc;

    if (parse_check(check->sql, err) ||
        statement_execute(operation->slot->main, "SELECT * FROM (", check->sql, ") LIMIT 2",
            check->params, check->param_count, false, &result, err))
        return -1;
    rc = read_answer(check, &result, err);
    duckdb_destroy_result(&result);
    return rc;
}

const struct verb verb_check = {.name = "check", .run = run_check};

/* --- OPEN
 * ------------------------------------------------------------------------------------------ */

static int run_open(struct operation *operation, struct error *err)
{
    int rc;

    pthread_mutex_lock(&operation->session->making);
    rc = schema_make_view(operation->slot->main, operation->request->open.dataset, err);
    pthread_mutex_unlock(&operation->session->making);
    return rc;
}

const struct verb verb_open = {.name = "open", .run = run_open};

/* --- DROP
 * ------------------------------------------------------------------------------------------ */

static int run_drop(struct operation *operation, struct error *err)
{
    const struct sql_dataset dataset = {.name = operation->request->drop};
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "DROP VIEW IF EXISTS ");
    schema_append_name(&sql, &dataset);
    rc = statement_run(operation->slot->main, sql.data, err);
    buffer_deinit(&sql);
    return rc;
}

const struct verb verb_drop = {.name = "drop", .run = run_drop};
