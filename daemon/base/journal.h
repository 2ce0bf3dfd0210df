/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's own protocol: a line with fields is one datagram (systemd: "Native Journal
 * Protocol"). Nothing waits. */
#pragma once

#include <glib.h>

#define VSF_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Appends a field. @name: A-Z, 0-9 and _; @value may be NULL (then nothing is appended), and may
 * hold anything: it ends neither its field nor the datagram. */
void vsf_journal_field(GString *datagram, const char *name, const char *value);

/* A descriptor, or -1: there is no socket to be had. */
int vsf_journal_open(void);

/* FALSE: the journal at @path does not take it now. */
gboolean vsf_journal_send(int fd, const char *path, const GString *datagram);
