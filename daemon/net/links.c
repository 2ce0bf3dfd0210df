/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "links.h"

#include "../base/log.h"
#include "../base/worker.h"
#include "netlink-ask.h"

#include <errno.h>
#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 65536 /* an interface with many virtual functions has a large message */
#define MESSAGES_PER_DISPATCH 64
#define RECEIVE_BUFFER (4 * 1024 * 1024) /* bytes: some thousand messages */
#define DUMP_TRIES 4
#define RETRY_MS 250
#define LOG_INTERVAL_US (60 * G_USEC_PER_SEC)

/* What keeps the picture true: first subscribe, then ask for a dump, and
 * remember each link that a message spoke of since. Such a message is newer
 * than the dump's entry, or the messages that follow it lead to the present; so
 * an entry of the dump counts only if no message spoke of its link, and can
 * never bring back one that a DELLINK took away. This holds as long as no
 * message is lost; when one is, what waits in the socket is older than the loss
 * and is read to its end before the next dump is asked for. */
struct VsfLinks {
    VsfLinksCallbacks callbacks;
    gpointer user_data;
    int fd;
    guint8 *buffer;
    guint source_id, retry_id;
    VsfWorker *worker;
    GCancellable *cancel; /* tells a dump in flight that we are gone */
    GHashTable *told; /* ifindex -> there (TRUE) or gone, by messages since the dump was asked */
    gboolean dumping;
    gboolean lost;  /* messages were lost and the socket is not yet read to its end */
    gboolean stale; /* lost while a dump was out: it is of no use */
    VsfLogRate log_rate;
};

static void
complain(VsfLinks *links, const char *what, const char *reason)
{
    guint held_back;

    if (vsf_log_rate_allow(&links->log_rate, g_get_monotonic_time(), LOG_INTERVAL_US, &held_back))
        g_warning("links: %s: %s; reading all interfaces anew (%u such lines left out)", what,
                  reason, held_back);
}

static void
collect_link(const struct nlmsghdr *reply, gpointer user_data)
{
    VsfLink link;

    if (vsf_link_parse((const guint8 *)reply, reply->nlmsg_len, &link))
        g_array_append_val((GArray *)user_data, link);
}

/* On the worker: every link of the host, a GArray of VsfLink. */
static gpointer
dump_links(gpointer payload G_GNUC_UNUSED, GError **error)
{
    guint8 buffer[256] __attribute__((aligned(MNL_ALIGNTO)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    g_autoptr(VsfNetlinkLine) line = vsf_netlink_line_new(NETLINK_ROUTE);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(VsfLink));
    gboolean interrupted = TRUE;

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    for (guint i = 0; i < DUMP_TRIES && interrupted; i++) {
        g_array_set_size(found, 0);
        if (!vsf_netlink_ask(line, request, request->nlmsg_len, 1, collect_link, found,
                             &interrupted, error))
            return NULL;
    }
    if (interrupted) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "interfaces change all the time");
        return NULL;
    }
    return g_steal_pointer(&found);
}

static void
take_dump(VsfLinks *links, GArray *found)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int));
    GHashTableIter iter;
    gpointer ifindex, there;

    for (guint i = 0; i < found->len; i++) {
        const VsfLink *link = &g_array_index(found, VsfLink, i);

        if (g_hash_table_contains(links->told, GINT_TO_POINTER(link->ifindex)))
            continue;
        g_array_append_val(all, link->ifindex);
        links->callbacks.seen(link, links->user_data);
    }
    g_hash_table_iter_init(&iter, links->told);
    while (g_hash_table_iter_next(&iter, &ifindex, &there)) {
        int index = GPOINTER_TO_INT(ifindex);

        if (GPOINTER_TO_INT(there))
            g_array_append_val(all, index);
    }
    links->callbacks.dumped((const int *)(const void *)all->data, all->len, links->user_data);
}

static void ask_for_dump(VsfLinks *links);

static gboolean
ask_again(gpointer user_data)
{
    VsfLinks *links = user_data;

    links->retry_id = 0;
    ask_for_dump(links);
    return G_SOURCE_REMOVE;
}

static void
dump_came(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) found = vsf_worker_finish(result, &error);
    VsfLinks *links = user_data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    links->dumping = FALSE;
    if (found == NULL) {
        complain(links, "cannot read them", error->message);
        links->retry_id = g_timeout_add(RETRY_MS, ask_again, links);
    } else if (links->stale) {
        ask_for_dump(links);
    } else {
        take_dump(links, found);
    }
}

static void
ask_for_dump(VsfLinks *links)
{
    g_clear_handle_id(&links->retry_id, g_source_remove);
    links->dumping = TRUE;
    links->stale = FALSE;
    g_hash_table_remove_all(links->told);
    vsf_worker_run(links->worker, dump_links, NULL, NULL, links->cancel, dump_came, links);
}

static void
take_message(VsfLinks *links, const struct nlmsghdr *message)
{
    VsfLink link;
    VsfLinkStats final;
    gboolean has_final;
    int gone = vsf_link_parse_gone((const guint8 *)message, message->nlmsg_len, &final, &has_final);
    gboolean there = vsf_link_parse((const guint8 *)message, message->nlmsg_len, &link);

    if (links->dumping && (there || gone != 0))
        g_hash_table_insert(links->told, GINT_TO_POINTER(there ? link.ifindex : gone),
                            GINT_TO_POINTER(there));
    if (there)
        links->callbacks.seen(&link, links->user_data);
    else if (gone != 0)
        links->callbacks.gone(gone, has_final ? &final : NULL, links->user_data);
}

/* One datagram. FALSE when none waits, and when the socket failed. */
static gboolean
read_datagram(VsfLinks *links, gboolean *drained)
{
    struct sockaddr_nl sender = {0};
    socklen_t sender_size = sizeof(sender);
    const struct nlmsghdr *message;
    const guint8 *at = links->buffer;
    gsize left;
    ssize_t got = recvfrom(links->fd, links->buffer, BUFFER_SIZE, MSG_DONTWAIT | MSG_TRUNC,
                           (struct sockaddr *)&sender, &sender_size);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        *drained = errno == EAGAIN;
        return FALSE;
    }
    if (got < 0 || got > BUFFER_SIZE) {
        complain(links, "messages were lost", got < 0 ? g_strerror(errno) : "too large");
        links->lost = TRUE;
        return got > 0 || errno == ENOBUFS;
    }
    if (sender.nl_pid != 0) /* not the kernel's */
        return TRUE;
    left = (gsize)got;
    while ((message = vsf_netlink_next(&at, &left)) != NULL)
        take_message(links, message);
    return TRUE;
}

static gboolean
nothing_waits(int fd)
{
    GPollFD poll = {.fd = fd, .events = G_IO_IN};

    return g_poll(&poll, 1, 0) == 0;
}

static gboolean
read_messages(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfLinks *links = user_data;
    gboolean drained = FALSE;

    for (guint i = 0; i < MESSAGES_PER_DISPATCH; i++)
        if (!read_datagram(links, &drained))
            break;
    if (links->lost && (drained || nothing_waits(links->fd))) {
        links->lost = FALSE;
        if (links->dumping)
            links->stale = TRUE;
        else
            ask_for_dump(links);
    }
    return G_SOURCE_CONTINUE;
}

static int
open_socket(GError **error)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int size = RECEIVE_BUFFER;
    int code;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        /* Past rmem_max needs CAP_NET_ADMIN; without it, what is allowed. */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        return fd;
    }
    code = errno;
    if (fd >= 0)
        close(fd);
    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code),
                "cannot listen to link messages: %s", g_strerror(code));
    return -1;
}

VsfLinks *
vsf_links_new(const VsfLinksCallbacks *callbacks, gpointer user_data, GError **error)
{
    VsfLinks *links;
    int fd = open_socket(error);

    if (fd < 0)
        return NULL;
    links = g_new0(VsfLinks, 1);
    links->callbacks = *callbacks;
    links->user_data = user_data;
    links->fd = fd;
    links->buffer = g_malloc(BUFFER_SIZE);
    links->told = g_hash_table_new(NULL, NULL);
    links->worker = vsf_worker_new(1, (GDestroyNotify)g_array_unref);
    links->cancel = g_cancellable_new();
    links->source_id = g_unix_fd_add(fd, G_IO_IN, read_messages, links);
    ask_for_dump(links);
    return links;
}

void
vsf_links_free(VsfLinks *links)
{
    if (links == NULL)
        return;
    g_cancellable_cancel(links->cancel);
    g_object_unref(links->cancel);
    vsf_worker_free(links->worker);
    g_clear_handle_id(&links->retry_id, g_source_remove);
    g_clear_handle_id(&links->source_id, g_source_remove);
    g_hash_table_unref(links->told);
    g_free(links->buffer);
    close(links->fd);
    g_free(links);
}
