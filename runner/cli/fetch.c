#include "runner/cli/fetch.h"

#include "runner/base/mem.h"

enum { FETCH_PARALLEL = 64 };

struct fetch_item {
    struct fetch *fetch;
    struct fetch_item *next;
    struct store *store;
    struct store_request request;
};

static void fetch_step(struct fetch *fetch);

void fetch_init(struct fetch *fetch, struct cli *cli, const char *folder)
{
    *fetch = (struct fetch){.cli = cli, .folder = folder};
}

static void on_fetched(struct store_request *request, const struct error *err)
{
    struct fetch *fetch = container_of(request, struct fetch_item, request)->fetch;

    fetch->in_flight--;
    error_keep_first(&fetch->err, err);
    fetch_step(fetch);
}

const char *fetch_add(struct fetch *fetch, struct store *store, const char *key)
{
    struct arena *arena = &fetch->cli->arena;
    struct fetch_item *item = arena_new(arena, struct fetch_item);
    const char *path = arena_printf(arena, "%s/fetched-%zu.parquet", fetch->folder, fetch->count++);

    item->fetch = fetch;
    item->store = store;
    item->request = (struct store_request){
        .verb = STORE_GET, .key = arena_strdup(arena, key), .path = path, .done = on_fetched};
    if (fetch->last)
        fetch->last->next = item;
    else
        fetch->first = fetch->next = item;
    fetch->last = item;
    return path;
}

static void cancel_all(struct fetch *fetch)
{
    if (fetch->stopping)
        return;
    fetch->stopping = true;
    for (struct fetch_item *item = fetch->first; item != fetch->next; item = item->next)
        item->store->type->cancel(&item->request);
}

static void fetch_step(struct fetch *fetch)
{
    if (fetch->err.code)
        cancel_all(fetch);
    while (fetch->next && fetch->in_flight < FETCH_PARALLEL && !fetch->err.code) {
        struct fetch_item *item = fetch->next;

        fetch->next = item->next;
        fetch->in_flight++;
        item->store->type->start(item->store, &item->request);
    }
    if (fetch->in_flight == 0)
        loop_on_stop(&fetch->cli->loop, NULL, NULL);
}

static void on_stop(void *data, int signal_number)
{
    struct fetch *fetch = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    error_keep_first(&fetch->err,
        &(struct error){.code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
    cancel_all(fetch);
}

int fetch_all(struct fetch *fetch, struct error *err)
{
    if (!fetch->first)
        return 0;
    loop_on_stop(&fetch->cli->loop, on_stop, fetch);
    fetch_step(fetch);
    loop_run(&fetch->cli->loop);
    if (!fetch->err.code)
        return 0;
    *err = fetch->err;
    return -1;
}
