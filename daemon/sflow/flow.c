/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow.h"

#define FORMAT_FLOW_SAMPLE 3 /* expanded */
#define RECORD_SAMPLED_HEADER 1
#define RECORD_EXTENDED_SWITCH 1001
#define RECORD_TIMESTAMP 1043
#define RECORD_EXTENDED_ENTITIES 2210
#define HEADER_ETHERNET 1
#define INTERFACE_IF_INDEX 0 /* format of input and output: value is an ifIndex */

#define SAMPLE_SIZE 52       /* format and length included, without records */
#define SWITCH_SIZE (8 + 16) /* records with their format and length */
#define TIMESTAMP_SIZE (8 + 8)
#define ENTITIES_SIZE (8 + 16)
#define SAMPLED_HEADER_SIZE (8 + 16) /* without the header bytes */

#define MACS_SIZE 12
#define ETHERTYPE_8021Q 0x8100
#define ETHERTYPE_8021AD 0x88a8

/* The outer tag decides: it is the one that a switch port of the host would see. */
static gboolean
find_vlan_tag(const VsfSflowFlow *flow, uint16_t *tci)
{
    const uint8_t *at;
    uint16_t ethertype;

    if (flow->header_length < MACS_SIZE + 4)
        return FALSE;
    at = flow->header + MACS_SIZE;
    ethertype = (uint16_t)(at[0] << 8 | at[1]);
    if (ethertype != ETHERTYPE_8021Q && ethertype != ETHERTYPE_8021AD)
        return FALSE;
    *tci = (uint16_t)(at[2] << 8 | at[3]);
    return TRUE;
}

static void
put_sampled_header(VsfXdr *xdr, const VsfSflowFlow *flow)
{
    size_t length_at, body_at;

    vsf_xdr_u32(xdr, RECORD_SAMPLED_HEADER);
    length_at = vsf_xdr_reserve_u32(xdr);
    body_at = xdr->used;
    vsf_xdr_u32(xdr, HEADER_ETHERNET);
    vsf_xdr_u32(xdr, MIN(flow->frame_length, UINT32_MAX - VSF_SFLOW_FCS) + VSF_SFLOW_FCS);
    vsf_xdr_u32(xdr, VSF_SFLOW_FCS);
    vsf_xdr_opaque(xdr, flow->header, flow->header_length);
    vsf_xdr_patch_u32(xdr, length_at, (uint32_t)(xdr->used - body_at));
}

/* VLAN 0 is a priority without a VLAN. */
static void
put_side(VsfXdr *xdr, gboolean tagged, uint16_t tci, uint16_t port_vlan)
{
    uint16_t vlan = tci & 0x0fff;

    if (vlan == 0 && port_vlan != 0)
        vlan = port_vlan;
    vsf_xdr_u32(xdr, tagged || vlan != 0 ? vlan : VSF_SFLOW_VLAN_UNKNOWN);
    vsf_xdr_u32(xdr, tagged || vlan != 0 ? (uint32_t)tci >> 13 : VSF_SFLOW_VLAN_UNKNOWN);
}

static void
put_extended_switch(VsfXdr *xdr, const VsfSflowFlow *flow, gboolean tagged, uint16_t tci)
{
    vsf_xdr_u32(xdr, RECORD_EXTENDED_SWITCH);
    vsf_xdr_u32(xdr, SWITCH_SIZE - 8);
    put_side(xdr, tagged, tci, flow->input_vlan);
    put_side(xdr, tagged, tci, flow->output_vlan);
}

static void
put_extended_entities(VsfXdr *xdr, const VsfSflowFlow *flow)
{
    vsf_xdr_u32(xdr, RECORD_EXTENDED_ENTITIES);
    vsf_xdr_u32(xdr, ENTITIES_SIZE - 8);
    vsf_xdr_u32(xdr, flow->from.source_class);
    vsf_xdr_u32(xdr, flow->from.index);
    vsf_xdr_u32(xdr, flow->to.source_class);
    vsf_xdr_u32(xdr, flow->to.index);
}

void
vsf_sflow_flow(VsfXdr *xdr, const VsfSflowFlow *flow)
{
    uint16_t tci = 0;
    gboolean tagged = find_vlan_tag(flow, &tci);
    gboolean switched = tagged || flow->input_vlan != 0 || flow->output_vlan != 0;
    gboolean timed = flow->time_ns > 0;
    size_t length_at, body_at;

    vsf_xdr_u32(xdr, FORMAT_FLOW_SAMPLE);
    length_at = vsf_xdr_reserve_u32(xdr);
    body_at = xdr->used;
    vsf_xdr_u32(xdr, flow->sequence);
    vsf_xdr_u32(xdr, flow->source.source_class);
    vsf_xdr_u32(xdr, flow->source.index);
    vsf_xdr_u32(xdr, flow->sampling_rate);
    vsf_xdr_u32(xdr, flow->sample_pool);
    vsf_xdr_u32(xdr, flow->drops);
    vsf_xdr_u32(xdr, INTERFACE_IF_INDEX);
    vsf_xdr_u32(xdr, flow->input);
    vsf_xdr_u32(xdr, INTERFACE_IF_INDEX);
    vsf_xdr_u32(xdr, flow->output);
    vsf_xdr_u32(xdr, 2 + (switched ? 1 : 0) + (timed ? 1 : 0));
    put_sampled_header(xdr, flow);
    if (switched)
        put_extended_switch(xdr, flow, tagged, tci);
    if (timed) {
        vsf_xdr_u32(xdr, RECORD_TIMESTAMP);
        vsf_xdr_u32(xdr, TIMESTAMP_SIZE - 8);
        vsf_xdr_u64(xdr, (uint64_t)flow->time_ns);
    }
    put_extended_entities(xdr, flow);
    vsf_xdr_patch_u32(xdr, length_at, (uint32_t)(xdr->used - body_at));
}

size_t
vsf_sflow_flow_size(uint32_t header_length)
{
    return SAMPLE_SIZE + SAMPLED_HEADER_SIZE + SWITCH_SIZE + TIMESTAMP_SIZE + ENTITIES_SIZE +
           ((size_t)header_length + 3) / 4 * 4;
}
