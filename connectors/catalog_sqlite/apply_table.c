/* Namespaces and tables. */
#include "connectors/catalog_sqlite/apply.h"

#include "connectors/catalog_sqlite/metadata.h"

#include <stdio.h>

int apply_check_texts(const char *label, const struct catalog_change *change, struct error *err)
{
    char what[DATABASE_LABEL_SIZE + 32];

    snprintf(what, sizeof(what), "%s: description", label);
    if (metadata_check_text(what, change->description, err))
        return -1;
    snprintf(what, sizeof(what), "%s: properties", label);
    return metadata_check_object(what, change->properties, true, err);
}

/* 1: it is there and there is something to do; 0: nothing is, by if_missing or after an error. */
static int find_namespace(struct apply_context *context, const struct catalog_change *change,
    int64_t *ret_id, struct error *err)
{
    const struct catalog_locator at = {.namespace = change->at.namespace};
    char label[DATABASE_LABEL_SIZE];

    if (apply_check_texts(database_label(&at, label), change, err))
        return -1;
    return database_find_namespace(context->db, change->at.namespace, ret_id, err);
}

/* --- namespaces --- */

int apply_create_namespace(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const char *name = change->at.namespace;
    sqlite3_stmt *statement;
    int64_t id;
    int found;

    if (metadata_check_name("namespace", name, err))
        return -1;
    found = find_namespace(context, change, &id, err);
    if (found < 0 || (found == 1 && change->if_missing))
        return found < 0 ? -1 : 0;
    if (found == 1)
        return error_set(err, ERROR_EXISTS, "namespace %s: it exists already", name);
    statement = sqlite_statement(context->db,
        "INSERT INTO namespaces (name, created_ms, properties) VALUES (?1, ?2, ?3)", err);
    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, name);
    sqlite_bind_int(context->db, statement, 2, context->now_ms);
    sqlite_bind_text(context->db, statement, 3, change->properties ? change->properties : "{}");
    return sqlite_execute(context->db, statement, err);
}

int apply_update_namespace(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    sqlite3_stmt *statement;
    int64_t id;

    if (find_namespace(context, change, &id, err) != 1)
        return -1;
    if (change->new_name)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "namespace %s: it cannot be renamed, its name is in the keys of its files; create "
            "another one and load its tables again",
            change->at.namespace);
    statement = sqlite_statement(context->db,
        "UPDATE namespaces SET properties = ifnull(?2, properties) WHERE namespace_id = ?1", err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, id);
    sqlite_bind_text(context->db, statement, 2, change->properties);
    return sqlite_execute(context->db, statement, err);
}

int apply_delete_namespace(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    int64_t id, tables;
    const int found = find_namespace(context, change, &id, err);

    if (found == 0 && change->if_missing)
        return 0;
    if (found != 1 || apply_number(context, "SELECT count(*) FROM tables WHERE namespace_id = ?1",
                          id, 0, &tables, err))
        return -1;
    if (tables > 0)
        return error_set(err, ERROR_CONFLICT, "namespace %s: it has %lld table%s; delete %s first",
            change->at.namespace, (long long)tables, tables == 1 ? "" : "s",
            tables == 1 ? "it" : "them");
    return apply_execute(context, "DELETE FROM namespaces WHERE namespace_id = ?1", id, 0, 0, err);
}

/* --- tables --- */

static int find_table(struct apply_context *context, const struct catalog_change *change,
    int64_t *ret_id, struct error *err)
{
    const struct catalog_locator at = {
        .namespace = change->at.namespace, .table = change->at.table};
    char label[DATABASE_LABEL_SIZE];

    if (apply_check_texts(database_label(&at, label), change, err))
        return -1;
    return database_find_table(context->db, &change->at, ret_id, err);
}

int apply_create_table(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_locator *at = &change->at;
    sqlite3_stmt *statement;
    int64_t namespace_id, id;
    int found;

    if (metadata_check_name("table", at->table, err) ||
        database_find_namespace(context->db, at->namespace, &namespace_id, err) != 1)
        return -1;
    found = find_table(context, change, &id, err);
    if (found < 0 || (found == 1 && change->if_missing))
        return found < 0 ? -1 : 0;
    if (found == 1)
        return error_set(
            err, ERROR_EXISTS, "%s.%s: the table exists already", at->namespace, at->table);
    statement = sqlite_statement(context->db,
        "INSERT INTO tables (namespace_id, name, created_ms, description, properties)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, namespace_id);
    sqlite_bind_text(context->db, statement, 2, at->table);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    sqlite_bind_text(context->db, statement, 4, change->description);
    sqlite_bind_text(context->db, statement, 5, change->properties ? change->properties : "{}");
    return sqlite_execute(context->db, statement, err);
}

int apply_update_table(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const char *new_name = change->new_name;
    sqlite3_stmt *statement;
    int64_t id;

    if ((new_name && metadata_check_name("table", new_name, err)) ||
        find_table(context, change, &id, err) != 1)
        return -1;
    statement = sqlite_statement(context->db,
        "UPDATE tables SET name = ifnull(?2, name), description = ifnull(?3, description),"
        " properties = ifnull(?4, properties) WHERE table_id = ?1",
        err);
    if (!statement)
        return -1;
    apply_forget_streams(context);
    sqlite_bind_int(context->db, statement, 1, id);
    sqlite_bind_text(context->db, statement, 2, new_name);
    sqlite_bind_text(context->db, statement, 3, change->description);
    sqlite_bind_text(context->db, statement, 4, change->properties);
    if (sqlite_execute(context->db, statement, err) == 0)
        return 0;
    if (sqlite_constraint(context->db) == SQLITE_CONSTRAINT_UNIQUE)
        error_set(err, ERROR_EXISTS, "%s.%s: a table named %s exists already", change->at.namespace,
            change->at.table, new_name);
    return -1;
}

int apply_delete_table(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    int64_t id;
    const int found = find_table(context, change, &id, err);

    if (found == 0 && change->if_missing)
        return 0;
    if (found != 1 || apply_forget_versions(context, id, err))
        return -1;
    return apply_execute(context, "DELETE FROM tables WHERE table_id = ?1", id, 0, 0, err);
}
