/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets to send to, and what the sender logged, for the sender's tests. */
#pragma once

#include "../../daemon/net/sender.h"

typedef struct {
    const char *path;
    void (*func)(void);
} Case;

/* Runs @cases below /net/sender; warnings are part of what is tested, so they
 * do not end the program. */
int run_cases(int argc, char **argv, const Case *cases, guint n_cases);

/* Lines that were logged since the case began. */
extern GPtrArray *vsf_warnings;

guint warnings_about(const char *words);
GSocket *listen_on(const char *address, guint16 *port);
guint drain(GSocket *socket, char *last, gsize size);
VsfSender *sender_to(const char *first, const char *second);
/* One collector whose name resolves to @answer (NULL-terminated; none: not at all). */
VsfSender *sender_to_name(const char *text, const char *const *answer);
VsfCollectorStatus *status_of(VsfSender *sender, guint index);
void send_text(VsfSender *sender, const char *text);
guint16 closed_port(const char *address);
GPtrArray *collectors_of(const char *first, ...) G_GNUC_NULL_TERMINATED;
void run_loop_once(void);
