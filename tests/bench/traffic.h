/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child process that writes frames into taps at a given rate, as their VMs would, so that the
 * process that is measured spends no time on it. */
#pragma once

#include <glib.h>

typedef struct Traffic Traffic;

typedef struct {
    guint64 frames;
    double per_s; /* as it came out */
} TrafficSent;

typedef void (*TrafficDone)(const TrafficSent *sent, gpointer user_data);

/* Forks: before any thread is started. @taps: descriptors, which the child keeps; frame number n
 * goes into tap n modulo the number of taps in use, from traffic_mac() of that tap. @cpu: on
 * which it runs. */
Traffic *traffic_new(const int *taps, guint n_taps, guint frame_bytes, int cpu);
void traffic_free(Traffic *traffic);

/* @frames into the first @n_taps taps, @rate a second. @done runs on the main loop. */
void traffic_send(Traffic *traffic, guint n_taps, guint rate, guint frames, TrafficDone done,
                  gpointer user_data);

/* Of the VM behind tap @number. */
void traffic_mac(guint number, guint8 mac[6]);
