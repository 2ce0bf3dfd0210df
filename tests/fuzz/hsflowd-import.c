/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a Host sFlow configuration says: what is made of it, virt-sflowd takes; and what is
 * read of it, and of its other words, for the status. */
#include "../../daemon/cli/hsflowd-import.h"
#include "../../daemon/config.h"
#include "../../daemon/hsflowd/hsflowd-exports.h"
#include "../../daemon/hsflowd/hsflowd-says.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
read_exports(const char *text, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfHsflowdExports) exports = vsf_hsflowd_exports_parse("f", text, size, &error);
    g_autoptr(VsfHsflowdSays) says = vsf_hsflowd_says_parse(text, size);
    g_autofree char *config = NULL, *output = NULL;

    g_assert((exports == NULL) == (error != NULL));
    g_assert(says == NULL || (says->polling_s >= -1 && says->collectors->len <= 64));
    if (exports != NULL)
        vsf_hsflowd_exports_device(exports, "vnet0");
    vsf_hsflowd_options(text, size, &config, &output);
    g_assert(config != NULL && output != NULL);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    /* Of its own size, so that a sanitizer sees a read past its end. */
    g_autofree char *copy = g_memdup2(data, size);
    g_autofree char *made = vsf_hsflowd_import("f", copy != NULL ? copy : "", size, &error);
    g_autoptr(VsfConfig) config = NULL;

    read_exports(copy != NULL ? copy : "", size);
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
