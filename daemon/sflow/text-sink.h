/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A datagram as text for people. Pure; the bytes are hostile, so nothing that
 * a terminal would obey gets through. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Several lines, each ended: one for the datagram, one a sample, one a record;
 * custom metrics share lines of 80 columns as name=value.
 * @from: who sent it, or NULL. A malformed datagram ends in a line that says
 * so, after what could be read. */
char *vsf_sflow_text(const uint8_t *data, size_t size, const char *from);

/* Appends @length bytes from outside with what is no printable UTF-8 escaped. */
void vsf_sflow_text_escape(GString *to, const char *bytes, size_t length);
