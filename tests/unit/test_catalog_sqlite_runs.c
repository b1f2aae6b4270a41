/* Fences, records, cursors and publications of connectors/catalog_sqlite, and its asynchronous
 * side. */
#include "connectors/catalog_sqlite/catalog_sqlite.h"
#include "tests/unit/catalog_fixture.h"

/* --- fences --- */

static void test_fence_is_checked_inside(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 1);
    assert_ok(book_try_apply_as(&book, "birds", "run-1", 5), &book.err);
    book_add_append(&book, "2024-01", "b", 1);
    assert_int_equal(book_try_apply_as(&book, "birds", "run-0", 4), -1);
    assert_int_equal(book.err.code, ERROR_FENCED);
    assert_contains(
        book.err.message, "birds: a later run took over (its fence is 5, this run's is 4)");
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 1);
    book_add_append(&book, "2024-01", "c", 1);
    assert_ok(book_try_apply_as(&book, "birds", "run-1", 5), &book.err); /* equal */
    book_add_append(&book, "2024-01", "d", 1);
    assert_ok(book_try_apply_as(&book, "birds", "run-2", 6), &book.err); /* greater: stored */
    assert_int_equal(book_try_apply_as(&book, "birds", "run-1", 5), -1);
    assert_ok(book_try_apply_as(&book, "bats", "run-3", 1), &book.err); /* another pipeline */
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 3);
    book_close(&book);
}

static int raise_fence(struct book *book, const char *run_id, int64_t fence, int64_t *ret_fence)
{
    const struct catalog_change change = {.verb = CATALOG_RAISE_FENCE,
        .fence = {.pipeline = "birds", .instance = "", .fence = fence}};
    struct catalog_apply apply = {.changes = &change, .count = 1, .run_id = run_id};
    const int result = database_apply(&book->db, &apply, &book->err);

    *ret_fence = apply.ret_fence;
    return result;
}

static void test_raise_fence(void **state)
{
    struct book book;
    int64_t there;

    (void)state;
    book_open_with_table(&book);
    assert_ok(raise_fence(&book, "run-1", 7, &there), &book.err);
    assert_int_equal(book_try_apply_as(&book, "birds", "run-0", 6), -1);
    assert_int_equal(book.err.code, ERROR_FENCED);
    assert_int_equal(raise_fence(&book, "run-2", 3, &there), -1);
    assert_int_equal(book.err.code, ERROR_FENCED);
    assert_int_equal(there, 7);
    assert_int_equal(raise_fence(&book, "run-2", 7, &there), -1); /* another run's number */
    assert_int_equal(there, 7);
    assert_int_equal(raise_fence(&book, "run-1", 7, &there), -1); /* its own id, of a twin */
    assert_int_equal(there, 7);
    assert_ok(raise_fence(&book, "run-2", 8, &there), &book.err);
    book_close(&book);
}

/* --- the record --- */

static void test_a_run_commits_once(void **state)
{
    struct catalog_query commits;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 1);
    book_add_commit(&book, "run-1", 1);
    book_apply(&book);
    book_add_append(&book, "2024-01", "a", 1);
    book_add_commit(&book, "run-1", 1);
    book_apply_fails(&book, ERROR_EXISTS, "run run-1: it was committed already, at 20");
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 1);
    commits =
        book_ask_with(&book, (struct catalog_query){.verb = CATALOG_GET_COMMIT, .run_id = "run-1"});
    assert_int_equal(commits.count, 1);
    assert_string_equal(commits.commits[0].record, "{\"rows\":1}");
    assert_true(commits.commits[0].committed_ms > 0);
    book_close(&book);
}

static void test_commits_newest_first(void **state)
{
    struct catalog_query commits;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    for (int i = 0; i < 3; i++) {
        char run_id[16];

        snprintf(run_id, sizeof(run_id), "run-%d", i);
        book_add_commit(&book, run_id, 1);
        book_apply(&book);
    }
    book_add_commit(&book, "other", 1);
    book.changes[0].commit.pipeline = "bats";
    book.changes[0].commit.instance = "brand";
    book.changes[0].commit.committed_ms = 17;
    book_apply(&book);
    commits = book_ask(&book, CATALOG_LIST_COMMITS);
    assert_int_equal(commits.count, 4);
    assert_string_equal(commits.commits[0].run_id, "other");
    assert_int_equal(commits.commits[0].committed_ms, 17);
    commits = book_ask_with(&book,
        (struct catalog_query){.verb = CATALOG_LIST_COMMITS, .pipeline = "birds", .limit = 2});
    assert_int_equal(commits.count, 2);
    assert_string_equal(commits.commits[0].run_id, "run-2");
    assert_true(commits.truncated);
    commits = book_ask_with(&book,
        (struct catalog_query){.verb = CATALOG_LIST_COMMITS, .pipeline = "bats", .instance = "x"});
    assert_int_equal(commits.count, 0);
    book_close(&book);
}

/* --- cursors --- */

static void add_seen(struct book *book, const char *extract, const char *key, const char *version)
{
    struct catalog_change *change = book_add(book, CATALOG_ADD_SEEN);

    change->seen.cursor = (struct catalog_cursor){
        .pipeline = "birds", .instance = "", .load = "clean", .extract = extract};
    change->seen.seen = (struct catalog_seen){.key = key, .version = version, .size = 7};
}

static void test_cursors(void **state)
{
    struct catalog_query query;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    for (int i = 0; i < 2; i++) {
        book_add(&book, CATALOG_SET_CURSOR)->cursor = (struct catalog_cursor){.pipeline = "birds",
            .instance = "",
            .load = "clean",
            .extract = "strikes",
            .state = i ? "{\"at\":2}" : "{\"at\":1}"};
        book_apply(&book);
    }
    add_seen(&book, "airports", "a.csv", "v1"); /* no cursor of it was set */
    add_seen(&book, "strikes", "b.csv", "v1");
    add_seen(&book, "strikes", "c.csv", NULL);
    book_apply(&book);
    add_seen(&book, "strikes", "b.csv", "v2");
    book_apply(&book);
    query = book_ask_with(&book,
        (struct catalog_query){.verb = CATALOG_LIST_CURSORS, .pipeline = "birds", .instance = ""});
    assert_int_equal(query.count, 1);
    assert_string_equal(query.cursors[0].extract, "strikes");
    assert_string_equal(query.cursors[0].state, "{\"at\":2}");
    query = book_ask_with(&book, (struct catalog_query){.verb = CATALOG_LIST_SEEN,
                                     .pipeline = "birds",
                                     .instance = "",
                                     .load = "clean",
                                     .extract = "strikes"});
    assert_int_equal(query.count, 2);
    assert_string_equal(query.seen[0].key, "b.csv");
    assert_string_equal(query.seen[0].version, "v2");
    assert_int_equal(query.seen[0].size, 7);
    assert_null(query.seen[1].version);
    query = book_ask_with(&book, (struct catalog_query){.verb = CATALOG_LIST_SEEN,
                                     .pipeline = "birds",
                                     .instance = "brand",
                                     .load = "clean",
                                     .extract = "strikes"});
    assert_int_equal(query.count, 0); /* the instance is part of the key */
    book_close(&book);
}

/* --- publications --- */

static struct catalog_query pending(struct book *book)
{
    return book_ask_with(
        book, (struct catalog_query){
                  .verb = CATALOG_LIST_PUBLICATIONS, .pipeline = "birds", .instance = ""});
}

static void test_publications(void **state)
{
    const struct catalog_publication monthly = {"run-1", "monthly", "stage/m", "out/m.csv"};
    const struct catalog_publication daily = {"run-1", "daily", "stage/d", "out/d.csv"};
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add(&book, CATALOG_ADD_PUBLICATION)->publication = monthly;
    book_apply_fails(&book, ERROR_INVALID, "an apply with a pipeline");
    book_add(&book, CATALOG_ADD_PUBLICATION)->publication = monthly;
    book_add(&book, CATALOG_ADD_PUBLICATION)->publication = daily;
    assert_ok(book_try_apply_as(&book, "birds", "run-1", 1), &book.err);
    assert_int_equal(pending(&book).count, 2);
    assert_string_equal(pending(&book).publications[0].from, "stage/m");
    assert_string_equal(pending(&book).publications[0].to, "out/m.csv");
    for (int i = 0; i < 2; i++) { /* ending it again is harmless */
        book_add(&book, CATALOG_END_PUBLICATION)->publication = monthly;
        book_apply(&book);
        assert_int_equal(pending(&book).count, 1);
    }
    book_add(&book, CATALOG_END_PUBLICATION)->publication =
        (struct catalog_publication){.run_id = "run-9", .load = "monthly"};
    book_apply_fails(&book, ERROR_NOT_FOUND, "run run-9: load.monthly has no such publication");
    book_close(&book);
}

/* --- hooks --- */

static struct catalog_query pending_hooks(struct book *book)
{
    return book_ask_with(book,
        (struct catalog_query){.verb = CATALOG_LIST_HOOKS, .pipeline = "birds", .instance = ""});
}

static void test_hooks(void **state)
{
    const struct hook_due first = {"run-1", "on_commit[1]", "t1", "{\"a\":1}", 0};
    const struct hook_due second = {"run-1", "finally[1]", "t2", NULL, 0};
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add(&book, CATALOG_ADD_HOOK)->hook = first;
    book_apply_fails(&book, ERROR_INVALID, "an apply with a pipeline");
    book_add(&book, CATALOG_ADD_HOOK)->hook = first;
    book_add(&book, CATALOG_ADD_HOOK)->hook = second;
    assert_ok(book_try_apply_as(&book, "birds", "run-1", 1), &book.err);
    assert_int_equal(pending_hooks(&book).count, 2);
    assert_string_equal(pending_hooks(&book).hooks[0].place, "on_commit[1]");
    assert_string_equal(pending_hooks(&book).hooks[0].body, "{\"a\":1}");
    assert_string_equal(pending_hooks(&book).hooks[1].target, "t2");
    assert_null(pending_hooks(&book).hooks[1].body);
    assert_true(pending_hooks(&book).hooks[1].created_ms > 0);
    book_add(&book, CATALOG_ADD_HOOK)->hook = first;
    assert_int_equal(book_try_apply_as(&book, "birds", "run-1", 1), -1);
    assert_int_equal(book.err.code, ERROR_EXISTS);
    for (int i = 0; i < 2; i++) { /* again is harmless */
        book_add(&book, CATALOG_END_HOOK)->hook = first;
        book_apply(&book);
    }
    assert_int_equal(pending_hooks(&book).count, 1);
    book_add(&book, CATALOG_END_HOOK)->hook = (struct hook_due){.run_id = "run-9", .place = "x"};
    book_apply_fails(&book, ERROR_NOT_FOUND, "run run-9 has no hook x");
    book_close(&book);
}

/* --- asynchronous --- */

struct service {
    struct loop loop;
    struct work_pool *pool;
    struct catalog *catalog;
    struct error err; /* of the last answer */
    unsigned done, stopped;
};

struct asked {
    struct service *service;
    struct catalog_query query;
    struct catalog_apply apply;
    struct arena arena;
};

static void service_open(struct service *service, bool read_only)
{
    struct catalog_options options = {.location = book_path(), .read_only = read_only};
    struct error err = {0};

    *service = (struct service){0};
    fixture_loop_init(&service->loop);
    service->pool = work_pool_new(&service->loop, 4, &err);
    options.loop = &service->loop;
    options.pool = service->pool;
    service->catalog = catalog_sqlite_type.open(&options, &err);
    if (!service->catalog)
        fail_msg("%s", err.message);
}

static void service_close(struct service *service)
{
    catalog_sqlite_type.close(service->catalog);
    catalog_sqlite_type.close(NULL);
    work_pool_free(service->pool);
    fixture_loop_deinit(&service->loop);
}

static void count_done(struct service *service, const struct error *err)
{
    service->done++;
    service->stopped += err && err->code == ERROR_STOPPED;
    if (err)
        service->err = *err;
}

static void on_query(struct catalog_query *query, const struct error *err)
{
    count_done(container_of(query, struct asked, query)->service, err);
}

static void on_apply(struct catalog_apply *apply, const struct error *err)
{
    count_done(container_of(apply, struct asked, apply)->service, err);
}

static void ask(struct service *service, struct asked *asked, enum catalog_query_verb verb)
{
    *asked = (struct asked){.service = service};
    arena_init(&asked->arena);
    asked->query = (struct catalog_query){.verb = verb, .arena = &asked->arena, .done = on_query};
    service->catalog->type->query(service->catalog, &asked->query);
}

static void test_asynchronous(void **state)
{
    const struct catalog_change change = {
        .verb = CATALOG_CREATE_NAMESPACE, .at = {.namespace = "wildlife"}};
    struct service service;
    struct asked change_asked = {.service = &service}, asked;

    (void)state;
    service_open(&service, false);
    change_asked.apply = (struct catalog_apply){.changes = &change, .count = 1, .done = on_apply};
    service.catalog->type->apply(service.catalog, &change_asked.apply);
    ask(&service, &asked, CATALOG_LIST_NAMESPACES); /* after it: one serial lane */
    assert_int_equal(service.done, 0);
    loop_run(&service.loop);
    assert_int_equal(service.done, 2);
    assert_int_equal(service.err.code, ERROR_NONE);
    assert_int_equal(asked.query.count, 1);
    service.catalog->type->apply(service.catalog, &change_asked.apply);
    loop_run(&service.loop);
    assert_int_equal(service.err.code, ERROR_EXISTS);
    arena_deinit(&asked.arena);
    service_close(&service);
}

static void test_read_only_without_a_file(void **state)
{
    struct service service;
    struct asked asked;

    (void)state;
    service_open(&service, true);
    ask(&service, &asked, CATALOG_LIST_NAMESPACES);
    loop_run(&service.loop);
    assert_int_equal(service.err.code, ERROR_NONE);
    assert_int_equal(asked.query.count, 0);
    arena_deinit(&asked.arena);
    service_close(&service);
    assert_false(file_exists(book_path()));
}

static void test_cancel_ends_what_waits_for_a_lock(void **state)
{
    const struct catalog_change change = {
        .verb = CATALOG_CREATE_NAMESPACE, .at = {.namespace = "wildlife"}};
    struct service service;
    struct asked changes[3], query;
    struct book book;
    uint64_t start_ns;

    (void)state;
    book_open(&book);
    service_open(&service, false);
    assert_ok(sqlite_begin_write(&book.db, &book.err), &book.err);
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        changes[i] = (struct asked){
            .service = &service, .apply = {.changes = &change, .count = 1, .done = on_apply}};
        service.catalog->type->apply(service.catalog, &changes[i].apply);
    }
    ask(&service, &query, CATALOG_LIST_NAMESPACES);
    start_ns = time_monotonic_ns();
    uv_run(&service.loop.uv, UV_RUN_NOWAIT);
    service.catalog->type->cancel(service.catalog);
    assert_int_equal(service.done, 0); /* never from within */
    loop_run(&service.loop);
    assert_int_equal(service.done, 4);
    assert_int_equal(service.stopped, 4);
    assert_true(time_monotonic_ns() - start_ns < 1000000000u);
    sqlite_rollback(&book.db);
    service.err.code = ERROR_NONE;
    service.catalog->type->apply(service.catalog, &changes[0].apply); /* still usable */
    loop_run(&service.loop);
    assert_int_equal(service.err.code, ERROR_NONE);
    arena_deinit(&query.arena);
    service_close(&service);
    assert_int_equal(book_ask(&book, CATALOG_LIST_NAMESPACES).count, 1);
    book_close(&book);
}

static void test_open_fails_by_name(void **state)
{
    struct catalog_options options = {.location = "/proc/none/catalog.db"};
    struct error err = {0};

    (void)state;
    assert_null(catalog_sqlite_type.open(&options, &err));
    assert_contains(err.message, "/proc/none/catalog.db");
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_fence_is_checked_inside),
        IN_FOLDER(test_raise_fence),
        IN_FOLDER(test_a_run_commits_once),
        IN_FOLDER(test_commits_newest_first),
        IN_FOLDER(test_cursors),
        IN_FOLDER(test_publications),
        IN_FOLDER(test_hooks),
        IN_FOLDER(test_asynchronous),
        IN_FOLDER(test_read_only_without_a_file),
        IN_FOLDER(test_cancel_ends_what_waits_for_a_lock),
        IN_FOLDER(test_open_fails_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
