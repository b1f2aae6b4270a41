#include "runner/engine/table_fetch.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>

struct fetch_item {
    struct table_fetch *fetch;
    const struct table_file *file;
    struct store *store;
    struct store_request get;
};

static void fetch_step(struct table_fetch *fetch);

/* --- what callbacks do: record, then step --- */

/* Says where it has to be put for everything to be well again. */
static int set_gone(const struct table_fetch *fetch, const struct table_file *file,
    const struct store *store, const char *key, struct error *err)
{
    const struct catalog_version *version = fetch->version;
    struct buffer path;

    buffer_init(&path, 0);
    store->type->describe(store, key, &path);
    error_set(err, ERROR_NOT_FOUND,
        "table %s.%s: its data file %s is gone: restore it as %s; `sluice catalog files %s.%s` "
        "lists them all",
        version->namespace, version->table, file->file->key, path.data, version->namespace,
        version->table);
    buffer_deinit(&path);
    return -1;
}

static void on_fetched(struct store_request *get, const struct error *err)
{
    struct fetch_item *item = container_of(get, struct fetch_item, get);
    struct table_fetch *fetch = item->fetch;
    struct slots *slots = fetch->read->slots;
    struct error placed = err ? *err : (struct error){0};

    fetch->in_flight--;
    if (placed.code == ERROR_NOT_FOUND)
        set_gone(fetch, item->file, item->store, get->key, &placed);
    else if (placed.code)
        error_prefix(&placed, "table %s.%s", fetch->version->namespace, fetch->version->table);
    error_keep_first(&fetch->err, &placed);
    fetch_step(fetch); /* may end it */
    slots_give(slots); /* last: the next one in line may be this very one */
}

static void on_slot(struct slot_waiter *waiter)
{
    fetch_step(container_of(waiter, struct table_fetch, waiter));
}

/* --- where files are --- */

static const char *fetched_path(const struct table_read *read, size_t number)
{
    return arena_printf(read->arena, "%s/%s%s%s.%zu.parquet", read->folder,
        read->space ? read->space : "", read->space ? "." : "", read->name, number);
}

/* Where a file of this machine is; NULL: it is not there, or not on this machine. */
static const char *path_in_place(
    const struct table_read *read, const struct store *store, const char *key)
{
    const char *found = NULL;
    struct buffer path;

    if (!read->in_place || !store->type->local_path)
        return NULL;
    buffer_init(&path, 0);
    if (store->type->local_path(store, key, &path))
        found = arena_strdup(read->arena, path.data);
    buffer_deinit(&path);
    return found;
}

static int find_file(struct table_fetch *fetch, struct table_file *file, struct error *err)
{
    struct table_read *read = fetch->read;
    struct store *store;
    const char *key;

    if (engine_data_file(read->engine, file->file->key, &store, &key, err))
        return -1;
    file->path = path_in_place(read, store, key);
    if (file->path)
        return 0;
    if (!read->folder && read->in_place && store->type->local_path)
        return set_gone(fetch, file, store, key, err);
    if (!read->folder)
        return error_set(err, ERROR_IO,
            "files of table %s.%s have to be fetched, and there is no folder to put them",
            fetch->version->namespace, fetch->version->table);
    file->path = fetched_path(read, fetch->count);
    fetch->items[fetch->count++] = (struct fetch_item){.fetch = fetch,
        .file = file,
        .store = store,
        .get = {.verb = STORE_GET,
            .key = arena_strdup(read->arena, key),
            .path = file->path,
            .immutable = true,
            .done = on_fetched}};
    return 0;
}

static void find_files(struct table_fetch *fetch)
{
    fetch->items = mem_calloc(fetch->files->count + 1, sizeof(*fetch->items));
    for (size_t i = 0; i < fetch->files->count && !fetch->err.code; i++) {
        struct table_file *file = &fetch->files->items[i];

        if (!file->skipped)
            find_file(fetch, file, &fetch->err);
    }
}

/* --- the whole flow --- */

static void start_fetches(struct table_fetch *fetch)
{
    while (fetch->next < fetch->count) {
        struct fetch_item *item = &fetch->items[fetch->next];

        if (!slots_take(fetch->read->slots, &fetch->waiter))
            return;
        fetch->next++;
        fetch->in_flight++;
        item->store->type->start(item->store, &item->get);
    }
}

/* Once: going through all of them again for each that ends would take their number squared. */
static void cancel_fetches(struct table_fetch *fetch)
{
    if (fetch->stopping)
        return;
    fetch->stopping = true;
    slots_forget(fetch->read->slots, &fetch->waiter);
    for (size_t i = 0; i < fetch->next; i++)
        fetch->items[i].store->type->cancel(&fetch->items[i].get);
}

static bool is_over(const struct table_fetch *fetch)
{
    return fetch->in_flight == 0 && (fetch->err.code || fetch->next == fetch->count);
}

static void fetch_step(struct table_fetch *fetch)
{
    if (fetch->err.code)
        cancel_fetches(fetch);
    else
        start_fetches(fetch);
    if (is_over(fetch))
        fetch->done(fetch, fetch->err.code ? &fetch->err : NULL);
}

bool table_fetch_start(struct table_fetch *fetch)
{
    fetch->waiter.granted = on_slot;
    find_files(fetch);
    if (!fetch->err.code)
        start_fetches(fetch);
    return !is_over(fetch);
}

void table_fetch_cancel(struct table_fetch *fetch)
{
    error_keep_first(&fetch->err,
        &(struct error){.code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
    if (fetch->in_flight > 0)
        cancel_fetches(fetch);
}

void table_fetch_deinit(struct table_fetch *fetch)
{
    free(fetch->items);
    fetch->items = NULL;
}
