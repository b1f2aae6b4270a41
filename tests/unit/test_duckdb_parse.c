/* What statements are: their tables, drivers, parameters; what is refused, and where. */
#include "connectors/duckdb/lexer.h"
#include "connectors/duckdb/parse.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

struct good {
    const char *sql;
    const char *tables; /* in order; "*" after a driver */
    const char *parameters;
};

static const struct good good[] = {
    {"select a, b + 1 as c from t", "t*", ""},
    {"from t", "t*", ""},
    {"table t", "t*", ""},
    {"select * from ns.t where x > $since and y < $until;", "ns.t*", "since until"},
    {"select * from t -- the end;\n", "t*", ""},
    {"select '; select 2' as a, $$ ; $$ as b, \"a;b\" from t /* ; /* nested */ ; */ ;;", "t*", ""},
    {"select E'it\\'s;' from t", "t*", ""},
    {"select upper(a), [x * 2 for x in l], case when a is null then 1 end from t", "t*", ""},
    {"select unnest(l) from t", "t*", ""},
    {"select * exclude (a) replace (b + 1 as b) from t", "t*", ""},
    {"select count(*) from t", "t*", ""},
    {"select sum(a) from t", "t*", ""},
    {"select wavg(a, b) from t", "t*", ""},
    {"select 1 + max(a) from t", "t*", ""},
    {"select a from t group by a", "t*", ""},
    {"select a, row_number() over () from t", "t*", ""},
    {"select a from t order by a", "t*", ""},
    {"select a from t limit 3", "t*", ""},
    {"select distinct a from t", "t*", ""},
    {"select a from t using sample 10%", "t*", ""},
    {"select a from t qualify row_number() over (order by a) = 1", "t*", ""},
    {"select * from (select * from t)", "t*", ""},
    {"select * from a join b using (k)", "a* b", ""},
    {"select * from a left join b on a.x = b.x cross join c", "a* b c", ""},
    {"select * from a, b", "a* b", ""},
    {"select * from a right join b using (k)", "a* b", ""},
    {"select * from a where x in (select y from b)", "a* b", ""},
    {"select (select max(x) from b) from a", "b a*", ""},
    {"select * from a where exists (select 1 from b where b.x = a.x)", "a* b", ""},
    {"select * from a union all select * from b", "a* b*", ""},
    {"select * from a union all by name select * from b union select * from c", "a* b* c*", ""},
    {"select * from a except select * from b", "a* b", ""},
    {"select * from a intersect select * from b", "a* b", ""},
    {"with c as (select * from t) select * from c", "t*", ""},
    {"with c as (select * from t), d as (select * from u) select * from d join c using (k)", "t u*",
        ""},
    {"with c as (select * from c) select * from c", "c*", ""},
    {"with t as (select 1) select * from ns.t", "ns.t*", ""},
    {"with C as (select * from t) select * from c", "t*", ""},
    {"with a as (select * from t), b as (select * from a union all select * from u) select * from "
     "v left join b using (k)",
        "t u v*", ""},
    {"with a as (from t), b as (from a), c as (from b union all from a) from c", "t*", ""},
    {"select * from (with c as (from t) from c) x, c", "t* c", ""},
    {"with recursive r as (select x from t union all select r.x from r join u using (x)) from r",
        "t* u", ""},
    {"with c as materialized (from t) (select * from c)", "t*", ""},
    {"select * from (values (1), (2)) v(x)", "", ""},
    {"values (1, $a), (2, $b)", "", "a b"},
    {"select * from range(10) r(i) join t on t.i = r.i", "t", ""},
    {"select * from t, unnest(t.l) u(x)", "t*", ""},
    {"select * from generate_series($a, $b)", "", "a b"},
    {"from t pivot (sum(a) for b in ('x', 'y'))", "t*", ""},
    {"pivot t on b in ('x') using sum(a)", "t*", ""},
    {"unpivot t on a, b", "t*", ""},
    {"select * from T, t, \"T\"", "T*", ""},
    {"select * from t where d >= $since or d2 >= $since", "t*", "since"},
    {"select 'infinity'::date, 1e400, 170141183460469231731687303715884105727 from t", "t*", ""},
    {"select 1", "", ""},
    {"(select * from a) union all (select * from b limit 1)", "a* b*", ""},
    {"select * from \"größe\" g join \"a \"\"b\" using (k)", "größe* a \"b", ""},
    {"select * from a semi join b using (k) anti join c using (k)", "a* b c", ""},
    {"select * from a order by (select max(x) from b)", "a* b", ""},
    {"select * from a asof join b on a.t >= b.t", "a* b", ""},
    {"select (select x from c where c.k = a.k), * from a join (select * from b) using (k)",
        "c a* b", ""},
};

struct bad {
    const char *sql;
    size_t offset;
    const char *message;
};

static const struct bad bad[] = {
    {"", 0, "no statement"},
    {"-- nothing\n ; ", 0, "no statement"},
    {"selec 1", 0, "syntax error at or near \"selec\""},
    {"select 'é', * frm t", 19, "syntax error"},
    {"select (1", 9, "syntax error"},
    {"select 1; select 2", 10, "second statement"},
    {"select 1; drop table t", 10, "second statement"},
    {"insert into t values (1)", 0, "begins with \"insert\""},
    {"  /* x */ create table x as select 1", 10, "begins with \"create\""},
    {"set threads = 4", 0, "no SELECT"},
    {"copy t to 'x.csv'", 0, "no SELECT"},
    {"attach 'x.db'", 0, "no SELECT"},
    {"install httpfs", 0, "no SELECT"},
    {"pragma version", 0, "no SELECT"},
    {"call pragma_version()", 0, "no SELECT"},
    {"explain select 1", 0, "no SELECT"},
    {"describe t", 0, "DESCRIBE"},
    {"select * from (summarize t)", 0, "SUMMARIZE"},
    {"pivot t on b using sum(a)", 0, "PIVOT must list its values"},
    {"select * from (pivot t on b using sum(a))", 0, "PIVOT must list its values"},
    {"select * from read_csv('x.csv')", 14, "read_csv() cannot be called"},
    {"select * from t where a in (select x from read_parquet('y'))", 42, "read_parquet()"},
    {"with c as (from read_json_auto('x')) from t", 16, "read_json_auto()"},
    {"from read_text('/etc/passwd')", 5, "read_text()"},
    {"from read_blob('/etc/passwd')", 5, "read_blob()"},
    {"from glob('*')", 5, "glob()"},
    {"from sniff_csv('x')", 5, "sniff_csv()"},
    {"from parquet_metadata('x')", 5, "parquet_metadata()"},
    {"from duckdb_settings()", 5, "duckdb_settings()"},
    {"from duckdb_secrets()", 5, "duckdb_secrets()"},
    {"from query('select 1')", 5, "query()"},
    {"from query_table('t')", 5, "query_table()"},
    {"from sluice_part_0_0()", 5, "sluice_part_0_0()"},
    {"select getenv('HOME') from t", 7, "getenv()"},
    {"select current_setting('threads')", 7, "current_setting()"},
    {"select * from 'data.csv'", 14, "\"data.csv\" is a file"},
    {"select * from t join 'a/b.parquet' using (k)", 21, "is a file"},
    {"select * from \"https://example.com/x\"", 14, "is a file"},
    {"select * from db.s.t", 14, "db.s.t"},
    {"select * from information_schema.tables", 14, "own tables"},
    {"select * from t where a = ?", 0, "parameters have names"},
    {"select $1 from t", 0, "parameters have names"},
    {"select 1 into x", 0, "SELECT INTO"},
    {"select '\xff' from t", 8, "0xff is not UTF-8"},
};

static void describe(const struct sql_statement *statement, struct buffer *text)
{
    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table *table = &statement->tables[i];

        buffer_printf(text, "%s%s%s%s%s", i ? " " : "", table->schema ? table->schema : "",
            table->schema ? "." : "", table->name, table->is_driver ? "*" : "");
    }
}

static void check_good(const struct good *want)
{
    struct sql_statement statement;
    struct error err = {0};
    struct buffer tables, parameters;
    struct arena arena;
    size_t offset;

    arena_init(&arena);
    buffer_init(&tables, 0);
    buffer_init(&parameters, 0);
    if (parse_statement(want->sql, &arena, &statement, &offset, &err))
        fail_msg("%s: %s", want->sql, err.message);
    describe(&statement, &tables);
    for (size_t i = 0; i < statement.parameters.count; i++)
        buffer_printf(&parameters, "%s%s", i ? " " : "", statement.parameters.items[i]);
    if (strcmp(tables.data, want->tables) != 0 || strcmp(parameters.data, want->parameters) != 0)
        fail_msg("%s: tables \"%s\", parameters \"%s\"", want->sql, tables.data, parameters.data);
    buffer_deinit(&tables);
    buffer_deinit(&parameters);
    arena_deinit(&arena);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        check_good(&good[i]);
}

/* Branches that no table drives: their rows are there again in every run. */
static void test_rootless(void **state)
{
    static const struct {
        const char *sql;
        bool rootless;
    } cases[] = {
        {"select 1", true},
        {"values (1), (2)", true},
        {"select * from range(3)", true},
        {"select * from range(3) join t on true", true},
        {"select * from t union all select 1", true},
        {"with c as (values (1)) select * from c", true},
        {"select * from (select 1) s join t on true", true},
        {"select * from t", false},
        {"select * from t cross join range(3)", false},
        {"select (select 1) from t", false},
        {"with c as (values (1)) select * from t join c on true", false},
        {"select * from t union all select * from u", false},
        {"with recursive c as (select 1 as n from t union all select n + 1 from c where n < 9) "
         "select * from c",
            false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sql_statement statement;
        struct error err = {0};
        struct arena arena;
        size_t offset;

        arena_init(&arena);
        if (parse_statement(cases[i].sql, &arena, &statement, &offset, &err))
            fail_msg("%s: %s", cases[i].sql, err.message);
        if (statement.rootless != cases[i].rootless)
            fail_msg("%s: rootless %d", cases[i].sql, statement.rootless);
        arena_deinit(&arena);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct sql_statement statement;
        struct error err = {0};
        struct arena arena;
        size_t offset = 99;

        arena_init(&arena);
        if (parse_statement(bad[i].sql, &arena, &statement, &offset, &err) == 0)
            fail_msg("%s: parsed", bad[i].sql);
        arena_deinit(&arena);
        if (offset != bad[i].offset || !strstr(err.message, bad[i].message) ||
            strchr(err.message, '\n') || err.code != ERROR_SQL)
            fail_msg("%s: at %zu: %s", bad[i].sql, offset, err.message);
    }
}

static void test_offsets(void **state)
{
    const char *sql = "with c as (select * from \"é\") select * from c, ns.second, third";
    struct sql_statement statement;
    struct error err = {0};
    struct arena arena;
    size_t offset;

    (void)state;
    arena_init(&arena);
    assert_int_equal(parse_statement(sql, &arena, &statement, &offset, &err), 0);
    assert_int_equal(statement.table_count, 3);
    assert_int_equal(statement.tables[0].offset, strstr(sql, "\"é") - sql);
    assert_int_equal(statement.tables[1].offset, strstr(sql, "ns.") - sql);
    assert_int_equal(statement.tables[2].offset, strstr(sql, "third") - sql);
    arena_deinit(&arena);
}

/* Whoever names datasets wants to know which of them a WITH hides, at any depth. */
static void test_names_of_withs(void **state)
{
    const char *sql = "with recursive C as (with \"d d\" as (from t) from \"d d\") select * from c "
                      "where x in (with e as (select 1) from e)";
    struct sql_statement statement;
    struct error err = {0};
    struct arena arena;
    size_t offset;

    (void)state;
    arena_init(&arena);
    assert_int_equal(parse_statement(sql, &arena, &statement, &offset, &err), 0);
    assert_int_equal(statement.ctes.count, 3);
    assert_string_equal(statement.ctes.items[0], "d d");
    assert_string_equal(statement.ctes.items[1], "C");
    assert_string_equal(statement.ctes.items[2], "e");
    arena_deinit(&arena);
}

/* What nests without end must end in an error, not in a crash. */
static void test_deep(void **state)
{
    struct sql_statement statement;
    struct error err = {0};
    struct buffer sql;
    struct arena arena;
    size_t offset;

    (void)state;
    arena_init(&arena);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "select ");
    for (int i = 0; i < 900; i++)
        buffer_puts(&sql, "abs(");
    buffer_puts(&sql, "x");
    for (int i = 0; i < 900; i++)
        buffer_putc(&sql, ')');
    buffer_puts(&sql, " from t");
    if (parse_statement(sql.data, &arena, &statement, &offset, &err) == 0)
        assert_int_equal(statement.table_count, 1);
    else
        assert_int_equal(err.code, ERROR_SQL);
    buffer_deinit(&sql);
    arena_deinit(&arena);
}

static void test_many_are_cheap(void **state)
{
    struct sql_statement statement;
    struct error err = {0};
    struct arena arena;
    uint64_t start;
    size_t offset;

    (void)state;
    arena_init(&arena);
    start = time_monotonic_ns();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            parse_statement("select a.x, b.y, count(*) from a left join b on a.k = b.k where a.d "
                            ">= $since group by all",
                &arena, &statement, &offset, &err),
            0);
    /* 0.1 s here; the limit leaves room for sanitizers and busy machines. */
    assert_true(time_monotonic_ns() - start < 3000000000U);
    arena_deinit(&arena);
}

static void test_lexer(void **state)
{
    const char *sql = "a$b \"c\"\"d\" 'e''f' $g $1 $t$ ' $ $t$ 1e5 -- x\n/* /* */ */ E'\\'' ;z";
    static const enum lexer_kind kinds[] = {LEXER_WORD, LEXER_WORD, LEXER_TEXT, LEXER_PARAMETER,
        LEXER_PARAMETER, LEXER_TEXT, LEXER_OTHER, LEXER_TEXT, LEXER_SEMICOLON, LEXER_WORD,
        LEXER_END};
    struct lexer_token token = {0};
    size_t length, next;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        token = lexer_next(sql, token.start + token.length);
        assert_int_equal(token.kind, kinds[i]);
    }
    assert_true(lexer_statement(sql, &length, &next));
    assert_string_equal(sql + next, "z");
    assert_false(lexer_statement("select 1 ;; -- x", &length, &next));
    assert_int_equal(length, 8);
    /* What is not closed ends with the text. */
    static const char *const open[] = {"'a", "\"a", "$$a", "/* a", "E'a\\", "$t$ $t", "--", "'a''"};
    for (size_t i = 0; i < ARRAY_LENGTH(open); i++) {
        token = lexer_next(open[i], 0);
        assert_int_equal(token.start + token.length, strlen(open[i]));
    }
}

/* --- names of columns --- */

static void check_names(const char *sql, const char *columns, const char *names)
{
    struct sql_statement statement = {0};
    struct error err = {0};
    struct buffer text;
    struct arena arena;
    size_t offset;

    arena_init(&arena);
    buffer_init(&text, 0);
    if (parse_statement(sql, &arena, &statement, &offset, &err))
        fail_msg("%s: %s", sql, err.message);
    for (size_t i = 0; i < statement.columns.count; i++)
        buffer_printf(&text, "%s%s", i ? " " : "", statement.columns.items[i]);
    assert_string_equal(text.data, columns);
    buffer_clear(&text);
    for (size_t i = 0; i < statement.name_count; i++) {
        const struct sql_name *name = &statement.names[i];

        buffer_printf(&text, "%s%s%s%s", i ? " " : "", name->qualifier ? name->qualifier : "",
            name->qualifier ? "." : "", name->name);
        assert_int_equal(
            strncasecmp(sql + name->offset, name->qualifier ? name->qualifier : name->name, 1), 0);
    }
    assert_string_equal(text.data, names);
    buffer_deinit(&text);
    arena_deinit(&arena);
}

static void test_names(void **state)
{
    (void)state;
    check_names("select a, t.b, upper(c) as d, 1 as \"E f\" from t", "a b d E f", "");
    check_names("select s.m from t where s.m = 1 and x = t.y", "m", "s.m x t.y");
    check_names("select * from t where A > 1", "", "A");
    check_names("select a, t.* from t", "", "");
    check_names("select columns('x') from t", "", "");
    check_names("select a, upper(b) from t", "", ""); /* its name is the engine's */
    check_names("select unnest(l) as u from t", "", "");
    check_names("select a from t union all select b from u where c", "", "");
    check_names("select a from t where b in (select c from u where d = e) and "
                "len(list_filter(f, x -> x > g)) > 0 and h = $p and current_date > i",
        "a", "b f h i");
    check_names(
        "select a from t where case when b then c else d end between e and f", "a", "b c d e f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_rootless),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_names_of_withs),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_many_are_cheap),
        cmocka_unit_test(test_lexer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
