/* What plan.c and plan_profile.c share. */
#ifndef CONNECTORS_AWS_PLAN_PRIVATE_H
#define CONNECTORS_AWS_PLAN_PRIVATE_H

#include "connectors/aws/plan.h"

struct planner {
    const struct aws_settings *settings;
    const struct plan_options *options;
    struct arena *arena;
    struct credentials_plan *plan;
    struct buffer notes;
};

enum planned { PLAN_FAILED = -1, PLAN_NONE, PLAN_MADE }; /* NONE: a note says why */

/* Adds to what the error says where nothing is found. Always PLAN_NONE. */
enum planned plan_note(struct planner *planner, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The sources that a profile may name (credential_source). */
enum planned plan_environment(struct planner *planner, struct error *err);
enum planned plan_container(struct planner *planner, struct error *err);
enum planned plan_metadata(struct planner *planner, struct error *err);

/* plan_profile.c */
enum planned plan_profile(struct planner *planner, struct error *err);

#endif
