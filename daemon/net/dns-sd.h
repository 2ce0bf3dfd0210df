/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings from DNS (DNS service discovery, as Host sFlow has it): asks again and again, and
 * says when what DNS wants changed. The questions run on a thread of their own; of a resolver that
 * hangs that thread is all that waits, and no longer than VSF_DNS_ASK_MAX_S. Main thread only. */
#pragma once

#include "dns-sd-ask.h"
#include "dns-sd-plan.h"

typedef struct VsfDnsSd VsfDnsSd;

typedef struct {
    const char *domain;         /* where to ask; NULL: the search domains of resolv.conf */
    const VsfDnsSettings *last; /* the last good answer of an earlier run, in force already */
    /* For tests; NULL: those of resolv.conf, and vsf_dns_times. */
    const VsfNameServers *servers;
    const VsfDnsTimes *times;
} VsfDnsSdOptions;

typedef struct {
    /* What is in force changed; without collectors nothing is to be sent. */
    void (*changed)(const VsfDnsSettings *settings, gpointer user_data);
    /* What is to be kept for the next run changed. May be NULL. */
    void (*keep)(gpointer user_data);
} VsfDnsSdCallbacks;

/* @options: copied. Nothing is called from within. */
VsfDnsSd *vsf_dns_sd_new(const VsfDnsSdOptions *options, const VsfDnsSdCallbacks *callbacks,
                         gpointer user_data);
/* Waits for nothing. Takes NULL. */
void vsf_dns_sd_free(VsfDnsSd *dns);

/* For the state file; NULL: DNS never said anything. */
const VsfDnsSettings *vsf_dns_sd_latest(const VsfDnsSd *dns);
/* NULL: what the files say. */
const VsfDnsSettings *vsf_dns_sd_in_force(const VsfDnsSd *dns);

typedef struct {
    const char *domain;  /* that answered last, or else is asked; NULL: not known yet */
    const char *state;   /* "waiting", "answered", "nothing" or "failing" */
    const char *error;   /* of the last question, or NULL */
    const char *ignored; /* what of the last answer was left out, or NULL */
    gint64 answered_us;  /* monotonic, the last answer; 0: never */
    gint64 next_us;      /* monotonic, the next question; 0: one is out */
    gint64 change_us;    /* monotonic, when a change comes into force; 0: none waits */
    gint64 ttl_s;        /* of the last answer; -1: it had none */
    guint64 n_answers, n_failures;
} VsfDnsSdStatus;
VsfDnsSdStatus vsf_dns_sd_status(const VsfDnsSd *dns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDnsSd, vsf_dns_sd_free)
