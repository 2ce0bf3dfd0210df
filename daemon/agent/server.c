/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include "../../include/agent-msg.h"
#include "../base/log.h"
#include "handles.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_DISPATCH 16
#define ACCEPT_PAUSE_MS 1000  /* when the process has no descriptor left */
#define ROOM_PAUSE_MS 50      /* when all clients are busy */
#define WRITES_PER_DISPATCH 4 /* so that a fast reader of a large answer takes turns */
/* A call past it is stuck. libvirt's own waits come on top of the request's time: 5 s for an agent
 * that was silent before. */
#define DEADLINE_US (20 * G_USEC_PER_SEC)
#define LOG_INTERVAL_US (10 * G_USEC_PER_SEC)

typedef enum { READING, ASKED, ANSWERING } State;

typedef struct {
    VsfAgentServer *server;
    int fd;
    State state;
    guint watch_id, deadline_id;
    gint64 used_us; /* when bytes went either way last */
    char line[VSF_AGENT_MSG_LINE_MAX];
    gsize filled;
    VsfAgentRequest request;
    char *answer;
    gsize answer_size, sent;
} Client;

struct VsfAgentServer {
    VsfCalls *calls;
    char *uri;
    int fd;
    guint listen_id, pause_id;
    guint *uids, n_uids;
    VsfAgentHandles *handles;
    VsfAgentServerLimits limits;
    GPtrArray *clients; /* Client, oldest first */
    VsfLogRate peers_rate, lines_rate;
};

/* --- clients -------------------------------------------------------------- */

static void
client_free(Client *client)
{
    g_clear_handle_id(&client->watch_id, g_source_remove);
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    close(client->fd);
    g_free(client->answer);
    g_free(client);
}

static void
client_drop(Client *client)
{
    g_ptr_array_remove(client->server->clients, client);
}

static gboolean
on_deadline(gpointer user_data)
{
    Client *client = user_data;

    client->deadline_id = 0;
    client_drop(client);
    return G_SOURCE_REMOVE;
}

static void
set_deadline(Client *client, guint wait_ms)
{
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    client->deadline_id = g_timeout_add(wait_ms, on_deadline, client);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data);

static void
begin_reading(Client *client)
{
    g_clear_handle_id(&client->watch_id, g_source_remove);
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    g_clear_pointer(&client->answer, g_free);
    client->state = READING;
    client->filled = 0;
    client->watch_id = g_unix_fd_add(client->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable,
                                     client);
}

/* --- answers -------------------------------------------------------------- */

typedef enum { PUSH_MORE, PUSH_DONE, PUSH_BROKEN } Push;

static Push
push(Client *client)
{
    for (guint i = 0; i < WRITES_PER_DISPATCH; i++) {
        gssize n = send(client->fd, client->answer + client->sent,
                        client->answer_size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? PUSH_MORE : PUSH_BROKEN;
        client->sent += (gsize)n;
        client->used_us = g_get_monotonic_time();
        if (client->sent == client->answer_size)
            return PUSH_DONE;
    }
    return PUSH_MORE;
}

/* FALSE: no more is to be written, and @client may be gone. */
static gboolean
push_answer(Client *client)
{
    switch (push(client)) {
    case PUSH_MORE:
        return TRUE;
    case PUSH_DONE:
        begin_reading(client);
        return FALSE;
    case PUSH_BROKEN:
        break;
    }
    client_drop(client);
    return FALSE;
}

static gboolean
on_writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    return push_answer(user_data) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
answer(Client *client, VsfAgentAnswerKind kind, const char *text)
{
    g_clear_handle_id(&client->watch_id, g_source_remove);
    client->state = ANSWERING;
    client->answer = vsf_agent_answer_bytes(kind, text, &client->answer_size);
    client->sent = 0;
    client->used_us = g_get_monotonic_time();
    set_deadline(client, client->server->limits.read_ms);
    if (push_answer(client))
        client->watch_id = g_unix_fd_add(client->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable,
                                         client);
}

/* --- requests ------------------------------------------------------------- */

/* What an answer says of the files that are open in guests. */
static void
note_handles(VsfAgentServer *server, const VsfAgentRequest *request, const char *reply,
             const GError *error)
{
    gint64 opened;

    if (request->kind != VSF_AGENT_REQUEST_ASK)
        return;
    if (request->command == VSF_QGA_COMMAND_FILE_OPEN && reply != NULL) {
        opened = vsf_agent_handle_of_reply(reply);
        if (opened != VSF_QGA_NO_HANDLE)
            vsf_agent_handles_add(server->handles, request->uuid, opened);
    }
    /* Also if the agent says that there is no such file. */
    if (request->command == VSF_QGA_COMMAND_FILE_CLOSE &&
        (reply != NULL || g_error_matches(error, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED)))
        vsf_agent_handles_remove(server->handles, request->uuid, request->handle);
}

static void
answered(const char *uuid G_GNUC_UNUSED, gpointer reply, const GError *error, gpointer user_data)
{
    Client *client = user_data;

    note_handles(client->server, &client->request, reply, error);
    if (reply == NULL)
        answer(client, vsf_agent_answer_of_error(error), error->message);
    else if (client->request.kind == VSF_AGENT_REQUEST_BALLOON)
        answer(client, VSF_AGENT_ANSWER_DONE, "");
    else
        answer(client, VSF_AGENT_ANSWER_REPLY, reply);
}

static gboolean
is_of_own_file(const VsfAgentServer *server, const VsfAgentRequest *request)
{
    return request->kind != VSF_AGENT_REQUEST_ASK || request->handle == VSF_QGA_NO_HANDLE ||
           vsf_agent_handles_has(server->handles, request->uuid, request->handle);
}

static void
log_refused(VsfAgentServer *server, const char *why)
{
    guint held_back;

    if (vsf_log_rate_allow(&server->lines_rate, g_get_monotonic_time(), LOG_INTERVAL_US,
                           &held_back))
        g_warning("a request was refused: %s (%u more were since the last such line)", why,
                  held_back);
}

static void
ask(Client *client)
{
    VsfAgentServer *server = client->server;

    client->state = ASKED;
    switch (vsf_calls_ask(server->calls, client->request.uuid,
                          g_memdup2(&client->request, sizeof(client->request)), answered, client)) {
    case VSF_CALLS_ASKED:
        break;
    case VSF_CALLS_IN_FLIGHT:
        answer(client, VSF_AGENT_ANSWER_BUSY, "another request for this domain is out");
        break;
    case VSF_CALLS_PAUSED:
        answer(client, VSF_AGENT_ANSWER_BUSY, "every thread waits for libvirt");
        break;
    }
}

/* The line is whole: nothing is read until it is answered. */
static void
take_line(Client *client, gsize length)
{
    g_autoptr(GError) error = NULL;

    g_clear_handle_id(&client->watch_id, g_source_remove);
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    if (!vsf_agent_request_parse(client->line, length, &client->request, &error)) {
        log_refused(client->server, error->message);
        answer(client, VSF_AGENT_ANSWER_NOT_LISTED, error->message);
    } else if (!is_of_own_file(client->server, &client->request)) {
        /* As the agent would say it: the file may be of a service that was restarted. */
        answer(client, VSF_AGENT_ANSWER_FAILED, "no file with this handle was opened here");
    } else {
        ask(client);
    }
}

static gboolean
on_readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Client *client = user_data;
    gsize room = sizeof(client->line) - client->filled;
    gssize n = recv(client->fd, client->line + client->filled, room, MSG_DONTWAIT);
    const char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        client_drop(client);
        return G_SOURCE_REMOVE;
    }
    if (client->filled == 0)
        set_deadline(client, client->server->limits.line_ms);
    client->filled += (gsize)n;
    client->used_us = g_get_monotonic_time();
    end = memchr(client->line, '\n', client->filled);
    if (end == NULL && client->filled < sizeof(client->line))
        return G_SOURCE_CONTINUE;
    /* Too long, or more than one line: not our client. */
    if (end == NULL || (gsize)(end + 1 - client->line) != client->filled) {
        log_refused(client->server, "more than one line, or a line that is too long");
        client_drop(client);
    } else {
        take_line(client, (gsize)(end - client->line));
    }
    return G_SOURCE_REMOVE;
}

/* --- who comes ------------------------------------------------------------ */

static gboolean
may_ask(const VsfAgentServer *server, guint uid)
{
    for (guint i = 0; i < server->n_uids; i++)
        if (server->uids[i] == uid)
            return TRUE;
    return FALSE;
}

/* One line, if its socket takes it at once. */
static void
turn_away(VsfAgentServer *server, int fd, const struct ucred *peer)
{
    g_autofree char *text = g_strdup_printf("user %u may not ask for guest agents; see "
                                            "virt-sflow-agent --allow-user",
                                            peer->uid);
    g_autofree char *bytes = NULL;
    gsize size;
    guint held_back;

    bytes = vsf_agent_answer_bytes(VSF_AGENT_ANSWER_FORBIDDEN, text, &size);
    if (send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        g_debug("user %u was turned away without a word", peer->uid);
    close(fd);
    if (vsf_log_rate_allow(&server->peers_rate, g_get_monotonic_time(), LOG_INTERVAL_US,
                           &held_back))
        g_warning("user %u (process %d) was turned away: only root and those of --allow-user may "
                  "ask (%u more were since the last such line)",
                  peer->uid, peer->pid, held_back);
}

static void
client_new(VsfAgentServer *server, int fd)
{
    g_autofree char *hello = vsf_agent_hello_text(server->uri);
    struct ucred peer = {.uid = G_MAXUINT};
    socklen_t size = sizeof(peer);
    Client *client;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || !may_ask(server, peer.uid)) {
        turn_away(server, fd, &peer);
        return;
    }
    client = g_new0(Client, 1);
    client->server = server;
    client->fd = fd;
    g_ptr_array_add(server->clients, client);
    answer(client, VSF_AGENT_ANSWER_HELLO, hello);
}

/* The house is full: of those that ask nothing the one that did so longest goes, or one that has
 * stopped reading. FALSE if all of them are busy. */
static gboolean
make_room(VsfAgentServer *server)
{
    gint64 stalled_us = g_get_monotonic_time() - (gint64)server->limits.stall_ms * 1000;
    Client *longest = NULL;

    for (guint i = 0; i < server->clients->len; i++) {
        Client *client = server->clients->pdata[i];
        gboolean may_go = client->state == READING ||
                          (client->state == ANSWERING && client->used_us <= stalled_us);

        if (may_go && (longest == NULL || client->used_us < longest->used_us))
            longest = client;
    }
    if (longest != NULL)
        client_drop(longest);
    return longest != NULL;
}

static void start_listening(VsfAgentServer *server);

static gboolean
on_pause_over(gpointer user_data)
{
    VsfAgentServer *server = user_data;

    server->pause_id = 0;
    start_listening(server);
    return G_SOURCE_REMOVE;
}

/* Who comes meanwhile waits in the backlog. */
static gboolean
pause_listening(VsfAgentServer *server, guint pause_ms)
{
    server->listen_id = 0;
    server->pause_id = g_timeout_add(pause_ms, on_pause_over, server);
    return G_SOURCE_REMOVE;
}

static gboolean
on_connection(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfAgentServer *server = user_data;

    for (guint i = 0; i < ACCEPTS_PER_DISPATCH; i++) {
        int client;

        if (server->clients->len >= server->limits.clients) {
            /* Only the first is known to be there: for no other may anyone have to go. */
            if (i > 0)
                break;
            if (!make_room(server))
                return pause_listening(server, ROOM_PAUSE_MS);
        }
        client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0)
            client_new(server, client);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            /* The connection stays in the backlog and would wake us for ever. */
            return pause_listening(server, ACCEPT_PAUSE_MS);
        else
            break;
    }
    return G_SOURCE_CONTINUE;
}

static void
start_listening(VsfAgentServer *server)
{
    server->listen_id = g_unix_fd_add(server->fd, G_IO_IN, on_connection, server);
}

VsfAgentServer *
vsf_agent_server_new(const VsfCallsOps *ops, const char *uri, int fd, const guint *uids,
                     guint n_uids)
{
    VsfAgentServer *server = g_new0(VsfAgentServer, 1);

    server->calls = vsf_calls_new(ops, uri, VSF_AGENT_SERVER_THREADS, DEADLINE_US);
    server->uri = g_strdup(uri);
    server->fd = fd;
    server->uids = g_memdup2(uids, n_uids * sizeof(uids[0]));
    server->n_uids = n_uids;
    server->handles = vsf_agent_handles_new();
    server->limits = (VsfAgentServerLimits){
        .clients = 16,
        .line_ms = 5000,
        .read_ms = 10000,
        .stall_ms = 1000,
    };
    server->clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    start_listening(server);
    return server;
}

void
vsf_agent_server_set_limits(VsfAgentServer *server, VsfAgentServerLimits limits)
{
    server->limits = limits;
}

guint
vsf_agent_server_clients(const VsfAgentServer *server)
{
    return server->clients->len;
}

guint
vsf_agent_server_running(const VsfAgentServer *server)
{
    return vsf_calls_running(server->calls);
}

void
vsf_agent_server_free(VsfAgentServer *server)
{
    if (server == NULL)
        return;
    g_clear_handle_id(&server->listen_id, g_source_remove);
    g_clear_handle_id(&server->pause_id, g_source_remove);
    /* Before its clients: a call that is out knows its own. */
    vsf_calls_free(server->calls);
    g_ptr_array_unref(server->clients);
    vsf_agent_handles_free(server->handles);
    g_free(server->uids);
    g_free(server->uri);
    g_free(server);
}
