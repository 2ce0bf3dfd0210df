/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last line of a state file, by which one that was cut short or changed is told
 * from a whole one. Pure. The line is "# end SIZE HASH": bytes before it, and their
 * FNV-1a in hexadecimal. */
#pragma once

#include <glib.h>

/* @text (@length bytes) with its seal; *@length is the new length. Takes @text, the
 * caller frees what is returned. */
char *vsf_state_seal_add(char *text, gsize *length);

/* Takes the seal off: *@length is then that of the content, and @text ends there with
 * a NUL. FALSE: there is none, or it does not fit the content; nothing is changed. */
gboolean vsf_state_seal_take(char *text, gsize *length);
