#include "connectors/duckdb/ast.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A CTE that is visible; its body sees `outer`. */
struct cte {
    const char *name;
    const json_t *body;      /* a query node; NULL: a recursive one, from inside itself */
    const struct cte *scope; /* what the body sees */
    const struct cte *outer; /* the next visible one */
    bool *driven;            /* its drivers are known already */
};

struct reader {
    struct arena scratch;
    struct sql_table *tables; /* malloc'd; names belong to the tree */
    size_t table_count, table_capacity;
    struct table parameters, ctes; /* names, a set each */
    bool rootless;
    size_t offset; /* of the trouble */
    struct error *err;
};

/* What a FROM may call: they make rows of their arguments and read nothing else. */
static const char *const harmless_functions[] = {"range", "generate_series", "unnest", "repeat",
    "repeat_row", "json_each", "json_tree", "generate_subscripts", "regexp_split_to_table",
    "icu_calendar_names", "pg_timezone_names", NULL};

/* Scalar functions that look or reach outside of the data. */
static const char *const refused_functions[] = {"getenv", "write_log", "current_setting",
    "getvariable", "nextval", "currval", "current_query", NULL};

static const char *const file_extensions[] = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson",
    ".geojson", ".parquet", ".pq", ".gz", ".zst", ".db", ".duckdb", ".xlsx", ".avro", ".arrow",
    NULL};

static const char *const own_schemas[] = {
    "information_schema", "pg_catalog", "system", "temp", NULL};

static int read_query(struct reader *r, const json_t *node, const struct cte *scope, bool drives);
static int read_values(struct reader *r, const json_t *value, const struct cte *scope);

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcasecmp(name, *list) == 0)
            return true;
    }
    return false;
}

static size_t location(const json_t *object)
{
    const json_t *value = json_object_get(object, "query_location");

    return json_is_number(value) ? (size_t)json_number_value(value) : 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);

    return text ? text : "";
}

static int refuse(struct reader *r, const json_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct reader *r, const json_t *at, const char *format, ...)
{
    va_list args;

    r->offset = location(at);
    va_start(args, format);
    error_setv(r->err, ERROR_SQL, format, args);
    va_end(args);
    return -1;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static bool is_file_name(const char *name)
{
    if (strpbrk(name, "/\\*:"))
        return true;
    for (const char *const *extension = file_extensions; *extension; extension++) {
        const size_t length = strlen(name), size = strlen(*extension);

        if (length > size && strcasecmp(name + length - size, *extension) == 0)
            return true;
    }
    return false;
}

static int add_table(struct reader *r, const json_t *ref, bool drives)
{
    const char *schema = json_get_text(ref, "schema_name");
    const char *name = text_of(ref, "table_name");

    if (is_file_name(name))
        return refuse(r, ref, "\"%s\" is a file: make it an extract and select from that", name);
    if (json_get_text(ref, "catalog_name"))
        return refuse(r, ref, "%s.%s.%s: a table is named by its name, or by namespace.name",
            text_of(ref, "catalog_name"), schema ? schema : "", name);
    if (schema && is_one_of(schema, own_schemas))
        return refuse(r, ref, "%s.%s: the engine's own tables cannot be read", schema, name);

    for (size_t i = 0; i < r->table_count; i++) {
        struct sql_table *table = &r->tables[i];

        if (strcasecmp(table->name, name) == 0 &&
            strcasecmp(table->schema ? table->schema : "", schema ? schema : "") == 0) {
            table->is_driver = table->is_driver || drives;
            table->offset = MIN(table->offset, location(ref));
            return 0;
        }
    }
    r->tables = mem_grow(r->tables, &r->table_capacity, r->table_count, sizeof(*r->tables));
    r->tables[r->table_count++] = (struct sql_table){
        .schema = schema, .name = name, .offset = location(ref), .is_driver = drives};
    return 0;
}

static int read_base_table(
    struct reader *r, const json_t *ref, const struct cte *scope, bool drives)
{
    const struct cte *cte = scope;

    if (json_get_text(ref, "schema_name"))
        return add_table(r, ref, drives);
    while (cte && strcasecmp(cte->name, text_of(ref, "table_name")) != 0)
        cte = cte->outer;
    if (!cte)
        return add_table(r, ref, drives);

    if (!drives || !cte->body || *cte->driven)
        return 0;
    *cte->driven = true;
    return read_query(r, cte->body, cte->scope, true);
}

static int read_table_function(struct reader *r, const json_t *ref, const struct cte *scope)
{
    const json_t *function = json_object_get(ref, "function");
    const char *name = text_of(function, "function_name");

    if (!is_one_of(name, harmless_functions))
        return refuse(r, ref,
            "%s() cannot be called in a FROM: SQL reads datasets only; make what it reads an "
            "extract",
            name);
    return read_values(r, json_object_get(function, "children"), scope);
}

/* Every member but those named. */
static int read_others(
    struct reader *r, const json_t *object, const struct cte *scope, const char *const *handled)
{
    json_t *mutable = (json_t *)object; /* jansson's iterators take no const */
    const char *key;
    json_t *value;

    json_object_foreach(mutable, key, value)
    {
        if (!is_one_of(key, handled) && read_values(r, value, scope))
            return -1;
    }
    return 0;
}

static int read_from(struct reader *r, const json_t *ref, const struct cte *scope, bool drives)
{
    static const char *const parts[] = {"left", "right", "source", NULL};
    const char *type = text_of(ref, "type");

    if (strcmp(type, "BASE_TABLE") == 0)
        return read_base_table(r, ref, scope, drives);
    if (drives && (strcmp(type, "TABLE_FUNCTION") == 0 || strcmp(type, "EXPRESSION_LIST") == 0 ||
                      strcmp(type, "EMPTY") == 0))
        r->rootless = true;
    if (strcmp(type, "SUBQUERY") == 0)
        return read_query(
            r, json_object_get(json_object_get(ref, "subquery"), "node"), scope, drives);
    if (strcmp(type, "TABLE_FUNCTION") == 0) {
        r->rootless = r->rootless || drives;
        return read_table_function(r, ref, scope);
    }
    if (strcmp(type, "JOIN") == 0) {
        if (read_from(r, json_object_get(ref, "left"), scope, drives) ||
            read_from(r, json_object_get(ref, "right"), scope, false))
            return -1;
    } else if (strcmp(type, "PIVOT") == 0) {
        if (read_from(r, json_object_get(ref, "source"), scope, drives))
            return -1;
    } else if (strcmp(type, "SHOW_REF") == 0) {
        return refuse(r, ref, "DESCRIBE, SUMMARIZE and SHOW are no SELECT: write one SELECT");
    } else if (strcmp(type, "EXPRESSION_LIST") != 0 && strcmp(type, "EMPTY") != 0) {
        return refuse(r, ref, "a FROM with %s is not supported", type);
    } else {
        r->rootless = r->rootless || drives;
    }
    return read_others(r, ref, scope, parts);
}

/* --- expressions -------------------------------------------------------------------------------
 */

static int read_parameter(struct reader *r, const json_t *object)
{
    const char *name = text_of(object, "identifier");

    if (isdigit((unsigned char)name[0]))
        return refuse(r, object, "parameters have names: write $since, not ? or $%s", name);
    table_put(&r->parameters, name, r);
    return 0;
}

static int read_object(struct reader *r, const json_t *object, const struct cte *scope)
{
    static const char *const handled[] = {"subquery", NULL};
    const char *class = text_of(object, "class");

    if (strcmp(class, "PARAMETER") == 0)
        return read_parameter(r, object);
    if (strcmp(class, "FUNCTION") == 0) {
        const char *name = text_of(object, "function_name");

        if (is_one_of(name, refused_functions))
            return refuse(r, object, "%s() is not available: pass the value as a parameter", name);
    }
    if (strcmp(class, "SUBQUERY") == 0) {
        const json_t *subquery = json_object_get(object, "subquery");

        if (read_query(r, json_object_get(subquery, "node"), scope, false))
            return -1;
        return read_others(r, object, scope, handled);
    }
    return read_others(r, object, scope, handled + 1);
}

/* Any part of the tree that holds expressions. */
static int read_values(struct reader *r, const json_t *value, const struct cte *scope)
{
    if (json_is_object(value))
        return read_object(r, value, scope);
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (read_values(r, json_array_get(value, i), scope))
            return -1;
    }
    return 0;
}

/* --- queries -----------------------------------------------------------------------------------
 */

static int bind_ctes(struct reader *r, const json_t *node, const struct cte **scope)
{
    const json_t *map = json_object_get(json_object_get(node, "cte_map"), "map");

    for (size_t i = 0; i < json_array_size(map); i++) {
        const json_t *entry = json_array_get(map, i);
        const json_t *query = json_object_get(json_object_get(entry, "value"), "query");
        struct cte *cte = arena_new(&r->scratch, struct cte);

        cte->name = text_of(entry, "key");
        cte->body = json_object_get(query, "node");
        cte->scope = cte->outer = *scope;
        cte->driven = arena_new(&r->scratch, bool);
        if (read_query(r, cte->body, cte->scope, false))
            return -1;
        table_put(&r->ctes, cte->name, r);
        *scope = cte;
    }
    return 0;
}

static int read_branches(struct reader *r, const json_t *node, const struct cte *scope, bool drives)
{
    const char *operation = text_of(node, "setop_type");
    const bool all_drive = drives && strncmp(operation, "UNION", 5) == 0;
    const json_t *children = json_object_get(node, "children");

    for (size_t i = 0; i < json_array_size(children); i++) {
        if (read_query(r, json_array_get(children, i), scope, i == 0 ? drives : all_drive))
            return -1;
    }
    if (children)
        return 0;
    if (read_query(r, json_object_get(node, "left"), scope, drives))
        return -1;
    return read_query(r, json_object_get(node, "right"), scope, all_drive);
}

static int read_recursive(
    struct reader *r, const json_t *node, const struct cte *scope, bool drives)
{
    const struct cte self = {
        .name = text_of(node, "cte_name"), .body = NULL, .scope = scope, .outer = scope};

    if (read_query(r, json_object_get(node, "left"), scope, drives))
        return -1;
    return read_query(r, json_object_get(node, "right"), &self, drives);
}

static int read_query(struct reader *r, const json_t *node, const struct cte *scope, bool drives)
{
    static const char *const handled[] = {
        "cte_map", "from_table", "left", "right", "children", NULL};
    const char *type = text_of(node, "type");

    if (bind_ctes(r, node, &scope))
        return -1;
    if (strcmp(type, "SELECT_NODE") == 0) {
        if (read_from(r, json_object_get(node, "from_table"), scope, drives))
            return -1;
    } else {
        if (strcmp(type, "SET_OPERATION_NODE") == 0) {
            if (read_branches(r, node, scope, drives))
                return -1;
        } else if (strcmp(type, "RECURSIVE_CTE_NODE") == 0) {
            if (read_recursive(r, node, scope, drives))
                return -1;
        } else {
            return refuse(
                r, node, "%s is not supported: write one SELECT", *type ? type : "an empty query");
        }
    }
    return read_others(r, node, scope, handled);
}

/* --- the result --------------------------------------------------------------------------------
 */

static int by_offset(const void *a, const void *b)
{
    const struct sql_table *left = a, *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

static void copy_names(const struct table *names, struct arena *arena, struct text_list *ret)
{
    struct text_list list = {.count = names->count};

    list.items = arena_array(arena, names->count, sizeof(*list.items));
    for (size_t i = 0; i < names->count; i++)
        list.items[i] = arena_strdup(arena, names->entries[i].key);
    *ret = list;
}

static void copy_result(struct reader *r, struct arena *arena, struct sql_statement *ret)
{
    struct sql_statement statement = {.rootless = r->rootless, .table_count = r->table_count};

    mem_sort(r->tables, r->table_count, sizeof(*r->tables), by_offset);
    statement.tables = arena_array(arena, r->table_count, sizeof(*statement.tables));
    for (size_t i = 0; i < r->table_count; i++) {
        statement.tables[i] = r->tables[i];
        statement.tables[i].name = arena_strdup(arena, r->tables[i].name);
        if (r->tables[i].schema)
            statement.tables[i].schema = arena_strdup(arena, r->tables[i].schema);
    }
    copy_names(&r->parameters, arena, &statement.parameters);
    copy_names(&r->ctes, arena, &statement.ctes);
    *ret = statement;
}

int ast_read(const json_t *statement, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err)
{
    struct reader r = {.err = err};
    int rc;

    arena_init(&r.scratch);
    table_init(&r.parameters);
    table_init(&r.ctes);
    rc = read_query(&r, json_object_get(statement, "node"), NULL, true);
    if (rc)
        *ret_offset = r.offset;
    else
        copy_result(&r, arena, ret_statement);
    table_deinit(&r.ctes);
    table_deinit(&r.parameters);
    arena_deinit(&r.scratch);
    free(r.tables);
    return rc;
}
