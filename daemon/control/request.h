/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of the control socket asks: bytes in, a word out. Pure. */
#pragma once

#include <glib.h>

#define VSF_REQUEST_MAX 4096 /* bytes of a request, its newline not counted */

/* @bytes: one line without its newline, not yet looked at. Returns the value
 * of "request", or NULL with @error set to what is wrong in words. */
char *vsf_request_parse(const char *bytes, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
