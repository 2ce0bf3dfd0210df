/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manners-fixture.h"

const VsfAgentTerms terms = {
    .filesystems_interval_s = 60,
    .os_interval_s = 600,
    .timeout_s = 2,
};

VsfAgentManners
just_connected(gint64 now_us)
{
    VsfAgentManners manners = {0};

    vsf_agent_manners_connected(&manners, now_us, 2 * S);
    return manners;
}

gboolean
turn(VsfAgentManners *manners, VsfAgentTurn how, gint64 slowest_us, gint64 *now_us)
{
    guint32 wants;

    *now_us = vsf_agent_manners_due_us(manners);
    g_assert_cmpint(*now_us, >, 0);
    g_assert_false(vsf_agent_manners_is_quarantined(manners, *now_us));
    wants = vsf_agent_manners_wants(manners, &terms, *now_us);
    vsf_agent_manners_asked(manners, *now_us);
    return vsf_agent_manners_ended(manners, &terms, wants, how, slowest_us, *now_us);
}

void
assert_due_in(const VsfAgentManners *manners, gint64 now_us, gint64 in_us)
{
    g_assert_cmpint(vsf_agent_manners_due_us(manners), ==, now_us + in_us);
}

VsfAgentManners
quarantined(gint64 *now_us)
{
    VsfAgentManners manners = just_connected(NOW);

    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, now_us);
    for (guint i = 1; i < VSF_AGENT_SLOW_TIMES; i++)
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, now_us));
    g_assert_true(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, now_us));
    return manners;
}
