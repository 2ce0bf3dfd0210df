/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index table's text: what is taken of it is written and read again the
 * same. */
#include "../../daemon/model/index-table.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
try(VsfIndexKind kind, guint32 min, guint32 max, const guint8 *data, gsize size)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(kind);
    g_autoptr(VsfIndexTable) again = vsf_index_table_new(kind);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL, *second = NULL;
    gsize length, second_length;
    guint32 index;
    gboolean loaded = vsf_index_table_load(table, (const char *)data, size, &error);

    g_assert(loaded == (error == NULL));
    text = vsf_index_table_to_text(table, &length);
    g_assert(vsf_index_table_load(again, text, length, NULL));
    second = vsf_index_table_to_text(again, &second_length);
    g_assert(g_str_equal(text, second));
    index = vsf_index_table_get(again, (const guint8 *)"0123456789abcdef", 1, NULL);
    g_assert(index >= min && index <= max);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    try(VSF_INDEX_OWN, VSF_INDEX_MIN, VSF_INDEX_MAX, data, size);
    try(VSF_INDEX_HSFLOWD, VSF_INDEX_HSFLOWD_MIN, VSF_INDEX_HSFLOWD_MAX, data, size);
    return 0;
}
