#include "runner/engine/compact.h"

#include "runner/base/json.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/engine/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
    TRIES_MAX = 5,
    TRANSFERS = 16,
    THREADS_MAX = 4,
    FILE_MIB = 128,
    MEMORY_MIB = 512,
    GROUP_SHARE = 8, /* of the memory: what is merged at once is larger than its files */
    GROUP_BYTES_MIN = 4 << 20,
};

static void compact_step(struct compact *compact);

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

static void note_result(struct compact *compact, size_t index)
{
    const struct compact_round *round = &compact->rounds[index];
    struct compact_result *result = &compact->outcomes[index];

    *result = (struct compact_result){.values = round->partition->values,
        .value_count = round->partition->value_count,
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

static bool find_table(struct compact *compact)
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
    if (compact->buckets > 0 && compact->version.merge.key_count == 0)
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

static bool ask_schemas(struct compact *compact)
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

static bool take_lease(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    lease_acquire(&compact->lease, compact->state, compact->engine->catalog, compact->lease_name,
        "", compact->run_id, on_leased);
    return true;
}

static bool recover_left(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    recover_start(&compact->recover, compact->engine, compact->lease_name, "", compact->run_id,
        compact->lease.fence, on_recovered);
    compact->recover.journal_only = true;
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

static bool list_partitions(struct compact *compact)
{
    struct catalog *catalog = compact->engine->catalog;

    log_started(compact);
    free_rounds(compact);
    arena_deinit(&compact->round_arena);
    compact->partitions = (struct catalog_query){
        .verb = compact->at.value_count > 0 ? CATALOG_GET_PARTITION : CATALOG_LIST_PARTITIONS,
        .at = compact->at,
        .arena = &compact->arena,
        .done = on_partitions};
    catalog->type->query(catalog, &compact->partitions);
    return true;
}

/* Those of the commit before: what they point to goes with them. */
static void free_round(struct compact *compact)
{
    for (size_t i = compact->first_round; i < compact->next; i++)
        compact_round_deinit(&compact->rounds[i]);
    arena_deinit(&compact->round_arena);
}

static void free_rounds(struct compact *compact)
{
    for (size_t i = 0; i < compact->round_count; i++)
        compact_round_deinit(&compact->rounds[i]);
    free(compact->rounds);
    compact->rounds = NULL;
    compact->round_count = 0;
}

/* A text for the values of a partition, null and "" apart. */
static char *values_text(const struct catalog_partition *partition)
{
    json_t *values = json_array();
    char *line;

    for (size_t i = 0; i < partition->value_count; i++)
        json_array_append_new(values, json_text(partition->values[i]));
    line = json_line(values);
    json_decref(values);
    return line;
}

/* A conflict begins anew, but not with what was done before it. */
static bool is_done(const struct compact *compact, size_t index)
{
    char *values = values_text(&compact->partitions.partitions[index]);
    const bool done = table_has(&compact->done_values, values);

    free(values);
    return done;
}

static void skip_done(struct compact *compact)
{
    while (compact->next < compact->round_count && is_done(compact, compact->next))
        compact->next++;
}

static void keep_result(struct compact *compact, size_t index)
{
    struct compact_result *result = &compact->outcomes[index];
    char *values = values_text(&compact->partitions.partitions[index]);

    result->committed = result->worth_it && compact->is_committed;
    compact->committed_count += result->committed;
    compact->results = mem_grow(compact->results, &compact->result_capacity, compact->result_count,
        sizeof(*compact->results));
    compact->results[compact->result_count++] = *result;
    table_put(&compact->done_values, values, NULL);
    free(values);
}

/* How many buckets there are to be, and how much is looked at together. */
static void choose_options(struct compact *compact)
{
    const int64_t stored = compact->version.merge.buckets;
    uint64_t largest = 0;

    for (size_t i = 0; i < compact->partitions.count; i++)
        largest = MAX(largest, compact->partitions.partitions[i].bytes);
    compact->options = (struct compact_options){.file_bytes = compact->file_bytes,
        .group_bytes = compact->group_bytes ? compact->group_bytes
                                            : MAX(compact->memory / GROUP_SHARE, GROUP_BYTES_MIN),
        .full = compact->full,
        .now_ms = time_now_ms()};
    if (compact->version.merge.key_count == 0)
        return;
    compact->options.buckets = compact->buckets ? compact->buckets : stored;
    if (compact->options.buckets == 0)
        compact->options.buckets = compact_plan_buckets(largest, compact->options.group_bytes);
    compact->ret_buckets = compact->options.buckets;
    /* Another number holds for all partitions or for none. */
    compact->at_once = stored > 0 && compact->options.buckets != stored;
    compact->options.full = compact->full || compact->at_once;
}

static void init_rounds(struct compact *compact)
{
    struct rewrite_table *table = &compact->table;

    free_rounds(compact);
    choose_options(compact);
    table->engine = compact->engine;
    table->slots = &compact->slots;
    table->table = &compact->version;
    table->schemas = compact->schemas.schemas;
    table->schema_count = compact->schemas.count;
    table->schema = rewrite_schema(&compact->version, &compact->arena);
    compact->round_count = compact->partitions.count;
    compact->rounds = mem_calloc(compact->round_count + 1, sizeof(*compact->rounds));
    free(compact->outcomes);
    compact->outcomes = mem_calloc(compact->round_count + 1, sizeof(*compact->outcomes));
    compact->next = compact->first_round = 0;
}

static void make_scratch(struct work *work)
{
    struct compact *compact = container_of(work, struct compact, work);

    scratch_make(
        &compact->scratch, compact->engine->environment->spool, compact->run_id, &compact->err);
}

static bool prepare(struct compact *compact)
{
    if (compact->dry_run)
        return false;
    compact->work = (struct work){.run = make_scratch, .done = on_worked};
    work_submit(&compact->engine->files, &compact->work);
    return true;
}

static int open_session(struct compact *compact, struct error *err)
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
    options.memory = type->memory_share(compact->memory - transfers, options.threads);
    compact->table.folder = compact->scratch.path;
    compact->table.session = type->open(&options, err);
    return compact->table.session ? 0 : -1;
}

static bool journal(struct compact *compact, enum state_verb verb)
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
                compact->version.namespace, compact->version.table, compact->version.version)};
    compact->state->type->start(compact->state, &compact->journal);
    return true;
}

/* Each commit has an id of its own, so that what was committed and what was not can be told. */
static bool begin_attempt(struct compact *compact)
{
    skip_done(compact);
    error_clear(&compact->attempt_err);
    compact->first_round = compact->next;
    compact->next_discard = 0;
    compact->is_committed = false;
    compact->is_settled = true;
    compact->attempt_id =
        arena_printf(&compact->arena, "%s-%zu", compact->run_id, compact->attempt++);
    if (compact->dry_run || compact->next >= compact->round_count)
        return false;
    return journal(compact, STATE_ADD_JOURNAL);
}

static bool start_round(struct compact *compact)
{
    struct compact_round *round = &compact->rounds[compact->next];

    *round = (struct compact_round){.table = &compact->table,
        .fields = compact->fields,
        .partition = &compact->partitions.partitions[compact->next],
        .options = &compact->options,
        .id = arena_printf(&compact->round_arena, "%s-%zu", compact->attempt_id, compact->next),
        .plan_only = compact->dry_run,
        .arena = &compact->round_arena,
        .data = compact,
        .done = on_round};
    compact_round_start(round);
    return true;
}

static bool commit(struct compact *compact)
{
    const bool new_buckets = compact->options.buckets != compact->version.merge.buckets;
    bool any = false;

    for (size_t i = compact->first_round; i < compact->next; i++)
        any = any || compact->outcomes[i].worth_it;
    if (compact->dry_run || !any)
        return false;
    compact_commit_build(compact, compact->first_round, compact->next,
        new_buckets ? compact->options.buckets : 0, &compact->apply);
    compact->apply.done = on_applied;
    compact->engine->catalog->type->apply(compact->engine->catalog, &compact->apply);
    return true;
}

static bool settle(struct compact *compact)
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

static bool discard(struct compact *compact)
{
    const char *key = next_discarded(compact);

    if (!key)
        return false;
    compact->deletion =
        (struct store_request){.verb = STORE_DELETE, .key = key, .done = on_deleted};
    compact->engine->tables->type->start(compact->engine->tables, &compact->deletion);
    return true;
}

static void do_nothing(struct work *work)
{
    (void)work;
}

static void remove_scratch(struct work *work)
{
    scratch_remove(&container_of(work, struct compact, work)->scratch, NULL);
}

static bool clean(struct compact *compact)
{
    free_rounds(compact);
    if (compact->table.session)
        compact->table.session->type->close(compact->table.session);
    compact->table.session = NULL;
    if (!compact->scratch.path)
        return false;
    compact->work = (struct work){.run = remove_scratch, .done = on_worked};
    work_submit(&compact->engine->files, &compact->work);
    return true;
}

static bool release(struct compact *compact)
{
    if (compact->leased)
        lease_release(&compact->lease, on_released);
    return compact->leased;
}

/* --- the whole flow --- */

/* An attempt has ended: its outcomes count, or it is made again, or all of it ends. */
static enum compact_step end_attempt(struct compact *compact)
{
    const bool failed = compact->attempt_err.code != ERROR_NONE && !compact->is_committed;

    if (failed && compact->attempt_err.code == ERROR_CONFLICT && !compact->cancelled &&
        ++compact->conflicts < TRIES_MAX) {
        log_event(compact->engine->log, LOG_WARN, "compact.conflict", compact->context, NULL,
            "%s; trying again", compact->attempt_err.message);
        return COMPACT_FINDING;
    }
    if (failed) {
        error_keep_first(&compact->err, &compact->attempt_err);
        return COMPACT_CLEANING;
    }
    for (size_t i = compact->first_round; i < compact->next; i++) {
        if (!is_done(compact, i))
            keep_result(compact, i);
    }
    if (compact->is_committed && compact->options.buckets > 0)
        compact->version.merge.buckets = compact->options.buckets;
    if (compact->cancelled || compact->next >= compact->round_count)
        return COMPACT_CLEANING;
    free_round(compact);
    return COMPACT_JOURNALLING;
}

static enum compact_step after_round(struct compact *compact)
{
    const bool worth_it = compact->outcomes[compact->next].worth_it;

    if (compact->attempt_err.code)
        return COMPACT_DISCARDING;
    compact->next++;
    skip_done(compact);
    return (compact->at_once || !worth_it) && compact->next < compact->round_count
               ? COMPACT_ROUND
               : COMPACT_COMMITTING;
}

static enum compact_step after_commit(const struct compact *compact)
{
    if (compact->is_committed || !compact->attempt_err.code)
        return COMPACT_CLEARING;
    if (compact->is_settled)
        return COMPACT_DISCARDING;
    /* Its files may be the table's: they stay, journalled. */
    return compact->step == COMPACT_COMMITTING ? COMPACT_SETTLING : COMPACT_CLEANING;
}

/* The step after this one, which has ended, well or not. */
static enum compact_step next_step(struct compact *compact)
{
    const bool failed = compact->err.code != ERROR_NONE;

    switch (compact->step) {
    case COMPACT_FINDING:
        return failed ? COMPACT_CLEANING : COMPACT_SCHEMAS;
    case COMPACT_SCHEMAS:
        return failed ? COMPACT_CLEANING : compact->leased ? COMPACT_LISTING : COMPACT_LEASING;
    case COMPACT_LEASING:
        return failed ? COMPACT_CLEANING : COMPACT_RECOVERING;
    case COMPACT_RECOVERING:
        return failed ? COMPACT_CLEANING : COMPACT_LISTING;
    case COMPACT_LISTING:
        if (!failed)
            init_rounds(compact);
        return failed              ? COMPACT_CLEANING
               : compact->prepared ? COMPACT_JOURNALLING
                                   : COMPACT_PREPARING;
    case COMPACT_PREPARING:
        compact->prepared = true;
        if (!failed && !compact->dry_run && open_session(compact, &compact->err))
            return COMPACT_CLEANING;
        return failed ? COMPACT_CLEANING : COMPACT_JOURNALLING;
    case COMPACT_JOURNALLING:
        if (compact->attempt_err.code)
            return end_attempt(compact);
        return compact->next >= compact->round_count ? COMPACT_CLEANING : COMPACT_ROUND;
    case COMPACT_ROUND:
        return after_round(compact);
    case COMPACT_COMMITTING:
    case COMPACT_SETTLING:
        return after_commit(compact);
    case COMPACT_DISCARDING:
        return compact->deletion.key ? COMPACT_DISCARDING : COMPACT_CLEARING;
    case COMPACT_CLEARING:
        return end_attempt(compact);
    case COMPACT_CLEANING:
        return COMPACT_RELEASING;
    case COMPACT_RELEASING:
    case COMPACT_DONE:
        break;
    }
    return COMPACT_DONE;
}

static bool begin_step(struct compact *compact)
{
    switch (compact->step) {
    case COMPACT_FINDING:
        return find_table(compact);
    case COMPACT_SCHEMAS:
        return ask_schemas(compact);
    case COMPACT_LEASING:
        return take_lease(compact);
    case COMPACT_RECOVERING:
        return recover_left(compact);
    case COMPACT_LISTING:
        return list_partitions(compact);
    case COMPACT_PREPARING:
        return prepare(compact);
    case COMPACT_JOURNALLING:
        return begin_attempt(compact);
    case COMPACT_ROUND:
        return start_round(compact);
    case COMPACT_COMMITTING:
        return commit(compact);
    case COMPACT_SETTLING:
        return settle(compact);
    case COMPACT_DISCARDING:
        compact->deletion.key = NULL;
        return discard(compact);
    case COMPACT_CLEARING:
        return !compact->dry_run && journal(compact, STATE_CLEAR_JOURNAL);
    case COMPACT_CLEANING:
        return clean(compact);
    case COMPACT_RELEASING:
        return release(compact);
    case COMPACT_DONE:
        break;
    }
    return false;
}

static void log_finished(struct compact *compact)
{
    json_t *fields;
    int64_t files = 0, after = 0;
    uint64_t bytes = 0;
    char text[TIME_TEXT_SIZE], size[TIME_TEXT_SIZE];

    if (compact->dry_run || !compact->started)
        return;
    fields = json_object();
    for (size_t i = 0; i < compact->result_count; i++) {
        const struct compact_result *result = &compact->results[i];

        files += result->committed ? (int64_t)result->files_before : 0;
        after += result->committed ? (int64_t)result->files_after : 0;
        bytes += result->committed ? result->bytes_rewritten : 0;
    }
    json_put_text(fields, "table", strchr(compact->lease_name, ' ') + 1);
    json_put_text(fields, "outcome", compact->err.code ? "failed" : "succeeded");
    json_put_int(fields, "duration_ms", time_now_ms() - compact->started_ms);
    json_put_int(fields, "partitions", (int64_t)compact->committed_count);
    json_put_int(fields, "files_before", files);
    json_put_int(fields, "files_after", after);
    json_put_int(fields, "bytes_rewritten", (int64_t)bytes);
    json_put_int(fields, "conflicts", (int64_t)compact->conflicts);
    if (compact->err.code)
        json_put_text(fields, "error", compact->err.message);
    log_event(compact->engine->log, compact->err.code ? LOG_WARN : LOG_INFO, "compact.finished",
        compact->context, fields, "%s: %zu partitions in %s, %lld files are %lld now, %s rewritten",
        compact->lease_name, compact->committed_count,
        duration_format(time_now_ms() - compact->started_ms, text), (long long)files,
        (long long)after, size_format(bytes, size));
}

static void finish(struct compact *compact)
{
    if (compact->cancelled && !compact->err.code && compact->next < compact->round_count)
        error_set(&compact->err, ERROR_STOPPED, "cancelled");
    log_finished(compact);
    compact->done(compact, compact->err.code ? &compact->err : NULL);
}

static void compact_step(struct compact *compact)
{
    if (compact->cancelled && !compact->err.code && compact->step < COMPACT_JOURNALLING)
        error_set(&compact->err, ERROR_STOPPED, "cancelled");
    do {
        compact->step = next_step(compact);
        if (compact->step == COMPACT_DONE) {
            finish(compact);
            return;
        }
    } while (!begin_step(compact));
}

void compact_start(struct compact *compact)
{
    arena_init(&compact->arena);
    arena_init(&compact->round_arena);
    table_init(&compact->done_values);
    compact->started_ms = time_now_ms();
    compact->memory = compact->memory ? compact->memory : (uint64_t)MEMORY_MIB << 20;
    compact->file_bytes = compact->file_bytes ? compact->file_bytes : (uint64_t)FILE_MIB << 20;
    compact->slots.limit = TRANSFERS;
    compact->step = COMPACT_FINDING;
    if (!find_table(compact)) {
        compact->work = (struct work){.run = do_nothing, .done = on_worked};
        work_submit(&compact->engine->files, &compact->work);
    }
}

void compact_cancel(struct compact *compact)
{
    compact->cancelled = true;
    if (compact->step == COMPACT_RECOVERING)
        recover_cancel(&compact->recover);
    else if (compact->step == COMPACT_ROUND)
        compact_round_cancel(&compact->rounds[compact->next]);
    /* else it is short, and better finished */
}

void compact_deinit(struct compact *compact)
{
    free_rounds(compact);
    free(compact->outcomes);
    free(compact->results);
    free(compact->lease_name);
    table_deinit(&compact->done_values);
    lease_deinit(&compact->lease);
    arena_deinit(&compact->arena);
    arena_deinit(&compact->round_arena);
}
