/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "house.h"

#include "../../daemon/agent/ask.h"
#include "../../daemon/base/listen.h"
#include "../../daemon/base/order.h"
#include "../../daemon/virt/agent-client.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char *house_reply;
GError *house_error;
gint house_calls, house_out;
GString *house_asked;

static GAsyncQueue *gate;
static GMutex lock;

static gpointer
fake_open(const char *uri, GError **error G_GNUC_UNUSED)
{
    g_assert_cmpstr(uri, ==, URI);
    return g_new0(char, 1);
}

static void
note(const char *uuid, const VsfAgentRequest *request)
{
    g_autofree char *what = request->kind == VSF_AGENT_REQUEST_BALLOON
                                ? g_strdup_printf("balloon %d", request->period_s)
                                : vsf_qga_request(request->command, request->handle);

    vsf_order_lock(&lock);
    g_string_append_printf(house_asked, "%.4s %s\n", uuid, what);
    vsf_order_unlock(&lock);
}

static gpointer
fake_call(gpointer link G_GNUC_UNUSED, const char *uuid, gpointer question, GError **error)
{
    char *reply;

    note(uuid, question);
    g_atomic_int_inc(&house_calls);
    g_atomic_int_inc(&house_out);
    if (g_str_has_prefix(uuid, "dead"))
        g_async_queue_pop(gate);
    reply = g_strdup(house_reply);
    if (reply == NULL)
        g_propagate_error(error, g_error_copy(house_error));
    /* Nothing of the house is used from here on. */
    vsf_order_give(&house_out);
    g_atomic_int_add(&house_out, -1);
    return reply;
}

static gboolean
fake_is_alive(gpointer link G_GNUC_UNUSED)
{
    return TRUE;
}

static const VsfCallsOps fake_ops = {
    .open = fake_open,
    .call = fake_call,
    .is_alive = fake_is_alive,
    .close = g_free,
    .question_free = g_free,
    .answer_free = g_free,
    .now_us = g_get_monotonic_time,
};

House *
house_new(const guint *uids, guint n_uids)
{
    House *house = g_new0(House, 1);
    const guint own = geteuid();
    g_autoptr(GError) error = NULL;
    VsfListener listener;

    if (gate == NULL)
        gate = g_async_queue_new();
    house_asked = g_string_new(NULL);
    house_reply = g_strdup("{\"return\":{}}");
    house_calls = 0;
    house->folder = g_dir_make_tmp("vsf-agent-XXXXXX", NULL);
    house->path = g_build_filename(house->folder, "agent.sock", NULL);
    house->place = vsf_agent_client_place(URI, house->path);
    g_assert_true(vsf_listener_open(&listener, house->path, &error));
    house->fd = listener.fd;
    house->server = vsf_agent_server_new(&fake_ops, URI, house->fd, uids != NULL ? uids : &own,
                                         uids != NULL ? n_uids : 1);
    return house;
}

void
house_free(House *house)
{
    vsf_agent_server_free(house->server);
    close(house->fd);
    g_unlink(house->path);
    g_rmdir(house->folder);
    vsf_order_take(&house_out);
    g_free(house->folder);
    g_free(house->path);
    g_free(house->place);
    g_clear_pointer(&house_reply, g_free);
    g_clear_error(&house_error);
    g_string_free(g_steal_pointer(&house_asked), TRUE);
    g_free(house);
}

void
house_let_go(guint n)
{
    for (guint i = 0; i < n; i++)
        g_async_queue_push(gate, &gate);
}

static gboolean
wake(gpointer data G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

void
house_wait(HouseFunc is_so, gconstpointer data)
{
    guint timer = g_timeout_add(5, wake, NULL);

    while (!is_so(data))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

/* --- raw clients ------------------------------------------------------------ */

int
house_connect(const House *house)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, house->path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

char *
house_read(int fd, gsize size)
{
    GString *text = g_string_new(NULL);

    while (text->len < size) {
        char bytes[4096];
        gssize n = recv(fd, bytes, MIN(sizeof(bytes), size - text->len), MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n > 0)
            g_string_append_len(text, bytes, n);
        g_main_context_iteration(NULL, FALSE);
    }
    return g_string_free(text, FALSE);
}

void
house_read_hello(int fd)
{
    g_autofree char *text = vsf_agent_hello_text(URI);
    g_autofree char *head = g_strdup_printf("hello %d\n", (int)strlen(text));
    g_autofree char *wanted = g_strconcat(head, text, NULL);
    g_autofree char *got = house_read(fd, strlen(wanted));

    g_assert_cmpstr(got, ==, wanted);
}

gboolean
house_is_closed(int fd)
{
    char byte;
    gssize n = recv(fd, &byte, 1, MSG_DONTWAIT);

    g_assert_cmpint(n, <=, 0);
    return n == 0 || errno == ECONNRESET;
}

/* --- the daemon's side ------------------------------------------------------- */

typedef struct {
    const char *place, *uuid, *json;
    gpointer link;
    char *reply;
    GError *error;
    gint is_done;
} Ask;

static gpointer
ask_on_thread(gpointer data)
{
    Ask *ask = data;
    gpointer link = ask->link != NULL ? ask->link
                                      : vsf_agent_service.calls.open(ask->place, &ask->error);

    if (link != NULL && ask->json != NULL)
        ask->reply = vsf_agent_service.send(link, ask->uuid, ask->json, 2, &ask->error);
    else if (link != NULL && ask->uuid != NULL)
        ask->reply = vsf_agent_service.set_balloon_period(link, ask->uuid, 7, &ask->error)
                         ? g_strdup("set")
                         : NULL;
    if (link != NULL && ask->link == NULL && ask->uuid != NULL)
        vsf_agent_service.calls.close(link);
    else
        ask->link = link;
    vsf_order_give(ask);
    g_atomic_int_set(&ask->is_done, TRUE);
    return NULL;
}

static gboolean
is_done(gconstpointer data)
{
    return g_atomic_int_get(&((Ask *)(gpointer)data)->is_done);
}

static void
run(Ask *ask)
{
    GThread *thread = g_thread_new("client", ask_on_thread, ask);

    house_wait(is_done, ask);
    g_thread_join(thread);
    vsf_order_take(ask);
}

char *
house_ask(const House *house, gpointer link, const char *uuid, const char *json, GError **error)
{
    Ask ask = {.place = house->place, .uuid = uuid, .json = json, .link = link};

    run(&ask);
    if (ask.error != NULL)
        g_propagate_error(error, ask.error);
    return ask.reply;
}

gpointer
house_open(const char *place, GError **error)
{
    Ask ask = {.place = place};

    run(&ask);
    if (ask.error != NULL)
        g_propagate_error(error, ask.error);
    return ask.link;
}
