/* Care of the catalog: what keeps tables fast, small, sound and safe. Each command in a file of its
 * own, command_catalog_<name>.c. */
#ifndef RUNNER_CLI_COMMAND_CATALOG_CARE_H
#define RUNNER_CLI_COMMAND_CATALOG_CARE_H

#include "runner/cli/cli.h"
#include "runner/cli/questions.h"

extern const struct command command_catalog_care[]; /* command_catalog_care.c; goes on in others */

#define CARE_COMMAND(name)                                                                         \
    int command_catalog_##name(                                                                    \
        struct cli *cli, const void *options, const char *const *args, size_t arg_count)

extern const struct option_set catalog_compact_flags, catalog_expire_flags, catalog_tag_flags,
    catalog_gc_flags, catalog_fsck_flags;
CARE_COMMAND(compact);
CARE_COMMAND(rollback);
CARE_COMMAND(tag);
CARE_COMMAND(tags);
CARE_COMMAND(untag);
CARE_COMMAND(expire);
CARE_COMMAND(gc);
CARE_COMMAND(fsck);
CARE_COMMAND(backup);
CARE_COMMAND(export);
CARE_COMMAND(import);

/* --- what they share --- */

/* Applies one change and waits; 0 or -1. `ret_position` (may be NULL): the one that it took. */
int care_apply(
    struct cli *cli, const struct catalog_change *change, int64_t *ret_position, struct error *err);

/* The position that a number, a time or a tag of the version stands for. ERROR_INVALID where there
 * is none. */
int care_position(struct cli *cli, const struct catalog_version *version, const char *text,
    int64_t *ret_position, struct error *err);

/* Ctrl-C calls it, until the loop has nothing left to do. */
void care_run(struct cli *cli, void (*cancel)(void *data), void *data);

#endif
