#include "connectors/duckdb/transforms.h"

#include "connectors/duckdb/values.h"
#include "runner/base/mem.h"
#include "runner/base/murmur.h"
#include "runner/base/text.h"

#include <string.h>

enum { NUMBER_TEXT_SIZE = 64, TUPLE_MAX = 64 };

static const uint32_t positive = 0x7fffffff; /* Java's Integer.MAX_VALUE */

/* The widths of a chunk's rows; false, with the error said, where one is none. Null is one that is
 * not used: its row is null, too. */
static bool open_width(duckdb_function_info info, duckdb_data_chunk input, struct values *ret_width)
{
    const idx_t rows = duckdb_data_chunk_get_size(input);

    values_open(ret_width, duckdb_data_chunk_get_vector(input, 0));
    for (idx_t row = 0; row < rows; row++) {
        if (!values_is_null(ret_width, row) && values_number(ret_width, row) < 1) {
            duckdb_scalar_function_set_error(info, "the width is a number from 1 on");
            return false;
        }
    }
    return true;
}

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

/* --- bucket -------------------------------------------------------------------------------------
 */

static void bucket(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const idx_t rows = duckdb_data_chunk_get_size(input);
    int64_t *buckets = duckdb_vector_get_data(output);
    struct values width, values;

    values_open(&values, duckdb_data_chunk_get_vector(input, 1));
    if (!open_width(info, input, &width))
        return;
    if (!values_has_hash(values.kind)) {
        duckdb_scalar_function_set_error(
            info, "bucket takes no value of this type: cast it to BIGINT, DECIMAL or VARCHAR");
        return;
    }
    for (idx_t row = 0; row < rows; row++) {
        if (values_is_null(&values, row) || values_is_null(&width, row))
            set_null(output, row);
        else
            buckets[row] =
                (values_hash(&values, row) & positive) % (int64_t)values_number(&width, row);
    }
}

static void key_bucket(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const idx_t rows = duckdb_data_chunk_get_size(input),
                columns = duckdb_data_chunk_get_column_count(input) - 1;
    int64_t *buckets = duckdb_vector_get_data(output);
    struct values width, values[TUPLE_MAX];
    struct buffer tuple;

    if (columns > TUPLE_MAX) {
        duckdb_scalar_function_set_error(info, "a key has at most 64 columns");
        return;
    }
    if (!open_width(info, input, &width))
        return;
    for (idx_t c = 0; c < columns; c++) {
        values_open(&values[c], duckdb_data_chunk_get_vector(input, c + 1));
        if (values[c].kind == VALUE_OTHER) {
            duckdb_scalar_function_set_error(
                info, "a key takes no column of this type: cast it to VARCHAR");
            return;
        }
    }
    buffer_init(&tuple, 0);
    for (idx_t row = 0; row < rows; row++) {
        buffer_clear(&tuple);
        for (idx_t c = 0; c < columns; c++)
            values_encode(&values[c], row, &tuple);
        if (values_is_null(&width, row))
            set_null(output, row);
        else
            buckets[row] = (murmur3(tuple.data, tuple.length) & positive) %
                           (int64_t)values_number(&width, row);
    }
    if (tuple.overflowed)
        duckdb_scalar_function_set_error(info, "a key of more than 64 MiB");
    buffer_deinit(&tuple);
}

/* --- truncate -----------------------------------------------------------------------------------
 */

/* As DuckDB writes a number of this scale. */
static void format_number(__int128 number, unsigned scale, char text[NUMBER_TEXT_SIZE])
{
    unsigned __int128 rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    char digits[NUMBER_TEXT_SIZE];
    size_t count = 0;

    for (; rest > 0 || count <= scale; rest /= 10) {
        digits[count++] = (char)('0' + (int)(rest % 10));
        if (count == scale)
            digits[count++] = '.';
    }
    if (scale && count == scale + 1)
        digits[count++] = '0';
    if (number < 0)
        *text++ = '-';
    while (count > 0)
        *text++ = digits[--count];
    *text = '\0';
}

static void truncate_number(
    const struct values *values, idx_t row, int64_t width, duckdb_vector output)
{
    const __int128 number = values_number(values, row), rest = number % width;
    char text[NUMBER_TEXT_SIZE];

    format_number(number - (rest < 0 ? rest + width : rest), values->scale, text);
    duckdb_vector_assign_string_element(output, row, text);
}

static void truncate_text(
    const struct values *values, idx_t row, int64_t width, duckdb_vector output)
{
    size_t length, end = 0;
    const char *text = values_bytes(values, row, &length);

    for (int64_t i = 0; i < width && end < length; i++) {
        for (end++; end < length && ((unsigned char)text[end] & 0xc0) == 0x80;)
            end++;
    }
    duckdb_vector_assign_string_element_len(output, row, text, end);
}

static void truncate_values(
    duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const idx_t rows = duckdb_data_chunk_get_size(input);
    struct values width, values;

    values_open(&values, duckdb_data_chunk_get_vector(input, 1));
    if (!open_width(info, input, &width))
        return;
    if (values.kind != VALUE_TEXT && values.kind != VALUE_INTEGER && values.kind != VALUE_UBIGINT &&
        values.kind != VALUE_DECIMAL && values.kind != VALUE_NULL) {
        duckdb_scalar_function_set_error(
            info, "truncate takes integers, decimals and texts: cast the value");
        return;
    }
    for (idx_t row = 0; row < rows; row++) {
        if (values_is_null(&values, row) || values_is_null(&width, row))
            set_null(output, row);
        else if (values.kind == VALUE_TEXT)
            truncate_text(&values, row, (int64_t)values_number(&width, row), output);
        else
            truncate_number(&values, row, (int64_t)values_number(&width, row), output);
    }
}

/* --- registering --------------------------------------------------------------------------------
 */

static duckdb_state register_one(duckdb_connection connection, const char *name,
    duckdb_type returned, bool is_tuple, duckdb_scalar_function_t run)
{
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type width = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
    duckdb_logical_type result = duckdb_create_logical_type(returned);
    duckdb_state state;

    duckdb_scalar_function_set_name(function, name);
    duckdb_scalar_function_add_parameter(function, width);
    if (is_tuple)
        duckdb_scalar_function_set_varargs(function, any);
    else
        duckdb_scalar_function_add_parameter(function, any);
    duckdb_scalar_function_set_return_type(function, result);
    duckdb_scalar_function_set_special_handling(function); /* nulls come, too */
    duckdb_scalar_function_set_function(function, run);
    state = duckdb_register_scalar_function(connection, function);
    duckdb_destroy_logical_type(&result);
    duckdb_destroy_logical_type(&any);
    duckdb_destroy_logical_type(&width);
    duckdb_destroy_scalar_function(&function);
    return state;
}

int transforms_register(duckdb_connection connection, struct error *err)
{
    if (register_one(connection, "sluice_bucket", DUCKDB_TYPE_BIGINT, false, bucket) ||
        register_one(connection, "sluice_truncate", DUCKDB_TYPE_VARCHAR, false, truncate_values) ||
        register_one(connection, "sluice_key_bucket", DUCKDB_TYPE_BIGINT, true, key_bucket))
        return error_set(err, ERROR_INTERNAL, "the SQL engine refuses a scalar function");
    return 0;
}
