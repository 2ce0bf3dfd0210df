/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-help.h"

#include <string.h>

/* A resolver whose answer the test chooses: what the host's would say about
 * localhost differs from host to host. */
typedef struct {
    GResolver parent;
} FakeResolver;
typedef struct {
    GResolverClass parent;
} FakeResolverClass;

GType fake_resolver_get_type(void);
G_DEFINE_TYPE(FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static const char *const *fake_answer;

static void
free_addresses(gpointer list)
{
    g_list_free_full(list, g_object_unref);
}

static void
fake_lookup(GResolver *resolver, const char *name G_GNUC_UNUSED, GCancellable *cancel,
            GAsyncReadyCallback done, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(resolver, cancel, done, user_data);
    GList *addresses = NULL;

    for (guint i = 0; fake_answer[i] != NULL; i++)
        addresses = g_list_append(addresses, g_inet_address_new_from_string(fake_answer[i]));
    if (addresses != NULL)
        g_task_return_pointer(task, addresses, free_addresses);
    else
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "as asked");
}

static GList *
fake_lookup_finish(GResolver *resolver G_GNUC_UNUSED, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
fake_resolver_init(FakeResolver *resolver G_GNUC_UNUSED)
{
}

static void
fake_resolver_class_init(FakeResolverClass *class)
{
    class->parent.lookup_by_name_async = fake_lookup;
    class->parent.lookup_by_name_finish = fake_lookup_finish;
}

VsfSender *
sender_to_name(const char *text, const char *const *answer)
{
    g_autoptr(GResolver) real = g_resolver_get_default();
    g_autoptr(GResolver) fake = g_object_new(fake_resolver_get_type(), NULL);
    VsfSender *sender;

    fake_answer = answer;
    g_resolver_set_default(fake);
    sender = sender_to(text, NULL);
    g_resolver_set_default(real);
    return sender;
}

GPtrArray *vsf_warnings;

static void
note_log(const char *domain G_GNUC_UNUSED, GLogLevelFlags level, const char *message,
         gpointer user_data G_GNUC_UNUSED)
{
    if (level & G_LOG_LEVEL_WARNING)
        g_ptr_array_add(vsf_warnings, g_strdup(message));
}

guint
warnings_about(const char *words)
{
    guint n = 0;

    for (guint i = 0; i < vsf_warnings->len; i++)
        n += strstr(vsf_warnings->pdata[i], words) != NULL;
    return n;
}

/* A UDP socket that listens on @address; *@port tells where. */
GSocket *
listen_on(const char *address, guint16 *port)
{
    g_autoptr(GInetAddress) ip = g_inet_address_new_from_string(address);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(ip, 0);
    g_autoptr(GSocketAddress) bound = NULL;
    g_autoptr(GSocket)
        socket = g_socket_new(g_inet_address_get_family(ip), G_SOCKET_TYPE_DATAGRAM, 0, NULL);

    if (socket == NULL || !g_socket_bind(socket, any, FALSE, NULL))
        return NULL;
    g_socket_set_blocking(socket, FALSE);
    bound = g_socket_get_local_address(socket, NULL);
    *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    return g_steal_pointer(&socket);
}

/* A port of @address on which nobody listens. */
guint16
closed_port(const char *address)
{
    guint16 port = 0;
    GSocket *socket = listen_on(address, &port);

    g_clear_object(&socket);
    return port;
}

/* Datagrams that arrived; the last one's text is in @last. */
guint
drain(GSocket *socket, char *last, gsize size)
{
    guint n = 0;
    gssize length;

    while ((length = g_socket_receive(socket, last, size - 1, NULL, NULL)) >= 0) {
        last[length] = '\0';
        n++;
    }
    return n;
}

GPtrArray *
collectors_of(const char *first, ...)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_address_free);
    va_list args;

    va_start(args, first);
    for (const char *text = first; text != NULL; text = va_arg(args, const char *)) {
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(list, vsf_collector_address_parse(text, &error));
        g_assert_no_error(error);
    }
    va_end(args);
    return list;
}

VsfSender *
sender_to(const char *first, const char *second)
{
    g_autoptr(GPtrArray) list = collectors_of(first, second, NULL);

    return vsf_sender_new(list, NULL, 0, NULL);
}

VsfCollectorStatus *
status_of(VsfSender *sender, guint index)
{
    g_autoptr(GPtrArray) list = vsf_sender_status(sender);

    return g_ptr_array_steal_index(list, index);
}

void
send_text(VsfSender *sender, const char *text)
{
    vsf_sender_send(sender, (const guint8 *)text, strlen(text));
}

void
run_loop_once(void)
{
    g_main_context_iteration(NULL, TRUE);
}

static void
run_case(gconstpointer data)
{
    const Case *it = data;

    g_ptr_array_set_size(vsf_warnings, 0);
    it->func();
}

int
run_cases(int argc, char **argv, const Case *cases, guint n_cases)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal((GLogLevelFlags)(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
    vsf_warnings = g_ptr_array_new_with_free_func(g_free);
    g_log_set_default_handler(note_log, NULL);
    for (guint i = 0; i < n_cases; i++) {
        g_autofree char *path = g_strdup_printf("/net/sender/%s", cases[i].path);

        g_test_add_data_func(path, &cases[i], run_case);
    }
    result = g_test_run();
    g_clear_pointer(&vsf_warnings, g_ptr_array_unref);
    return result;
}
