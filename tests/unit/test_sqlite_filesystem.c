/* connectors/sqlite/filesystem: what is refused, and that opening asks. */
#include "connectors/sqlite/filesystem.h"
#include "connectors/sqlite/sqlite.h"
#include "tests/unit/io_fixture.h"

#include <sys/vfs.h>

/* In place of the system's, for all of this program. */
static uint64_t pretended; /* 0: a local one */

int statfs(const char *path, struct statfs *facts)
{
    (void)path;
    memset(facts, 0, sizeof(*facts));
    facts->f_type = (__fsword_t)(pretended ? pretended : 0xef53);
    return 0;
}

static void test_names(void **state)
{
    static const struct {
        uint64_t magic;
        const char *mount_type, *name; /* NULL: local */
    } cases[] = {
        {0xef53, "ext4", NULL}, {0x58465342, "xfs", NULL}, {0x9123683e, "btrfs", NULL},
        {0x01021994, "tmpfs", NULL}, {0x794c7630, "overlay", NULL}, {0x2fc12fc1, "zfs", NULL},
        {0x01021997, "9p", NULL}, /* how a sandbox sees its host */
        {0x6969, "nfs4", "NFS"}, {0x517b, "smbfs", "SMB"}, {0xff534d42, "cifs", "SMB"},
        {0xffffffffff534d42, "cifs", "SMB"}, /* where f_type is signed and short */
        {0xfe534d42, "smb3", "SMB"}, {0x00c36400, "ceph", "CephFS"},
        {0x0bd00bd0, "lustre", "Lustre"}, {0x65735546, "fuse.sshfs", "sshfs"},
        {0x65735546, "fuse.rclone", "rclone"}, {0x65735546, "fuse.ntfs-3g", NULL},
        {0x65735546, "fuse.fuse-overlayfs", NULL}, {0x65735546, "fuseblk", NULL},
        {0x65735546, "virtiofs", NULL}, {0x65735546, "", NULL}, {0x65735546, NULL, NULL},
        {0xef53, "fuse.sshfs", NULL}, /* the mount's word counts for FUSE alone */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *name = filesystem_network_name(cases[i].magic, cases[i].mount_type);

        if (cases[i].name)
            assert_string_equal(name, cases[i].name);
        else
            assert_null(name);
    }
}

static void test_the_type_of_a_mount(void **state)
{
    static const char text[] =
        "36 35 98:0 / /mnt1 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
        "37 35 0:45 / /home/me/a - b rw shared:2 master:3 - fuse.sshfs me@host:/x rw,user_id=0\n"
        "38 35 0:450 / /c rw - tmpfs tmpfs rw\n"
        "39 35 0:46 / /d rw\n"
        "40 35 0:47 / /e rw - fuse.rclone";
    char type[16];

    (void)state;
    filesystem_find_type(text, "98:0", type, sizeof(type));
    assert_string_equal(type, "ext3");
    filesystem_find_type(text, "0:450", type, sizeof(type));
    assert_string_equal(type, "tmpfs");
    filesystem_find_type(text, "0:46", type, sizeof(type)); /* a line that lacks it */
    assert_string_equal(type, "");
    filesystem_find_type(text, "0:47", type, sizeof(type));
    assert_string_equal(type, "fuse.rclone");
    filesystem_find_type(text, "0:99", type, sizeof(type));
    assert_string_equal(type, "");
    filesystem_find_type("", "0:99", type, sizeof(type));
    assert_string_equal(type, "");
    filesystem_find_type(text, "98:0", type, 3);
    assert_string_equal(type, "ex");
}

static int try_open(bool read_only, struct error *err)
{
    static const char *const migrations[] = {"CREATE TABLE notes (note TEXT) STRICT"};
    static const struct sqlite_schema schema = {"notes", 0x6e6f7465, migrations, 1};
    char *path = mem_printf("%s/deep/notes.db", fixture_folder);
    const struct sqlite_options options = {.path = path, .schema = &schema, .read_only = read_only};
    struct sqlite db;
    const int result = sqlite_open(&db, &options, err);

    if (!result)
        sqlite_close(&db);
    free(path);
    return result;
}

static void test_opening_asks(void **state)
{
    struct error err = {0};

    (void)state;
    pretended = 0x6969;
    assert_int_equal(try_open(false, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    assert_contains(err.message, "/deep/notes.db: it is on a network file system (NFS)");
    assert_contains(err.message, "put the file on a local disk");
    assert_ok(try_open(true, &err), &err); /* there is none yet: an empty one */
    pretended = 0;
    assert_ok(try_open(false, &err), &err);
    pretended = 0xff534d42;
    assert_int_equal(try_open(true, &err), -1);
    assert_contains(err.message, "network file system (SMB)");
    pretended = 0x65735546; /* FUSE: the mount of the test's folder is local */
    assert_ok(try_open(false, &err), &err);
    pretended = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_type_of_a_mount),
        cmocka_unit_test_setup_teardown(
            test_opening_asks, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
