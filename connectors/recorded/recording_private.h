/* Between recording.c and record_store.c. */
#ifndef CONNECTORS_RECORDED_RECORDING_PRIVATE_H
#define CONNECTORS_RECORDED_RECORDING_PRIVATE_H

#include "connectors/recorded/manifest.h"
#include "connectors/recorded/mask.h"
#include "connectors/recorded/recording.h"
#include "runner/base/table.h"

struct recording {
    char *folder;
    struct manifest_writer manifest;
    int64_t listings, requests;
    uint64_t bytes;
    const struct mask *masks;
    size_t mask_count;
    struct table masked; /* keys of objects that were listed → their struct mask */
};

/* {"code", "class", "detail", "message"} */
json_t *recording_error_json(const struct error *err);

#endif
