/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether ovs-vswitchd lives, which its database does not tell: by the lock that it has on its pid
 * file as long as it does (fcntl(2); in whatever PID namespace it is). Main thread. */
#pragma once

#include <glib.h>

typedef struct VsfOvsAlive VsfOvsAlive;

/* @socket: of the database, which the pid file ovs-vswitchd.pid lies beside. */
VsfOvsAlive *vsf_ovs_alive_new(const char *socket);
void vsf_ovs_alive_free(VsfOvsAlive *alive); /* takes NULL */

/* TRUE: it is known to be dead, since nobody has the lock, or the file is gone that was locked
 * once. FALSE in doubt: it may run without such a file, or with one that cannot be read. */
gboolean vsf_ovs_alive_is_dead(VsfOvsAlive *alive);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsAlive, vsf_ovs_alive_free)
