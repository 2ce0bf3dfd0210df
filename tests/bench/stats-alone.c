/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floor of what the daemon's polls can cost: a process that does nothing but ask libvirt the
 * daemon's own question (virDomainListGetStats, the same groups, NOWAIT), from one thread and
 * without an event loop.
 *
 *     stats-alone URI POLLING_S TOGETHER
 *
 * Looks at the running domains once, prints "ready", then asks for each once in POLLING_S seconds,
 * TOGETHER of them in one call, evenly, until its standard input ends; prints for how many domains
 * it asked. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUPS (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_BALLOON)

/* FALSE if the standard input has ended. */
static gboolean
wait_until(gint64 us)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    gint64 left = us - g_get_monotonic_time();

    return poll(&input, 1, (int)(MAX(left, 0) / 1000)) == 0;
}

static void
ask(virDomainPtr *domains)
{
    virDomainStatsRecordPtr *records = NULL;

    if (virDomainListGetStats(domains, GROUPS, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) <
        0)
        g_error("virDomainListGetStats: %s", virGetLastErrorMessage());
    virDomainStatsRecordListFree(records);
}

int
main(int argc, char **argv)
{
    virConnectPtr connection = virConnectOpenReadOnly(argc == 4 ? argv[1] : NULL);
    gint64 interval_us = argc == 4 ? atoi(argv[2]) * G_USEC_PER_SEC : 0, begin_us;
    int together = argc == 4 ? atoi(argv[3]) : 0, n;
    g_autofree virDomainPtr *some = NULL;
    virDomainPtr *domains = NULL;
    guint64 asked = 0;

    if (connection == NULL || interval_us <= 0 || together <= 0)
        g_error("usage: stats-alone URI POLLING_S TOGETHER, of a libvirt that runs");
    n = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n <= 0)
        g_error("no domain runs");
    some = g_new0(virDomainPtr, (gsize)together + 1);
    printf("ready\n");
    fflush(stdout);
    begin_us = g_get_monotonic_time();
    while (wait_until(begin_us + (gint64)asked * interval_us / n)) {
        for (int i = 0; i < together; i++)
            some[i] = domains[asked++ % (guint64)n];
        ask(some);
    }
    printf("%" G_GUINT64_FORMAT "\n", asked);
    return 0;
}
