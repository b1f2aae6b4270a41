/* What the parts of the fakes share: fakes.c (operations, stores, state), fakes_catalog.c,
 * fakes_sql.c. */
#ifndef TESTS_UNIT_FAKES_PRIVATE_H
#define TESTS_UNIT_FAKES_PRIVATE_H

#include "runner/base/mem.h"
#include "runner/io/timer.h"
#include "tests/unit/fakes.h"

/* One operation under way: a timer, and what to do when it fires. */
struct fake_operation {
    struct timer timer;
    void (*finish)(struct fake_operation *operation, const struct error *err);
    void *request;
    struct error err;
    bool after_effect, hangs, transfer;
};

extern struct fakes *fakes_current; /* registries have no room for data */

extern const struct catalog_type fake_catalog_type;
extern const struct sql_engine_type fake_sql_type;

/* `name` is taken over. */
struct fake_operation *fake_start(
    char *name, void *request, void (*finish)(struct fake_operation *, const struct error *));
void fake_cancel(struct fake_operation *operation);

/* Whether it takes effect: it did not fail, or it fails only afterwards. */
bool fake_effective(const struct fake_operation *operation, const struct error *err);

void fake_put(struct table *table, const char *key, const char *value);
void fake_forget(struct table *table, const char *key);
void fake_touch(const char *path); /* makes the file */

void fake_catalog_deinit(struct fakes *fakes);

#endif
