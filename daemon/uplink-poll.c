/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink-poll.h"

#include "base/worker.h"
#include "host/interfaces.h"
#include "net/mac-stats.h"

struct VsfUplinkPoll {
    VsfUplinkRead read;
    VsfUplinkPollDone done;
    gpointer user_data;
    VsfWorker *worker;
    gboolean out;
};

static VsfHostCounters *
read_this_machine(void)
{
    VsfHostCounters *counters = vsf_host_counters_new();

    vsf_interfaces_read("", counters);
    vsf_mac_stats_read(counters->interfaces);
    return counters;
}

static gpointer
read_interfaces(gpointer payload, GError **error G_GNUC_UNUSED)
{
    return (*(VsfUplinkRead *)payload)();
}

static void
interfaces_came(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfUplinkPoll *poll = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfHostCounters) counters = vsf_worker_finish(result, &error);

    if (counters == NULL)
        return;
    poll->out = FALSE;
    poll->done(counters, poll->user_data);
}

static void
free_counters(gpointer data)
{
    vsf_host_counters_free(data);
}

VsfUplinkPoll *
vsf_uplink_poll_new(VsfUplinkRead read, VsfUplinkPollDone done, gpointer user_data)
{
    VsfUplinkPoll *poll = g_new0(VsfUplinkPoll, 1);

    poll->read = read != NULL ? read : read_this_machine;
    poll->done = done;
    poll->user_data = user_data;
    poll->worker = vsf_worker_new(1, free_counters);
    return poll;
}

void
vsf_uplink_poll_free(VsfUplinkPoll *poll)
{
    if (poll == NULL)
        return;
    vsf_worker_free(poll->worker);
    g_free(poll);
}

void
vsf_uplink_poll_begin(VsfUplinkPoll *poll)
{
    if (poll->out)
        return;
    poll->out = TRUE;
    vsf_worker_run(poll->worker, read_interfaces, g_memdup2(&poll->read, sizeof(poll->read)),
                   g_free, NULL, interfaces_came, poll);
}
