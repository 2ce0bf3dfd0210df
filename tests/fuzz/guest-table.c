/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests' state file: what is taken of it is written and read again the same. */
#include "../../daemon/model/guest-table.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    g_autoptr(VsfGuestTable) again = vsf_guest_table_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL, *second = NULL;
    gsize length, second_length;
    gboolean loaded = vsf_guest_table_load(table, (const char *)data, size, &error);

    g_assert(loaded == (error == NULL));
    text = vsf_guest_table_to_text(table, 0, &length);
    g_assert(vsf_guest_table_load(again, text, length, NULL));
    g_assert(vsf_guest_table_size(again) == vsf_guest_table_size(table));
    second = vsf_guest_table_to_text(again, 0, &second_length);
    g_assert(g_str_equal(text, second));
    return 0;
}
