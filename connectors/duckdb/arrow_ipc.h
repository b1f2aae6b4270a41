/* Arrow record batches as an Arrow IPC stream: from the C data interface, in which the SQL engine
 * hands them over, to the bytes that other programs read. Pure; nothing of DuckDB in it.
 *
 * Source: arrow.apache.org/docs/format/CDataInterface.html, …/Columnar.html ("Serialization and
 * Interprocess Communication"), Schema.fbs, Message.fbs, and FlatBuffers' "Internals". */
#ifndef CONNECTORS_DUCKDB_ARROW_IPC_H
#define CONNECTORS_DUCKDB_ARROW_IPC_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"

#include <stdint.h>

/* As the specification of the C data interface gives them. */
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *schema);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *array);
    void *private_data;
};

/* Appends the message that a stream begins with. The schema's children are the columns. A type that
 * is not written (dictionaries, unions, views) is ERROR_NOT_SUPPORTED and names the column. */
int arrow_ipc_schema(const struct ArrowSchema *schema, struct buffer *out, struct error *err);

/* Appends a batch of rows of that schema. */
int arrow_ipc_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
    struct buffer *out, struct error *err);

/* Appends the end of the stream. */
void arrow_ipc_end(struct buffer *out);

#endif
