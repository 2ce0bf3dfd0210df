/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-state.h"

#define FIRST_LOOKUP_S 5
#define MOST_LOOKUP_S 60

gboolean
vsf_sender_state_fault(VsfSenderState *state, gint64 now_us)
{
    gboolean begins = !state->failing;

    state->failing = TRUE;
    state->last_fault_us = now_us;
    if (begins)
        state->n_lookups = 0;
    return begins;
}

gboolean
vsf_sender_state_clean(VsfSenderState *state, gint64 now_us)
{
    if (!state->failing || now_us - state->last_fault_us < VSF_SENDER_RECOVERED_US)
        return FALSE;
    state->failing = FALSE;
    return TRUE;
}

guint
vsf_sender_state_next_lookup_s(VsfSenderState *state)
{
    guint wait_s = FIRST_LOOKUP_S << MIN(state->n_lookups, 4);

    state->n_lookups++;
    return MIN(wait_s, MOST_LOOKUP_S);
}
