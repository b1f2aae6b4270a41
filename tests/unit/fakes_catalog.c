/* The catalog of the fakes: one version a table, one apply all or nothing, fences. */
#include "tests/unit/fakes_private.h"

#include "runner/base/buffer.h"

#include <assert.h>
#include <string.h>

static char *table_name(const struct catalog_locator *at)
{
    return mem_printf("%s.%s", at->namespace, at->table);
}

static struct fake_table *find_table(const struct fakes *fakes, const struct catalog_locator *at)
{
    char *name = table_name(at);
    struct fake_table *table = table_get(&fakes->tables, name);

    free(name);
    return table;
}

/* --- queries --- */

static void get_version(struct catalog_query *query)
{
    struct fake_table *table = find_table(fakes_current, &query->at);

    if (!table)
        return;
    query->versions = arena_array(query->arena, 1, sizeof(*query->versions));
    query->versions[query->count++] = (struct catalog_version){.namespace = query->at.namespace,
        .table = query->at.table,
        .version = 1,
        .lifecycle = CATALOG_ACTIVE,
        .schema_id = table->schema_id,
        .columns = table->columns,
        .column_count = table->column_count,
        .partition_by = table->partition_by,
        .partition_count = table->partition_count,
        .merge = {.key = table->key, .key_count = table->key_count},
        .last_position = table->position};
}

static void list_commits(struct catalog_query *query)
{
    const struct table *committed = &fakes_current->committed;

    query->commits = arena_array(query->arena, committed->count, sizeof(*query->commits));
    for (size_t i = committed->count; i-- > 0;) {
        const struct fake_commit *commit = committed->entries[i].value;

        if (!commit) /* a test took it out for a while */
            continue;
        if (query->verb == CATALOG_GET_COMMIT
                ? strcmp(committed->entries[i].key, query->run_id) == 0
                : strcmp(commit->pipeline, query->pipeline) == 0)
            query->commits[query->count++] =
                (struct catalog_commit){.run_id = committed->entries[i].key,
                    .pipeline = commit->pipeline,
                    .instance = "",
                    .fence = commit->fence,
                    .committed_ms = 1000,
                    .record = commit->record};
    }
}

static void list_seen(struct catalog_query *query)
{
    char *prefix = mem_printf("%s/%s/", query->load, query->extract);

    query->seen = arena_array(query->arena, FAKE_MAX, sizeof(*query->seen));
    for (size_t i = 0; i < fakes_current->seen.count && query->count < FAKE_MAX; i++) {
        const struct table_entry *entry = &fakes_current->seen.entries[i];

        if (text_starts(entry->key, prefix))
            query->seen[query->count++] = (struct catalog_seen){
                .key = entry->key + strlen(prefix), .version = entry->value, .size = 10};
    }
    free(prefix);
}

/* Only the newest: a look-up finds no file that is older. */
static void list_schemas(struct catalog_query *query)
{
    struct fake_table *table = find_table(fakes_current, &query->at);

    query->schemas = arena_array(query->arena, 1, sizeof(*query->schemas));
    query->schemas[query->count++] = (struct catalog_schema){
        .id = table->schema_id, .columns = table->columns, .column_count = table->column_count};
}

static void list_publications(struct catalog_query *query)
{
    const struct table *publications = &fakes_current->publications;

    query->publications =
        arena_array(query->arena, publications->count, sizeof(*query->publications));
    for (size_t i = 0; i < publications->count; i++) {
        char *rest = arena_strdup(query->arena, publications->entries[i].key);
        struct catalog_publication *publication = &query->publications[query->count];

        if (!publications->entries[i].value)
            continue;
        query->count++;
        publication->run_id = strsep(&rest, "|");
        publication->load = strsep(&rest, "|");
        publication->from = rest;
        publication->to = publications->entries[i].value;
    }
}

/* Of all tables: who asks looks for names. */
static void list_all_files(struct catalog_query *query)
{
    const struct table *known = &fakes_current->known_files;
    struct catalog_delta *delta = arena_new(query->arena, struct catalog_delta);
    struct catalog_file *files = arena_array(query->arena, known->count, sizeof(*files));

    for (size_t i = 0; i < known->count; i++)
        files[i].key = arena_strdup(query->arena, known->entries[i].key);
    delta->files = files;
    delta->file_count = known->count;
    query->deltas = delta;
    query->count = 1;
}

static void finish_query(struct fake_operation *operation, const struct error *err)
{
    struct catalog_query *query = operation->request;

    if (!err && query->verb == CATALOG_GET_VERSION)
        get_version(query);
    else if (!err && (query->verb == CATALOG_GET_COMMIT || query->verb == CATALOG_LIST_COMMITS))
        list_commits(query);
    else if (!err && query->verb == CATALOG_LIST_SEEN)
        list_seen(query);
    else if (!err && query->verb == CATALOG_LIST_PUBLICATIONS)
        list_publications(query);
    else if (!err && query->verb == CATALOG_LIST_SCHEMAS)
        list_schemas(query);
    else if (!err && query->verb == CATALOG_LIST_ALL_FILES)
        list_all_files(query);
    query->done(query, err);
}

static char *query_name(const struct catalog_query *query)
{
    switch (query->verb) {
    case CATALOG_GET_VERSION:
        return mem_printf("catalog.get_version %s.%s", query->at.namespace, query->at.table);
    case CATALOG_GET_COMMIT:
        return mem_printf("catalog.get_commit %s", query->run_id);
    case CATALOG_LIST_COMMITS:
        return mem_strdup("catalog.list_commits");
    case CATALOG_LIST_SEEN:
        return mem_printf("catalog.list_seen %s/%s", query->load, query->extract);
    case CATALOG_LIST_PUBLICATIONS:
        return mem_strdup("catalog.list_publications");
    case CATALOG_LIST_SCHEMAS:
        return mem_printf("catalog.list_schemas %s.%s", query->at.namespace, query->at.table);
    case CATALOG_LIST_FILES: /* what is stored is not looked at: it says that there is none */
        return mem_printf("catalog.list_files %s.%s", query->at.namespace, query->at.table);
    case CATALOG_LIST_ALL_FILES:
        return mem_printf("catalog.list_all_files %s.%s", query->at.namespace, query->at.table);
    default:
        assert(!"the engine does not ask this");
        return NULL;
    }
}

static void start_query(struct catalog *catalog, struct catalog_query *query)
{
    query->catalog = catalog;
    fake_start(query_name(query), query, finish_query);
}

/* --- changes --- */

static void free_partitions(struct fake_table *table)
{
    for (size_t i = 0; i < table->partitions.count; i++) {
        struct fake_partition *partition = table->partitions.entries[i].value;

        table_deinit(&partition->files);
        free(partition);
    }
    table_deinit(&table->partitions);
}

static void create_version(const struct catalog_change *change)
{
    char *name = table_name(&change->at);
    struct fake_table *table;

    if (!table_has(&fakes_current->tables, name)) {
        table = mem_new(struct fake_table);
        table->column_count = change->version.column_count;
        table->partition_count = change->version.partition_count;
        assert(table->column_count <= ARRAY_LENGTH(table->columns));
        assert(table->partition_count <= ARRAY_LENGTH(table->partition_by));
        for (size_t i = 0; i < table->column_count; i++) {
            table->columns[i].name = mem_strdup(change->version.columns[i].name);
            table->columns[i].type = mem_strdup(change->version.columns[i].type);
            table->columns[i].field_id = (int64_t)i + 1;
        }
        table->schema_id = 1;
        for (size_t i = 0; i < table->partition_count; i++)
            table->partition_by[i] = mem_strdup(change->version.partition_by[i]);
        table->key_count = change->version.merge ? change->version.merge->key_count : 0;
        assert(table->key_count <= ARRAY_LENGTH(table->key));
        for (size_t i = 0; i < table->key_count; i++)
            table->key[i] = mem_strdup(change->version.merge->key[i]);
        table_init(&table->partitions);
        table_put(&fakes_current->tables, name, table);
    }
    free(name);
}

/* Known columns by field id, new ones behind them. */
static void set_schema(const struct catalog_change *change)
{
    struct fake_table *table = find_table(fakes_current, &change->at);

    assert(table && change->expect_schema_id == table->schema_id);
    assert(change->schema.column_count <= ARRAY_LENGTH(table->columns));
    for (size_t i = 0; i < change->schema.column_count; i++) {
        const struct catalog_column *column = &change->schema.columns[i];
        struct catalog_column old;

        assert(column->field_id == (i < table->column_count ? (int64_t)i + 1 : 0));
        old = table->columns[i]; /* which the change may point into */
        table->columns[i] = (struct catalog_column){.name = mem_strdup(column->name),
            .type = mem_strdup(column->type),
            .field_id = (int64_t)i + 1};
        free((char *)old.name);
        free((char *)old.type);
    }
    table->column_count = change->schema.column_count;
    table->schema_id++;
}

static void set_column_type(const struct catalog_change *change)
{
    struct fake_table *table = find_table(fakes_current, &change->at);
    char *type;

    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, change->column.name) != 0)
            continue;
        assert(strcmp(table->columns[i].type, "NULL") == 0 ||
               strcmp(table->columns[i].type, change->column.type) == 0);
        type = mem_strdup(change->column.type);
        free((char *)table->columns[i].type);
        table->columns[i].type = type;
    }
}

static void stage_delta(const struct catalog_change *change)
{
    struct fake_table *table = find_table(fakes_current, &change->at);
    struct fake_partition *partition;
    struct buffer values;

    assert(table && change->at.value_count == table->partition_count);
    buffer_init(&values, 0);
    buffer_puts(&values, "");
    for (size_t i = 0; i < change->at.value_count; i++)
        buffer_printf(
            &values, "%s%s", i ? "/" : "", change->at.values[i] ? change->at.values[i] : "(null)");
    partition = table_get(&table->partitions, values.data);
    if (!partition) {
        partition = mem_new(struct fake_partition);
        table_init(&partition->files);
        table_put(&table->partitions, values.data, partition);
    }
    partition->deltas++;
    table->position++;
    for (size_t i = 0; i < change->delta.file_count; i++) {
        const char *path = change->delta.files[i].key;

        assert(!table_has(&fakes_current->known_files, path));
        assert(change->delta.files[i].schema_id >= 1 &&
               change->delta.files[i].schema_id <= table->schema_id);
        table_put(&fakes_current->known_files, path, NULL);
        table_put(&partition->files, path, NULL);
        partition->rows += change->delta.files[i].rows;
    }
    buffer_deinit(&values);
}

static void record_commit(const struct catalog_commit *said)
{
    struct fake_commit *commit = mem_new(struct fake_commit);

    commit->pipeline = mem_strdup(said->pipeline);
    commit->record = mem_strdup(said->record);
    commit->fence = said->fence;
    table_put(&fakes_current->committed, said->run_id, commit);
}

static void make_change(const struct catalog_change *change)
{
    char *key = NULL;

    switch (change->verb) {
    case CATALOG_RAISE_FENCE:
        fakes_current->catalog_fence = change->fence.fence;
        break;
    case CATALOG_CREATE_VERSION:
        create_version(change);
        break;
    case CATALOG_SET_SCHEMA:
        set_schema(change);
        break;
    case CATALOG_SET_COLUMN_TYPE:
        set_column_type(change);
        break;
    case CATALOG_STAGE_DELTA:
        stage_delta(change);
        break;
    case CATALOG_DELETE_ALL_PARTITIONS:
        free_partitions(find_table(fakes_current, &change->at));
        break;
    case CATALOG_ADD_SEEN:
        key = mem_printf("%s/%s/%s", change->seen.cursor.load, change->seen.cursor.extract,
            change->seen.seen.key);
        fake_put(&fakes_current->seen, key, change->seen.seen.version);
        break;
    case CATALOG_RECORD_COMMIT:
        record_commit(&change->commit);
        break;
    case CATALOG_ADD_PUBLICATION:
    case CATALOG_END_PUBLICATION:
        key = mem_printf("%s|%s|%s", change->publication.run_id, change->publication.load,
            change->publication.from);
        if (change->verb == CATALOG_ADD_PUBLICATION)
            fake_put(&fakes_current->publications, key, change->publication.to);
        else
            fake_forget(&fakes_current->publications, key);
        break;
    default:
        break;
    }
    free(key);
}

/* What makes the whole apply fail. */
static void judge(struct catalog_apply *apply, struct error *err)
{
    struct fakes *fakes = fakes_current;

    if (apply->pipeline && apply->fence < fakes->catalog_fence)
        error_set(err, ERROR_FENCED, "the fence %lld was raised to %lld", (long long)apply->fence,
            (long long)fakes->catalog_fence);
    for (size_t i = 0; i < apply->count; i++) {
        const struct catalog_change *change = &apply->changes[i];

        if (change->verb == CATALOG_RAISE_FENCE && change->fence.fence <= fakes->catalog_fence) {
            apply->ret_fence = fakes->catalog_fence;
            error_set(err, ERROR_FENCED, "the fence is %lld", (long long)fakes->catalog_fence);
        }
        if (change->verb == CATALOG_EXPECT) {
            const struct fake_table *table = find_table(fakes, &change->at);

            if ((table ? table->position : 0) != change->at.position)
                error_set(err, ERROR_CONFLICT, "%s.%s is at another position", change->at.namespace,
                    change->at.table);
        }
        if (change->verb == CATALOG_RECORD_COMMIT &&
            table_has(&fakes->committed, change->commit.run_id))
            error_set(err, ERROR_EXISTS, "run %s was committed before", change->commit.run_id);
    }
}

static void finish_apply(struct fake_operation *operation, const struct error *err)
{
    struct catalog_apply *apply = operation->request;
    struct error outcome = {0}, refused = {0};

    error_keep_first(&outcome, err);
    judge(apply, &refused);
    if (!err)
        error_keep_first(&outcome, &refused);
    for (size_t i = 0; fake_effective(operation, err) && !refused.code && i < apply->count; i++)
        make_change(&apply->changes[i]);
    apply->done(apply, outcome.code ? &outcome : NULL);
}

static void start_apply(struct catalog *catalog, struct catalog_apply *apply)
{
    const enum catalog_change_verb first = apply->changes[0].verb;

    apply->catalog = catalog;
    fake_start(mem_strdup(first == CATALOG_RAISE_FENCE       ? "catalog.raise_fence"
                          : first == CATALOG_END_PUBLICATION ? "catalog.end_publication"
                                                             : "catalog.commit"),
        apply, finish_apply);
}

static void cancel_catalog(struct catalog *catalog)
{
    (void)catalog;
}

static struct catalog *open_catalog(const struct catalog_options *options, struct error *err)
{
    struct catalog *catalog = mem_new(struct catalog);

    (void)options;
    (void)err;
    catalog->type = &fake_catalog_type;
    return catalog;
}

static void close_catalog(struct catalog *catalog)
{
    free(catalog);
}

const struct catalog_type fake_catalog_type = {.scheme = "sqlite",
    .open = open_catalog,
    .query = start_query,
    .apply = start_apply,
    .cancel = cancel_catalog,
    .close = close_catalog};

/* --- looking --- */

static struct fake_table *named(const struct fakes *fakes, const char *name)
{
    return table_get(&fakes->tables, name);
}

void fakes_make_table(struct fakes *fakes, const char *name)
{
    struct fake_table *table = mem_new(struct fake_table);

    table->column_count = fakes->schema_count;
    table->schema_id = 1;
    assert(table->column_count <= ARRAY_LENGTH(table->columns));
    for (size_t i = 0; i < table->column_count; i++) {
        table->columns[i].name = mem_strdup(fakes->schema[i].name);
        table->columns[i].type = mem_strdup(fakes->schema[i].type);
    }
    table_init(&table->partitions);
    table_put(&fakes->tables, name, table);
}

int64_t fakes_rows(const struct fakes *fakes, const char *name)
{
    const struct fake_table *table = named(fakes, name);
    int64_t rows = 0;

    for (size_t i = 0; table && i < table->partitions.count; i++)
        rows += ((const struct fake_partition *)table->partitions.entries[i].value)->rows;
    return rows;
}

unsigned fakes_deltas(const struct fakes *fakes, const char *name)
{
    const struct fake_table *table = named(fakes, name);
    unsigned deltas = 0;

    for (size_t i = 0; table && i < table->partitions.count; i++)
        deltas += ((const struct fake_partition *)table->partitions.entries[i].value)->deltas;
    return deltas;
}

int64_t fakes_partition_rows(const struct fakes *fakes, const char *name, const char *values)
{
    const struct fake_table *table = named(fakes, name);
    const struct fake_partition *partition = table ? table_get(&table->partitions, values) : NULL;

    return partition ? partition->rows : -1;
}

unsigned fakes_dangling(const struct fakes *fakes)
{
    unsigned count = 0;

    for (size_t i = 0; i < fakes->tables.count; i++) {
        const struct fake_table *table = fakes->tables.entries[i].value;

        for (size_t j = 0; j < table->partitions.count; j++) {
            const struct fake_partition *partition = table->partitions.entries[j].value;

            for (size_t k = 0; k < partition->files.count; k++)
                count += !table_get(&fakes->objects, partition->files.entries[k].key);
        }
    }
    return count;
}

unsigned fakes_orphans(const struct fakes *fakes)
{
    unsigned count = 0;

    for (size_t i = 0; i < fakes->objects.count; i++) {
        const struct table_entry *entry = &fakes->objects.entries[i];

        count += entry->value && text_starts(entry->key, "n/") &&
                 !table_has(&fakes->known_files, entry->key);
    }
    return count;
}

void fake_catalog_deinit(struct fakes *fakes)
{
    for (size_t i = 0; i < fakes->tables.count; i++) {
        struct fake_table *table = fakes->tables.entries[i].value;

        for (size_t j = 0; j < table->column_count; j++) {
            free((char *)table->columns[j].name);
            free((char *)table->columns[j].type);
        }
        for (size_t j = 0; j < table->partition_count; j++)
            free((char *)table->partition_by[j]);
        for (size_t j = 0; j < table->key_count; j++)
            free((char *)table->key[j]);
        free_partitions(table);
        free(table);
    }
    table_deinit(&fakes->tables);
    table_deinit(&fakes->known_files);
    for (size_t i = 0; i < fakes->committed.count; i++) {
        struct fake_commit *commit = fakes->committed.entries[i].value;

        free(commit->pipeline);
        free(commit->record);
        free(commit);
    }
    table_deinit(&fakes->committed);
}
