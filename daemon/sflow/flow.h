/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flow samples (format 0:3, expanded): one sampled packet each. */
#pragma once

#include "counter.h"

#define VSF_SFLOW_VLAN_UNKNOWN UINT32_MAX
#define VSF_SFLOW_FCS 4 /* frame_length includes it, the kernel never shows it */

typedef struct {
    uint32_t sequence;
    VsfSflowSource source;   /* 0:ifIndex of the tap */
    VsfSflowSource from, to; /* 3:index of the VM that sent it, and that gets it; 0:0 unknown */
    uint32_t sampling_rate;  /* N of 1-in-N in force when the packet was picked */
    uint32_t sample_pool;
    uint32_t drops;
    uint32_t input, output; /* ifIndex, 0 = unknown */
    /* VLAN that a switch gives frames without a tag at input and output, 0 = none known. */
    uint16_t input_vlan, output_vlan;
    uint32_t frame_length; /* bytes on the wire without FCS; the encoder adds it */
    const uint8_t *header;
    uint32_t header_length;
    gint64 time_ns; /* since the epoch; 0: no timestamp record */
} VsfSflowFlow;

/* Writes the whole sample: sampled_header (0:1), timestamp (0:1043), extended_entities
 * (0:2210) and, if the frame carries an 802.1Q or 802.1ad tag, extended_switch (0:1001)
 * with VLAN and priority, the same on both sides; for a frame without one, where the VLAN of
 * a port is known, with that one's (priority 0), and unknown on a side where it is not. Never 0:3
 * or 0:4 beside the header. The entities come last: Wireshark 4.0 reads the body of a record that
 * it does not know as the next record, so that it can take one such, at the end, but not the
 * timestamp too. */
void vsf_sflow_flow(VsfXdr *xdr, const VsfSflowFlow *flow);

/* Upper bound of what vsf_sflow_flow() writes for that header length. */
size_t vsf_sflow_flow_size(uint32_t header_length);
