#include "runner/engine/compact_round_private.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Reading all of it once more for each bucket is worth it for so few of them, and for a partition
 * beyond a 32nd of what is looked at together: what is smaller is sorted within the memory. */
enum { PICKED_BUCKETS = 8, PICKED_SHARE = 32 };

static void round_step(struct compact_round *round);

static bool has_buckets(const struct compact_round *round)
{
    return round->plan.keyed && round->options->buckets > 1;
}

/* Nothing old, and one group: what it is split into is what its buckets are. */
static bool is_direct(const struct compact_round *round)
{
    bool only_new = has_buckets(round) && round->plan.group_count == 1;

    for (size_t i = 0; i < round->plan.file_count; i++)
        only_new = only_new && round->plan.files[i].role != COMPACT_BASE &&
                   round->plan.files[i].role != COMPACT_TOMBSTONE;
    return only_new;
}

bool compact_round_is_picked(const struct compact_round *round)
{
    return round->options->buckets <= PICKED_BUCKETS &&
           round->plan.rewritten_bytes > round->options->group_bytes / PICKED_SHARE &&
           is_direct(round);
}

bool compact_round_is_split(const struct compact_round *round)
{
    return has_buckets(round) && !compact_round_is_picked(round);
}

/* --- what becomes of outputs --- */

void compact_round_add_file(
    struct compact_round *round, const struct catalog_file *file, int64_t bucket)
{
    struct catalog_file *own;

    round->files =
        mem_grow(round->files, &round->capacity, round->file_count, sizeof(*round->files));
    own = &round->files[round->file_count++];
    *own = *file;
    own->bucket = bucket + 1;
    if (own->checksum)
        own->checksum = arena_strdup(round->arena, own->checksum);
}

/* A shorter name has the smaller number. */
static int by_name(const void *a, const void *b)
{
    const char *one = ((const struct rewrite_output *)a)->file.key;
    const char *other = ((const struct rewrite_output *)b)->file.key;
    const size_t length = strlen(one), other_length = strlen(other);

    return length == other_length ? strcmp(one, other) : length < other_length ? -1 : 1;
}

static void keep_outputs(struct compact_round *round, int64_t bucket)
{
    struct rewrite *rewrite = &round->rewrite;

    mem_sort(rewrite->outputs, rewrite->output_count, sizeof(*rewrite->outputs), by_name);
    for (size_t i = 0; i < rewrite->output_count; i++) {
        compact_round_add_file(round, &rewrite->outputs[i].file, bucket);
        if (!round->alteration)
            continue;
        round->values = mem_grow(
            round->values, &round->value_capacity, round->file_count - 1, sizeof(*round->values));
        round->values[round->file_count - 1] = rewrite->outputs[i].values;
    }
}

static struct compact_pieces *pieces_of(struct compact_round *round, const char *bucket)
{
    const long long number = bucket ? strtoll(bucket, NULL, 10) : -1;

    return number >= 0 && number < round->options->buckets ? &round->pieces[number] : NULL;
}

static void add_piece(struct compact_pieces *pieces, const struct catalog_file *file,
    int64_t position, const char *path)
{
    pieces->inputs =
        mem_grow(pieces->inputs, &pieces->capacity, pieces->count, sizeof(*pieces->inputs));
    pieces->inputs[pieces->count++] =
        (struct rewrite_input){.file = file, .position = position, .path = path};
    pieces->deletes = pieces->deletes || file->content == CATALOG_DELETES;
}

/* What is old comes first, the groups follow one another. */
static int64_t group_position(const struct compact_round *round)
{
    return COMPACT_FIRST_GROUP + (int64_t)round->group;
}

/* When the newest deletes of this round were committed. */
int64_t compact_round_deleted_ms(const struct compact_round *round)
{
    int64_t newest = 0;

    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct compact_file *file = &round->plan.files[i];

        if (file->role == COMPACT_NEW && file->file->content == CATALOG_DELETES)
            newest = MAX(newest, file->committed_ms);
    }
    return newest;
}

void compact_round_note_tombstone(
    struct compact_round *round, const char *key, int64_t committed_ms)
{
    if (!round->tombstones)
        round->tombstones = json_object();
    json_put_int(round->tombstones, key, committed_ms);
}

static void keep_ready(
    struct compact_round *round, struct compact_pieces *pieces, const struct catalog_file *file)
{
    pieces->ready = mem_grow(
        pieces->ready, &pieces->ready_capacity, pieces->ready_count, sizeof(*pieces->ready));
    pieces->ready[pieces->ready_count] = *file;
    pieces->ready[pieces->ready_count++].checksum = arena_strdup(round->arena, file->checksum);
    if (file->content == CATALOG_DELETES)
        compact_round_note_tombstone(round, file->key, compact_round_deleted_ms(round));
}

static int keep_pieces(struct compact_round *round, struct error *err)
{
    const bool direct = is_direct(round);

    mem_sort(round->rewrite.outputs, round->rewrite.output_count, sizeof(*round->rewrite.outputs),
        by_name);
    for (size_t i = 0; i < round->rewrite.output_count; i++) {
        const struct rewrite_output *output = &round->rewrite.outputs[i];
        struct compact_pieces *pieces = pieces_of(round, output->values[0]);
        struct catalog_file *file = arena_new(round->arena, struct catalog_file);

        if (!pieces)
            return error_set(err, ERROR_INTERNAL, "rows were split into bucket %s of %" PRId64,
                output->values[0] ? output->values[0] : "NULL", round->options->buckets);
        *file = output->file;
        if (direct)
            keep_ready(round, pieces, file);
        else
            add_piece(pieces, file, group_position(round), output->path);
    }
    return 0;
}

/* Deletes were written before rows, and what was fetched for them is there; what a bucket was
 * picked from is there for the next one. */
static void keep_merged(struct compact_round *round)
{
    const struct rewrite *rewrite = &round->rewrite;
    const int64_t end =
        compact_round_is_picked(round) ? round->options->buckets : round->bucket + rewrite->deletes;
    const size_t count = round->pieces[round->bucket].count;

    for (size_t i = 0; rewrite->deletes && i < rewrite->output_count; i++)
        compact_round_note_tombstone(
            round, rewrite->outputs[i].file.key, compact_round_deleted_ms(round));
    for (int64_t b = round->bucket; b < end; b++) {
        for (size_t i = 0; i < count; i++)
            round->pieces[b].inputs[i].path =
                rewrite->inputs[rewrite->input_count - count + i].path;
    }
    round->rows_done = !rewrite->deletes;
    round->deletes_done = true;
    keep_outputs(round, round->bucket);
}

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
        keep_pieces(round, &round->err);
    else if (!err && round->step == COMPACT_ROUND_SPLITTING) /* without a key, or altered */
        keep_outputs(round, -1);
    else if (!err)
        keep_merged(round);
    round_step(round);
}

/* The key is noted before anything is put there. */
const char *compact_round_key(struct rewrite *rewrite, const char *const *values, const char *name)
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

void compact_round_rewrite(struct compact_round *round, const struct rewrite *what)
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

struct text_list compact_round_sort_by(const struct compact_round *round)
{
    const struct catalog_version *table = round->table->table;

    return (struct text_list){.items = (const char **)table->sort_by, .count = table->sort_count};
}

/* Rows of the group first, then, over the same files, what it deletes. False: no group is left. */
static bool split_next(struct compact_round *round)
{
    struct rewrite what = {.partitions = bucket_field(round), .partition_count = 1};
    const bool direct = is_direct(round);
    size_t deletes;

    if (direct) {
        what.key = compact_round_key;
        what.sort_by = compact_round_sort_by(round);
        what.file_bytes = round->options->file_bytes;
    }
    if (round->deletes_are_next) { /* its rows were written just now */
        what.inputs = round->rewrite.inputs;
        what.input_count = round->rewrite.input_count;
        what.deletes = true;
        round->deletes_are_next = false;
        compact_round_rewrite(round, &what);
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
    compact_round_rewrite(round, &what);
    return true;
}

/* --- without a key --- */

/* Files that stay, up to the next group; then that. */
static bool rewrite_next(struct compact_round *round)
{
    const struct compact_plan *plan = &round->plan;
    struct rewrite what = {.sort_by = compact_round_sort_by(round),
        .file_bytes = round->options->file_bytes,
        .key = compact_round_key};

    for (; round->next_file < plan->file_count; round->next_file++) {
        const struct compact_file *file = &plan->files[round->next_file];

        if (file->role == COMPACT_KEPT) {
            compact_round_add_file(round, file->file, -1);
            round->files[round->file_count - 1].bucket = file->file->bucket;
        } else if (round->name_count == 0 || file->group != round->group) {
            round->group = file->group;
            collect_group(round, &what.inputs, &what.input_count);
            compact_round_rewrite(round, &what);
            return true;
        }
    }
    return false;
}

/* Where nothing is split the files are the pieces of every bucket. */
static void take_all_as_pieces(struct compact_round *round)
{
    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct compact_file *file = &round->plan.files[i];

        for (int64_t b = 0; file->role == COMPACT_NEW && b < round->options->buckets; b++)
            add_piece(&round->pieces[b], file->file, file->position, NULL);
    }
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
    struct rewrite what = {.sort_by = compact_round_sort_by(round),
        .file_bytes = round->options->file_bytes,
        .key = compact_round_key};

    round->step = COMPACT_ROUND_SPLITTING;
    if (compact_alter_plan(round, &round->err) || round->plan_only || round->plan.file_count == 0 ||
        compact_alter_rewrite(round, &what, &round->err))
        return false;
    compact_round_rewrite(round, &what);
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
        if (round->plan.keyed && !compact_round_is_split(round))
            take_all_as_pieces(round);
        __attribute__((fallthrough));
    case COMPACT_ROUND_SPLITTING:
        if (round->alteration)
            return false;
        if (!round->plan.keyed)
            return rewrite_next(round);
        if (compact_round_is_split(round) && split_next(round))
            return true;
        round->step = COMPACT_ROUND_MERGING;
        __attribute__((fallthrough));
    case COMPACT_ROUND_MERGING:
        return compact_merge_next(round);
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
