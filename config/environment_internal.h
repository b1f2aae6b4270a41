/* Between environment.c and its tables. */
#ifndef CONFIG_ENVIRONMENT_INTERNAL_H
#define CONFIG_ENVIRONMENT_INTERNAL_H

#include "config/environment.h"

int environment_check_name(const char *text, struct error *err);
int environment_check_level(const char *text, struct error *err);
int environment_check_catalog(const char *text, struct error *err);
int environment_check_catalog_kind(const char *text, struct error *err);
int environment_check_auth(const char *text, struct error *err);
int environment_check_addressing(const char *text, struct error *err);
int environment_check_cloudwatch_mode(const char *text, struct error *err);
int environment_check_checksums(const char *text, struct error *err);
int environment_check_sse(const char *text, struct error *err);
int environment_check_storage_class(const char *text, struct error *err);
int environment_check_url(const char *text, struct error *err);
int environment_check_store(const char *text, struct error *err);
int environment_check_state(const char *text, struct error *err);

#endif
