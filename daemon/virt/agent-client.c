/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-client.h"

#include "../../include/agent-msg.h"
#include "agent-link.h"
#include "error.h"
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO_S 5
/* Beyond an agent's own time: libvirt waits 5 s instead for one that was silent before, and a
 * service whose libvirtd hangs tells of it. Past it, the service itself hangs. */
#define SLACK_S 30
#define BALLOON_S 5

typedef struct {
    int fd;
    gboolean broken; /* nothing more can be asked here */
} Link;

char *
vsf_agent_client_place(const char *uri, const char *path)
{
    g_assert(strchr(uri, ' ') == NULL);
    return g_strdup_printf("%s %s", uri, path != NULL ? path : "");
}

static gpointer
fail(GError **error, GIOErrorEnum code, const char *what)
{
    g_set_error(error, G_IO_ERROR, (gint)code, "the agent service %s", what);
    return NULL;
}

/* --- bytes ---------------------------------------------------------------- */

/* At most @size bytes, at least one; 0 with @error set. */
static gsize
receive(int fd, char *bytes, gsize size, gint64 deadline_us, GError **error)
{
    for (;;) {
        gint64 left_us = deadline_us - g_get_monotonic_time();
        struct pollfd socket = {.fd = fd, .events = POLLIN};
        int ready = poll(&socket, 1, (int)(MAX(left_us, 0) / 1000 + 1));
        gssize n;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0 || left_us <= 0) {
            fail(error, G_IO_ERROR_NOT_CONNECTED, "does not answer");
            return 0;
        }
        n = recv(fd, bytes, size, MSG_DONTWAIT);
        if (n > 0)
            return (gsize)n;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        fail(error, G_IO_ERROR_NOT_CONNECTED, "ended, or closed the connection");
        return 0;
    }
}

/* The first line and what came with it: in @start, *@filled bytes; where the line feed is, NULL
 * with @error set. */
static char *
receive_head(int fd, char *start, gsize *filled, gint64 deadline_us, GError **error)
{
    char *end = NULL;

    *filled = 0;
    while (end == NULL && *filled < VSF_AGENT_MSG_HEAD_MAX) {
        gsize n = receive(fd, start + *filled, VSF_AGENT_MSG_HEAD_MAX - *filled, deadline_us,
                          error);

        if (n == 0)
            return NULL;
        *filled += n;
        end = memchr(start, '\n', *filled);
    }
    return end != NULL ? end : fail(error, G_IO_ERROR_NOT_CONNECTED, "speaks another language");
}

/* The answer's bytes with a zero behind them, and its kind; NULL with @error set. */
static char *
receive_answer(int fd, gint64 deadline_us, VsfAgentAnswerKind *kind, GError **error)
{
    char start[VSF_AGENT_MSG_HEAD_MAX];
    g_autofree char *text = NULL;
    VsfAgentHead head;
    gsize filled, length;
    char *end = receive_head(fd, start, &filled, deadline_us, error);

    if (end == NULL)
        return NULL;
    length = filled - (gsize)(end + 1 - start);
    if (!vsf_agent_head_parse(start, (gsize)(end - start), &head) || length > head.length)
        return fail(error, G_IO_ERROR_NOT_CONNECTED, "speaks another language");
    text = g_malloc(head.length + 1);
    memcpy(text, end + 1, length);
    while (length < head.length) {
        gsize n = receive(fd, text + length, head.length - length, deadline_us, error);

        if (n == 0)
            return NULL;
        length += n;
    }
    text[length] = '\0';
    *kind = head.kind;
    return g_steal_pointer(&text);
}

/* --- the connection --------------------------------------------------------- */

/* Who listens, as the kernel attests: systemd or a service as root, or one of our own user's. The
 * directory may be another user's, who would like to be asked in the service's place. */
static gboolean
is_trusted(int fd, const char *path, GError **error)
{
    struct ucred peer = {.uid = G_MAXUINT};
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid()))
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY,
                "no agent service at %s: user %u listens there, who is neither root nor the "
                "daemon's own",
                path, peer.uid);
    return FALSE;
}

static int
connect_to(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = HELLO_S}; /* of connect(): its backlog may be full */
    GIOErrorEnum code = G_IO_ERROR_NOT_CONNECTED;
    int fd, reason;

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY, "%s: is too long for a socket", path);
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    reason = errno;
    if (reason == ENOENT || reason == ECONNREFUSED)
        code = G_IO_ERROR_CONNECTION_REFUSED;
    else if (reason == EACCES || reason == EPERM)
        code = G_IO_ERROR_READ_ONLY;
    g_set_error(error, G_IO_ERROR, (gint)code, "no agent service at %s: %s", path,
                g_strerror(reason));
    if (fd >= 0)
        close(fd);
    return -1;
}

static gboolean
is_for_us(const char *hello, const char *uri, GError **error)
{
    g_autofree char *its_uri = NULL;

    if (!vsf_agent_hello_parse(hello, &its_uri)) {
        fail(error, G_IO_ERROR_READ_ONLY, "is of another version; restart it and the daemon");
        return FALSE;
    }
    if (strcmp(its_uri, uri) == 0)
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY, "the agent service asks %.200s, not %s",
                its_uri, uri);
    return FALSE;
}

static gboolean
greet(int fd, const char *uri, GError **error)
{
    VsfAgentAnswerKind kind;
    g_autofree char *hello = receive_answer(fd, g_get_monotonic_time() + HELLO_S * G_USEC_PER_SEC,
                                            &kind, error);

    if (hello == NULL)
        return FALSE;
    if (kind == VSF_AGENT_ANSWER_HELLO)
        return is_for_us(hello, uri, error);
    if (kind == VSF_AGENT_ANSWER_FORBIDDEN)
        g_propagate_error(error, vsf_agent_answer_error(kind, hello, 0, 0));
    else
        fail(error, G_IO_ERROR_NOT_CONNECTED, "speaks another language");
    return FALSE;
}

static gpointer
open_link(const char *place, GError **error)
{
    const char *path = strchr(place, ' ') + 1;
    g_autofree char *uri = g_strndup(place, (gsize)(path - 1 - place));
    Link *link;
    int fd;

    if (path[0] == '\0') {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY,
                            "[libvirt] agent-socket is none");
        return NULL;
    }
    fd = connect_to(path, error);
    if (fd < 0)
        return NULL;
    if (!is_trusted(fd, path, error) || !greet(fd, uri, error)) {
        close(fd);
        return NULL;
    }
    link = g_new0(Link, 1);
    link->fd = fd;
    return link;
}

static gboolean
is_alive(gpointer data)
{
    const Link *link = data;

    return !link->broken && vsf_link_is_quiet(link->fd);
}

static void
close_link(gpointer data)
{
    Link *link = data;

    close(link->fd);
    g_free(link);
}

/* --- one request ------------------------------------------------------------ */

/* NULL with @error set unless the answer is of @wanted kind. */
static char *
exchange(Link *link, const VsfAgentRequest *request, VsfAgentAnswerKind wanted, int wait_s,
         GError **error)
{
    g_autofree char *line = vsf_agent_request_line(request);
    gint64 deadline_us = g_get_monotonic_time() + wait_s * G_USEC_PER_SEC;
    VsfAgentAnswerKind kind;
    g_autofree char *text = NULL;

    link->broken = TRUE; /* until its answer is whole */
    if (send(link->fd, line, strlen(line), MSG_NOSIGNAL) != (gssize)strlen(line))
        return fail(error, G_IO_ERROR_NOT_CONNECTED, "ended, or closed the connection");
    text = receive_answer(link->fd, deadline_us, &kind, error);
    if (text == NULL)
        return NULL;
    if (kind <= VSF_AGENT_ANSWER_DONE && kind != wanted)
        return fail(error, G_IO_ERROR_NOT_CONNECTED, "speaks another language");
    /* Of what libvirt forbids, another service may know more. */
    link->broken = kind == VSF_AGENT_ANSWER_FORBIDDEN;
    if (kind == wanted)
        return g_steal_pointer(&text);
    g_propagate_error(
        error, vsf_agent_answer_error(kind, text, VSF_VIRT_ERROR, VIR_ERR_AGENT_UNRESPONSIVE));
    return NULL;
}

static char *
send_request(gpointer link, const char *uuid, const char *request, int timeout_s, GError **error)
{
    VsfAgentRequest entry = {.timeout_s = CLAMP(timeout_s, 1, VSF_AGENT_MSG_TIMEOUT_MAX_S)};

    g_strlcpy(entry.uuid, uuid, sizeof(entry.uuid));
    if (!vsf_agent_request_of_json(request, &entry))
        return fail(error, G_IO_ERROR_INVALID_ARGUMENT, "does not take this request");
    return exchange(link, &entry, VSF_AGENT_ANSWER_REPLY, entry.timeout_s + SLACK_S, error);
}

static gboolean
set_balloon_period(gpointer link, const char *uuid, int period_s, GError **error)
{
    VsfAgentRequest entry = {.kind = VSF_AGENT_REQUEST_BALLOON,
                             .period_s = CLAMP(period_s, 1, VSF_AGENT_MSG_PERIOD_MAX_S)};
    g_autofree char *done = NULL;

    g_strlcpy(entry.uuid, uuid, sizeof(entry.uuid));
    done = exchange(link, &entry, VSF_AGENT_ANSWER_DONE, BALLOON_S + SLACK_S, error);
    return done != NULL;
}

const VsfAgentOps vsf_agent_service = {
    .calls =
        {
            .open = open_link,
            .call = vsf_agent_call,
            .is_alive = is_alive,
            .close = close_link,
            .question_free = vsf_agent_question_free,
            .answer_free = (GDestroyNotify)vsf_agent_answer_free,
            .now_us = g_get_monotonic_time,
        },
    .send = send_request,
    .set_balloon_period = set_balloon_period,
};
