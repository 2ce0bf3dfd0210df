/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-exchange.h"

#include "dns-sd-parse.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <poll.h>
#include <resolv.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 2
#define UDP_WAIT_US (2 * G_USEC_PER_SEC) /* for one server's answer, in one round */
#define TCP_WAIT_US (4 * G_USEC_PER_SEC) /* connecting and all of the answer */
#define UDP_MAX_BYTES 1232               /* that we say we take: fits every path unsplit */
#define OPT_BYTES 11
#define QUERY_MAX_BYTES (NS_PACKETSZ + OPT_BYTES)

typedef struct {
    guint8 bytes[QUERY_MAX_BYTES];
    gsize size;
} Query;

/* --- who is asked ------------------------------------------------------ */

static VsfNameServers *
servers_of(const struct __res_state *state)
{
    VsfNameServers *servers = g_new0(VsfNameServers, 1);
    g_autoptr(GStrvBuilder) search = g_strv_builder_new();

    servers->servers = g_array_new(FALSE, TRUE, sizeof(VsfNameServer));
    for (int i = 0; i < state->nscount; i++) {
        VsfNameServer server = {.v4 = state->nsaddr_list[i]};

        /* glibc keeps those of IPv6 elsewhere, and the place in the list empty. */
        if (server.any.sa_family == 0 && state->_u._ext.nsaddrs[i] != NULL)
            server.v6 = *state->_u._ext.nsaddrs[i];
        if (server.any.sa_family != 0)
            g_array_append_val(servers->servers, server);
    }
    for (guint i = 0; i < MAXDNSRCH && state->dnsrch[i] != NULL; i++)
        if (*state->dnsrch[i] != '\0')
            g_strv_builder_add(search, state->dnsrch[i]);
    servers->search = g_strv_builder_end(search);
    servers->tcp_only = (state->options & RES_USEVC) != 0;
    return servers;
}

VsfNameServers *
vsf_name_servers_read(GError **error)
{
    struct __res_state state = {0};
    VsfNameServers *servers;

    if (res_ninit(&state) != 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "resolv.conf cannot be read");
        return NULL;
    }
    servers = servers_of(&state);
    res_nclose(&state);
    return servers;
}

void
vsf_name_servers_free(VsfNameServers *servers)
{
    if (servers == NULL)
        return;
    g_array_unref(servers->servers);
    g_strfreev(servers->search);
    g_free(servers);
}

/* --- one question, one server ------------------------------------------ */

static gboolean
fail(GError **error, const char *what)
{
    g_clear_error(error);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, what);
    return FALSE;
}

static gboolean
fail_errno(GError **error)
{
    return fail(error, g_strerror(errno));
}

/* RFC 6891: the one record by which larger answers than 512 bytes are asked for. */
static void
add_opt(Query *query)
{
    const guint8 opt[OPT_BYTES] = {0, 0, ns_t_opt, UDP_MAX_BYTES >> 8, UDP_MAX_BYTES & 0xff};

    memcpy(query->bytes + query->size, opt, sizeof(opt));
    query->size += sizeof(opt);
    query->bytes[11] = 1; /* additional records */
}

/* Old servers do not know that record: the second round does without. The number is what a
 * forger has to guess, beside our port. */
static gboolean
make_query(Query *query, const char *name, int type, gboolean with_opt, GError **error)
{
    const guint8 flags_and_count[] = {0x01 /* recursion desired */, 0, 0, 1};
    const gsize room = NS_PACKETSZ - NS_HFIXEDSZ - NS_QFIXEDSZ;
    guint8 *at = query->bytes + NS_HFIXEDSZ;
    int length = dn_comp(name, at, (int)room, NULL, NULL);

    if (length < 0)
        return fail(error, "is no name that can be asked for");
    memset(query->bytes, 0, NS_HFIXEDSZ);
    if (getrandom(query->bytes, 2, 0) != 2)
        return fail_errno(error);
    memcpy(query->bytes + 2, flags_and_count, sizeof(flags_and_count));
    ns_put16((guint)type, at + length);
    ns_put16(ns_c_in, at + length + 2);
    query->size = NS_HFIXEDSZ + (gsize)length + NS_QFIXEDSZ;
    if (with_opt)
        add_opt(query);
    return TRUE;
}

/* FALSE: the deadline came first. */
static gboolean
wait_for(int fd, short events, gint64 deadline_us)
{
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = events};
        gint64 left_us = deadline_us - g_get_monotonic_time();
        int n;

        if (left_us <= 0)
            return FALSE;
        n = poll(&poller, 1, (int)(left_us / 1000 + 1));
        if (n > 0)
            return TRUE;
        if (n < 0 && errno != EINTR)
            return FALSE;
    }
}

static int
open_to(const VsfNameServer *server, int kind, gint64 deadline_us, GError **error)
{
    int fd = socket(server->any.sa_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = server->any.sa_family == AF_INET6 ? sizeof(server->v6) : sizeof(server->v4);
    int code = 0;
    socklen_t code_size = sizeof(code);

    if (fd < 0) {
        fail_errno(error);
        return -1;
    }
    if (connect(fd, &server->any, size) == 0)
        return fd;
    if (errno != EINPROGRESS)
        fail_errno(error);
    else if (!wait_for(fd, POLLOUT, deadline_us))
        fail(error, "no answer in time");
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &code_size) == 0 && code == 0)
        return fd;
    else
        fail(error, g_strerror(code));
    close(fd);
    return -1;
}

/* Whether @bytes end the question: an answer, or a word that there will be none. */
typedef enum { GO_ON, ANSWER, TRUNCATED, GIVEN_UP } Verdict;

static Verdict
judge(const Query *query, const guint8 *bytes, gsize size, GError **error)
{
    gboolean truncated;
    int code;

    /* Another question's answer, or somebody's who guesses. */
    if (!vsf_dns_is_answer(bytes, size, query->bytes, query->size, &code, &truncated))
        return GO_ON;
    if (code != ns_r_noerror && code != ns_r_nxdomain) {
        fail(error, code == ns_r_servfail  ? "the name server answers that it failed"
                    : code == ns_r_refused ? "the name server refuses the question"
                                           : "the name server answers with an error");
        return GIVEN_UP;
    }
    return truncated ? TRUNCATED : ANSWER;
}

static Verdict
ask_udp(const VsfNameServer *server, const Query *query, gint64 deadline_us, guint8 *bytes,
        gsize *size, GError **error)
{
    int fd = open_to(server, SOCK_DGRAM, deadline_us, error);
    Verdict verdict = GO_ON;

    if (fd < 0)
        return GIVEN_UP;
    if (send(fd, query->bytes, query->size, 0) < 0) {
        fail_errno(error);
        verdict = GIVEN_UP;
    }
    while (verdict == GO_ON) {
        gssize n;

        if (!wait_for(fd, POLLIN, deadline_us)) {
            fail(error, "no answer in time");
            verdict = GIVEN_UP;
            break;
        }
        n = recv(fd, bytes, G_MAXUINT16, 0);
        /* One of 0 bytes is a datagram as any other, and no end: anybody may send it. */
        if (n >= 0) {
            *size = (gsize)n;
            verdict = judge(query, bytes, *size, error);
        } else if (errno != EAGAIN && errno != EINTR) {
            fail_errno(error);
            verdict = GIVEN_UP;
        }
    }
    close(fd);
    return verdict;
}

static gboolean
receive_all(int fd, guint8 *bytes, gsize size, gint64 deadline_us, GError **error)
{
    while (size > 0) {
        gssize n;

        if (!wait_for(fd, POLLIN, deadline_us))
            return fail(error, "no whole answer over TCP in time");
        n = recv(fd, bytes, size, 0);
        if (n == 0)
            return fail(error, "the name server ends the connection before its answer is whole");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail_errno(error);
        bytes += MAX(n, 0);
        size -= (gsize)MAX(n, 0);
    }
    return TRUE;
}

static Verdict
converse_tcp(int fd, const Query *query, gint64 deadline_us, guint8 *bytes, gsize *size,
             GError **error)
{
    guint8 framed[2 + QUERY_MAX_BYTES], prefix[2];
    Verdict verdict;

    ns_put16((guint)query->size, framed);
    memcpy(framed + 2, query->bytes, query->size);
    /* So little fits into the buffer of a connection that is new. */
    if (send(fd, framed, query->size + 2, MSG_NOSIGNAL) != (gssize)query->size + 2) {
        fail_errno(error);
        return GIVEN_UP;
    }
    if (!receive_all(fd, prefix, sizeof(prefix), deadline_us, error))
        return GIVEN_UP;
    *size = ns_get16(prefix);
    if (!receive_all(fd, bytes, *size, deadline_us, error))
        return GIVEN_UP;
    verdict = judge(query, bytes, *size, error);
    if (verdict != GO_ON && verdict != TRUNCATED)
        return verdict;
    fail(error, "the name server's answer over TCP is none to our question");
    return GIVEN_UP;
}

static Verdict
ask_tcp(const VsfNameServer *server, const Query *query, gint64 deadline_us, guint8 *bytes,
        gsize *size, GError **error)
{
    int fd = open_to(server, SOCK_STREAM, deadline_us, error);
    Verdict verdict;

    if (fd < 0)
        return GIVEN_UP;
    verdict = converse_tcp(fd, query, deadline_us, bytes, size, error);
    close(fd);
    return verdict;
}

/* --- all servers ------------------------------------------------------- */

static gboolean
ask_server(const VsfNameServers *servers, guint i, const Query *query, gint64 deadline_us,
           guint8 *bytes, gsize *size, GError **error)
{
    const VsfNameServer *server = &g_array_index(servers->servers, VsfNameServer, i);
    gint64 now_us = g_get_monotonic_time();
    Verdict verdict = TRUNCATED;

    if (!servers->tcp_only)
        verdict = ask_udp(server, query, MIN(deadline_us, now_us + UDP_WAIT_US), bytes, size,
                          error);
    now_us = g_get_monotonic_time();
    if (verdict == TRUNCATED)
        verdict = ask_tcp(server, query, MIN(deadline_us, now_us + TCP_WAIT_US), bytes, size,
                          error);
    return verdict == ANSWER;
}

GBytes *
vsf_dns_ask(const VsfNameServers *servers, const char *name, int type, gint64 deadline_us,
            GError **error)
{
    g_autofree guint8 *bytes = g_malloc(G_MAXUINT16);
    gsize size = 0;

    if (servers->servers->len == 0)
        fail(error, "there is no name server in resolv.conf");
    for (guint round = 0; round < ROUNDS; round++) {
        Query query;

        if (!make_query(&query, name, type, round == 0, error))
            return NULL;
        for (guint i = 0; i < servers->servers->len; i++) {
            if (g_get_monotonic_time() >= deadline_us) {
                if (error != NULL && *error == NULL)
                    fail(error, "no answer in time");
                return NULL;
            }
            if (ask_server(servers, i, &query, deadline_us, bytes, &size, error)) {
                g_clear_error(error);
                return g_bytes_new(bytes, size);
            }
        }
    }
    return NULL;
}
