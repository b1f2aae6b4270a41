/* Where a table's data files are in the store. */
#include "runner/engine/partition.h"

#include "runner/base/buffer.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>

enum { VALUE_MAX = 120 };

static const char null_value[] = "__HIVE_DEFAULT_PARTITION__";

/* Percent-encodes what is no letter, digit or one of "-_.": safe in every store and file system. A
 * long value is cut and gets a hash, so that different ones stay different. */
static void append_encoded(struct buffer *key, const char *value)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    const size_t start = key->length;

    for (const char *at = value; *at && key->length - start < VALUE_MAX; at++) {
        const bool safe = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                          (*at >= '0' && *at <= '9') || strchr("-_.", *at);

        if (safe)
            buffer_putc(key, *at);
        else
            buffer_printf(key, "%%%02X", (unsigned char)*at);
    }
    if (key->length - start < VALUE_MAX)
        return;
    SHA1((const unsigned char *)value, strlen(value), digest);
    buffer_putc(key, '~');
    for (size_t i = 0; i < 8; i++)
        buffer_printf(key, "%02x", digest[i]);
}

char *partition_path(const struct catalog_locator *table, const struct partition_field *fields,
    size_t count, const char *const *values)
{
    struct buffer key;

    buffer_init(&key, 0);
    buffer_printf(&key, "%s/%s/%" PRId64, table->namespace, table->table, table->version);
    for (size_t i = 0; i < count; i++) {
        const struct partition_field *field = &fields[i];

        buffer_putc(&key, '/');
        append_encoded(&key, field->column);
        if (field->transform != PARTITION_IDENTITY)
            buffer_printf(&key, "_%s", partition_transform_names[field->transform]);
        buffer_putc(&key, '=');
        if (!values[i])
            buffer_puts(&key, null_value);
        else if (strcmp(values[i], null_value) == 0)
            buffer_printf(&key, "%%5F%s", null_value + 1); /* a text, and no null */
        else
            append_encoded(&key, values[i]);
    }
    return buffer_steal(&key);
}

char *partition_folder(const struct load *load, int64_t version, const char *const *values)
{
    const struct catalog_locator table = {
        .namespace = load->into_namespace, .table = load->into_table, .version = version};

    return partition_path(&table, load->partitions, load->partition_count, values);
}

int partition_parse(const char *const *texts, size_t count, struct arena *arena,
    struct partition_field **ret_fields, struct error *err)
{
    struct partition_field *fields = arena_array(arena, count, sizeof(*fields));

    for (size_t i = 0; i < count; i++) {
        if (pipeline_parse_partition(texts[i], arena, &fields[i], err))
            return error_prefix(err, "partition_by \"%s\"", texts[i]);
    }
    *ret_fields = fields;
    return 0;
}

struct sql_partition *partition_sql(
    const struct partition_field *fields, size_t count, struct arena *arena)
{
    struct sql_partition *partitions = arena_array(arena, count, sizeof(*partitions));

    for (size_t i = 0; i < count; i++)
        partitions[i] =
            (struct sql_partition){.transform = (enum sql_partition_transform)fields[i].transform,
                .column = fields[i].column,
                .width = fields[i].width};
    return partitions;
}
