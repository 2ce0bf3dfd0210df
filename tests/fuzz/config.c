/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's text. What the parser takes GKeyFile takes too; what it
 * refuses it refuses with a message that no terminal obeys. */
#include "../../daemon/config.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfConfig) config = vsf_config_parse("f", (const char *)data, size, &error);

    g_assert_true((config == NULL) == (error != NULL));
    for (const char *at = error != NULL ? error->message : ""; *at != '\0'; at++)
        g_assert_false(g_ascii_iscntrl(*at));
    if (config != NULL) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        gboolean has_mark = size >= 3 && data[0] == 0xef && data[1] == 0xbb && data[2] == 0xbf;
        gsize skip = has_mark ? 3 : 0;

        g_assert_cmpuint(config->polling_s, <=, 300);
        if (size > skip)
            g_assert_true(g_key_file_load_from_data(file, (const char *)data + skip, size - skip,
                                                    G_KEY_FILE_KEEP_TRANSLATIONS, NULL));
    }
    return 0;
}
