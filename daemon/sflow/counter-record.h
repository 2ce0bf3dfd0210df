/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a record of a counter sample begins and ends. Of the encoder alone. */
#pragma once

#include "counter.h"

/* Returns where the body begins, for vsf_sflow_record_end(). */
size_t vsf_sflow_record_begin(VsfXdr *xdr, uint32_t format);
void vsf_sflow_record_end(VsfXdr *xdr, VsfSflowSample *sample, size_t body_at);

/* host_net_io and virt_net_io have the same fields. */
void vsf_sflow_net_body(VsfXdr *xdr, const VsfSflowVirtNet *record);
