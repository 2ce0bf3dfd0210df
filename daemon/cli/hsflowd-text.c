/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-text.h"

#include "../sflow/text-sink.h"

#include <string.h>

#define WIDTH 100     /* columns of a comment */
#define QUOTE_MAX 120 /* bytes of the file's text that are shown again */

/* Whether this virt-sflowd has these keys (meson looks into its table). */
#ifndef VSF_HAVE_DNS_SD
#define VSF_HAVE_DNS_SD 0
#endif
#ifndef VSF_HAVE_HOST_ENABLED
#define VSF_HAVE_HOST_ENABLED 0
#endif

void
vsf_hsflowd_interface_free(gpointer interface)
{
    g_free(((VsfHsflowdInterface *)interface)->header);
    g_free(interface);
}

void
vsf_hsflowd_speed_free(gpointer speed)
{
    g_free(((VsfHsflowdSpeed *)speed)->key);
    g_free(speed);
}

void
vsf_hsflowd_settings_clear(VsfHsflowdSettings *settings)
{
    g_clear_pointer(&settings->interfaces, g_ptr_array_unref);
    g_clear_pointer(&settings->speeds, g_ptr_array_unref);
    g_clear_pointer(&settings->ports, g_ptr_array_unref);
    g_clear_pointer(&settings->collectors, g_ptr_array_unref);
    g_clear_pointer(&settings->agent_address, g_free);
    g_clear_pointer(&settings->dns_domain, g_free);
    if (settings->notes != NULL)
        g_string_free(g_steal_pointer(&settings->notes), TRUE);
}

char *
vsf_hsflowd_quote(const char *text)
{
    GString *quoted = g_string_new(NULL);
    gsize length = strlen(text);

    vsf_sflow_text_escape(quoted, text, MIN(length, QUOTE_MAX));
    if (length > QUOTE_MAX)
        g_string_append(quoted, "...");
    return g_string_free(quoted, FALSE);
}

gboolean
vsf_hsflowd_is_sampler(const char *name)
{
    static const char *const names[] = {"psample", "epcap", "nflog", "ulog", "ovs", NULL};

    for (guint i = 0; names[i] != NULL; i++)
        if (g_ascii_strcasecmp(names[i], name) == 0)
            return TRUE;
    return FALSE;
}

/* Words as comment lines, each beginning with @first or, from the second on, @others. */
static void
add_comment(GString *text, const char *first, const char *others, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    gsize begin = text->len;

    g_string_append(text, first);
    for (guint i = 0; list[i] != NULL; i++) {
        if (i > 0 && text->len - begin + 1 + strlen(list[i]) > WIDTH) {
            g_string_append_c(text, '\n');
            begin = text->len;
            g_string_append(text, others);
        } else if (i > 0) {
            g_string_append_c(text, ' ');
        }
        g_string_append(text, list[i]);
    }
    g_string_append_c(text, '\n');
}

/* "pcap { dev = virbr0 }" */
static void
show_setting(GString *text, const VsfHsflowdSetting *setting)
{
    g_autofree char *name = vsf_hsflowd_quote(setting->name);

    g_string_append(text, name);
    if (setting->value != NULL) {
        g_autofree char *value = vsf_hsflowd_quote(setting->value);

        g_string_append_printf(text, " = %s", value);
        return;
    }
    g_string_append(text, " {");
    for (guint i = 0; i < setting->inner->len && text->len < 2 * QUOTE_MAX; i++) {
        g_string_append_c(text, ' ');
        show_setting(text, g_ptr_array_index(setting->inner, i));
    }
    g_string_append(text, " }");
}

void
vsf_hsflowd_note(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, const char *shown,
                 const char *why)
{
    g_autoptr(GString) words = g_string_new(NULL);

    g_string_append_printf(words, "%u: ", setting->line);
    if (shown != NULL)
        g_string_append_printf(words, "collector %s", shown);
    else
        show_setting(words, setting);
    g_string_append_printf(words, ": %s.", why);
    add_comment(settings->notes, "# line ", "#     ", words->str);
}

static void
add_number(GString *text, const char *key, const VsfHsflowdNumber *number, guint fallback)
{
    if (number->line == 0)
        g_string_append_printf(text, "# not in the file; Host sFlow's default\n%s = %u\n", key,
                               fallback);
    else
        g_string_append_printf(text, "%s = %" G_GUINT64_FORMAT "\n", key, number->value);
}

/* Bounds differ a little. Left out where the file has none: the defaults are the same. */
static void
add_clamped(GString *text, const char *key, const VsfHsflowdNumber *number, guint64 min,
            guint64 max)
{
    if (number->line == 0)
        return;
    if (number->value < min || number->value > max)
        g_string_append_printf(text,
                               "# %" G_GUINT64_FORMAT " in the file; %" G_GUINT64_FORMAT
                               " to %" G_GUINT64_FORMAT " are possible here\n",
                               number->value, min, max);
    g_string_append_printf(text, "%s = %" G_GUINT64_FORMAT "\n", key,
                           CLAMP(number->value, min, max));
}

static void
add_speeds(GString *text, const VsfHsflowdSettings *settings)
{
    if (settings->speeds->len > 0)
        add_comment(text, "# ", "# ",
                    "of physical ports, where [capture] ports wants any; taps of VMs take "
                    "sampling, whatever speed they claim");
    for (guint i = 0; i < settings->speeds->len; i++) {
        const VsfHsflowdSpeed *speed = g_ptr_array_index(settings->speeds, i);

        g_string_append_printf(text, "%s = %" G_GUINT64_FORMAT "\n", speed->key, speed->sampling);
    }
}

/* A section: it ends [sflow]. */
static void
add_ports(GString *text, const VsfHsflowdSettings *settings)
{
    if (!settings->all_ports && settings->ports->len == 0)
        return;
    g_string_append_c(text, '\n');
    add_comment(text, "# ", "# ",
                "Physical ports whose packets are sampled. No bridge, bond or VLAN is one: name "
                "the ports below it.");
    g_string_append(text, "[capture]\nports =");
    if (settings->all_ports)
        g_string_append(text, " uplinks");
    for (guint i = 0; !settings->all_ports && i < settings->ports->len; i++)
        g_string_append_printf(text, " %s", (const char *)settings->ports->pdata[i]);
    g_string_append_c(text, '\n');
}

static void
add_collectors(GString *text, const VsfHsflowdSettings *settings)
{
    if (settings->collectors->len == 0 && !settings->dns_sd)
        g_string_append(text, "# the file has none that can be taken: nothing is sent\n");
    g_string_append(text, "collectors =");
    for (guint i = 0; i < settings->collectors->len; i++)
        g_string_append_printf(text, " %s",
                               (const char *)g_ptr_array_index(settings->collectors, i));
    g_string_append_c(text, '\n');
}

static void
add_dns_sd(GString *text, const VsfHsflowdSettings *settings)
{
    const char *off = VSF_HAVE_DNS_SD ? "" : "#";

    if (!settings->dns_sd)
        return;
    if (!VSF_HAVE_DNS_SD)
        add_comment(text, "# ", "# ",
                    "The file asks DNS for collectors, rates and intervals. This virt-sflowd does "
                    "not; what it needs must stand here.");
    g_string_append_printf(text, "%sdns-sd = on\n", off);
    if (settings->dns_domain != NULL)
        g_string_append_printf(text, "%sdns-sd-domain = %s\n", off, settings->dns_domain);
}

/* Two agents with one sub-agent id would spoil each other's sequence numbers. */
static void
add_sub_agent(GString *text, const VsfHsflowdSettings *settings)
{
    guint64 id = settings->sub_agent_id.line != 0 ? settings->sub_agent_id.value : 100000;

    g_string_append_c(text, '\n');
    add_comment(
        text, "# ", "# ",
        "The sub-agent id stays 200000, so that both agents may run on one host. A collector that "
        "tells "
        "agents apart by this number, and not by the address alone, draws the old graphs on "
        "only with Host sFlow's, which may not run any more then.");
    g_string_append_printf(text, "#sub-agent-id = %" G_GUINT64_FORMAT "\n",
                           settings->samples_packets ? id : id + 1);
}

static void
add_old_graphs(GString *text)
{
    static const struct {
        const char *line, *better;
    } keys[] = {
        {"vm-name = domain",
         "The name of a VM. Better without (auto): OpenStack's VMs then have the names that their "
         "owners gave them, not instance-0000002a."},
        {"vm-index = hsflowd",
         "The number of a VM's data source, from 100000 to 149999. Better without (own): of 100 "
         "VMs, two have the same number of these in one host of ten, and then one takes the next "
         "number."},
        {"virt-memory = balloon",
         "virt_memory.memory is the size of the balloon, which is hardly ever anything but all "
         "of the VM's memory. Better without (guest): what is in use inside the guest."},
        {"virt-net-direction = host",
         "virt_net_io.bytes_in is what the guest sent. Better without (guest): it is what the "
         "guest received, as its own counters and libvirt's say."},
    };

    g_string_append_c(text, '\n');
    add_comment(
        text, "# ", "# ",
        "These four keep the graphs as Host sFlow drew them. Once nobody needs those, leave "
        "them out, one by one or all.");
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_string_append_c(text, '\n');
        add_comment(text, "# ", "# ", keys[i].better);
        g_string_append_printf(text, "%s\n", keys[i].line);
    }
}

static void
add_host(GString *text)
{
    if (!VSF_HAVE_HOST_ENABLED)
        return;
    g_string_append_c(text, '\n');
    add_comment(text, "# ", "# ",
                "Where Host sFlow stays on this host for what is no matter of VMs, only one of the "
                "two should send the host's own sample:");
    g_string_append(text, "#[host]\n#enabled = off\n");
}

/* Sections: they end [sflow]. */
static void
add_interfaces(GString *text, const VsfHsflowdSettings *settings)
{
    for (guint i = 0; i < settings->interfaces->len; i++) {
        const VsfHsflowdInterface *interface = g_ptr_array_index(settings->interfaces, i);

        g_string_append_printf(text, "\n%s\nsampling = %" G_GUINT64_FORMAT "\n", interface->header,
                               interface->sampling);
    }
}

static void
add_notes(GString *text, const VsfHsflowdSettings *settings)
{
    g_autofree char *file = vsf_hsflowd_quote(settings->file);

    g_string_append_printf(text, "\n# Of %s, what has no equivalent:\n", file);
    g_string_append(text, settings->notes->str);
    if (!settings->samples_packets)
        add_comment(text, "# ", "#     ",
                    "no pcap { } or the like: Host sFlow sampled no packets. virt-sflowd samples "
                    "those of the VMs' taps; [sflow] sampling = 0 turns that off.");
    if (!settings->watches_vms)
        add_comment(text, "# ", "#     ",
                    "no kvm { }: Host sFlow did not tell of VMs. virt-sflowd does.");
    add_comment(
        text, "# ", "#     ",
        "the host's CPU, memory, disk and network records (host_cpu, ...): docs/host-sflow.md "
        "says which agent sends them.");
    if (settings->unclosed)
        add_comment(text, "# ", "#     ",
                    "the file ends before its last }; Host sFlow lets that pass.");
}

char *
vsf_hsflowd_text(const VsfHsflowdSettings *settings)
{
    GString *text = g_string_new(NULL);
    g_autofree char *file = vsf_hsflowd_quote(settings->file);

    g_string_append_printf(text, "# virt-sflow.conf, made of %s by virt-sflow import-hsflowd\n\n",
                           file);
    g_string_append(text, "[sflow]\n");
    add_collectors(text, settings);
    add_dns_sd(text, settings);
    add_number(text, "polling", &settings->polling, 30);
    add_number(text, "sampling", &settings->sampling, 400);
    add_speeds(text, settings);
    add_clamped(text, "header-bytes", &settings->header_bytes, 64, 256);
    add_clamped(text, "datagram-bytes", &settings->datagram_bytes, 512, 9000);
    if (settings->agent_address != NULL)
        g_string_append_printf(text, "agent-address = %s\n", settings->agent_address);
    add_sub_agent(text, settings);
    add_old_graphs(text);
    add_host(text);
    add_ports(text, settings);
    add_interfaces(text, settings);
    add_notes(text, settings);
    return g_string_free(text, FALSE);
}
