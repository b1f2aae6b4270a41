#include "config/environment.h"

#include "config/path.h"
#include "config_fixture.h"
#include "runner/base/mem.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test stands in a folder of its own. */
static char folder[PATH_MAX];
static struct diagnostics problems;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int enter_folder(void **state)
{
    char name[] = "/tmp/sluice-environment-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, folder));
    assert_int_equal(chdir(folder), 0);
    unsetenv("SLUICE_ENV");
    unsetenv("SLUICE_CONFIG");
    diagnostics_init(&problems);
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static int leave_folder(void **state)
{
    (void)state;
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    diagnostics_deinit(&problems);
    return 0;
}

static void assert_below(const char *text, const char *prefix, const char *rest)
{
    char *expected = mem_printf("%s%s%s", prefix, folder, rest);

    assert_string_equal(text, expected);
    free(expected);
}

static void without_a_file_there_are_defaults(void **state)
{
    struct project *project = project_load(NULL, NULL, &problems);
    const struct environment *dev;

    (void)state;
    assert_non_null(project);
    dev = project->environment;
    assert_null(project->path);
    assert_below(project->root, "", "");
    assert_below(project->pipelines, "", "/pipelines");
    assert_string_equal(dev->item.name, "dev");
    assert_below(dev->catalog.url, "sqlite:", "/.sluice/catalog.db");
    assert_below(dev->store, "file:", "/.sluice/store");
    assert_below(dev->state, "sqlite:", "/.sluice/state.db");
    assert_below(dev->logs.dir, "", "/.sluice/logs");
    assert_int_equal(duration_ms(&dev->logs.keep), 30LL * 86400000);
    project_free(project);

    assert_null(project_load(NULL, "prod", &problems));
    assert_problems(
        &problems, "sluice.yaml: there is no environment \"prod\"; choose one with --env: dev\n");
}

static const char *const two_environments =
    "project: demo\n"
    "pipelines: flows\n"
    "environments:\n"
    "  dev:\n"
    "    vars: {lake: dev}\n"
    "    store: file:data/${vars.lake}\n"
    "    logs: logs\n"
    "  prod:\n"
    "    vars: {lake: \"${env.SLUICE_TEST_LAKE}\"}\n"
    "    catalog: {kind: iceberg, uri: https://x, warehouse: w, auth: sigv4}\n"
    "    store: s3://${vars.lake}/warehouse\n"
    "    state: s3://${vars.lake}/_sluice\n"
    "    logs: {dir: /var/log/sluice, level: \"info,s3=debug\", keep: 7d, samples: true}\n"
    "    s3: {region: eu-west-1, profile: etl, part_size: 16MiB, throughput_target_gbps: 2.5, "
    "unsigned: false, memory: 64MiB, checksums: when_required, sse: \"aws:kms\", storage_class: "
    "STANDARD_IA, requester_pays: true, tags: {team: data}, metadata: {a: b}}\n"
    "    http: {ca_file: ca.pem}\n"
    "    cloudwatch: {log_group: /sluice/prod, namespace: Sluice}\n";

static void it_is_found_in_parents_and_in_config(void **state)
{
    struct project *project;

    (void)state;
    unsetenv("SLUICE_TEST_LAKE");
    assert_int_equal(mkdir("config", 0700), 0);
    assert_int_equal(mkdir("deep", 0700), 0);
    assert_int_equal(mkdir("deep/er", 0700), 0);
    write_file("config/sluice.yaml", two_environments);
    assert_int_equal(chdir("deep/er"), 0);
    project = project_load(NULL, NULL, &problems);
    assert_non_null(project);
    assert_below(project->root, "", "");
    assert_string_equal(project->name, "demo");
    assert_below(project->pipelines, "", "/flows");
    assert_below(project->environment->store, "file:", "/data/dev");
    assert_below(project->environment->logs.dir, "", "/logs");
    assert_below(project->environment->root, "", "");
    assert_int_equal(project->environments.count, 2);
    project_free(project);
    assert_int_equal(problems.count, 0);
}

static void the_chosen_one_is_complete(void **state)
{
    struct project *project;
    const struct environment *prod;

    (void)state;
    write_file("other.yaml", two_environments);
    setenv("SLUICE_TEST_LAKE", "acme", 1);
    setenv("SLUICE_ENV", "prod", 1);
    project = project_load("other.yaml", NULL, &problems);
    unsetenv("SLUICE_ENV");
    assert_non_null(project);
    prod = project->environment;
    assert_string_equal(prod->item.name, "prod");
    assert_string_equal(prod->store, "s3://acme/warehouse");
    assert_string_equal(prod->state, "s3://acme/_sluice");
    assert_null(prod->catalog.url);
    assert_string_equal(prod->catalog.kind, "iceberg");
    assert_string_equal(prod->catalog.auth, "sigv4");
    assert_string_equal(prod->logs.dir, "/var/log/sluice");
    assert_true(prod->logs.samples);
    assert_int_equal(prod->s3.part_size, 16 * 1024 * 1024);
    assert_true(prod->s3.throughput_target_gbps > 2.4 && prod->s3.throughput_target_gbps < 2.6);
    assert_int_equal(prod->s3.concurrency, 0);
    assert_string_equal(prod->s3.checksums, "when_required");
    assert_string_equal(prod->s3.sse, "aws:kms");
    assert_string_equal(prod->s3.storage_class, "STANDARD_IA");
    assert_true(prod->s3.requester_pays);
    assert_false(prod->s3.fips || prod->s3.dual_stack || prod->s3.accelerate);
    assert_int_equal(prod->s3.tags.count, 1);
    assert_string_equal(prod->s3.tags.items[0].value, "data");
    assert_string_equal(prod->s3.metadata.items[0].name, "a");
    assert_below(prod->http.ca_file, "", "/ca.pem");
    assert_string_equal(prod->cloudwatch.log_group, "/sluice/prod");
    project_free(project);
}

static void a_variable_is_missed_only_where_it_is_needed(void **state)
{
    (void)state;
    unsetenv("SLUICE_TEST_LAKE");
    write_file("sluice.yaml", two_environments);
    assert_null(project_load(NULL, "prod", &problems));
    assert_problems(&problems,
        "sluice.yaml:9:19: environments.prod.vars.lake: the environment variable SLUICE_TEST_LAKE "
        "is not set; set it, or give a default: ${env.SLUICE_TEST_LAKE:-default}\n");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    write_file("sluice.yaml", "projct: x\n"
                              "environments:\n"
                              "  dev:\n"
                              "    store: disk:/data\n"
                              "    state: s3:/x\n"
                              "    catalog: postgres://x\n"
                              "    logs: {level: loud}\n"
                              "    s3: {part_size: 1MiB, addressing: pth}\n"
                              "  Prod: {}\n");
    assert_null(project_load(NULL, NULL, &problems));
    assert_problems(&problems,
        "sluice.yaml:1:1: \"projct\" is not a key here; did you mean \"project\"?\n"
        "sluice.yaml:4:5: environments.dev.store: \"disk:/data\" is not a store; write file:PATH "
        "or s3://bucket/prefix\n"
        "sluice.yaml:5:5: environments.dev.state: \"s3:/x\" is not a place for state; write "
        "sqlite:PATH or s3://bucket/prefix\n"
        "sluice.yaml:6:5: environments.dev.catalog: \"postgres://x\" is not a catalog; write "
        "sqlite:PATH\n"
        "sluice.yaml:7:12: environments.dev.logs.level: \"loud\" is not a level; choose one of: "
        "trace, debug, info, warn, error\n"
        "sluice.yaml:8:10: environments.dev.s3.part_size: 1MiB is out of range; allowed: 5.0 MiB "
        "to 5.0 GiB\n"
        "sluice.yaml:8:27: environments.dev.s3.addressing: \"pth\" is not an addressing; did you "
        "mean \"path\"?\n"
        "sluice.yaml:9:3: environments.Prod: \"Prod\" is not a name; use a-z, 0-9, _ and -, with "
        "a letter or digit first\n");
}

static void environments_that_are_not_there(void **state)
{
    (void)state;
    write_file("sluice.yaml", "environments: {dev: {}, prod: {}}\n");
    assert_null(project_load(NULL, "prdo", &problems));
    assert_null(project_load("nothing.yaml", NULL, &problems));
    assert_problems(&problems,
        "nothing.yaml: does not exist\n"
        "sluice.yaml: there is no environment \"prdo\"; did you mean \"prod\"?\n");
}

static void pipelines_are_found(void **state)
{
    static const char *const text = "transform: {a: {sql: select 1}}\n";
    struct project *project = project_load(NULL, NULL, &problems);
    struct text_list paths;
    struct error err;
    const char *path;

    (void)state;
    assert_int_equal(project_pipeline_paths(project, &paths, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(mkdir("pipelines", 0700), 0);
    assert_int_equal(mkdir("pipelines/sub", 0700), 0);
    assert_int_equal(mkdir("pipelines/.hidden", 0700), 0);
    write_file("pipelines/b.yaml", text);
    write_file("pipelines/a.yml", text);
    write_file("pipelines/sub/c.yaml", "name: strikes\ntransform: {a: {sql: select 1}}\n");
    write_file("pipelines/_draft.yaml", "");
    write_file("pipelines/.hidden/d.yaml", "");
    write_file("pipelines/notes.txt", "");
    assert_int_equal(project_pipeline_paths(project, &paths, &err), 0);
    assert_int_equal(paths.count, 3);
    assert_below(paths.items[0], "", "/pipelines/a.yml");
    assert_below(paths.items[2], "", "/pipelines/sub/c.yaml");

    assert_int_equal(project_find_pipeline(project, "b", &path, &err), 0);
    assert_below(path, "", "/pipelines/b.yaml");
    assert_int_equal(project_find_pipeline(project, "sub/c", &path, &err), 0);
    assert_below(path, "", "/pipelines/sub/c.yaml");
    assert_int_equal(project_find_pipeline(project, "strikes", &path, &err), 0);
    assert_below(path, "", "/pipelines/sub/c.yaml");
    assert_int_equal(project_find_pipeline(project, "pipelines/a.yml", &path, &err), 0);
    assert_string_equal(path, "pipelines/a.yml");
    assert_int_equal(project_find_pipeline(project, "stirkes", &path, &err), -1);
    assert_string_equal(err.message, "there is no pipeline \"stirkes\"; did you mean \"strikes\"?");
    assert_int_equal(project_find_pipeline(project, "x.yaml", &path, &err), -1);
    assert_string_equal(err.message, "there is no file x.yaml");
    project_free(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            without_a_file_there_are_defaults, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            it_is_found_in_parents_and_in_config, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(the_chosen_one_is_complete, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            a_variable_is_missed_only_where_it_is_needed, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            environments_that_are_not_there, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(pipelines_are_found, enter_folder, leave_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
