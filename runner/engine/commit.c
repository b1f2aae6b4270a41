/* The one commit of a run as a list of changes: tables that are new, deltas with their files,
 * cursors, files to publish, whom to tell, the run's record. Pure: the catalog applies it in one
 * transaction. */
#include "runner/base/mem.h"
#include "runner/engine/hooks.h"
#include "runner/engine/plan_source.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"
#include "runner/io/file.h"

#include <assert.h>
#include <string.h>

/* The list as it grows; it ends up in the run's arena. */
struct changes {
    struct run *run;
    struct catalog_change *items;
    size_t count, capacity;
};

static struct catalog_change *add(struct changes *changes, enum catalog_change_verb verb)
{
    changes->items =
        mem_grow(changes->items, &changes->capacity, changes->count, sizeof(*changes->items));
    changes->items[changes->count] = (struct catalog_change){.verb = verb};
    return &changes->items[changes->count++];
}

static struct catalog_locator table_of(const struct task *task)
{
    return (struct catalog_locator){.namespace = task->node->load->into_namespace,
        .table = task->node->load->into_table,
        .version = task->plan->load.table_exists ? task->plan->load.version.version : 0};
}

/* --- tables --- */

/* New columns get their field ids from the catalog: in order, as the files have them. */
static const struct catalog_column *new_columns(struct changes *changes, const struct task *task)
{
    const struct task_table *table = &task->table;
    struct catalog_column *columns =
        arena_array(&changes->run->arena, table->column_count, sizeof(*columns));

    memcpy(columns, table->columns, table->column_count * sizeof(*columns));
    for (size_t i = table->base_count; i < table->column_count; i++)
        columns[i].field_id = 0;
    return columns;
}

static void create_table(struct changes *changes, const struct task *task)
{
    static const enum catalog_change_verb verbs[] = {
        CATALOG_CREATE_NAMESPACE, CATALOG_CREATE_TABLE, CATALOG_CREATE_VERSION};
    struct arena *arena = &changes->run->arena;
    const struct load *load = task->node->load;
    const char **fields = arena_array(arena, load->partition_count, sizeof(*fields));
    struct catalog_change *change = NULL;

    for (size_t i = 0; i < load->partition_count; i++)
        fields[i] = load->partitions[i].text;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        change = add(changes, verbs[i]);
        change->at = table_of(task);
        change->if_missing = true;
    }
    change->version.columns = new_columns(changes, task);
    change->version.column_count = task->table.column_count;
    change->version.partition_by = fields;
    change->version.partition_count = load->partition_count;
    change->version.sort_by = load->sort_by.items;
    change->version.sort_count = load->sort_by.count;
    change->version.merge = &task->merged.merge;
    change->version.lifecycle = CATALOG_ACTIVE;
}

/* Whoever looked at the table fails where it is another one by now. */
static void expect_table(struct changes *changes, const struct task *task)
{
    struct catalog_change *change = add(changes, CATALOG_EXPECT);

    change->at = table_of(task);
    change->at.position = task->merged.position;
    change->expect_schema_id =
        task->plan->load.table_exists ? task->plan->load.version.schema_id : 0;
}

/* How long deletes are remembered is the newest load's to say. */
static void set_tombstones(struct changes *changes, const struct task *task)
{
    const struct catalog_merge *stored = &task->plan->load.version.merge;
    struct catalog_change *change;

    if (task->merged.merge.tombstones_ms == stored->tombstones_ms)
        return;
    change = add(changes, CATALOG_UPDATE_VERSION);
    change->at = table_of(task);
    change->version.merge = &task->merged.merge;
}

/* Columns of the table that had no type so far. */
static void set_column_types(struct changes *changes, const struct task *task)
{
    const struct task_table *table = &task->table;

    for (size_t i = 0; i < table->base_count; i++) {
        struct catalog_change *change;

        if (strcmp(table->base[i].type, "NULL") != 0 || strcmp(table->columns[i].type, "NULL") == 0)
            continue;
        change = add(changes, CATALOG_SET_COLUMN_TYPE);
        change->at = table_of(task);
        change->column =
            (struct catalog_column){.name = table->columns[i].name, .type = table->columns[i].type};
    }
}

/* --- schemas --- */

static bool is_table_load(const struct task *task)
{
    return task->node->kind == TASK_LOAD && task->state == TASK_DONE && !task->node->load->to;
}

static int compare_schemas(const void *a, const void *b)
{
    const struct task *x = *(const struct task *const *)a, *y = *(const struct task *const *)b;

    return x->table.order < y->table.order ? -1 : x->table.order > y->table.order;
}

/* One that changes nothing else counts where another load has built on its schema. */
static bool is_built_on(const struct task *const *evolving, size_t count, size_t index)
{
    for (size_t i = index + 1; i < count; i++) {
        if (text_equal(evolving[i]->node->load->into, evolving[index]->node->load->into))
            return true;
    }
    return false;
}

/* Tables that are new, then the schemas that loads of this run give tables, each on the one before:
 * ahead of all files that are written with them. */
static void add_schemas(struct changes *changes)
{
    const struct run *run = changes->run;
    const struct task **evolving = mem_calloc(run->graph->count + 1, sizeof(struct task *));
    size_t count = 0;

    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct task *task = &run->tasks[i];

        if (is_table_load(task) && task->table.creates)
            create_table(changes, task);
        if (is_table_load(task) && task->table.evolves)
            evolving[count++] = task;
    }
    mem_sort(evolving, count, sizeof(struct task *), compare_schemas);
    for (size_t i = 0; i < count; i++) {
        struct catalog_change *change;

        if (evolving[i]->keeps_table && !is_built_on(evolving, count, i))
            continue;
        change = add(changes, CATALOG_SET_SCHEMA);
        change->at = table_of(evolving[i]);
        change->expect_schema_id = evolving[i]->table.schema_id - 1;
        change->schema.columns = new_columns(changes, evolving[i]);
        change->schema.column_count = evolving[i]->table.column_count;
    }
    free(evolving);
}

/* --- deltas --- */

/* Length of "ns/table/1/day=x" in "ns/table/1/day=x/<run>-<load>-0.parquet". */
static size_t folder_length(const struct task_file *file)
{
    return (size_t)(strrchr(file->file.key, '/') - file->file.key);
}

/* By partition, then in the order in which they were written (…-2 before …-10). */
static int compare_files(const void *a, const void *b)
{
    const struct task_file *x = a, *y = b;
    const size_t x_folder = folder_length(x), y_folder = folder_length(y);
    const int order = memcmp(x->file.key, y->file.key, MIN(x_folder, y_folder));
    const size_t x_length = strlen(x->file.key), y_length = strlen(y->file.key);

    if (order || x_folder != y_folder)
        return order ? order : x_folder < y_folder ? -1 : 1;
    if (x_length != y_length)
        return x_length < y_length ? -1 : 1;
    return strcmp(x->file.key, y->file.key);
}

static bool same_partition(const struct task_file *a, const struct task_file *b)
{
    const size_t length = folder_length(a);

    return folder_length(b) == length && memcmp(a->file.key, b->file.key, length) == 0;
}

/* Rows and deletes of one commit are one delta: of one key only one of them is in it. */
static enum catalog_delta_type delta_type(
    const struct task *task, const struct task_file *files, size_t count)
{
    const enum load_mode mode = (enum load_mode)task->node->load->mode;
    bool rows = false, deletes = false;

    for (size_t i = 0; i < count; i++) {
        rows = rows || files[i].file.content == CATALOG_ROWS;
        deletes = deletes || files[i].file.content == CATALOG_DELETES;
    }
    if (!deletes &&
        (mode == MODE_APPEND || mode == MODE_OVERWRITE || mode == MODE_OVERWRITE_PARTITIONS))
        return CATALOG_APPEND;
    return rows ? CATALOG_UPSERT : CATALOG_DELETE;
}

static bool has_rows(const struct task_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].file.content == CATALOG_ROWS)
            return true;
    }
    return false;
}

/* One delta of one partition: files[0 … count - 1]. A partition that is overwritten is a new one;
 * what a moved row leaves behind is a delta of the one that is there. */
static void add_delta(
    struct changes *changes, const struct task *task, const struct task_file *files, size_t count)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA,
        CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION};
    const bool replaces =
        task->node->load->mode == MODE_OVERWRITE_PARTITIONS && has_rows(files, count);
    struct catalog_file *manifest = arena_array(&changes->run->arena, count, sizeof(*manifest));

    for (size_t i = 0; i < count; i++)
        manifest[i] = files[i].file;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        struct catalog_change *change = add(changes, verbs[i]);

        change->at = table_of(task);
        change->at.values = files[0].values;
        change->at.value_count = task->node->load->partition_count;
        change->if_missing = !replaces && (verbs[i] == CATALOG_STAGE_PARTITION ||
                                              verbs[i] == CATALOG_COMMIT_PARTITION);
        if (verbs[i] == CATALOG_STAGE_DELTA) {
            change->delta.type = delta_type(task, files, count);
            change->delta.files = manifest;
            change->delta.file_count = count;
        }
    }
}

/* Partitions that are in the scope of an overwrite and get no rows. */
static void add_emptied(struct changes *changes, const struct task *task)
{
    for (size_t i = 0; i < task->merged.emptied_count; i++) {
        struct catalog_change *change = add(changes, CATALOG_DELETE_PARTITION);

        change->at = table_of(task);
        change->at.values = task->merged.emptied[i].values;
        change->at.value_count = task->merged.emptied[i].value_count;
    }
}

static void add_table_load(struct changes *changes, struct task *task)
{
    if (task->keeps_table)
        return;
    set_column_types(changes, task);
    if (task->plan->load.table_exists)
        set_tombstones(changes, task);
    if (task->node->load->mode == MODE_OVERWRITE)
        add(changes, CATALOG_DELETE_ALL_PARTITIONS)->at = table_of(task);
    add_emptied(changes, task);
    mem_sort(task->files, task->file_count, sizeof(*task->files), compare_files);
    for (size_t i = 0, end; i < task->file_count; i = end) {
        for (end = i + 1;
             end < task->file_count && same_partition(&task->files[i], &task->files[end]);)
            end++;
        add_delta(changes, task, &task->files[i], end - i);
    }
}

static void add_publication(struct changes *changes, const struct task *task)
{
    add(changes, CATALOG_ADD_PUBLICATION)->publication =
        (struct catalog_publication){.run_id = changes->run->options.run_id,
            .load = task->node->name,
            .from = file_below(changes->run->engine->environment->spool, task->staged_path),
            .to = task->node->load->to};
}

/* --- quarantine --- */

static struct catalog_change *add_change(void *changes, enum catalog_change_verb verb)
{
    return add(changes, verb);
}

/* Of two tasks with one table the first names what is old in it. */
static bool is_named_before(const struct run *run, unsigned index, const char *table)
{
    for (unsigned i = 0; i < index; i++) {
        if (quarantine_has(run->tasks[i].node) &&
            text_equal(
                quarantine_table(run->pipeline, run->tasks[i].node, &((struct run *)run)->arena),
                table))
            return true;
    }
    return false;
}

static bool is_retried(const struct run *run, const char *table)
{
    return run->options.retry && strcmp(run->options.retry->table, table) == 0;
}

static void add_quarantine(struct changes *changes, unsigned index)
{
    struct run *run = changes->run;
    struct task *task = &run->tasks[index];
    const char *table;

    if (!quarantine_has(task->node))
        return;
    table = quarantine_table(run->pipeline, task->node, &run->arena);
    for (size_t i = 0; i < task->quarantined.old_count && !is_retried(run, table) &&
                       !is_named_before(run, index, table);
         i++) {
        struct catalog_change *change = add(changes, CATALOG_DELETE_PARTITION);

        change->at = (struct catalog_locator){.namespace = QUARANTINE_NAMESPACE,
            .table = table,
            .values = task->quarantined.old[i].values,
            .value_count = task->quarantined.old[i].value_count};
    }
    if (task->state == TASK_DONE)
        quarantine_commit(task->quarantined.table, task->quarantined.files,
            task->quarantined.file_count, &run->arena, add_change, changes);
}

/* What is tried again is no longer put aside; nobody else may have tried it since. */
static void add_retry(struct changes *changes, const struct run_retry *retry)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_EXPECT, CATALOG_DELETE_ALL_PARTITIONS};

    for (size_t i = 0; i < ARRAY_LENGTH(verbs) - !retry->all; i++) {
        struct catalog_change *change = add(changes, verbs[i]);

        change->at =
            (struct catalog_locator){.namespace = QUARANTINE_NAMESPACE, .table = retry->table};
        if (verbs[i] != CATALOG_EXPECT)
            continue;
        change->at.position = retry->position;
        change->expect_schema_id = retry->schema_id;
    }
}

/* --- cursors --- */

/* Of objects: how many there were, and what `reread: partition` is to know. */
static const char *objects_state(
    struct changes *changes, const struct task *load, const struct task *extract)
{
    const struct run *run = changes->run;
    json_t *state = json_object(), *reread = run_reread_remember(load, extract);
    const char *kept;
    char *line;

    json_put_int(state, "objects", (int64_t)extract->plan->extract.listed);
    json_put_text(state, "run_id", run->options.run_id);
    if (reread)
        json_object_set_new(state, "reread", reread);
    line = json_line(state);
    kept = arena_strdup(&changes->run->arena, line);
    json_decref(state);
    free(line);
    return kept;
}

static void add_cursor(struct changes *changes, const struct task *load, const struct task *extract)
{
    const struct run *run = changes->run;
    const struct plan_extract *plan = &extract->plan->extract;
    struct catalog_cursor cursor = {.pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .load = load->node->name,
        .extract = extract->node->name};

    cursor.state = plan->table
                       ? plan_source_cursor(plan->table, run->options.run_id, &changes->run->arena)
                   : extract->node->extract->cursor.column
                       ? cursor_write(&extract->cursor, run->options.run_id, &changes->run->arena)
                       : objects_state(changes, load, extract);

    add(changes, CATALOG_SET_CURSOR)->cursor = cursor;
    for (size_t i = 0; extract->node->extract->only_new.enabled && i < plan->object_count; i++) {
        const struct store_object *object = &plan->objects[i].object;
        struct catalog_change *change = add(changes, CATALOG_ADD_SEEN);

        change->seen.cursor = cursor;
        change->seen.seen = (struct catalog_seen){
            .key = plan_cursor_key(run->engine, plan->store, object->key, &changes->run->arena),
            .version = object->version,
            .size = object->size};
    }
    for (size_t i = 0; i < plan->gone_count; i++) { /* were it put again as it was, it is new */
        struct catalog_change *change = add(changes, CATALOG_ADD_SEEN);

        change->seen.cursor = cursor;
        change->seen.seen = (struct catalog_seen){.key = plan->gone[i], .version = ""};
    }
}

static void add_cursors(struct changes *changes, const struct task *load)
{
    for (unsigned i = 0; i < load->node->driver_count; i++) {
        const struct task *extract = &changes->run->tasks[load->node->drivers[i]];

        if (extract->node->extract->only_new.enabled || extract->node->extract->cursor.column)
            add_cursor(changes, load, extract);
    }
}

static void add_hooks(struct changes *changes)
{
    const struct run *run = changes->run;
    const struct hook_due *due;
    size_t count;

    if (!hooks_any(run->pipeline))
        return;
    due = hooks_due(run->pipeline, run->options.run_id, true, &changes->run->arena, &count);
    for (size_t i = 0; i < count; i++)
        add(changes, CATALOG_ADD_HOOK)->hook = due[i];
}

/* --- all of it --- */

void commit_build(struct run *run, struct catalog_apply *apply)
{
    struct changes changes = {.run = run};
    struct catalog_change *copy;

    for (unsigned i = 0; i < run->graph->count; i++) { /* before any change of its own */
        const struct task *task = &run->tasks[i];

        if (task->node->kind == TASK_LOAD && task->state == TASK_DONE && task->merged.expects)
            expect_table(&changes, task);
    }
    if (run->options.retry)
        add_retry(&changes, run->options.retry);
    add_schemas(&changes);
    for (unsigned i = 0; i < run->graph->count; i++) {
        struct task *task = &run->tasks[i];

        if (task->node->kind != TASK_LOAD || task->state != TASK_DONE)
            continue;
        if (task->node->load->to)
            add_publication(&changes, task);
        else
            add_table_load(&changes, task);
        add_cursors(&changes, task);
    }
    for (unsigned i = 0; i < run->graph->count; i++)
        add_quarantine(&changes, i);
    add_hooks(&changes);
    add(&changes, CATALOG_RECORD_COMMIT)->commit =
        (struct catalog_commit){.run_id = run->options.run_id,
            .pipeline = run->pipeline->name,
            .instance = run->options.instance,
            .fence = run->lease.fence,
            .committed_ms = time_now_ms(),
            .record = run->record};
    copy = arena_array(&run->arena, changes.count, sizeof(*copy));
    memcpy(copy, changes.items, changes.count * sizeof(*copy));
    free(changes.items);
    *apply = (struct catalog_apply){.changes = copy,
        .count = changes.count,
        .pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .run_id = run->options.run_id,
        .fence = run->lease.fence};
}
