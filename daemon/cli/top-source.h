/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the daemon again and again on a thread of its own, so that the keys are never waited for. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct VsfTopSource VsfTopSource;

typedef struct {
    JsonNode *root; /* NULL: no answer, and why */
    char *failed;
    gint64 at_us; /* monotonic */
} VsfTopAnswer;

/* Never freed: its thread may be waiting for the daemon when the command ends. @runtime_dir is
 * copied. */
VsfTopSource *vsf_top_source_start(const char *runtime_dir, guint interval_ms);

/* The newest answer that was not taken yet, or NULL. The caller frees. */
VsfTopAnswer *vsf_top_source_take(VsfTopSource *source);

void vsf_top_answer_free(VsfTopAnswer *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfTopAnswer, vsf_top_answer_free)
