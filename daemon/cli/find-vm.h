/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM that somebody means. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* The one object of @status's vms whose name, domain, UUID (8 of its characters at least) or
 * index @what is; it stays the document's. NULL with @error if there is none or more than
 * one: the message is safe for a terminal. A name counts before a domain, that before a UUID
 * and that before an index, since a VM may be named like another's index. */
JsonObject *vsf_find_vm(JsonObject *status, const char *what,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Names of all VMs that a shell takes as they are, one a line. */
char *vsf_vm_names(JsonObject *status);
