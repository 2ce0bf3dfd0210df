/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's typed parameters of one domain -> VsfDomainStats. Pure; any thread. */
#pragma once

#include "stats.h"

#include <libvirt/libvirt.h>

#define VSF_STATS_MAX_BLOCKS 512

/* Unknown names, wrong types, numbers that do not fit and block devices beyond
 * the bound are left out. has_blocks is FALSE if libvirt told no device's
 * counters although there are devices: with NOWAIT that is a busy domain. */
VsfDomainStats *vsf_stats_parse(const char *uuid, const virTypedParameter *params, int n_params);

/* Everything unknown. */
VsfDomainStats *vsf_domain_stats_new(const char *uuid);
