#include "connectors/duckdb/stream.h"

#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"

#include <string.h>
#include <sys/stat.h>

enum { PART_BYTES = 16 * 1024 * 1024 };

struct stream_chunk {
    duckdb_data_chunk data;
    idx_t size;
    atomic_uint users;
};

static void release(struct stream_chunk *chunk)
{
    if (chunk && atomic_fetch_sub(&chunk->users, 1) == 1) {
        duckdb_destroy_data_chunk(&chunk->data);
        free(chunk);
    }
}

void stream_open(
    struct stream *stream, duckdb_result *result, size_t key_count, uint64_t file_bytes)
{
    *stream = (struct stream){.result = *result,
        .key_count = key_count,
        .file_bytes = file_bytes,
        .part_bytes = file_bytes ? MIN(file_bytes, PART_BYTES) : PART_BYTES,
        .open = true};
}

void stream_close(struct stream *stream)
{
    release(stream->chunk);
    stream->chunk = NULL;
    if (stream->open)
        duckdb_destroy_result(&stream->result);
    stream->open = false;
}

/* --- reading
 * ----------------------------------------------------------------------------------------- */

/* Makes sure that there is a row to read, unless the stream has ended. */
static int fill(struct stream *stream)
{
    while (!stream->ended && (!stream->chunk || stream->position == stream->chunk->size)) {
        duckdb_data_chunk data = duckdb_fetch_chunk(stream->result);
        const char *why;

        release(stream->chunk);
        stream->chunk = NULL;
        stream->position = 0;
        if (data) {
            stream->chunk = mem_new(struct stream_chunk);
            stream->chunk->data = data;
            stream->chunk->size = duckdb_data_chunk_get_size(data);
            atomic_init(&stream->chunk->users, 1);
            continue;
        }
        stream->ended = true;
        why = duckdb_result_error(&stream->result);
        if (why && *why)
            return statement_error(
                why, duckdb_result_error_type(&stream->result), -1, &stream->err);
    }
    return stream->err.code ? -1 : 0;
}

struct key {
    bool null;
    int64_t number;
    const char *text; /* not NUL-terminated; NULL for a number */
    size_t length;
};

static struct key key_at(const struct stream_chunk *chunk, size_t column, idx_t row)
{
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk->data, column);
    duckdb_logical_type type = duckdb_vector_get_column_type(vector);
    const bool is_text = duckdb_get_type_id(type) == DUCKDB_TYPE_VARCHAR;
    uint64_t *validity = duckdb_vector_get_validity(vector);
    void *data = duckdb_vector_get_data(vector);
    struct key key = {0};

    duckdb_destroy_logical_type(&type);
    if (validity && !duckdb_validity_row_is_valid(validity, row)) {
        key.null = true;
    } else if (is_text) {
        duckdb_string_t *string = (duckdb_string_t *)data + row;

        key.text = duckdb_string_t_data(string);
        key.length = duckdb_string_t_length(*string);
    } else {
        key.number = ((int64_t *)data)[row];
    }
    return key;
}

/* Keys are C strings from here on: in the names of partitions, and of their files. */
static int copy_keys(struct part *part, const struct stream *stream, struct error *err)
{
    part->keys = arena_array(&part->arena, stream->key_count, sizeof(*part->keys));
    for (size_t k = 0; k < stream->key_count; k++) {
        const struct key key = key_at(stream->chunk, k, stream->position);

        if (key.null)
            continue;
        if (key.text && memchr(key.text, '\0', key.length))
            return error_set(err, ERROR_DATA,
                "partition_by: a value has the character NUL in it, which no partition can be "
                "named by; leave such rows out in the SELECT, or replace it");
        part->keys[k] = key.text ? arena_strndup(&part->arena, key.text, key.length)
                                 : arena_printf(&part->arena, "%lld", (long long)key.number);
    }
    return 0;
}

static bool has_keys(const struct part *part, const struct stream *stream, idx_t row)
{
    for (size_t k = 0; k < stream->key_count; k++) {
        const struct key key = key_at(stream->chunk, k, row);
        const char *mine = part->keys[k];

        if (key.null || !mine) {
            if (!key.null || mine)
                return false;
        } else if (key.text) {
            if (strlen(mine) != key.length || memcmp(mine, key.text, key.length) != 0)
                return false;
        } else if (key.number != strtoll(mine, NULL, 10)) {
            return false;
        }
    }
    return true;
}

/* Rows are sorted by the keys: those of the part end where a search by halves says. */
static idx_t end_of_part(const struct part *part, const struct stream *stream)
{
    idx_t low = stream->position, high = stream->chunk->size; /* low has the keys */

    if (has_keys(part, stream, high - 1))
        return high;
    while (high - low > 1) {
        const idx_t middle = low + (high - low) / 2;

        if (has_keys(part, stream, middle))
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The next rows of the part from the stream; none where it ends. */
static int read_slice(struct part *part, struct stream_slice *ret_slice)
{
    struct stream *stream = part->stream;
    struct stream_slice slice = {0};

    if (fill(stream))
        return -1;
    if (!stream->ended && has_keys(part, stream, stream->position)) {
        const idx_t end = end_of_part(part, stream);

        slice = (struct stream_slice){
            .chunk = stream->chunk, .from = stream->position, .count = end - stream->position};
        atomic_fetch_add(&stream->chunk->users, 1);
        stream->position = end;
    }
    *ret_slice = slice;
    return 0;
}

/* --- parts
 * ------------------------------------------------------------------------------------------- */

/* Bytes of `count` rows in memory: a guess that is good enough to bound it. */
static size_t vector_bytes(duckdb_vector vector, idx_t from, idx_t count)
{
    duckdb_logical_type logical = duckdb_vector_get_column_type(vector);
    const duckdb_type type = duckdb_get_type_id(logical);
    duckdb_string_t *strings = duckdb_vector_get_data(vector);
    size_t bytes = count * 16;

    duckdb_destroy_logical_type(&logical);
    if (type == DUCKDB_TYPE_LIST || type == DUCKDB_TYPE_MAP)
        return bytes + duckdb_list_vector_get_size(vector) * 32;
    if (type == DUCKDB_TYPE_STRUCT || type == DUCKDB_TYPE_ARRAY)
        return bytes * 8;
    if (type != DUCKDB_TYPE_VARCHAR && type != DUCKDB_TYPE_BLOB)
        return bytes;
    for (idx_t row = from; row < from + count; row++) {
        const uint32_t length = duckdb_string_t_length(strings[row]);

        bytes += length > 12 ? MIN(length, 1U << 24) : 0; /* the rest is inline */
    }
    return bytes;
}

static size_t slice_bytes(const struct stream *stream, const struct stream_slice *slice)
{
    const idx_t columns = duckdb_data_chunk_get_column_count(slice->chunk->data);
    size_t bytes = 0;

    for (idx_t c = stream->key_count; c < columns; c++)
        bytes += vector_bytes(
            duckdb_data_chunk_get_vector(slice->chunk->data, c), slice->from, slice->count);
    return bytes;
}

int stream_take(struct stream *stream, struct part **ret_part, struct error *err)
{
    struct stream_slice slice;
    struct part *part;

    if (fill(stream)) {
        *err = stream->err;
        return -1;
    }
    if (stream->ended) {
        *ret_part = NULL;
        return 0;
    }
    part = mem_new(struct part);
    part->stream = stream;
    arena_init(&part->arena);
    if (copy_keys(part, stream, err)) {
        part_free(part);
        return -1;
    }
    while (part->bytes < stream->part_bytes && !part->whole) {
        if (read_slice(part, &slice)) {
            *err = stream->err;
            part_free(part);
            return -1;
        }
        part->whole = slice.count == 0;
        if (part->whole)
            break;
        part->slices =
            mem_grow(part->slices, &part->slice_capacity, part->slice_count, sizeof(*part->slices));
        part->slices[part->slice_count++] = slice;
        part->bytes += slice_bytes(stream, &slice);
    }
    *ret_part = part;
    return 0;
}

size_t part_row_bytes(const struct part *part)
{
    size_t rows = 0;

    for (size_t i = 0; i < part->slice_count; i++)
        rows += part->slices[i].count;
    return rows ? part->bytes / rows : 0;
}

void part_free(struct part *part)
{
    if (!part)
        return;
    for (size_t i = part->next_slice; i < part->slice_count; i++)
        release(part->slices[i].chunk);
    free(part->slices);
    arena_deinit(&part->arena);
    free(part);
}

/* --- the table function
 * ------------------------------------------------------------------------------ */

static void on_bind(duckdb_bind_info info)
{
    struct part *part = *(struct part **)duckdb_bind_get_extra_info(info);

    if (!part) {
        duckdb_bind_set_error(info, "there are no rows to write");
        return;
    }
    for (idx_t c = part->stream->key_count; c < duckdb_column_count(&part->stream->result); c++) {
        duckdb_logical_type type = duckdb_column_logical_type(&part->stream->result, c);

        duckdb_bind_add_result_column(info, duckdb_column_name(&part->stream->result, c), type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_bind_data(info, part, NULL);
}

static void on_init(duckdb_init_info info)
{
    duckdb_init_set_max_threads(info, 1);
}

/* Whether the file has reached its size; row groups are written as they fill. */
static bool is_full(const struct part *part)
{
    struct stat info;

    return part->stream->file_bytes && stat(part->path, &info) == 0 &&
           (uint64_t)info.st_size >= part->stream->file_bytes;
}

static int next_slice(struct part *part, struct stream_slice *ret_slice)
{
    if (part->next_slice < part->slice_count) {
        *ret_slice = part->slices[part->next_slice++];
        return 0;
    }
    *ret_slice = (struct stream_slice){0};
    part->cut = part->cut || (!part->whole && is_full(part));
    return part->whole || part->cut ? 0 : read_slice(part, ret_slice);
}

static void give(
    const struct part *part, const struct stream_slice *slice, duckdb_data_chunk output)
{
    const bool all = slice->from == 0 && slice->count == slice->chunk->size;
    duckdb_selection_vector selection = NULL;

    if (!all) {
        sel_t *rows;

        selection = duckdb_create_selection_vector(slice->count);
        rows = duckdb_selection_vector_get_data_ptr(selection);
        for (idx_t i = 0; i < slice->count; i++)
            rows[i] = (sel_t)(slice->from + i);
    }
    for (idx_t c = 0; c < duckdb_data_chunk_get_column_count(output); c++) {
        duckdb_vector to = duckdb_data_chunk_get_vector(output, c);

        duckdb_vector_reference_vector(
            to, duckdb_data_chunk_get_vector(slice->chunk->data, part->stream->key_count + c));
        if (selection)
            duckdb_slice_vector(to, selection, slice->count);
    }
    if (selection)
        duckdb_destroy_selection_vector(selection);
    duckdb_data_chunk_set_size(output, slice->count);
}

static void on_rows(duckdb_function_info info, duckdb_data_chunk output)
{
    struct part *part = duckdb_function_get_bind_data(info);
    struct stream_slice slice;

    if (next_slice(part, &slice)) {
        duckdb_function_set_error(info, part->stream->err.message);
        return;
    }
    if (slice.count == 0) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    give(part, &slice, output);
    part->rows += (int64_t)slice.count;
    release(slice.chunk); /* the output refers to its buffers by itself */
}

int stream_register(
    duckdb_connection connection, const char *name, struct part **part, struct error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_state state;

    duckdb_table_function_set_name(function, name);
    duckdb_table_function_set_extra_info(function, part, NULL);
    duckdb_table_function_set_bind(function, on_bind);
    duckdb_table_function_set_init(function, on_init);
    duckdb_table_function_set_function(function, on_rows);
    state = duckdb_register_table_function(connection, function);
    duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess
               ? 0
               : error_set(err, ERROR_INTERNAL, "the SQL engine refuses a table function");
}
