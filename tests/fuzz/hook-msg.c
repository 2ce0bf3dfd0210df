/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hook's datagram: whatever decodes must encode to the same bytes again,
 * and its strings must end where they say. */
#include "../../include/hook-msg.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static char again[VSF_HOOK_MESSAGE_SIZE_MAX];
    VsfHookMessage message;

    if (!vsf_hook_message_decode(data, size, &message))
        return 0;
    g_assert_cmpuint(strlen(message.op), <=, VSF_HOOK_OP_LENGTH_MAX);
    g_assert_cmpuint(strlen(message.name), <=, VSF_HOOK_NAME_LENGTH_MAX);
    if (message.xml != NULL)
        g_assert_cmpuint(strlen(message.xml), ==, message.xml_length);
    g_assert_cmpuint(vsf_hook_message_encode(&message, again, sizeof(again)), ==, size);
    g_assert_cmpmem(again, size, data, size);
    return 0;
}
