/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtual function (SR-IOV) of one of the host's network cards, as the card's driver tells it. */
#pragma once

#include "counters.h"

typedef struct {
    guint32 number; /* of its physical function's, from 0 */
    guint8 mac[6];  /* that the host gave it; zero: none */
    guint16 vlan;   /* that the card puts its frames into; 0: none */
    /* In the guest's view: rx is what it received. All VSF_UNKNOWN for a card that counts nothing,
     * which the kernel tells as zeros. Errors are not told. */
    VsfNetCounters net;
} VsfVf;
