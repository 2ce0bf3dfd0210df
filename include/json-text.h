/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on its way out, to people's terminals too: names in it are tenants'. */
#pragma once

/* The same document as @json, which a generator made, where no character does anything but be
 * seen: what else a string holds (controls of ASCII and of U+0080 to U+009F, what turns the
 * direction of text round ...) is escaped, which json-glib leaves undone for most, also for the one
 * control, U+001F, that JSON forbids; and what is no UTF-8 becomes U+FFFD. The caller's. Any
 * thread. */
char *vsf_json_printable(const char *json);
