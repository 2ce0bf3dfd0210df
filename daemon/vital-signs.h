/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the daemon itself fares, in one place: for the service manager, for the status
 * document, and for collectors, which see each node's daemon from afar. Reads every
 * room and changes none. Main thread only. */
#pragma once

#include "app.h"
#include "service.h"

typedef struct {
    gboolean up; /* interfaces are watched, samplers and sender work; libvirt need not be there */
    gboolean connected; /* to libvirt */
    guint n_domains;
    guint taps_wanted, taps_sampled;
    guint n_collectors, n_collectors_down;
} VsfVitalSigns;

VsfVitalSigns vsf_vital_signs(const VsfApp *app);

/* A VsfServiceLookFunc; @app is a VsfApp. */
void vsf_vital_signs_look(VsfServiceLook *look, gpointer app);
