/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients of the control socket: each asks, is answered as fast as it
 * reads, and goes. All on the main loop, nothing waits for a client. */
#include "control.h"

#include "../../include/json-text.h"
#include "../base/crowd.h"
#include "../base/listen.h"
#include "request.h"

#include <errno.h>
#include <string.h>

typedef struct {
    VsfVisitor base;
    GString *request;
    gsize length; /* of the request, once it is whole */
} Client;

struct VsfControl {
    char *path;
    VsfListener listener;
    guint answer_id;
    VsfControlFunc answer;
    gpointer user_data;
    guint ask_ms;
    VsfCrowd *crowd;
    GQueue waiting; /* Client, whose requests are whole */
};

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

static void
answer_client(VsfControl *control, Client *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfRequest) request = vsf_request_parse(client->request->str, client->length, &error);
    g_autoptr(JsonNode) node = NULL;
    g_autofree char *made = NULL, *text = NULL;

    if (request != NULL) {
        request->uid = client->base.peer.uid;
        node = control->answer(request, &error, control->user_data);
    }
    if (node == NULL)
        node = error_node(error != NULL ? error->message : "no answer");
    made = json_to_string(node, FALSE);
    text = vsf_json_printable(made);
    vsf_visitor_answer(&client->base, g_strconcat(text, "\n", NULL), strlen(text) + 1);
}

/* One a turn: many who ask at once do not hold up the rest of the daemon. */
static gboolean
answer_next(gpointer user_data)
{
    VsfControl *control = user_data;
    Client *client = g_queue_pop_head(&control->waiting);

    if (client != NULL)
        answer_client(control, client);
    if (!g_queue_is_empty(&control->waiting))
        return G_SOURCE_CONTINUE;
    control->answer_id = 0;
    return G_SOURCE_REMOVE;
}

/* The request is whole: from here on the client only reads. */
static void
take_request(VsfControl *control, Client *client, gsize length)
{
    client->length = length;
    vsf_visitor_be_busy(&client->base);
    g_queue_push_tail(&control->waiting, client);
    if (control->answer_id == 0)
        control->answer_id = g_idle_add_full(G_PRIORITY_DEFAULT, answer_next, control, NULL);
}

static void
readable(VsfVisitor *visitor, gpointer user_data)
{
    Client *client = (Client *)visitor;
    char buffer[1024];
    gssize n = vsf_visitor_recv(visitor, buffer, sizeof(buffer));
    const char *newline;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 || (n == 0 && client->request->len == 0)) {
        vsf_visitor_drop(visitor);
        return;
    }
    g_string_append_len(client->request, buffer, n);
    newline = memchr(client->request->str, '\n', client->request->len);
    if (newline == NULL && n > 0 && client->request->len <= VSF_REQUEST_MAX)
        return;
    take_request(user_data, client,
                 newline != NULL ? (gsize)(newline - client->request->str) : client->request->len);
}

/* Most have asked by the time that they are let in: so who asks is not taken for
 * one that only holds its connection. */
static void
came(VsfVisitor *visitor, gpointer user_data)
{
    VsfControl *control = user_data;

    ((Client *)visitor)->request = g_string_new(NULL);
    vsf_visitor_read(visitor);
    vsf_visitor_set_deadline(visitor, control->ask_ms);
    readable(visitor, control);
}

static void
answered(VsfVisitor *visitor, gpointer user_data G_GNUC_UNUSED)
{
    vsf_visitor_drop(visitor);
}

static void
left(VsfVisitor *visitor, gpointer user_data)
{
    VsfControl *control = user_data;

    g_queue_remove(&control->waiting, visitor);
    g_string_free(((Client *)visitor)->request, TRUE);
}

static const VsfCrowdOps crowd_ops = {
    .visitor_size = sizeof(Client),
    .came = came,
    .readable = readable,
    .answered = answered,
    .left = left,
};

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
    control->crowd = vsf_crowd_new(listener.fd, &crowd_ops, control);
    vsf_control_set_limits(control, (VsfControlLimits){
                                        .clients = 32,
                                        .ask_ms = 5000,
                                        .read_ms = 10000,
                                        .stall_ms = 1000,
                                        .unread_bytes = 16 * 1024 * 1024,
                                    });
    return control;
}

void
vsf_control_set_limits(VsfControl *control, VsfControlLimits limits)
{
    control->ask_ms = limits.ask_ms;
    vsf_crowd_set_limits(control->crowd, (VsfCrowdLimits){limits.clients, limits.read_ms,
                                                          limits.stall_ms, limits.unread_bytes});
}

guint
vsf_control_clients(const VsfControl *control)
{
    return vsf_crowd_size(control->crowd);
}

void
vsf_control_free(VsfControl *control)
{
    if (control == NULL)
        return;
    g_clear_handle_id(&control->answer_id, g_source_remove);
    vsf_crowd_free(control->crowd);
    vsf_listener_close(&control->listener, control->path);
    g_free(control->path);
    g_free(control);
}
