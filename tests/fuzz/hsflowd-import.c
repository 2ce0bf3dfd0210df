/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a Host sFlow configuration says: what is made of it, virt-sflowd takes. */
#include "../../daemon/cli/hsflowd-import.h"
#include "../../daemon/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    /* Of its own size, so that a sanitizer sees a read past its end. */
    g_autofree char *copy = g_memdup2(data, size);
    g_autofree char *made = vsf_hsflowd_import("f", copy != NULL ? copy : "", size, &error);
    g_autoptr(VsfConfig) config = NULL;

    g_assert((made == NULL) == (error != NULL));
    if (made == NULL) {
        g_assert(g_str_has_prefix(error->message, "f:"));
        return 0;
    }
    config = vsf_config_parse("made", made, strlen(made), &error);
    if (config == NULL)
        g_error("%s in\n%s", error->message, made);
    return 0;
}
