/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's interfaces as rtnetlink tells them: a dump at the start, then
 * every RTM_NEWLINK and RTM_DELLINK, and a new dump when messages were lost
 * (ENOBUFS). Dumps take the kernel's rtnl lock, so they run on a worker. */
#pragma once

#include "../model/counters.h"
#include "../model/link.h"
#include "../model/vf.h"

#include <gio/gio.h>

typedef struct VsfLinks VsfLinks;

typedef struct {
    void (*seen)(const VsfLink *link, gpointer user_data);
    /* @final: its counters at the end, NULL if the kernel did not tell them. */
    void (*gone)(int ifindex, const VsfLinkStats *final, gpointer user_data);
    /* A dump is complete: every link of it was given to seen(), in the dump or
     * by a later message; these are all there are. */
    void (*dumped)(const int *ifindexes, guint n_ifindexes, gpointer user_data);
} VsfLinksCallbacks;

/* Opens the socket and asks for the first dump. Callbacks run on the main loop,
 * never inside this call. */
VsfLinks *vsf_links_new(const VsfLinksCallbacks *callbacks, gpointer user_data,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes NULL. Not from one of the callbacks. */
void vsf_links_free(VsfLinks *links);

/* Parses one RTM_NEWLINK message (nlmsghdr first). FALSE if it is none, is cut
 * short or has no name. Pure, for the fuzzer too. */
gboolean vsf_link_parse(const guint8 *message, gsize length, VsfLink *link);

/* The ifindex that one RTM_DELLINK message takes away; 0 if it is none (a port
 * that leaves its bridge sends one of family AF_BRIDGE: not a deletion). *@final:
 * its counters at the end, if *@has_final. Pure. */
int vsf_link_parse_gone(const guint8 *message, gsize length, VsfLinkStats *final,
                        gboolean *has_final);

/* A kernel's struct rtnl_link_stats64; older kernels have fewer counters at the
 * end, which read as 0. */
VsfLinkStats vsf_link_stats_parse(const void *bytes, gsize length);

/* The counters of one RTM_NEWSTATS message and the ifindex that they belong to;
 * FALSE, and nothing touched, if it is none or has no 64-bit counters. Pure. */
gboolean vsf_link_stats_parse_reply(const guint8 *message, gsize length, int *ifindex,
                                    VsfLinkStats *stats);

/* The virtual functions of a link, appended to @vfs (GArray of VsfVf), at most VSF_LINK_VFS_MAX of
 * them: of a reply to RTM_GETLINK with RTEXT_FILTER_VF. FALSE if it is no such link's message. */
#define VSF_LINK_VFS_MAX 256
gboolean vsf_link_parse_vfs(const guint8 *message, gsize length, int ifindex, GArray *vfs);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfLinks, vsf_links_free)
