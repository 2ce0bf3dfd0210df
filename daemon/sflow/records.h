/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records inside samples that the decoder knows, as tables of their
 * fields. Of the decoder alone. */
#pragma once

#include "reader.h"

/* Flow and counter records number separately: 0:1 is sampled_header in the one
 * and if_counters in the other. */
typedef enum {
    VSF_RECORDS_FLOW,
    VSF_RECORDS_COUNTER,
} VsfRecordKind;

/* Reads a count and as many records; tells them as the object "records": one
 * member a record by its name, and one that is not known by its format, as
 * {"length": N}. */
gboolean vsf_records_decode(VsfReader *reader, VsfRecordKind kind);
