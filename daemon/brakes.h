/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds the daemon back: the limit on its own CPU time ([daemon] cpu-limit, by
 * model/cpu-brake). Main thread only. */
#pragma once

#include "flows.h"
#include "status.h"

typedef struct VsfBrakes VsfBrakes;

/* Everything is used until vsf_brakes_free(). */
VsfBrakes *vsf_brakes_new(const VsfConfig *config, VsfFlows *flows);
void vsf_brakes_free(VsfBrakes *brakes);

/* Instead of the one before. */
void vsf_brakes_set_config(VsfBrakes *brakes, const VsfConfig *config);

/* How many times fewer samples are taken than when the CPU time came above its limit: a
 * power of two, 1 while nothing is cut for its sake. */
guint32 vsf_brakes_factor(const VsfBrakes *brakes);

/* CPU time of the daemon, percent of a core over the last 30 s (or since the factor changed); 0
 * while there is no limit. */
double vsf_brakes_cpu_percent(const VsfBrakes *brakes);

/* The member "cpu" of the status. */
void vsf_brakes_status_members(JsonBuilder *builder, const VsfBrakes *brakes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfBrakes, vsf_brakes_free)
