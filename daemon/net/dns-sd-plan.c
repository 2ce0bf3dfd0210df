/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-sd-plan.h"

#define DAY_S (24 * 3600)
#define ASKING G_MAXINT64 /* the answer is out */

const VsfDnsTimes vsf_dns_times = {
    .first_min = 1,
    .first_max = 10,
    .ttl_min = 10,
    .ttl_max = DAY_S,
    .ttl_absent = 300,
    .retry_min = 10,
    .retry_max = 300,
    .none_answers = 3,
    .none_for = 300,
    .spread = 30,
};

static gint64
seconds(double s)
{
    return (gint64)(s * G_USEC_PER_SEC);
}

void
vsf_dns_plan_init(VsfDnsPlan *plan, const VsfDnsTimes *times, const VsfDnsSettings *last,
                  gint64 now_us, double chance)
{
    *plan = (VsfDnsPlan){.times = times};
    plan->due_us = now_us +
                   seconds(times->first_min + chance * (times->first_max - times->first_min));
    if (last != NULL)
        plan->in_force = vsf_dns_settings_copy(last);
}

void
vsf_dns_plan_clear(VsfDnsPlan *plan)
{
    g_clear_pointer(&plan->in_force, vsf_dns_settings_free);
    g_clear_pointer(&plan->wanted, vsf_dns_settings_free);
}

VsfDnsPlanStep
vsf_dns_plan_step(VsfDnsPlan *plan, gint64 now_us)
{
    if (plan->wanted != NULL && now_us >= plan->apply_us) {
        vsf_dns_settings_free(plan->in_force);
        plan->in_force = g_steal_pointer(&plan->wanted);
        plan->apply_us = 0;
        return VSF_DNS_PLAN_APPLY;
    }
    if (now_us >= plan->due_us) {
        plan->due_us = ASKING;
        return VSF_DNS_PLAN_ASK;
    }
    return VSF_DNS_PLAN_WAIT;
}

gint64
vsf_dns_plan_next_us(const VsfDnsPlan *plan)
{
    gint64 next_us = plan->wanted != NULL ? MIN(plan->apply_us, plan->due_us) : plan->due_us;

    return next_us == ASKING ? -1 : next_us;
}

/* A change that waits is replaced, but not put off: else one that comes again and again would
 * never be put in force. The first that DNS says is no change, and the first question was
 * spread already. */
static void
want(VsfDnsPlan *plan, const VsfDnsSettings *settings, gint64 now_us, double chance)
{
    gboolean waits = plan->wanted != NULL;

    g_clear_pointer(&plan->wanted, vsf_dns_settings_free);
    if (vsf_dns_settings_equal(settings, plan->in_force)) {
        plan->apply_us = 0;
        return;
    }
    plan->wanted = vsf_dns_settings_copy(settings);
    if (!waits)
        plan->apply_us = now_us +
                         (plan->in_force != NULL ? seconds(chance * plan->times->spread) : 0);
}

/* That there is nothing ends what runs only when it was said often and for long. */
static void
count_none(VsfDnsPlan *plan, gint64 now_us, double chance)
{
    if (plan->n_none++ == 0)
        plan->none_from_us = now_us;
    if (plan->n_none >= plan->times->none_answers &&
        now_us - plan->none_from_us >= seconds(plan->times->none_for)) {
        g_autoptr(VsfDnsSettings) nothing = vsf_dns_settings_new();

        want(plan, nothing, now_us, chance);
    }
}

static guint
retry_s(VsfDnsPlan *plan)
{
    guint wait_s = plan->times->retry_min;

    for (guint i = 0; i < plan->n_failed && wait_s < plan->times->retry_max; i++)
        wait_s *= 2;
    plan->n_failed++;
    return MIN(wait_s, plan->times->retry_max);
}

void
vsf_dns_plan_answer(VsfDnsPlan *plan, VsfDnsOutcome outcome, const VsfDnsSettings *settings,
                    gboolean has_ttl, guint32 ttl_s, gint64 now_us, double chance)
{
    const VsfDnsTimes *times = plan->times;
    guint wait_s = has_ttl ? CLAMP(ttl_s, times->ttl_min, times->ttl_max) : times->ttl_absent;

    switch (outcome) {
    case VSF_DNS_FOUND:
        plan->n_none = plan->n_failed = 0;
        want(plan, settings, now_us, chance);
        break;
    case VSF_DNS_NONE:
        plan->n_failed = 0;
        /* As negative answers are kept for at most, or their end would be missed. */
        wait_s = MIN(wait_s, times->ttl_absent);
        count_none(plan, now_us, chance);
        break;
    case VSF_DNS_FAILED:
        wait_s = retry_s(plan);
        break;
    }
    plan->due_us = now_us + seconds(wait_s);
}

const VsfDnsSettings *
vsf_dns_plan_latest(const VsfDnsPlan *plan)
{
    return plan->wanted != NULL ? plan->wanted : plan->in_force;
}
