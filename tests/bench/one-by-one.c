/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon's polls are compared with: a client of libvirt that asks for the same numbers
 * with one call for each statistic, as the manual of each function suggests.
 *
 *     one-by-one URI POLLING_S
 *
 * Looks at the running domains once, prints "ready", then asks for each once in POLLING_S seconds,
 * evenly, until its standard input ends; prints how many times it asked for all of a domain's. It
 * does without looking anything up: domains, disks and NICs are as they were at the start. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    virDomainPtr domain;
    GPtrArray *disks, *nics; /* char *: names of devices */
} Machine;

/* The <target dev='...'> of each <@element>. */
static GPtrArray *
devices(const char *xml, const char *element)
{
    g_autofree char *begin = g_strdup_printf("<%s ", element);
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

    while ((xml = strstr(xml, begin)) != NULL) {
        const char *target = strstr(xml, "<target dev='");

        if (target == NULL)
            break;
        target += strlen("<target dev='");
        g_ptr_array_add(found, g_strndup(target, strcspn(target, "'")));
        xml = target;
    }
    return found;
}

static Machine *
find_machines(virConnectPtr connection, guint *n)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    Machine *machines;

    if (count <= 0)
        g_error("no domain runs");
    machines = g_new(Machine, (gsize)count);
    for (int i = 0; i < count; i++) {
        char *xml = virDomainGetXMLDesc(domains[i], 0);

        g_assert_nonnull(xml);
        machines[i] = (Machine){domains[i], devices(xml, "disk"), devices(xml, "interface")};
        free(xml);
    }
    free(domains);
    *n = (guint)count;
    return machines;
}

static void
check(int status, const char *call)
{
    if (status < 0)
        g_error("%s: %s", call, virGetLastErrorMessage());
}

static void
ask_disk(virDomainPtr domain, const char *disk)
{
    virDomainBlockInfo block;
    virTypedParameter values[16];
    int n_values = G_N_ELEMENTS(values);

    check(virDomainGetBlockInfo(domain, disk, &block, 0), "virDomainGetBlockInfo");
    memset(values, 0, sizeof(values));
    check(virDomainBlockStatsFlags(domain, disk, values, &n_values, 0), "virDomainBlockStatsFlags");
    virTypedParamsClear(values, n_values);
}

static void
ask(const Machine *machine)
{
    virDomainInfo info;
    virDomainMemoryStatStruct memory[VIR_DOMAIN_MEMORY_STAT_NR];
    virDomainInterfaceStatsStruct net;
    int state;

    check(virDomainGetState(machine->domain, &state, NULL, 0), "virDomainGetState");
    check(virDomainGetInfo(machine->domain, &info), "virDomainGetInfo");
    check(virDomainMemoryStats(machine->domain, memory, VIR_DOMAIN_MEMORY_STAT_NR, 0),
          "virDomainMemoryStats");
    for (guint i = 0; i < machine->disks->len; i++)
        ask_disk(machine->domain, machine->disks->pdata[i]);
    for (guint i = 0; i < machine->nics->len; i++)
        check(virDomainInterfaceStats(machine->domain, machine->nics->pdata[i], &net, sizeof(net)),
              "virDomainInterfaceStats");
}

/* FALSE if the standard input has ended. */
static gboolean
wait_until(gint64 us)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    gint64 left = us - g_get_monotonic_time();

    return poll(&input, 1, (int)(MAX(left, 0) / 1000)) == 0;
}

int
main(int argc, char **argv)
{
    virConnectPtr connection = virConnectOpenReadOnly(argc == 3 ? argv[1] : NULL);
    gint64 interval_us = argc == 3 ? atoi(argv[2]) * G_USEC_PER_SEC : 0, begin_us;
    Machine *machines;
    guint64 asked = 0;
    guint n;

    if (connection == NULL || interval_us <= 0)
        g_error("usage: one-by-one URI POLLING_S, of a libvirt that runs");
    machines = find_machines(connection, &n);
    printf("ready\n");
    fflush(stdout);
    begin_us = g_get_monotonic_time();
    while (wait_until(begin_us + (gint64)asked * interval_us / n))
        ask(&machines[asked++ % n]);
    printf("%" G_GUINT64_FORMAT "\n", asked);
    return 0;
}
