/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's vital signs: read from every room, told to the service manager on each
 * beat and to collectors once an interval, at a phase of its own. Main thread only. */
#pragma once

#include "app.h"
#include "service.h"
#include "vital-signs.h"

typedef struct VsfVitals VsfVitals;

/* Everything of @app is there; it is used until vsf_vitals_free(). */
VsfVitals *vsf_vitals_new(VsfApp *app);
void vsf_vitals_free(VsfVitals *vitals);

/* The app has another one. */
void vsf_vitals_config_changed(VsfVitals *vitals);

/* As of now, but the quantiles, which are those of the last interval that is over. */
VsfVitalSigns vsf_vitals_signs(const VsfVitals *vitals);

/* A VsfServiceLookFunc; @app is a VsfApp. */
void vsf_vitals_look(VsfServiceLook *look, gpointer app);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfVitals, vsf_vitals_free)
