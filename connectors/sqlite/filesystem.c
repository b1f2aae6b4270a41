#include "connectors/sqlite/filesystem.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* linux/magic.h has not all of them. 9p and virtiofs are left out: they are how a virtual machine
 * or a sandbox sees its host's disk, alone; where they cannot share memory, SQLite says so. */
static const struct {
    uint32_t magic;
    const char *name;
} networks[] = {
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "SMB"}, /* cifs */
    {0xfe534d42, "SMB"}, /* smb2 */
    {0x564c, "NCP"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"}, /* kafs */
    {0x73757245, "Coda"},
    {0x00c36400, "CephFS"},
    {0x0bd00bd0, "Lustre"},
    {0x19830326, "BeeGFS"},
    {0x47504653, "GPFS"},
    {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},
    {0x20030528, "OrangeFS"},
    {0x786f4256, "a shared folder of VirtualBox"},
    {0xbacbacbc, "a shared folder of VMware"},
};

enum { FUSE = 0x65735546 };

/* What is behind FUSE is told by the mount alone; local ones (ntfs-3g, overlays, encryption) are
 * many, those of a network are few. */
static const char *const fuse_networks[] = {"sshfs", "s3fs", "goofys", "rclone", "gcsfuse",
    "mount-s3", "mountpoint-s3", "blobfuse", "blobfuse2", "glusterfs", "ceph", "ceph-fuse", "davfs",
    "curlftpfs", "juicefs", "JuiceFS", "seaweedfs", "weed", "hdfs", "hdfs-fuse", "smbnetfs", "nfs",
    "moosefs", "lizardfs", "cvmfs", "objectivefs", "vmhgfs-fuse"};

const char *filesystem_network_name(uint64_t magic, const char *mount_type)
{
    const char *fuse = mount_type && text_starts(mount_type, "fuse.") ? mount_type + 5 : NULL;

    for (size_t i = 0; i < ARRAY_LENGTH(networks); i++)
        if ((uint32_t)magic == networks[i].magic)
            return networks[i].name;
    for (size_t i = 0; (uint32_t)magic == FUSE && fuse && i < ARRAY_LENGTH(fuse_networks); i++)
        if (strcmp(fuse, fuse_networks[i]) == 0)
            return fuse_networks[i];
    return NULL;
}

/* A line: id, parent, device, root, mount point, options, optional fields, "-", type, … */
static bool line_type(const char *line, const char *device, char *ret_type, size_t size)
{
    const char *end = line + strcspn(line, "\n");
    const char *field = line, *type;
    size_t length;

    for (int i = 0; i < 2; i++) {
        field += strcspn(field, " \n");
        field += *field == ' ';
    }
    length = strlen(device);
    if (strncmp(field, device, length) != 0 || field[length] != ' ')
        return false;
    type = strstr(field, " - ");
    if (!type || type >= end)
        return false;
    type += 3;
    snprintf(ret_type, size, "%.*s", (int)strcspn(type, " \n"), type);
    return true;
}

void filesystem_find_type(const char *mountinfo, const char *device, char *ret_type, size_t size)
{
    ret_type[0] = '\0';
    for (const char *line = mountinfo; *line;) {
        line_type(line, device, ret_type, size);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

enum { MOUNTINFO_BYTES_MAX = 4 * 1024 * 1024, TYPE_SIZE = 64 };

static void read_type(const struct stat *status, char type[TYPE_SIZE])
{
    struct buffer mountinfo;
    char device[64];

    snprintf(device, sizeof(device), "%u:%u", major(status->st_dev), minor(status->st_dev));
    buffer_init(&mountinfo, 0);
    if (file_read("/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, &mountinfo, NULL) == 0)
        filesystem_find_type(mountinfo.data, device, type, TYPE_SIZE);
    buffer_deinit(&mountinfo);
}

int filesystem_check(const char *folder, const char *what, const char *path, struct error *err)
{
    char type[TYPE_SIZE] = "";
    const char *network;
    struct statfs facts;
    struct stat status;

    if (statfs(folder, &facts) || stat(folder, &status))
        return 0; /* opening the file will say what is wrong */
    if ((uint32_t)facts.f_type == FUSE)
        read_type(&status, type);
    network = filesystem_network_name((uint64_t)facts.f_type, type);
    if (!network)
        return 0;
    return error_set(err, ERROR_NOT_SUPPORTED,
        "%s %s: it is on a network file system (%s), whose locks and memory other machines do not "
        "see in time; put the file on a local disk",
        what, path, network);
}
