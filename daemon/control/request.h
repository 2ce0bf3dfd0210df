/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of the control socket asks: bytes in, a request out. Pure. */
#pragma once

#include <glib.h>

#define VSF_REQUEST_MAX 4096 /* bytes of a request, its newline not counted */

typedef struct {
    char *word;  /* the value of "request" */
    char *what;  /* of "what": which part of the daemon it is about; NULL: not given */
    guint for_s; /* of "for_s": seconds; 0: not given */
    guint uid;   /* who asks; set by whoever knows the connection, G_MAXUINT before */
} VsfRequest;

/* @bytes: one line without its newline, not yet looked at. NULL with @error set to
 * what is wrong in words. */
VsfRequest *vsf_request_parse(const char *bytes, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_request_free(VsfRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfRequest, vsf_request_free)
