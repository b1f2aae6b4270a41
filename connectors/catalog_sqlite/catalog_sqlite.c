#include "connectors/catalog_sqlite/catalog_sqlite.h"

#include "connectors/catalog_sqlite/database.h"
#include "runner/base/mem.h"

#include <assert.h>

struct catalog_sqlite {
    struct catalog catalog;
    struct sqlite db; /* of the job that runs */
    struct work_lane lane;
    struct operation *operations; /* under way */
};

/* One query or apply under way. */
struct operation {
    struct work work;
    struct catalog_sqlite *owner;
    struct catalog_query *query; /* or */
    struct catalog_apply *apply;
    struct error err;
    struct operation *next, **link;
};

static bool is_cancelled(void *data)
{
    return work_cancelled(data);
}

static void run_operation(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct sqlite *db = &operation->owner->db;

    int result;

    sqlite_set_stop(db, is_cancelled, work);
    if (operation->query)
        result = database_query(db, operation->query, &operation->err);
    else
        result = database_apply(db, operation->apply, &operation->err);
    if (!result)
        error_clear(&operation->err); /* what was looked for and is not there was noted in it */
    sqlite_set_stop(db, NULL, NULL);
}

static void finish_operation(struct work *work, bool ran)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct catalog_query *query = operation->query;
    struct catalog_apply *apply = operation->apply;
    struct error err = operation->err;

    *operation->link = operation->next;
    if (operation->next)
        operation->next->link = operation->link;
    free(operation);
    if (!ran)
        error_set(&err, ERROR_STOPPED, "the catalog was not asked: stopped");
    if (query)
        query->done(query, err.code ? &err : NULL);
    else
        apply->done(apply, err.code ? &err : NULL);
}

static struct operation *start_operation(
    struct catalog *catalog, struct catalog_query *query, struct catalog_apply *apply)
{
    struct catalog_sqlite *owner = container_of(catalog, struct catalog_sqlite, catalog);
    struct operation *operation = mem_new(struct operation);

    operation->work = (struct work){.run = run_operation, .done = finish_operation};
    operation->owner = owner;
    operation->query = query;
    operation->apply = apply;
    operation->next = owner->operations;
    operation->link = &owner->operations;
    if (operation->next)
        operation->next->link = &operation->next;
    owner->operations = operation;
    work_submit(&owner->lane, &operation->work);
    return operation;
}

static void start_query(struct catalog *catalog, struct catalog_query *query)
{
    query->catalog = catalog;
    query->operation = start_operation(catalog, query, NULL);
}

static void start_apply(struct catalog *catalog, struct catalog_apply *apply)
{
    apply->catalog = catalog;
    apply->operation = start_operation(catalog, NULL, apply);
}

static void cancel(struct catalog *catalog)
{
    struct catalog_sqlite *owner = container_of(catalog, struct catalog_sqlite, catalog);

    for (struct operation *operation = owner->operations; operation; operation = operation->next)
        work_cancel(&operation->work);
}

static struct catalog *open_catalog(const struct catalog_options *options, struct error *err)
{
    const struct sqlite_options file = {.path = options->location,
        .schema = &database_catalog_schema,
        .read_only = options->read_only,
        .durable = true};
    struct catalog_sqlite *owner = mem_new(struct catalog_sqlite);

    if (sqlite_open(&owner->db, &file, err)) {
        free(owner);
        return NULL;
    }
    owner->catalog.type = &catalog_sqlite_type;
    work_lane_init(&owner->lane, options->pool, "catalog", 1);
    return &owner->catalog;
}

static void close_catalog(struct catalog *catalog)
{
    struct catalog_sqlite *owner;

    if (!catalog)
        return;
    owner = container_of(catalog, struct catalog_sqlite, catalog);
    assert(!owner->operations);
    work_lane_deinit(&owner->lane);
    sqlite_close(&owner->db);
    free(owner);
}

const struct catalog_type catalog_sqlite_type = {
    .scheme = "sqlite",
    .open = open_catalog,
    .query = start_query,
    .apply = start_apply,
    .cancel = cancel,
    .close = close_catalog,
};
