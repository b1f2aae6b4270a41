#include "runner/engine/compact_round.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void round_step(struct compact_round *round);

/* --- what callbacks do: record, then step --- */

static void on_listed(struct catalog_query *query, const struct error *err)
{
    struct compact_round *round = container_of(query, struct compact_round, query);

    error_keep_first(&round->err, err);
    round_step(round);
}

static void on_rewritten(struct rewrite *rewrite, const struct error *err)
{
    struct compact_round *round = container_of(rewrite, struct compact_round, rewrite);

    round->is_rewriting = false;
    error_keep_first(&round->err, err);
    if (!err && round->step == COMPACT_ROUND_SPLITTING && round->plan.keyed && !round->alteration)
        compact_keep_pieces(round, &round->err);
    else if (!err && round->step == COMPACT_ROUND_SPLITTING) /* without a key, or altered */
        compact_keep_outputs(round, -1);
    else if (!err)
        compact_keep_merged(round);
    round_step(round);
}

/* The key is noted before anything is put there. */
static const char *make_key(struct rewrite *rewrite, const char *const *values, const char *name)
{
    struct compact_round *round = container_of(rewrite, struct compact_round, rewrite);
    const struct catalog_version *version = round->table->table;
    const struct catalog_locator table = {
        .namespace = version->namespace, .table = version->table, .version = version->version};
    const struct catalog_locator next = {
        .namespace = version->namespace, .table = version->table, .version = version->version + 1};
    char *folder = round->alteration
                       ? partition_path(&next, round->new_fields, round->new_field_count, values)
                       : partition_path(&table, round->fields, version->partition_count,
                             round->partition->values);
    const char *key = arena_printf(round->arena, "%s/%s", folder, name);

    free(folder);
    round->stored = mem_grow(
        round->stored, &round->stored_capacity, round->stored_count, sizeof(*round->stored));
    round->stored[round->stored_count++] = key;
    return key;
}

/* --- what states do --- */

static void list_deltas(struct compact_round *round)
{
    struct catalog *catalog = round->table->engine->catalog;
    const struct catalog_version *version = round->table->table;

    round->query = (struct catalog_query){.verb = CATALOG_LIST_PARTITION_DELTAS,
        .at = {.namespace = version->namespace,
            .table = version->table,
            .version = version->version,
            .partition_id = round->partition->id},
        .with_files = true,
        .arena = round->arena,
        .done = on_listed};
    catalog->type->query(catalog, &round->query);
}

/* Deltas that are only staged are somebody else's. */
static size_t keep_committed(struct catalog_query *query)
{
    size_t count = 0;

    for (size_t i = 0; i < query->count; i++) {
        if (query->deltas[i].position > 0)
            query->deltas[count++] = query->deltas[i];
    }
    return count;
}

static int make_plan(struct compact_round *round, struct error *err)
{
    const size_t count = keep_committed(&round->query);

    round->type = CATALOG_ADD;
    for (size_t i = 0; i < count; i++) {
        if (round->query.deltas[i].type != CATALOG_ADD)
            round->type = CATALOG_APPEND;
    }
    if (round->table->table->merge.key_count > 0)
        round->type = CATALOG_UPSERT;
    if (compact_plan_partition(round->table->table, round->partition, round->query.deltas, count,
            round->options, round->arena, &round->plan, err))
        return -1;
    if (round->plan.keyed)
        round->pieces = mem_calloc((size_t)round->options->buckets, sizeof(*round->pieces));
    return 0;
}

static void start_rewrite(struct compact_round *round, const struct rewrite *what)
{
    rewrite_deinit(&round->rewrite);
    round->rewrite = *what;
    round->rewrite.table = round->table;
    round->rewrite.arena = round->arena;
    round->rewrite.merges = round->plan.keyed || what->merges;
    round->rewrite.name = arena_printf(round->arena, "%s-%zu", round->id, round->name_count++);
    round->rewrite.done = on_rewritten;
    round->is_rewriting = true;
    rewrite_start(&round->rewrite);
}

/* The new files of a group; how many of them are deletes. */
static size_t collect_group(
    struct compact_round *round, struct rewrite_input **ret_inputs, size_t *ret_count)
{
    const struct compact_plan *plan = &round->plan;
    struct rewrite_input *inputs = arena_array(round->arena, plan->file_count, sizeof(*inputs));
    size_t count = 0, deletes = 0;

    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].role != COMPACT_NEW || plan->files[i].group != round->group)
            continue;
        inputs[count++] = (struct rewrite_input){
            .file = plan->files[i].file, .position = plan->files[i].position};
        deletes += plan->files[i].file->content == CATALOG_DELETES;
    }
    *ret_inputs = inputs;
    *ret_count = count;
    return deletes;
}

static struct sql_partition *bucket_field(struct compact_round *round)
{
    const struct catalog_merge *merge = &round->table->table->merge;
    struct sql_partition *field = arena_new(round->arena, struct sql_partition);

    *field = (struct sql_partition){.transform = SQL_PARTITION_KEY,
        .width = round->options->buckets,
        .columns = {.items = (const char **)merge->key, .count = merge->key_count}};
    return field;
}

static struct text_list sort_by(const struct compact_round *round)
{
    const struct catalog_version *table = round->table->table;

    return (struct text_list){.items = (const char **)table->sort_by, .count = table->sort_count};
}

/* Rows of the group first, then, over the same files, what it deletes. False: no group is left. */
static bool split_next(struct compact_round *round)
{
    struct rewrite what = {.partitions = bucket_field(round), .partition_count = 1};
    const bool direct = compact_is_direct(round);
    size_t deletes;

    if (direct) {
        what.key = make_key;
        what.sort_by = sort_by(round);
        what.file_bytes = round->options->file_bytes;
    }
    if (round->deletes_are_next) { /* its rows were written just now */
        what.inputs = round->rewrite.inputs;
        what.input_count = round->rewrite.input_count;
        what.deletes = true;
        round->deletes_are_next = false;
        start_rewrite(round, &what);
        return true;
    }
    if (round->name_count > 0)
        round->group++;
    if (round->group >= round->plan.group_count)
        return false;
    deletes = collect_group(round, &what.inputs, &what.input_count);
    what.deletes = deletes == what.input_count;
    round->deletes_are_next = deletes > 0 && !what.deletes;
    if (direct && round->table->table->merge.tombstones_ms == 0) {
        if (what.deletes) /* of nothing */
            return false;
        round->deletes_are_next = false;
    }
    what.keeps_inputs = round->deletes_are_next;
    start_rewrite(round, &what);
    return true;
}

/* --- without a key --- */

/* Files that stay, up to the next group; then that. */
static bool rewrite_next(struct compact_round *round)
{
    const struct compact_plan *plan = &round->plan;
    struct rewrite what = {
        .sort_by = sort_by(round), .file_bytes = round->options->file_bytes, .key = make_key};

    for (; round->next_file < plan->file_count; round->next_file++) {
        const struct compact_file *file = &plan->files[round->next_file];

        if (file->role == COMPACT_KEPT) {
            compact_keep_file(round, file->file, -1);
            round->files[round->file_count - 1].bucket = file->file->bucket;
        } else if (round->name_count == 0 || file->group != round->group) {
            round->group = file->group;
            collect_group(round, &what.inputs, &what.input_count);
            start_rewrite(round, &what);
            return true;
        }
    }
    return false;
}

/* --- with a key: bucket by bucket --- */

/* Of a table with one bucket the files are their own pieces. */
static void take_all_as_pieces(struct compact_round *round)
{
    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct compact_file *file = &round->plan.files[i];

        if (file->role == COMPACT_NEW)
            compact_add_piece(&round->pieces[0], file->file, file->position, NULL);
    }
}

/* Whether an old tombstone becomes part of the bucket's new file of them. */
static bool joins_new_ones(const struct compact_round *round, const struct compact_file *file)
{
    const struct catalog_merge *merge = &round->table->table->merge;

    return file->role == COMPACT_TOMBSTONE && round->pieces[file->bucket].deletes &&
           compact_slice(merge, file->committed_ms) ==
               compact_slice(merge, compact_deleted_ms(round));
}

/* Merging is easier where no old deletes are: those may be older than rows of the same position. */
static void mark_base(const struct compact_round *round, struct rewrite_input *inputs, size_t count)
{
    struct compact_pieces *pieces = &round->pieces[round->bucket];
    bool rows_only = true;

    for (size_t i = 0; i < count; i++)
        rows_only = rows_only && inputs[i].file->content == CATALOG_ROWS;
    for (size_t i = 0; i < count && rows_only; i++)
        inputs[i].base = true;
    /* The first group has each key once, too. */
    for (size_t i = 0; i < pieces->count && compact_is_split(round); i++)
        pieces->inputs[i].base = count == 0 && pieces->inputs[i].position == COMPACT_FIRST_GROUP &&
                                 pieces->inputs[i].file->content == CATALOG_ROWS;
}

/* What is old of the bucket, then what is new. `old_rows` false: of the old only the deletes that
 * share a file with the new ones. */
static void collect_bucket(struct compact_round *round, bool old_rows,
    struct rewrite_input **ret_inputs, size_t *ret_count)
{
    const struct compact_plan *plan = &round->plan;
    const struct compact_pieces *pieces = &round->pieces[round->bucket];
    struct rewrite_input *inputs =
        arena_array(round->arena, plan->file_count + pieces->count, sizeof(*inputs));
    size_t count = 0;

    for (size_t i = 0; i < plan->file_count; i++) {
        const struct compact_file *file = &plan->files[i];
        const bool is_old = file->role == COMPACT_BASE || file->role == COMPACT_TOMBSTONE;

        if (is_old && file->bucket == round->bucket && (old_rows || joins_new_ones(round, file)))
            inputs[count++] = (struct rewrite_input){.file = file->file,
                .position = compact_is_split(round) ? COMPACT_OLD_POSITION : file->position};
    }
    mark_base(round, inputs, count);
    for (size_t i = 0; i < pieces->count; i++)
        inputs[count++] = pieces->inputs[i];
    *ret_inputs = inputs;
    *ret_count = count;
}

/* Files of the bucket that go on as they are: all of them where nothing is new in it, else deletes
 * that were not joined with new ones. */
static void keep_old_files(struct compact_round *round)
{
    const bool untouched = round->pieces[round->bucket].count == 0;

    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct compact_file *file = &round->plan.files[i];

        if (file->bucket != round->bucket ||
            !((file->role == COMPACT_BASE && untouched) ||
                (file->role == COMPACT_TOMBSTONE && !joins_new_ones(round, file))))
            continue;
        compact_keep_file(round, file->file, round->bucket);
        if (file->role == COMPACT_TOMBSTONE)
            compact_note_tombstone(round, file->file->key, file->committed_ms);
    }
}

static void end_bucket(struct compact_round *round)
{
    json_t *range;
    int64_t rows = 0;

    keep_old_files(round);
    for (size_t i = round->bucket_first; i < round->file_count; i++) {
        if (round->files[i].content == CATALOG_ROWS)
            rows += round->files[i].rows;
    }
    round->bucket_begun = round->deletes_done = round->rows_done = false;
    if (round->file_count == round->bucket_first)
        return;
    range = json_object();
    json_put_int(range, "bucket", round->bucket);
    json_put_int(range, "first", (int64_t)round->bucket_first);
    json_put_int(range, "files", (int64_t)(round->file_count - round->bucket_first));
    json_put_int(range, "rows", rows);
    json_array_append_new(round->ranges, range);
}

static void begin_bucket(struct compact_round *round)
{
    const struct compact_pieces *pieces = &round->pieces[round->bucket];

    round->bucket_begun = true;
    round->bucket_first = round->file_count;
    for (size_t i = 0; i < pieces->ready_count; i++)
        compact_keep_file(round, &pieces->ready[i], round->bucket);
    round->rows_done = pieces->count == 0;
    round->deletes_done = !pieces->deletes || round->table->table->merge.tombstones_ms == 0;
}

/* The deletes of a bucket first, where they are kept; then its rows. False: no bucket is left. */
static bool merge_next(struct compact_round *round)
{
    struct rewrite what = {.file_bytes = round->options->file_bytes, .key = make_key};

    for (; round->bucket < round->options->buckets; round->bucket++) {
        if (!round->bucket_begun)
            begin_bucket(round);
        if (!round->deletes_done || !round->rows_done) {
            what.deletes = what.keeps_inputs = !round->deletes_done;
            what.sort_by = sort_by(round);
            collect_bucket(round, !what.deletes, &what.inputs, &what.input_count);
            start_rewrite(round, &what);
            return true;
        }
        end_bucket(round);
    }
    return false;
}

/* --- the whole flow --- */

static const char *describe(struct compact_round *round)
{
    json_t *said = json_object();
    char *line;
    const char *text;

    json_put_int(said, "watermark", round->plan.watermark);
    json_put_int(said, "rounds", round->plan.past.rounds + 1);
    if (round->plan.keyed) {
        json_put_int(said, "buckets", round->options->buckets);
        json_object_set(said, "ranges", round->ranges);
        if (round->tombstones)
            json_object_set(said, "tombstones", round->tombstones);
    }
    line = json_line(said);
    text = arena_strdup(round->arena, line);
    free(line);
    json_decref(said);
    return text;
}

static void finish(struct compact_round *round)
{
    if (round->cancelled && !round->err.code)
        error_set(&round->err, ERROR_STOPPED, "cancelled");
    round->step = COMPACT_ROUND_DONE;
    if (!round->err.code && !round->plan_only && round->plan.worth_it) {
        round->compaction = round->alteration ? NULL : describe(round);
        for (size_t i = 0; i < round->file_count; i++)
            round->rows += round->files[i].content == CATALOG_ROWS ? round->files[i].rows : 0;
    }
    round->done(round, round->err.code ? &round->err : NULL);
}

/* One rewrite of everything. */
static bool alter_all(struct compact_round *round)
{
    struct rewrite what = {
        .sort_by = sort_by(round), .file_bytes = round->options->file_bytes, .key = make_key};

    round->step = COMPACT_ROUND_SPLITTING;
    if (compact_alter_plan(round, &round->err) || round->plan_only || round->plan.file_count == 0 ||
        compact_alter_rewrite(round, &what, &round->err))
        return false;
    start_rewrite(round, &what);
    return true;
}

/* What has ended leads to this; true: it began something that ends in round_step(). */
static bool go_on(struct compact_round *round)
{
    switch (round->step) {
    case COMPACT_ROUND_LISTING:
        if (round->alteration)
            return alter_all(round);
        if (make_plan(round, &round->err) || round->plan_only || !round->plan.worth_it)
            return false;
        round->ranges = json_array();
        round->step = COMPACT_ROUND_SPLITTING;
        if (round->plan.keyed && !compact_is_split(round))
            take_all_as_pieces(round);
        __attribute__((fallthrough));
    case COMPACT_ROUND_SPLITTING:
        if (round->alteration)
            return false;
        if (!round->plan.keyed)
            return rewrite_next(round);
        if (compact_is_split(round) && split_next(round))
            return true;
        round->step = COMPACT_ROUND_MERGING;
        __attribute__((fallthrough));
    case COMPACT_ROUND_MERGING:
        return merge_next(round);
    case COMPACT_ROUND_DONE:
        break;
    }
    assert(!"nothing is under way in this state");
    return false;
}

static void round_step(struct compact_round *round)
{
    if (round->err.code || round->cancelled || !go_on(round))
        finish(round);
}

void compact_round_start(struct compact_round *round)
{
    round->step = COMPACT_ROUND_LISTING;
    if (round->alteration)
        compact_alter_list(round, on_listed);
    else
        list_deltas(round);
}

void compact_round_cancel(struct compact_round *round)
{
    round->cancelled = true;
    if (round->is_rewriting)
        rewrite_cancel(&round->rewrite);
}

static void free_pieces(struct compact_pieces *pieces)
{
    free(pieces->inputs);
    free(pieces->ready);
}

void compact_round_deinit(struct compact_round *round)
{
    rewrite_deinit(&round->rewrite);
    for (int64_t i = 0; round->pieces && i < round->options->buckets; i++)
        free_pieces(&round->pieces[i]);
    free(round->pieces);
    free(round->files);
    free(round->stored);
    free(round->values);
    json_decref(round->tombstones);
    json_decref(round->ranges);
    round->pieces = NULL;
    round->files = NULL;
    round->stored = NULL;
    round->values = NULL;
    round->tombstones = round->ranges = NULL;
    round->file_count = round->stored_count = 0;
}
