#include "runner/cli/command_s3.h"

#include "runner/cli/commands.h"

enum { ARGS_MAX = 100000 };

static const struct command sub_commands[] = {
    {
        .name = "ls",
        .arguments = "[URL]",
        .help = "List buckets, folders and objects",
        .details = s3_ls_details,
        .options = &s3_ls_set,
        .args_max = 1,
        .run = command_s3_ls,
        .examples = "sluice s3 ls\n"
                    "sluice s3 ls --human s3://lake/raw/\n"
                    "sluice s3 ls 's3://lake/raw/**/*.csv.gz'",
    },
    {
        .name = "cp",
        .arguments = "SOURCE… TARGET",
        .help = "Copy files and objects, in either direction or within S3",
        .details = s3_cp_details,
        .options = &s3_cp_set,
        .args_min = 2,
        .args_max = ARGS_MAX,
        .argument = ARGUMENT_FILE,
        .next_argument = ARGUMENT_FILE,
        .run = command_s3_cp,
        .examples =
            "sluice s3 cp report.csv s3://lake/reports/\n"
            "sluice s3 cp --recursive s3://lake/raw/2026/ data/\n"
            "sluice s3 cp 's3://lake/raw/*.csv' s3://archive/raw/ --storage-class GLACIER_IR",
    },
    {
        .name = "mv",
        .arguments = "SOURCE… TARGET",
        .help = "Move files and objects",
        .details = s3_mv_details,
        .options = &s3_mv_set,
        .args_min = 2,
        .args_max = ARGS_MAX,
        .argument = ARGUMENT_FILE,
        .next_argument = ARGUMENT_FILE,
        .run = command_s3_mv,
        .examples = "sluice s3 mv 's3://lake/inbox/*.csv' s3://lake/done/",
    },
    {
        .name = "rm",
        .arguments = "URL…",
        .help = "Delete objects",
        .details = s3_rm_details,
        .options = &s3_rm_set,
        .args_min = 1,
        .args_max = ARGS_MAX,
        .run = command_s3_rm,
        .examples = "sluice s3 rm s3://lake/raw/x.csv\n"
                    "sluice s3 rm --recursive --dry-run s3://lake/tmp/",
    },
    {
        .name = "sync",
        .arguments = "SOURCE TARGET",
        .help = "Make a folder have what another one has",
        .details = s3_sync_details,
        .options = &s3_sync_set,
        .args_min = 2,
        .args_max = 2,
        .argument = ARGUMENT_FOLDER,
        .next_argument = ARGUMENT_FOLDER,
        .run = command_s3_sync,
        .examples = "sluice s3 sync --delete --dry-run site/ s3://site/",
    },
    {
        .name = "cat",
        .arguments = "URL…",
        .help = "Write objects to standard output",
        .details = "In order and while they arrive, as fast as they are read there. Keys are taken "
                   "as they are.",
        .options = &s3_cat_set,
        .args_min = 1,
        .args_max = ARGS_MAX,
        .run = command_s3_cat,
        .examples = "sluice s3 cat s3://lake/raw/x.csv.gz | zcat | head",
    },
    {
        .name = "put",
        .arguments = "FILE URL",
        .help = "Write a file, or standard input, to an object",
        .details = "FILE - is standard input, of any length. Names are taken as they are. Keys of "
                   "--json: those of s3 cp.",
        .options = &s3_put_set,
        .args_min = 2,
        .args_max = 2,
        .argument = ARGUMENT_FILE,
        .run = command_s3_put,
        .examples = "pg_dump shop | zstd | sluice s3 put - s3://backup/shop.sql.zst",
    },
    {
        .name = "presign",
        .arguments = "URL",
        .help = "Print a URL that does one thing without credentials",
        .details = "Whoever has it can use it until it expires. The key is taken as it is.\n\n"
                   "Keys of --json: url.",
        .options = &s3_presign_set,
        .args_min = 1,
        .args_max = 1,
        .run = command_s3_presign,
        .examples = "curl \"$(sluice s3 presign --expires 10m s3://lake/report.csv)\"",
    },
    {
        .name = "mb",
        .arguments = "URL",
        .help = "Make a bucket",
        .options = &s3_mb_set,
        .args_min = 1,
        .args_max = 1,
        .run = command_s3_mb,
    },
    {
        .name = "rb",
        .arguments = "URL",
        .help = "Delete a bucket",
        .options = &s3_rb_set,
        .args_min = 1,
        .args_max = 1,
        .run = command_s3_rb,
    },
    {
        .name = "whoami",
        .help = "Say which credentials are used, and where",
        .details = "Nothing is asked of S3; secrets are not printed.\n\n"
                   "Keys of --json: source, access_key_id, account, expires, region, endpoint.",
        .options = &s3_whoami_set,
        .run = command_s3_whoami,
    },
    {0},
};

const struct command command_s3 = {
    .name = "s3",
    .help = "Work with objects in S3 by hand",
    .details = "Endpoint, region, profile and the rest come from the options, then from s3: of the "
               "environment in sluice.yaml, where there is one, then from the AWS variables and "
               "files.",
    .group = sub_commands,
};
