/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counter samples of VMs and hosts as rows of a table for people. Pure. */
#pragma once

#include "samples.h"

#define VSF_ROWS_MAX 65536 /* sources whose last sample is kept; at one more all are forgotten */

typedef struct VsfRows VsfRows;

VsfRows *vsf_rows_new(void);
void vsf_rows_free(VsfRows *rows);

/* The line above the rows. Static. */
const char *vsf_rows_title(void);

/* Appends a row if the sample is of a VM or a host; rates are between it and the source's sample
 * before, - where there is none, ? where the sender does not know. */
void vsf_rows_add(VsfRows *rows, GString *to, const VsfSamples *samples, const VsfSample *sample,
                  gint64 time_ns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfRows, vsf_rows_free)
