/* What the tests of scans share: a scan with its files and contract, run to its end. */
#ifndef TESTS_UNIT_DUCKDB_SCAN_FIXTURE_H
#define TESTS_UNIT_DUCKDB_SCAN_FIXTURE_H

#include "tests/unit/duckdb_fixture.h"

struct scan_case {
    struct call call;
    struct sql_source sources[8];
    struct sql_column contract[8];
};

static unsigned folder_number;

/* Files named here exist in the test's folder; the contract is "name type" pairs. */
static inline void prepare(struct sluice *s, struct scan_case *c, enum file_format format,
    const char *const *files, const char *const *contract)
{
    struct sql_scan *scan = &c->call.request.scan;
    char name[32];

    snprintf(name, sizeof(name), "scan-%u", folder_number++);
    c->call.request.verb = SQL_SCAN;
    scan->dataset = "t";
    scan->folder = make_folder(s, name);
    scan->format = format;
    scan->csv.header = true;
    scan->sources = c->sources;
    scan->contract = c->contract;
    for (; files && *files; files++)
        c->sources[scan->source_count++] =
            (struct sql_source){.path = at(s, *files), .object = *files};
    for (; contract && *contract; contract += 2)
        c->contract[scan->contract_count++] =
            (struct sql_column){.name = contract[0], .type = contract[1]};
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void must(struct sluice *s, struct scan_case *c)
{
    if (call_run(s, &c->call))
        fail_msg("%s", c->call.err.message);
}

static inline void fails(
    struct sluice *s, struct scan_case *c, enum error_code code, const char *message)
{
    call_run(s, &c->call);
    if (c->call.err.code != code || strcmp(c->call.err.message, message) != 0)
        fail_msg("%d: %s", c->call.err.code, c->call.err.message);
}

/* "a BIGINT, b VARCHAR" */
static inline const char *types(struct sluice *s, const struct scan_case *c)
{
    const struct sql_schema *schema = &c->call.request.scan.ret_dataset.schema;
    const char *text = "";

    for (size_t i = 0; i < schema->count; i++)
        text = arena_printf(&s->arena, "%s%s%s %s", text, i ? ", " : "", schema->columns[i].name,
            schema->columns[i].type);
    return text;
}

#endif
