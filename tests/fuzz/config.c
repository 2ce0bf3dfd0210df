/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's text. What the parser takes GKeyFile takes too; what it
 * refuses it refuses with a message that no terminal obeys. */
#include "../../daemon/config.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What is so for anybody is a value that the key allows; a copy says the same. */
static void
check_rules(const VsfConfig *config)
{
    static const char *const names[] = {NULL, "", "web01", "\xc3\xa9 x"};
    g_autoptr(VsfConfig) copy = vsf_config_copy(config);
    g_auto(GStrv) changes = vsf_config_changes(config, copy);

    g_assert_cmpuint(g_strv_length(changes), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_cmpuint(vsf_config_sampling(copy, names[i], "vnet\xff"), <=, 10000000);
        g_assert_cmpuint(vsf_config_tap_polling_s(copy, names[i], ""), <=, 300);
        g_assert_cmpuint(vsf_config_vm_polling_s(copy, names[i]), <=, 300);
        g_assert_cmpint(vsf_config_direction(copy, names[i], NULL), <=, VSF_DIRECTION_OUT);
        g_assert_cmpint(vsf_config_agent(copy, names[i]), <=, VSF_GUEST_AGENT_OFF);
    }
}

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
        check_rules(config);
        if (size > skip)
            g_assert_true(g_key_file_load_from_data(file, (const char *)data + skip, size - skip,
                                                    G_KEY_FILE_KEEP_TRANSLATIONS, NULL));
    }
    return 0;
}
