#include "runner/engine/compact.h"

#include "runner/base/json.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/engine/compact_private.h"

#include <assert.h>
#include <string.h>

enum { TRIES_MAX = 5, TRANSFERS = 16, FILE_MIB = 128, MEMORY_MIB = 512 };

/* Merging holds keys, not rows, and what it cannot hold goes to disk: so files of several times the
 * memory are looked at together. Buckets are smaller, as each is rewritten for one new row. */
enum { GROUP_MEMORIES = 4, BUCKETS_A_MEMORY = 2 };

/* --- its partitions --- */

/* A text for the values of a partition, null and "" apart. */
static char *values_text(const struct compact *compact, size_t index)
{
    const struct catalog_partition *partition = &compact->partitions.partitions[index];
    json_t *values = json_array();
    char *line;

    for (size_t i = 0; !compact->alteration && i < partition->value_count; i++)
        json_array_append_new(values, json_text(partition->values[i]));
    line = json_line(values);
    json_decref(values);
    return line;
}

/* A conflict begins anew, but not with what was done before it. */
static bool is_done(const struct compact *compact, size_t index)
{
    char *values = values_text(compact, index);
    const bool done = table_has(&compact->done_values, values);

    free(values);
    return done;
}

void compact_skip_done(struct compact *compact)
{
    while (compact->next < compact->round_count && is_done(compact, compact->next))
        compact->next++;
}

static void keep_result(struct compact *compact, size_t index)
{
    struct compact_result *result = &compact->outcomes[index];
    char *values = values_text(compact, index);

    result->committed = result->worth_it && compact->is_committed;
    compact->committed_count += result->committed;
    compact->results = mem_grow(compact->results, &compact->result_capacity, compact->result_count,
        sizeof(*compact->results));
    compact->results[compact->result_count++] = *result;
    table_put(&compact->done_values, values, NULL);
    free(values);
}

/* Those of the commit before: what they point to goes with them. */
static void free_round(struct compact *compact)
{
    for (size_t i = compact->first_round; i < compact->next; i++)
        compact_round_deinit(&compact->rounds[i]);
    arena_deinit(&compact->round_arena);
}

void compact_free_rounds(struct compact *compact)
{
    for (size_t i = 0; i < compact->round_count; i++)
        compact_round_deinit(&compact->rounds[i]);
    free(compact->rounds);
    compact->rounds = NULL;
    compact->round_count = 0;
}

/* How many buckets there are to be, and how much is looked at together. */
static void choose_options(struct compact *compact)
{
    const int64_t stored = compact->version.merge.buckets;
    uint64_t largest = 0;

    for (size_t i = 0; i < compact->partitions.count; i++)
        largest = MAX(largest, compact->partitions.partitions[i].bytes);
    compact->options = (struct compact_limits){.file_bytes = compact->file_bytes,
        .group_bytes =
            compact->group_bytes ? compact->group_bytes : compact->memory * GROUP_MEMORIES,
        .full = compact->full,
        .min_deltas = compact->min_deltas,
        .min_files = compact->min_files,
        .now_ms = time_now_ms()};
    if (compact->version.merge.key_count == 0)
        return;
    compact->options.buckets = compact->buckets ? compact->buckets : stored;
    if (compact->options.buckets == 0)
        compact->options.buckets = compact_plan_buckets(
            largest, MIN(compact->memory / BUCKETS_A_MEMORY, compact->options.group_bytes));
    compact->ret_buckets = compact->options.buckets;
    /* Another number holds for all partitions or for none. */
    compact->at_once = stored > 0 && compact->options.buckets != stored;
    compact->options.full = compact->full || compact->at_once;
}

/* Each delta has a file at least: fewer files than asked for are too few deltas, too. */
static bool are_too_few(const struct compact *compact)
{
    const int64_t least = MIN(compact->min_deltas ? compact->min_deltas : INT64_MAX,
        compact->min_files ? compact->min_files : INT64_MAX);

    if (least == INT64_MAX)
        return false;
    for (size_t i = 0; i < compact->partitions.count; i++) {
        if (compact->partitions.partitions[i].files >= least)
            return false;
    }
    return true;
}

static void init_rounds(struct compact *compact)
{
    struct rewrite_table *table = &compact->table;

    compact_free_rounds(compact);
    choose_options(compact);
    table->engine = compact->engine;
    table->slots = &compact->slots;
    table->table = &compact->version;
    table->schemas = compact->schemas.schemas;
    table->schema_count = compact->schemas.count;
    table->schema = rewrite_schema(&compact->version, &compact->arena);
    rewrite_wanted(table, compact->fields, &compact->arena, &table->wanted);
    compact->round_count = compact->alteration ? 1 : compact->partitions.count;
    compact->rounds = mem_calloc(compact->round_count + 1, sizeof(*compact->rounds));
    free(compact->outcomes);
    compact->outcomes = mem_calloc(compact->round_count + 1, sizeof(*compact->outcomes));
    compact->next = compact->first_round = 0;
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
    compact_skip_done(compact);
    return (compact->at_once || !worth_it) && compact->next < compact->round_count
               ? COMPACT_ROUND
               : COMPACT_COMMITTING;
}

static enum compact_step after_commit(struct compact *compact)
{
    if (compact->is_committed || !compact->attempt_err.code)
        return COMPACT_CLEARING;
    if (compact->is_settled)
        return COMPACT_DISCARDING;
    if (compact->step == COMPACT_COMMITTING)
        return COMPACT_SETTLING;
    /* Its files may be the table's: they stay, journalled. */
    error_keep_first(&compact->err, &compact->attempt_err);
    return COMPACT_CLEANING;
}

/* The step after this one, which has ended, well or not. */
static enum compact_step next_step(struct compact *compact)
{
    const bool failed = compact->err.code != ERROR_NONE;

    switch (compact->step) {
    case COMPACT_IDLE:
        return failed ? COMPACT_CLEANING : COMPACT_FINDING;
    case COMPACT_FINDING:
        return failed ? COMPACT_CLEANING : COMPACT_SCHEMAS;
    case COMPACT_SCHEMAS:
        return failed ? COMPACT_CLEANING : compact->leased ? COMPACT_LISTING : COMPACT_LEASING;
    case COMPACT_LEASING:
        return failed ? COMPACT_CLEANING : COMPACT_RECOVERING;
    case COMPACT_RECOVERING:
        return failed ? COMPACT_CLEANING : COMPACT_LISTING;
    case COMPACT_LISTING:
        if (failed || are_too_few(compact))
            return COMPACT_CLEANING;
        init_rounds(compact);
        return compact->prepared ? COMPACT_JOURNALLING : COMPACT_PREPARING;
    case COMPACT_PREPARING:
        compact->prepared = true;
        if (!failed && !compact->dry_run && compact_step_open_session(compact, &compact->err))
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
        return compact_step_find_table(compact);
    case COMPACT_SCHEMAS:
        return compact_step_ask_schemas(compact);
    case COMPACT_LEASING:
        return compact_step_take_lease(compact);
    case COMPACT_RECOVERING:
        return compact_step_recover_left(compact);
    case COMPACT_LISTING:
        return compact_step_list_partitions(compact);
    case COMPACT_PREPARING:
        return compact_step_prepare(compact);
    case COMPACT_JOURNALLING:
        return compact_step_begin_attempt(compact);
    case COMPACT_ROUND:
        return compact_step_start_round(compact);
    case COMPACT_COMMITTING:
        return compact_step_commit(compact);
    case COMPACT_SETTLING:
        return compact_step_settle(compact);
    case COMPACT_DISCARDING:
        compact->deletion.key = NULL;
        return compact_step_discard(compact);
    case COMPACT_CLEARING:
        return !compact->dry_run && compact_step_journal(compact, STATE_CLEAR_JOURNAL);
    case COMPACT_CLEANING:
        return compact_step_clean(compact);
    case COMPACT_RELEASING:
        return compact_step_release(compact);
    case COMPACT_IDLE:
    case COMPACT_DONE:
        break;
    }
    return false;
}

static void log_finished(struct compact *compact)
{
    const char *name;
    json_t *fields;
    int64_t files = 0, after = 0;
    uint64_t bytes = 0;
    char text[TIME_TEXT_SIZE], size[TIME_TEXT_SIZE];

    if (compact->dry_run || (!compact->started && !compact->err.code))
        return;
    name = arena_printf(&compact->arena, "%s.%s", compact->at.namespace, compact->at.table);
    fields = json_object();
    for (size_t i = 0; i < compact->result_count; i++) {
        const struct compact_result *result = &compact->results[i];

        files += result->committed ? (int64_t)result->files_before : 0;
        after += result->committed ? (int64_t)result->files_after : 0;
        bytes += result->committed ? result->bytes_rewritten : 0;
    }
    json_put_text(fields, "table", name);
    json_put_text(fields, "outcome", compact->err.code ? "failed" : "succeeded");
    json_put_int(fields, "duration_ms", time_now_ms() - compact->started_ms);
    json_put_int(fields, "partitions", (int64_t)compact->committed_count);
    json_put_int(fields, "files_before", files);
    json_put_int(fields, "files_after", after);
    json_put_int(fields, "bytes_rewritten", (int64_t)bytes);
    json_put_int(fields, "conflicts", (int64_t)compact->conflicts);
    if (compact->err.code)
        json_put_text(fields, "error", compact->err.message);
    if (compact->err.code)
        log_event(compact->engine->log, LOG_WARN, "compact.finished", compact->context, fields,
            "compaction of %s: %s", name, compact->err.message);
    else
        log_event(compact->engine->log, LOG_INFO, "compact.finished", compact->context, fields,
            "compaction of %s: %zu partitions in %s, %lld files are %lld now, %s rewritten", name,
            compact->committed_count, duration_format(time_now_ms() - compact->started_ms, text),
            (long long)files, (long long)after, size_format(bytes, size));
}

static void finish(struct compact *compact)
{
    if (compact->cancelled && !compact->err.code && compact->next < compact->round_count)
        error_set(&compact->err, ERROR_STOPPED, "cancelled");
    log_finished(compact);
    compact->done(compact, compact->err.code ? &compact->err : NULL);
}

void compact_step(struct compact *compact)
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
    compact->step = COMPACT_IDLE;
    compact_step_begin(compact);
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
    compact_free_rounds(compact);
    free(compact->outcomes);
    free(compact->results);
    free(compact->lease_name);
    table_deinit(&compact->done_values);
    lease_deinit(&compact->lease);
    arena_deinit(&compact->arena);
    arena_deinit(&compact->round_arena);
}
