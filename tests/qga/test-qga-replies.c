/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies of real agents, and what must come out of them. */
#include "../../qga/reply.h"

#include "recorded.h"

#include <string.h>

#define BIT(command) (1u << VSF_QGA_COMMAND_##command)

static VsfQgaFilesystems *
filesystems_of(const char *folder)
{
    g_autofree char *reply = recorded(folder, "guest-get-fsinfo");
    g_autoptr(GError) error = NULL;
    VsfQgaFilesystems *all = vsf_qga_parse_filesystems(reply, strlen(reply), &error);

    g_assert_no_error(error);
    return all;
}

static const VsfQgaFilesystem *
nth(const VsfQgaFilesystems *all, guint i)
{
    g_assert_cmpuint(i, <, all->filesystems->len);
    return all->filesystems->pdata[i];
}

static void
test_guest_info_says_what_may_be_asked(void)
{
    static const guint32 file = BIT(FILE_OPEN) | BIT(FILE_READ) | BIT(FILE_CLOSE);
    static const guint32 every = (1u << VSF_QGA_N_COMMANDS) - 1;
    static const guint32 stats = BIT(DISKSTATS) | BIT(CPUSTATS);
    const struct {
        const char *folder, *version;
        guint32 listed, enabled;
        gboolean frozen;
    } cases[] = {
        {"qemu-ga-7.2", "7.2.22", every & ~BIT(LOAD), every & ~BIT(LOAD), FALSE},
        {"rhel-8", "7.2.22", every & ~BIT(LOAD), every & ~BIT(LOAD) & ~file, FALSE},
        {"rhel-10", "10.0.0", every, every & ~file & ~stats & ~BIT(LOAD), FALSE},
        {"windows", "107.0.1", every & ~BIT(LOAD), every & ~BIT(LOAD) & ~stats, FALSE},
        {"frozen", "7.2.22", every & ~BIT(LOAD), BIT(INFO), TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *reply = recorded(cases[i].folder, "guest-info");
        g_autoptr(GError) error = NULL;
        g_autoptr(VsfQgaInfo) info = vsf_qga_parse_info(reply, strlen(reply), &error);

        g_test_message("%s", cases[i].folder);
        g_assert_no_error(error);
        g_assert_cmpstr(info->version, ==, cases[i].version);
        g_assert_cmphex(info->listed, ==, cases[i].listed);
        g_assert_cmphex(info->enabled, ==, cases[i].enabled);
        g_assert_cmpint(info->frozen, ==, cases[i].frozen);
    }
}

static void
test_a_filesystem_mounted_twice_counts_once(void)
{
    g_autoptr(VsfQgaFilesystems) all = filesystems_of("qemu-ga-7.2");
    const VsfQgaFilesystem *root = nth(all, 0);
    const VsfQgaDisk *disk;

    g_assert_cmpuint(all->filesystems->len, ==, 1);
    g_assert_cmpuint(all->n_repeated, ==, 1);
    g_assert_cmpuint(all->n_left_out, ==, 0);
    g_assert_cmpstr(root->name, ==, "vda");
    g_assert_cmpstr(root->mount_point, ==, "/");
    g_assert_cmpstr(root->type, ==, "ext4");
    g_assert_cmpuint(root->total_bytes, ==, 102745280512);
    g_assert_cmpuint(root->used_bytes, >, 0);
    g_assert_cmpuint(root->used_bytes, <, root->total_bytes);
    g_assert_cmpuint(root->total_privileged_bytes, ==, VSF_QGA_UNKNOWN);
    g_assert_cmpuint(root->disks->len, ==, 1);
    disk = root->disks->pdata[0];
    g_assert_cmpstr(disk->dev, ==, "/dev/vda");
    g_assert_cmpstr(disk->bus_type, ==, "virtio");
    g_assert_cmpstr(disk->serial, ==, NULL);
    g_assert_cmpuint(disk->pci_slot, ==, 2);
}

static void
test_a_node_of_many_pods_has_two_filesystems(void)
{
    g_autoptr(VsfQgaFilesystems) all = filesystems_of("kubernetes");

    g_assert_cmpuint(all->filesystems->len, ==, 2);
    g_assert_cmpuint(all->n_repeated, ==, 302);
    g_assert_cmpstr(nth(all, 0)->mount_point, ==, "/");
    g_assert_cmpstr(nth(all, 1)->name, ==, "vdb");
    g_assert_cmpstr(nth(all, 1)->mount_point, ==, "/var/lib/kubelet/pods/1/volumes/pvc-1/mount");
}

static void
test_a_cd_is_listed_and_known_to_be_read_only(void)
{
    g_autoptr(VsfQgaFilesystems) rhel = filesystems_of("rhel-10");
    g_autoptr(VsfQgaFilesystems) windows = filesystems_of("windows");

    g_assert_false(nth(rhel, 0)->read_only_type);
    g_assert_true(nth(rhel, 2)->read_only_type);
    g_assert_true(nth(windows, 3)->read_only_type);
    g_assert_cmpuint(nth(rhel, 0)->total_privileged_bytes, ==, 18238930944);
    g_assert_cmpuint(nth(rhel, 2)->total_privileged_bytes, ==, VSF_QGA_UNKNOWN);
}

static void
test_windows_volumes_have_drive_letters_and_may_lack_sizes(void)
{
    g_autoptr(VsfQgaFilesystems) all = filesystems_of("windows");
    const VsfQgaDisk *disk = nth(all, 2)->disks->pdata[0];

    g_assert_cmpuint(all->filesystems->len, ==, 4);
    g_assert_cmpstr(nth(all, 0)->name, ==, "\\\\?\\Volume{3f1c2b6a-0000-0000-0000-602200000000}\\");
    g_assert_cmpstr(nth(all, 0)->mount_point, ==, "C:\\");
    g_assert_cmpuint(nth(all, 0)->used_bytes, ==, 21730795520);
    g_assert_cmpstr(nth(all, 1)->mount_point, ==, "System Reserved");
    g_assert_cmpuint(nth(all, 1)->total_bytes, ==, VSF_QGA_UNKNOWN);
    g_assert_cmpuint(nth(all, 1)->used_bytes, ==, VSF_QGA_UNKNOWN);
    /* The agent writes -1 for an address that it does not know. */
    g_assert_cmpstr(disk->dev, ==, "\\\\.\\PhysicalDrive1");
    g_assert_cmpuint(disk->pci_slot, ==, G_MAXUINT32);
    g_assert_cmpuint(disk->unit, ==, G_MAXUINT32);
}

static void
test_os_facts_of_linux_and_windows(void)
{
    g_autofree char *linux_reply = recorded("qemu-ga-7.2", "guest-get-osinfo");
    g_autofree char *windows_reply = recorded("windows", "guest-get-osinfo");
    g_autoptr(VsfQgaOs) debian = vsf_qga_parse_os(linux_reply, strlen(linux_reply), NULL);
    g_autoptr(VsfQgaOs) windows = vsf_qga_parse_os(windows_reply, strlen(windows_reply), NULL);

    g_assert_cmpstr(debian->id, ==, "debian");
    g_assert_cmpstr(debian->pretty_name, ==, "Debian GNU/Linux 12 (bookworm)");
    g_assert_cmpstr(debian->version_id, ==, "12");
    g_assert_cmpstr(debian->kernel_release, ==, "6.1.0-18-amd64");
    g_assert_cmpstr(debian->machine, ==, "x86_64");
    g_assert_cmpstr(debian->variant, ==, NULL);
    g_assert_cmpstr(windows->id, ==, "mswindows");
    g_assert_cmpstr(windows->kernel_version, ==, "10.0");
    g_assert_cmpstr(windows->variant_id, ==, "server");
}

static void
test_host_name_and_load(void)
{
    g_autofree char *name_reply = recorded("qemu-ga-7.2", "guest-get-host-name");
    g_autofree char *load_reply = recorded("qemu-ga-10.0", "guest-get-load");
    g_autofree char *name = vsf_qga_parse_host_name(name_reply, strlen(name_reply), NULL);
    g_autofree VsfQgaLoad *load = vsf_qga_parse_load(load_reply, strlen(load_reply), NULL);

    g_assert_cmpstr(name, ==, "web01");
    g_assert_cmpfloat(load->one_minute, ==, 0.42);
    g_assert_cmpfloat(load->five_minutes, ==, 1.5);
    g_assert_cmpfloat(load->fifteen_minutes, ==, 2); /* an integer in the reply */
}

static void
test_cpu_and_disk_counters(void)
{
    g_autofree char *cpu_reply = recorded("qemu-ga-7.2", "guest-get-cpustats");
    g_autofree char *disk_reply = recorded("qemu-ga-7.2", "guest-get-diskstats");
    g_autoptr(GArray) cpus = vsf_qga_parse_cpu_stats(cpu_reply, strlen(cpu_reply), NULL);
    g_autoptr(GPtrArray) disks = vsf_qga_parse_disk_stats(disk_reply, strlen(disk_reply), NULL);
    const VsfQgaCpuStats *second = &g_array_index(cpus, VsfQgaCpuStats, 1);
    const VsfQgaDiskStats *vda = disks->pdata[8];

    g_assert_cmpuint(cpus->len, ==, 2);
    g_assert_cmpuint(second->cpu, ==, 1);
    g_assert_cmpuint(second->user_ms, ==, 1410550);
    g_assert_cmpuint(second->nice_ms, ==, 238450);
    g_assert_cmpuint(second->system_ms, ==, 693680);
    g_assert_cmpuint(second->idle_ms, ==, 5022950);
    g_assert_cmpuint(second->iowait_ms, ==, 18780);
    g_assert_cmpuint(second->irq_ms, ==, 0);
    g_assert_cmpuint(second->softirq_ms, ==, 9400);
    g_assert_cmpuint(second->steal_ms, ==, 2990);
    g_assert_cmpuint(second->guest_ms, ==, 10);
    g_assert_cmpuint(second->guest_nice_ms, ==, 0);
    g_assert_cmpuint(disks->len, ==, 10);
    g_assert_cmpstr(vda->name, ==, "vda");
    g_assert_cmpuint(vda->major, ==, 254);
    g_assert_cmpuint(vda->minor, ==, 0);
    g_assert_cmpuint(vda->read_ios, ==, 309853);
    g_assert_cmpuint(vda->read_merges, ==, 20566);
    g_assert_cmpuint(vda->read_sectors, ==, 13596938);
    g_assert_cmpuint(vda->read_ms, ==, 437129);
    g_assert_cmpuint(vda->write_ios, ==, 226854);
    g_assert_cmpuint(vda->write_merges, ==, 70370);
    g_assert_cmpuint(vda->write_sectors, ==, 15112656);
    g_assert_cmpuint(vda->write_ms, ==, 84285);
    g_assert_cmpuint(vda->discard_ios, ==, 99715);
    g_assert_cmpuint(vda->discard_merges, ==, 59);
    g_assert_cmpuint(vda->discard_sectors, ==, 11222368);
    g_assert_cmpuint(vda->discard_ms, ==, 12588);
    g_assert_cmpuint(vda->flush_ios, ==, 44870);
    g_assert_cmpuint(vda->flush_ms, ==, 3631);
    g_assert_cmpuint(vda->in_progress, ==, 0);
    g_assert_cmpuint(vda->total_ms, ==, 50212);
    g_assert_cmpuint(vda->weighted_ms, ==, 537633);
}

static void
test_interfaces_with_and_without_addresses(void)
{
    g_autofree char *reply = recorded("qemu-ga-7.2", "guest-network-get-interfaces");
    g_autoptr(GPtrArray) all = vsf_qga_parse_interfaces(reply, strlen(reply), NULL);
    const VsfQgaInterface *ifb = all->pdata[1], *eth0 = all->pdata[3];
    const VsfQgaAddress *first = eth0->addresses->pdata[0], *second = eth0->addresses->pdata[1];

    g_assert_cmpuint(all->len, ==, 4);
    g_assert_cmpstr(ifb->name, ==, "ifb0");
    g_assert_cmpuint(ifb->addresses->len, ==, 0);
    g_assert_cmpuint(ifb->rx_bytes, ==, VSF_QGA_UNKNOWN);
    g_assert_cmpstr(eth0->hardware_address, ==, "02:fc:00:00:00:01");
    g_assert_cmpuint(eth0->rx_bytes, ==, 426234593);
    g_assert_cmpuint(eth0->rx_packets, ==, 10091);
    g_assert_cmpuint(eth0->tx_bytes, ==, 487226);
    g_assert_cmpuint(eth0->tx_packets, ==, 6171);
    g_assert_cmpuint(eth0->addresses->len, ==, 3);
    g_assert_cmpstr(first->address, ==, "192.0.2.2");
    g_assert_cmpuint(first->family, ==, 4);
    g_assert_cmpuint(first->prefix, ==, 24);
    g_assert_cmpuint(second->family, ==, 6);
}

static void
test_meminfo_through_a_file(void)
{
    g_autofree char *open_reply = recorded("qemu-ga-7.2", "guest-file-open");
    g_autofree char *read_reply = recorded("qemu-ga-7.2", "guest-file-read");
    g_autofree char *close_reply = recorded("qemu-ga-7.2", "guest-file-close");
    g_autoptr(GError) error = NULL;
    g_autofree VsfQgaMemory *memory = vsf_qga_parse_memory(read_reply, strlen(read_reply), &error);
    gint64 handle = 0;

    g_assert_no_error(error);
    g_assert_true(vsf_qga_parse_handle(open_reply, strlen(open_reply), &handle, NULL));
    g_assert_cmpint(handle, ==, 1000);
    g_assert_cmpuint(memory->total, ==, 24684084ull * 1024);
    g_assert_cmpuint(memory->available, >, memory->total / 2);
    g_assert_cmpuint(memory->available, <, memory->total);
    g_assert_cmpuint(memory->buffers, <, memory->cached);
    g_assert_cmpuint(memory->swap_total, ==, 0);
    g_assert_cmpuint(memory->swap_free, ==, 0);
    g_assert_true(vsf_qga_parse_closed(close_reply, strlen(close_reply), NULL));
}

static void
test_each_recorded_refusal_is_told_apart(void)
{
    const struct {
        const char *folder, *name;
        VsfQgaError code;
    } cases[] = {
        {"qemu-ga-7.2", "guest-get-load", VSF_QGA_ERROR_NOT_FOUND},
        {"qemu-ga-7.2", "no-such-file", VSF_QGA_ERROR_FAILED},
        {"qemu-ga-7.2", "guest-file-close-again", VSF_QGA_ERROR_FAILED},
        {"rhel-8", "guest-file-open", VSF_QGA_ERROR_DISABLED},
        {"rhel-10", "guest-file-open", VSF_QGA_ERROR_DISABLED},
        {"frozen", "guest-get-fsinfo", VSF_QGA_ERROR_FROZEN},
        {"windows", "guest-file-open", VSF_QGA_ERROR_FAILED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *reply = recorded(cases[i].folder, cases[i].name);
        g_autoptr(GError) error = NULL;

        g_test_message("%s", reply);
        g_assert_false(vsf_qga_parse_closed(reply, strlen(reply), &error));
        g_assert_error(error, VSF_QGA_ERROR, (int)cases[i].code);
    }
}

#define ADD(name, function) g_test_add_func("/qga/replies/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("guest-info-says-what-may-be-asked", test_guest_info_says_what_may_be_asked);
    ADD("a-filesystem-mounted-twice-counts-once", test_a_filesystem_mounted_twice_counts_once);
    ADD("a-node-of-many-pods-has-two-filesystems", test_a_node_of_many_pods_has_two_filesystems);
    ADD("a-cd-is-listed-and-known-to-be-read-only", test_a_cd_is_listed_and_known_to_be_read_only);
    ADD("windows-volumes-have-drive-letters-and-may-lack-sizes",
        test_windows_volumes_have_drive_letters_and_may_lack_sizes);
    ADD("os-facts-of-linux-and-windows", test_os_facts_of_linux_and_windows);
    ADD("host-name-and-load", test_host_name_and_load);
    ADD("cpu-and-disk-counters", test_cpu_and_disk_counters);
    ADD("interfaces-with-and-without-addresses", test_interfaces_with_and_without_addresses);
    ADD("meminfo-through-a-file", test_meminfo_through_a_file);
    ADD("each-recorded-refusal-is-told-apart", test_each_recorded_refusal_is_told_apart);
    return g_test_run();
}
