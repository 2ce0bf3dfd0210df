/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datagram.h"

#include <string.h>

#define SFLOW_VERSION 5
#define MIN_SIZE 512
#define MAX_SIZE 65507 /* UDP payload over IPv4 */

/* What is collected for one datagram. */
typedef struct {
    VsfSflowKind kind;
    guint n_samples;
    size_t used;
    uint8_t *data;
} Part;

enum { PART_COUNTED, PART_METRICS, N_PARTS };

struct VsfSflowDatagram {
    VsfSflowAddress agent;
    uint32_t sub_agent_id;
    uint32_t sequence; /* of the datagram sent last */
    VsfSflowDatagramFunc out;
    gpointer user_data;
    size_t header_size;
    size_t size; /* most bytes of a datagram */
    Part parts[N_PARTS];
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
    VsfSflowDatagram *datagram = g_new0(VsfSflowDatagram, 1);

    datagram->out = out;
    datagram->user_data = user_data;
    vsf_sflow_datagram_change(datagram, agent, sub_agent_id, size);
    return datagram;
}

void
vsf_sflow_datagram_change(VsfSflowDatagram *datagram, const VsfSflowAddress *agent,
                          uint32_t sub_agent_id, size_t size)
{
    g_assert(agent->family == 1 || agent->family == 2);
    g_assert(vsf_sflow_datagram_pending(datagram) == 0);
    datagram->agent = *agent;
    datagram->sub_agent_id = sub_agent_id;
    /* version, address type, address, sub-agent, sequence, uptime, count */
    datagram->header_size = 6 * 4 + address_size(agent);
    datagram->size = CLAMP(size, MIN_SIZE, MAX_SIZE);
    for (guint i = 0; i < N_PARTS; i++) {
        datagram->parts[i].data = g_realloc(datagram->parts[i].data, datagram->size);
        datagram->parts[i].used = datagram->header_size;
    }
}

void
vsf_sflow_datagram_free(VsfSflowDatagram *datagram)
{
    if (datagram == NULL)
        return;
    for (guint i = 0; i < N_PARTS; i++)
        g_free(datagram->parts[i].data);
    g_free(datagram);
}

size_t
vsf_sflow_datagram_room(const VsfSflowDatagram *datagram)
{
    return datagram->size - datagram->header_size;
}

static void
flush_part(VsfSflowDatagram *datagram, Part *part, uint32_t uptime_ms)
{
    VsfXdr xdr = VSF_XDR_INIT(part->data, datagram->header_size);
    size_t used = part->used;

    if (part->n_samples == 0)
        return;
    vsf_xdr_u32(&xdr, SFLOW_VERSION);
    vsf_xdr_u32(&xdr, datagram->agent.family);
    vsf_xdr_fixed(&xdr, datagram->agent.bytes, address_size(&datagram->agent));
    vsf_xdr_u32(&xdr, datagram->sub_agent_id);
    vsf_xdr_u32(&xdr, ++datagram->sequence);
    vsf_xdr_u32(&xdr, uptime_ms);
    vsf_xdr_u32(&xdr, part->n_samples);
    part->n_samples = 0;
    part->used = datagram->header_size;
    datagram->out(part->data, used, datagram->user_data);
}

gboolean
vsf_sflow_datagram_add(VsfSflowDatagram *datagram, const uint8_t *sample, size_t size,
                       VsfSflowKind kind, uint32_t uptime_ms)
{
    Part *part = &datagram->parts[kind == VSF_SFLOW_KIND_METRICS ? PART_METRICS : PART_COUNTED];
    gboolean full = size > datagram->size - part->used;
    gboolean other_kind = part->n_samples > 0 && kind != part->kind;

    g_return_val_if_fail(size > 0 && size % 4 == 0, FALSE);
    if (size > vsf_sflow_datagram_room(datagram))
        return FALSE;
    if (full || other_kind)
        flush_part(datagram, part, uptime_ms);
    memcpy(part->data + part->used, sample, size);
    part->used += size;
    part->n_samples++;
    part->kind = kind;
    return TRUE;
}

void
vsf_sflow_datagram_flush(VsfSflowDatagram *datagram, uint32_t uptime_ms)
{
    for (guint i = 0; i < N_PARTS; i++)
        flush_part(datagram, &datagram->parts[i], uptime_ms);
}

guint
vsf_sflow_datagram_pending(const VsfSflowDatagram *datagram)
{
    return datagram->parts[PART_COUNTED].n_samples + datagram->parts[PART_METRICS].n_samples;
}
