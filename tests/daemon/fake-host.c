/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-poll.h and uplink-poll.h over the clock of fake-poll.c: answer at once, with all but the
 * CPUs unknown, and the interfaces that the test wants. */
#include "fake-host.h"

#include "../../daemon/host-poll.h"
#include "../../daemon/uplink-poll.h"

gboolean fake_uplink_there, fake_bridge_there;
guint fake_uplink_reads;

struct VsfHostPoll {
    VsfHostPollDone done;
    gpointer user_data;
    guint timer;
};

static void
add_interface(VsfHostCounters *counters, int ifindex, const char *name, gboolean is_bridge)
{
    VsfHostInterface one = {
        .ifindex = ifindex, .is_bridge = is_bridge, .mac_counters = vsf_mac_counters_unknown()};

    g_strlcpy(one.name, name, sizeof(one.name));
    g_array_append_val(counters->interfaces, one);
}

static VsfHostCounters *
read_host(void)
{
    VsfHostCounters *counters = vsf_host_counters_new();

    counters->cpu.cpus = 3;
    if (fake_uplink_there)
        add_interface(counters, FAKE_UPLINK, "eth0", FALSE);
    if (fake_bridge_there)
        add_interface(counters, FAKE_BRIDGE, "br0", TRUE);
    return counters;
}

static gboolean
answer(gpointer user_data)
{
    VsfHostPoll *poll = user_data;
    g_autoptr(VsfHostCounters) counters = read_host();

    poll->timer = 0;
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

/* --- uplink-poll.h ------------------------------------------------------------ */

struct VsfUplinkPoll {
    VsfUplinkPollDone done;
    gpointer user_data;
    guint timer;
};

static gboolean
answer_uplinks(gpointer user_data)
{
    VsfUplinkPoll *poll = user_data;
    g_autoptr(VsfHostCounters) counters = read_host();

    poll->timer = 0;
    fake_uplink_reads++;
    poll->done(counters, poll->user_data);
    return G_SOURCE_REMOVE;
}

VsfUplinkPoll *
vsf_uplink_poll_new(VsfUplinkRead read G_GNUC_UNUSED, VsfUplinkPollDone done, gpointer user_data)
{
    VsfUplinkPoll *poll = g_new0(VsfUplinkPoll, 1);

    poll->done = done;
    poll->user_data = user_data;
    return poll;
}

void
vsf_uplink_poll_free(VsfUplinkPoll *poll)
{
    g_clear_handle_id(&poll->timer, g_source_remove);
    g_free(poll);
}

void
vsf_uplink_poll_begin(VsfUplinkPoll *poll)
{
    if (poll->timer == 0)
        poll->timer = g_timeout_add(0, answer_uplinks, poll);
}
