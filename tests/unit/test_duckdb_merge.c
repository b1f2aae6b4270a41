/* How rows of a key meet, against a model that compares each row with each other: several key
 * columns, nulls in all of them, sequences with ties, groups, files of other schemas. */
#include "tests/unit/duckdb_table_fixture.h"

enum { PARTS = 5, FILES = 3, ROWS = 12, ROUNDS = 12, CASES = 4, BUCKETS = 3 };

struct row {
    int a, b, sequence; /* -1: null */
    int value;          /* -1: null */
    int64_t position, group;
    size_t place, number;
    bool deletes;
};

struct model {
    struct row rows[PARTS * FILES * ROWS];
    size_t count;
    bool sequenced, keeps;
};

/* --- the model ----------------------------------------------------------------------------------
 */

static bool same_key(const struct row *x, const struct row *y)
{
    return x->a >= 0 && x->b >= 0 && x->a == y->a && x->b == y->b && x->group == y->group;
}

static bool beats(const struct model *m, const struct row *x, const struct row *y)
{
    if (m->sequenced && x->sequence != y->sequence)
        return x->sequence > y->sequence;
    if (x->position != y->position)
        return x->position > y->position;
    if (x->deletes != y->deletes)
        return y->deletes;
    if (x->place != y->place)
        return x->place > y->place;
    return x->number > y->number;
}

static bool is_seen(const struct model *m, const struct row *row)
{
    for (size_t i = 0; i < m->count; i++) {
        if (same_key(&m->rows[i], row) && beats(m, &m->rows[i], row))
            return false;
    }
    return m->keeps || !row->deletes;
}

static const char *text_of(struct sluice *s, int value)
{
    return value < 0 ? "NULL" : arena_printf(&s->arena, "%d", value);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *expected(struct sluice *s, const struct model *m)
{
    const char **lines = arena_array(&s->arena, m->count + 1, sizeof(*lines));
    struct buffer text;
    const char *copy;
    size_t count = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct row *row = &m->rows[i];

        if (is_seen(m, row))
            lines[count++] = arena_printf(&s->arena, "%s|%s|%s|%s%s\n", text_of(s, row->a),
                row->b < 0 ? "NULL" : arena_printf(&s->arena, "k%d", row->b),
                text_of(s, row->sequence), text_of(s, row->deletes ? -1 : row->value),
                m->keeps ? row->deletes ? "|true" : "|false" : "");
    }
    mem_sort(lines, count, sizeof(*lines), by_text);
    buffer_init(&text, 0);
    for (size_t i = 0; i < count; i++)
        buffer_puts(&text, lines[i]);
    copy = arena_strdup(&s->arena, text.data);
    buffer_deinit(&text);
    return copy;
}

static const char *sorted(struct sluice *s, const char *text)
{
    const char **lines = arena_array(&s->arena, strlen(text) + 1, sizeof(*lines));
    struct buffer all;
    const char *copy;
    size_t count = 0;

    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        lines[count++] = arena_strndup(&s->arena, at, (size_t)(strchr(at, '\n') + 1 - at));
    mem_sort(lines, count, sizeof(*lines), by_text);
    buffer_init(&all, 0);
    for (size_t i = 0; i < count; i++)
        buffer_puts(&all, lines[i]);
    copy = arena_strdup(&s->arena, all.data);
    buffer_deinit(&all);
    return copy;
}

/* --- random tables ------------------------------------------------------------------------------
 */

static int pick(unsigned *seed, int below)
{
    return rand_r(seed) % below;
}

static int or_null(unsigned *seed, int below)
{
    return pick(seed, 9) == 0 ? -1 : pick(seed, below);
}

static const char *const schemas[][4] = {{"a", "b", "s", "v"}, {"b2", "a2", "s", "v"},
    {"a", "b", NULL, "other"}, {"B", "A", "file_index", NULL}};

/* The file of some rows: columns in the order and of the types of its schema, others beside them.
 */
static const char *make_rows(struct sluice *s, const char *name, const struct row *list,
    size_t count, const char *const *names, bool swapped)
{
    struct buffer sql;
    const char *path;

    buffer_init(&sql, 0);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &list[i];

        buffer_puts(&sql, i ? " UNION ALL SELECT " : "SELECT ");
        buffer_printf(&sql, "CAST(%s AS %s) AS \"%s\", ", text_of(s, row->a),
            swapped ? "INTEGER" : "BIGINT", names[0]);
        buffer_printf(&sql, "CAST('k' || %s AS VARCHAR) AS \"%s\", ", text_of(s, row->b), names[1]);
        if (names[2])
            buffer_printf(
                &sql, "CAST(%s AS BIGINT) AS \"%s\", ", text_of(s, row->sequence), names[2]);
        if (names[3])
            buffer_printf(&sql, "CAST(%s AS BIGINT) AS \"%s\", ", text_of(s, row->value), names[3]);
        buffer_puts(&sql, "'x' AS ignored");
    }
    path = parquet(s, name, sql.data);
    buffer_deinit(&sql);
    return path;
}

struct random_table {
    struct sql_part parts[PARTS];
    const char *files[PARTS][FILES], *names[PARTS][4];
    int64_t positions[PARTS][FILES], groups[PARTS][FILES];
};

/* Whether the model has a row of the key already: base rows have each only once. */
static bool has_key(const struct model *m, const struct row *row)
{
    for (size_t i = 0; i < m->count; i++) {
        if (same_key(&m->rows[i], row))
            return true;
    }
    return false;
}

static void add_row(
    struct model *m, unsigned *seed, struct row row, const char *const *names, bool base)
{
    row.a = or_null(seed, 6);
    row.b = or_null(seed, 3);
    row.sequence = names[2] ? or_null(seed, 4) : -1;
    row.value = names[3] ? or_null(seed, 1000) : -1;
    if (!base || !has_key(m, &row))
        m->rows[m->count++] = row;
}

static void add_part(struct sluice *s, struct model *m, struct random_table *table, size_t p,
    unsigned *seed, size_t *place)
{
    struct sql_part *part = &table->parts[p];
    const char *const *names = schemas[pick(seed, (int)ARRAY_LENGTH(schemas))];
    const bool swapped = names[0][0] != 'a';

    *part = (struct sql_part){.base = p == 0 && pick(seed, 2), .deletes = p > 0 && !pick(seed, 3)};
    for (size_t f = 0; f < FILES; f++, (*place)++) {
        struct row row = {.deletes = part->deletes, .place = *place};
        const size_t first = m->count;

        row.position = p == 0 ? 1 : 2 + pick(seed, 4);
        row.group = m->keeps ? 0 : pick(seed, 2);
        for (int i = 1 + pick(seed, ROWS); i > 0; i--) {
            row.number = m->count - first;
            add_row(m, seed, row, names, part->base);
        }
        if (m->count == first)
            continue;
        table->files[p][part->files.count] =
            make_rows(s, arena_printf(&s->arena, "f-%zu.parquet", *place), &m->rows[first],
                m->count - first, names, swapped);
        table->positions[p][part->files.count] = row.position;
        table->groups[p][part->files.count++] = row.group;
    }
    table->names[p][0] = names[0];
    table->names[p][1] = names[1];
    table->names[p][2] = names[2];
    table->names[p][3] = part->deletes ? NULL : names[3];
    part->files.items = table->files[p];
    part->positions = table->positions[p];
    part->groups = m->keeps ? NULL : table->groups[p];
    part->names = table->names[p];
}

/* Bucket by bucket: a row is in one of them, and meets the rows of its key there. */
static const char *by_bucket(struct sluice *s, struct sql_dataset *dataset)
{
    struct buffer all;
    const char *copy;

    buffer_init(&all, 0);
    for (dataset->merge.bucket = 0; dataset->merge.bucket < BUCKETS; dataset->merge.bucket++) {
        dataset->merge.buckets = BUCKETS;
        must_open(s, dataset);
        buffer_puts(&all, rows(s, "from t"));
        assert_string_equal(
            rows(s, arena_printf(&s->arena,
                        "select count(*) from t where sluice_key_bucket(%d, b, a) <> %lld", BUCKETS,
                        (long long)dataset->merge.bucket)),
            "0\n");
    }
    copy = sorted(s, all.data);
    buffer_deinit(&all);
    return copy;
}

static void check_round(struct sluice *s, unsigned round, unsigned variant)
{
    struct sql_column columns[] = {{.name = "a", .type = "BIGINT"},
        {.name = "b", .type = "VARCHAR"}, {.name = "s", .type = "BIGINT"},
        {.name = "v", .type = "BIGINT"}};
    struct model *m = arena_new(&s->arena, struct model);
    struct random_table *table = arena_new(&s->arena, struct random_table);
    struct sql_dataset dataset = {.name = "t",
        .schema = {columns, ARRAY_LENGTH(columns)},
        .parts = table->parts,
        .part_count = PARTS,
        .merge = {.key = LIST("b", "A")}};
    unsigned seed = round * CASES + variant;
    const char *seen, *wanted;
    size_t place = 0;

    m->sequenced = variant & 1;
    m->keeps = variant & 2;
    dataset.merge.sequence_by = m->sequenced ? "s" : NULL;
    dataset.merge.keep_deletes = m->keeps;
    for (size_t p = 0; p < PARTS; p++)
        add_part(s, m, table, p, &seed, &place);
    must_open(s, &dataset);
    seen = sorted(s, rows(s, "from t"));
    wanted = expected(s, m);
    if (strcmp(seen, wanted) != 0)
        fail_msg("round %u, variant %u: there is\n%s, but there should be\n%s", round, variant,
            seen, wanted);
    if (!m->keeps) { /* what a query asks must not change who wins */
        assert_string_equal(sorted(s, rows(s, "select * from t where v > 500 and a = 3")),
            sorted(s, rows(s, "with x as materialized (from t) select * from x where v > 500 and a "
                              "= 3")));
    }
    assert_string_equal(by_bucket(s, &dataset), wanted);
}

static void test_random(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned variant = 0; variant < CASES; variant++)
            check_round(&s, round, variant);
    }
    sluice_close(&s);
}

/* Parts without positions are as they are: partitions in which there is nothing to merge. */
static void test_clean_parts(void **state)
{
    struct sql_column columns[] = {
        {.name = "id", .type = "BIGINT"}, {.name = "v", .type = "VARCHAR"}};
    const char *const names[] = {"id", "v"};
    struct sluice s;
    const char *clean, *old, *new;

    (void)state;
    sluice_open(&s);
    clean = parquet(&s, "clean.parquet", "select unnest([7, 7])::bigint id, 'clean' v");
    old = parquet(&s, "old.parquet", "select unnest([1, 2])::bigint id, 'old' v");
    new = parquet(&s, "new.parquet", "select unnest([2, 7])::bigint id, 'new' v");
    {
        const struct sql_part parts[] = {
            {.files = LIST(new, old), .names = names, .positions = NUMBERS(2, 1)},
            {.files = LIST(clean), .names = names}};
        struct sql_dataset table = {.name = "t",
            .schema = {columns, 2},
            .parts = parts,
            .part_count = 2,
            .merge.key = LIST("id")};

        must_open(&s, &table);
        assert_string_equal(
            rows(&s, "from t order by id, v"), "1|old\n2|new\n7|clean\n7|clean\n7|new\n");
        table.parts = &parts[1];
        table.part_count = 1;
        must_open(&s, &table);
        assert_string_equal(rows(&s, "from t"), "7|clean\n7|clean\n");
    }
    sluice_close(&s);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_##name, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random),
        TEST(clean_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
