#include "tests/unit/graph_fixture.h"

#include <stdio.h>

static const char *draw(struct fixture *fixture, bool svg)
{
    struct buffer out;
    const char *text;

    buffer_init(&out, 0);
    if (svg)
        graph_draw_svg(fixture->graph, &out);
    else
        graph_draw_text(fixture->graph, 80, &out);
    text = arena_strdup(&fixture->pipeline.arena, out.data);
    buffer_deinit(&out);
    return text;
}

static void quickstart(struct fixture *fixture)
{
    static struct partition_field month = {PARTITION_MONTH, 0, "d", "month(d)"};
    struct extract *strikes;
    struct load *load;

    fixture_init(fixture, 16);
    fixture->pipeline.name = "birdstrikes";
    fixture->pipeline.description = "Wildlife strikes, cleaned & landed by month";
    strikes = add_extract(fixture, "strikes");
    strikes->from = "pipelines/data/birdstrikes*.csv";
    strikes->only_new.enabled = true;
    add_extract(fixture, "airports")->from = "pipelines/data/airports.csv";
    add_transform(fixture, "clean", "select * from strikes join airports");
    add_check(fixture, &fixture->transforms[0].checks, "select 1 from clean");
    load = add_load(fixture, "clean", "clean");
    load->into = "wildlife.strikes";
    load->partitions = &month;
    load->partition_count = 1;
    load = add_load(fixture, "monthly", "clean");
    load->into = NULL;
    load->to = "s3://exports/${run.id}.csv";
    load->to_per_run = true;
    load->after = texts(fixture, "load.clean", NULL);
}

static void test_text(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    expect_clean(&fixture);
    assert_string_equal(draw(&fixture, false),
        "●   extract.strikes   pipelines/data/birdstrikes*.csv, only new\n"
        "│ ● extract.airports  pipelines/data/airports.csv\n"
        "◆─╯ transform.clean   ← strikes, airports; 1 check\n"
        "├─■ load.clean        ← clean → wildlife.strikes, append by month(d)\n"
        "■   load.monthly      ← clean → s3://exports/${run.id}.csv; after load.clean\n");
    fixture_deinit(&fixture);
}

/* A line that only crosses leaves the lane whole; a lane that goes on is branched off. */
static void test_crossing(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 8);
    add_extract(&fixture, "a");
    add_extract(&fixture, "b");
    add_extract(&fixture, "c");
    add_transform(&fixture, "x", "select 1 from c join a");
    add_transform(&fixture, "y", "select 1 from a join b join x");
    add_load(&fixture, "y", "y");
    expect_clean(&fixture);
    assert_string_equal(draw(&fixture, false), "●     extract.a    data/x.csv\n"
                                               "│ ●   extract.b    data/x.csv\n"
                                               "│ │ ● extract.c    data/x.csv\n"
                                               "├─│─◆ transform.x  ← c, a\n"
                                               "◆─┴─╯ transform.y  ← a, b, x\n"
                                               "■     load.y       ← y → ns.table, append\n");
    fixture_deinit(&fixture);
}

static size_t count_lines(const char *text, unsigned *ret_widest)
{
    size_t lines = 0;
    unsigned width = 0;

    *ret_widest = 0;
    for (; *text; text++) {
        if (*text == '\n') {
            lines++;
            width = 0;
        } else if (((unsigned char)*text & 0xc0) != 0x80) {
            width++;
        }
        *ret_widest = MAX(*ret_widest, width);
    }
    return lines;
}

/* However long names and lists are: one line a task, 80 columns. */
static void test_text_fits(void **state)
{
    struct fixture fixture;
    struct buffer sql;
    unsigned widest;

    (void)state;
    fixture_init(&fixture, 64);
    buffer_init(&sql, 0);
    for (unsigned i = 0; i < 60; i++) { /* too many lanes: none */
        const char *name = arena_printf(&fixture.pipeline.arena, "a_name_that_is_%s_%u",
            i % 2 ? "long" : "so_long_that_it_does_not_fit_into_a_column", i);

        add_extract(&fixture, name)->from = "data/\x1b[31m\n/ünïcode/äöü/äöü/äöü/äöü/äöü.csv";
        buffer_printf(&sql, "%s select 1 from %s", i ? " union" : "", name);
    }
    add_transform(&fixture, "all", sql.data);
    add_load(&fixture, "all", "all");
    expect_clean(&fixture);
    assert_int_equal(count_lines(draw(&fixture, false), &widest), 62);
    assert_int_equal(widest, 80);
    assert_null(strchr(draw(&fixture, false), '\x1b'));
    assert_non_null(strstr(draw(&fixture, false), "transform.all"));
    buffer_deinit(&sql);
    fixture_deinit(&fixture);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        found++;
    return found;
}

static void test_svg(void **state)
{
    struct fixture fixture;
    const char *svg;

    (void)state;
    quickstart(&fixture);
    fixture.extracts[1].from = "a\"<&>\xff\x01.csv";
    expect_clean(&fixture);
    svg = draw(&fixture, true);
    assert_ptr_equal(strstr(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""), svg);
    assert_non_null(strstr(svg, "<title id=\"graph-title\">Pipeline birdstrikes</title>"));
    assert_non_null(strstr(svg, "cleaned &amp; landed by month"));
    assert_non_null(strstr(svg, "2 extracts, 1 transform, 2 loads"));
    assert_non_null(strstr(svg, "a&quot;&lt;&amp;&gt;\xef\xbf\xbd\\x01.csv"));
    assert_non_null(strstr(svg, ">transform · 1 check</text>"));
    assert_null(strstr(svg, "var(")); /* not every viewer knows it */
    assert_non_null(strstr(svg, "prefers-color-scheme:dark"));
    assert_int_equal(count(svg, "<rect class=\"box "), 5);
    assert_int_equal(count(svg, "<path class=\"edge\""), 4);
    assert_int_equal(count(svg, "<path class=\"edge after\""), 1);
    assert_int_equal(count(svg, "<g>"), count(svg, "</g>"));
    assert_null(strstr(svg, "nan"));
    assert_true(text_ends(svg, "</svg>\n"));
    fixture_deinit(&fixture);
}

/* Boxes of one column keep their distance. */
static void test_svg_without_overlap(void **state)
{
    struct fixture fixture;
    struct arena *arena = &fixture.pipeline.arena;
    double x[64], y[64], height = 0;
    unsigned boxes = 0;
    const char *svg;

    (void)state;
    fixture_init(&fixture, 24);
    for (unsigned i = 0; i < 20; i++) {
        add_extract(&fixture, arena_printf(arena, "e%u", i));
        add_transform(&fixture, arena_printf(arena, "t%u", i),
            arena_printf(arena, "select 1 from e%u join e%u join %c%u", i * 7 % 20, i * 3 % 20,
                i > 4 ? 't' : 'e', i > 4 ? i / 2 : i));
        add_load(&fixture, arena_printf(arena, "l%u", i), arena_printf(arena, "t%u", i));
    }
    build(&fixture);
    assert_non_null(fixture.graph);
    svg = draw(&fixture, true);
    assert_int_equal(sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %*f %lf", &height), 1);
    for (svg = strstr(svg, "<rect class=\"box "); svg;
         svg = strstr(svg + 1, "<rect class=\"box ")) {
        assert_int_equal(
            sscanf(svg, "<rect class=\"box %*[a-z]\" x=\"%lf\" y=\"%lf\"", &x[boxes], &y[boxes]),
            2);
        assert_true(y[boxes] >= 0 && y[boxes] + 52 <= height);
        for (unsigned i = 0; i < boxes; i++)
            assert_true(x[i] != x[boxes] || y[i] >= y[boxes] + 52 || y[i] + 52 <= y[boxes]);
        boxes++;
    }
    assert_int_equal(boxes, 60);
    fixture_deinit(&fixture);
}

static void test_empty(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 1);
    assert_true(build(&fixture));
    assert_string_equal(draw(&fixture, false), "");
    assert_null(strstr(draw(&fixture, true), "inf"));
    assert_null(strstr(draw(&fixture, true), "nan"));
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_text_fits),
        cmocka_unit_test(test_svg),
        cmocka_unit_test(test_svg_without_overlap),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
