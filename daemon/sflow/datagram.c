/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datagram.h"

#include <string.h>

#define SFLOW_VERSION 5
#define MIN_SIZE 512
#define MAX_SIZE 65507 /* UDP payload over IPv4 */

struct VsfSflowDatagram {
    VsfSflowAddress agent;
    uint32_t sub_agent_id;
    uint32_t sequence; /* of the datagram sent last */
    VsfSflowDatagramFunc out;
    gpointer user_data;
    guint n_samples;
    gboolean first; /* what is collected are first samples */
    size_t header_size;
    size_t size; /* of @data: most bytes of a datagram */
    size_t used;
    uint8_t data[];
};

static uint32_t
address_size(const VsfSflowAddress *address)
{
    return address->family == 2 ? 16 : 4;
}

VsfSflowDatagram *
vsf_sflow_datagram_new(const VsfSflowAddress *agent, uint32_t sub_agent_id, size_t size,
                       VsfSflowDatagramFunc out, gpointer user_data)
{
    size_t bounded = CLAMP(size, MIN_SIZE, MAX_SIZE);
    VsfSflowDatagram *datagram = g_malloc0(sizeof(*datagram) + bounded);

    g_assert(agent->family == 1 || agent->family == 2);
    datagram->agent = *agent;
    datagram->sub_agent_id = sub_agent_id;
    datagram->out = out;
    datagram->user_data = user_data;
    /* version, address type, address, sub-agent, sequence, uptime, count */
    datagram->header_size = 6 * 4 + address_size(agent);
    datagram->size = bounded;
    datagram->used = datagram->header_size;
    return datagram;
}

void
vsf_sflow_datagram_free(VsfSflowDatagram *datagram)
{
    g_free(datagram);
}

size_t
vsf_sflow_datagram_room(const VsfSflowDatagram *datagram)
{
    return datagram->size - datagram->header_size;
}

gboolean
vsf_sflow_datagram_add(VsfSflowDatagram *datagram, const uint8_t *sample, size_t size,
                       gboolean first, uint32_t uptime_ms)
{
    gboolean full = size > datagram->size - datagram->used;
    gboolean other_kind = datagram->n_samples > 0 && !first != !datagram->first;

    g_return_val_if_fail(size > 0 && size % 4 == 0, FALSE);
    if (size > vsf_sflow_datagram_room(datagram))
        return FALSE;
    if (full || other_kind)
        vsf_sflow_datagram_flush(datagram, uptime_ms);
    memcpy(datagram->data + datagram->used, sample, size);
    datagram->used += size;
    datagram->n_samples++;
    datagram->first = first;
    return TRUE;
}

void
vsf_sflow_datagram_flush(VsfSflowDatagram *datagram, uint32_t uptime_ms)
{
    VsfXdr xdr = VSF_XDR_INIT(datagram->data, datagram->header_size);
    size_t used = datagram->used;

    if (datagram->n_samples == 0)
        return;
    vsf_xdr_u32(&xdr, SFLOW_VERSION);
    vsf_xdr_u32(&xdr, datagram->agent.family);
    vsf_xdr_fixed(&xdr, datagram->agent.bytes, address_size(&datagram->agent));
    vsf_xdr_u32(&xdr, datagram->sub_agent_id);
    vsf_xdr_u32(&xdr, ++datagram->sequence);
    vsf_xdr_u32(&xdr, uptime_ms);
    vsf_xdr_u32(&xdr, datagram->n_samples);
    datagram->n_samples = 0;
    datagram->used = datagram->header_size;
    datagram->out(datagram->data, used, datagram->user_data);
}

guint
vsf_sflow_datagram_pending(const VsfSflowDatagram *datagram)
{
    return datagram->n_samples;
}
