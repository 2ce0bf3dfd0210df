/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink-answer.h"

#include <errno.h>
#include <libmnl/libmnl.h>

#define ERRNO_MAX 4095 /* the kernel's */

/* NLMSG_ERROR and NLMSG_DONE begin with the error, negative or 0; one whose payload is below
 * @least bytes says none. */
static void
take_end(VsfNetlinkAnswer *answer, const struct nlmsghdr *message, gsize least)
{
    const int *error = mnl_nlmsg_get_payload(message);

    if (answer->dump && mnl_nlmsg_get_payload_len(message) >= least)
        answer->dump_error = *error <= 0 && *error >= -ERRNO_MAX ? -*error : EPROTO;
    answer->outstanding--;
}

static void
take_message(VsfNetlinkAnswer *answer, const struct nlmsghdr *message)
{
    if (message->nlmsg_flags & NLM_F_DUMP_INTR)
        answer->interrupted = TRUE;
    if (message->nlmsg_type == NLMSG_ERROR) {
        take_end(answer, message, sizeof(struct nlmsgerr));
    } else if (message->nlmsg_type == NLMSG_DONE) {
        take_end(answer, message, sizeof(int));
    } else if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
        answer->reply(message, answer->user_data);
        if (!answer->dump)
            answer->outstanding--;
    }
}

const struct nlmsghdr *
vsf_netlink_next(const guint8 **at, gsize *left)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)*at;
    gsize step;

    if (*left < sizeof(*message) || message->nlmsg_len < sizeof(*message) ||
        message->nlmsg_len > *left)
        return NULL;
    step = MIN(MNL_ALIGN((gsize)message->nlmsg_len), *left);
    *at += step;
    *left -= step;
    return message;
}

void
vsf_netlink_answer_take(VsfNetlinkAnswer *answer, const guint8 *datagram, gsize size)
{
    const struct nlmsghdr *message;

    while (answer->outstanding > 0 && (message = vsf_netlink_next(&datagram, &size)) != NULL)
        if (message->nlmsg_seq > 0 && message->nlmsg_seq <= answer->n_requests)
            take_message(answer, message);
}
