/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fnv.h"

guint32
vsf_fnv(guint32 hash, gconstpointer bytes, gsize size)
{
    const guint8 *at = bytes;

    for (gsize i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x01000193u;
    return hash;
}
