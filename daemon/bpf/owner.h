/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a clsact filter is, and whether that one lives. A filter outlives its process; so it
 * has its owner's name, which is that of an abstract socket as well: the kernel keeps such a
 * socket in the same network namespace as the filter, and takes it away when its process ends,
 * however that comes. A process id would say nothing to a daemon in another container. */
#pragma once

#include <glib.h>

#define VSF_BPF_OWNER_SIZE 28 /* "virt-sflow-", 16 digits, and the end */

typedef struct {
    int fd;                        /* of the socket; 0: there is none */
    char name[VSF_BPF_OWNER_SIZE]; /* nobody else's, also not of a run before or after */
} VsfBpfOwner;

/* From now on @owner lives. */
gboolean vsf_bpf_owner_init(VsfBpfOwner *owner, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* It is dead. One that was never alive is fine. */
void vsf_bpf_owner_clear(VsfBpfOwner *owner);

/* Whether @name is one that a daemon of ours gives its filters; it may come from anybody. */
gboolean vsf_bpf_owner_is_name(const char *name);

/* Whether the one of that name lives, as a process of root or of our user; in doubt it does. */
gboolean vsf_bpf_owner_lives(const char *name);
