/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash that leaves the host: in names of metrics, and in which VMs are chosen.
 * So it is the same on every host and in every version: 32-bit FNV-1a, bytewise. */
#pragma once

#include <glib.h>

#define VSF_FNV_START 0x811c9dc5u

/* Goes on from @hash, VSF_FNV_START for the first bytes. */
guint32 vsf_fnv(guint32 hash, gconstpointer bytes, gsize size);
