/* What each state of a compaction asks of connectors, and what the answers are. */
#include "runner/base/json.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/engine/compact_private.h"
#include "runner/engine/partition.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 4 };

/* --- what callbacks do: record, then step --- */

static void on_query(struct catalog_query *query, const struct error *err)
{
    struct compact *compact = container_of(query, struct compact, query);

    error_keep_first(&compact->err, err);
    compact_step(compact);
}

static void on_schemas(struct catalog_query *query, const struct error *err)
{
    struct compact *compact = container_of(query, struct compact, schemas);

    error_keep_first(&compact->err, err);
    compact_step(compact);
}

static void on_partitions(struct catalog_query *query, const struct error *err)
{
    struct compact *compact = container_of(query, struct compact, partitions);

    error_keep_first(&compact->err, err);
    compact_step(compact);
}

static void on_leased(struct lease *lease, const struct error *err)
{
    struct compact *compact = container_of(lease, struct compact, lease);

    compact->leased = !err;
    error_keep_first(&compact->err, err);
    compact_step(compact);
}

static void on_released(struct lease *lease, const struct error *err)
{
    (void)err; /* a dead holder is replaced */
    compact_step(container_of(lease, struct compact, lease));
}

static void on_recovered(struct recover *recover, const struct error *err)
{
    struct compact *compact = container_of(recover, struct compact, recover);

    error_keep_first(&compact->err, err);
    if (recover->removed_files)
        log_event(compact->engine->log, LOG_WARN, "compact.recovered", compact->context, NULL,
            "%zu files removed that a compaction left which did not end", recover->removed_files);
    recover_deinit(recover);
    compact_step(compact);
}

static void on_journal(struct state_request *request, const struct error *err)
{
    struct compact *compact = container_of(request, struct compact, journal);

    if (compact->step == COMPACT_JOURNALLING) /* what is not cleared is looked at again */
        error_keep_first(&compact->attempt_err, err);
    compact_step(compact);
}

/* What went on by reference was not rewritten, whatever the plan feared. */
static void subtract_kept(const struct compact_round *round, struct compact_result *result)
{
    struct table kept;

    table_init(&kept);
    for (size_t i = 0; i < round->file_count; i++)
        table_put(&kept, round->files[i].key, NULL);
    result->files_rewritten = 0;
    result->bytes_rewritten = 0;
    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct catalog_file *file = round->plan.files[i].file;

        if (table_has(&kept, file->key))
            continue;
        result->files_rewritten++;
        result->bytes_rewritten += file->bytes;
    }
    table_deinit(&kept);
}

static void note_result(struct compact *compact, size_t index)
{
    const struct compact_round *round = &compact->rounds[index];
    struct compact_result *result = &compact->outcomes[index];

    *result = (struct compact_result){.values = round->partition ? round->partition->values : NULL,
        .value_count = round->partition ? round->partition->value_count : 0,
        .worth_it = round->plan.worth_it,
        .files_before = round->plan.file_count,
        .files_rewritten = round->plan.worth_it ? round->plan.rewritten_files : 0,
        .bytes_rewritten = round->plan.worth_it ? round->plan.rewritten_bytes : 0,
        .files_after = round->file_count,
        .rows_after = round->rows};
    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct catalog_file *file = round->plan.files[i].file;

        result->bytes_before += file->bytes;
        result->rows_before += file->content == CATALOG_ROWS ? file->rows : 0;
    }
    for (size_t i = 0; i < round->file_count; i++)
        result->bytes_after += round->files[i].bytes;
    if (round->file_count > 0)
        subtract_kept(round, result);
}

static void on_round(struct compact_round *round, const struct error *err)
{
    struct compact *compact = round->data;

    error_keep_first(&compact->attempt_err, err);
    if (!err)
        note_result(compact, (size_t)(round - compact->rounds));
    compact_step(compact);
}

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    struct compact *compact = container_of(apply, struct compact, apply);

    compact->is_committed = !err;
    /* These say that it was not; anything else may have had its effect. */
    compact->is_settled = !err || err->code == ERROR_CONFLICT || err->code == ERROR_FENCED ||
                          err->code == ERROR_NOT_FOUND || err->code == ERROR_INVALID;
    error_keep_first(&compact->attempt_err, err);
    compact_step(compact);
}

static void on_settled(struct catalog_query *query, const struct error *err)
{
    struct compact *compact = container_of(query, struct compact, query);

    compact->is_settled = !err;
    compact->is_committed = !err && query->count > 0;
    if (err)
        error_prefix(&compact->attempt_err,
            "it is not known whether the compaction was committed (%s); the next one finds out",
            err->message);
    compact_step(compact);
}

static void on_deleted(struct store_request *request, const struct error *err)
{
    (void)err; /* gc finds what is left */
    compact_step(container_of(request, struct compact, deletion));
}

static void on_worked(struct work *work, bool ran)
{
    (void)ran;
    compact_step(container_of(work, struct compact, work));
}

/* --- what states do on entry: true, it began something that ends in compact_step() --- */

static void do_nothing(struct work *work)
{
    (void)work;
}

/* A turn of the loop, so that nothing is called from within compact_start(). */
void compact_step_begin(struct compact *compact)
{
    compact->work = (struct work){.run = do_nothing, .done = on_worked};
    work_submit(&compact->engine->files, &compact->work);
}

bool compact_step_find_table(struct compact *compact)
{
    struct catalog *catalog;
    struct store *tables;

    if (engine_catalog(compact->engine, &catalog, &compact->err) ||
        engine_tables(compact->engine, &tables, &compact->err) ||
        (!compact->dry_run && engine_state(compact->engine, &compact->state, &compact->err)))
        return false;
    compact->query = (struct catalog_query){.verb = CATALOG_GET_VERSION,
        .at = {.namespace = compact->at.namespace,
            .table = compact->at.table,
            .version = compact->at.version},
        .arena = &compact->arena,
        .done = on_query};
    catalog->type->query(catalog, &compact->query);
    return true;
}

static int check_table(struct compact *compact, struct error *err)
{
    const char *namespace = compact->at.namespace, *table = compact->at.table;

    if (compact->query.count == 0)
        return error_set(err, ERROR_NOT_FOUND,
            "table %s.%s has no active version; `sluice catalog ls` lists tables", namespace,
            table);
    compact->version = compact->query.versions[0];
    if (compact->buckets > 0 && compact->version.merge.key_count == 0 &&
        !(compact->alteration && compact->alteration->set_key))
        return error_set(err, ERROR_INVALID,
            "table %s.%s has no key: only those that have one are split into buckets", namespace,
            table);
    if (compact->buckets > 0 && compact->buckets != compact->version.merge.buckets &&
        compact->at.value_count > 0)
        return error_set(err, ERROR_INVALID,
            "table %s.%s: the number of buckets is one for all partitions: leave --partition out",
            namespace, table);
    if (partition_parse(compact->version.partition_by, compact->version.partition_count,
            &compact->arena, &compact->fields, err))
        return error_prefix(err, "table %s.%s", namespace, table);
    return 0;
}

bool compact_step_ask_schemas(struct compact *compact)
{
    struct catalog *catalog = compact->engine->catalog;

    if (check_table(compact, &compact->err))
        return false;
    compact->at.version = compact->version.version;
    compact->lease_name =
        mem_printf("compact %s.%s", compact->version.namespace, compact->version.table);
    compact->schemas = (struct catalog_query){.verb = CATALOG_LIST_SCHEMAS,
        .at = compact->query.at,
        .arena = &compact->arena,
        .done = on_schemas};
    compact->schemas.at.version = compact->version.version;
    catalog->type->query(catalog, &compact->schemas);
    return true;
}

bool compact_step_take_lease(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    lease_acquire(&compact->lease,
        &(struct lease_options){.engine = compact->engine,
            .pipeline = compact->lease_name,
            .instance = "",
            .run_id = compact->run_id,
            .context = compact->context},
        on_leased);
    return true;
}

bool compact_step_recover_left(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    recover_start(&compact->recover, compact->engine, compact->lease_name, "", compact->run_id,
        compact->lease.fence, on_recovered);
    compact->recover.journal_only = true;
    return true;
}

bool compact_step_list_partitions(struct compact *compact)
{
    struct catalog *catalog = compact->engine->catalog;

    compact_free_rounds(compact);
    arena_deinit(&compact->round_arena);
    compact->partitions = (struct catalog_query){
        .verb = compact->at.value_count > 0 ? CATALOG_GET_PARTITION : CATALOG_LIST_PARTITIONS,
        .at = compact->at,
        .arena = &compact->arena,
        .done = on_partitions};
    catalog->type->query(catalog, &compact->partitions);
    return true;
}

static void make_scratch(struct work *work)
{
    struct compact *compact = container_of(work, struct compact, work);

    scratch_make(
        &compact->scratch, compact->engine->environment->spool, compact->run_id, &compact->err);
}

bool compact_step_prepare(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    compact->work = (struct work){.run = make_scratch, .done = on_worked};
    work_submit(&compact->engine->files, &compact->work);
    return true;
}

int compact_step_open_session(struct compact *compact, struct error *err)
{
    const uint64_t transfers = engine_stores_memory(compact->engine);
    const struct sql_engine_type *type;
    struct sql_session_options options = {.loop = compact->engine->loop,
        .lane = &compact->engine->sql,
        .folder = compact->scratch.path,
        .spill = compact->spill,
        .threads = compact->threads};
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    char minimum[TIME_TEXT_SIZE];

    if (engine_sql(compact->engine, &type, err))
        return -1;
    if (options.threads == 0) {
        options.threads = (unsigned)MIN(MAX(online, 1), THREADS_MAX);
        while (options.threads > 1 &&
               type->memory_minimum(options.threads) + transfers > compact->memory)
            options.threads--;
    }
    if (type->memory_minimum(options.threads) + transfers > compact->memory)
        return error_set(err, ERROR_INVALID, "a compaction needs %s of memory at least",
            size_format(type->memory_minimum(options.threads) + transfers, minimum));
    /* Files are written while rows are merged: that is beside what the engine counts. */
    options.memory = type->memory_share(compact->memory - transfers, options.threads) / 4 * 3;
    compact->table.folder = compact->scratch.path;
    compact->table.session = type->open(&options, err);
    return compact->table.session ? 0 : -1;
}

bool compact_step_journal(struct compact *compact, enum state_verb verb)
{
    compact->journal = (struct state_request){.verb = verb,
        .pipeline = compact->lease_name,
        .instance = "",
        .run_id = compact->attempt_id,
        .arena = &compact->round_arena,
        .done = on_journal};
    if (verb == STATE_ADD_JOURNAL)
        compact->journal.journal = (struct state_journal){.run_id = compact->attempt_id,
            .kind = "table",
            .what = arena_printf(&compact->round_arena, "%s/%s/%" PRId64,
                compact->version.namespace, compact->version.table,
                compact->version.version + (compact->alteration != NULL))};
    compact->state->type->start(compact->state, &compact->journal);
    return true;
}

static void log_started(struct compact *compact)
{
    json_t *fields;

    if (compact->dry_run || compact->started)
        return;
    compact->started = true;
    fields = json_object();
    json_put_text(fields, "table", strchr(compact->lease_name, ' ') + 1);
    json_put_int(fields, "memory", (int64_t)compact->memory);
    log_event(compact->engine->log, LOG_INFO, "compact.started", compact->context, fields, "%s",
        compact->lease_name);
}

/* Each commit has an id of its own, so that what was committed and what was not can be told. */
bool compact_step_begin_attempt(struct compact *compact)
{
    compact_skip_done(compact);
    error_clear(&compact->attempt_err);
    compact->first_round = compact->next;
    compact->next_discard = 0;
    compact->is_committed = false;
    compact->is_settled = true;
    compact->attempt_id =
        arena_printf(&compact->arena, "%s-%zu", compact->run_id, compact->attempt++);
    if (compact->dry_run || compact->next >= compact->round_count)
        return false;
    log_started(compact);
    return compact_step_journal(compact, STATE_ADD_JOURNAL);
}

bool compact_step_start_round(struct compact *compact)
{
    struct compact_round *round = &compact->rounds[compact->next];

    *round = (struct compact_round){.table = &compact->table,
        .fields = compact->fields,
        .alteration = compact->alteration,
        .options = &compact->options,
        .id = arena_printf(&compact->round_arena, "%s-%zu", compact->attempt_id, compact->next),
        .plan_only = compact->dry_run,
        .arena = &compact->round_arena,
        .data = compact,
        .done = on_round};
    if (!compact->alteration)
        round->partition = &compact->partitions.partitions[compact->next];
    compact_round_start(round);
    return true;
}

bool compact_step_commit(struct compact *compact)
{
    const bool new_buckets = compact->options.buckets != compact->version.merge.buckets;
    bool any = false;

    for (size_t i = compact->first_round; i < compact->next; i++)
        any = any || compact->outcomes[i].worth_it;
    if (compact->dry_run || !any)
        return false;
    if (compact->alteration)
        compact_alter_build(compact, &compact->apply);
    else
        compact_commit_build(compact, compact->first_round, compact->next,
            new_buckets ? compact->options.buckets : 0, &compact->apply);
    compact->apply.done = on_applied;
    compact->engine->catalog->type->apply(compact->engine->catalog, &compact->apply);
    return true;
}

bool compact_step_settle(struct compact *compact)
{
    compact->query = (struct catalog_query){.verb = CATALOG_GET_COMMIT,
        .run_id = compact->attempt_id,
        .arena = &compact->round_arena,
        .done = on_settled};
    compact->engine->catalog->type->query(compact->engine->catalog, &compact->query);
    return true;
}

/* The next file that was stored for nothing. */
static const char *next_discarded(struct compact *compact)
{
    size_t skip = compact->next_discard++;

    for (size_t i = compact->first_round; i <= compact->next && i < compact->round_count; i++) {
        const struct compact_round *round = &compact->rounds[i];

        if (skip < round->stored_count)
            return round->stored[skip];
        skip -= round->stored_count;
    }
    return NULL;
}

bool compact_step_discard(struct compact *compact)
{
    const char *key = next_discarded(compact);

    if (!key)
        return false;
    compact->deletion =
        (struct store_request){.verb = STORE_DELETE, .key = key, .done = on_deleted};
    compact->engine->tables->type->start(compact->engine->tables, &compact->deletion);
    return true;
}

static void remove_scratch(struct work *work)
{
    scratch_remove(&container_of(work, struct compact, work)->scratch, NULL);
}

bool compact_step_clean(struct compact *compact)
{
    compact_free_rounds(compact);
    if (compact->table.session)
        compact->table.session->type->close(compact->table.session);
    compact->table.session = NULL;
    if (!compact->scratch.path)
        return false;
    compact->work = (struct work){.run = remove_scratch, .done = on_worked};
    work_submit(&compact->engine->files, &compact->work);
    return true;
}

bool compact_step_release(struct compact *compact)
{
    if (compact->leased)
        lease_release(&compact->lease, on_released);
    return compact->leased;
}
