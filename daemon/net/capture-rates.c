/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-rates.h"

#include <string.h>

void
vsf_capture_rates_init(VsfCaptureRates *rates, guint32 rate)
{
    *rates = (VsfCaptureRates){.rate = rate};
}

void
vsf_capture_rates_change(VsfCaptureRates *rates, guint32 rate, gint64 now_ns)
{
    memmove(&rates->past[1], &rates->past[0], sizeof(rates->past) - sizeof(rates->past[0]));
    rates->past[0].until_ns = now_ns;
    rates->past[0].rate = rates->rate;
    rates->rate = rate;
}

guint32
vsf_capture_rates_at(const VsfCaptureRates *rates, gint64 time_ns)
{
    guint32 rate = rates->rate;

    for (guint i = 0; i < VSF_CAPTURE_PAST_RATES && time_ns < rates->past[i].until_ns; i++)
        rate = rates->past[i].rate;
    return rate;
}
