/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipeline.h"

#include "../../daemon/flows.h"
#include "../../daemon/net/sender.h"
#include "../net/tap-lab.h"
#include "traffic.h"

#include <net/if.h>
#include <string.h>
#include <unistd.h>

struct Pipeline {
    guint n_taps;
    guint n_opened;
    /* PIPELINE_RING */
    VsfCapture *capture;
    guint64 n_packets;
    /* the others */
    VsfConfig *config;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfSender *sender;
    int nowhere; /* a tap that nobody reads, or 0 */
    gboolean ready;
};

/* --- the ring alone -------------------------------------------------------- */

static void
note_opened(int ifindex G_GNUC_UNUSED, gpointer user_data)
{
    ((Pipeline *)user_data)->n_opened++;
}

static void
note_failed(int ifindex, const GError *error, gpointer user_data G_GNUC_UNUSED)
{
    g_error("interface %d: %s", ifindex, error->message);
}

static void
note_packet(const VsfPacket *packet G_GNUC_UNUSED, gpointer user_data)
{
    ((Pipeline *)user_data)->n_packets++;
}

static gboolean
all_opened(gpointer user_data)
{
    Pipeline *pipeline = user_data;

    return pipeline->n_opened == pipeline->n_taps;
}

static int
ifindex_of(guint number)
{
    char name[IFNAMSIZ];

    g_snprintf(name, sizeof(name), "vnet%u", number);
    return tap_lab_ifindex(name);
}

static void
open_rings(Pipeline *pipeline)
{
    static const VsfCaptureCallbacks callbacks = {note_opened, note_failed, note_packet, NULL};
    VsfCaptureConfig config = {.header_bytes = 128, .direction = VSF_DIRECTION_BOTH};

    pipeline->capture = vsf_capture_new(&config, &callbacks, pipeline, NULL);
    for (guint i = 0; i < pipeline->n_taps; i++) {
        char name[IFNAMSIZ];

        g_snprintf(name, sizeof(name), "vnet%u", i);
        if (!vsf_capture_open(pipeline->capture, ifindex_of(i), name, FALSE, 1))
            g_error("no room for a sampler on %s", name);
    }
    tap_lab_loop_until(all_opened, pipeline);
}

/* --- all of it ------------------------------------------------------------- */

static void
on_tap_added(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_added(((Pipeline *)user_data)->flows, tap);
}

static void
on_tap_bound(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_bound(((Pipeline *)user_data)->flows, tap);
}

static void
on_tap_removed(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_removed(((Pipeline *)user_data)->flows, tap);
}

static guint32
index_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return 200000u + (guint32)def->id;
}

static char *
name_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return g_strdup(def->name);
}

static const VsfRegistryCallbacks registry_callbacks = {
    .tap_added = on_tap_added,
    .tap_bound = on_tap_bound,
    .tap_removed = on_tap_removed,
    .index_for = index_for,
    .name_for = name_for,
};

/* The tap's link, and a VM that has it. */
static void
tell_of_vm(Pipeline *pipeline, guint number)
{
    VsfLink link = {.ifindex = ifindex_of(number), .kind = "tun", .type = 1, .flags = IFF_UP};
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);

    g_snprintf(link.name, sizeof(link.name), "vnet%u", number);
    traffic_mac(number, link.mac);
    memcpy(nic->mac, link.mac, sizeof(nic->mac));
    link.mac[0] = 0xfe;
    memcpy(def->uuid_bytes, nic->mac, sizeof(nic->mac));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = (int)number + 1;
    def->name = g_strdup_printf("vm%u", number);
    nic->kind = VSF_NIC_TAP;
    nic->device = g_strdup(link.name);
    g_ptr_array_add(def->nics, nic);
    vsf_registry_link_seen(pipeline->registry, &link, 1000);
    vsf_registry_domain_seen(pipeline->registry, def, VSF_STATE_RUNNING, 1, 2000, 2000);
}

static void
take_datagram(const guint8 *data, gsize size, gpointer user_data)
{
    Pipeline *pipeline = user_data;

    if (pipeline->sender != NULL)
        vsf_sender_send(pipeline->sender, data, size);
}

static void
note_resolved(GInetAddress *address, gpointer user_data)
{
    g_assert_nonnull(address);
    ((Pipeline *)user_data)->ready = TRUE;
}

static gboolean
is_ready(gpointer user_data)
{
    return ((Pipeline *)user_data)->ready;
}

/* What is sent goes the whole way through the kernel, and into nothing. */
static void
open_sender(Pipeline *pipeline)
{
    g_autoptr(GPtrArray)
        collectors = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_address_free);
    g_autoptr(GError) error = NULL;

    pipeline->nowhere = tap_lab_tap("nowhere");
    tap_lab_ip("address add 192.0.2.1/24 dev nowhere");
    tap_lab_up("nowhere");
    tap_lab_ip("neighbor add 192.0.2.9 lladdr 52:54:00:00:99:99 dev nowhere");
    g_ptr_array_add(collectors, vsf_collector_address_parse(PIPELINE_COLLECTOR, NULL));
    pipeline->sender = vsf_sender_new(collectors, NULL, 0, &error);
    if (pipeline->sender == NULL)
        g_error("%s", error->message);
    vsf_sender_when_first_resolved(pipeline->sender, 10000, note_resolved, pipeline);
    tap_lab_loop_until(is_ready, pipeline);
}

static gboolean
all_sampled(gpointer user_data)
{
    Pipeline *pipeline = user_data;

    return vsf_flows_totals(pipeline->flows).sampled == pipeline->n_taps;
}

static void
open_flows(Pipeline *pipeline)
{
    static const char *const patterns[] = {"vnet*", NULL};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    g_autoptr(GError) error = NULL;

    pipeline->config = vsf_config_new();
    pipeline->config->sampling = 1;
    pipeline->config->max_samples_per_second = 0;
    pipeline->config->max_host_samples_per_second = 0;
    pipeline->exporter = vsf_exporter_new(pipeline->config, &agent, take_datagram, pipeline);
    pipeline->reader = vsf_link_stats_new(NULL);
    pipeline->registry = vsf_registry_new(patterns, &registry_callbacks, pipeline);
    pipeline->flows = vsf_flows_new(pipeline->config, pipeline->registry, pipeline->exporter,
                                    pipeline->reader, NULL, &error);
    if (pipeline->flows == NULL)
        g_error("%s", error->message);
    for (guint i = 0; i < pipeline->n_taps; i++)
        tell_of_vm(pipeline, i);
    tap_lab_loop_until(all_sampled, pipeline);
}

/* --- the door -------------------------------------------------------------- */

Pipeline *
pipeline_new(guint n_taps, PipelineEnd end)
{
    Pipeline *pipeline = g_new0(Pipeline, 1);

    pipeline->n_taps = n_taps;
    if (end == PIPELINE_RING) {
        open_rings(pipeline);
        return pipeline;
    }
    if (end == PIPELINE_SENT)
        open_sender(pipeline);
    open_flows(pipeline);
    return pipeline;
}

void
pipeline_free(Pipeline *pipeline)
{
    g_clear_pointer(&pipeline->capture, vsf_capture_free);
    g_clear_pointer(&pipeline->registry, vsf_registry_free);
    g_clear_pointer(&pipeline->flows, vsf_flows_free);
    g_clear_pointer(&pipeline->exporter, vsf_exporter_free);
    g_clear_pointer(&pipeline->reader, vsf_link_stats_free);
    g_clear_pointer(&pipeline->sender, vsf_sender_free);
    g_clear_pointer(&pipeline->config, vsf_config_free);
    if (pipeline->nowhere != 0)
        close(pipeline->nowhere);
    g_free(pipeline);
    tap_lab_loop_for(50); /* what is closed on workers ends */
}

PipelineTotals
pipeline_totals(const Pipeline *pipeline)
{
    PipelineTotals totals = {.samples = pipeline->n_packets};
    VsfExporterTotals sent;

    if (pipeline->capture != NULL) {
        for (guint i = 0; i < pipeline->n_taps; i++)
            totals.lost += vsf_capture_drops(pipeline->capture, ifindex_of(i));
        return totals;
    }
    sent = vsf_exporter_totals(pipeline->exporter);
    totals.samples = sent.flow_samples;
    totals.datagrams = sent.datagrams;
    totals.bytes = sent.bytes;
    totals.lost = vsf_flows_totals(pipeline->flows).drops;
    return totals;
}
