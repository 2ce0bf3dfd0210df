/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's request on the control socket. What is refused is refused in words
 * that can be sent back; what is taken is text. */
#include "../../daemon/control/request.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* A copy of just that size, so that a read past the end is seen. */
    g_autofree char *exact = g_memdup2(data, size);
    g_autoptr(GError) error = NULL;
    g_autofree char *word = vsf_request_parse(exact != NULL ? exact : "", size, &error);

    g_assert_true((word == NULL) == (error != NULL));
    if (word == NULL) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_assert_true(g_utf8_validate(word, -1, NULL));
    g_assert_cmpuint(strlen(word), <=, VSF_REQUEST_MAX);
    return 0;
}
