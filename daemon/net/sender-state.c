/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-state.h"

#include <errno.h>

#define FIRST_LOOKUP_S 5
#define MOST_LOOKUP_S 60

static const struct {
    const char *name, *remedy;
} kinds[VSF_N_SEND_ERRORS] = {
    [VSF_SEND_REFUSED] = {"refused", "check that the collector runs there, on that port"},
    [VSF_SEND_UNREACHABLE] = {"unreachable", "check the route to it and that its host is up"},
    [VSF_SEND_FORBIDDEN] = {"forbidden", "check the firewalls, this host's too"},
    [VSF_SEND_FULL] = {"full", "check the interface that leads to it, it sends too slowly"},
    [VSF_SEND_TOO_BIG] = {"too_big", "lower [sflow] datagram-bytes"},
    [VSF_SEND_NO_ADDRESS] = {"no_address", "check the name and this host's DNS"},
    [VSF_SEND_OTHER] = {"other", "the kernel's log may say more"},
};

VsfSendError
vsf_send_error_of(int code)
{
    switch (code) {
    case ECONNREFUSED:
        return VSF_SEND_REFUSED;
    case EPERM:
    case EACCES:
        return VSF_SEND_FORBIDDEN;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        return VSF_SEND_FULL;
    case EMSGSIZE:
        return VSF_SEND_TOO_BIG;
    case EINVAL: /* a blackhole route, a source address that is gone */
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case ENODEV:
    case ENXIO:
    case ENONET:
        return VSF_SEND_UNREACHABLE;
    default:
        return VSF_SEND_OTHER;
    }
}

const char *
vsf_send_error_name(VsfSendError kind)
{
    return kinds[kind].name;
}

const char *
vsf_send_error_remedy(VsfSendError kind)
{
    return kinds[kind].remedy;
}

gboolean
vsf_sender_state_fault(VsfSenderState *state, gint64 now_us)
{
    gboolean begins = !state->failing;

    if (begins) {
        state->since_us = state->first_fault_us = now_us;
        state->n_faults = 0;
        state->n_lookups = 0;
    }
    state->failing = TRUE;
    state->last_fault_us = now_us;
    state->n_faults++;
    return begins;
}

gboolean
vsf_sender_state_clean(VsfSenderState *state, gint64 now_us)
{
    if (!state->failing || now_us - state->last_fault_us < VSF_SENDER_RECOVERED_US)
        return FALSE;
    return vsf_sender_state_over(state, now_us);
}

gboolean
vsf_sender_state_over(VsfSenderState *state, gint64 now_us)
{
    if (!state->failing)
        return FALSE;
    state->failing = FALSE;
    state->since_us = now_us;
    return TRUE;
}

guint
vsf_sender_state_outage_s(const VsfSenderState *state)
{
    return (guint)((state->last_fault_us - state->first_fault_us + G_USEC_PER_SEC / 2) /
                   G_USEC_PER_SEC);
}

guint
vsf_sender_state_next_lookup_s(VsfSenderState *state)
{
    guint wait_s = FIRST_LOOKUP_S << MIN(state->n_lookups, 4);

    state->n_lookups++;
    return MIN(wait_s, MOST_LOOKUP_S);
}
