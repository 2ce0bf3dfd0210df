/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients of the control socket: each asks, is answered as fast as it
 * reads, and goes. All on the main loop, nothing waits for a client. */
#include "control.h"

#include "../base/listen.h"
#include "request.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_DISPATCH 16
#define ACCEPT_PAUSE_MS 1000  /* when the process has no descriptor left */
#define ROOM_PAUSE_MS 50      /* when all clients ask or read */
#define WRITES_PER_DISPATCH 4 /* so that a fast reader of a large answer takes turns */

typedef struct {
    VsfControl *control;
    int fd;
    guint watch_id, deadline_id;
    GString *request;
    gssize length; /* of the request, once it is whole; before that -1 */
    char *answer;  /* NULL: none yet */
    gsize answer_size, sent;
    gint64 read_us; /* when it read last */
} Client;

struct VsfControl {
    char *path;
    VsfListener listener;
    guint listen_id, pause_id, answer_id;
    VsfControlFunc answer;
    gpointer user_data;
    VsfControlLimits limits;
    GPtrArray *clients; /* Client, oldest first */
};

static void
client_free(Client *client)
{
    g_clear_handle_id(&client->watch_id, g_source_remove);
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    close(client->fd);
    g_string_free(client->request, TRUE);
    g_free(client->answer);
    g_free(client);
}

static void
client_drop(Client *client)
{
    g_ptr_array_remove(client->control->clients, client);
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

/* FALSE: the client is done with or gone, and was dropped. */
static gboolean
push_answer(Client *client)
{
    for (guint i = 0; i < WRITES_PER_DISPATCH; i++) {
        gssize n = send(client->fd, client->answer + client->sent,
                        client->answer_size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return TRUE;
        if (n < 0)
            break;
        client->sent += (gsize)n;
        client->read_us = g_get_monotonic_time();
        if (client->sent == client->answer_size)
            break;
        if (i + 1 == WRITES_PER_DISPATCH)
            return TRUE;
    }
    client_drop(client);
    return FALSE;
}

static gboolean
on_writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    return push_answer(user_data) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static JsonNode *
error_node(const char *message)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "error");
    json_builder_add_string_value(builder, message);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

/* So that answers nobody reads do not fill the memory: the one that has been read
 * least recently goes, but not @newest, whatever its size. */
static void
bound_unread(VsfControl *control, const Client *newest)
{
    for (;;) {
        Client *slowest = NULL;
        gsize unread = 0;

        for (guint i = 0; i < control->clients->len; i++) {
            Client *client = control->clients->pdata[i];

            unread += client->answer != NULL ? client->answer_size - client->sent : 0;
            if (client->answer != NULL && client != newest &&
                (slowest == NULL || client->read_us < slowest->read_us))
                slowest = client;
        }
        if (unread <= control->limits.unread_bytes || slowest == NULL)
            return;
        client_drop(slowest);
    }
}

/* Who it was that connected. G_MAXUINT, nobody, if the kernel does not say. */
static guint
peer_uid(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : G_MAXUINT;
}

static void
answer_client(Client *client)
{
    VsfControl *control = client->control;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfRequest)
        request = vsf_request_parse(client->request->str, (gsize)client->length, &error);
    g_autoptr(JsonNode) node = NULL;
    g_autofree char *text = NULL;

    if (request != NULL) {
        request->uid = peer_uid(client->fd);
        node = control->answer(request, &error, control->user_data);
    }
    if (node == NULL)
        node = error_node(error != NULL ? error->message : "no answer");
    text = json_to_string(node, FALSE);
    client->answer = g_strconcat(text, "\n", NULL);
    client->answer_size = strlen(client->answer);
    client->read_us = g_get_monotonic_time();
    set_deadline(client, control->limits.read_ms);
    if (!push_answer(client))
        return;
    client->watch_id = g_unix_fd_add(client->fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, on_writable,
                                     client);
    bound_unread(control, client);
}

static Client *
next_to_answer(const VsfControl *control)
{
    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = control->clients->pdata[i];

        if (client->length >= 0 && client->answer == NULL)
            return client;
    }
    return NULL;
}

/* One a turn: many who ask at once do not hold up the rest of the daemon. */
static gboolean
answer_next(gpointer user_data)
{
    VsfControl *control = user_data;
    Client *client = next_to_answer(control);

    if (client != NULL)
        answer_client(client);
    if (next_to_answer(control) != NULL)
        return G_SOURCE_CONTINUE;
    control->answer_id = 0;
    return G_SOURCE_REMOVE;
}

/* The request is whole: from here on the client only reads. */
static void
take_request(Client *client, gsize length)
{
    VsfControl *control = client->control;

    client->length = (gssize)length;
    g_clear_handle_id(&client->watch_id, g_source_remove);
    g_clear_handle_id(&client->deadline_id, g_source_remove);
    if (control->answer_id == 0)
        control->answer_id = g_idle_add_full(G_PRIORITY_DEFAULT, answer_next, control, NULL);
}

/* FALSE: nothing more is read; @client may be gone. */
static gboolean
read_request(Client *client)
{
    char buffer[1024];
    gssize n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    const char *newline;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return TRUE;
    if (n < 0 || (n == 0 && client->request->len == 0)) {
        client_drop(client);
        return FALSE;
    }
    g_string_append_len(client->request, buffer, n);
    newline = memchr(client->request->str, '\n', client->request->len);
    if (newline == NULL && n > 0 && client->request->len <= VSF_REQUEST_MAX)
        return TRUE;
    take_request(client,
                 newline != NULL ? (gsize)(newline - client->request->str) : client->request->len);
    return FALSE;
}

static gboolean
on_readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    return read_request(user_data) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* The house is full: the oldest that only holds its connection goes, or one that has
 * stopped reading. FALSE if all of them are busy. */
static gboolean
make_room(VsfControl *control)
{
    gint64 stalled_us = g_get_monotonic_time() - (gint64)control->limits.stall_ms * 1000;
    Client *stalled = NULL;

    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = control->clients->pdata[i];

        if (client->length < 0) {
            client_drop(client);
            return TRUE;
        }
        if (client->answer != NULL && client->read_us <= stalled_us)
            stalled = stalled == NULL || client->read_us < stalled->read_us ? client : stalled;
    }
    if (stalled != NULL)
        client_drop(stalled);
    return stalled != NULL;
}

/* Most have asked by the time that they are let in: so who asks is not taken for
 * one that only holds its connection. */
static void
client_new(VsfControl *control, int fd)
{
    Client *client = g_new0(Client, 1);

    client->control = control;
    client->fd = fd;
    client->length = -1;
    client->request = g_string_new(NULL);
    client->watch_id = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, client);
    set_deadline(client, control->limits.ask_ms);
    g_ptr_array_add(control->clients, client);
    read_request(client);
}

static void start_listening(VsfControl *control);

static gboolean
on_pause_over(gpointer user_data)
{
    VsfControl *control = user_data;

    control->pause_id = 0;
    start_listening(control);
    return G_SOURCE_REMOVE;
}

/* Who comes meanwhile waits in the backlog. */
static gboolean
pause_listening(VsfControl *control, guint pause_ms)
{
    control->listen_id = 0;
    control->pause_id = g_timeout_add(pause_ms, on_pause_over, control);
    return G_SOURCE_REMOVE;
}

static gboolean
on_connection(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfControl *control = user_data;

    for (guint i = 0; i < ACCEPTS_PER_DISPATCH; i++) {
        int client;

        if (control->clients->len >= control->limits.clients) {
            /* Only the first is known to be there: for no other may anyone have to go. */
            if (i > 0)
                break;
            if (!make_room(control))
                return pause_listening(control, ROOM_PAUSE_MS);
        }
        client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0)
            client_new(control, client);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            /* The connection stays in the backlog and would wake us for ever. */
            return pause_listening(control, ACCEPT_PAUSE_MS);
        else
            break;
    }
    return G_SOURCE_CONTINUE;
}

static void
start_listening(VsfControl *control)
{
    control->listen_id = g_unix_fd_add(control->listener.fd, G_IO_IN, on_connection, control);
}

VsfControl *
vsf_control_new(const char *path, VsfControlFunc answer, gpointer user_data, GError **error)
{
    VsfListener listener;
    VsfControl *control;

    if (!vsf_listener_open(&listener, path, error))
        return NULL;
    control = g_new0(VsfControl, 1);
    control->path = g_strdup(path);
    control->listener = listener;
    control->answer = answer;
    control->user_data = user_data;
    control->limits = (VsfControlLimits){
        .clients = 32,
        .ask_ms = 5000,
        .read_ms = 10000,
        .stall_ms = 1000,
        .unread_bytes = 16 * 1024 * 1024,
    };
    control->clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    start_listening(control);
    return control;
}

void
vsf_control_set_limits(VsfControl *control, VsfControlLimits limits)
{
    control->limits = limits;
}

guint
vsf_control_clients(const VsfControl *control)
{
    return control->clients->len;
}

void
vsf_control_free(VsfControl *control)
{
    if (control == NULL)
        return;
    g_clear_handle_id(&control->listen_id, g_source_remove);
    g_clear_handle_id(&control->pause_id, g_source_remove);
    g_clear_handle_id(&control->answer_id, g_source_remove);
    g_ptr_array_unref(control->clients);
    vsf_listener_close(&control->listener, control->path);
    g_free(control->path);
    g_free(control);
}
