/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A collector as it is written: what is taken has a host, a port, and at most
 * a device that can exist. */
#include "../../daemon/net/sender.h"

#include <net/if.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfCollectorAddress) address = vsf_collector_address_parse(text, &error);

    g_assert_true((address == NULL) == (error != NULL));
    if (address == NULL)
        return 0;
    g_assert_cmpuint(strlen(address->host), >, 0);
    g_assert_cmpuint(address->port, >, 0);
    g_assert_cmpstr(address->text, ==, text);
    if (address->device != NULL)
        g_assert_cmpuint(strlen(address->device), <, IFNAMSIZ);
    return 0;
}
