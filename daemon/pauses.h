/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator paused (`virt-sflow pause`, `virt-sflow resume`): packet samples, questions
 * to guest agents, or both; until resumed, or for a time. It is kept nowhere: a daemon that
 * starts has paused nothing. Main thread only. */
#pragma once

#include "../include/pause.h"
#include "control/request.h"
#include "flows.h"
#include "guests.h"

#include <json-glib/json-glib.h>

typedef enum { VSF_PAUSE_SAMPLING, VSF_PAUSE_AGENTS, VSF_N_PAUSES } VsfPauseWhat;

typedef struct VsfPauses VsfPauses;

/* Both are used until vsf_pauses_free(), which leaves them as they are. */
VsfPauses *vsf_pauses_new(VsfFlows *flows, VsfGuests *guests);
void vsf_pauses_free(VsfPauses *pauses);

gboolean vsf_pauses_is_request(const VsfRequest *request);

/* Does what "pause" or "resume" asks for and answers with the member of the status. NULL with
 * @error set: G_IO_ERROR_PERMISSION_DENIED (neither root's nor our own uid asks),
 * G_IO_ERROR_INVALID_ARGUMENT, or G_IO_ERROR_BUSY (@pauses is NULL: we do not work yet). */
JsonNode *vsf_pauses_answer(VsfPauses *pauses, const VsfRequest *request,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean vsf_pauses_is_on(const VsfPauses *pauses, VsfPauseWhat what);

/* The member "paused" of the status. */
void vsf_pauses_status_members(JsonBuilder *builder, const VsfPauses *pauses);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfPauses, vsf_pauses_free)
