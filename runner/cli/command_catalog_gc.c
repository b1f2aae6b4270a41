/* catalog gc and fsck: what is in the store and should not be, and the other way round. */
#include "runner/base/mem.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"
#include "runner/engine/fsck.h"
#include "runner/engine/gc.h"

#include <stddef.h>

/* --- gc --- */

struct gc_flags {
    struct duration grace, staged;
    bool removes;
};

static const struct option gc_table[] = {
    {"grace", OPTION_DURATION, offsetof(struct gc_flags, grace), .preset = "3d", .min = 0,
        .max = 1e14, .help = "Younger files stay: somebody may be about to commit them"},
    {"staged", OPTION_DURATION, offsetof(struct gc_flags, staged), .min = 1, .max = 1e14,
        .help = "What was staged longer ago, and never committed, is abandoned: it goes with its "
                "files (default: it stays)"},
    {"delete", OPTION_BOOL, offsetof(struct gc_flags, removes),
        .help = "Delete them; without it they are only listed"},
};
const struct option_set catalog_gc_flags = OPTION_SET("gc", "Options", struct gc_flags, gc_table);

struct gc_staged {
    size_t count, abandoned;
    int64_t files; /* of what is abandoned */
    uint64_t bytes;
};

struct collecting {
    struct gc gc;
    struct error err;
};

static void on_collected(struct gc *gc, const struct error *err)
{
    error_keep_first(&container_of(gc, struct collecting, gc)->err, err);
}

static void cancel_gc(void *data)
{
    gc_cancel(data);
}

static const char *shown_name(struct cli *cli, const struct gc *gc, const char *key)
{
    struct buffer name;
    const char *shown;

    buffer_init(&name, 0);
    gc->tables->type->describe(gc->tables, key, &name);
    shown = arena_strdup(&cli->arena, name.data);
    buffer_deinit(&name);
    return shown;
}

/* Of what is staged: how much there is, and how much of it is abandoned. */
static struct gc_staged sum_staged(const struct gc *gc)
{
    struct gc_staged sum = {.count = gc->staged.count};

    for (size_t i = 0; i < gc->staged.count; i++) {
        const struct catalog_staged *staged = &gc->staged.staged[i];
        const bool abandoned = staged->touched_ms < gc->abandoned_ms;

        sum.abandoned += abandoned;
        sum.files += abandoned ? staged->files : 0;
        sum.bytes += abandoned ? staged->bytes : 0;
    }
    return sum;
}

static void print_staged(const struct gc *gc)
{
    const struct gc_staged sum = sum_staged(gc);
    char count[PRINT_COUNTED_SIZE], files[PRINT_COUNTED_SIZE], size[TIME_TEXT_SIZE];

    if (sum.abandoned)
        fprintf(stderr, "%zu of %s longer ago than --staged%s: %s, %s\n", sum.abandoned,
            print_counted((int64_t)sum.count, "thing", count),
            gc->removes ? ", dropped" : "; --delete drops them",
            print_counted(sum.files, "file", files), size_format(sum.bytes, size));
    else if (sum.count)
        fprintf(stderr,
            "%s staged and not committed, with their files, stay; `sluice catalog "
            "list-staged` lists them\n",
            print_counted((int64_t)sum.count, "thing", count));
}

static void print_gc_json(struct cli *cli, const struct gc *gc)
{
    json_t *item = json_object(), *files = json_array();

    for (size_t i = 0; i < gc->orphan_count; i++) {
        json_t *file = json_object();

        json_put_url(file, "path", shown_name(cli, gc, gc->orphans[i].key));
        json_put_int(file, "bytes", (int64_t)gc->orphans[i].size);
        json_put_time(file, "modified", gc->orphans[i].modified_ms);
        json_array_append_new(files, file);
    }
    json_object_set_new(item, "deleted", json_boolean(gc->removes));
    json_put_int(item, "files", (int64_t)gc->orphan_count);
    json_put_int(item, "bytes", (int64_t)gc->orphan_bytes);
    json_put_int(item, "removed", (int64_t)(gc->removed + gc->swept));
    json_put_int(item, "young", (int64_t)gc->young);
    json_put_int(item, "in_use", (int64_t)gc->busy);
    json_put_int(item, "staged", (int64_t)sum_staged(gc).count);
    json_put_int(item, "abandoned", (int64_t)sum_staged(gc).abandoned);
    json_object_set_new(item, "orphans", files);
    cli_print_json(item);
}

static void print_gc(struct cli *cli, const struct gc *gc)
{
    static const char *const headers[] = {">SIZE", "MODIFIED", "PATH", NULL};
    struct print_table *table = print_table_new(headers);
    char count[PRINT_COUNTED_SIZE], size[TIME_TEXT_SIZE], ago[TIME_TEXT_SIZE];

    for (size_t i = 0; i < gc->orphan_count; i++) {
        const struct store_object *object = &gc->orphans[i];
        const char *const cells[] = {size_format(object->size, size),
            time_format_ago(object->modified_ms, gc->now_ms, ago),
            shown_name(cli, gc, object->key)};

        print_table_row(table, cells);
    }
    print_table_end(
        table, gc->orphan_count ? stdout : NULL, print_terminal_width(1), 2, cli->color);
    fprintf(stderr, "%s that nothing refers to, %s%s\n",
        print_counted((int64_t)gc->orphan_count, "file", count),
        size_format(gc->orphan_bytes, size),
        gc->removes || gc->orphan_count == 0 ? "" : "; --delete removes them");
    if (gc->removes)
        fprintf(stderr, "%s removed\n",
            print_counted((int64_t)(gc->removed + gc->swept), "file", count));
    if (gc->young)
        fprintf(stderr, "%s more, younger than --grace, stay\n",
            print_counted((int64_t)gc->young, "file", count));
    print_staged(gc);
}

int command_catalog_gc(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct gc_flags *flags = values;
    struct collecting own = {0};
    int code = cli_open_engine(cli, !flags->removes);

    (void)args;
    (void)arg_count;
    if (code)
        return code;
    own.gc = (struct gc){.engine = cli->engine,
        .grace_ms = duration_ms(&flags->grace),
        .staged_ms = duration_ms(&flags->staged),
        .removes = flags->removes,
        .done = on_collected};
    gc_start(&own.gc);
    care_run(cli, cancel_gc, &own.gc);
    if (own.err.code)
        code = cli_fail(cli, &own.err);
    else if (cli->globals.json)
        print_gc_json(cli, &own.gc);
    else
        print_gc(cli, &own.gc);
    gc_deinit(&own.gc);
    return code;
}

/* --- fsck --- */

struct fsck_flags {
    bool checksums;
    int64_t version;
};

static const struct option fsck_table[] = {
    {"checksums", OPTION_BOOL, offsetof(struct fsck_flags, checksums),
        .help = "Read every byte of every file, too"},
    {"version", OPTION_INT, offsetof(struct fsck_flags, version), .min = 1, .max = 9e15,
        .value_name = "N", .help = "That version of the table alone (default: all of them)"},
};
const struct option_set catalog_fsck_flags =
    OPTION_SET("fsck", "Options", struct fsck_flags, fsck_table);

struct checking_all {
    struct fsck fsck;
    struct cli *cli;
    json_t *faults;
    struct error err;
};

static void on_fault(struct fsck *fsck, const char *fault)
{
    struct checking_all *own = container_of(fsck, struct checking_all, fsck);

    if (own->faults)
        json_array_append_new(own->faults, json_text(fault));
    else
        printf("%s\n", fault);
}

static void on_checked(struct fsck *fsck, const struct error *err)
{
    error_keep_first(&container_of(fsck, struct checking_all, fsck)->err, err);
}

static void cancel_fsck(void *data)
{
    fsck_cancel(data);
}

static void print_checked(struct cli *cli, struct checking_all *own)
{
    const struct fsck *fsck = &own->fsck;
    char files[PRINT_COUNTED_SIZE], faults[PRINT_COUNTED_SIZE], size[TIME_TEXT_SIZE];
    json_t *item;

    if (!cli->globals.json) {
        fprintf(stderr, "%s, %s: %s\n", print_counted((int64_t)fsck->files, "data file", files),
            size_format(fsck->bytes, size),
            fsck->faults ? print_counted((int64_t)fsck->faults, "fault", faults) : "sound");
        if (fsck->checksums && fsck->unsummed)
            fprintf(stderr, "%s from before checksums were kept\n",
                print_counted((int64_t)fsck->unsummed, "file", files));
        return;
    }
    item = json_object();
    json_object_set_new(item, "sound", json_boolean(fsck->faults == 0));
    json_put_int(item, "files", (int64_t)fsck->files);
    json_put_int(item, "bytes", (int64_t)fsck->bytes);
    json_put_int(item, "without_checksum", (int64_t)fsck->unsummed);
    json_object_set(item, "faults", own->faults);
    cli_print_json(item);
}

static int find_checked(struct cli *cli, const char *name, int64_t version,
    struct catalog_locator *ret_at, struct error *err)
{
    struct question found = {0};
    int result = tables_parse(cli, name, ret_at, err);

    if (result)
        return -1;
    ret_at->version = version;
    found.catalog = (struct catalog_query){
        .verb = version ? CATALOG_GET_VERSION : CATALOG_GET_TABLE, .at = *ret_at};
    question_ask_catalog(cli, &found);
    questions_wait(cli);
    if (found.err.code && found.err.code != ERROR_NOT_FOUND) {
        *err = found.err;
        result = -1;
    } else if (found.err.code || found.catalog.count == 0) {
        result = version ? error_set(err, ERROR_INVALID, "%s has no version %lld", name,
                               (long long)version)
                         : tables_unknown(cli, name, err);
    }
    question_deinit(&found);
    return result;
}

int command_catalog_fsck(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct fsck_flags *flags = values;
    struct checking_all own = {.cli = cli};
    int code = EXIT_OK;

    if (flags->version && arg_count == 0) {
        error_set(&own.err, ERROR_INVALID, "--version is for a table: name it");
        return cli_fail(cli, &own.err);
    }
    code = cli_open_engine(cli, true);
    if (code)
        return code;
    own.fsck = (struct fsck){.engine = cli->engine,
        .checksums = flags->checksums,
        .fault = on_fault,
        .done = on_checked};
    if (arg_count > 0 && find_checked(cli, args[0], flags->version, &own.fsck.at, &own.err))
        return cli_fail(cli, &own.err);
    own.faults = cli->globals.json ? json_array() : NULL;
    fsck_start(&own.fsck);
    care_run(cli, cancel_fsck, &own.fsck);
    if (own.err.code)
        code = cli_fail(cli, &own.err);
    else
        print_checked(cli, &own);
    if (code == EXIT_OK && own.fsck.faults > 0)
        code = EXIT_FAILED;
    json_decref(own.faults);
    fsck_deinit(&own.fsck);
    return code;
}
