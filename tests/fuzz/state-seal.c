/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state file's seal: what it takes off is what would be put there. */
#include "../../daemon/model/state-seal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_malloc0(size + 1);
    gsize length = size;

    if (size > 0)
        memcpy(text, data, size);
    if (vsf_state_seal_take(text, &length)) {
        g_assert(length < size && text[length] == '\0');
    } else {
        g_assert(length == size);
    }
    text = vsf_state_seal_add(text, &length);
    g_assert(vsf_state_seal_take(text, &length));
    return 0;
}
