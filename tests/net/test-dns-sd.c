/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to a name server of our own on loopback, which answers in many ways. */
#include "../../daemon/net/dns-sd.h"
#include "../base/log-watch.h"
#include "dns-help.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

typedef enum {
    ANSWER,
    NO_NAME,
    SERVER_FAILED,
    SILENT,
    GARBAGE,    /* foreign, empty and broken datagrams before the answer */
    TRUNCATED,  /* the whole answer over TCP alone */
    TCP_SILENT, /* truncated, and then nothing */
    TCP_CUT,    /* truncated, and then half of it */
    NO_OPT,     /* does not know EDNS */
    LARGE,      /* 64 KiB over TCP */
    TXT_FAILED, /* SRV has an answer, TXT has not */
} Manner;

typedef struct {
    int udp, tcp;
    guint16 port;
    GThread *udp_thread, *tcp_thread;
    gint manner;   /* Manner, atomic */
    gint n_asked;  /* atomic */
    gint sampling; /* atomic; what the TXT record says */
    gint end;
} Server;

static int
bind_to_loopback(int kind, guint16 *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, kind, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, size) != 0) {
        close(fd);
        return -1;
    }
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The type stands behind the name: 12 bytes and the labels. */
static GByteArray *
answer_to(Server *server, const guint8 *query, gsize size, guint16 flags)
{
    g_autoptr(GByteArray) labels = dns_labels(DNS_NAME);
    g_autofree char *strings = NULL;
    GByteArray *answer;
    guint type;

    g_assert_cmpuint(size, >=, 12 + labels->len + 4);
    g_assert_cmpint(memcmp(query + 12, labels->data, labels->len), ==, 0);
    type = query[12 + labels->len + 1];
    answer = dns_message((guint16)(query[0] << 8 | query[1]), flags, DNS_NAME, (guint16)type);
    if ((flags & 0x020f) != 0)
        return answer;
    strings = g_strdup_printf("txtvers=1 sampling=%d", g_atomic_int_get(&server->sampling));
    if (type == DNS_TXT)
        dns_txt(answer, 0, strings);
    else
        dns_srv(answer, 0, 0, 6343, "192.0.2.1");
    while (type == DNS_SRV && g_atomic_int_get(&server->manner) == LARGE && answer->len < 65400)
        dns_srv(answer, 0, 0, 6343, "192.0.2.1");
    return answer;
}

static guint16
flags_for(Manner manner, gboolean has_opt, gboolean is_txt)
{
    switch (manner) {
    case NO_NAME:
        return 0x8183;
    case SERVER_FAILED:
        return 0x8182;
    case TXT_FAILED:
        return is_txt ? 0x8182 : 0x8180;
    case TRUNCATED:
    case TCP_SILENT:
    case TCP_CUT:
    case LARGE:
        return 0x8380;
    case NO_OPT:
        return has_opt ? 0x8181 : 0x8180;
    default:
        return 0x8180;
    }
}

static gpointer
serve_udp(gpointer data)
{
    Server *server = data;

    for (;;) {
        const gsize type_at = 12 + sizeof(DNS_NAME) + 1 + 1;
        guint8 query[2048];
        struct sockaddr_in from;
        socklen_t from_size = sizeof(from);
        gssize n = recvfrom(server->udp, query, sizeof(query), 0, (struct sockaddr *)&from,
                            &from_size);
        Manner manner = (Manner)g_atomic_int_get(&server->manner);
        g_autoptr(GByteArray) answer = NULL;

        if (g_atomic_int_get(&server->end))
            return NULL;
        g_atomic_int_inc(&server->n_asked);
        if (manner == SILENT)
            continue;
        answer = answer_to(server, query, (gsize)n,
                           flags_for(manner, query[11] == 1, query[type_at] == DNS_TXT));
        if (manner == GARBAGE) {
            answer->data[0] ^= 1;
            sendto(server->udp, answer->data, answer->len, 0, (struct sockaddr *)&from, from_size);
            answer->data[0] ^= 1;
            sendto(server->udp, "", 0, 0, (struct sockaddr *)&from, from_size);
            sendto(server->udp, answer->data, 5, 0, (struct sockaddr *)&from, from_size);
            sendto(server->udp, query, (gsize)n, 0, (struct sockaddr *)&from, from_size);
        }
        sendto(server->udp, answer->data, answer->len, 0, (struct sockaddr *)&from, from_size);
    }
}

static void
serve_connection(Server *server, int fd)
{
    Manner manner = (Manner)g_atomic_int_get(&server->manner);
    guint8 query[2048];
    guint8 prefix[2];
    g_autoptr(GByteArray) answer = NULL;
    gssize n = recv(fd, query, sizeof(query), 0);

    g_assert_cmpint(n, >, 2);
    /* Until the client goes. */
    if (manner == TCP_SILENT) {
        while (recv(fd, query, sizeof(query), 0) > 0)
            ;
        return;
    }
    answer = answer_to(server, query + 2, (gsize)n - 2, 0x8180);
    prefix[0] = (guint8)(answer->len >> 8);
    prefix[1] = (guint8)answer->len;
    send(fd, prefix, 2, MSG_NOSIGNAL);
    if (manner == TCP_CUT)
        answer->len /= 2;
    for (guint sent = 0; sent < answer->len && n > 0; sent += (guint)MAX(n, 0))
        n = send(fd, answer->data + sent, MIN(answer->len - sent, 1000), MSG_NOSIGNAL);
}

static gpointer
serve_tcp(gpointer data)
{
    Server *server = data;

    for (;;) {
        int fd = accept(server->tcp, NULL, NULL);

        if (g_atomic_int_get(&server->end)) {
            close(fd);
            return NULL;
        }
        serve_connection(server, fd);
        close(fd);
    }
}

/* On a port that is free for both. */
static void
server_start(Server *server, Manner manner)
{
    *server = (Server){.tcp = -1, .manner = manner, .sampling = 100};
    while (server->tcp < 0) {
        server->port = 0;
        server->udp = bind_to_loopback(SOCK_DGRAM, &server->port);
        server->tcp = bind_to_loopback(SOCK_STREAM, &server->port);
        if (server->tcp < 0)
            close(server->udp);
    }
    g_assert_cmpint(listen(server->tcp, 5), ==, 0);
    server->udp_thread = g_thread_new("udp", serve_udp, server);
    server->tcp_thread = g_thread_new("tcp", serve_tcp, server);
}

static void
server_stop(Server *server)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), connection = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_atomic_int_set(&server->end, TRUE);
    sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to));
    g_assert_cmpint(connect(connection, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    g_thread_join(server->udp_thread);
    g_thread_join(server->tcp_thread);
    close(fd);
    close(connection);
    close(server->udp);
    close(server->tcp);
}

/* @n times the same server. */
static VsfNameServers *
servers_of(const Server *server, guint n)
{
    VsfNameServers *servers = g_new0(VsfNameServers, 1);
    VsfNameServer one = {.v4 = {.sin_family = AF_INET, .sin_port = htons(server->port)}};

    one.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    servers->servers = g_array_new(FALSE, FALSE, sizeof(VsfNameServer));
    for (guint i = 0; i < n; i++)
        g_array_append_val(servers->servers, one);
    servers->search = g_strsplit("example.test", " ", -1);
    return servers;
}

/* --- one question ------------------------------------------------------ */

static void
test_answers(void)
{
    static const struct {
        Manner manner;
        VsfDnsOutcome outcome;
        const char *why;
    } cases[] = {
        {ANSWER, VSF_DNS_FOUND, NULL},
        {NO_NAME, VSF_DNS_NONE, "no such name"},
        {SERVER_FAILED, VSF_DNS_FAILED, "the name server answers that it failed"},
        {GARBAGE, VSF_DNS_FOUND, NULL},
        {TRUNCATED, VSF_DNS_FOUND, NULL},
        {TCP_CUT, VSF_DNS_FAILED, "the name server ends the connection before its answer is whole"},
        {NO_OPT, VSF_DNS_FOUND, NULL},
        {LARGE, VSF_DNS_FOUND, NULL},
        {TXT_FAILED, VSF_DNS_FAILED, "the name server answers that it failed"},
    };
    Server server;

    server_start(&server, ANSWER);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfNameServers) servers = servers_of(&server, 1);
        g_autoptr(VsfDnsRead) read = NULL;

        g_atomic_int_set(&server.manner, (gint)cases[i].manner);
        read = vsf_dns_sd_ask(servers, i % 2 == 0 ? NULL : ".example.test");
        g_assert_cmpstr(read->why, ==, cases[i].why);
        g_assert_cmpint(read->outcome, ==, cases[i].outcome);
        g_assert_cmpstr(read->domain, ==, "example.test");
        if (read->outcome != VSF_DNS_FOUND)
            continue;
        g_assert_cmpint(read->settings->sampling, ==, 100);
        g_assert_cmpuint(read->settings->collectors->len, ==, 1);
        g_assert_true(read->has_ttl && read->ttl_s == 0);
    }
    server_stop(&server);
}

/* That it ends at all is the test. */
static void
test_silence_ends(void)
{
    static const Manner manners[] = {SILENT, TCP_SILENT};

    for (guint i = 0; i < G_N_ELEMENTS(manners); i++) {
        Server server;
        g_autoptr(VsfNameServers) servers = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) answer = NULL;

        server_start(&server, manners[i]);
        servers = servers_of(&server, 1);
        answer = vsf_dns_ask(servers, DNS_NAME, DNS_SRV, g_get_monotonic_time() + 200000, &error);
        g_assert_null(answer);
        g_assert_nonnull(strstr(error->message, "in time"));
        server_stop(&server);
    }
}

static void
test_next_server(void)
{
    Server server, dead;
    g_autoptr(VsfNameServers) servers = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) answer = NULL;

    server_start(&dead, ANSWER);
    server_start(&server, ANSWER);
    servers = servers_of(&dead, 1);
    server_stop(&dead);
    answer = vsf_dns_ask(servers, DNS_NAME, DNS_SRV, g_get_monotonic_time() + 5000000, &error);
    g_assert_null(answer);
    g_assert_cmpstr(error->message, ==, g_strerror(ECONNREFUSED));
    g_clear_error(&error);
    {
        g_autoptr(VsfNameServers) good = servers_of(&server, 1);

        g_array_append_vals(servers->servers, good->servers->data, 1);
    }
    answer = vsf_dns_ask(servers, DNS_NAME, DNS_SRV, g_get_monotonic_time() + 5000000, &error);
    g_assert_no_error(error);
    g_assert_nonnull(answer);
    server_stop(&server);
}

static void
test_nobody_to_ask(void)
{
    g_autoptr(VsfNameServers) servers = g_new0(VsfNameServers, 1);
    g_autoptr(VsfDnsRead) no_server = NULL, no_domain = NULL;

    servers->servers = g_array_new(FALSE, FALSE, sizeof(VsfNameServer));
    servers->search = g_new0(char *, 1);
    no_server = vsf_dns_sd_ask(servers, "example.test");
    g_assert_cmpint(no_server->outcome, ==, VSF_DNS_FAILED);
    g_assert_cmpstr(no_server->why, ==, "there is no name server in resolv.conf");
    no_domain = vsf_dns_sd_ask(servers, NULL);
    g_assert_cmpint(no_domain->outcome, ==, VSF_DNS_FAILED);
    g_assert_cmpstr(no_domain->why, ==,
                    "this host has no search domain; set [sflow] dns-sd-domain");
}

/* --- again and again --------------------------------------------------- */

typedef struct {
    GMainLoop *loop;
    guint n_changed, n_kept;
    char *text; /* in force */
    guint wanted_changes;
} Watcher;

static void
changed(const VsfDnsSettings *settings, gpointer user_data)
{
    Watcher *watcher = user_data;

    g_free(watcher->text);
    watcher->text = vsf_dns_settings_to_text(settings);
    if (++watcher->n_changed == watcher->wanted_changes)
        g_main_loop_quit(watcher->loop);
}

static void
keep(gpointer user_data)
{
    ((Watcher *)user_data)->n_kept++;
}

static const VsfDnsSdCallbacks callbacks = {.changed = changed, .keep = keep};

/* One answer is followed by the next question at once. */
static const VsfDnsTimes no_time = {.none_answers = 3};

static void
wait_asked(Server *server, gint n)
{
    while (g_atomic_int_get(&server->n_asked) < n) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(500);
    }
}

static void
test_changes_are_followed(void)
{
    Watcher watcher = {.loop = g_main_loop_new(NULL, FALSE), .wanted_changes = 1};
    Server server;
    g_autoptr(VsfNameServers) servers = NULL;
    g_autoptr(VsfDnsSd) dns = NULL;

    server_start(&server, ANSWER);
    servers = servers_of(&server, 1);
    dns = vsf_dns_sd_new(&(VsfDnsSdOptions){.servers = servers, .times = &no_time}, &callbacks,
                         &watcher);
    g_assert_null(vsf_dns_sd_in_force(dns));
    g_main_loop_run(watcher.loop);
    g_assert_cmpstr(watcher.text, ==, "collector=192.0.2.1/6343/\nsampling=100\n");

    /* The same answer again and again is told once. */
    wait_asked(&server, g_atomic_int_get(&server.n_asked) + 10);
    g_assert_cmpuint(watcher.n_changed, ==, 1);
    g_assert_cmpuint(watcher.n_kept, ==, 1);

    watcher.wanted_changes = 2;
    g_atomic_int_set(&server.sampling, 200);
    g_main_loop_run(watcher.loop);
    g_assert_cmpstr(watcher.text, ==, "collector=192.0.2.1/6343/\nsampling=200\n");
    g_assert_cmpint(vsf_dns_sd_in_force(dns)->sampling, ==, 200);
    g_assert_cmpstr(vsf_dns_sd_status(dns).domain, ==, "example.test");
    g_assert_cmpstr(vsf_dns_sd_status(dns).state, ==, "answered");
    g_assert_null(vsf_dns_sd_status(dns).error);
    g_assert_cmpint(vsf_dns_sd_status(dns).ttl_s, ==, 0);
    g_clear_pointer(&dns, vsf_dns_sd_free);
    server_stop(&server);
    g_main_loop_unref(watcher.loop);
    g_free(watcher.text);
}

static void
test_failures_and_nothing(void)
{
    g_autoptr(VsfDnsSettings) last = vsf_dns_settings_parse("collector=192.0.2.9\n", NULL);
    Watcher watcher = {.loop = g_main_loop_new(NULL, FALSE), .wanted_changes = 1};
    Server server;
    g_autoptr(VsfNameServers) servers = NULL;
    g_autoptr(VsfDnsSd) dns = NULL;
    LogWatch log;

    server_start(&server, SERVER_FAILED);
    servers = servers_of(&server, 1);
    log_watch_begin(&log);
    dns = vsf_dns_sd_new(
        &(VsfDnsSdOptions){
            .domain = "example.test", .last = last, .servers = servers, .times = &no_time},
        &callbacks, &watcher);
    g_assert_cmpuint(vsf_dns_sd_in_force(dns)->collectors->len, ==, 1);
    wait_asked(&server, 20);
    log_watch_end(&log, VSF_EVENT_DNS_FAILING, "*example.test: the name server answers*");
    g_assert_cmpuint(watcher.n_changed + watcher.n_kept, ==, 0);
    g_assert_cmpstr(vsf_dns_sd_status(dns).state, ==, "failing");
    g_assert_cmpstr(vsf_dns_sd_status(dns).error, ==, "the name server answers that it failed");
    g_assert_cmpint(vsf_dns_sd_status(dns).answered_us, ==, 0);

    log_watch_begin(&log);
    g_atomic_int_set(&server.manner, NO_NAME);
    g_main_loop_run(watcher.loop);
    log_watch_end(&log, VSF_EVENT_DNS_NOTHING, "*example.test: no such name; what is in*");
    g_assert_cmpstr(watcher.text, ==, "");
    g_assert_cmpstr(vsf_dns_sd_status(dns).state, ==, "nothing");
    g_assert_cmpuint(vsf_dns_sd_status(dns).n_answers, >=, 3);
    g_clear_pointer(&dns, vsf_dns_sd_free);
    server_stop(&server);
    g_main_loop_unref(watcher.loop);
    g_free(watcher.text);
}

/* The question is out: its answer finds nobody. */
static void
test_end_while_asking(void)
{
    Watcher watcher = {0};
    Server server;
    g_autoptr(VsfNameServers) servers = NULL;
    VsfDnsSd *dns;

    server_start(&server, SILENT);
    servers = servers_of(&server, 1);
    dns = vsf_dns_sd_new(&(VsfDnsSdOptions){.servers = servers, .times = &no_time}, &callbacks,
                         &watcher);
    wait_asked(&server, 1);
    vsf_dns_sd_free(dns);
    /* Asked again after 2 s, and then for TXT: the answer comes to where nobody is. */
    g_atomic_int_set(&server.manner, ANSWER);
    wait_asked(&server, 3);
    for (guint i = 0; i < 100; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(500);
    }
    g_assert_cmpuint(watcher.n_changed + watcher.n_kept, ==, 0);
    server_stop(&server);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/dns-sd/answers-of-many-kinds", test_answers);
    g_test_add_func("/net/dns-sd/silence-ends-at-the-deadline", test_silence_ends);
    g_test_add_func("/net/dns-sd/the-next-server-is-asked", test_next_server);
    g_test_add_func("/net/dns-sd/nobody-to-ask-is-said", test_nobody_to_ask);
    g_test_add_func("/net/dns-sd/changes-are-followed", test_changes_are_followed);
    g_test_add_func("/net/dns-sd/failures-change-nothing-but-absence-does",
                    test_failures_and_nothing);
    g_test_add_func("/net/dns-sd/may-end-while-asking", test_end_while_asking);
    return g_test_run();
}
