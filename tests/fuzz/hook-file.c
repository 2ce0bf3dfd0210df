/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version in a program that lies where libvirt's hook does: bytes of any file. */
#include "../../daemon/cli/hook-file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GBytes) program = g_bytes_new(data, size);
    g_autofree char *version = vsf_hook_file_version(program);

    g_assert_cmpuint(strlen(version), <=, 40);
    for (const char *at = version; *at != '\0'; at++)
        g_assert_true(g_ascii_isgraph(*at));
    return 0;
}
