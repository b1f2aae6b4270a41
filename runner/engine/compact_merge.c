/* Bucket by bucket: what is new is merged with what the round before left, what is left of nothing
 * new goes on as it is. */
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/compact_round_private.h"

/* Whether an old tombstone becomes part of the bucket's new file of them. */
static bool joins_new_ones(const struct compact_round *round, const struct compact_file *file)
{
    const struct catalog_merge *merge = &round->table->table->merge;

    return file->role == COMPACT_TOMBSTONE && round->pieces[file->bucket].deletes &&
           compact_slice(merge, file->committed_ms) ==
               compact_slice(merge, compact_round_deleted_ms(round));
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
    /* The first group has each key once, too. So has the first delta where nothing was split, but
     * its rows beat deletes of its own, which come before them. */
    rows_only = pieces->count > 0 &&
                (pieces->inputs[0].file->content == CATALOG_ROWS || compact_round_is_split(round));
    for (size_t i = 0; i < pieces->count; i++)
        pieces->inputs[i].base = count == 0 && rows_only &&
                                 pieces->inputs[i].position == pieces->inputs[0].position &&
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
                .position = compact_round_is_split(round) ? COMPACT_OLD_POSITION : file->position};
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
        compact_round_add_file(round, file->file, round->bucket);
        if (file->role == COMPACT_TOMBSTONE)
            compact_round_note_tombstone(round, file->file->key, file->committed_ms);
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
        compact_round_add_file(round, &pieces->ready[i], round->bucket);
    round->rows_done = pieces->count == 0;
    round->deletes_done = !pieces->deletes || round->table->table->merge.tombstones_ms == 0;
}

/* The deletes of a bucket first, where they are kept; then its rows. False: no bucket is left. */
bool compact_merge_next(struct compact_round *round)
{
    struct rewrite what = {.file_bytes = round->options->file_bytes, .key = compact_round_key};

    for (; round->bucket < round->options->buckets; round->bucket++) {
        if (!round->bucket_begun)
            begin_bucket(round);
        if (!round->deletes_done || !round->rows_done) {
            what.deletes = !round->deletes_done;
            if (compact_round_is_picked(round)) {
                what.buckets = round->options->buckets;
                what.bucket = round->bucket;
            }
            what.keeps_inputs = what.deletes || round->bucket + 1 < what.buckets;
            what.sort_by = compact_round_sort_by(round);
            what.any_order = what.buckets > 0 && (what.deletes || what.sort_by.count == 0);
            collect_bucket(round, !what.deletes, &what.inputs, &what.input_count);
            compact_round_rewrite(round, &what);
            return true;
        }
        end_bucket(round);
    }
    return false;
}
