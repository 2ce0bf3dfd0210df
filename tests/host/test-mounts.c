/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which filesystems count, and once each. */
#include "../../daemon/host/mounts.h"

#include <string.h>

/* What the kernel of the test says of a mount's path. */
typedef struct {
    const char *path;
    VsfSpaceAnswer answer;
    guint64 total, free;
} Space;

typedef struct {
    const Space *spaces;
    guint n_spaces;
    GString *asked; /* paths, each with a blank behind it */
} Kernel;

static VsfSpaceAnswer
ask(const VsfMount *mount, guint64 *total, guint64 *free, gpointer user_data)
{
    Kernel *kernel = user_data;

    g_string_append_printf(kernel->asked, "%s ", mount->path);
    for (guint i = 0; i < kernel->n_spaces; i++) {
        if (g_str_equal(kernel->spaces[i].path, mount->path)) {
            *total = kernel->spaces[i].total;
            *free = kernel->spaces[i].free;
            return kernel->spaces[i].answer;
        }
    }
    g_test_message("%s was asked for", mount->path);
    g_assert_not_reached();
}

/* *@asked: to be freed. */
static VsfHostSpace
space_of(const char *text, const Space *spaces, guint n_spaces, char **asked)
{
    g_autoptr(GPtrArray) mounts = vsf_mounts_parse(text, strlen(text));
    Kernel kernel = {spaces, n_spaces, g_string_new(NULL)};
    VsfHostSpace space = vsf_mounts_space(mounts, ask, &kernel);

    *asked = g_string_free(kernel.asked, FALSE);
    return space;
}

static const char compute_node[] =
    "22 28 0:21 / /proc rw,nosuid - proc proc rw\n"
    "23 28 0:22 / /sys rw,nosuid - sysfs sysfs rw\n"
    "24 28 0:5 / /dev rw,nosuid - devtmpfs udev rw,size=1k\n"
    "28 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n"
    "29 28 0:25 / /run rw,nosuid - tmpfs tmpfs rw\n"
    "31 28 8:1 / /boot/efi rw,relatime shared:20 - vfat /dev/sda1 rw\n"
    "32 28 253:3 / /var/lib/nova\\040instances rw,relatime shared:21 master:2 - xfs "
    "/dev/mapper/vg-nova rw\n"
    "33 28 253:0 /srv /srv/bind rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n"
    "34 28 0:44 / /mnt/nfs rw,relatime - nfs4 10.0.0.1:/export rw\n"
    "35 28 0:45 / /mnt/ceph rw,relatime - ceph 10.0.0.1:/ rw\n"
    "36 28 0:46 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a\n"
    "37 28 7:3 / /snap/core/1 ro,nodev - squashfs /dev/loop3 ro\n"
    "38 28 7:4 / /mnt/image rw - ext4 /dev/loop4 rw\n"
    "43 28 1:3 / /mnt/ram rw - ext4 /dev/ram3 rw\n"
    "39 28 252:0 / /mnt/zram rw - ext4 /dev/zram0 rw\n"
    "40 28 0:47 / /mnt/sshfs rw - fuse.sshfs host:/ rw\n"
    "41 28 253:9 / /mnt/gfs rw - gfs2 /dev/mapper/shared rw\n"
    "42 28 0:48 / /home rw - autofs systemd-1 rw\n";

static void
test_each_filesystem_once(void)
{
    static const Space spaces[] = {{"/", VSF_SPACE_KNOWN, 1000, 400},
                                   {"/boot/efi", VSF_SPACE_KNOWN, 10, 1},
                                   {"/var/lib/nova instances", VSF_SPACE_KNOWN, 100000, 50000}};
    g_autofree char *asked = NULL;
    VsfHostSpace space = space_of(compute_node, spaces, G_N_ELEMENTS(spaces), &asked);

    g_assert_cmpstr(asked, ==, "/ /boot/efi /var/lib/nova instances ");
    g_assert_cmpuint(space.total, ==, 101010);
    g_assert_cmpuint(space.free, ==, 50401);
    g_assert_cmpuint(space.most_used, ==, 9000);
}

/* Another mount lies over the first one, as systemd makes them for a service. */
static void
test_a_hidden_mount_is_looked_for_elsewhere(void)
{
    static const Space spaces[] = {{"/", VSF_SPACE_HIDDEN, 0, 0},
                                   {"/srv/bind", VSF_SPACE_KNOWN, 1000, 400},
                                   {"/boot/efi", VSF_SPACE_HIDDEN, 0, 0},
                                   {"/var/lib/nova instances", VSF_SPACE_KNOWN, 1000, 0}};
    g_autofree char *asked = NULL;
    VsfHostSpace space = space_of(compute_node, spaces, G_N_ELEMENTS(spaces), &asked);

    g_assert_cmpuint(space.total, ==, 2000);
    g_assert_cmpuint(space.free, ==, 400);
    g_assert_cmpuint(space.most_used, ==, 10000);
}

static void
assert_unknown(VsfHostSpace space)
{
    g_assert_cmpuint(space.total, ==, VSF_UNKNOWN);
    g_assert_cmpuint(space.free, ==, VSF_UNKNOWN);
    g_assert_cmpuint(space.most_used, ==, VSF_UNKNOWN);
}

static void
test_one_that_fails_makes_all_unknown(void)
{
    static const Space spaces[] = {{"/", VSF_SPACE_KNOWN, 1000, 400},
                                   {"/boot/efi", VSF_SPACE_FAILED, 0, 0}};
    g_autofree char *asked = NULL;

    assert_unknown(space_of(compute_node, spaces, G_N_ELEMENTS(spaces), &asked));
}

static void
test_none_is_unknown(void)
{
    g_autofree char *asked = NULL;
    g_autofree char *none = NULL;
    static const Space spaces[] = {{"/", VSF_SPACE_HIDDEN, 0, 0}};

    assert_unknown(space_of("22 28 0:21 / /proc rw - proc proc rw\n", NULL, 0, &none));
    assert_unknown(space_of("28 1 8:1 / / rw - ext4 /dev/sda1 rw\n", spaces, 1, &asked));
}

/* Subvolumes are mounts of one filesystem, datasets are filesystems of one pool. */
static void
test_btrfs_and_zfs_share_their_space(void)
{
    static const char text[] = "30 1 0:30 /root / rw - btrfs /dev/nvme0n1p2 rw,subvol=/root\n"
                               "31 30 0:30 /home /home rw - btrfs /dev/nvme0n1p2 rw,subvol=/home\n"
                               "40 30 0:40 / /tank rw - zfs tank rw\n"
                               "41 40 0:41 / /tank/a rw - zfs tank/a rw\n"
                               "42 40 0:42 / /tank/b rw - zfs tank/b rw\n"
                               "43 30 0:43 / /other rw - zfs tanker rw\n";
    static const Space spaces[] = {{"/", VSF_SPACE_KNOWN, 1000, 500},
                                   {"/tank", VSF_SPACE_KNOWN, 6001, 6000},
                                   {"/tank/a", VSF_SPACE_KNOWN, 7000, 6000},
                                   {"/tank/b", VSF_SPACE_KNOWN, 8999, 6000},
                                   {"/other", VSF_SPACE_KNOWN, 100, 90}};
    g_autofree char *asked = NULL;
    VsfHostSpace space = space_of(text, spaces, G_N_ELEMENTS(spaces), &asked);

    g_assert_cmpuint(space.total, ==, 1000 + 10000 + 100);
    g_assert_cmpuint(space.free, ==, 500 + 6000 + 90);
    g_assert_cmpuint(space.most_used, ==, 5000);
}

static void
test_sizes_that_do_not_fit_are_unknown(void)
{
    static const char text[] = "28 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
                               "29 1 8:2 / /b rw - ext4 /dev/sda2 rw\n";
    static const Space huge[] = {{"/a", VSF_SPACE_KNOWN, G_MAXUINT64 - 9, 5},
                                 {"/b", VSF_SPACE_KNOWN, 10, 5}};
    static const Space odd[] = {{"/a", VSF_SPACE_KNOWN, 5, 6}, {"/b", VSF_SPACE_KNOWN, 10, 5}};
    static const Space fit[] = {{"/a", VSF_SPACE_KNOWN, G_MAXUINT64 - 20, 5},
                                {"/b", VSF_SPACE_KNOWN, 10, 5}};
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *third = NULL;
    VsfHostSpace space;

    assert_unknown(space_of(text, huge, 2, &first));
    assert_unknown(space_of(text, odd, 2, &second));
    space = space_of(text, fit, 2, &third);
    g_assert_cmpuint(space.total, ==, G_MAXUINT64 - 10);
    g_assert_cmpuint(space.most_used, ==, 10000);
}

static void
test_half_lines_do_not_count(void)
{
    static const char *const texts[] = {
        "",
        "28",
        "28 1\n",
        "28 1 8:1 / / rw - ext4\n",
        "28 1 8:1 / / rw shared:1\n",
        "28 1 8:1 / / rw - ext4 /dev/sda1 rw", /* no newline */
        "28 1 8:1 / / - ext4 /dev/sda1 rw\n",  /* a column too few: "-" is the options */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) mounts = vsf_mounts_parse(texts[i], strlen(texts[i]));

        g_test_message("%s", texts[i]);
        g_assert_cmpuint(mounts->len, ==, 0);
    }
}

static void
test_paths_are_unescaped(void)
{
    static const char text[] = "9 1 8:1 / /a\\134b\\011c\\04\\999\\ rw - ext4 /dev/sda1 rw\n";
    g_autoptr(GPtrArray) mounts = vsf_mounts_parse(text, strlen(text));
    const VsfMount *mount = g_ptr_array_index(mounts, 0);

    g_assert_cmpstr(mount->path, ==, "/a\\b\tc\\04\\999\\");
    g_assert_cmpuint(mount->id, ==, 9);
    g_assert_cmpstr(mount->device, ==, "8:1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/host/mounts/" name, func)
    ADD("each-filesystem-once", test_each_filesystem_once);
    ADD("a-hidden-mount-is-looked-for-elsewhere", test_a_hidden_mount_is_looked_for_elsewhere);
    ADD("one-that-fails-makes-all-unknown", test_one_that_fails_makes_all_unknown);
    ADD("none-is-unknown", test_none_is_unknown);
    ADD("btrfs-and-zfs-share-their-space", test_btrfs_and_zfs_share_their_space);
    ADD("sizes-that-do-not-fit-are-unknown", test_sizes_that_do_not_fit_are_unknown);
    ADD("half-lines-do-not-count", test_half_lines_do_not_count);
    ADD("paths-are-unescaped", test_paths_are_unescaped);
    return g_test_run();
}
