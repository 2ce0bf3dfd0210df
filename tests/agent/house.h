/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent service in this process whose libvirt answers as a test says, and clients on threads
 * of their own. The main loop runs only inside these functions. */
#pragma once

#include "../../daemon/agent/server.h"
#include "../../daemon/virt/agent-link.h"

#define URI "fake:///system"
#define WEB "0f6b2d1e-1c53-4f0a-9d6a-0a7b3c9d5e4f"
#define INFO "{\"execute\":\"guest-info\"}"

typedef struct {
    char *folder, *path, *place;
    int fd;
    VsfAgentServer *server;
} House;

/* What libvirt does with a call. Set before one is made. */
extern char *house_reply; /* NULL: house_error */
extern GError *house_error;
/* Calls about domains whose UUID begins with "dead" hang until house_let_go(). */
extern gint house_calls, house_out;
extern GString *house_asked; /* what libvirt got, one line each */

/* @uids: who may ask, NULL: we. */
House *house_new(const guint *uids, guint n_uids);
void house_free(House *house);
void house_let_go(guint n);

/* A raw client. */
int house_connect(const House *house);
/* Until so many bytes came or the end; the caller frees. */
char *house_read(int fd, gsize size);
void house_read_hello(int fd);
/* TRUE: the service closed it. */
gboolean house_is_closed(int fd);

/* What the daemon does, on a thread; NULL with @error set. @link NULL: one of its own. */
char *house_ask(const House *house, gpointer link, const char *uuid, const char *json,
                GError **error);
gpointer house_open(const char *place, GError **error);

/* Runs the main loop until @is_so. */
typedef gboolean (*HouseFunc)(gconstpointer data);
void house_wait(HouseFunc is_so, gconstpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(House, house_free)
