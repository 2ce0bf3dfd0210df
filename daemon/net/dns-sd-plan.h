/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When DNS is asked, and what its answers lead to: which settings are in force. Pure; time and
 * chance are arguments. */
#pragma once

#include "dns-sd-parse.h"

typedef struct {                  /* seconds */
    guint first_min, first_max;   /* the first question */
    guint ttl_min, ttl_max;       /* bounds of what a TTL may ask for */
    guint ttl_absent;             /* without one */
    guint retry_min, retry_max;   /* after a question that failed: doubles */
    guint none_answers, none_for; /* so many answers over so long that there is nothing end it */
    guint spread;                 /* a change is put in force after so long at most */
} VsfDnsTimes;

/* 1 to 10; 10 to a day; 300; 10 to 300; 3 over 300; 30. */
extern const VsfDnsTimes vsf_dns_times;

typedef struct {
    const VsfDnsTimes *times;
    gint64 due_us;       /* the next question */
    gint64 apply_us;     /* when @wanted comes into force; 0: nothing waits */
    gint64 none_from_us; /* the first of @n_none answers one after the other */
    guint n_none, n_failed;
    VsfDnsSettings *in_force; /* NULL: DNS did not say anything yet; no collectors: send nothing */
    VsfDnsSettings *wanted;
} VsfDnsPlan;

/* @last: in force from the start, from an earlier run; copied, or NULL. @chance from 0 up to,
 * but not including, 1, here and below. */
void vsf_dns_plan_init(VsfDnsPlan *plan, const VsfDnsTimes *times, const VsfDnsSettings *last,
                       gint64 now_us, double chance);
void vsf_dns_plan_clear(VsfDnsPlan *plan);

typedef enum {
    VSF_DNS_PLAN_WAIT,  /* nothing is due */
    VSF_DNS_PLAN_APPLY, /* @in_force changed just now */
    VSF_DNS_PLAN_ASK,   /* and it is not due again until vsf_dns_plan_answer() */
} VsfDnsPlanStep;

/* What is due; to be called again until it is WAIT. */
VsfDnsPlanStep vsf_dns_plan_step(VsfDnsPlan *plan, gint64 now_us);

/* When something is due next; -1: not before there is an answer. */
gint64 vsf_dns_plan_next_us(const VsfDnsPlan *plan);

/* A question was answered, or not. @settings with VSF_DNS_FOUND alone, copied. */
void vsf_dns_plan_answer(VsfDnsPlan *plan, VsfDnsOutcome outcome, const VsfDnsSettings *settings,
                         gboolean has_ttl, guint32 ttl_s, gint64 now_us, double chance);

/* What will be in force when nothing more is said: what is kept for the next run. NULL: nothing. */
const VsfDnsSettings *vsf_dns_plan_latest(const VsfDnsPlan *plan);
