/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sampling rates by the speed of a physical port: a short list of them, and the rate for a port.
 * A tap's speed is fiction and has no part in this. Pure. */
#pragma once

#include <glib.h>

#define VSF_SPEEDS_MAX 16 /* in one list */
#define VSF_SPEED_SAMPLING_MAX 10000000

typedef struct {
    guint64 bits_per_second;
    guint sampling; /* 1 in so many; 0: off */
} VsfSpeedRate;

/* "10M", "2.5G" ...: bits per second; 0: is none. */
guint64 vsf_speed_parse(const char *text);

/* As vsf_speed_parse() reads it, "1G" and not "1000M", in steps of 100 kbit/s; the caller frees. */
char *vsf_speed_text(guint64 bits_per_second);

/* Of VsfSpeedRate, slowest first, no speed twice. */
GArray *vsf_speed_rates_new(void);
GArray *vsf_speed_rates_copy(const GArray *rates);

gboolean vsf_speed_rates_has(const GArray *rates, guint64 bits_per_second);

/* Instead of what it has for that speed. FALSE: the list is full. */
gboolean vsf_speed_rates_set(GArray *rates, guint64 bits_per_second, guint sampling);
void vsf_speed_rates_unset(GArray *rates, guint64 bits_per_second);

/* 1 in how many packets of a physical port of that speed (0: unknown) are sampled: what @rates have
 * for exactly that speed; else one in as many as it moves megabits a second, at least one in 100,
 * as Host sFlow has it; of an unknown speed @sampling. Where @sampling is 0, off, only @rates turn
 * a port on. */
guint vsf_speed_sampling(const GArray *rates, guint sampling, guint64 bits_per_second);
