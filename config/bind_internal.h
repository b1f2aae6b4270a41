/* Between bind.c, bind_scalar.c and bind_marks.c. */
#ifndef CONFIG_BIND_INTERNAL_H
#define CONFIG_BIND_INTERNAL_H

#include "config/bind.h"

/* The place of a field, cleared; a second one for the same address replaces the first. */
struct bind_place *bind_put_place(struct bind_marks *marks, const void *field);
/* A struct that was written; for its fields that were not. */
void bind_put_range(
    struct bind_marks *marks, const void *object, size_t size, struct option_mark mark);

/* A scalar into a field, and one text of a list or map. */
int bind_scalar(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, void *field);
int bind_item_text(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, const char **field);

/* Whether flow style cut a value with a comma in two; then that is reported. */
bool bind_was_split(struct bind *bind, const struct yaml_node *node);

/* The address while something below it is bound; bind_pop() takes what the push returned. Addresses
 * count from 1, as people do. */
size_t bind_push(struct bind *bind, const char *name);
size_t bind_push_index(struct bind *bind, size_t index);
void bind_pop(struct bind *bind, size_t length);

#endif
