#include "runner/io/http_private.h"

static const struct http_handle *answered_handle(const struct http_request *request)
{
    const struct http_transfer *transfer = request->transfer;

    if (!transfer && request->http && request->http->finishing &&
        request->http->finishing->request == request)
        transfer = request->http->finishing;
    return transfer && transfer->handle && transfer->handle->head.complete ? transfer->handle
                                                                           : NULL;
}

const char *http_response_header(const struct http_request *request, const char *name)
{
    const struct http_handle *handle = answered_handle(request);
    const char *value;

    if (!handle)
        return NULL;
    value = http_head_find(&handle->trailers, name);
    return value ? value : http_head_find(&handle->head, name);
}

bool http_response_header_at(
    const struct http_request *request, size_t index, struct http_header *ret_header)
{
    const struct http_handle *handle = answered_handle(request);
    const struct http_head *head;

    if (!handle)
        return false;
    head = &handle->head;
    if (index >= head->count) {
        index -= head->count;
        head = &handle->trailers;
    }
    if (index >= head->count)
        return false;
    ret_header->name = head->text.data + head->fields[index].name;
    ret_header->value = head->text.data + head->fields[index].value;
    return true;
}
