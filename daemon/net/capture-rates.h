/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At which rate a packet was picked, when the rate changes while packets lie in the
 * ring. Pure; times are monotonic. */
#pragma once

#include <glib.h>

#define VSF_CAPTURE_RATE_MAX 10000000
#define VSF_CAPTURE_PAST_RATES 4

typedef struct {
    guint32 rate; /* in force */
    struct {
        gint64 until_ns;
        guint32 rate;
    } past[VSF_CAPTURE_PAST_RATES]; /* the newest first; zeros: there was none */
} VsfCaptureRates;

/* The first one. */
void vsf_capture_rates_init(VsfCaptureRates *rates, guint32 rate);

/* Another one from @now_ns on. Of more than the past's size the oldest is forgotten. */
void vsf_capture_rates_change(VsfCaptureRates *rates, guint32 rate, gint64 now_ns);

guint32 vsf_capture_rates_at(const VsfCaptureRates *rates, gint64 time_ns);
