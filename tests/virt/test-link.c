/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/virt/link.h"

static void
test_a_uri_without_a_host_is_local(void)
{
    static const char *const local[] = {"qemu:///system", "qemu+unix:///system?socket=/run/s",
                                        "test:///default"};
    static const char *const other[] = {"qemu+tcp://192.0.2.1/system", "qemu+ssh://root@h/system",
                                        "test://host/default"};

    for (guint i = 0; i < G_N_ELEMENTS(local); i++)
        g_assert_true(vsf_link_is_local(local[i]));
    for (guint i = 0; i < G_N_ELEMENTS(other); i++)
        g_assert_false(vsf_link_is_local(other[i]));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virt/link/a-uri-without-a-host-is-local", test_a_uri_without_a_host_is_local);
    return g_test_run();
}
