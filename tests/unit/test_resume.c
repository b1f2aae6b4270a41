/* What is taken over from a process that died, and what is noted for the next one. */
#include "runner/base/mem.h"
#include "runner/engine/resume.h"
#include "runner/engine/run_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

/* A state that keeps what is written until the test lets it end. */
struct notebook {
    struct state state;
    struct state_request *writing;
    size_t requests, entries;
    char *last; /* what of the last entry */
};

static void start(struct state *state, struct state_request *request)
{
    struct notebook *notebook = container_of(state, struct notebook, state);

    assert_int_equal(request->verb, STATE_ADD_JOURNAL);
    assert_null(notebook->writing);
    notebook->writing = request;
    notebook->requests++;
    notebook->entries += request->entry_count;
    free(notebook->last);
    notebook->last = mem_strdup(request->entries[request->entry_count - 1].what);
}

static const struct state_type notebook_type = {.start = start};

static void end(struct notebook *notebook, const struct error *err)
{
    struct state_request *request = notebook->writing;

    notebook->writing = NULL;
    request->done(request, err);
}

struct fixture {
    struct notebook notebook;
    struct engine engine;
    struct log *log;
    struct pipeline pipeline;
    struct run run;
    struct recover recover;
};

static int set_up(void **state)
{
    const struct log_options options = {.format = LOG_FORMAT_JSON, .fd = -1, .filter = "off"};
    struct fixture *fixture = mem_new(struct fixture);
    struct error err;

    fixture->log = log_new(&options, &err);
    fixture->engine.log = fixture->log;
    fixture->pipeline.name = "p";
    fixture->notebook.state.type = &notebook_type;
    fixture->run.engine = &fixture->engine;
    fixture->run.pipeline = &fixture->pipeline;
    fixture->run.state_store = &fixture->notebook.state;
    fixture->run.options.run_id = "r";
    fixture->run.lease.fence = 5;
    arena_init(&fixture->run.arena);
    table_init(&fixture->run.resume.objects);
    table_init(&fixture->run.resume.files);
    table_init(&fixture->recover.found);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    resume_free(&fixture->run);
    arena_deinit(&fixture->run.arena);
    table_deinit(&fixture->recover.found);
    log_free(fixture->log);
    free(fixture->notebook.last);
    free(fixture);
    return 0;
}

static struct state_journal entries[] = {
    {.run_id = "r",
        .kind = "object",
        .what = "r-4/x-in-0",
        .task = "extract.x",
        .key = "in/a",
        .version = "v1",
        .checksum = "crc32c:01",
        .bytes = 10},
    {.run_id = "r",
        .kind = "object",
        .what = "r-4/x-in-1",
        .task = "extract.x",
        .key = "in/b",
        .version = "v2",
        .bytes = 20}, /* its checksum was not noted */
    {.run_id = "r",
        .kind = "file",
        .what = "n/t/1/p=1/r-x-4-0.parquet",
        .task = "load.x",
        .checksum = "crc32c:02",
        .bytes = 30},
    {.run_id = "r",
        .kind = "file",
        .what = "n/t/1/p=2/r-x-4-1.parquet",
        .task = "load.x",
        .checksum = "crc32c:03",
        .bytes = 40}, /* not in the store any more */
};

static void take(struct fixture *fixture, bool with_folder)
{
    static const char *folders[] = {"r-4"};

    fixture->recover.complete = entries;
    fixture->recover.complete_count = ARRAY_LENGTH(entries);
    fixture->recover.kept_folders = folders;
    fixture->recover.kept_folder_count = with_folder;
    table_put(&fixture->recover.found, entries[2].what, &entries[2]);
    resume_take(&fixture->run, &fixture->recover);
}

static void test_objects(void **state)
{
    struct fixture *fixture = *state;
    struct run *run = &fixture->run;
    const struct state_journal *entry;

    take(fixture, true);
    assert_int_equal(run->resume.folder_count, 1);
    assert_string_equal(run->resume.folders[0], "r-4");
    assert_null(resume_object(run, "extract.y", "in/a", "v1", 10)); /* another task's */
    assert_null(resume_object(run, "extract.x", "in/c", "v1", 10));
    entry = resume_object(run, "extract.x", "in/a", "v1", 10);
    assert_non_null(entry);
    assert_string_equal(entry->what, "r-4/x-in-0");
    assert_string_equal(entry->checksum, "crc32c:01");
    assert_null(resume_object(run, "extract.x", "in/a", "v1", 10)); /* given once */
    assert_null(resume_object(run, "extract.x", "in/b", "v2", 20)); /* nothing to be checked by */
}

/* Asked for another version or length it is not given, and nobody gets it later. */
static void test_objects_that_changed(void **state)
{
    struct fixture *fixture = *state;
    struct run *run = &fixture->run;

    take(fixture, true);
    assert_null(resume_object(run, "extract.x", "in/a", "v2", 10));
    assert_null(resume_object(run, "extract.x", "in/a", "v1", 10));
    resume_keep(run, &entries[0]);
    assert_null(resume_object(run, "extract.x", "in/a", "v1", 11));
    resume_keep(run, &entries[0]);
    assert_null(resume_object(run, "extract.x", "in/a", NULL, 10));
    resume_keep(run, &entries[0]); /* of this very process */
    assert_non_null(resume_object(run, "extract.x", "in/a", "v1", 10));
}

static void test_files(void **state)
{
    struct fixture *fixture = *state;
    struct run *run = &fixture->run;
    const struct state_journal *entry;

    take(fixture, true);
    assert_null(resume_file(run, "load.x", "n/t/1/p=2/r-x-5-0.parquet", "crc32c:02", 30));
    assert_null(resume_file(run, "load.x", "n/t/1/p=1/r-x-5-0.parquet", "crc32c:99", 30));
    assert_null(resume_file(run, "load.x", "n/t/1/p=1/r-x-5-0.parquet", "crc32c:02", 31));
    assert_null(resume_file(run, "load.y", "n/t/1/p=1/r-x-5-0.parquet", "crc32c:02", 30));
    assert_null(resume_file(run, "load.x", "n/t/1/p=2/r-x-5-0.parquet", "crc32c:03", 40));
    entry = resume_file(run, "load.x", "n/t/1/p=1/r-x-5-7.parquet", "crc32c:02", 30);
    assert_non_null(entry);
    assert_string_equal(entry->what, "n/t/1/p=1/r-x-4-0.parquet"); /* under its own name */
    assert_null(resume_file(run, "load.x", "n/t/1/p=1/r-x-5-7.parquet", "crc32c:02", 30));
    assert_null(resume_next_left(run)); /* what is used is not removed */
}

static void test_what_is_left_is_removed(void **state)
{
    struct fixture *fixture = *state;

    take(fixture, true);
    assert_string_equal(resume_next_left(&fixture->run), entries[2].what);
    assert_null(resume_next_left(&fixture->run));
}

/* Recovery keeps nothing: whoever had the id may be alive. */
static void test_without_a_folder_nothing_is_taken(void **state)
{
    struct fixture *fixture = *state;

    take(fixture, false);
    assert_null(resume_object(&fixture->run, "extract.x", "in/a", "v1", 10));
    assert_null(resume_next_left(&fixture->run));
}

/* All that comes while one request is under way goes with the next one. */
static void test_notes_are_gathered(void **state)
{
    struct fixture *fixture = *state;
    struct notebook *notebook = &fixture->notebook;
    struct run *run = &fixture->run;
    const struct error failed = {.code = ERROR_IO, .message = "no"};

    resume_note(run, &entries[0]);
    assert_true(run->resume.is_writing);
    assert_int_equal(notebook->writing->entry_count, 1);
    assert_string_equal(notebook->writing->entries[0].run_id, "r");
    assert_int_equal(notebook->writing->entries[0].fence, 5);
    resume_note(run, &entries[1]);
    resume_note(run, &entries[2]);
    assert_int_equal(notebook->requests, 1);
    end(notebook, NULL);
    assert_int_equal(notebook->requests, 2);
    assert_int_equal(notebook->entries, 3);
    assert_string_equal(notebook->last, entries[2].what);
    resume_note(run, &entries[3]);
    end(notebook, &failed); /* it is done again after a crash: no reason to fail */
    assert_int_equal(run->err.code, ERROR_NONE);
    assert_true(run->resume.is_writing);
    end(notebook, NULL);
    assert_false(run->resume.is_writing);
    assert_int_equal(notebook->entries, 4);
}

static void test_a_preview_notes_nothing(void **state)
{
    struct fixture *fixture = *state;

    fixture->run.options.preview_dataset = "x";
    resume_note(&fixture->run, &entries[0]);
    assert_int_equal(fixture->notebook.requests, 0);
    assert_false(fixture->run.resume.is_writing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects_that_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_left_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_folder_nothing_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_notes_are_gathered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_preview_notes_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
