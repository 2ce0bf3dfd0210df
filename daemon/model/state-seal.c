/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state-seal.h"

#include "fnv.h"

#include <string.h>

#define MARK "# end "
#define SEAL_MAX 64 /* the mark, 20 digits, 8 digits, a blank and a line feed */

static char *
seal_of(const char *text, gsize length)
{
    return g_strdup_printf(MARK "%" G_GSIZE_FORMAT " %08x\n", length,
                           vsf_fnv(VSF_FNV_START, text, length));
}

char *
vsf_state_seal_add(char *text, gsize *length)
{
    g_autofree char *seal = seal_of(text, *length);
    gsize seal_length = strlen(seal);
    char *sealed = g_realloc(text, *length + seal_length + 1);

    memcpy(sealed + *length, seal, seal_length + 1);
    *length += seal_length;
    return sealed;
}

/* Not g_strrstr_len(), for which text ends at a NUL. */
static const char *
last_mark(const char *text, gsize length)
{
    const gsize size = sizeof(MARK) - 1;

    for (gsize i = size; i <= MIN(length, SEAL_MAX); i++)
        if (memcmp(text + length - i, MARK, size) == 0)
            return text + length - i;
    return NULL;
}

/* The seal of the same content is the same text: nothing has to be parsed. */
gboolean
vsf_state_seal_take(char *text, gsize *length)
{
    const char *at = last_mark(text, *length);
    g_autofree char *seal = at != NULL ? seal_of(text, (gsize)(at - text)) : NULL;

    if (seal == NULL || strlen(seal) != *length - (gsize)(at - text) ||
        memcmp(seal, at, strlen(seal)) != 0)
        return FALSE;
    *length = (gsize)(at - text);
    text[*length] = '\0';
    return TRUE;
}
