/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the status says of the numbers that the host reads of a VM, and of where they would come
 * from: its interfaces and its balloon. */
#include "status.h"

static void
add_counters(JsonBuilder *builder, const VsfDomainCounters *sent)
{
    const struct {
        const char *name;
        guint64 value;
    } counters[] = {
        {"vcpus", sent->n_vcpus},
        {"cpu_ms", sent->cpu_time_ns == VSF_UNKNOWN ? VSF_UNKNOWN : sent->cpu_time_ns / 1000000},
        {"memory_max", sent->max_memory},
        {"disk_capacity", sent->disk.capacity},
        {"disk_allocation", sent->disk.allocation},
        {"disk_read_bytes", sent->disk.rd_bytes},
        {"disk_reads", sent->disk.rd_req},
        {"disk_written_bytes", sent->disk.wr_bytes},
        {"disk_writes", sent->disk.wr_req},
        {"net_in_bytes", sent->net.bytes_in},
        {"net_in_packets", sent->net.packets_in},
        {"net_out_bytes", sent->net.bytes_out},
        {"net_out_packets", sent->net.packets_out},
    };

    json_builder_set_member_name(builder, "counters");
    json_builder_begin_object(builder);
    for (guint i = 0; i < G_N_ELEMENTS(counters); i++)
        vsf_status_number_member(builder, counters[i].name, counters[i].value);
    json_builder_end_object(builder);
}

/* A counter's, in @unit a second; null where it is not known, or went back. */
static void
add_rate(JsonBuilder *builder, const char *name, guint64 before, guint64 now, double over_s,
         double unit)
{
    json_builder_set_member_name(builder, name);
    if (over_s <= 0 || before == VSF_UNKNOWN || now == VSF_UNKNOWN || now < before)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(builder, (double)(now - before) * unit / over_s);
}

static void
add_rates(JsonBuilder *builder, const VsfPollStatus *poll)
{
    const VsfDomainCounters *now = &poll->sent, *before = &poll->before;
    double over_s = poll->before_us == 0
                        ? 0
                        : (double)(poll->last_poll_us - poll->before_us) / G_USEC_PER_SEC;

    json_builder_set_member_name(builder, "rates");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "over_s");
    if (over_s <= 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(builder, over_s);
    add_rate(builder, "cpu_percent", before->cpu_time_ns, now->cpu_time_ns, over_s, 1e-7);
    add_rate(builder, "disk_read_bytes", before->disk.rd_bytes, now->disk.rd_bytes, over_s, 1);
    add_rate(builder, "disk_written_bytes", before->disk.wr_bytes, now->disk.wr_bytes, over_s, 1);
    add_rate(builder, "net_in_bits", before->net.bytes_in, now->net.bytes_in, over_s, 8);
    add_rate(builder, "net_in_packets", before->net.packets_in, now->net.packets_in, over_s, 1);
    add_rate(builder, "net_out_bits", before->net.bytes_out, now->net.bytes_out, over_s, 8);
    add_rate(builder, "net_out_packets", before->net.packets_out, now->net.packets_out, over_s, 1);
    json_builder_end_object(builder);
}

static const VsfTap *
tap_of(const VsfDomain *domain, const VsfNic *nic)
{
    for (guint i = 0; i < domain->taps->len; i++) {
        const VsfTap *tap = domain->taps->pdata[i];

        if (tap->nic == nic)
            return tap;
    }
    return NULL;
}

/* Why it has no tap: what has the name of its device cannot be one, or nothing has, since the
 * interface is in another network namespace, say. NULL: neither. */
static const char *
trouble_of(const VsfNic *nic, GHashTable *links)
{
    GHashTableIter iter;
    gboolean found = FALSE;
    gpointer value;

    if (nic->device == NULL || links == NULL)
        return NULL;
    g_hash_table_iter_init(&iter, links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfLink *link = value;

        if (strcmp(link->name, nic->device) != 0)
            continue;
        if (!vsf_link_is_ethernet(link))
            return "not Ethernet";
        found = TRUE;
    }
    return !found && (nic->kind == VSF_NIC_TAP || nic->kind == VSF_NIC_MACVTAP) ? "not there"
                                                                                : NULL;
}

void
vsf_status_switch_member(JsonBuilder *builder, const VsfOvsSnapshot *ports, const VsfOvsPort *port)
{
    json_builder_set_member_name(builder, "switch");
    if (port == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "bridge", port->bridge);
    vsf_status_text_member(builder, "port", port->port);
    vsf_status_text_member(builder, "type", port->type);
    vsf_status_number_member(builder, "ofport",
                             port->ofport >= 0 ? (guint64)port->ofport : VSF_UNKNOWN);
    vsf_status_number_member(builder, "vlan", port->tag >= 0 ? (guint64)port->tag : VSF_UNKNOWN);
    vsf_status_text_member(builder, "vlan_mode", port->vlan_mode);
    vsf_status_text_member(builder, "trunks", port->trunks);
    vsf_status_text_member(builder, "iface_id", port->iface_id);
    json_builder_set_member_name(builder, "samples");
    json_builder_add_boolean_value(builder, vsf_ovs_port_is_covered(ports, port));
    json_builder_end_object(builder);
}

/* Of a tap that is read, or of memory that is shared with a switch. */
static const VsfOvsPort *
port_of(const VsfOvsSnapshot *ports, const VsfNic *nic, const VsfTap *tap)
{
    const VsfOvsPort *port;

    if (tap != NULL)
        return vsf_ovs_snapshot_of_link(ports, tap->link.name, tap->link.ifindex);
    if (nic->kind != VSF_NIC_VHOST_USER)
        return NULL;
    port = vsf_ovs_snapshot_by_name(ports, nic->device);
    return port != NULL && vsf_ovs_port_is_vhost_user(port) ? port : NULL;
}

/* What is passed through, and what its card counts. */
static void
add_vf(JsonBuilder *builder, const VsfNic *nic, const VsfVfReading *reading)
{
    const VsfNetCounters *net;

    vsf_status_text_member(builder, "pci", nic->pci[0] != '\0' ? nic->pci : NULL);
    json_builder_set_member_name(builder, "vf");
    if (reading == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    net = &reading->vf.net;
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "card", reading->place.interface);
    vsf_status_int_member(builder, "number", reading->vf.number);
    vsf_status_int_member(builder, "vlan", reading->vf.vlan);
    vsf_status_age_member(builder, "age_s", reading->read_us);
    vsf_status_number_member(builder, "in_bytes", net->bytes_in);
    vsf_status_number_member(builder, "in_packets", net->packets_in);
    vsf_status_number_member(builder, "in_drops", net->drops_in);
    vsf_status_number_member(builder, "out_bytes", net->bytes_out);
    vsf_status_number_member(builder, "out_packets", net->packets_out);
    vsf_status_number_member(builder, "out_drops", net->drops_out);
    json_builder_end_object(builder);
}

static void
add_interfaces(JsonBuilder *builder, const VsfDomain *domain, GHashTable *links,
               const VsfOvsSnapshot *ports, const VsfVfs *vfs)
{
    static const char *const kinds[] = {
        [VSF_NIC_TAP] = "tap",
        [VSF_NIC_MACVTAP] = "macvtap",
        [VSF_NIC_VHOST_USER] = "vhost-user",
        [VSF_NIC_HOSTDEV] = "hostdev",
        [VSF_NIC_OTHER] = "other",
    };

    static const char *const unsampled[] = {
        [VSF_NIC_TAP] = NULL,
        [VSF_NIC_MACVTAP] = NULL,
        [VSF_NIC_VHOST_USER] = "its packets pass a switch in user space",
        [VSF_NIC_HOSTDEV] = "its packets pass no interface of the host",
        [VSF_NIC_OTHER] = "it has no interface on the host",
    };

    json_builder_set_member_name(builder, "interfaces");
    json_builder_begin_array(builder);
    for (guint i = 0; i < domain->def->nics->len; i++) {
        const VsfNic *nic = domain->def->nics->pdata[i];
        const VsfTap *tap = tap_of(domain, nic);
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0],
                                               nic->mac[1], nic->mac[2], nic->mac[3], nic->mac[4],
                                               nic->mac[5]);

        json_builder_begin_object(builder);
        vsf_status_text_member(builder, "kind", kinds[nic->kind]);
        vsf_status_text_member(builder, "type", nic->type);
        vsf_status_text_member(builder, "mac", mac);
        vsf_status_text_member(builder, "device", nic->device);
        vsf_status_text_member(builder, "port", vsf_domain_port(domain->def, nic));
        vsf_status_number_member(builder, "ifindex",
                                 tap != NULL ? (guint64)tap->link.ifindex : VSF_UNKNOWN);
        vsf_status_text_member(builder, "trouble", tap == NULL ? trouble_of(nic, links) : NULL);
        vsf_status_text_member(builder, "unsampled", tap == NULL ? unsampled[nic->kind] : NULL);
        vsf_status_switch_member(builder, ports, port_of(ports, nic, tap));
        add_vf(builder, nic, vfs != NULL ? vsf_vfs_get(vfs, nic->pci) : NULL);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_disks(JsonBuilder *builder, const VsfDomainDef *def)
{
    static const char *const kinds[] = {
        [VSF_DISK_FILE] = "file",       [VSF_DISK_BLOCK] = "block",
        [VSF_DISK_NETWORK] = "network", [VSF_DISK_VOLUME] = "volume",
        [VSF_DISK_OTHER] = "other",     [VSF_DISK_VHOST_USER] = "vhost-user",
    };

    json_builder_set_member_name(builder, "block_devices");
    json_builder_begin_array(builder);
    for (guint i = 0; i < def->disks->len; i++) {
        const VsfDisk *disk = def->disks->pdata[i];

        json_builder_begin_object(builder);
        vsf_status_text_member(builder, "target", disk->target);
        vsf_status_text_member(builder, "kind", kinds[disk->kind]);
        vsf_status_text_member(builder, "source", disk->source);
        vsf_status_text_member(builder, "serial", disk->serial);
        vsf_status_text_member(builder, "volume", vsf_domain_volume(def, disk));
        json_builder_set_member_name(builder, "config_drive");
        json_builder_add_boolean_value(builder, disk->config_drive);
        json_builder_set_member_name(builder, "counted");
        json_builder_add_boolean_value(builder, vsf_disk_is_counted(disk));
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

void
vsf_status_vm_members(JsonBuilder *builder, const VsfDomain *domain, GHashTable *links,
                      const VsfOvsSnapshot *ports, const VsfVfs *vfs, const VsfPollStatus *poll)
{
    add_counters(builder, &poll->sent);
    add_rates(builder, poll);
    add_interfaces(builder, domain, links, ports, vfs);
    add_disks(builder, domain->def);
    json_builder_set_member_name(builder, "balloon");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "device");
    json_builder_add_boolean_value(builder, domain->def->has_balloon);
    vsf_status_int_member(builder, "period_s", domain->def->balloon_period_s);
    json_builder_end_object(builder);
}
