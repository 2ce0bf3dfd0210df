/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include <math.h>

static void
tell(GHashTable *told, const char *name, guint64 value)
{
    g_hash_table_insert(told, g_strdup(name),
                        value == VSF_UNKNOWN ? g_strdup("?")
                                             : g_strdup_printf("%" G_GUINT64_FORMAT, value));
}

static void
tell_all(GHashTable *told, const char *group, const guint64 *values, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("%s.%zu", group, i);

        tell(told, name, values[i]);
    }
}

static void
tell_cpu(GHashTable *told, const VsfHostCpu *cpu)
{
    GString *loads = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(cpu->load); i++) {
        g_assert_true(isfinite(cpu->load[i]));
        g_assert_true(cpu->load[i] >= 0 || cpu->load[i] == -1.0);
        g_string_append_printf(loads, "%s%.2f", i > 0 ? " " : "", cpu->load[i]);
    }
    g_hash_table_insert(told, g_strdup("load"), g_string_free(loads, FALSE));
    tell(told, "proc_run", cpu->proc_run);
    tell(told, "proc_total", cpu->proc_total);
    tell(told, "cpus", cpu->cpus);
    tell(told, "uptime_s", cpu->uptime_s);
    tell(told, "user_ms", cpu->user_ms);
    tell(told, "nice_ms", cpu->nice_ms);
    tell(told, "system_ms", cpu->system_ms);
    tell(told, "idle_ms", cpu->idle_ms);
    tell(told, "wio_ms", cpu->wio_ms);
    tell(told, "intr_ms", cpu->intr_ms);
    tell(told, "sintr_ms", cpu->sintr_ms);
    tell(told, "steal_ms", cpu->steal_ms);
    tell(told, "guest_ms", cpu->guest_ms);
    tell(told, "guest_nice_ms", cpu->guest_nice_ms);
    tell(told, "interrupts", cpu->interrupts);
    tell(told, "contexts", cpu->contexts);
}

static void
tell_memory(GHashTable *told, const VsfHostMemory *memory)
{
    tell(told, "mem.total", memory->total);
    tell(told, "mem.free", memory->free);
    tell(told, "mem.available", memory->available);
    tell(told, "mem.shared", memory->shared);
    tell(told, "mem.buffers", memory->buffers);
    tell(told, "mem.cached", memory->cached);
    tell(told, "swap.total", memory->swap_total);
    tell(told, "swap.free", memory->swap_free);
    tell(told, "page_in", memory->page_in);
    tell(told, "page_out", memory->page_out);
    tell(told, "swap_in", memory->swap_in);
    tell(told, "swap_out", memory->swap_out);
}

static void
tell_net(GHashTable *told, const VsfNetCounters *net)
{
    tell(told, "net.bytes_in", net->bytes_in);
    tell(told, "net.packets_in", net->packets_in);
    tell(told, "net.errors_in", net->errors_in);
    tell(told, "net.drops_in", net->drops_in);
    tell(told, "net.bytes_out", net->bytes_out);
    tell(told, "net.packets_out", net->packets_out);
    tell(told, "net.errors_out", net->errors_out);
    tell(told, "net.drops_out", net->drops_out);
}

/* Physical interfaces with their MACs, or all with what if_counters says of them. */
static char *
tell_interfaces(const GArray *interfaces, gboolean as_ports)
{
    static const char *const duplexes[] = {"?", "full", "half"};
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < interfaces->len; i++) {
        const VsfHostInterface *one = &g_array_index(interfaces, VsfHostInterface, i);

        if (one->is_bridge && !as_ports)
            continue;
        g_string_append_printf(text, "%s%d %s ", text->len > 0 ? ", " : "", one->ifindex,
                               one->name);
        if (as_ports) {
            g_string_append_printf(text, "%s %" G_GUINT64_FORMAT " %s %x %s",
                                   one->is_bridge ? "bridge" : "physical", one->speed_bps / 1000000,
                                   duplexes[one->duplex], one->flags, one->carrier ? "up" : "down");
            continue;
        }
        if (!one->has_mac)
            g_string_append(text, "?");
        for (guint j = 0; one->has_mac && j < sizeof(one->mac); j++)
            g_string_append_printf(text, "%s%02x", j > 0 ? ":" : "", one->mac[j]);
    }
    return g_string_free(text, FALSE);
}

GHashTable *
told_counters(const VsfHostCounters *counters)
{
    GHashTable *told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    tell_cpu(told, &counters->cpu);
    tell_memory(told, &counters->memory);
    tell(told, "disk.reads", counters->disk.reads);
    tell(told, "disk.bytes_read", counters->disk.bytes_read);
    tell(told, "disk.read_ms", counters->disk.read_ms);
    tell(told, "disk.writes", counters->disk.writes);
    tell(told, "disk.bytes_written", counters->disk.bytes_written);
    tell(told, "disk.write_ms", counters->disk.write_ms);
    tell_all(told, "ip", counters->mib.ip, G_N_ELEMENTS(counters->mib.ip));
    tell_all(told, "icmp", counters->mib.icmp, G_N_ELEMENTS(counters->mib.icmp));
    tell_all(told, "tcp", counters->mib.tcp, G_N_ELEMENTS(counters->mib.tcp));
    tell_all(told, "udp", counters->mib.udp, G_N_ELEMENTS(counters->mib.udp));
    tell_net(told, &counters->net);
    g_hash_table_insert(told, g_strdup("adapters"), tell_interfaces(counters->interfaces, FALSE));
    g_hash_table_insert(told, g_strdup("ports"), tell_interfaces(counters->interfaces, TRUE));
    return told;
}
