/* JSON Schema (2020-12, https://json-schema.org/draft/2020-12) of our YAML files, made from the
 * option tables, for editors and other tools. It refuses what a schema can tell; names that refer
 * to each other, SQL and ranges of durations and sizes only the program can.
 *
 * A schema sees what a YAML parser made of a file, while options take the text: where a text is
 * wanted, numbers and booleans are let through, and a text with ${…} wherever it is replaced. */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

/* Indented JSON, to free(). */
char *schema_pipeline(void); /* of a pipeline file */
char *schema_project(void);  /* of sluice.yaml */

#endif
