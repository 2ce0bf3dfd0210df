/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the status document (docs/status-json.md), for the files that make it. */
#pragma once

#include "domain-poll.h"
#include "guests.h"
#include "ovs/plan.h"
#include "vfs.h"

#include <json-glib/json-glib.h>

void vsf_status_int_member(JsonBuilder *builder, const char *name, gint64 value);

/* NULL is null; what is not UTF-8 is made valid: JSON has no place for it. */
void vsf_status_text_member(JsonBuilder *builder, const char *name, const char *text);

/* The same as an array's element. */
void vsf_status_text_element(JsonBuilder *builder, const char *text);

/* Seconds since @since_us (monotonic); null if it is 0, never. */
void vsf_status_age_member(JsonBuilder *builder, const char *name, gint64 since_us);

const char *vsf_status_direction(VsfDirection direction); /* "once" ... */
/* Null if it is VSF_UNKNOWN, or beyond what JSON's integers hold. */
void vsf_status_number_member(JsonBuilder *builder, const char *name, guint64 value);

/* The member "switch" of an interface; @port NULL: it is on no bridge of Open vSwitch that is
 * known. */
void vsf_status_switch_member(JsonBuilder *builder, const VsfOvsSnapshot *ports,
                              const VsfOvsPort *port);

/* The members of vms[] that tell of what the host reads of it: counters and rates (of @poll),
 * interfaces, balloon. @links: of vsf_registry_links(), or NULL. @ports: what Open vSwitch says,
 * or NULL. @vfs: or NULL. */
void vsf_status_vm_members(JsonBuilder *builder, const VsfDomain *domain, GHashTable *links,
                           const VsfOvsSnapshot *ports, const VsfVfs *vfs,
                           const VsfPollStatus *poll);

/* The member "nova" of vms[]: null for a VM of nobody's cloud. */
void vsf_status_nova_member(JsonBuilder *builder, const VsfNova *nova);

/* The members of vms[] that tell of the guest's inside. */
void vsf_status_guest_members(JsonBuilder *builder, const VsfGuests *guests,
                              const VsfDomain *domain);
