/* What a round keeps: files that are to be committed, and pieces that its next rewrites read. */
#include "runner/engine/compact_round.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <inttypes.h>
#include <string.h>

bool compact_is_split(const struct compact_round *round)
{
    return round->plan.keyed && round->options->buckets > 1;
}

/* Nothing old, and one group: what it is split into is what its buckets are. */
bool compact_is_direct(const struct compact_round *round)
{
    bool only_new = compact_is_split(round) && round->plan.group_count == 1;

    for (size_t i = 0; i < round->plan.file_count; i++)
        only_new = only_new && round->plan.files[i].role != COMPACT_BASE &&
                   round->plan.files[i].role != COMPACT_TOMBSTONE;
    return only_new;
}

/* --- what becomes of outputs --- */

void compact_keep_file(struct compact_round *round, const struct catalog_file *file, int64_t bucket)
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

void compact_keep_outputs(struct compact_round *round, int64_t bucket)
{
    struct rewrite *rewrite = &round->rewrite;

    qsort(rewrite->outputs, rewrite->output_count, sizeof(*rewrite->outputs), by_name);
    for (size_t i = 0; i < rewrite->output_count; i++) {
        compact_keep_file(round, &rewrite->outputs[i].file, bucket);
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

void compact_add_piece(struct compact_pieces *pieces, const struct catalog_file *file,
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
int64_t compact_deleted_ms(const struct compact_round *round)
{
    int64_t newest = 0;

    for (size_t i = 0; i < round->plan.file_count; i++) {
        const struct compact_file *file = &round->plan.files[i];

        if (file->role == COMPACT_NEW && file->file->content == CATALOG_DELETES)
            newest = MAX(newest, file->committed_ms);
    }
    return newest;
}

void compact_note_tombstone(struct compact_round *round, const char *key, int64_t committed_ms)
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
        compact_note_tombstone(round, file->key, compact_deleted_ms(round));
}

int compact_keep_pieces(struct compact_round *round, struct error *err)
{
    const bool direct = compact_is_direct(round);

    qsort(round->rewrite.outputs, round->rewrite.output_count, sizeof(*round->rewrite.outputs),
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
            compact_add_piece(pieces, file, group_position(round), output->path);
    }
    return 0;
}

/* Deletes were written before rows, and what was fetched for them is there. */
void compact_keep_merged(struct compact_round *round)
{
    const struct rewrite *rewrite = &round->rewrite;
    struct compact_pieces *pieces = &round->pieces[round->bucket];

    for (size_t i = 0; rewrite->deletes && i < rewrite->output_count; i++)
        compact_note_tombstone(round, rewrite->outputs[i].file.key, compact_deleted_ms(round));
    for (size_t i = 0; rewrite->deletes && i < pieces->count; i++)
        pieces->inputs[i].path = rewrite->inputs[rewrite->input_count - pieces->count + i].path;
    round->rows_done = !rewrite->deletes;
    round->deletes_done = true;
    compact_keep_outputs(round, round->bucket);
}
