/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame-kinds.h"

static const VsfMacFrames nothing = {VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN};
static const VsfFrameKindsLast none = {{VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN}, VSF_UNKNOWN, FALSE};

VsfMacCounters
vsf_mac_counters_unknown(void)
{
    return (VsfMacCounters){nothing, nothing};
}

VsfInterfaceKindsLast
vsf_interface_kinds_last_none(void)
{
    return (VsfInterfaceKindsLast){none, none};
}

static gboolean
has_kinds(const VsfMacFrames *mac)
{
    return mac->multicast != VSF_UNKNOWN || mac->broadcast != VSF_UNKNOWN;
}

gboolean
vsf_mac_counters_has_kinds(const VsfMacCounters *mac)
{
    return has_kinds(&mac->in) || has_kinds(&mac->out);
}

static gboolean
lacks(guint64 last, guint64 now)
{
    return last != VSF_UNKNOWN && now == VSF_UNKNOWN;
}

static gboolean
lacks_any(const VsfMacFrames *last, const VsfMacFrames *now)
{
    return lacks(last->frames, now->frames) || lacks(last->multicast, now->multicast) ||
           lacks(last->broadcast, now->broadcast);
}

static gboolean
falls(guint64 last, guint64 now)
{
    return last != VSF_UNKNOWN && now != VSF_UNKNOWN && now < last;
}

/* Also where the MAC tells what it did not before: unicast was another number then. */
static gboolean
begins_anew(const VsfFrameKindsLast *last, const VsfMacFrames *now)
{
    return falls(last->mac.frames, now->frames) || falls(last->mac.multicast, now->multicast) ||
           falls(last->mac.broadcast, now->broadcast) ||
           (last->begun && lacks_any(now, &last->mac));
}

static guint64
or_zero(guint64 value)
{
    return value == VSF_UNKNOWN ? 0 : value;
}

static VsfFrameKinds
kinds_of(guint64 packets, guint64 multicast, const VsfMacFrames *mac)
{
    VsfFrameKinds kinds = {.multicast = mac->multicast, .broadcast = mac->broadcast};
    guint64 all = packets, others;

    if (mac->frames != VSF_UNKNOWN && mac->multicast != VSF_UNKNOWN &&
        mac->broadcast != VSF_UNKNOWN)
        all = mac->frames;
    /* Many drivers leave the kernel's at 0, which says nothing. */
    if (kinds.multicast == VSF_UNKNOWN && multicast > 0)
        kinds.multicast = multicast;
    if (!g_uint64_checked_add(&others, or_zero(kinds.multicast), or_zero(kinds.broadcast)))
        others = VSF_UNKNOWN;
    kinds.unicast = all == VSF_UNKNOWN ? VSF_UNKNOWN : all - MIN(all, others);
    return kinds;
}

static gboolean
next(VsfFrameKindsLast *last, guint64 packets, guint64 multicast, const VsfMacFrames *told,
     gboolean anew, VsfFrameKinds *kinds)
{
    /* Of all its frames alone nothing follows. */
    const VsfMacFrames *mac = has_kinds(told) ? told : &nothing;

    if (anew)
        *last = none;
    if (lacks_any(&last->mac, mac)) {
        *kinds = (VsfFrameKinds){VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN};
        return anew;
    }
    anew |= begins_anew(last, mac);
    *kinds = kinds_of(packets, multicast, mac);
    if (!anew && falls(last->unicast, kinds->unicast))
        kinds->unicast = last->unicast;
    last->mac = *mac;
    if (kinds->unicast != VSF_UNKNOWN)
        last->unicast = kinds->unicast;
    last->begun = TRUE;
    return anew;
}

gboolean
vsf_interface_kinds_next(VsfInterfaceKindsLast *last, const VsfNetCounters *net,
                         const VsfMacCounters *mac, gboolean anew, VsfInterfaceKinds *kinds)
{
    /* Both are walked: each keeps its part. */
    gboolean in = next(&last->in, net->packets_in, net->multicast_in, &mac->in, anew, &kinds->in);
    /* No kernel counts transmitted multicast. */
    gboolean out = next(&last->out, net->packets_out, VSF_UNKNOWN, &mac->out, anew, &kinds->out);

    return in || out;
}
