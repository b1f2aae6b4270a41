#include "runner/engine/fsck.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/engine/data_put.h"
#include "runner/io/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 10000 };

static void fsck_step(struct fsck *fsck);

/* --- what is wrong --- */

static void tell(struct fsck *fsck, const char *line)
{
    fsck->faults++;
    fsck->fault(fsck, line);
}

/* "n.t position 7: data file …/x.parquet is gone". */
static void tell_of_file(struct fsck_look *look, const char *what)
{
    struct fsck *fsck = look->fsck;
    struct buffer line;
    struct error ignored;
    struct store *store;
    const char *key;

    buffer_init(&line, 0);
    buffer_printf(&line, "data file ");
    if (engine_data_file(fsck->engine, look->file->key, &store, &key, &ignored) == 0)
        store->type->describe(store, key, &line);
    else
        buffer_puts(&line, look->file->key);
    if (look->delta->position > 0)
        buffer_printf(&line, " (position %" PRId64 ")", look->delta->position);
    buffer_printf(&line, " %s", what);
    tell(fsck, line.data);
    buffer_deinit(&line);
}

static void end_look(struct fsck_look *look)
{
    struct fsck *fsck = look->fsck;

    arena_deinit(&look->arena);
    free(look->path);
    look->path = NULL;
    look->busy = false;
    fsck->in_flight--;
    fsck_step(fsck);
}

/* --- what callbacks do: record, then step --- */

static void on_query(struct catalog_query *query, const struct error *err)
{
    struct fsck *fsck = container_of(query, struct fsck, query);

    error_keep_first(&fsck->err, err);
    fsck_step(fsck);
}

static void on_worked(struct work *work, bool ran)
{
    (void)ran;
    fsck_step(container_of(work, struct fsck, work));
}

static void on_summed(struct work *work, bool ran)
{
    struct fsck_look *look = container_of(work, struct fsck_look, work);
    char what[200];

    if (!ran || look->fsck->cancelled) {
        error_set(&look->fsck->err, ERROR_STOPPED, "cancelled");
    } else if (look->err.code) {
        snprintf(what, sizeof(what), "cannot be read: %.150s", look->err.message);
        tell_of_file(look, what);
    } else if (strcmp(look->checksum, look->file->checksum) != 0) {
        snprintf(what, sizeof(what),
            "is damaged: its checksum is %s, and was %.40s when it was "
            "committed",
            look->checksum, look->file->checksum);
        tell_of_file(look, what);
    }
    end_look(look);
}

static void sum_file(struct work *work)
{
    struct fsck_look *look = container_of(work, struct fsck_look, work);

    data_put_sum(look->path, work, look->checksum, &look->err);
    file_remove(look->path, NULL);
}

static void on_got(struct store_request *request, const struct error *err)
{
    struct fsck_look *look = container_of(request, struct fsck_look, request);
    char what[200];

    if (err && err->class == ERROR_CANCELLED) {
        error_keep_first(&look->fsck->err, err);
        end_look(look);
    } else if (err) {
        snprintf(what, sizeof(what), "cannot be read: %.150s", err->message);
        tell_of_file(look, what);
        end_look(look);
    } else {
        look->work = (struct work){.run = sum_file, .done = on_summed};
        work_submit(&look->fsck->engine->files, &look->work);
    }
}

static void read_bytes(struct fsck_look *look)
{
    struct store *store = look->request.store;
    const char *key = look->request.key;

    look->path = mem_printf("%s/look-%td", look->fsck->scratch.path, look - look->fsck->looks);
    look->request = (struct store_request){
        .verb = STORE_GET, .key = key, .path = look->path, .immutable = true, .done = on_got};
    store->type->start(store, &look->request);
}

static void on_found(struct store_request *request, const struct error *err)
{
    struct fsck_look *look = container_of(request, struct fsck_look, request);
    struct fsck *fsck = look->fsck;
    char what[200];

    if (err && err->code != ERROR_NOT_FOUND) {
        error_keep_first(&fsck->err, err);
    } else if (err || request->object_count == 0) {
        tell_of_file(look, "is gone");
    } else if (request->objects[0].size != look->file->bytes) {
        snprintf(what, sizeof(what),
            "has %" PRIu64 " bytes, and had %" PRIu64 " when it was committed",
            request->objects[0].size, look->file->bytes);
        tell_of_file(look, what);
    } else if (fsck->checksums && look->file->checksum && !fsck->cancelled) {
        read_bytes(look);
        return;
    } else {
        fsck->unsummed += !look->file->checksum;
    }
    end_look(look);
}

/* --- what states do on entry --- */

static void start_work(struct fsck *fsck, work_run_fn run)
{
    fsck->work = (struct work){.run = run, .done = on_worked};
    work_submit(&fsck->engine->files, &fsck->work);
}

static void do_nothing(struct work *work)
{
    (void)work;
}

static void make_scratch(struct work *work)
{
    struct fsck *fsck = container_of(work, struct fsck, work);
    char id[UUID_TEXT_SIZE];

    scratch_make(
        &fsck->scratch, fsck->engine->environment->spool, uuid_v7(time_now_ms(), id), &fsck->err);
}

static void remove_scratch(struct work *work)
{
    scratch_remove(&container_of(work, struct fsck, work)->scratch, NULL);
}

static void ask(struct fsck *fsck, enum catalog_query_verb verb, const char *after)
{
    char *kept = after ? mem_strdup(after) : NULL;

    arena_deinit(&fsck->page_arena);
    fsck->query = (struct catalog_query){.verb = verb,
        .at = fsck->at,
        .with_files = true,
        .limit = PAGE,
        .after = kept ? arena_strdup(&fsck->page_arena, kept) : NULL,
        .arena = &fsck->page_arena,
        .done = on_query};
    free(kept);
    fsck->delta = fsck->file = 0;
    fsck->catalog->type->query(fsck->catalog, &fsck->query);
}

/* NULL: the page has no more. */
static const struct catalog_file *next_file(
    struct fsck *fsck, const struct catalog_delta **ret_delta)
{
    while (fsck->delta < fsck->query.count) {
        const struct catalog_delta *delta = &fsck->query.deltas[fsck->delta];

        while (fsck->file < delta->file_count) {
            const struct catalog_file *file = &delta->files[fsck->file++];

            if (table_has(&fsck->seen, file->key))
                continue;
            table_put(&fsck->seen, file->key, NULL);
            *ret_delta = delta;
            return file;
        }
        fsck->delta++;
        fsck->file = 0;
    }
    return NULL;
}

static int look_at(struct fsck_look *look, struct error *err)
{
    struct store *store;
    const char *key;

    if (engine_data_file(look->fsck->engine, look->file->key, &store, &key, err))
        return -1;
    look->busy = true;
    look->err = (struct error){0};
    look->fsck->in_flight++;
    look->fsck->files++;
    look->fsck->bytes += look->file->bytes;
    arena_init(&look->arena);
    look->request = (struct store_request){
        .verb = STORE_LIST, .key = key, .arena = &look->arena, .done = on_found};
    store->type->start(store, &look->request);
    return 0;
}

/* True: some are looked at. */
static bool look_at_files(struct fsck *fsck)
{
    for (size_t i = 0; i < FSCK_FILES_AT_ONCE && !fsck->err.code; i++) {
        struct fsck_look *look = &fsck->looks[i];

        if (look->busy)
            continue;
        look->fsck = fsck;
        look->file = next_file(fsck, &look->delta);
        if (!look->file || look_at(look, &fsck->err))
            break;
    }
    return fsck->in_flight > 0;
}

/* --- the whole flow --- */

static bool begin_step(struct fsck *fsck)
{
    switch (fsck->step) {
    case FSCK_CATALOG:
        ask(fsck, CATALOG_CHECK, NULL);
        return true;
    case FSCK_MAKING:
        start_work(fsck, make_scratch);
        return true;
    case FSCK_LISTING:
        ask(fsck, CATALOG_LIST_ALL_FILES, fsck->query.next);
        return true;
    case FSCK_FILES:
        return look_at_files(fsck);
    case FSCK_CLEANING:
        start_work(fsck, remove_scratch);
        return true;
    case FSCK_IDLE:
    case FSCK_DONE:
        break;
    }
    return false;
}

/* The step after this one, which has ended well. */
static enum fsck_step next_step(struct fsck *fsck)
{
    switch (fsck->step) {
    case FSCK_IDLE:
        return FSCK_CATALOG;
    case FSCK_CATALOG:
        for (size_t i = 0; i < fsck->query.count; i++)
            tell(fsck, fsck->query.problems[i]);
        fsck->query.next = NULL;
        return fsck->checksums ? FSCK_MAKING : FSCK_LISTING;
    case FSCK_MAKING:
        return FSCK_LISTING;
    case FSCK_LISTING:
        return FSCK_FILES;
    case FSCK_FILES:
        if (fsck->in_flight > 0 || fsck->delta < fsck->query.count)
            return FSCK_FILES;
        return fsck->query.next ? FSCK_LISTING : FSCK_CLEANING;
    case FSCK_CLEANING:
    case FSCK_DONE:
        break;
    }
    return FSCK_DONE;
}

static void fsck_step(struct fsck *fsck)
{
    struct error err = {0};

    if (fsck->cancelled && fsck->step != FSCK_CLEANING) {
        error_set(&err, ERROR_STOPPED, "cancelled");
        error_keep_first(&fsck->err, &err);
    }
    if (fsck->in_flight > 0 && fsck->err.code)
        return; /* what is being read ends first */
    do {
        if (fsck->step == FSCK_IDLE)
            engine_catalog(fsck->engine, &fsck->catalog, &fsck->err);
        if (!fsck->err.code)
            fsck->step = next_step(fsck);
        else
            fsck->step =
                fsck->scratch.path && fsck->step != FSCK_CLEANING ? FSCK_CLEANING : FSCK_DONE;
        if (fsck->step == FSCK_DONE) {
            fsck->done(fsck, fsck->err.code ? &fsck->err : NULL);
            return;
        }
    } while (!begin_step(fsck));
}

void fsck_start(struct fsck *fsck)
{
    arena_init(&fsck->page_arena);
    table_init(&fsck->seen);
    fsck->step = FSCK_IDLE;
    start_work(fsck, do_nothing);
}

void fsck_cancel(struct fsck *fsck)
{
    fsck->cancelled = true;
    for (size_t i = 0; i < FSCK_FILES_AT_ONCE; i++) {
        struct fsck_look *look = &fsck->looks[i];

        if (look->busy && look->work.lane)
            work_cancel(&look->work);
        else if (look->busy && look->request.store)
            look->request.store->type->cancel(&look->request);
    }
}

void fsck_deinit(struct fsck *fsck)
{
    table_deinit(&fsck->seen);
    arena_deinit(&fsck->page_arena);
}
