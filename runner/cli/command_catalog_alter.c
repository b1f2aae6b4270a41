/* catalog alter: columns, descriptions and sorting of a table, changed by hand in one transaction.
 */
#include "runner/base/mem.h"
#include "runner/cli/catalog_alter.h"
#include "runner/cli/catalog_rewrite.h"
#include "runner/cli/catalog_verbs.h"
#include "runner/cli/command_catalog.h"
#include "runner/cli/schema_view.h"
#include "runner/cli/tables.h"
#include "runner/engine/compact.h"

#include <stddef.h>

struct alter_options {
    struct catalog_alter alter;
    struct catalog_rewrite rewrite;
};

static const struct option options_table[] = {
    {"rename", OPTION_PAIRS, offsetof(struct alter_options, alter.rename), .value_name = "OLD=NEW",
        .help = "Rename a column; files keep what they call it"},
    {"add", OPTION_TEXTS, offsetof(struct alter_options, alter.add),
        .value_name = "\"COLUMN TYPE\"", .help = "Add a column, null in the rows that are there"},
    {"widen", OPTION_TEXTS, offsetof(struct alter_options, alter.widen),
        .value_name = "\"COLUMN TYPE\"",
        .help = "Give a column a type that holds all values of the one before"},
    {"comment", OPTION_PAIRS, offsetof(struct alter_options, alter.comment),
        .flags = OPTION_NULLABLE, .value_name = "COLUMN=TEXT",
        .help = "Say what a column is; an empty text removes it"},
    {"nullable", OPTION_TEXTS, offsetof(struct alter_options, alter.nullable),
        .value_name = "COLUMN", .help = "Let a required column be null"},
    {"required", OPTION_TEXTS, offsetof(struct alter_options, alter.required),
        .value_name = "COLUMN", .help = "Refuse nulls in a column from now on; none may be there"},
    {"key", OPTION_TEXTS, offsetof(struct alter_options, alter.key), .value_name = "COLUMN",
        .help = "What tells rows apart, one flag each; needs a full round"},
    {"partition-by", OPTION_TEXTS, offsetof(struct alter_options, alter.partition_by),
        .value_name = "FIELD",
        .help = "As in YAML: day(c), \"bucket(16, c)\", one flag each; needs a full round"},
    {"sort-by", OPTION_TEXTS, offsetof(struct alter_options, alter.sort_by), .value_name = "COLUMN",
        .help = "What rows of new files are sorted by, as in YAML, one flag each"},
    {"description", OPTION_TEXT, offsetof(struct alter_options, alter.description),
        .flags = OPTION_NULLABLE, .value_name = "TEXT", .help = "What the table is for"},
    {"property", OPTION_PAIRS, offsetof(struct alter_options, alter.properties),
        .flags = OPTION_NULLABLE, .value_name = "KEY=TEXT",
        .help = "Set a property of the table; an empty text removes it"},
    {"unpartitioned", OPTION_BOOL, offsetof(struct alter_options, rewrite.unpartitioned),
        .help = "One partition for all rows; needs a full round"},
    {"sequence-by", OPTION_TEXT, offsetof(struct alter_options, rewrite.sequence_by),
        .value_name = "COLUMN", .help = "The column whose largest value wins; needs a full round"},
    {"buckets", OPTION_INT, offsetof(struct alter_options, rewrite.buckets), .min = 1,
        .max = COMPACT_BUCKETS_MAX, .value_name = "N",
        .help = "Into how many parts compaction splits rows by key; needs a full round"},
    {"file-size", OPTION_SIZE, offsetof(struct alter_options, rewrite.file_size),
        .preset = "128MiB", .min = 1, .max = 1e12,
        .help = "Of a full round: how large files are to become"},
    {"memory", OPTION_SIZE, offsetof(struct alter_options, rewrite.memory), .preset = "512MiB",
        .min = 1, .max = 1e15, .help = "Of a full round: what the process may take"},
    {"dry-run", OPTION_BOOL, offsetof(struct alter_options, rewrite.dry_run),
        .help = "Say what a full round would rewrite, touch nothing"},
};
const struct option_set command_catalog_alter_flags =
    OPTION_SET("alter", "Options", struct alter_options, options_table);

/* The table's own properties, which its version does not have. */
static int read_properties(struct cli *cli, const struct catalog_version *version,
    const struct catalog_alter *alter, const char **ret_properties, struct error *err)
{
    struct question table = {.catalog = {.verb = CATALOG_GET_TABLE,
                                 .at = {.namespace = version->namespace, .table = version->table}}};

    question_ask_catalog(cli, &table);
    questions_wait(cli);
    if (table.err.code)
        *err = table.err;
    else
        *ret_properties = catalog_alter_properties(
            table.catalog.count ? table.catalog.tables[0].properties : NULL, &alter->properties,
            &cli->arena);
    question_deinit(&table);
    return table.err.code ? -1 : 0;
}

struct change_list {
    struct catalog_change items[3];
    size_t count;
    struct catalog_locator at;
};

static struct catalog_change *put(struct change_list *changes, enum catalog_change_verb verb)
{
    struct catalog_change *change = &changes->items[changes->count++];

    *change = (struct catalog_change){.verb = verb, .at = changes->at};
    return change;
}

static int collect(struct cli *cli, const struct catalog_alter *alter,
    const struct catalog_version *version, struct change_list *changes, struct error *err)
{
    struct catalog_column *columns;
    struct catalog_change *change;
    size_t count;
    bool changed;

    changes->at = (struct catalog_locator){
        .namespace = version->namespace, .table = version->table, .version = version->version};
    if (catalog_alter_check_names(alter, version, &cli->arena, err) ||
        catalog_alter_columns(alter, version, &cli->arena, &columns, &count, &changed, err))
        return -1;
    if (changed) {
        change = put(changes, CATALOG_SET_SCHEMA);
        change->expect_schema_id = version->schema_id;
        change->schema.columns = columns;
        change->schema.column_count = count;
    }
    if (alter->sort_by.count || alter->description) {
        change = put(changes, CATALOG_UPDATE_VERSION);
        change->description = alter->description;
        change->version.sort_by = alter->sort_by.count ? alter->sort_by.items : NULL;
        change->version.sort_count = alter->sort_by.count;
    }
    if (alter->description || alter->properties.count) {
        change = put(changes, CATALOG_UPDATE_TABLE);
        change->description = alter->description;
        if (alter->properties.count &&
            read_properties(cli, version, alter, &change->properties, err))
            return -1;
    }
    return 0;
}

static bool says_nothing(const struct catalog_alter *alter)
{
    return alter->rename.count + alter->add.count + alter->widen.count + alter->comment.count +
                   alter->nullable.count + alter->required.count + alter->key.count +
                   alter->partition_by.count + alter->sort_by.count + alter->properties.count ==
               0 &&
           !alter->description;
}

int command_catalog_alter(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct alter_options *options = values;
    const struct catalog_alter *alter = &options->alter;
    const bool rewrites = catalog_rewrite_asked(alter, &options->rewrite);
    const struct catalog_version *version;
    struct change_list changes = {0};
    struct question found = {0};
    struct error err;
    int code;

    (void)arg_count;
    if (options->rewrite.dry_run && !rewrites) {
        error_set(&err, ERROR_INVALID,
            "--dry-run is for a full round: --partition-by, --unpartitioned, --key, --sequence-by "
            "or --buckets");
        return cli_fail(cli, &err);
    }
    if (says_nothing(alter) && !rewrites) {
        error_set(&err, ERROR_INVALID,
            "say what to change, as in --rename OLD=NEW; sluice help catalog alter lists all "
            "flags");
        return cli_fail(cli, &err);
    }
    code = cli_open_engine(cli, options->rewrite.dry_run);
    if (code)
        return code;
    if (tables_find(cli, args[0], &found, &version, &err) ||
        collect(cli, alter, version, &changes, &err))
        code = cli_fail(cli, &err);
    else if (changes.count > 0 && !options->rewrite.dry_run)
        code = catalog_verbs_apply(cli, changes.items, changes.count, NULL);
    question_deinit(&found);
    if (code == EXIT_OK && rewrites)
        return catalog_rewrite_run(cli, args[0], alter, &options->rewrite);
    return code ? code : schema_view_show(cli, args[0]);
}
