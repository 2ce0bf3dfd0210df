/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include "../../include/agent-msg.h"
#include "../base/crowd.h"
#include "../base/log.h"
#include "handles.h"

#include <errno.h>
#include <string.h>

/* A call past it is stuck. libvirt's own waits come on top of the request's time: 5 s for an agent
 * that was silent before. */
#define DEADLINE_US (20 * G_USEC_PER_SEC)
#define LOG_INTERVAL_US (10 * G_USEC_PER_SEC)

typedef struct {
    VsfVisitor base;
    VsfAgentServer *server;
    char line[VSF_AGENT_MSG_LINE_MAX];
    gsize filled;
    VsfAgentRequest request;
} Client;

struct VsfAgentServer {
    VsfCalls *calls;
    char *uri;
    guint *uids, n_uids;
    VsfAgentHandles *handles;
    guint line_ms;
    VsfCrowd *crowd;
    VsfLogRate peers_rate, lines_rate;
};

static void
answer(Client *client, VsfAgentAnswerKind kind, const char *text)
{
    gsize size;
    char *bytes = vsf_agent_answer_bytes(kind, text, &size);

    vsf_visitor_answer(&client->base, bytes, size);
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
called(const char *uuid G_GNUC_UNUSED, gpointer reply, const GError *error, gpointer user_data)
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

    switch (vsf_calls_ask(server->calls, client->request.uuid,
                          g_memdup2(&client->request, sizeof(client->request)), called, client)) {
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

    vsf_visitor_be_busy(&client->base);
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

static void
readable(VsfVisitor *visitor, gpointer user_data)
{
    VsfAgentServer *server = user_data;
    Client *client = (Client *)visitor;
    gsize room = sizeof(client->line) - client->filled;
    gssize n = vsf_visitor_recv(visitor, client->line + client->filled, room);
    const char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        vsf_visitor_drop(visitor);
        return;
    }
    if (client->filled == 0)
        vsf_visitor_set_deadline(visitor, server->line_ms);
    client->filled += (gsize)n;
    visitor->used_us = g_get_monotonic_time();
    end = memchr(client->line, '\n', client->filled);
    if (end == NULL && client->filled < sizeof(client->line))
        return;
    /* Too long, or more than one line: not our client. */
    if (end == NULL || (gsize)(end + 1 - client->line) != client->filled) {
        log_refused(server, "more than one line, or a line that is too long");
        vsf_visitor_drop(visitor);
    } else {
        take_line(client, (gsize)(end - client->line));
    }
}

/* The next line is its next request. */
static void
answered(VsfVisitor *visitor, gpointer user_data G_GNUC_UNUSED)
{
    ((Client *)visitor)->filled = 0;
    vsf_visitor_read(visitor);
}

/* --- who comes ------------------------------------------------------------ */

static gboolean
may_ask(const VsfAgentServer *server, guint uid)
{
    for (guint i = 0; i < server->n_uids; i++)
        if (server->uids[i] == uid)
            return uid != G_MAXUINT;
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
    if (vsf_log_rate_allow(&server->peers_rate, g_get_monotonic_time(), LOG_INTERVAL_US,
                           &held_back))
        g_warning("user %u (process %d) was turned away: only root and those of --allow-user may "
                  "ask (%u more were since the last such line)",
                  peer->uid, peer->pid, held_back);
}

static gboolean
is_welcome(int fd, const struct ucred *peer, gpointer user_data)
{
    VsfAgentServer *server = user_data;

    if (may_ask(server, peer->uid))
        return TRUE;
    turn_away(server, fd, peer);
    return FALSE;
}

static void
came(VsfVisitor *visitor, gpointer user_data)
{
    VsfAgentServer *server = user_data;
    Client *client = (Client *)visitor;
    g_autofree char *hello = vsf_agent_hello_text(server->uri);

    client->server = server;
    answer(client, VSF_AGENT_ANSWER_HELLO, hello);
}

static const VsfCrowdOps crowd_ops = {
    .visitor_size = sizeof(Client),
    .is_welcome = is_welcome,
    .came = came,
    .readable = readable,
    .answered = answered,
};

VsfAgentServer *
vsf_agent_server_new(const VsfCallsOps *ops, const char *uri, int fd, const guint *uids,
                     guint n_uids)
{
    VsfAgentServer *server = g_new0(VsfAgentServer, 1);

    server->calls = vsf_calls_new(ops, uri, VSF_AGENT_SERVER_THREADS, DEADLINE_US);
    server->uri = g_strdup(uri);
    server->uids = g_memdup2(uids, n_uids * sizeof(uids[0]));
    server->n_uids = n_uids;
    server->handles = vsf_agent_handles_new();
    server->crowd = vsf_crowd_new(fd, &crowd_ops, server);
    vsf_agent_server_set_limits(server, (VsfAgentServerLimits){
                                            .clients = 16,
                                            .line_ms = 5000,
                                            .read_ms = 10000,
                                            .stall_ms = 1000,
                                        });
    return server;
}

void
vsf_agent_server_set_limits(VsfAgentServer *server, VsfAgentServerLimits limits)
{
    server->line_ms = limits.line_ms;
    /* What is not read is bounded by their number: an answer is of 1 MiB at most. */
    vsf_crowd_set_limits(server->crowd, (VsfCrowdLimits){limits.clients, limits.read_ms,
                                                         limits.stall_ms, G_MAXSIZE});
}

guint
vsf_agent_server_clients(const VsfAgentServer *server)
{
    return vsf_crowd_size(server->crowd);
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
    /* Before its clients: a call that is out knows its own. */
    vsf_calls_free(server->calls);
    vsf_crowd_free(server->crowd);
    vsf_agent_handles_free(server->handles);
    g_free(server->uids);
    g_free(server->uri);
    g_free(server);
}
