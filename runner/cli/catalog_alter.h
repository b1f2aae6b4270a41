/* What `sluice catalog alter` makes of a table's columns. Pure; the catalog checks all of it again
 * where it changes them. */
#ifndef RUNNER_CLI_CATALOG_ALTER_H
#define RUNNER_CLI_CATALOG_ALTER_H

#include "connectors/catalog.h"
#include "runner/base/option.h"

/* Columns go by the names that they have before. */
struct catalog_alter {
    struct option_pairs rename;         /* old name → new one */
    struct text_list add, widen;        /* "name TYPE" */
    struct option_pairs comment;        /* name → text; "": none any more */
    struct text_list nullable;          /* required ones that need not have a value any more */
    struct text_list required;          /* ones that must have a value from now on */
    struct text_list key, partition_by; /* what only a full round can change */
    struct text_list sort_by;
    const char *description;
    struct option_pairs properties; /* name → text; "": it goes */
};

/* The table's columns as they are to be, in `arena`. ERROR_INVALID names the flag, the column and
 * what is wrong: one that is not there, a name that is taken, a type that does not hold all values
 * of the one before, a rename of what key, sequence, partitions or sorting go by. */
int catalog_alter_columns(const struct catalog_alter *alter, const struct catalog_version *version,
    struct arena *arena, struct catalog_column **ret_columns, size_t *ret_count, bool *ret_changed,
    struct error *err);

/* Whether sort_by, key and partition_by name columns of the table and are well formed. */
int catalog_alter_check_names(const struct catalog_alter *alter,
    const struct catalog_version *version, struct arena *arena, struct error *err);

/* The properties `json` with those of `pairs` set, or without them: JSON again. */
const char *catalog_alter_properties(
    const char *json, const struct option_pairs *pairs, struct arena *arena);

#endif
