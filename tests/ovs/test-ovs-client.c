/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watcher of Open vSwitch's database, with servers of all kinds at the other end. */
#include "../../daemon/ovs/client.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MONITOR_ID "\"id\":\"monitor\""
#define TABLES                                                                                  \
    "{\"id\":\"monitor\",\"error\":null,\"result\":{\"Interface\":{\"i\":{\"new\":{\"name\":"   \
    "\"tap1\",\"type\":\"\",\"ifindex\":7}}},\"Port\":{\"p\":{\"new\":{\"name\":\"tap1\","      \
    "\"interfaces\":[\"uuid\",\"i\"],\"tag\":5}}},\"Bridge\":{\"b\":{\"new\":{\"name\":\"br\"," \
    "\"ports\":[\"uuid\",\"p\"]}}}}}"

/* What the server does with its first connections, one after the other; the last one's is for all
 * that follow. */
typedef struct {
    const char *at_once;  /* said at the beginning, or NULL */
    const char *in_reply; /* to the question for the tables, or NULL */
    gboolean close_then;
    gboolean echoes; /* what it is asked */
} Script;

typedef struct {
    char *folder, *path;
    const Script *scripts;
    guint n_scripts, n_connections;
    int listener;
    guint accepting;
    GArray *fds;     /* int */
    GArray *sources; /* guint */
    GString *told;   /* by the client, on all connections */
    VsfOvsClient *client;
    guint changes;
} House;

static const VsfOvsPace quick = {
    .retry_min_ms = 1,
    .retry_max_ms = 20,
    .probe_ms = 20,
    .patience_ms = 60,
    .first_ms = 200,
    .collect_ms = 1,
};

static void
say(int fd, const char *text)
{
    gsize left = text != NULL ? strlen(text) : 0;

    while (left > 0) {
        gssize size = send(fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size < 0 && errno == EAGAIN) {
            g_main_context_iteration(NULL, FALSE);
            continue;
        }
        if (size <= 0)
            return;
        text += size;
        left -= (gsize)size;
    }
}

typedef struct {
    House *house;
    const Script *script;
} Visit;

static gboolean
server_reads(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Visit *visit = user_data;
    char text[4096];
    gssize size = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    if (size <= 0)
        return G_SOURCE_REMOVE;
    text[size] = '\0';
    g_string_append(visit->house->told, text);
    if (strstr(text, MONITOR_ID) != NULL) {
        say(fd, visit->script->in_reply);
        if (visit->script->close_then)
            shutdown(fd, SHUT_RDWR);
    }
    if (visit->script->echoes && strstr(text, "\"method\":\"echo\"") != NULL)
        say(fd, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    return G_SOURCE_CONTINUE;
}

static gboolean
server_accepts(gint listener, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    House *house = user_data;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    Visit *visit = g_new0(Visit, 1);
    guint source;

    g_assert_cmpint(fd, >=, 0);
    *visit = (Visit){house, &house->scripts[MIN(house->n_connections, house->n_scripts - 1)]};
    house->n_connections++;
    source = g_unix_fd_add_full(G_PRIORITY_DEFAULT, fd, G_IO_IN, server_reads, visit, g_free);
    g_array_append_val(house->fds, fd);
    g_array_append_val(house->sources, source);
    say(fd, visit->script->at_once);
    return G_SOURCE_CONTINUE;
}

static void
server_opens(House *house)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_strlcpy(address.sun_path, house->path, sizeof(address.sun_path));
    house->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_no_errno(bind(house->listener, (struct sockaddr *)&address, sizeof(address)));
    g_assert_no_errno(listen(house->listener, 10));
    house->accepting = g_unix_fd_add(house->listener, G_IO_IN, server_accepts, house);
}

static void
changed(gpointer user_data)
{
    House *house = user_data;

    house->changes++;
}

static const VsfOvsClientCallbacks callbacks = {.changed = changed};

static void
house_open(House *house, const Script *scripts, guint n_scripts)
{
    *house = (House){.scripts = scripts, .n_scripts = n_scripts, .listener = -1};
    house->folder = g_dir_make_tmp("vsf-ovs-XXXXXX", NULL);
    house->path = g_build_filename(house->folder, "db.sock", NULL);
    house->fds = g_array_new(FALSE, FALSE, sizeof(int));
    house->sources = g_array_new(FALSE, FALSE, sizeof(guint));
    house->told = g_string_new(NULL);
    if (n_scripts > 0)
        server_opens(house);
    house->client = vsf_ovs_client_new(house->path, &quick, &callbacks, house);
}

static void
house_close(House *house)
{
    vsf_ovs_client_free(house->client);
    for (guint i = 0; i < house->fds->len; i++) {
        GSource *source = g_main_context_find_source_by_id(NULL,
                                                           g_array_index(house->sources, guint, i));

        if (source != NULL)
            g_source_destroy(source);
        close(g_array_index(house->fds, int, i));
    }
    g_clear_handle_id(&house->accepting, g_source_remove);
    if (house->listener >= 0)
        close(house->listener);
    g_unlink(house->path);
    g_rmdir(house->folder);
    g_array_unref(house->fds);
    g_array_unref(house->sources);
    g_string_free(house->told, TRUE);
    g_free(house->path);
    g_free(house->folder);
}

static void
wait_watched(House *house)
{
    while (vsf_ovs_client_state(house->client) != VSF_OVS_WATCHED)
        g_main_context_iteration(NULL, TRUE);
}

/* Until the client has an error that says so. */
static void
wait_error(House *house, const char *part)
{
    while (vsf_ovs_client_error(house->client) == NULL ||
           strstr(vsf_ovs_client_error(house->client), part) == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(g_str_has_prefix(vsf_ovs_client_error(house->client), house->path));
}

static void
test_tables(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};
    House house;
    const VsfOvsPort *port;

    house_open(&house, script, 1);
    g_assert_null(vsf_ovs_client_snapshot(house.client));
    wait_watched(&house);
    port = vsf_ovs_snapshot_of_link(vsf_ovs_client_snapshot(house.client), "tap1", 7);
    g_assert_cmpint(port->tag, ==, 5);
    g_assert_cmpstr(port->bridge, ==, "br");
    g_assert_null(vsf_ovs_client_error(house.client));
    house_close(&house);
}

/* A good server is silent as long as nothing changes; it is asked, and stays. */
static void
test_silence(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};
    House house;
    const char *at;
    guint echoes = 0;

    house_open(&house, script, 1);
    wait_watched(&house);
    while (echoes < 8) {
        g_main_context_iteration(NULL, TRUE);
        echoes = 0;
        for (at = house.told->str; (at = strstr(at, "\"method\":\"echo\"")) != NULL; at++)
            echoes++;
    }
    g_assert_cmpint(vsf_ovs_client_state(house.client), ==, VSF_OVS_WATCHED);
    g_assert_cmpuint(house.n_connections, ==, 1);
    house_close(&house);
}

static void
test_echo_is_answered(void)
{
    static const Script script[] = {
        {.at_once = "{\"id\":\"e7\",\"method\":\"echo\",\"params\":[1]}",
         .in_reply = TABLES,
         .echoes = TRUE}};
    House house;

    house_open(&house, script, 1);
    while (strstr(house.told->str, "{\"id\":\"e7\",\"result\":[1],\"error\":null}") == NULL)
        g_main_context_iteration(NULL, TRUE);
    house_close(&house);
}

/* What is wrong is told, and the next connection is as good as a first one. */
static void
test_bad_servers(void)
{
    static const struct {
        Script first;
        const char *error;
    } cases[] = {
        {{.at_once = "HTTP/1.1 400 Bad Request\r\n"}, "what it says is no JSON-RPC"},
        {{.in_reply = "{\"id\":\"monitor\",\"result\":{", .close_then = TRUE},
         "closed amid a message"},
        {{.in_reply = TABLES, .close_then = TRUE}, "closed"},
        {{.in_reply = "{\"id\":\"monitor\",\"result\":7}"}, "an update is no object"},
        {{.in_reply = "{\"id\":\"monitor\",\"result\":nul}"}, "a message is no JSON object"},
        {{.in_reply = "{\"id\":\"monitor\",\"result\":null,\"error\":\"unknown database\"}"},
         "it does not tell its tables: unknown database"},
        {{0}, "does not answer"},
        {{.in_reply = "{\"id\":\"monitor\",\"result\":{"}, "does not answer"},
        {{.echoes = TRUE}, "does not tell its tables"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Script scripts[] = {cases[i].first, {.in_reply = TABLES, .echoes = TRUE}};
        House house;

        g_test_message("%s", cases[i].error);
        house_open(&house, scripts, 2);
        wait_error(&house, cases[i].error);
        wait_watched(&house);
        g_assert_null(vsf_ovs_client_error(house.client));
        g_assert_cmpuint(house.n_connections, ==, 2);
        house_close(&house);
    }
}

static void
test_nobody_there(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};
    House house;

    house_open(&house, NULL, 0);
    wait_error(&house, "No such file or directory; is Open vSwitch running");
    house.scripts = script;
    house.n_scripts = 1;
    server_opens(&house);
    wait_watched(&house);
    house_close(&house);
}

/* Bridges go on while their database is away. */
static void
test_snapshot_outlives_connection(void)
{
    static const Script scripts[] = {{.in_reply = TABLES, .echoes = TRUE}, {0}};
    House house;

    house_open(&house, scripts, 2);
    wait_watched(&house);
    shutdown(g_array_index(house.fds, int, 0), SHUT_RDWR);
    while (house.n_connections < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(vsf_ovs_client_state(house.client), !=, VSF_OVS_WATCHED);
    g_assert_cmpuint(vsf_ovs_snapshot_n_ports(vsf_ovs_client_snapshot(house.client)), ==, 1);
    house_close(&house);
}

static void
transacted(const char *trouble, gpointer user_data)
{
    *(char **)user_data = g_strdup(trouble != NULL ? trouble : "well");
}

static void
test_transaction_is_lost_with_its_connection(void)
{
    static const Script scripts[] = {{.in_reply = TABLES, .echoes = TRUE}, {.in_reply = TABLES}};
    g_autofree char *trouble = NULL;
    House house;

    house_open(&house, scripts, 2);
    g_assert_false(vsf_ovs_client_transact(house.client, "[]", transacted, &trouble));
    wait_watched(&house);
    g_assert_true(
        vsf_ovs_client_transact(house.client, "[\"Open_vSwitch\"]", transacted, &trouble));
    g_assert_true(vsf_ovs_client_is_transacting(house.client));
    while (strstr(house.told->str, "\"id\":\"transact\"") == NULL)
        g_main_context_iteration(NULL, TRUE);
    shutdown(g_array_index(house.fds, int, 0), SHUT_RDWR);
    while (trouble == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(g_str_has_suffix(trouble, ": closed"));
    g_assert_false(vsf_ovs_client_is_transacting(house.client));
    house_close(&house);
}

/* More than the socket takes, so that nobody who reads at the same main loop could be waited for.
 */
static void
test_parting_is_sent_while_all_goes_on(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};
    g_autofree char *long_text = g_strnfill(1024 * 1024, 'x');
    g_autofree char *params = g_strdup_printf("[\"%s\",\"its last\"]", long_text);
    g_autoptr(VsfOvsParting) parting = NULL;
    House house;

    house_open(&house, script, 1);
    g_assert_null(vsf_ovs_client_part(house.client, params)); /* it is not watched yet */
    wait_watched(&house);
    parting = vsf_ovs_client_part(house.client, params);
    g_clear_pointer(&house.client, vsf_ovs_client_free);
    g_assert_null(strstr(house.told->str, "its last"));
    while (strstr(house.told->str, "\"its last\"],\"id\":\"transact\"}") == NULL)
        g_main_context_iteration(NULL, TRUE);
    say(g_array_index(house.fds, int, 0), "{\"method\":\"update\",\"params\":[],\"id\":null}");
    for (guint i = 0; i < 3; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_false(vsf_ovs_parting_is_over(parting));
    say(g_array_index(house.fds, int, 0), "{\"id\":\"transact\",\"result\":[],\"error\":null}");
    while (!vsf_ovs_parting_is_over(parting))
        g_main_context_iteration(NULL, TRUE);
    house_close(&house);
}

static void
test_parting_ends_with_its_server(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};
    g_autoptr(VsfOvsParting) parting = NULL;
    House house;

    house_open(&house, script, 1);
    wait_watched(&house);
    parting = vsf_ovs_client_part(house.client, "[]");
    g_clear_pointer(&house.client, vsf_ovs_client_free);
    shutdown(g_array_index(house.fds, int, 0), SHUT_RDWR);
    while (!vsf_ovs_parting_is_over(parting))
        g_main_context_iteration(NULL, TRUE);
    house_close(&house);
}

typedef struct {
    int fd;
    gint replied;
} Slow;

/* What changed comes first. */
static gpointer
reply_late(gpointer data)
{
    Slow *slow = data;
    char text[4096];
    gssize size;

    say(slow->fd, "{\"method\":\"update\",\"params\":[],\"id\":null}");
    do
        size = recv(slow->fd, text, sizeof(text), 0);
    while (size > 0 && text[size - 1] != '}');
    g_usleep(20000);
    say(slow->fd, "{\"method\":\"update\",\"params\":[],\"id\":null}");
    g_usleep(20000);
    g_atomic_int_set(&slow->replied, 1);
    say(slow->fd, "{\"id\":\"transact\",\"result\":[],\"error\":null}");
    return NULL;
}

static void
nothing(gpointer user_data G_GNUC_UNUSED)
{
}

static void
test_last_words_wait_for_their_reply(void)
{
    static const VsfOvsStreamCallbacks nobody = {.heard = nothing};
    g_autofree char *long_text = g_strnfill(1024 * 1024, 'x');
    g_autofree char *text = g_strdup_printf("[\"%s\"],\"id\":\"transact\"}", long_text);
    g_autoptr(VsfOvsStream) stream = NULL;
    g_autoptr(GError) error = NULL;
    GThread *server;
    Slow slow = {0};
    House house;

    house_open(&house, NULL, 0);
    server_opens(&house);
    stream = vsf_ovs_stream_new(house.path, &nobody, NULL, &error);
    g_assert_no_error(error);
    slow.fd = accept(house.listener, NULL, NULL);
    server = g_thread_new("server", reply_late, &slow);
    vsf_ovs_stream_last_words(stream, text, "transact", 60000);
    g_assert_cmpint(g_atomic_int_get(&slow.replied), ==, 1);
    g_thread_join(server);
    /* Nor is one waited for that closed, or longer than it may take. */
    vsf_ovs_stream_last_words(stream, text, "transact", 1);
    close(slow.fd);
    vsf_ovs_stream_last_words(stream, "", "transact", 60000);
    house_close(&house);
}

static void
test_end_while_the_worker_is_at_it(void)
{
    static const Script script[] = {{.in_reply = TABLES, .echoes = TRUE}};

    for (guint turns = 0; turns < 12; turns++) {
        House house;

        house_open(&house, script, 1);
        for (guint i = 0; i < turns; i++)
            g_main_context_iteration(NULL, TRUE);
        house_close(&house);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/client/tables-become-a-snapshot", test_tables);
    g_test_add_func("/ovs/client/silent-server-is-asked-and-stays", test_silence);
    g_test_add_func("/ovs/client/echo-is-answered", test_echo_is_answered);
    g_test_add_func("/ovs/client/bad-server-is-told-and-left", test_bad_servers);
    g_test_add_func("/ovs/client/server-that-comes-later-is-found", test_nobody_there);
    g_test_add_func("/ovs/client/snapshot-outlives-connection", test_snapshot_outlives_connection);
    g_test_add_func("/ovs/client/transaction-is-lost-with-its-connection",
                    test_transaction_is_lost_with_its_connection);
    g_test_add_func("/ovs/client/parting-is-sent-while-all-goes-on",
                    test_parting_is_sent_while_all_goes_on);
    g_test_add_func("/ovs/client/parting-ends-with-its-server", test_parting_ends_with_its_server);
    g_test_add_func("/ovs/client/last-words-wait-for-their-reply",
                    test_last_words_wait_for_their_reply);
    g_test_add_func("/ovs/client/it-may-end-at-any-time", test_end_while_the_worker_is_at_it);
    return g_test_run();
}
