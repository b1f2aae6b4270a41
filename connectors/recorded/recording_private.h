/* Between recording.c and record_store.c. */
#ifndef CONNECTORS_RECORDED_RECORDING_PRIVATE_H
#define CONNECTORS_RECORDED_RECORDING_PRIVATE_H

#include "connectors/recorded/manifest.h"
#include "connectors/recorded/recording.h"

struct recording {
    char *folder;
    struct manifest_writer manifest;
    int64_t listings, requests;
    uint64_t bytes;
};

/* {"code", "class", "detail", "message"} */
json_t *recording_error_json(const struct error *err);

#endif
