/* Between yaml.c and yaml_error.c. */
#ifndef CONFIG_YAML_INTERNAL_H
#define CONFIG_YAML_INTERNAL_H

#include "config/yaml.h"

#include <yaml.h>

/* Adds why the parser stopped, in plain words. */
void yaml_report_error(const char *path, const yaml_parser_t *parser, const char *text,
    size_t length, struct diagnostics *problems);

/* Whether all of the text is UTF-8 without control characters; if not, adds where it is not. */
bool yaml_check_bytes(
    const char *path, const char *text, size_t length, struct diagnostics *problems);

#endif
