/* The settings (settings.h) of this process: its environment and the user's two profile files. */
#ifndef CONNECTORS_AWS_SETTINGS_READ_H
#define CONNECTORS_AWS_SETTINGS_READ_H

#include "connectors/aws/settings.h"

/* The process's own variables. On the loop's thread; nobody sets any. */
struct aws_environment aws_environment_of_process(void);

/* Blocks on the two small files. One that cannot be read counts as empty here: whoever wants
 * credentials is told. `profile` as in aws_settings_init(), and so the end: aws_settings_deinit().
 */
void aws_settings_read(struct aws_settings *settings, const char *profile);

#endif
