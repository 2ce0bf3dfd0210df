/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which setting becomes which; the text is put together in hsflowd-text.c. */
#include "hsflowd-import.h"

#include "../hsflowd/hsflowd-values.h"
#include "hsflowd-ports.h"
#include "hsflowd-reasons.h"
#include "hsflowd-text.h"

#include <string.h>

#define COLLECTORS_MAX 64

enum { RANK_NETWORK = 1, RANK_DEVICE, RANK_ADDRESS };

/* Names the place of what @why says of the setting's value. Always FALSE. */
static gboolean
fail_value(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, GError *why,
           GError **error)
{
    g_autofree char *name = vsf_hsflowd_quote(setting->name);
    g_autofree char *value = vsf_hsflowd_quote(setting->value);

    g_set_error(error, VSF_HSFLOWD_ERROR, VSF_HSFLOWD_ERROR_VALUE, "%s:%u: %s: %s %s",
                settings->file, setting->line, name, value, why->message);
    g_error_free(why);
    return FALSE;
}

static gboolean
fail_here(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, const char *what,
          GError **error)
{
    g_autofree char *name = vsf_hsflowd_quote(setting->name);

    g_set_error(error, VSF_HSFLOWD_ERROR, VSF_HSFLOWD_ERROR_VALUE, "%s:%u: %s %s", settings->file,
                setting->line, name, what);
    return FALSE;
}

static gboolean
is_named(const VsfHsflowdSetting *setting, const char *name)
{
    return g_ascii_strcasecmp(setting->name, name) == 0;
}

static gboolean
number(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, guint64 min,
       guint64 max, guint64 *value, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (vsf_hsflowd_number(setting->value, min, max, value, &why))
        return TRUE;
    return fail_value(settings, setting, g_steal_pointer(&why), error);
}

static gboolean
on_off(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, gboolean *on,
       GError **error)
{
    g_autoptr(GError) why = NULL;

    if (vsf_hsflowd_on_off(setting->value, on, &why))
        return TRUE;
    return fail_value(settings, setting, g_steal_pointer(&why), error);
}

/* ---- collectors ---- */

typedef struct {
    const VsfHsflowdSetting *ip, *device, *name_space;
    guint64 port;
} Collector;

static gboolean
read_collector(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *block,
               Collector *collector, GError **error)
{
    collector->port = 6343;
    for (guint i = 0; i < block->inner->len; i++) {
        const VsfHsflowdSetting *inner = g_ptr_array_index(block->inner, i);

        if (inner->value == NULL)
            return fail_here(settings, inner, "is no block within collector", error);
        if (is_named(inner, "ip"))
            collector->ip = inner;
        else if (is_named(inner, "dev"))
            collector->device = inner;
        else if (is_named(inner, "namespace"))
            collector->name_space = inner;
        else if (!is_named(inner, "udpport"))
            return fail_here(settings, inner,
                             "is no setting of collector; ip, udpport, dev and namespace are",
                             error);
        else if (!number(settings, inner, 1, 65535, &collector->port, error))
            return FALSE;
    }
    if (collector->ip == NULL)
        return fail_here(settings, block, "has no ip; write collector { ip = ADDRESS }", error);
    return TRUE;
}

static gboolean
has_collector(const GPtrArray *collectors, const char *text)
{
    for (guint i = 0; i < collectors->len; i++)
        if (g_ascii_strcasecmp(g_ptr_array_index(collectors, i), text) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
take_collector(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block, GError **error)
{
    Collector collector = {0};
    g_autofree char *text = NULL;
    GError *why = NULL;

    if (!read_collector(settings, block, &collector, error))
        return FALSE;
    text = vsf_hsflowd_collector(collector.ip->value, (guint)collector.port,
                                 collector.device != NULL ? collector.device->value : NULL, &why);
    if (text == NULL)
        return fail_value(settings, collector.ip, why, error);
    if (collector.name_space != NULL)
        vsf_hsflowd_note(settings, block, text,
                         "datagrams are not sent from other network namespaces");
    else if (has_collector(settings->collectors, text))
        vsf_hsflowd_note(settings, block, text,
                         "it stands there twice, which would double whatever a collector adds up");
    else if (settings->collectors->len == COLLECTORS_MAX)
        return fail_here(settings, block, "is the 65th; 64 are taken at most", error);
    else
        g_ptr_array_add(settings->collectors, g_steal_pointer(&text));
    return TRUE;
}

/* ---- the agent's address ---- */

/* The one of highest rank wins: agentIP, agent, and of several agent.cidr the first. */
static void
propose_agent(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, guint rank,
              const char *value)
{
    gboolean wins = rank > settings->agent_rank ||
                    (rank == settings->agent_rank && rank > RANK_NETWORK);
    const VsfHsflowdSetting *loser = wins ? settings->agent_setting : setting;

    if (loser != NULL)
        vsf_hsflowd_note(settings, loser, NULL,
                         "agent-address is one value; Host sFlow prefers the other one too");
    if (!wins)
        return;
    g_free(settings->agent_address);
    settings->agent_address = g_strdup(value);
    settings->agent_rank = rank;
    settings->agent_setting = setting;
}

static gboolean
take_agent(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, GError **error)
{
    g_autofree char *network = NULL;
    GError *why = NULL;

    if (is_named(setting, "agentIP")) {
        if (vsf_hsflowd_is_address(setting->value))
            propose_agent(settings, setting, RANK_ADDRESS, setting->value);
        else
            vsf_hsflowd_note(settings, setting, NULL,
                             "agent-address takes no name; write the IP address there");
        return TRUE;
    }
    if (is_named(setting, "agent")) {
        if (!vsf_hsflowd_check_device(setting->value, &why))
            return fail_value(settings, setting, why, error);
        propose_agent(settings, setting, RANK_DEVICE, setting->value);
        return TRUE;
    }
    network = vsf_hsflowd_network(setting->value + (setting->value[0] == '!'), &why);
    if (network == NULL)
        return fail_value(settings, setting, why, error);
    if (setting->value[0] == '!')
        vsf_hsflowd_note(settings, setting, NULL,
                         "agent-address excludes no network; name the one that it shall be in");
    else
        propose_agent(settings, setting, RANK_NETWORK, network);
    return TRUE;
}

/* ---- the rest ---- */

static gboolean
take_dns_sd(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, GError **error)
{
    GError *why = NULL;

    g_free(settings->dns_domain);
    settings->dns_domain = vsf_hsflowd_domain(setting->value, &why);
    if (settings->dns_domain == NULL)
        return fail_value(settings, setting, why, error);
    return TRUE;
}

static gboolean
take_dns_block(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block, GError **error)
{
    settings->dns_sd = TRUE;
    for (guint i = 0; i < block->inner->len; i++) {
        const VsfHsflowdSetting *inner = g_ptr_array_index(block->inner, i);

        if (inner->value == NULL ||
            (!is_named(inner, "domain") && !is_named(inner, "DNSSD_domain")))
            return fail_here(settings, inner, "is no setting of dns-sd; domain = .NAME is", error);
        if (!take_dns_sd(settings, inner, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_pcap(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *block, VsfHsflowdPcap *pcap,
          GError **error)
{
    for (guint i = 0; i < block->inner->len; i++) {
        const VsfHsflowdSetting *inner = g_ptr_array_index(block->inner, i);

        if (inner->value == NULL)
            continue;
        if (is_named(inner, "dev"))
            pcap->device = inner->value;
        else if (is_named(inner, "dev.pattern"))
            pcap->pattern = inner->value;
        else if (is_named(inner, "speed"))
            pcap->speed = inner->value;
        else if (is_named(inner, "sampling") &&
                 !number(settings, inner, 0, 10000000, &pcap->sampling, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
take_pcap(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block, GError **error)
{
    VsfHsflowdPcap pcap = {0};

    settings->samples_packets = TRUE;
    if (!read_pcap(settings, block, &pcap, error))
        return FALSE;
    vsf_hsflowd_add_pcap(settings, block, &pcap);
    return TRUE;
}

static gboolean
take_kvm(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block, GError **error G_GNUC_UNUSED)
{
    settings->watches_vms = TRUE;
    for (guint i = 0; i < block->inner->len; i++) {
        const VsfHsflowdSetting *inner = g_ptr_array_index(block->inner, i);
        gboolean is_block;
        const char *reason = vsf_hsflowd_reason(inner->name, &is_block);

        vsf_hsflowd_note(settings, inner, NULL, reason != NULL ? reason : VSF_HSFLOWD_NOT_KNOWN);
    }
    return TRUE;
}

typedef gboolean (*TakeFunc)(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting,
                             GError **error);

/* Numbers of the sflow block that virt-sflowd has too. */
static const struct {
    const char *name;
    guint64 min, max;
    gsize offset; /* of a VsfHsflowdNumber */
} numbers[] = {
#define NUMBER(member) G_STRUCT_OFFSET(VsfHsflowdSettings, member)
    {"polling", 0, 300, NUMBER(polling)},
    {"counterPollingInterval", 0, 300, NUMBER(polling)},
    {"sampling", 0, 10000000, NUMBER(sampling)},
    {"packetSamplingRate", 0, 10000000, NUMBER(sampling)},
    {"headerBytes", 0, 256, NUMBER(header_bytes)},
    {"datagramBytes", 200, 8192, NUMBER(datagram_bytes)},
    {"subAgentId", 0, 199999, NUMBER(sub_agent_id)},
};

static const struct {
    const char *name;
    gboolean is_block;
    TakeFunc take;
} takers[] = {
    {"collector", TRUE, take_collector},
    {"dns-sd", TRUE, take_dns_block},
    {"pcap", TRUE, take_pcap},
    {"kvm", TRUE, take_kvm},
    {"DNSSD_domain", FALSE, take_dns_sd},
    {"agentIP", FALSE, take_agent},
    {"agent", FALSE, take_agent},
    {"agent.cidr", FALSE, take_agent},
};

/* Host sFlow's default is ours. */
static void
take_ratio(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, guint64 ratio)
{
    if (ratio != 1000000)
        vsf_hsflowd_note(settings, setting, NULL,
                         "a port without a rate of its own is sampled at one packet in as many as "
                         "it moves megabits a second; others have to be named, as in sampling.10G");
}

/* sampling.10G, sampling.http, polling.http: *@taken says whether it was one. */
static gboolean
take_dotted(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, gboolean *taken,
            GError **error)
{
    gboolean sampling = g_ascii_strncasecmp(setting->name, "sampling.", 9) == 0;
    gboolean polling = g_ascii_strncasecmp(setting->name, "polling.", 8) == 0;
    const char *what = setting->name + (sampling ? 9 : 8);
    guint64 value;

    *taken = sampling || polling;
    if (!*taken)
        return TRUE;
    if (!number(settings, setting, 0, sampling ? 10000000 : 300, &value, error))
        return FALSE;
    if (sampling && g_ascii_strcasecmp(what, "bps_ratio") == 0)
        take_ratio(settings, setting, value);
    else if (sampling && g_ascii_isdigit(*what) && !vsf_hsflowd_add_speed(settings, what, value))
        vsf_hsflowd_note(settings, setting, NULL,
                         "it names no speed such as 10G, or one more than the 16 that there may "
                         "be");
    else if (!sampling || !g_ascii_isdigit(*what))
        vsf_hsflowd_note(settings, setting, NULL,
                         "it is of an application, which asks Host sFlow for it; let that run on, "
                         "beside virt-sflowd (docs/host-sflow.md)");
    return TRUE;
}

static gboolean
check_kind(const VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, gboolean is_block,
           GError **error)
{
    if (is_block == (setting->inner != NULL))
        return TRUE;
    return fail_here(settings, setting,
                     is_block ? "is a block; write NAME { }" : "is no block; write NAME = VALUE",
                     error);
}

static gboolean
take_number(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, guint at,
            GError **error)
{
    VsfHsflowdNumber *field = G_STRUCT_MEMBER_P(settings, numbers[at].offset);

    if (!check_kind(settings, setting, FALSE, error) ||
        !number(settings, setting, numbers[at].min, numbers[at].max, &field->value, error))
        return FALSE;
    field->line = setting->line;
    return TRUE;
}

/* What has no equivalent, or is not known at all. */
static gboolean
take_other(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, GError **error)
{
    gboolean is_block = FALSE, taken = FALSE;
    const char *reason = vsf_hsflowd_reason(setting->name, &is_block);

    if (reason != NULL && !check_kind(settings, setting, is_block, error))
        return FALSE;
    if (setting->value != NULL && !take_dotted(settings, setting, &taken, error))
        return FALSE;
    settings->samples_packets |= vsf_hsflowd_is_sampler(setting->name);
    if (!taken)
        vsf_hsflowd_note(settings, setting, NULL, reason != NULL ? reason : VSF_HSFLOWD_NOT_KNOWN);
    return TRUE;
}

static gboolean
take(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (is_named(setting, numbers[i].name))
            return take_number(settings, setting, i, error);
    for (guint i = 0; i < G_N_ELEMENTS(takers); i++)
        if (is_named(setting, takers[i].name))
            return check_kind(settings, setting, takers[i].is_block, error) &&
                   takers[i].take(settings, setting, error);
    if (is_named(setting, "DNSSD"))
        return check_kind(settings, setting, FALSE, error) &&
               on_off(settings, setting, &settings->dns_sd, error);
    return take_other(settings, setting, error);
}

char *
vsf_hsflowd_import(const char *name, const char *text, gsize length, GError **error)
{
    gboolean unclosed = FALSE;
    g_autoptr(GPtrArray) file = vsf_hsflowd_file_parse(name, text, length, &unclosed, error);
    g_auto(VsfHsflowdSettings) settings = {.file = name, .unclosed = unclosed};

    if (file == NULL)
        return NULL;
    settings.collectors = g_ptr_array_new_with_free_func(g_free);
    settings.interfaces = g_ptr_array_new_with_free_func(vsf_hsflowd_interface_free);
    settings.speeds = g_ptr_array_new_with_free_func(vsf_hsflowd_speed_free);
    settings.ports = g_ptr_array_new_with_free_func(g_free);
    settings.notes = g_string_new(NULL);
    for (guint i = 0; i < file->len; i++)
        if (!take(&settings, g_ptr_array_index(file, i), error))
            return NULL;
    return vsf_hsflowd_text(&settings);
}
