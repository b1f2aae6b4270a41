/* connectors/catalog_sqlite against a model of time: what is read at each position, through random
 * appends, replacements, deletes, compactions, rollbacks, tags and expiries. The same ones each
 * time, but where $SEED says otherwise. */
#include "runner/base/text.h"
#include "tests/unit/catalog_fixture.h"

enum { VALUES = 4, STEPS = 500, LOOKS = 6 };

static const char *const values[VALUES] = {"a", "b", "c", "d"};

/* What is read at one position: by partition the keys of its files, each with a space behind; NULL:
 * it is not there. */
struct moment {
    const char *keys[VALUES];
};

struct model {
    struct moment moments[STEPS + 1]; /* by position */
    int64_t since[VALUES];            /* from where on a compaction may begin */
    int64_t position, first_position, tagged;
    int next_key;
    struct arena arena;
};

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static const char *new_key(struct model *model, const char *kind)
{
    return arena_printf(&model->arena, "%s%d", kind, model->next_key++);
}

static struct moment *now(struct model *model)
{
    return &model->moments[model->position];
}

static struct moment *next(struct model *model)
{
    model->position++;
    model->moments[model->position] = model->moments[model->position - 1];
    return now(model);
}

/* --- steps: each is in the book, then in the model --- */

static void append(struct book *book, struct model *model, size_t which)
{
    const char *key = new_key(model, "f"), *before = now(model)->keys[which];

    book_add_append(book, values[which], key, 1);
    book_apply(book);
    if (!before)
        model->since[which] = model->position + 1;
    next(model)->keys[which] = arena_printf(&model->arena, "%s%s ", before ? before : "", key);
}

static void replace(struct book *book, struct model *model, size_t which)
{
    const char *key = new_key(model, "f");

    book_add_replace(book, values[which], key, 1);
    book_apply(book);
    next(model)->keys[which] = arena_printf(&model->arena, "%s ", key);
    model->since[which] = model->position;
}

static void remove_partition(struct book *book, struct model *model, size_t which)
{
    book_add_at(book, CATALOG_DELETE_PARTITION, values[which])->if_missing = true;
    book_apply(book);
    if (now(model)->keys[which])
        next(model)->keys[which] = NULL;
}

/* From its watermark on, a new file stands for those that were there then. */
static void compact(struct book *book, struct model *model, size_t which, uint64_t *random)
{
    const char *key = new_key(model, "c"), *old;
    int64_t watermark;

    if (!now(model)->keys[which])
        return;
    watermark =
        model->since[which] +
        (int64_t)(next_random(random) % (uint64_t)(model->position - model->since[which] + 1));
    old = model->moments[watermark].keys[which];
    book_add_at(book, CATALOG_STAGE_PARTITION, values[which]);
    book_add_delta(book, values[which], key, 1)->delta.rewrite = true;
    book_add_at(book, CATALOG_COMMIT_DELTA, values[which])->at.position = watermark;
    book_add_at(book, CATALOG_COMMIT_PARTITION, values[which])->partition.promote_after = watermark;
    book_apply(book);
    model->since[which] = watermark;
    for (int64_t at = model->position; at >= watermark; at--) {
        const char **keys = &model->moments[at].keys[which];

        assert_true(text_starts(*keys, old));
        *keys = arena_printf(&model->arena, "%s %s", key, *keys + strlen(old));
    }
}

static void roll_back(struct book *book, struct model *model, uint64_t *random)
{
    int64_t position;

    if (model->position == 0)
        return;
    position =
        model->first_position +
        (int64_t)(next_random(random) % (uint64_t)(model->position - model->first_position + 1));
    book_add(book, CATALOG_ROLLBACK)->at.position = position;
    book_apply(book);
    *next(model) = model->moments[position];
    for (size_t i = 0; i < VALUES; i++)
        model->since[i] = model->position;
}

static void tag(struct book *book, struct model *model)
{
    if (model->position == 0)
        return;
    book_add(book, CATALOG_SET_TAG)->tag.name = "held";
    book_apply(book);
    model->tagged = model->position;
}

static void expire(struct book *book, struct model *model)
{
    if (model->position - model->first_position < 20)
        return;
    model->first_position = model->position - 20;
    book_add(book, CATALOG_EXPIRE)->at.position = model->first_position;
    book_apply(book);
}

/* --- looking --- */

static void look(struct book *book, const struct model *model, int64_t position)
{
    struct catalog_query query = {.verb = CATALOG_LIST_FILES, .at_position = position};
    const bool is_kept = (position >= model->first_position && position <= model->position) ||
                         position == model->tagged;
    struct buffer expected, found;

    if (!is_kept) {
        assert_int_equal(book_try_ask(book, &query), -1);
        assert_int_equal(book->err.code, ERROR_INVALID);
        return;
    }
    query = book_ask_with(book, query);
    buffer_init(&expected, 0);
    buffer_init(&found, 0);
    for (size_t i = 0; i < VALUES; i++)
        if (model->moments[position].keys[i])
            buffer_puts(&expected, model->moments[position].keys[i]);
    for (size_t i = 0; i < query.count; i++)
        for (size_t j = 0; j < query.deltas[i].file_count; j++)
            buffer_printf(&found, "%s ", query.deltas[i].files[j].key);
    assert_string_equal(found.data, expected.data);
    buffer_deinit(&expected);
    buffer_deinit(&found);
}

static void step(struct book *book, struct model *model, uint64_t *random)
{
    const size_t which = next_random(random) % VALUES;

    switch (next_random(random) % 16) {
    case 0:
        roll_back(book, model, random);
        break;
    case 1:
        expire(book, model);
        break;
    case 2:
        tag(book, model);
        break;
    case 3:
        remove_partition(book, model, which);
        break;
    case 4:
    case 5:
        replace(book, model, which);
        break;
    case 6:
    case 7:
    case 8:
        compact(book, model, which, random);
        break;
    default:
        append(book, model, which);
    }
}

static void test_each_position_stays_what_it_was(void **state)
{
    const char *seed = getenv("SEED");
    uint64_t random = seed ? strtoull(seed, NULL, 10) : 0x5eed;
    struct model *model = mem_new(struct model);
    struct book book;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)random);
    arena_init(&model->arena);
    model->first_position = 1;
    book_open_with_table(&book);
    for (int i = 0; i < STEPS; i++) {
        step(&book, model, &random);
        assert_int_equal(
            book_ask(&book, CATALOG_GET_VERSION).versions[0].last_position, model->position);
        for (int j = 0; j < LOOKS && model->position > 0; j++)
            look(&book, model, 1 + (int64_t)(next_random(&random) % (uint64_t)model->position));
        look(&book, model, model->position);
        if (model->tagged)
            look(&book, model, model->tagged);
        if (i % 50 == 0)
            book_check(&book);
    }
    assert_true(model->position > STEPS / 2);
    assert_true(model->first_position > 1);
    for (int64_t position = 1; position <= model->position; position++)
        look(&book, model, position);
    book_check(&book);
    book_close(&book);
    arena_deinit(&model->arena);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_each_position_stays_what_it_was, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
