/* The questions of a fetch, one function each: they prepare fetch->exchange and start it; its judge
 * puts what came into fetch->token or fetch->credentials. For fetch.c only. */
#ifndef CONNECTORS_AWS_FETCH_ASK_H
#define CONNECTORS_AWS_FETCH_ASK_H

#include "connectors/aws/fetch.h"

void fetch_ask_metadata_token(struct credentials_fetch *fetch);
void fetch_ask_metadata_role(struct credentials_fetch *fetch);
void fetch_ask_source(struct credentials_fetch *fetch); /* what the plan's kind is */
void fetch_ask_role(struct credentials_fetch *fetch);   /* plan.roles[role_index] */

/* Replaces and releases what was there; its source is what the plan says. */
void fetch_keep(struct credentials_fetch *fetch, struct aws_credentials *credentials);

/* Takes a secret that is to be a header's value: without the blanks at its end, refused where it
 * has other ones. `what` is for the message. */
int fetch_keep_token(
    struct credentials_fetch *fetch, const char *text, const char *what, struct error *err);

#endif
