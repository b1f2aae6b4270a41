/* The sub-commands of `sluice catalog` that keep tables fast, small, sound and safe. */
#include "runner/cli/command_catalog_care.h"

#include "runner/cli/command_catalog.h"

#include <stddef.h>

const struct command command_catalog_care[] = {
    {
        .name = "compact",
        .topic = "Care: fast, small, sound, safe",
        .arguments = "NAMESPACE.TABLE",
        .help = "Merge small files and deltas into what is read fast",
        .details =
            "Rows stay what they are; readers and writers go on meanwhile. Partitions that are "
            "well as they are stay as they are, unless --full is given. Of a table with a key, "
            "rows are split into buckets by it; --buckets with another number rewrites all of "
            "it.\n\n"
            "Keys of --json: table, dry_run, buckets, compacted (partitions), conflicts, "
            "partitions (partition, compacted, files_before, bytes_before, rows_before, "
            "files_rewritten, bytes_rewritten, files_after, bytes_after, rows_after).",
        .options = &catalog_compact_flags,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_compact,
        .examples = "sluice catalog compact wildlife.strikes --dry-run\n"
                    "sluice catalog compact wildlife.strikes --partition 1990-01",
    },
    {
        .name = "rollback",
        .arguments = "NAMESPACE.TABLE[@VERSION] POSITION|TIME|TAG",
        .help = "Make a table read as it did at that point: itself a commit",
        .details = "Nothing is lost: what was committed since can still be read at its own "
                   "position.\n\nKeys of --json: table, position (the new one).",
        .args_min = 2,
        .args_max = 2,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_rollback,
        .examples = "sluice catalog rollback wildlife.strikes 2026-11-20T06:00:00Z",
    },
    {
        .name = "tag",
        .arguments = "NAMESPACE.TABLE[@VERSION] NAME [POSITION|TIME|TAG]",
        .help = "Name a point (default: now); it stays readable until the tag goes",
        .details = "Keys of --json: table, position.",
        .options = &catalog_tag_flags,
        .args_min = 2,
        .args_max = 3,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_tag,
    },
    {
        .name = "tags",
        .arguments = "NAMESPACE.TABLE[@VERSION]",
        .help = "List a table's tags",
        .details = "Keys of --json, one object a tag: tag, position, created.",
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_tags,
    },
    {
        .name = "untag",
        .arguments = "NAMESPACE.TABLE[@VERSION] NAME",
        .help = "Remove a tag",
        .args_min = 2,
        .args_max = 2,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_untag,
    },
    {
        .name = "expire",
        .arguments = "NAMESPACE.TABLE[@VERSION]",
        .help = "Forget what was replaced long ago; what tags hold stays",
        .details = "The files go with `sluice catalog gc --delete`.\n\n"
                   "Keys of --json: table, first_position (how far back can be read now).",
        .options = &catalog_expire_flags,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_expire,
        .examples = "sluice catalog expire wildlife.strikes --older-than 30d",
    },
    {
        .name = "gc",
        .help = "List, or delete, data files that nothing refers to",
        .details =
            "Only files in the environment's store that look like ours, are older than --grace by "
            "the store's clock, and that no live run is writing.\n\n"
            "Keys of --json: deleted (whether --delete was given), files, bytes, removed, young, "
            "in_use, staged, abandoned (how many things were staged, and of these longer ago than "
            "--staged), orphans (path, bytes, modified).",
        .options = &catalog_gc_flags,
        .run = command_catalog_gc,
    },
    {
        .name = "fsck",
        .arguments = "[NAMESPACE.TABLE]",
        .help = "Check the catalog and that every data file is there",
        .details = "Of a table all versions, also those that are no longer active. One line for "
                   "each fault; exit code 1 where there is one.\n\n"
                   "Keys of --json: sound, files, bytes, without_checksum, faults (texts).",
        .options = &catalog_fsck_flags,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_fsck,
    },
    {
        .name = "backup",
        .arguments = "FILE",
        .help = "Copy the catalog to a file, while runs go on",
        .details = "The copy is a catalog: name it in sluice.yaml and it is used. Data files are "
                   "not in it.\n\nKeys of --json: file, bytes.",
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_FILE,
        .run = command_catalog_backup,
    },
    {
        .name = "export",
        .arguments = "FILE",
        .help = "Write the catalog as text, one JSON value a line",
        .details = "Data files are not in it: their names in it are relative to the store.\n\n"
                   "Keys of --json: file, rows, bytes.",
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_FILE,
        .run = command_catalog_export,
    },
    {
        .name = "import",
        .arguments = "FILE",
        .help = "Read an exported catalog into an empty one",
        .details = "All of it, checked, or nothing.\n\nKeys of --json: file, rows, bytes.",
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_FILE,
        .run = command_catalog_import,
    },
    {.group = command_catalog_storage_verbs},
};
