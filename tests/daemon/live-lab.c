/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live-lab.h"

#include "../../daemon/base/descriptors.h"
#include "../../daemon/sflow/decode.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP 7 /* of the taps, to take them away at once */
#define SAMPLERS_MAX 4096
#define BEHIND_MAX 4000 /* samples; flows lets twice as many wait for a reading of counters */
#define QUIET_MS 250    /* five times what packets wait for company */

const guint8 live_lab_outside[6] = {0x52, 0x54, 0, 9, 9, 9};

static guint64 untold;
static VsfCapture *capture_now;

/* --- datagrams --------------------------------------------------------------- */

static LiveSample *
newest(LiveLab *lab)
{
    return lab->samples->len == 0 ? NULL
                                  : &g_array_index(lab->samples, LiveSample, lab->samples->len - 1);
}

static void
no_name(gpointer user_data G_GNUC_UNUSED, const char *name G_GNUC_UNUSED)
{
}

static void
nothing(gpointer user_data G_GNUC_UNUSED)
{
}

static void
no_real(gpointer user_data G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
        double value G_GNUC_UNUSED)
{
}

static void
note_integer(gpointer user_data, const char *name, uint64_t value)
{
    static const struct {
        const char *name;
        gsize offset;
    } members[] = {
        {"sampling_rate", G_STRUCT_OFFSET(LiveSample, rate)},
        {"sample_pool", G_STRUCT_OFFSET(LiveSample, pool)},
        {"drops", G_STRUCT_OFFSET(LiveSample, drops)},
        {"input", G_STRUCT_OFFSET(LiveSample, input)},
        {"output", G_STRUCT_OFFSET(LiveSample, output)},
        {"frame_length", G_STRUCT_OFFSET(LiveSample, frame_length)},
        {"stripped", G_STRUCT_OFFSET(LiveSample, stripped)},
    };
    LiveLab *lab = user_data;

    if (g_strcmp0(name, "sequence") == 0)
        lab->sequence = (guint32)value;
    for (guint i = 0; i < G_N_ELEMENTS(members) && newest(lab) != NULL; i++)
        if (g_strcmp0(name, members[i].name) == 0)
            G_STRUCT_MEMBER(guint32, newest(lab), members[i].offset) = (guint32)value;
}

/* Its number comes before the source, everything else of a sample after it. */
static void
note_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    LiveLab *lab = user_data;
    LiveSample sample = {.sequence = lab->sequence};

    if (g_strcmp0(name, "source") != 0)
        return;
    g_assert_cmpuint(length, >, 2);
    g_assert_cmpmem(bytes, 2, "0:", 2);
    for (size_t i = 2; i < length; i++)
        sample.ifindex = sample.ifindex * 10 + (guint32)(bytes[i] - '0');
    g_array_append_val(lab->samples, sample);
}

static void
note_bytes(gpointer user_data, const char *name, const uint8_t *bytes, size_t length)
{
    LiveSample *sample = newest(user_data);

    if (g_strcmp0(name, "header") != 0)
        return;
    g_assert_cmpuint(length, <=, sizeof(sample->header));
    memcpy(sample->header, bytes, length);
    sample->header_length = length;
}

static const VsfSflowSink sink = {
    .begin_object = no_name,
    .end_object = nothing,
    .begin_array = no_name,
    .end_array = nothing,
    .integer = note_integer,
    .real = no_real,
    .text = note_text,
    .bytes = note_bytes,
    .unknown = no_name,
};

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    LiveLab *lab = user_data;
    guint first = lab->samples->len;
    g_autoptr(GError) error = NULL;
    gboolean is_sound = vsf_sflow_decode(data, size, &sink, lab, &error);

    g_assert_no_error(error);
    g_assert_true(is_sound);
    /* Not what the kernel's own protocols send. */
    for (guint i = first; i < lab->samples->len;) {
        const LiveSample *sample = &g_array_index(lab->samples, LiveSample, i);

        if (sample->header_length < 12 || sample->header[0] != 0x52 || sample->header[6] != 0x52)
            g_array_remove_index(lab->samples, i);
        else
            i++;
    }
}

/* --- links and taps ----------------------------------------------------------- */

static void
on_tap_added(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_added(((LiveLab *)user_data)->flows, tap);
}

static void
on_tap_bound(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_bound(((LiveLab *)user_data)->flows, tap);
}

static void
on_tap_changed(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_changed(((LiveLab *)user_data)->flows, tap);
}

static void
on_tap_removed(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_removed(((LiveLab *)user_data)->flows, tap);
}

static guint32
index_for(const VsfDomainDef *def G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    return 200001;
}

static char *
name_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return g_strdup(def->name);
}

static const VsfRegistryCallbacks registry_callbacks = {
    .tap_added = on_tap_added,
    .tap_bound = on_tap_bound,
    .tap_changed = on_tap_changed,
    .tap_removed = on_tap_removed,
    .index_for = index_for,
    .name_for = name_for,
};

static void
link_seen(const VsfLink *link, gpointer user_data)
{
    vsf_registry_link_seen(((LiveLab *)user_data)->registry, link, g_get_monotonic_time());
}

static void
link_gone(int ifindex, const VsfLinkStats *final, gpointer user_data)
{
    LiveLab *lab = user_data;

    if (final != NULL)
        vsf_flows_reading(lab->flows, ifindex, final, g_get_monotonic_time() * 1000);
    vsf_registry_link_gone(lab->registry, ifindex);
}

static void
links_dumped(const int *ifindexes, guint n_ifindexes, gpointer user_data)
{
    vsf_registry_links_reconcile(((LiveLab *)user_data)->registry, ifindexes, n_ifindexes);
}

static const VsfLinksCallbacks links_callbacks = {link_seen, link_gone, links_dumped};

/* For live_lab_turn(). */
VsfCapture *__real_vsf_capture_new(const VsfCaptureConfig *config,
                                   const VsfCaptureCallbacks *callbacks, gpointer user_data,
                                   GError **error);
VsfCapture *__wrap_vsf_capture_new(const VsfCaptureConfig *config,
                                   const VsfCaptureCallbacks *callbacks, gpointer user_data,
                                   GError **error);

VsfCapture *
__wrap_vsf_capture_new(const VsfCaptureConfig *config, const VsfCaptureCallbacks *callbacks,
                       gpointer user_data, GError **error)
{
    capture_now = __real_vsf_capture_new(config, callbacks, user_data, error);
    return capture_now;
}

/* What is left to tell is known until a sampler is closed. */
void __real_vsf_capture_close(VsfCapture *capture, int ifindex);
void __wrap_vsf_capture_close(VsfCapture *capture, int ifindex);

void
__wrap_vsf_capture_close(VsfCapture *capture, int ifindex)
{
    untold += vsf_capture_untold(capture, ifindex);
    __real_vsf_capture_close(capture, ifindex);
}

guint64
live_lab_untold(void)
{
    return untold;
}

/* --- up and down --------------------------------------------------------------- */

gboolean
live_lab_is_ebpf(void)
{
    return g_strcmp0(g_getenv("VSF_BACKEND"), "ebpf") == 0;
}

gboolean
live_lab_skip_all(void)
{
    g_autoptr(VsfCaptureChoice) choice = NULL;

    if (tap_lab_skip_all())
        return TRUE;
    vsf_descriptors_raise();
    if (!live_lab_is_ebpf())
        return FALSE;
    choice = vsf_capture_choose(VSF_CAPTURE_EBPF, 128, VSF_DIRECTION_BOTH, SAMPLERS_MAX);
    if (vsf_capture_choice_is_as_wanted(choice))
        return FALSE;
    printf("1..0 # SKIP %s\n", choice->reason);
    return TRUE;
}

void
live_lab_mac(guint nic, guint8 mac[6])
{
    const guint8 made[6] = {0x52, 0x54, 0, 1, (guint8)(nic >> 8), (guint8)nic};

    memcpy(mac, made, sizeof(made));
}

/* libvirt tells its XML: at its start, and whenever NICs came. */
static void
tell_xml(LiveLab *lab)
{
    gint64 now_us = g_get_monotonic_time();
    VsfDomainDef *def = vsf_domain_def_new();

    memset(def->uuid_bytes, 1, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 1;
    def->name = g_strdup("a");
    for (guint i = 0; i < lab->n_nics; i++) {
        VsfNic *nic = g_new0(VsfNic, 1);

        nic->kind = VSF_NIC_TAP;
        nic->device = g_strdup_printf("vnet%u", i);
        live_lab_mac(i, nic->mac);
        g_ptr_array_add(def->nics, nic);
    }
    vsf_registry_domain_seen(lab->registry, def, VSF_STATE_RUNNING, 1, now_us, now_us);
}

void
live_lab_start(LiveLab *lab, guint n_nics, guint32 rate, VsfDirection direction)
{
    static const char *const patterns[] = {"vnet*", NULL};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    g_autoptr(GError) error = NULL;
    VsfCaptureChoice *choice;

    *lab = (LiveLab){.samples = g_array_new(FALSE, FALSE, sizeof(LiveSample)), .n_nics = n_nics};
    untold = 0;
    live_late_begin();
    lab->config = vsf_config_new();
    lab->config->sampling = rate;
    lab->config->direction = direction;
    lab->config->max_samples_per_second = lab->config->max_host_samples_per_second = 0;
    choice = vsf_capture_choose(live_lab_is_ebpf() ? VSF_CAPTURE_EBPF : VSF_CAPTURE_PCAP,
                                lab->config->header_bytes, direction, vsf_descriptors_limit());
    g_assert_true(vsf_capture_choice_is_as_wanted(choice));
    lab->exporter = vsf_exporter_new(lab->config, &agent, collect, lab);
    lab->reader = vsf_link_stats_new(&error);
    g_assert_no_error(error);
    lab->registry = vsf_registry_new(patterns, &registry_callbacks, lab);
    lab->flows = vsf_flows_new(lab->config, lab->registry, lab->exporter, lab->reader, choice,
                               &error);
    g_assert_no_error(error);
    lab->links = vsf_links_new(&links_callbacks, lab, &error);
    g_assert_no_error(error);
    tell_xml(lab);
}

void
live_lab_stop(LiveLab *lab)
{
    vsf_links_free(lab->links);
    vsf_registry_free(lab->registry);
    vsf_flows_free(lab->flows);
    vsf_exporter_free(lab->exporter);
    vsf_link_stats_free(lab->reader);
    live_late_end();
    vsf_config_free(lab->config);
    g_array_unref(lab->samples);
}

typedef struct {
    LiveLab *lab;
    guint n;
} Wanted;

static gboolean
are_sampled(gpointer user_data)
{
    const Wanted *wanted = user_data;
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, vsf_registry_taps(wanted->lab->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfTap *tap = value;
        VsfFlowStatus status;

        if (tap->domain == NULL ||
            !vsf_flows_status(wanted->lab->flows, tap->link.ifindex, &status) ||
            g_strcmp0(status.state, "sampling") != 0)
            continue;
        g_assert_cmpstr(status.backend, ==, live_lab_is_ebpf() ? "ebpf" : "pcap");
        n++;
    }
    return n >= wanted->n;
}

static gboolean
are_known(gpointer user_data)
{
    const Wanted *wanted = user_data;

    return g_hash_table_size(vsf_registry_taps(wanted->lab->registry)) == wanted->n;
}

/* `ip -batch`: a process for each tap would take longer than all else. */
void
live_lab_plug(LiveLab *lab, guint n)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL, *command = NULL;
    int fd = g_file_open_tmp("vsf-live-XXXXXX", &path, &error);

    g_assert_no_error(error);
    for (guint i = 0; i < n; i++) {
        guint8 mac[6];

        live_lab_mac(i, mac);
        g_string_append_printf(lines,
                               "link set vnet%u address fe:%02x:%02x:%02x:%02x:%02x group %d up\n",
                               i, mac[1], mac[2], mac[3], mac[4], mac[5], GROUP);
    }
    g_assert_true(g_file_set_contents(path, lines->str, (gssize)lines->len, NULL));
    command = g_strdup_printf("-batch %s", path);
    tap_lab_ip(command);
    remove(path);
    close(fd);
    tap_lab_loop_until(are_known, &(Wanted){lab, n});
    tell_xml(lab);
    tap_lab_loop_until(are_sampled, &(Wanted){lab, n});
    /* The counters that libpcap's pools begin with are read when it is open. */
    tap_lab_loop_for(50);
}

void
live_lab_unplug(LiveLab *lab)
{
    g_autofree char *command = g_strdup_printf("link del group %d", GROUP);

    tap_lab_ip(command);
    tap_lab_loop_until(are_known, &(Wanted){lab, 0});
}

void
live_lab_set_rate(LiveLab *lab, guint32 rate)
{
    lab->config->sampling = rate;
    vsf_flows_set_config(lab->flows, lab->config);
}

void
live_lab_turn(const LiveLab *lab)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, vsf_registry_taps(lab->registry));
    while (g_hash_table_iter_next(&iter, &key, NULL))
        vsf_capture_drain(capture_now, GPOINTER_TO_INT(key));
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static gboolean
have_nearly_come(gpointer user_data)
{
    const Wanted *wanted = user_data;

    return wanted->lab->samples->len + BEHIND_MAX >= wanted->n;
}

void
live_lab_turn_of(LiveLab *lab, guint n)
{
    live_lab_turn(lab);
    tap_lab_loop_until(have_nearly_come, &(Wanted){lab, n});
}

void
live_lab_settle(LiveLab *lab)
{
    guint n;

    do {
        n = lab->samples->len;
        tap_lab_loop_for(QUIET_MS);
    } while (lab->samples->len != n);
}

const LiveSample *
live_lab_sample(const LiveLab *lab, guint i)
{
    g_assert_cmpuint(i, <, lab->samples->len);
    return &g_array_index(lab->samples, LiveSample, i);
}

LiveCounters
live_lab_counters(const char *name)
{
    g_autofree char *text = NULL, *head = g_strdup_printf("%s:", name);
    LiveCounters counters = {0};
    const char *line;

    g_assert_true(g_file_get_contents("/proc/self/net/dev", &text, NULL, NULL));
    line = strstr(text, head);
    g_assert_nonnull(line);
    g_assert_cmpint(sscanf(line + strlen(head),
                           "%" G_GUINT64_FORMAT "%" G_GUINT64_FORMAT
                           " %*u %*u %*u %*u %*u %*u %" G_GUINT64_FORMAT "%" G_GUINT64_FORMAT,
                           &counters.rx_bytes, &counters.rx_packets, &counters.tx_bytes,
                           &counters.tx_packets),
                    ==, 4);
    return counters;
}
