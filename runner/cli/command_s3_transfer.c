/* cp, mv, sync, rm: flags to a transfer. */
#include "runner/cli/command_s3.h"
#include "runner/cli/s3_transfer.h"

#include <stddef.h>

struct transfer_options {
    struct s3_write_flags write; /* the first */
    const char *version_id;
    struct text_list exclude, include;
    bool recursive, raw, dry_run, versions, remove_extra, force, size_only;
};

#define FILTER_FLAGS                                                                               \
    {"exclude", OPTION_TEXTS, offsetof(struct transfer_options, exclude), .value_name = "PATTERN", \
        .help = "Leave out what matches; without a \"/\" in it the last part of the name counts. " \
                "May be repeated"},                                                                \
    {                                                                                              \
        "include", OPTION_TEXTS, offsetof(struct transfer_options, include),                       \
            .value_name = "PATTERN",                                                               \
            .help = "Take what matches although it is excluded; alone: nothing else"               \
    }
#define PLAN_FLAGS                                                                                 \
    {                                                                                              \
        "dry-run", OPTION_BOOL, offsetof(struct transfer_options, dry_run),                        \
            .help = "Say what would be done, and do nothing"                                       \
    }
#define NAME_FLAGS                                                                                 \
    {"recursive", OPTION_BOOL, offsetof(struct transfer_options, recursive), .letter = 'r',        \
        .help = "All that is in the folder"},                                                      \
    {                                                                                              \
        "raw", OPTION_BOOL, offsetof(struct transfer_options, raw),                                \
            .help = "* ? [ in names are what they are, no pattern"                                 \
    }
#define VERSION_FLAG                                                                               \
    {                                                                                              \
        "version-id", OPTION_TEXT, offsetof(struct transfer_options, version_id),                  \
            .value_name = "ID", .help = "That version of the one object"                           \
    }

static const struct option cp_table[] = {
    NAME_FLAGS,
    FILTER_FLAGS,
    PLAN_FLAGS,
    VERSION_FLAG,
    S3_WRITE_FLAGS,
    S3_TRANSFER_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_cp_set = OPTION_SET("cp", "Options", struct transfer_options, cp_table);

static const struct option mv_table[] = {
    NAME_FLAGS,
    FILTER_FLAGS,
    PLAN_FLAGS,
    S3_WRITE_FLAGS,
    S3_TRANSFER_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_mv_set = OPTION_SET("mv", "Options", struct transfer_options, mv_table);

static const struct option sync_table[] = {
    {"delete", OPTION_BOOL, offsetof(struct transfer_options, remove_extra),
        .help = "Delete what the source does not have, once all is copied"},
    {"force", OPTION_BOOL, offsetof(struct transfer_options, force),
        .help = "With --delete: also where the source is empty"},
    {"size-only", OPTION_BOOL, offsetof(struct transfer_options, size_only),
        .help = "What has the same size is the same"},
    FILTER_FLAGS,
    PLAN_FLAGS,
    S3_WRITE_FLAGS,
    S3_TRANSFER_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_sync_set =
    OPTION_SET("sync", "Options", struct transfer_options, sync_table);

static const struct option rm_table[] = {
    NAME_FLAGS,
    {"versions", OPTION_BOOL, offsetof(struct transfer_options, versions),
        .help = "All versions and delete markers, for good"},
    VERSION_FLAG,
    FILTER_FLAGS,
    PLAN_FLAGS,
    S3_CLIENT_FLAGS,
};
const struct option_set s3_rm_set = OPTION_SET("rm", "Options", struct transfer_options, rm_table);

#define JSON_DETAILS                                                                               \
    "Keys of --json, one object a line as it ends: operation (upload, download, copy, delete), "   \
    "outcome (done, planned, skipped, failed), source, target, version_id, bytes, etag, "          \
    "error_code, error."
#define NAME_DETAILS                                                                               \
    "What begins with s3:// is in S3, all else a file of this machine. A source is one object or " \
    "file, a pattern (* ? [] **, in quotes), or with --recursive a folder. A target that ends in " \
    "\"/\", names a bucket alone or is a folder takes each under what follows the source's "       \
    "folder, of a pattern what follows the last \"/\" before its first wildcard."

const char s3_cp_details[] = NAME_DETAILS
    "\n\n"
    "Links to files are followed; links to folders, pipes and devices in a folder are left out. "
    "Downloads appear whole or not at all and get the object's time as theirs. From S3 to S3 no "
    "bytes come here; metadata and tags go along unless --metadata, --content-type or --tags say "
    "others.\n\n" JSON_DETAILS;
const char s3_mv_details[] =
    NAME_DETAILS "\n\n"
                 "Each source is deleted once its copy is there.\n\n" JSON_DETAILS;
const char s3_sync_details[] =
    "Both are folders; one at least is in S3. Copied is what the target does not have, what has "
    "another size, and what is younger at the source; from S3 to S3 the ETags decide where both "
    "are MD5s. Nothing else at the target is touched without --delete.\n\n" JSON_DETAILS;
const char s3_rm_details[] =
    "An object, a pattern (* ? [] **, in quotes), or with --recursive a folder or a bucket's whole "
    "content. What is not there counts as deleted.\n\n" JSON_DETAILS;

static int run_transfer(
    struct cli *cli, const struct transfer_options *options, struct s3_transfer *transfer)
{
    const struct s3_write_flags *write = &options->write;

    transfer->replace_metadata = write->content_type || write->metadata.count;
    transfer->replace_tags = write->tags.count > 0;
    transfer->no_clobber = write->no_clobber;
    transfer->if_none_match = write->if_none_match;
    transfer->recursive = options->recursive;
    transfer->literal = options->raw;
    transfer->dry_run = options->dry_run;
    transfer->version_id = options->version_id;
    transfer->exclude = options->exclude;
    transfer->include = options->include;
    transfer->versions = options->versions;
    transfer->remove_extra = options->remove_extra;
    transfer->force = options->force;
    transfer->size_only = options->size_only;
    return s3_transfer_run(cli, write, transfer);
}

/* The last argument is the target. */
static int run_copy(struct cli *cli, const void *options, enum s3_transfer_verb verb,
    const char *const *args, size_t arg_count)
{
    struct s3_transfer transfer = {
        .verb = verb,
        .sources = args,
        .source_count = arg_count - 1,
        .target = args[arg_count - 1],
    };

    return run_transfer(cli, options, &transfer);
}

int command_s3_cp(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    return run_copy(cli, options, S3_TRANSFER_COPY, args, arg_count);
}

int command_s3_mv(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    return run_copy(cli, options, S3_TRANSFER_MOVE, args, arg_count);
}

int command_s3_sync(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    return run_copy(cli, options, S3_TRANSFER_SYNC, args, arg_count);
}

int command_s3_rm(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct s3_transfer transfer = {
        .verb = S3_TRANSFER_REMOVE, .sources = args, .source_count = arg_count};
    const struct transfer_options *own = options;

    if (own->versions && own->version_id)
        return cli_usage_error(
            cli, NULL, "s3 rm: --version-id is one version, --versions are all: one of them");
    return run_transfer(cli, options, &transfer);
}
