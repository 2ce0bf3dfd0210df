/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt-sflow-agent's command line. */
#pragma once

#include <glib.h>

typedef struct {
    char *uri, *socket; /* never NULL once parsed */
    GStrv allow_users;  /* NULL: the default */
    int listen_fd;      /* -1: none */
    gboolean until_eof, debug, version;
} VsfAgentOptions;

/* FALSE with @error set: a text for whoever typed it. */
gboolean vsf_agent_options_parse(VsfAgentOptions *options, int *argc, char ***argv,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_agent_options_clear(VsfAgentOptions *options);

/* The numbers of those who may ask: root, and @allow_users; NULL: VSF_AGENT_USER, if there is one.
 * guint each; *@gid becomes the group of the first that is not root, G_MAXUINT: of none. NULL with
 * @error set: there is no such user. The caller owns the result. */
#define VSF_AGENT_USER "virt-sflow"
GArray *vsf_agent_options_uids(const VsfAgentOptions *options, guint *gid, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfAgentOptions, vsf_agent_options_clear)
