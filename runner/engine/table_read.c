/* The catalog is asked one question after another, each on the answer of the one before; then all
 * files are fetched. */
#include "runner/engine/table_read.h"

#include "runner/base/mem.h"
#include "runner/engine/partition.h"
#include "runner/engine/table_changes.h"
#include "runner/engine/table_fetch.h"
#include "runner/engine/table_version.h"
#include "runner/io/timer.h"

#include <assert.h>
#include <inttypes.h>

enum read_step {
    READ_STARTING,
    READ_VERSION,
    READ_SCHEMAS,
    READ_TAGS,     /* where one is named, or may hold what is expired */
    READ_POSITION, /* of a time */
    READ_FILES,    /* at the position */
    READ_BEFORE,   /* changes: at the position after which they begin */
    READ_BETWEEN,  /* changes: the deltas since */
    READ_REPLACED, /* changes: when partitions ended, one by one */
    READ_FETCHING,
    READ_DONE,
};

struct table_operation {
    struct table_read *read;
    enum read_step step;
    struct timer kick;  /* done comes from a later turn, whatever fails first */
    struct arena arena; /* of the answers; jobs fill it, one at a time */
    struct catalog *catalog;
    struct catalog_query query;
    bool waiting, cancelled; /* waiting: for the kick, an answer, or files */
    struct error err;

    struct catalog_version version;
    struct catalog_schema *schemas;
    size_t schema_count;
    int64_t position;
    struct prune *prune;
    struct table_facts facts;
    struct table_changes changes;
    bool has_changes;
    struct table_member *member; /* that is asked for */
    struct table_files files;
    struct table_fetch fetch;
};

static void read_step(struct table_operation *operation);
static void enter_step(struct table_operation *operation, enum read_step step);

/* --- what callbacks do: record, then step --- */

static void on_answered(struct catalog_query *query, const struct error *err)
{
    struct table_operation *operation = container_of(query, struct table_operation, query);

    operation->waiting = false;
    error_keep_first(&operation->err, err);
    read_step(operation);
}

static void on_fetched(struct table_fetch *fetch, const struct error *err)
{
    struct table_operation *operation = container_of(fetch, struct table_operation, fetch);

    operation->waiting = false;
    error_keep_first(&operation->err, err);
    operation->step = READ_DONE;
    read_step(operation);
}

static void on_kick_closed(struct timer *timer)
{
    struct table_operation *operation = container_of(timer, struct table_operation, kick);

    operation->waiting = false;
    read_step(operation);
}

static void on_kick(struct timer *timer)
{
    timer_close(timer, on_kick_closed);
}

/* --- questions --- */

/* With what is in `query` beside verb and table. */
static void ask(struct table_operation *operation, enum catalog_query_verb verb,
    const struct catalog_query *arguments)
{
    const struct catalog_locator *at = &operation->read->at;
    struct catalog_query *query = &operation->query;

    *query = *arguments;
    query->verb = verb;
    query->at.namespace = at->namespace;
    query->at.table = at->table;
    query->at.version = operation->version.version ? operation->version.version : at->version;
    query->arena = &operation->arena;
    query->done = on_answered;
    operation->waiting = true;
    operation->catalog->type->query(operation->catalog, query);
}

#define ASK(operation, verb, ...) ask(operation, verb, &(struct catalog_query){__VA_ARGS__})

static bool is_of(const struct catalog_delta *delta, const char *const *values, size_t value_count)
{
    bool same = value_count == delta->value_count;

    for (size_t i = 0; i < value_count && same; i++)
        same = text_equal(values[i], delta->values[i]);
    return same;
}

static bool is_wanted(const struct table_read *read, const struct catalog_delta *delta)
{
    bool wanted = !read->partitions;

    for (size_t i = 0; i < read->partition_count && !wanted; i++)
        wanted = is_of(delta, read->partitions[i].values, read->partitions[i].value_count);
    return wanted &&
           (read->at.value_count == 0 || is_of(delta, read->at.values, read->at.value_count));
}

/* Of the partition alone that was named, if one was. */
static void take_deltas(const struct table_operation *operation,
    const struct catalog_delta **ret_deltas, size_t *ret_count)
{
    struct catalog_delta *deltas = operation->query.deltas;
    size_t count = 0;

    for (size_t i = 0; i < operation->query.count; i++) {
        if (is_wanted(operation->read, &deltas[i]))
            deltas[count++] = deltas[i];
    }
    *ret_deltas = deltas;
    *ret_count = count;
}

/* --- answers --- */

static int take_version(struct table_operation *operation)
{
    const struct catalog_locator *at = &operation->read->at;

    if (operation->query.count == 0)
        return error_set(&operation->err, ERROR_NOT_FOUND,
            at->version ? "there is no table %s.%s with version %" PRId64
                        : "there is no table %s.%s",
            at->namespace, at->table, at->version);
    operation->version = operation->query.versions[0];
    return 0;
}

/* What the conditions rule out. A partitioning that cannot be read rules out nothing. */
static void init_prune(struct table_operation *operation)
{
    const struct table_read *read = operation->read;
    const struct catalog_version *version = &operation->version;
    struct partition_field *fields;
    struct error err;

    if (read->condition_count == 0)
        return;
    operation->prune =
        prune_new(read->conditions, read->condition_count, version->columns, version->column_count);
    if (partition_parse(
            version->partition_by, version->partition_count, &operation->arena, &fields, &err) == 0)
        prune_partitions(operation->prune, fields, version->partition_count);
}

/* What is expired or not there yet is refused; in a table into which nothing was ever committed
 * there is nothing to list. */
static void begin_files(struct table_operation *operation, int64_t found)
{
    const struct table_read *read = operation->read;
    const struct catalog_version *version = &operation->version;

    if (table_version_choose(version, read, found, &operation->position, &operation->err))
        return;
    init_prune(operation);
    operation->facts = (struct table_facts){.version = version,
        .schemas = operation->schemas,
        .schema_count = operation->schema_count,
        .prune = operation->prune,
        .keep_deletes = read->keep_deletes,
        .origins = read->origins};
    operation->files.arena = &operation->arena;
    enter_step(operation,
        operation->position == 0 || (read->changes && read->after_position >= operation->position)
            ? READ_FETCHING
            : READ_FILES);
}

static void take_tag(struct table_operation *operation)
{
    int64_t found;

    if (table_version_find_tag(&operation->version, operation->read, operation->query.tags,
            operation->query.count, &found, &operation->err) == 0)
        begin_files(operation, found);
}

static void take_position(struct table_operation *operation)
{
    const int64_t found = operation->query.position;

    if (table_version_check_time(&operation->version, operation->read, found, &operation->err) == 0)
        begin_files(operation, found);
}

/* All that is there when changes are read for the first time came by insert. */
static void take_files(struct table_operation *operation)
{
    const struct table_read *read = operation->read;
    const struct catalog_delta *deltas;
    size_t count;

    take_deltas(operation, &deltas, &count);
    if (read->changes && read->after_position > 0) {
        operation->changes.now = deltas;
        operation->changes.now_count = count;
        enter_step(operation, READ_BEFORE);
        return;
    }
    table_files_add(
        &operation->files, &operation->facts, deltas, count, read->changes ? "insert" : NULL);
    enter_step(operation, READ_FETCHING);
}

static void take_changes(struct table_operation *operation)
{
    struct table_changes *changes = &operation->changes;

    take_deltas(operation, &changes->between, &changes->between_count);
    changes->arena = &operation->arena;
    table_changes_init(changes);
    operation->has_changes = true;
    enter_step(operation, READ_REPLACED);
}

/* What ended later is still there. */
static void take_span(struct table_operation *operation)
{
    const struct catalog_version *version = &operation->version;
    struct table_member *member = operation->member;

    if (operation->query.count == 0) {
        error_set(&operation->err, ERROR_DATA,
            "%s.%s: the partition %s has deltas and is not there: `sluice catalog fsck` says more",
            version->namespace, version->table, member->id);
        return;
    }
    member->asked = true;
    member->since = operation->query.partitions[0].since;
    member->until = operation->query.partitions[0].until;
    if (member->until > operation->position)
        member->until = 0;
    enter_step(operation, READ_REPLACED);
}

static void ask_replaced(struct table_operation *operation)
{
    operation->member = table_changes_next(&operation->changes);
    if (operation->member)
        ASK(operation, CATALOG_GET_PARTITION, .at.partition_id = operation->member->id);
    else if (table_changes_add(
                 &operation->changes, &operation->facts, &operation->files, &operation->err) == 0)
        enter_step(operation, READ_FETCHING);
}

static void count_files(struct table_operation *operation)
{
    struct table_read *read = operation->read;

    read->ret_files = read->ret_skipped = 0;
    read->ret_bytes = 0;
    for (size_t i = 0; i < operation->files.count; i++) {
        const struct table_file *file = &operation->files.items[i];

        read->ret_files += !file->skipped;
        read->ret_skipped += file->skipped;
        read->ret_bytes += file->skipped ? 0 : file->file->bytes;
    }
}

static void start_fetching(struct table_operation *operation)
{
    count_files(operation);
    if (operation->read->count_only) {
        operation->step = READ_DONE;
        return;
    }
    operation->fetch = (struct table_fetch){.read = operation->read,
        .version = &operation->version,
        .files = &operation->files,
        .done = on_fetched};
    operation->waiting = table_fetch_start(&operation->fetch);
    if (operation->waiting)
        return;
    error_keep_first(&operation->err, &operation->fetch.err);
    operation->step = READ_DONE;
}

/* --- the end --- */

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static void copy_origins(const struct table_operation *operation)
{
    struct table_read *read = operation->read;
    struct arena *arena = read->arena;

    read->ret_origins = arena_array(arena, operation->files.count, sizeof(*read->ret_origins));
    for (size_t i = 0; i < operation->files.count; i++) {
        const struct table_file *file = &operation->files.items[i];
        struct table_origin *origin = &read->ret_origins[i];
        const char **values = arena_array(arena, file->delta->value_count, sizeof(*values));

        for (size_t v = 0; v < file->delta->value_count; v++)
            values[v] = copy_text(arena, file->delta->values[v]);
        origin->file = (struct catalog_file){.key = copy_text(arena, file->file->key),
            .rows = file->file->rows,
            .bytes = file->file->bytes};
        origin->delta = (struct catalog_delta){.id = copy_text(arena, file->delta->id),
            .values = values,
            .value_count = file->delta->value_count,
            .position = file->delta->position,
            .type = file->delta->type,
            .rewrite = file->delta->rewrite,
            .run_id = copy_text(arena, file->delta->run_id),
            .created_ms = file->delta->created_ms,
            .rows = file->delta->rows};
    }
}

static void finish(struct table_operation *operation)
{
    struct table_read *read = operation->read;
    const struct error err = operation->err;

    if (!err.code && !read->count_only) {
        table_files_dataset(
            &operation->files, &operation->facts, read->changes, read->arena, &read->ret_dataset);
        read->ret_dataset.space = read->space ? arena_strdup(read->arena, read->space) : NULL;
        read->ret_dataset.name = arena_strdup(read->arena, read->name);
        if (read->origins)
            copy_origins(operation);
    }
    if (!err.code) {
        table_version_copy(read->arena, &operation->version, &read->ret_version);
        read->ret_position = operation->position;
    }
    if (operation->has_changes)
        table_changes_deinit(&operation->changes);
    table_fetch_deinit(&operation->fetch);
    prune_free(operation->prune);
    arena_deinit(&operation->arena);
    free(operation);
    read->operation = NULL;
    read->done(read, err.code ? &err : NULL);
}

/* --- the whole flow --- */

static void enter_step(struct table_operation *operation, enum read_step step)
{
    const struct table_read *read = operation->read;

    operation->step = step;
    switch (step) {
    case READ_VERSION:
        ASK(operation, CATALOG_GET_VERSION, );
        break;
    case READ_SCHEMAS:
        ASK(operation, CATALOG_LIST_SCHEMAS, );
        break;
    case READ_TAGS:
        ASK(operation, CATALOG_LIST_TAGS, );
        break;
    case READ_POSITION:
        ASK(operation, CATALOG_FIND_POSITION, .at_ms = read->at_ms);
        break;
    case READ_FILES:
        ASK(operation, CATALOG_LIST_FILES, .at_position = operation->position);
        break;
    case READ_BEFORE:
        ASK(operation, CATALOG_LIST_FILES, .at_position = read->after_position);
        break;
    case READ_BETWEEN:
        ASK(operation, CATALOG_LIST_DELTAS, .first_position = read->after_position + 1,
            .last_position = operation->position, .with_files = true, .reverse = true);
        break;
    case READ_REPLACED:
        ask_replaced(operation);
        break;
    case READ_FETCHING:
        start_fetching(operation);
        break;
    case READ_STARTING:
    case READ_DONE:
        break;
    }
}

/* What the answer of a step says, and which one is next. */
static void take_answer(struct table_operation *operation)
{
    const struct table_read *read = operation->read;

    switch (operation->step) {
    case READ_STARTING:
        enter_step(operation, READ_VERSION);
        break;
    case READ_VERSION:
        if (take_version(operation) == 0)
            enter_step(operation, READ_SCHEMAS);
        break;
    case READ_SCHEMAS:
        operation->schemas = operation->query.schemas;
        operation->schema_count = operation->query.count;
        if (table_version_needs_tags(&operation->version, read))
            enter_step(operation, READ_TAGS);
        else if (!read->at_position && read->at_ms)
            enter_step(operation, READ_POSITION);
        else
            begin_files(operation, 0);
        break;
    case READ_TAGS:
        take_tag(operation);
        break;
    case READ_POSITION:
        take_position(operation);
        break;
    case READ_FILES:
        take_files(operation);
        break;
    case READ_BEFORE:
        take_deltas(operation, &operation->changes.before, &operation->changes.before_count);
        enter_step(operation, READ_BETWEEN);
        break;
    case READ_BETWEEN:
        take_changes(operation);
        break;
    case READ_REPLACED:
        take_span(operation);
        break;
    case READ_FETCHING:
    case READ_DONE:
        break;
    }
}

static void read_step(struct table_operation *operation)
{
    if (operation->err.code)
        operation->step = READ_DONE;
    else
        take_answer(operation);
    if (!operation->waiting && (operation->err.code || operation->step == READ_DONE))
        finish(operation);
}

void table_read_start(struct table_read *read)
{
    struct table_operation *operation = mem_new(struct table_operation);

    assert(read->done && read->arena && read->slots && !read->operation);
    operation->read = read;
    operation->waiting = true;
    arena_init(&operation->arena);
    read->operation = operation;
    engine_catalog(read->engine, &operation->catalog, &operation->err);
    timer_init(&operation->kick, read->engine->loop);
    timer_start(&operation->kick, 0, 0, on_kick);
}

/* The catalog's answers come soon; cancelling them would cancel those of others. */
void table_read_cancel(struct table_read *read)
{
    struct table_operation *operation = read->operation;

    if (!operation || operation->cancelled)
        return;
    operation->cancelled = true;
    if (operation->step == READ_FETCHING) {
        table_fetch_cancel(&operation->fetch);
        return;
    }
    error_keep_first(&operation->err,
        &(struct error){.code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
}
