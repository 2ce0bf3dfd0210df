/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options, the two sources (a socket, a capture file) and the output of
 * `virt-sflow receive`. What a datagram says is read by sflow/decode. */
#include "receive.h"

#include "../sflow/frame.h"
#include "../sflow/text-sink.h"
#include "json-sink.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROGRAM "virt-sflow receive"
#define DEFAULT_PORT 6343
#define RECEIVE_BUFFER (1024 * 1024) /* the kernel may allow less */
#define BATCH 64 /* datagrams or packets between two looks at the rest of the loop */

typedef struct {
    /* options */
    int port;
    char *bind;
    gboolean json;
    gint64 count;   /* 0: no end */
    gint64 seconds; /* 0: no end */
    char *pcap;
    /* state */
    GMainLoop *loop;
    int signal_fd;
    int status;
    gint64 n_datagrams;
    GSocket *socket;
    pcap_t *capture;
    VsfFrameLink link;
    guint64 n_packets, n_fragments; /* of the capture file */
} Receive;

static void
finish(Receive *receive, int status)
{
    receive->status = status;
    g_main_loop_quit(receive->loop);
}

/* ---- output ---- */

/* A reader that stopped reading must not make us deaf to signals: waits for
 * both. FALSE ends the program. */
static gboolean
wait_for_stdout(Receive *receive)
{
    struct pollfd fds[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                           {.fd = receive->signal_fd, .events = POLLIN}};

    while (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
        if (errno != EINTR)
            return FALSE;
    }
    return (fds[1].revents & POLLIN) == 0;
}

static gboolean
write_stdout(Receive *receive, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n;

        if (!wait_for_stdout(receive))
            return FALSE;
        /* What a pipe that polls writable takes without blocking. */
        n = write(STDOUT_FILENO, text, MIN(size, 4096));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            if (errno != EPIPE) { /* as after "| head": nobody wants more */
                g_printerr(PROGRAM ": standard output: %s\n", g_strerror(errno));
                receive->status = 1;
            }
            return FALSE;
        }
        text += n;
        size -= (size_t)n;
    }
    return TRUE;
}

static char *
render(const Receive *receive, const uint8_t *data, size_t size, const char *from, gint64 time_ns)
{
    g_autoptr(JsonNode) node = NULL;
    g_autofree char *line = NULL;

    if (!receive->json)
        return vsf_sflow_text(data, size, from);
    node = vsf_json_sink_datagram(data, size, from, time_ns);
    line = json_to_string(node, FALSE);
    return g_strconcat(line, "\n", NULL);
}

/* FALSE: the program is to end. */
static gboolean
show(Receive *receive, const uint8_t *data, size_t size, const char *from, gint64 time_ns)
{
    g_autofree char *text = render(receive, data, size, from, time_ns);

    receive->n_datagrams++;
    if (write_stdout(receive, text, strlen(text)) &&
        (receive->count == 0 || receive->n_datagrams < receive->count))
        return TRUE;
    finish(receive, receive->status);
    return FALSE;
}

/* "192.0.2.1:6343", "[2001:db8::1]:6343"; GIO has already made an IPv4 sender at a
 * socket for both families an IPv4 address. */
static char *
endpoint_text(GInetAddress *address, guint port)
{
    g_autofree char *text = g_inet_address_to_string(address);

    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6)
        return g_strdup_printf("[%s]:%u", text, port);
    return g_strdup_printf("%s:%u", text, port);
}

/* ---- socket ---- */

static gboolean
on_readable(GSocket *socket, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Receive *receive = user_data;
    static char buffer[65536];

    for (int i = 0; i < BATCH; i++) {
        g_autoptr(GSocketAddress) address = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *from = NULL;
        gssize n = g_socket_receive_from(socket, &address, buffer, sizeof(buffer), NULL, &error);

        if (n < 0) {
            if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
                return G_SOURCE_CONTINUE;
            g_printerr(PROGRAM ": %s\n", error->message);
            finish(receive, 1);
            return G_SOURCE_REMOVE;
        }
        from = endpoint_text(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)),
                             g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)));
        if (!show(receive, (const uint8_t *)buffer, (size_t)n, from, g_get_real_time() * 1000))
            return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static GSocket *
bind_socket(GInetAddress *address, guint16 port, GError **error)
{
    g_autoptr(GSocketAddress) local = g_inet_socket_address_new(address, port);
    g_autoptr(GSocket) socket = g_socket_new(g_inet_address_get_family(address),
                                             G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, error);

    if (socket == NULL)
        return NULL;
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_option(socket, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER, NULL);
    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6)
        g_socket_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, NULL);
    if (!g_socket_bind(socket, local, FALSE, error))
        return NULL;
    return g_steal_pointer(&socket);
}

/* All addresses of both families by default, of IPv4 where the kernel has no IPv6. */
static GSocket *
bind_any(guint16 port, GError **error)
{
    g_autoptr(GInetAddress) any6 = g_inet_address_new_any(G_SOCKET_FAMILY_IPV6);
    g_autoptr(GInetAddress) any4 = g_inet_address_new_any(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GError) failed = NULL;
    GSocket *socket = bind_socket(any6, port, &failed);

    if (socket != NULL)
        return socket;
    if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) ||
        g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    return bind_socket(any4, port, error);
}

static const char *
hint_for(const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        return " (another collector has it: stop that one, or take another --port)";
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
        return " (ports below 1024 need root)";
    return "";
}

static gboolean
open_socket(Receive *receive)
{
    g_autoptr(GInetAddress)
        address = receive->bind != NULL ? g_inet_address_new_from_string(receive->bind) : NULL;
    g_autoptr(GSocketAddress) local = NULL;
    g_autoptr(GSource) source = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *where = NULL;

    receive->socket = address != NULL ? bind_socket(address, (guint16)receive->port, &error)
                                      : bind_any((guint16)receive->port, &error);
    if (receive->socket == NULL) {
        g_printerr(PROGRAM ": cannot listen on UDP port %d: %s%s\n", receive->port, error->message,
                   hint_for(error));
        return FALSE;
    }
    local = g_socket_get_local_address(receive->socket, NULL);
    if (local != NULL) {
        GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS(local);

        where = endpoint_text(g_inet_socket_address_get_address(inet),
                              g_inet_socket_address_get_port(inet));
        g_printerr(PROGRAM ": listening on %s\n", where);
    }
    source = g_socket_create_source(receive->socket, G_IO_IN, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), receive, NULL);
    g_source_attach(source, NULL);
    return TRUE;
}

/* ---- capture file ---- */

/* FALSE: a link type that this program does not know. */
static gboolean
find_link(int link_type, VsfFrameLink *link)
{
    static const struct {
        int link_type;
        VsfFrameLink link;
    } links[] = {
        {DLT_EN10MB, VSF_FRAME_ETHERNET},     {DLT_LINUX_SLL, VSF_FRAME_COOKED},
        {DLT_LINUX_SLL2, VSF_FRAME_COOKED_2}, {DLT_NULL, VSF_FRAME_LOOPBACK},
        {DLT_LOOP, VSF_FRAME_LOOPBACK},       {DLT_RAW, VSF_FRAME_RAW_IP},
        {DLT_IPV4, VSF_FRAME_RAW_IP},         {DLT_IPV6, VSF_FRAME_RAW_IP},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
        if (links[i].link_type == link_type) {
            *link = links[i].link;
            return TRUE;
        }
    }
    return FALSE;
}

static char *
packet_sender(const VsfFrame *frame)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_bytes(
        frame->src, frame->ip_family == 2 ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4);

    return endpoint_text(address, frame->src_port);
}

static gboolean
show_packet(Receive *receive, const struct pcap_pkthdr *header, const uint8_t *data)
{
    gint64 time_ns = (gint64)header->ts.tv_sec * G_GINT64_CONSTANT(1000000000) +
                     (gint64)header->ts.tv_usec; /* of a handle with nanoseconds */
    g_autofree char *from = NULL;
    VsfFrame frame = {0};

    receive->n_packets++;
    vsf_frame_parse(receive->link, data, header->caplen, &frame);
    /* A later fragment has no port to tell whose it is. */
    if (frame.fragment && frame.ip_protocol == IPPROTO_UDP &&
        (!frame.has_ports || frame.dst_port == receive->port)) {
        receive->n_fragments++;
        return TRUE;
    }
    if (frame.udp_payload == NULL || frame.dst_port != receive->port)
        return TRUE;
    from = packet_sender(&frame);
    return show(receive, frame.udp_payload, frame.udp_payload_size, from, time_ns);
}

static void
end_of_capture(Receive *receive)
{
    if (receive->n_fragments > 0)
        g_printerr(PROGRAM ": %s: left out %" G_GUINT64_FORMAT
                           " IP fragments: they are not put together\n",
                   receive->pcap, receive->n_fragments);
    if (receive->n_datagrams == 0)
        g_printerr(PROGRAM ": %s: no datagram to UDP port %d in %" G_GUINT64_FORMAT " packets\n",
                   receive->pcap, receive->port, receive->n_packets);
    finish(receive, 0);
}

static gboolean
on_capture_idle(gpointer user_data)
{
    Receive *receive = user_data;

    for (int i = 0; i < BATCH; i++) {
        struct pcap_pkthdr *header;
        const uint8_t *data;
        int result = pcap_next_ex(receive->capture, &header, &data);

        if (result == PCAP_ERROR_BREAK) {
            end_of_capture(receive);
            return G_SOURCE_REMOVE;
        }
        if (result < 0) {
            g_printerr(PROGRAM ": %s: %s\n", receive->pcap, pcap_geterr(receive->capture));
            finish(receive, 1);
            return G_SOURCE_REMOVE;
        }
        if (result == 1 && !show_packet(receive, header, data))
            return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
open_capture(Receive *receive)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    int link_type;

    receive->capture = pcap_open_offline_with_tstamp_precision(receive->pcap,
                                                               PCAP_TSTAMP_PRECISION_NANO, reason);
    if (receive->capture == NULL) {
        g_printerr(PROGRAM ": %s%s%s\n", strstr(reason, receive->pcap) == NULL ? receive->pcap : "",
                   strstr(reason, receive->pcap) == NULL ? ": " : "", reason);
        return FALSE;
    }
    link_type = pcap_datalink(receive->capture);
    if (!find_link(link_type, &receive->link)) {
        const char *name = pcap_datalink_val_to_name(link_type);

        g_printerr(PROGRAM ": %s: packets of link type %s are not understood, "
                           "only Ethernet, Linux cooked, loopback and raw IP\n",
                   receive->pcap, name != NULL ? name : "?");
        return FALSE;
    }
    g_idle_add(on_capture_idle, receive);
    return TRUE;
}

/* ---- options and life ---- */

static gboolean
on_time_is_up(gpointer user_data)
{
    Receive *receive = user_data;

    finish(receive, receive->status);
    return G_SOURCE_REMOVE;
}

static gboolean
on_signal(int fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    return on_time_is_up(user_data);
}

static gboolean
open_signals(Receive *receive)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* seen as EPIPE */
    receive->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (receive->signal_fd < 0) {
        g_printerr(PROGRAM ": signalfd: %s\n", g_strerror(errno));
        return FALSE;
    }
    g_unix_fd_add(receive->signal_fd, G_IO_IN, on_signal, receive);
    return TRUE;
}

/* What is wrong with the options, or NULL. */
static const char *
check_options(const Receive *receive, int argc)
{
    g_autoptr(GInetAddress)
        address = receive->bind != NULL ? g_inet_address_new_from_string(receive->bind) : NULL;

    if (argc > 1)
        return "it takes options only";
    if (receive->port < 0 || receive->port > 65535)
        return "--port must be from 1 to 65535, or 0 for any free one";
    if (receive->count < 0)
        return "--count must not be negative";
    if (receive->seconds < 0 || receive->seconds > G_MAXINT / 1000)
        return "--seconds must be from 0 to 2147483";
    if (receive->bind != NULL && address == NULL)
        return "--bind must be an IPv4 or IPv6 address";
    if (receive->bind != NULL && receive->pcap != NULL)
        return "--bind has no meaning with --pcap";
    return NULL;
}

static gboolean
parse_options(Receive *receive, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"port", 'p', 0, G_OPTION_ARG_INT, &receive->port,
         "UDP port (default 6343; 0: any free one)", "PORT"},
        {"bind", 'b', 0, G_OPTION_ARG_STRING, &receive->bind,
         "Listen on this address only (default: all, IPv4 and IPv6)", "ADDR"},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &receive->json,
         "Print each datagram as one JSON object on one line", NULL},
        {"count", 'n', 0, G_OPTION_ARG_INT64, &receive->count, "End after N datagrams", "N"},
        {"seconds", 's', 0, G_OPTION_ARG_INT64, &receive->seconds, "End after N seconds", "N"},
        {"pcap", 'r', 0, G_OPTION_ARG_FILENAME, &receive->pcap,
         "Read the datagrams to that port from a capture file (- for standard input)", "FILE"},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *wrong;

    g_set_prgname(PROGRAM);
    g_option_context_set_summary(context, "Receives sFlow v5 and shows what is in it: decodes what "
                                          "virt-sflow sends, skips the\nrest by its length.");
    g_option_context_set_description(
        context, "Ends with status 0 after --count, --seconds, the end of the file, SIGINT or "
                 "SIGTERM;\nwith 1 if it cannot listen, read or write; with 2 for a bad option.\n"
                 "In the text view ? is a value that the sender does not know (null in JSON).");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        wrong = error->message;
    else
        wrong = check_options(receive, argc);
    if (wrong != NULL)
        g_printerr(PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", wrong);
    return wrong == NULL;
}

static void
receive_clear(Receive *receive)
{
    while (g_source_remove_by_user_data(receive))
        continue;
    g_clear_object(&receive->socket);
    g_clear_pointer(&receive->capture, pcap_close);
    g_clear_pointer(&receive->loop, g_main_loop_unref);
    g_free(receive->bind);
    g_free(receive->pcap);
    if (receive->signal_fd >= 0)
        close(receive->signal_fd);
}

int
vsf_cli_receive(int argc, char **argv)
{
    Receive receive = {.port = DEFAULT_PORT, .signal_fd = -1};

    if (!parse_options(&receive, argc, argv)) {
        receive.status = 2;
    } else {
        receive.loop = g_main_loop_new(NULL, FALSE);
        if (!open_signals(&receive) ||
            !(receive.pcap != NULL ? open_capture(&receive) : open_socket(&receive))) {
            receive.status = 1;
        } else {
            if (receive.seconds > 0)
                g_timeout_add((guint)receive.seconds * 1000, on_time_is_up, &receive);
            g_main_loop_run(receive.loop);
        }
    }
    receive_clear(&receive);
    return receive.status;
}
