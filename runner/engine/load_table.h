/* What a load means for its table: the key that tells rows apart, whether a row can move to another
 * partition, whether what is stored has to be looked at first. Pure. */
#ifndef RUNNER_ENGINE_LOAD_TABLE_H
#define RUNNER_ENGINE_LOAD_TABLE_H

#include "config/pipeline.h"
#include "connectors/catalog_records.h"
#include "connectors/sql_engine.h"

#define SCD2_FROM "valid_from"
#define SCD2_TO "valid_to"
#define LOAD_OWN "_sluice_" /* what names of such columns begin with */

struct load_table {
    struct catalog_merge merge; /* as the table has it, or is to have it; no key: rows add up */
    struct text_list key;       /* merge.key */
    struct text_list own_key;   /* what tells the dataset's rows apart: of scd2 without SCD2_FROM */
    struct text_list moving;    /* columns of partition_by outside of the key: a row whose value
                                   changes moves */
    bool counts;                /* a limit is a share of the table's rows, which are fewer than its
                                   files have: all of them are looked at */
    bool looks_up;              /* needs the stored rows of the dataset's keys */
    bool expects;               /* holds only for the table as it was looked at, also one that was
                                   not there */
};

/* `version` NULL: the table is not there. In `arena`. */
void load_table_of(const struct load *load, const struct catalog_version *version,
    struct arena *arena, struct load_table *ret_table);

/* Whether the load may go into that table: append into one with a key, another key, another
 * sequence are ERROR_INVALID; *ret_field is the option that is wrong, *ret_key its name. */
int load_table_check(const struct load *load, const struct catalog_version *version,
    const void **ret_field, const char **ret_key, struct error *err);

/* The first column that the load names for its key, its order or its history and that is not among
 * those of the dataset; NULL: all are there. */
const char *load_table_missing(const struct load *load, const struct load_table *table,
    const struct sql_schema *dataset, const void **ret_field, const char **ret_key);

/* The first column under a name that the statements of a load by key have for columns of their
 * own; NULL: there is none. */
const char *load_table_reserved(const struct sql_schema *dataset);

/* Names are compared as SQL does: without case. */
bool load_table_lists(const struct text_list *names, const char *name);
bool load_table_has(const struct sql_schema *schema, const char *name);

/* Columns of partition_by, sort_by, key and order, which reads look at most. */
struct text_list load_table_described(
    const struct load *load, const struct load_table *table, struct arena *arena);

/* What is written of the dataset's rows into a table with a key: of scd2 with the times; of deletes
 * of a table that `exists` the key and what they are ordered and found by. */
struct sql_schema load_table_rows(const struct load *load, bool exists,
    const struct sql_schema *dataset, const struct text_list *described, struct arena *arena);

#endif
