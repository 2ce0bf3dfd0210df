/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client that goes still has to say: sent as the other side takes it, while everything else
 * goes on. Main thread. */
#pragma once

#include "stream.h"

typedef struct VsfOvsParting VsfOvsParting;

/* Takes @stream. It is closed when a reply to the request @id came, when it ends, or after
 * @timeout_ms. */
VsfOvsParting *vsf_ovs_parting_new(VsfOvsStream *stream, const char *text, const char *id,
                                   guint timeout_ms);
void vsf_ovs_parting_free(VsfOvsParting *parting); /* takes NULL; what was not sent is lost */

gboolean vsf_ovs_parting_is_over(const VsfOvsParting *parting);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsParting, vsf_ovs_parting_free)
