#include "connectors/duckdb/values.h"

#include "runner/base/murmur.h"

#include <math.h>
#include <string.h>

enum { US_PER_S = 1000000, US_PER_MS = 1000 };

static enum value_kind kind_of(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_SQLNULL:
        return VALUE_NULL;
    case DUCKDB_TYPE_BOOLEAN:
        return VALUE_BOOLEAN;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
        return VALUE_INTEGER;
    case DUCKDB_TYPE_UBIGINT:
        return VALUE_UBIGINT;
    case DUCKDB_TYPE_DECIMAL:
        return VALUE_DECIMAL;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        return VALUE_FLOATING;
    case DUCKDB_TYPE_VARCHAR:
        return VALUE_TEXT;
    case DUCKDB_TYPE_BLOB:
        return VALUE_BYTES;
    case DUCKDB_TYPE_UUID:
        return VALUE_UUID;
    case DUCKDB_TYPE_DATE:
        return VALUE_DATE;
    case DUCKDB_TYPE_TIME:
        return VALUE_TIME;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return VALUE_TIMESTAMP;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return VALUE_TIMESTAMP_NS;
    default:
        return VALUE_OTHER;
    }
}

void values_open(struct values *values, duckdb_vector vector)
{
    duckdb_logical_type type = duckdb_vector_get_column_type(vector);

    *values = (struct values){.type = duckdb_get_type_id(type),
        .data = duckdb_vector_get_data(vector),
        .validity = duckdb_vector_get_validity(vector)};
    values->kind = kind_of(values->type);
    values->storage = values->type;
    if (values->kind == VALUE_DECIMAL) {
        values->storage = duckdb_decimal_internal_type(type);
        values->scale = duckdb_decimal_scale(type);
    }
    duckdb_destroy_logical_type(&type);
}

bool values_is_null(const struct values *values, idx_t row)
{
    return values->kind == VALUE_NULL ||
           (values->validity && !duckdb_validity_row_is_valid(values->validity, row));
}

__int128 values_number(const struct values *values, idx_t row)
{
    const void *data = values->data;

    switch (values->storage) {
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        return ((const int32_t *)data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    case DUCKDB_TYPE_UBIGINT:
        return ((const uint64_t *)data)[row];
    case DUCKDB_TYPE_HUGEINT: {
        const duckdb_hugeint huge = ((const duckdb_hugeint *)data)[row];

        return (__int128)((unsigned __int128)(uint64_t)huge.upper << 64 | huge.lower);
    }
    case DUCKDB_TYPE_TIMESTAMP_S:
        return (__int128)((const int64_t *)data)[row] * US_PER_S;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return (__int128)((const int64_t *)data)[row] * US_PER_MS;
    default:
        return ((const int64_t *)data)[row];
    }
}

const char *values_bytes(const struct values *values, idx_t row, size_t *ret_length)
{
    duckdb_string_t *string = (duckdb_string_t *)values->data + row;

    *ret_length = duckdb_string_t_length(*string);
    return duckdb_string_t_data(string);
}

static double floating(const struct values *values, idx_t row)
{
    const double value = values->storage == DUCKDB_TYPE_FLOAT
                             ? (double)((const float *)values->data)[row]
                             : ((const double *)values->data)[row];

    if (isnan(value))
        return (double)NAN;
    return value == 0 ? 0.0 : value; /* both zeros are one */
}

size_t values_minimal(__int128 number, uint8_t bytes[VALUE_BYTES_MAX])
{
    size_t length = VALUE_BYTES_MAX;

    if (number == (int64_t)number) /* nearly all: without going through the bytes */
        length = 8 - (size_t)__builtin_clrsbll((int64_t)number) / 8;
    while (length > 1) {
        /* The highest byte is but the sign of the one below. */
        const __int128 rest = number >> (8 * (length - 1) - 1);

        if (rest != 0 && rest != -1)
            break;
        length--;
    }
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number >> 8 * (length - 1 - i));
    return length;
}

/* As in the UUID's text; DuckDB stores its first bit inverted, so that it sorts. */
static void uuid_bytes(const struct values *values, idx_t row, uint8_t bytes[VALUE_BYTES_MAX])
{
    const duckdb_hugeint huge = ((const duckdb_hugeint *)values->data)[row];
    const uint64_t upper = (uint64_t)huge.upper ^ 1ULL << 63;

    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(upper >> 8 * (7 - i));
        bytes[8 + i] = (uint8_t)(huge.lower >> 8 * (7 - i));
    }
}

/* --- hash ---------------------------------------------------------------------------------------
 */

bool values_has_hash(enum value_kind kind)
{
    return kind != VALUE_OTHER && kind != VALUE_BOOLEAN && kind != VALUE_FLOATING;
}

uint32_t values_hash(const struct values *values, idx_t row)
{
    uint8_t bytes[VALUE_BYTES_MAX];
    const char *text;
    size_t length;

    switch (values->kind) {
    case VALUE_TEXT:
    case VALUE_BYTES:
        text = values_bytes(values, row, &length);
        return murmur3(text, length);
    case VALUE_UBIGINT:
    case VALUE_DECIMAL:
        length = values_minimal(values_number(values, row), bytes);
        return murmur3(bytes, length);
    case VALUE_UUID:
        uuid_bytes(values, row, bytes);
        return murmur3(bytes, sizeof(bytes));
    default:
        return murmur3_long((int64_t)values_number(values, row));
    }
}

/* --- encoding -----------------------------------------------------------------------------------
 */

enum { HEAD_SIZE = 9 };

/* A tag and how many bytes follow. */
static void put_head(uint8_t head[HEAD_SIZE], char tag, size_t length)
{
    head[0] = (uint8_t)tag;
    for (size_t i = 1; i < HEAD_SIZE; i++)
        head[i] = (uint8_t)((uint64_t)length >> 8 * (i - 1));
}

static void encode_bytes(struct buffer *buffer, char tag, const void *bytes, size_t length)
{
    uint8_t head[HEAD_SIZE];

    put_head(head, tag, length);
    buffer_append(buffer, head, sizeof(head));
    buffer_append(buffer, bytes, length);
}

static void encode_number(struct buffer *buffer, char tag, __int128 number, unsigned scale)
{
    uint8_t text[2 + HEAD_SIZE + VALUE_BYTES_MAX];
    size_t length;

    for (; scale > 0 && number % 10 == 0; scale--)
        number /= 10;
    length = values_minimal(number, &text[2 + HEAD_SIZE]);
    text[0] = (uint8_t)tag;
    text[1] = (uint8_t)scale;
    put_head(&text[2], '#', length);
    buffer_append(buffer, text, 2 + HEAD_SIZE + length);
}

void values_encode(const struct values *values, idx_t row, struct buffer *buffer)
{
    /* They are in the files of tables, as numbers of buckets: never to be changed. */
    static const char tags[] = {[VALUE_INTEGER] = '1',
        [VALUE_UBIGINT] = '1',
        [VALUE_DECIMAL] = '1',
        [VALUE_DATE] = 'd',
        [VALUE_TIME] = 'm',
        [VALUE_TIMESTAMP] = 's',
        [VALUE_TIMESTAMP_NS] = 'N'};
    uint8_t bytes[VALUE_BYTES_MAX];
    uint64_t bits;
    double value;
    const char *text;
    size_t length;

    if (values_is_null(values, row)) {
        buffer_putc(buffer, '0');
        return;
    }
    switch (values->kind) {
    case VALUE_TEXT:
    case VALUE_BYTES:
        text = values_bytes(values, row, &length);
        encode_bytes(buffer, values->kind == VALUE_TEXT ? 't' : 'x', text, length);
        break;
    case VALUE_UUID:
        uuid_bytes(values, row, bytes);
        encode_bytes(buffer, 'u', bytes, sizeof(bytes));
        break;
    case VALUE_BOOLEAN:
        buffer_putc(buffer, ((const uint8_t *)values->data)[row] ? 'y' : 'n');
        break;
    case VALUE_FLOATING:
        value = floating(values, row);
        memcpy(&bits, &value, sizeof(bits));
        encode_number(buffer, 'f', bits, 0);
        break;
    default:
        encode_number(buffer, tags[values->kind], values_number(values, row), values->scale);
    }
}
