/* What parse finds out beside the tables: whether a statement goes row by row, and what it asks of
 * single columns. */
#include "connectors/duckdb/parse.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void parse(const char *sql, struct arena *arena, struct sql_statement *ret)
{
    struct error err = {0};
    size_t offset;

    if (parse_statement(sql, arena, ret, &offset, &err))
        fail_msg("%s: %s", sql, err.message);
}

/* --- conditions ---------------------------------------------------------------------------------
 */

/* "a > 5; b in 'x' 'y'; c is null; d = DATE 2001-01-01" */
static void write_conditions(const struct sql_statement *statement, struct buffer *text)
{
    static const char *const names[] = {"=", "<", "<=", ">", ">=", "in", "is null", "is not null"};

    for (size_t i = 0; i < statement->condition_count; i++) {
        const struct sql_condition *c = &statement->conditions[i];

        buffer_printf(text, "%s%s %s", i ? "; " : "", c->column, names[c->comparison]);
        if (c->type)
            buffer_printf(text, " %s", c->type);
        if (c->parameter) {
            buffer_printf(text, " $%s", c->parameter);
            assert_true(c->value_count == 0 && !c->quoted && !c->type);
        }
        for (size_t k = 0; k < c->value_count; k++)
            buffer_printf(text, c->quoted && !c->type ? " '%s'" : " %s", c->values[k]);
        assert_true(c->quoted || !c->type);
    }
}

struct wanted {
    const char *sql, *conditions;
};

static const struct wanted found[] = {
    {"select * from t where a = 5", "a = 5"},
    {"select * from ns.t where a > 5 and b >= 1.50 and c < -3 and d <= -0.05",
        "a > 5; b >= 1.50; c < -3; d <= -0.05"},
    {"from t where 5 < a and 5 >= b and 'x' = c", "a > 5; b <= 5; c = 'x'"},
    {"select a from t where \"A \"\"b\"\"\" = 'it''s' order by 1 limit 3", "A \"b\" = 'it's'"},
    {"select count(*) from t where a between 1 and 7 group by b having count(*) > 1",
        "a >= 1; a <= 7"},
    {"select * from t where a in (1, 2, -3) and b in ('x', 'y')", "a in 1 2 -3; b in 'x' 'y'"},
    {"select * from t where a is null and b is not null and not (c is null)",
        "a is null; b is not null; c is not null"},
    {"select * from t where t.a = 1 and T.b = 2", "a = 1; b = 2"},
    {"select * from ns.t as x where x.a = 1 and a < 9", "a = 1; a < 9"},
    {"select * from t where a = 9007199254740993 and b = -9223372036854775807",
        "a = 9007199254740993; b = -9223372036854775807"},
    {"select * from t where d = date '2001-02-03' and e >= cast('2001-02-03' as timestamp) and f < "
     "'2001-02-03 04:05:06.789'::timestamptz and g = time '01:02:03'",
        "d = DATE 2001-02-03; e >= TIMESTAMP 2001-02-03 00:00:00; "
        "f < TIMESTAMP WITH TIME ZONE 2001-02-03 04:05:06.789; g = TIME 01:02:03"},
    {"select * from t where d between date '2001-01-01' and date '2001-12-31'",
        "d >= DATE 2001-01-01; d <= DATE 2001-12-31"},
    {"select * from t where d in (date '2001-01-01', date '2001-01-02')",
        "d in DATE 2001-01-01 2001-01-02"},
    {"select * from t where a = true and b = false and c = uuid "
     "'00000000-0000-0000-0000-000000000001'",
        "a = true; b = false; c = UUID 00000000-0000-0000-0000-000000000001"},
    {"select * replace (a + 1 as a), upper(b) as c from t where a = 1 and b = 'x'",
        "a = 1; b = 'x'"},
    /* What is not certain is left out of an AND. */
    {"select * from t where a = 1 and (b = 2 or c = 3) and d <> 4 and e not in (1) and not f = 2",
        "a = 1"},
    {"select * from t where a = 1 and abs(b) = 2 and c + 1 = 2 and d = e and f + $p = 1 and g like "
     "'x%'",
        "a = 1"},
    {"select * from t where a >= $since and $Until > b and c = $p::date and d in ($p) and e "
     "between "
     "$p and $q and $p = $q",
        "a >= $since; b < $Until"},
    {"select * from t where a = 1 and (b = 2 and (c = 3 and d = 4))", "a = 1; b = 2; c = 3; d = 4"},
    {"select * from t where a = 1 and b = null and c in (1, null) and d in (1, 'x') and e between "
     "1 "
     "and '2' and f in (1, g)",
        "a = 1"},
    {"select * from t where a = 1 and b = 1e5 and c = 170141183460469231731687303715884105727 and "
     "d "
     "= [1] and e = 'x'::varchar and f = '5'::int and g = 1 + 1 and (h, i) = (1, 2)",
        "a = 1"},
    {"select * from t where a = 1 and b = date '1.2.2001' and c = try_cast('2001-01-01' as date) "
     "and "
     "d = timestamp '2001-01-01 00:00:00+02' and e = date 'today' and f = timestamp '2001-01-01 "
     "0:00:00' and g = cast(5 as date)",
        "a = 1"},
    {"select * from t where a = 1 and b.c = 2 and ns.t.d = 3 and e['x'] = 4 and columns(*) > 5",
        "a = 1"},
    {"select a + 1 as b, c as d from t where b = 2 and d = 3 and a = 4 and t.b = 5",
        "a = 4; b = 5"},
    {"select * from t where a = 1 and b collate nocase = 'x' and case when c then d = 1 end and e "
     "is "
     "distinct from 4",
        "a = 1"},
    {"select * from t where a > 1 is true and b = 1", "b = 1"},
};

static const char *const nothing[] = {
    "select * from t",
    "select * from t where a = 1 or b = 2",
    "select * from t where not a = 1",
    "select * from t, u where a = 1",
    "select * from t join u using (k) where a = 1",
    "select * from t where a = 1 and b in (select c from u)",
    "select * from t where a = 1 and exists (from t where c = 1)",
    "select (select max(c) from t) from t where a = 1",
    "with x as (select * from t) select * from x where a = 1",
    "with x as (select 1) select * from t where a = 1",
    "select * from (select * from t where b = 1) where a = 1",
    "select * from t where a = 1 union all select * from t where a = 2",
    "select * from t as x(b, a) where a = 1",
    "select * from t tablesample 10% where a = 1",
    "select * from t where a = 1 using sample 5 rows",
    "select * from range(5) t(a) where a = 1",
    "select * from (values (1)) t(a) where a = 1",
    "pivot t on a in (1, 2) using sum(b)",
    "select 1 as a where a = 1",
};

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(found); i++) {
        struct sql_statement statement;
        struct buffer text;
        struct arena arena;

        arena_init(&arena);
        buffer_init(&text, 0);
        parse(found[i].sql, &arena, &statement);
        write_conditions(&statement, &text);
        if (strcmp(text.data, found[i].conditions) != 0)
            fail_msg("%s: %s", found[i].sql, text.data);
        buffer_deinit(&text);
        arena_deinit(&arena);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(nothing); i++) {
        struct sql_statement statement;
        struct arena arena;

        arena_init(&arena);
        parse(nothing[i], &arena, &statement);
        if (statement.condition_count)
            fail_msg("%s: %zu conditions", nothing[i], statement.condition_count);
        arena_deinit(&arena);
    }
}

/* Constants that are no JSON, or look like the tree's own members. */
static void test_odd_constants(void **state)
{
    struct sql_statement statement;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    parse("select 1e999, '\"value\":5}' from t where a = '\"value\":-7,' and b = 3", &arena,
        &statement);
    assert_int_equal(statement.condition_count, 2);
    assert_string_equal(statement.conditions[0].values[0], "\"value\":-7,");
    assert_string_equal(statement.conditions[1].values[0], "3");
    arena_deinit(&arena);
}

/* --- row by row ---------------------------------------------------------------------------------
 */

static const char *const row_wise[] = {
    "select * from t",
    "from t",
    "select a, b + 1 as c, upper(d) from ns.t where x > $since and y is not null",
    "select * exclude (a) replace (b + 1 as b) from t where coalesce(a, b) like 'x%'",
    "select case when a then LOWER(b) else cast(c as varchar) end, [x * 2 for x in l] from t",
    "select random(), now(), {'a': a}, s.x, l[1], a || b from t",
    "select a from (select a, b from t where c) where b > 1",
};

static const char *const not_row_wise[] = {
    "select count(*) from t",
    "select 1 + MAX(a) from t",
    "select string_agg(a, ',') from t",
    "select list(a) from t",
    "select first(a) from t",
    "select geometric_mean(a) from t",
    "select nobody_knows(a) from t",
    "select a from t group by a",
    "select a from t group by all",
    "select a from t having true",
    "select distinct a from t",
    "select distinct on (a) * from t",
    "select a from t order by a",
    "select a from t limit 3",
    "select a from t offset 3",
    "select unnest(l) from t",
    "select unlist(l) from t",
    "select a, row_number() over () from t",
    "select sum(a) over (order by b) from t",
    "select a from t qualify row_number() over (order by a) = 1",
    "select a from t using sample 10%",
    "select a from t tablesample 10%",
    "select * from a join b using (k)",
    "select * from a, b",
    "select * from t, unnest(t.l)",
    "select * from a where x in (select y from b)",
    "select (select max(x) from b) from a",
    "select * from a union all select * from b",
    "with c as (select * from t) select * from c",
    "select * from (select distinct a from t)",
    "select * from range(5)",
    "values (1)",
    "select 1",
    "pivot t on a in (1, 2) using sum(b)",
};

static void check_row_wise(const char *sql, bool wanted)
{
    struct sql_statement statement;
    struct arena arena;

    arena_init(&arena);
    parse(sql, &arena, &statement);
    if (statement.row_wise != wanted)
        fail_msg("%s", sql);
    arena_deinit(&arena);
}

static void test_row_wise(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(row_wise); i++)
        check_row_wise(row_wise[i], true);
    for (size_t i = 0; i < ARRAY_LENGTH(not_row_wise); i++)
        check_row_wise(not_row_wise[i], false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_odd_constants),
        cmocka_unit_test(test_row_wise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
