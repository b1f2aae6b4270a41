/* The inside of a list: list.c is the flow, list_page.c what is asked and what comes. */
#ifndef CONNECTORS_S3_LIST_PRIVATE_H
#define CONNECTORS_S3_LIST_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/list.h"
#include "runner/base/arena.h"
#include "runner/base/mem.h"
#include "runner/io/timer.h"

enum list_state { LIST_ASKING, LIST_PAUSED, LIST_CLOSING };

struct list_flow {
    struct s3_client *client;
    struct s3_list *list;
    enum list_state state;
    struct error err;
    struct timer timer;
    struct s3_call call;
    struct s3_query query[S3_CALL_QUERY_MAX];
    size_t query_count;
    char page_size[16];
    char *prefix;          /* that is asked for; NULL: none */
    const char *delimiter; /* the same */

    /* Where the next page begins: tokens of the last one; NULL: at the start. */
    char *key_marker, *other_marker;
    bool last;    /* there is no next page */
    bool pausing; /* the page is taken, the next one is not wanted yet */

    struct arena arena; /* of one page: its items and their texts */
    struct s3_item *items;
    size_t count;
    struct s3_item *kept; /* where there is no `page`: malloc'd until all are known */
    size_t kept_count, kept_capacity;
};

/* Fills flow->query for the next page. */
void list_page_ask(struct list_flow *flow);

/* What the store answered: items, markers, `last`. Nothing is left out yet. */
int list_page_read(struct list_flow *flow, struct error *err);

/* How the page is ordered, and all pages where they are kept. */
int list_page_compare(const void *a, const void *b);

#endif
