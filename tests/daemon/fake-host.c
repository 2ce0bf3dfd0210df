/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-poll.h over the clock of fake-poll.c: answers at once, with all but the CPUs unknown, and
 * one interface if the test wants it. */
#include "fake-host.h"

#include "../../daemon/host-poll.h"

gboolean fake_uplink_there;

struct VsfHostPoll {
    VsfHostPollDone done;
    gpointer user_data;
    guint timer;
};

static gboolean
answer(gpointer user_data)
{
    VsfHostPoll *poll = user_data;
    g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();
    VsfHostInterface uplink = {
        .ifindex = FAKE_UPLINK, .name = "eth0", .mac_counters = vsf_mac_counters_unknown()};

    poll->timer = 0;
    counters->cpu.cpus = 3;
    if (fake_uplink_there)
        g_array_append_val(counters->interfaces, uplink);
    poll->done(counters, poll->user_data);
    return G_SOURCE_REMOVE;
}

VsfHostPoll *
vsf_host_poll_new(const VsfHostReaders *readers G_GNUC_UNUSED, VsfHostPollDone done,
                  gpointer user_data)
{
    VsfHostPoll *poll = g_new0(VsfHostPoll, 1);

    poll->done = done;
    poll->user_data = user_data;
    return poll;
}

void
vsf_host_poll_free(VsfHostPoll *poll)
{
    g_clear_handle_id(&poll->timer, g_source_remove);
    g_free(poll);
}

guint
vsf_host_poll_deadline_ms(gint64 interval_us G_GNUC_UNUSED)
{
    return 0;
}

gboolean
vsf_host_poll_begin(VsfHostPoll *poll, guint deadline_ms G_GNUC_UNUSED)
{
    if (poll->timer != 0)
        return FALSE;
    poll->timer = g_timeout_add(0, answer, poll);
    return TRUE;
}
