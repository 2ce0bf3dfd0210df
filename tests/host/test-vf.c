/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual functions in a tree of sysfs: a card with three of them, and what may be odd about one.
 */
#include "../../daemon/host/vf.h"
#include "tree.h"

#include <glib/gstdio.h>

static void
test_each_functions_card_and_number(void)
{
    static const struct {
        const char *pci;
        int ifindex; /* 0: it is none, or its card has no interface here */
        const char *interface;
        guint number;
    } cases[] = {
        {"0000:81:00.2", 4, "enp129s0f0", 0},
        {"0000:81:00.3", 4, "enp129s0f0", 1},
        {"0000:81:1f.7", 4, "enp129s0f0", 2},
        {"0000:81:00.0", 0, "", 0},         /* the card itself */
        {"0000:81:00.4", 0, "", 0},         /* being taken away: the card has it no longer */
        {"0000:82:00.1", 6, "enp130s0", 0}, /* two ports: the first by name */
        {"0000:83:00.1", 0, "", 0},         /* the card's driver is none of the host's */
        {"0000:84:00.1", 0, "", 0},         /* an ifindex that is none */
        {"0000:85:00.1", 0, "", 0},         /* the interface goes as it is read */
        {"0000:86:00.1", 0, "", 0},
        {"0000:87:00.1", 9, "enp135s0np0", 0}, /* switchdev: representors lie there as well */
        {"0000:88:00.1", 0, "", 0},            /* nothing but one of them */
        {"", 0, "", 0},
        {"..", 0, "", 0},
    };
    g_autoptr(GHashTable) cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    char *root = tree_unpack("sriov");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfVfPlace place = {.ifindex = 99};

        g_assert_cmpint(vsf_vf_find(root, cases[i].pci, cards, &place), ==, cases[i].ifindex != 0);
        if (cases[i].ifindex == 0) {
            g_assert_cmpint(place.ifindex, ==, 99);
            continue;
        }
        g_assert_cmpint(place.ifindex, ==, cases[i].ifindex);
        g_assert_cmpstr(place.interface, ==, cases[i].interface);
        g_assert_cmpuint(place.number, ==, cases[i].number);
    }
    tree_remove(root);
}

/* The kernel asks the driver of each interface beside a port, of which there may be one for each
 * function. */
static void
test_a_cards_port_is_looked_for_once(void)
{
    g_autoptr(GHashTable) cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    char *root = tree_unpack("sriov");
    g_autofree char *file = g_build_filename(
        root, "sys/bus/pci/devices/0000:81:00.0/net/enp129s0f0/ifindex", NULL);
    VsfVfPlace place = {0};

    g_assert_true(vsf_vf_find(root, "0000:81:00.2", cards, &place));
    g_assert_cmpint(g_unlink(file), ==, 0);
    g_assert_true(vsf_vf_find(root, "0000:81:00.3", cards, &place));
    g_assert_cmpint(place.ifindex, ==, 4);
    g_assert_cmpuint(place.number, ==, 1);
    g_assert_true(vsf_vf_find(root, "0000:82:00.1", cards, &place));
    g_assert_cmpint(place.ifindex, ==, 6);
    g_hash_table_remove_all(cards);
    g_assert_false(vsf_vf_find(root, "0000:81:00.3", cards, &place));
    tree_remove(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/vf/each-functions-card-and-number", test_each_functions_card_and_number);
    g_test_add_func("/host/vf/a-cards-port-is-looked-for-once",
                    test_a_cards_port_is_looked_for_once);
    return g_test_run();
}
