#include "connectors/aws/settings_read.h"

#include "connectors/aws/fetch_job.h"
#include "runner/base/mem.h"

#include <string.h>

static const char *process_variable(void *data, const char *name)
{
    (void)data;
    return getenv(name);
}

struct aws_environment aws_environment_of_process(void)
{
    return (struct aws_environment){.get = process_variable};
}

void aws_settings_read(struct aws_settings *settings, const char *profile)
{
    const struct aws_environment environment = aws_environment_of_process();
    struct aws_file files[FETCH_FILES_MAX] = {{0}};
    struct buffer texts[FETCH_FILES_MAX];
    char *paths[FETCH_FILES_MAX];

    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS; file++) {
        bool found = false;

        buffer_init(&texts[file], 0);
        paths[file] = aws_profile_path(&environment, (enum profile_file)file);
        if (paths[file] &&
            fetch_read(paths[file], PROFILE_FILE_BYTES_MAX, &found, &texts[file], NULL) == 0 &&
            found)
            files[file] = (struct aws_file){paths[file], texts[file].data, texts[file].length};
    }
    aws_settings_init(
        settings, &environment, profile, &files[PROFILE_CONFIG], &files[PROFILE_CREDENTIALS]);
    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS; file++) {
        if (texts[file].length)
            explicit_bzero(texts[file].data, texts[file].length);
        buffer_deinit(&texts[file]);
        free(paths[file]);
    }
}
