#include "connectors/state_s3/desk.h"

#include "runner/base/text.h"

json_t *desk_new(const char *pipeline, const char *instance)
{
    json_t *desk = json_object();

    json_put_int(desk, "version", DESK_VERSION);
    json_object_set_new(desk, "pipeline", json_text(pipeline));
    json_object_set_new(desk, "instance", json_text(instance));
    json_put_int(desk, "fence", 0);
    json_object_set_new(desk, "held", json_false());
    return desk;
}

int desk_check(const json_t *desk, struct error *err)
{
    const int64_t version = json_get_int(desk, "version", 0);

    if (version > DESK_VERSION)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "it is of version %lld, written by a newer sluice; this one reads up to %d",
            (long long)version, DESK_VERSION);
    if (version < 1 || !json_get_text(desk, "pipeline") || !json_get_text(desk, "instance") ||
        json_get_int(desk, "fence", -1) < 0)
        return error_set(err, ERROR_DATA, "it is no document of a state; move it away");
    return 0;
}

json_t *desk_list(json_t *desk, const char *name)
{
    json_t *list = json_object_get(desk, name);

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(desk, name, list);
    }
    return list;
}
