#include "runner/engine/gc.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"
#include "runner/io/file.h"

#include <assert.h>
#include <string.h>

enum { PAGE = 10000 };

static const char everything[] = "*/*/*/**/*.parquet";

static void gc_step(struct gc *gc);

/* --- what is ours: pure --- */

static bool is_name(const char *text, size_t length)
{
    char *name = mem_strndup(text, length);
    const bool valid = text_is_name(name, "_");

    free(name);
    return valid;
}

bool gc_is_ours(const char *key)
{
    const char *table = strchr(key, '/'), *version = table ? strchr(table + 1, '/') : NULL;
    const char *rest = version ? strchr(version + 1, '/') : NULL;
    const char *name = rest ? strrchr(key, '/') + 1 : NULL;
    char id[UUID_TEXT_SIZE];

    if (!name || !is_name(key, (size_t)(table - key)) ||
        !is_name(table + 1, (size_t)(version - table - 1)) || version[1] == '0' ||
        strspn(version + 1, "0123456789") != (size_t)(rest - version - 1))
        return false;
    if (strlen(name) < UUID_TEXT_SIZE || name[UUID_TEXT_SIZE - 1] != '-' ||
        !text_ends(name, ".parquet"))
        return false;
    memcpy(id, name, UUID_TEXT_SIZE - 1);
    id[UUID_TEXT_SIZE - 1] = '\0';
    return uuid_valid(id);
}

/* --- what callbacks do: record, then step --- */

static void on_store(struct store_request *request, const struct error *err)
{
    struct gc *gc = container_of(request, struct gc, store);

    /* An empty store, or one that was never written to. */
    if (err && !(gc->step == GC_STORED && err->code == ERROR_NOT_FOUND))
        error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_leases(struct state_request *request, const struct error *err)
{
    struct gc *gc = container_of(request, struct gc, leases);

    error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_staged(struct catalog_query *query, const struct error *err)
{
    struct gc *gc = container_of(query, struct gc, staged);

    error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_dropped(struct catalog_apply *apply, const struct error *err)
{
    struct gc *gc = container_of(apply, struct gc, apply);

    error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_known(struct catalog_query *query, const struct error *err)
{
    struct gc *gc = container_of(query, struct gc, query);

    error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_deleted(struct store_request *request, const struct error *err)
{
    struct gc_deletion *deletion = container_of(request, struct gc_deletion, request);
    struct gc *gc = deletion->gc;

    deletion->busy = false;
    gc->in_flight--;
    gc->removed += !err;
    error_keep_first(&gc->err, err);
    gc_step(gc);
}

static void on_worked(struct work *work, bool ran)
{
    (void)ran;
    gc_step(container_of(work, struct gc, work));
}

/* --- what states do on entry: true, it began something that ends in gc_step() --- */

static void do_nothing(struct work *work)
{
    (void)work;
}

static void start_work(struct gc *gc, work_run_fn run)
{
    gc->work = (struct work){.run = run, .done = on_worked};
    work_submit(&gc->engine->files, &gc->work);
}

static void make_mark(struct work *work)
{
    struct gc *gc = container_of(work, struct gc, work);
    char id[UUID_TEXT_SIZE];

    uuid_v7(time_now_ms(), id);
    gc->mark_key = arena_printf(&gc->arena, "sluice-clock-%s", id);
    if (scratch_make(&gc->scratch, gc->engine->environment->spool, id, &gc->err))
        return;
    gc->mark_path = file_join(gc->scratch.path, "clock");
    file_write(gc->mark_path, "", 0, &gc->err);
}

static void remove_scratch(struct work *work)
{
    scratch_remove(&container_of(work, struct gc, work)->scratch, NULL);
}

/* A page of the store. */
static int keep_unknown(struct store_request *request, const struct store_object *objects,
    size_t count, struct error *err)
{
    struct gc *gc = container_of(request, struct gc, store);
    struct buffer name;

    (void)err;
    buffer_init(&name, 0);
    for (size_t i = 0; i < count; i++) {
        struct store_object *object;

        if (!gc_is_ours(objects[i].key))
            continue;
        buffer_clear(&name);
        gc->tables->type->describe(gc->tables, objects[i].key, &name);
        if (table_has(&gc->known, name.data))
            continue;
        object = arena_new(&gc->arena, struct store_object);
        *object = (struct store_object){.key = arena_strdup(&gc->arena, objects[i].key),
            .size = objects[i].size,
            .modified_ms = objects[i].modified_ms};
        table_put(&gc->unknown, name.data, object);
    }
    buffer_deinit(&name);
    return 0;
}

static bool ask_store(struct gc *gc, enum store_verb verb, const char *key)
{
    gc->store = (struct store_request){.verb = verb,
        .key = key,
        .path = gc->mark_path,
        .arena = &gc->page_arena,
        .done = on_store};
    if (gc->step == GC_STORED)
        gc->store.page = keep_unknown;
    gc->tables->type->start(gc->tables, &gc->store);
    return true;
}

static bool ask_leases(struct gc *gc)
{
    gc->leases =
        (struct state_request){.verb = STATE_LIST_LEASES, .arena = &gc->arena, .done = on_leases};
    gc->state->type->start(gc->state, &gc->leases);
    return true;
}

static bool ask_staged(struct gc *gc)
{
    gc->staged =
        (struct catalog_query){.verb = CATALOG_LIST_STAGED, .arena = &gc->arena, .done = on_staged};
    gc->catalog->type->query(gc->catalog, &gc->staged);
    return true;
}

static bool drop_staged(struct gc *gc)
{
    gc->drop = (struct catalog_change){.verb = CATALOG_DROP_STAGED, .before_ms = gc->abandoned_ms};
    gc->apply = (struct catalog_apply){.changes = &gc->drop, .count = 1, .done = on_dropped};
    gc->catalog->type->apply(gc->catalog, &gc->apply);
    return true;
}

static bool ask_known(struct gc *gc, const char *after)
{
    char *kept = after ? mem_strdup(after) : NULL;

    arena_deinit(&gc->page_arena);
    gc->query = (struct catalog_query){.verb = CATALOG_LIST_ALL_FILES,
        .with_files = true,
        .limit = PAGE,
        .after = kept ? arena_strdup(&gc->page_arena, kept) : NULL,
        .arena = &gc->page_arena,
        .done = on_known};
    free(kept);
    gc->catalog->type->query(gc->catalog, &gc->query);
    return true;
}

static int open_all(struct gc *gc, struct error *err)
{
    if (engine_catalog(gc->engine, &gc->catalog, err) ||
        engine_state(gc->engine, &gc->state, err) || engine_tables(gc->engine, &gc->tables, err))
        return -1;
    return 0;
}

/* One name for each object, however the catalog names it: keys, absolute paths, URLs. */
static void keep_known(struct gc *gc, void (*keep)(struct gc *gc, const char *name))
{
    struct buffer name;

    buffer_init(&name, 0);
    for (size_t i = 0; i < gc->query.count && !gc->err.code; i++) {
        for (size_t j = 0; j < gc->query.deltas[i].file_count && !gc->err.code; j++) {
            struct store *store;
            const char *key;

            if (engine_data_file(
                    gc->engine, gc->query.deltas[i].files[j].key, &store, &key, &gc->err))
                break;
            buffer_clear(&name);
            store->type->describe(store, key, &name);
            keep(gc, name.data);
        }
    }
    buffer_deinit(&name);
}

static void add_known(struct gc *gc, const char *name)
{
    table_put(&gc->known, name, NULL);
}

static void take_from_unknown(struct gc *gc, const char *name)
{
    if (table_has(&gc->unknown, name))
        table_put(&gc->unknown, name, NULL);
}

static bool is_busy(const struct gc *gc, const char *key)
{
    const char *name = strrchr(key, '/') + 1;

    for (size_t i = 0; i < gc->leases.count; i++) {
        if (text_starts(name, gc->leases.leases[i].run_id))
            return true;
    }
    return false;
}

static void find_orphans(struct gc *gc)
{
    gc->orphans = mem_calloc(gc->unknown.count + 1, sizeof(*gc->orphans));
    for (size_t i = 0; i < gc->unknown.count; i++) {
        const struct store_object *object = gc->unknown.entries[i].value;

        if (!object)
            continue;
        if (is_busy(gc, object->key)) {
            gc->busy++;
        } else if (gc->now_ms - object->modified_ms < gc->grace_ms) {
            gc->young++;
        } else {
            gc->orphans[gc->orphan_count++] = *object;
            gc->orphan_bytes += object->size;
        }
    }
}

/* As many at once as there is room for. */
static bool delete_orphans(struct gc *gc)
{
    for (size_t i = 0; i < GC_DELETIONS && gc->next < gc->orphan_count; i++) {
        struct gc_deletion *deletion = &gc->deletions[i];

        if (deletion->busy || gc->err.code || gc->cancelled)
            continue;
        deletion->gc = gc;
        deletion->busy = true;
        deletion->request = (struct store_request){
            .verb = STORE_DELETE, .key = gc->orphans[gc->next++].key, .done = on_deleted};
        gc->in_flight++;
        gc->tables->type->start(gc->tables, &deletion->request);
    }
    return gc->in_flight > 0;
}

/* --- the whole flow --- */

static bool begin_step(struct gc *gc)
{
    switch (gc->step) {
    case GC_MAKING:
        start_work(gc, make_mark);
        return true;
    case GC_MARKING:
        return ask_store(gc, STORE_PUT, gc->mark_key);
    case GC_TIMING:
        return ask_store(gc, STORE_LIST, gc->mark_key);
    case GC_UNMARKING:
        return ask_store(gc, STORE_DELETE, gc->mark_key);
    case GC_STORED:
        return ask_store(gc, STORE_LIST, everything);
    case GC_LEASES:
        return ask_leases(gc);
    case GC_STAGED:
        return ask_staged(gc);
    case GC_DROPPING:
        return drop_staged(gc);
    case GC_KNOWN:
    case GC_CHECKING:
        return ask_known(gc, gc->query.next);
    case GC_DELETING:
        return delete_orphans(gc);
    case GC_SWEEPING:
        return ask_store(gc, STORE_SWEEP, everything);
    case GC_CLEANING:
        start_work(gc, remove_scratch);
        return true;
    case GC_IDLE:
    case GC_DONE:
        break;
    }
    return false;
}

/* All that is unknown for good is an orphan, or will be once it is old enough. */
static enum gc_step after_listing(struct gc *gc)
{
    find_orphans(gc);
    return gc->removes ? GC_DELETING : GC_DONE;
}

static enum gc_step after_dropping(struct gc *gc)
{
    gc->query.next = NULL;
    return GC_KNOWN;
}

static enum gc_step after_store(struct gc *gc)
{
    table_deinit(&gc->known);
    table_init(&gc->known);
    if (gc->store.store_ms && !gc->removes)
        gc->now_ms = gc->store.store_ms;
    gc->query.next = NULL;
    return gc->unknown.count > 0 ? GC_LEASES : after_listing(gc);
}

static enum gc_step after_known(struct gc *gc)
{
    const bool first = gc->step == GC_KNOWN;

    keep_known(gc, first ? add_known : take_from_unknown);
    if (gc->query.next && !gc->err.code)
        return gc->step;
    return first ? GC_STORED : after_listing(gc);
}

/* The step after this one, which has ended well. */
static enum gc_step next_step(struct gc *gc)
{
    switch (gc->step) {
    case GC_IDLE:
        gc->now_ms = time_now_ms();
        gc->abandoned_ms = gc->staged_ms > 0 ? gc->now_ms - gc->staged_ms : 0;
        return gc->removes ? GC_MAKING : GC_STAGED;
    case GC_MAKING:
        return GC_MARKING;
    case GC_MARKING:
        return GC_TIMING;
    case GC_TIMING:
        if (gc->store.object_count > 0)
            gc->now_ms = gc->store.objects[0].modified_ms;
        return GC_UNMARKING;
    case GC_UNMARKING:
        return GC_STAGED;
    case GC_STAGED:
        return gc->removes && gc->abandoned_ms > 0 ? GC_DROPPING : after_dropping(gc);
    case GC_DROPPING:
        return after_dropping(gc);
    case GC_KNOWN:
    case GC_CHECKING:
        return after_known(gc);
    case GC_STORED:
        return after_store(gc);
    case GC_LEASES:
        return GC_CHECKING;
    case GC_DELETING:
        return gc->next < gc->orphan_count || gc->in_flight > 0 ? GC_DELETING : GC_SWEEPING;
    case GC_SWEEPING:
        gc->swept = gc->store.object_count;
        return GC_CLEANING;
    case GC_CLEANING:
    case GC_DONE:
        break;
    }
    return GC_DONE;
}

static void finish(struct gc *gc)
{
    gc->done(gc, gc->err.code ? &gc->err : NULL);
}

static void gc_step(struct gc *gc)
{
    if (gc->cancelled && gc->step != GC_CLEANING)
        error_keep_first(
            &gc->err, &(struct error){
                          .code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
    if (gc->in_flight > 0 && gc->err.code)
        return; /* what is being deleted ends first */
    do {
        if (gc->step == GC_IDLE)
            open_all(gc, &gc->err);
        if (!gc->err.code)
            gc->step = next_step(gc);
        if (gc->err.code)
            gc->step = gc->scratch.path && gc->step != GC_CLEANING ? GC_CLEANING : GC_DONE;
        if (gc->step == GC_DONE) {
            finish(gc);
            return;
        }
    } while (!begin_step(gc));
}

void gc_start(struct gc *gc)
{
    arena_init(&gc->arena);
    arena_init(&gc->page_arena);
    table_init(&gc->known);
    table_init(&gc->unknown);
    gc->step = GC_IDLE;
    start_work(gc, do_nothing);
}

void gc_cancel(struct gc *gc)
{
    gc->cancelled = true;
    if ((gc->step == GC_STORED || gc->step == GC_SWEEPING) && gc->store.store)
        gc->tables->type->cancel(&gc->store);
}

void gc_deinit(struct gc *gc)
{
    free(gc->orphans);
    free(gc->mark_path);
    table_deinit(&gc->known);
    table_deinit(&gc->unknown);
    arena_deinit(&gc->arena);
    arena_deinit(&gc->page_arena);
}
