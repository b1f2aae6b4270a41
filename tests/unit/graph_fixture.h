/* Pipelines made by hand and a parser that knows just enough SQL, for the tests of the graph:
 *
 *     select … from A [join B]… [union select … from C …]      $parameters, 'texts'
 *
 * A and C drive; the word `broken` is a syntax error. */
#ifndef TESTS_UNIT_GRAPH_FIXTURE_H
#define TESTS_UNIT_GRAPH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/bind_internal.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/graph.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct pipeline pipeline;
    struct bind_marks marks;
    struct buffer source; /* all SQL, as the lines of a file would hold it */
    struct extract *extracts;
    struct transform *transforms;
    struct load *loads;
    size_t capacity;
    unsigned line; /* of the next item */
    struct diagnostics problems;
    struct graph *graph;
    unsigned engines; /* how often the SQL engine was asked for */
};

static inline void fixture_init(struct fixture *fixture, size_t capacity)
{
    *fixture = (struct fixture){.capacity = capacity};
    fixture->extracts = mem_calloc(capacity, sizeof(*fixture->extracts));
    fixture->transforms = mem_calloc(capacity, sizeof(*fixture->transforms));
    fixture->loads = mem_calloc(capacity, sizeof(*fixture->loads));
    fixture->pipeline.path = "p.yaml";
    fixture->pipeline.name = "p";
    arena_init(&fixture->pipeline.arena);
    fixture->marks.arena = &fixture->pipeline.arena;
    fixture->pipeline.marks = &fixture->marks;
    buffer_init(&fixture->source, 0);
    diagnostics_init(&fixture->problems);
}

static inline void fixture_deinit(struct fixture *fixture)
{
    graph_free(fixture->graph);
    diagnostics_deinit(&fixture->problems);
    buffer_deinit(&fixture->source);
    arena_deinit(&fixture->pipeline.arena);
    free(fixture->extracts);
    free(fixture->transforms);
    free(fixture->loads);
}

static inline struct option_item fixture_item(struct fixture *fixture, const char *name)
{
    fixture->line += 10;
    return (struct option_item){.name = name, .mark = {fixture->line, 3}};
}

static inline struct extract *add_extract(struct fixture *fixture, const char *name)
{
    struct extract *extract = &fixture->extracts[fixture->pipeline.extracts.count++];

    assert_true(fixture->pipeline.extracts.count <= fixture->capacity);
    fixture->pipeline.extracts.items = fixture->extracts;
    *extract = (struct extract){.item = fixture_item(fixture, name), .from = "data/x.csv"};
    extract->repeat = true;
    return extract;
}

/* As if the text at `field` began there, in lines that are indented like the first. */
static inline void place(
    struct fixture *fixture, const char *const *field, unsigned line, unsigned column)
{
    struct bind_place *place = bind_put_place(&fixture->marks, field);
    struct yaml_node *node = arena_new(&fixture->pipeline.arena, struct yaml_node);

    *node = (struct yaml_node){.style = YAML_PLAIN,
        .mark = {line, column},
        .start = fixture->source.length,
        .text = *field};
    place->mark = node->mark;
    place->node = node;
    for (const char *at = *field; *at; at++) {
        buffer_putc(&fixture->source, *at);
        if (*at == '\n')
            buffer_printf(&fixture->source, "%*s", (int)column - 1, "");
    }
    fixture->marks.source = fixture->source.data;
    fixture->marks.source_length = fixture->source.length;
}

static inline void set_sql(struct fixture *fixture, struct transform *transform, const char *sql)
{
    transform->sql = sql;
    place(fixture, &transform->sql, transform->item.mark.line + 1, 7);
}

/* Its SQL is a literal block whose lines are indented by six columns, on the line below. */
static inline struct transform *add_transform(
    struct fixture *fixture, const char *name, const char *sql)
{
    struct transform *transform = &fixture->transforms[fixture->pipeline.transforms.count++];

    assert_true(fixture->pipeline.transforms.count <= fixture->capacity);
    fixture->pipeline.transforms.items = fixture->transforms;
    *transform = (struct transform){.item = fixture_item(fixture, name)};
    transform->sql_path = fixture->pipeline.path;
    set_sql(fixture, transform, sql);
    return transform;
}

static inline struct load *add_load(struct fixture *fixture, const char *name, const char *from)
{
    struct load *load = &fixture->loads[fixture->pipeline.loads.count++];

    assert_true(fixture->pipeline.loads.count <= fixture->capacity);
    fixture->pipeline.loads.items = fixture->loads;
    *load = (struct load){.item = fixture_item(fixture, name), .from = from, .into = "ns.table"};
    return load;
}

static inline struct text_list texts(struct fixture *fixture, const char *one, const char *two)
{
    const char **items = arena_array(&fixture->pipeline.arena, 2, sizeof(*items));

    items[0] = one;
    items[1] = two;
    return (struct text_list){items, two ? 2 : 1};
}

static inline struct check *add_check(
    struct fixture *fixture, struct option_items *checks, const char *sql)
{
    struct check *check = arena_new(&fixture->pipeline.arena, struct check);

    assert_int_equal(checks->count, 0); /* one is enough for these tests */
    *check = (struct check){.kind = CHECK_SQL, .sql = sql};
    place(fixture, &check->sql, fixture->line + 5, 14);
    *checks = (struct option_items){check, 1};
    return check;
}

/* --- the parser --- */

static inline void fake_table(struct sql_statement *statement, struct arena *arena,
    const char *text, size_t length, size_t offset, bool is_driver)
{
    const char *dot = memchr(text, '.', length);
    char *name = arena_strndup(
        arena, dot ? dot + 1 : text, dot ? length - (size_t)(dot + 1 - text) : length);

    for (size_t i = 0; i < statement->table_count; i++) {
        if (strcmp(statement->tables[i].name, name) == 0) {
            statement->tables[i].is_driver |= is_driver;
            return;
        }
    }
    statement->tables[statement->table_count++] = (struct sql_table){
        .schema = dot ? arena_strndup(arena, text, (size_t)(dot - text)) : NULL,
        .name = name,
        .offset = offset,
        .is_driver = is_driver,
    };
}

static inline int fake_parse(const char *sql, struct arena *arena,
    struct sql_statement *ret_statement, size_t *ret_offset, struct error *err)
{
    static const char separators[] = " \n(),;=";
    struct sql_statement statement = {0};
    const char *before = "";
    size_t before_length = 0, selects = 0, froms = 0;

    statement.tables = arena_array(arena, strlen(sql) / 2 + 1, sizeof(*statement.tables));
    statement.parameters.items = arena_array(arena, strlen(sql) / 2 + 1, sizeof(char *));
    for (const char *at = sql; *at;) {
        const size_t length = strcspn(at, separators);
        const bool from = before_length == 4 && memcmp(before, "from", 4) == 0;

        if (*at == '\'' || length == 0) {
            at = *at == '\'' ? strchr(at + 1, '\'') + 1 : at + 1;
            continue;
        }
        if (length == 6 && memcmp(at, "broken", 6) == 0) {
            *ret_offset = (size_t)(at - sql);
            return error_set(err, ERROR_SQL, "syntax error at or near \"broken\"");
        }
        if (*at == '$')
            statement.parameters.items[statement.parameters.count++] =
                arena_strndup(arena, at + 1, length - 1);
        if (from || (before_length == 4 && memcmp(before, "join", 4) == 0))
            fake_table(&statement, arena, at, length, (size_t)(at - sql), from);
        selects += length == 6 && memcmp(at, "select", 6) == 0;
        froms += from;
        before = at;
        before_length = length;
        at += length;
    }
    statement.rootless = froms < selects;
    *ret_statement = statement;
    return 0;
}

static const struct sql_engine_type fake_engine = {.name = "fake", .parse = fake_parse};

static inline int fake_load(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    struct fixture *fixture = data;

    (void)err;
    fixture->engines++;
    *ret_type = &fake_engine;
    return 0;
}

/* --- running and looking --- */

static inline bool build(struct fixture *fixture)
{
    graph_free(fixture->graph);
    fixture->graph = graph_new(&fixture->pipeline, fake_load, fixture, &fixture->problems);
    assert_int_equal(fixture->graph == NULL, fixture->problems.error_count > 0);
    diagnostics_sort(&fixture->problems);
    return fixture->graph != NULL;
}

static inline const char *problem(struct fixture *fixture, size_t index)
{
    struct buffer line;
    const char *text;

    if (index >= fixture->problems.count)
        return "";
    buffer_init(&line, 0);
    diagnostics_format(&fixture->problems.items[index], &line);
    text = arena_strdup(&fixture->pipeline.arena, line.data);
    buffer_deinit(&line);
    return text;
}

/* Builds it; there must be exactly this one error or warning, which begins with `expected`. */
static inline void expect_problem(struct fixture *fixture, const char *expected)
{
    build(fixture);
    if (strncmp(problem(fixture, 0), expected, strlen(expected)) != 0)
        assert_string_equal(problem(fixture, 0), expected);
    assert_string_equal(problem(fixture, 1), "");
}

static inline void expect_clean(struct fixture *fixture)
{
    build(fixture);
    assert_string_equal(problem(fixture, 0), "");
}

#endif
