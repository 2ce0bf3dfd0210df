/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recorded.h"

char *
recorded(const char *folder, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL);
    g_autofree char *path = g_build_filename(VSF_TEST_DATA, "qga", folder, file, NULL);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_strchomp(text) : NULL;
}
