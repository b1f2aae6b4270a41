#include "connectors/s3/partition.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

static const struct s3_partition partitions[] = {
    {"aws", "amazonaws.com", "us- eu- ap- sa- ca- me- af- il- mx- "},
    {"aws-cn", "amazonaws.com.cn", "cn- "},
    {"aws-eusc", "amazonaws.eu", "eusc-de- "},
    {"aws-iso", "c2s.ic.gov", "us-iso- "},
    {"aws-iso-b", "sc2s.sgov.gov", "us-isob- "},
    {"aws-iso-e", "cloud.adc-e.uk", "eu-isoe- "},
    {"aws-iso-f", "csp.hci.ic.gov", "us-isof- "},
    {"aws-us-gov", "amazonaws.com", "us-gov- "},
};

/* What follows a prefix: a word, "-" and a number: "west-2". */
static bool is_place(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (length == 0 || text[length] != '-')
        return false;
    text += length + 1;
    length = strspn(text, "0123456789");
    return length > 0 && text[length] == '\0';
}

static bool has_region(const struct s3_partition *partition, const char *region)
{
    const size_t name_length = strlen(partition->name);

    if (strncmp(region, partition->name, name_length) == 0 &&
        strcmp(region + name_length, "-global") == 0)
        return true;
    for (const char *at = partition->prefixes; *at; at += strcspn(at, " ") + 1) {
        const size_t length = strcspn(at, " ");

        if (strncmp(region, at, length) == 0 && is_place(region + length))
            return true;
    }
    return false;
}

const struct s3_partition *s3_partition_of(const char *region)
{
    for (size_t i = 0; i < ARRAY_LENGTH(partitions); i++) {
        if (has_region(&partitions[i], region))
            return &partitions[i];
    }
    return &partitions[0];
}

bool s3_partition_has_host(const char *host)
{
    for (size_t i = 0; i < ARRAY_LENGTH(partitions); i++) {
        const size_t length = strlen(host), suffix = strlen(partitions[i].dns_suffix);

        if (length > suffix && host[length - suffix - 1] == '.' &&
            text_ends(host, partitions[i].dns_suffix))
            return true;
    }
    return false;
}
