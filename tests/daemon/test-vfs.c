/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual functions by their PCI address: a recorded tree of sysfs and what netlink would say. */
#include "../../daemon/vfs.h"
#include "../host/tree.h"

static guint n_asked;

/* Of interface 4: the functions 0 and 2; of others nothing. */
static GArray *
ask(int ifindex, gpointer user_data)
{
    GArray *vfs;
    VsfVf vf = {.net = vsf_net_counters_unknown()};

    g_assert_cmpstr(user_data, ==, "line");
    n_asked++;
    if (ifindex != 4)
        return NULL;
    vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));
    for (vf.number = 0; vf.number < 4; vf.number += 2) {
        vf.net.bytes_in = 100 + vf.number;
        g_array_append_val(vfs, vf);
    }
    return vfs;
}

static void
test_each_card_is_asked_once(void)
{
    static const char *const wanted[] = {"0000:81:00.2", "0000:81:1f.7", "0000:81:00.3",
                                         "0000:82:00.1", "0000:83:00.1", "0000:81:00.2"};
    g_autoptr(GPtrArray) pcis = g_ptr_array_new();
    char *root = tree_unpack("sriov");
    g_autoptr(GHashTable) readings = NULL;
    const VsfVfReading *reading;

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_ptr_array_add(pcis, (gpointer)wanted[i]);
    readings = vsf_vfs_read(root, pcis, ask, (gpointer) "line");
    tree_remove(root);
    g_assert_cmpuint(n_asked, ==, 2); /* 4 and 6 */
    g_assert_cmpuint(g_hash_table_size(readings), ==, 2);
    reading = g_hash_table_lookup(readings, "0000:81:00.2");
    g_assert_cmpstr(reading->place.interface, ==, "enp129s0f0");
    g_assert_cmpuint(reading->vf.net.bytes_in, ==, 100);
    reading = g_hash_table_lookup(readings, "0000:81:1f.7");
    g_assert_cmpuint(reading->place.number, ==, 2);
    g_assert_cmpuint(reading->vf.net.bytes_in, ==, 102);
}

static void
test_an_old_reading_is_not_sent(void)
{
    gint64 now_us = 1000 * G_USEC_PER_SEC;
    VsfVfReading reading = {.vf.net = vsf_net_counters_unknown(),
                            .read_us = now_us - VSF_VFS_FRESH_S * G_USEC_PER_SEC};

    reading.vf.net.bytes_in = 7;
    g_assert_true(vsf_vf_reading_counters(&reading, now_us) == &reading.vf.net);
    g_assert_null(vsf_vf_reading_counters(&reading, now_us + 1));
    g_assert_null(vsf_vf_reading_counters(NULL, now_us));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daemon/vfs/each-card-is-asked-once", test_each_card_is_asked_once);
    g_test_add_func("/daemon/vfs/an-old-reading-is-not-sent", test_an_old_reading_is_not_sent);
    return g_test_run();
}
