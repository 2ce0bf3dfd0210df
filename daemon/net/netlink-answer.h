/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers to questions asked by netlink-ask.h: datagrams in,
 * replies out. Pure; any thread. */
#pragma once

#include <glib.h>
#include <linux/netlink.h>

/* One reply, whole: nlmsg_len bytes can be read; never an error or the end of a dump. */
typedef void (*VsfNetlinkReply)(const struct nlmsghdr *reply, gpointer user_data);

typedef struct {
    guint n_requests;  /* whose sequence numbers are 1 to this */
    guint outstanding; /* requests without their answer; n_requests at the start */
    gboolean dump;     /* one request, answered by many replies and an end */
    gboolean interrupted;
    int dump_error; /* errno, 0: none; EPROTO: not one of the kernel's */
    VsfNetlinkReply reply;
    gpointer user_data;
} VsfNetlinkAnswer;

/* The next message of a datagram, whole, whose bytes begin at *@at (aligned to 4 bytes)
 * and are *@left; NULL at the end, and at the first that lies about its length. Not
 * mnl_nlmsg_ok(), which takes a length of 2 GiB and more for a negative one. */
const struct nlmsghdr *vsf_netlink_next(const guint8 **at, gsize *left);

/* Everything of one datagram, up to the last answer outstanding. What belongs to none
 * of the requests is left out. @datagram: aligned to 4 bytes. */
void vsf_netlink_answer_take(VsfNetlinkAnswer *answer, const guint8 *datagram, gsize size);
