/* The SQL engine of the fakes. A statement is words: names of datasets, the first of which drives
 * it; `union` in front of one that drives it too, `join` in front of one that does not, `values`
 * for rows that come from nowhere, `$p` for a parameter. */
#include "tests/unit/fakes_private.h"

#include <assert.h>
#include <string.h>

static int parse(const char *sql, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err)
{
    struct sql_statement statement = {0};
    char *rest = arena_strdup(arena, sql), *word;
    bool drives = true;

    (void)ret_offset;
    (void)err;
    statement.tables = arena_array(arena, FAKE_MAX, sizeof(*statement.tables));
    while ((word = strsep(&rest, " \n"))) {
        assert(statement.table_count < FAKE_MAX);
        if (strcmp(word, "values") == 0)
            statement.rootless = true;
        else if (strcmp(word, "union") == 0)
            drives = true;
        else if (strcmp(word, "join") == 0)
            drives = false;
        else if (*word && *word != '$')
            statement.tables[statement.table_count++] =
                (struct sql_table){.name = word, .is_driver = drives};
    }
    *ret_statement = statement;
    return 0;
}

static struct sql_dataset dataset(struct sql_request *request, const char *name, const char *folder)
{
    struct fakes *fakes = fakes_current;
    struct sql_dataset made = {.name = name, .rows = fakes->rows};
    const char **files;

    made.schema.columns =
        arena_array(request->arena, fakes->schema_count, sizeof(struct sql_column));
    made.schema.count = fakes->schema_count;
    memcpy(made.schema.columns, fakes->schema, fakes->schema_count * sizeof(struct sql_column));
    if (!folder) {
        made.rows = -1;
        return made;
    }
    files = arena_array(request->arena, 1, sizeof(*files));
    files[0] = arena_printf(request->arena, "%s/%s-0.parquet", folder, name);
    fake_touch(files[0]);
    made.files = (struct text_list){.items = files, .count = 1};
    made.bytes = fakes->dataset_bytes;
    return made;
}

static void write_files(struct sql_request *request)
{
    const struct fakes *fakes = fakes_current;
    struct sql_write *write = &request->write;
    size_t value_count = 0;

    assert(write->partition_count <= 1);
    while (
        value_count < ARRAY_LENGTH(fakes->partition_values) && fakes->partition_values[value_count])
        value_count++;
    write->ret_files = fakes->rows > 0 ? fakes->files_per_load : 0;
    for (unsigned i = 0; i < write->ret_files; i++) {
        const char **values = arena_array(request->arena, 1, sizeof(*values));
        const struct sql_file file = {.path = arena_printf(request->arena, "%s/%s-%u.parquet",
                                          write->folder, write->prefix, i),
            .values = write->partition_count > 0 ? values : NULL,
            .rows = fakes->rows / fakes->files_per_load,
            .bytes = 100};

        if (value_count > 0)
            values[0] = fakes->partition_values[i % value_count];
        fake_touch(file.path);
        write->on_file(request, &file);
    }
    write->ret_rows = fakes->rows; /* of any dataset */
}

static void do_check(struct sql_check *check)
{
    const char *failing = fakes_current->failing_check;

    check->ret_passed = !failing || !strstr(check->sql, failing);
    check->ret_count = check->ret_passed ? 0 : fakes_current->failing_count;
    check->ret_found = fakes_current->rows;
}

static void answer_query(struct sql_request *request)
{
    const struct sql_column columns[8] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct sql_schema schema = {.columns = (struct sql_column *)columns, .count = 3};
    const struct fake_answer *answer = fakes_current->answers;

    for (size_t i = 0; i < ARRAY_LENGTH(fakes_current->answers); i++) {
        if (answer[i].part && strstr(request->query.sql, answer[i].part)) {
            request->query.on_rows(request, &schema, answer[i].cells, 1);
            return;
        }
    }
}

static void finish_sql(struct fake_operation *operation, const struct error *err)
{
    struct sql_request *request = operation->request;

    if (!err && request->verb == SQL_SCAN) {
        request->scan.ret_dataset = dataset(request, request->scan.dataset, request->scan.folder);
        if (request->scan.schema_only)
            request->scan.ret_dataset.rows = 0;
    } else if (!err && request->verb == SQL_DERIVE) {
        request->derive.ret_dataset =
            dataset(request, request->derive.dataset, request->derive.folder);
    } else if (!err && request->verb == SQL_CHECK) {
        do_check(&request->check);
    } else if (request->verb == SQL_WRITE && fake_effective(operation, err)) {
        write_files(request);
    } else if (!err && request->verb == SQL_EXPORT) {
        fake_touch(request->export.path);
        request->export.ret_rows = fakes_current->rows;
        request->export.ret_bytes = 100;
    } else if (!err && request->verb == SQL_QUERY) {
        answer_query(request);
    }
    request->operation = NULL;
    request->done(request, err);
}

static char *request_name(const struct sql_request *request)
{
    switch (request->verb) {
    case SQL_SCAN:
        return mem_printf("sql.scan %s", request->scan.dataset);
    case SQL_DERIVE:
        return mem_printf("sql.derive %s", request->derive.dataset);
    case SQL_CHECK:
        return mem_printf("sql.check %s", request->check.sql);
    case SQL_WRITE:
        return mem_printf("sql.write %s", request->write.dataset);
    case SQL_EXPORT:
        return mem_printf("sql.export %s", request->export.dataset);
    case SQL_QUERY:
        return mem_printf("sql.query %s", request->query.sql);
    case SQL_OPEN:
        return mem_printf("sql.open %s", request->open.dataset->name);
    case SQL_DROP:
        return mem_printf("sql.drop %s", request->drop);
    }
    return NULL;
}

static void start_sql(struct sql_session *session, struct sql_request *request)
{
    request->session = session;
    request->operation = fake_start(request_name(request), request, finish_sql);
}

static void cancel_sql(struct sql_request *request)
{
    if (request->operation)
        fake_cancel(request->operation);
}

static void progress(struct sql_request *request, struct sql_progress *ret_progress)
{
    (void)request;
    *ret_progress = (struct sql_progress){.share = 0.5};
}

static void close_session(struct sql_session *session)
{
    if (session)
        fakes_current->sessions--;
    free(session);
}

static uint64_t memory_minimum(unsigned threads)
{
    return threads;
}

static uint64_t memory_share(uint64_t bytes, unsigned threads)
{
    return bytes - threads;
}

static struct sql_session *open_session(
    const struct sql_session_options *options, struct error *err)
{
    struct sql_session *session = mem_new(struct sql_session);

    (void)options;
    (void)err;
    session->type = &fake_sql_type;
    fakes_current->sessions++;
    return session;
}

/* Of a column it can say only whether it has the type. */
static const char *fits(
    const struct sql_column *from, const struct sql_column *to, struct arena *arena)
{
    return strcmp(from->type, to->type) == 0
               ? NULL
               : arena_printf(arena, "%s is %s", from->name, to->type);
}

const struct sql_engine_type fake_sql_type = {.name = "fake",
    .parse = parse,
    .fits = fits,
    .open = open_session,
    .start = start_sql,
    .cancel = cancel_sql,
    .progress = progress,
    .close = close_session,
    .memory_minimum = memory_minimum,
    .memory_share = memory_share};
