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
    g_autoptr(VsfRequest) request = vsf_request_parse(exact != NULL ? exact : "", size, &error);

    g_assert_true((request == NULL) == (error != NULL));
    if (request == NULL) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_assert_true(g_utf8_validate(request->word, -1, NULL));
    g_assert_cmpuint(strlen(request->word), <=, VSF_REQUEST_MAX);
    g_assert_true(request->what == NULL || g_utf8_validate(request->what, -1, NULL));
    g_assert_cmpuint(request->for_s, <=, G_MAXINT);
    /* Bytes do not say who sent them. */
    g_assert_cmpuint(request->uid, ==, G_MAXUINT);
    return 0;
}
