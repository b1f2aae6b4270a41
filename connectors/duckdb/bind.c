#include "connectors/duckdb/bind.h"

#include "connectors/duckdb/lexer.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

static const struct sql_param *find(
    const struct sql_param *params, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(params[i].name) == length && strncasecmp(params[i].name, name, length) == 0)
            return &params[i];
    }
    return NULL;
}

static void append_cast(struct buffer *buffer, const struct sql_param *param)
{
    buffer_puts(buffer, "CAST(");
    if (param->value)
        text_append_sql_literal(buffer, param->value);
    else
        buffer_puts(buffer, "NULL");
    buffer_printf(buffer, " AS %s)", param->type ? param->type : "VARCHAR");
}

/* The value in the type's own form; NULL for a type that parameters do not have. */
static duckdb_value value_of(duckdb_vector vector, duckdb_type type, const char *text)
{
    const void *data = duckdb_vector_get_data(vector);
    const uint64_t *validity = duckdb_vector_get_validity(vector);

    if (validity && !duckdb_validity_row_is_valid((uint64_t *)validity, 0))
        return duckdb_create_null_value();
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return duckdb_create_bool(*(const bool *)data);
    case DUCKDB_TYPE_INTEGER:
        return duckdb_create_int32(*(const int32_t *)data);
    case DUCKDB_TYPE_BIGINT:
        return duckdb_create_int64(*(const int64_t *)data);
    case DUCKDB_TYPE_DOUBLE:
        return duckdb_create_double(*(const double *)data);
    case DUCKDB_TYPE_DATE:
        return duckdb_create_date(*(const duckdb_date *)data);
    case DUCKDB_TYPE_TIME:
        return duckdb_create_time(*(const duckdb_time *)data);
    case DUCKDB_TYPE_TIMESTAMP:
        return duckdb_create_timestamp(*(const duckdb_timestamp *)data);
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return duckdb_create_timestamp_tz(*(const duckdb_timestamp *)data);
    case DUCKDB_TYPE_VARCHAR:
        return duckdb_create_varchar(text);
    default:
        return NULL;
    }
}

static int cast_param(duckdb_connection connection, const struct sql_param *param,
    duckdb_value *ret_value, struct error *err)
{
    duckdb_data_chunk chunk;
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT ");
    append_cast(&sql, param);
    rc = statement_query(connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return error_prefix(err, "parameter %s", param->name);
    chunk = duckdb_fetch_chunk(result);
    *ret_value = value_of(
        duckdb_data_chunk_get_vector(chunk, 0), duckdb_column_type(&result, 0), param->value);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    if (!*ret_value)
        return error_set(err, ERROR_INVALID,
            "parameter %s: type %s is not one of: boolean, "
            "integer, bigint, double, date, time, timestamp, timestamptz, varchar",
            param->name, param->type);
    return 0;
}

int bind_params(duckdb_connection connection, duckdb_prepared_statement statement,
    const struct sql_param *params, size_t param_count, struct error *err)
{
    for (idx_t i = 1; i <= duckdb_nparams(statement); i++) {
        const char *name = duckdb_parameter_name(statement, i);
        const struct sql_param *param = find(params, param_count, name, strlen(name));
        duckdb_value value = NULL;
        duckdb_state state;

        if (!param)
            error_set(err, ERROR_SQL,
                "$%s is no parameter of this pipeline: declare it under "
                "params",
                name);
        duckdb_free((void *)name);
        if (!param || cast_param(connection, param, &value, err))
            return -1;
        state = duckdb_bind_value(statement, i, value);
        duckdb_destroy_value(&value);
        if (state != DuckDBSuccess)
            return error_set(err, ERROR_SQL, "parameter %s cannot be bound", param->name);
    }
    return 0;
}

int bind_paste(const char *sql, const struct sql_param *params, size_t param_count,
    struct buffer *buffer, struct error *err)
{
    struct lexer_token token = lexer_next(sql, 0);
    size_t copied = 0;

    for (; token.kind != LEXER_END; token = lexer_next(sql, token.start + token.length)) {
        const char *name = sql + token.start + 1;
        const struct sql_param *param;

        if (token.kind != LEXER_PARAMETER)
            continue;
        param = find(params, param_count, name, token.length - 1);
        if (!param)
            return error_set(err, ERROR_SQL,
                "$%.*s is no parameter of this pipeline: declare it "
                "under params",
                (int)token.length - 1, name);
        buffer_append(buffer, sql + copied, token.start - copied);
        append_cast(buffer, param);
        copied = token.start + token.length;
    }
    buffer_puts(buffer, sql + copied);
    return 0;
}
