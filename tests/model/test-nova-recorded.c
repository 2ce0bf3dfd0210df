/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML as nova's own code wrote it (tests/data/domains/make-nova-xml.py). */
#include "../../daemon/model/counters.h"
#include "../../daemon/model/vm-name.h"
#include "domain-xml-fixture.h"

#include <string.h>

#define PORT(n) "000000" n "-9f00-4a3c-b6de-c3a1c6c6e0" n

/* What all of them have. */
static VsfDomainDef *
recorded(const char *name)
{
    g_autofree char *path = g_strdup_printf("nova/%s.xml", name);
    VsfDomainDef *def = parse_file(path);

    g_assert_cmpuint(def->nova->created_s, ==, 1709287872);
    g_assert_cmpstr(def->nova->flavor.name, ==, "m1.small");
    g_assert_cmpuint(def->nova->flavor.memory, ==, 64ull << 20);
    g_assert_cmpuint(def->nova->flavor.disk, ==, 1ull << 30);
    g_assert_cmpuint(def->nova->flavor.swap, ==, 16ull << 20);
    g_assert_cmpuint(def->nova->flavor.ephemeral, ==, 0);
    g_assert_cmpuint(def->nova->flavor.vcpus, ==, 1);
    g_assert_cmpstr(def->nova->project.id, ==, "7b1c2d3e4f5061728394a5b6c7d8e9f0");
    g_assert_cmpstr(def->nova->project.name, ==, "Web & shop");
    g_assert_cmpstr(def->nova->user.id, ==, "3a0d5c1e9b7f4c6d8e2a1b0c9d8e7f60");
    g_assert_cmpstr(def->nova->user.name, ==, "ann");
    g_assert_true(def->has_agent);
    g_assert_cmpuint(def->balloon_period_s, ==, 10);
    g_assert_cmpuint(def->max_memory, ==, 64ull << 20);
    return def;
}

static void
assert_nic(const VsfDomainDef *def, guint i, VsfNicKind kind, const char *device, const char *port)
{
    g_assert_cmpint(nic(def, i)->kind, ==, kind);
    g_assert_cmpstr(nic(def, i)->device, ==, device);
    g_assert_cmpstr(vsf_domain_port(def, nic(def, i)), ==, port);
}

static void
assert_disk(const VsfDomainDef *def, guint i, const char *source, const char *volume,
            gboolean counted)
{
    g_assert_cmpstr(disk(def, i)->source, ==, source);
    g_assert_cmpstr(vsf_domain_volume(def, disk(def, i)), ==, volume);
    g_assert_cmpint(vsf_disk_is_counted(disk(def, i)), ==, counted);
    g_assert_true(vsf_domain_disk(def, disk(def, i)->target) == disk(def, i));
}

#define INSTANCES "/var/lib/nova/instances/9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e1"

static void
test_open_vswitch(void)
{
    g_autoptr(VsfDomainDef) def = recorded("ovs");
    g_autofree char *name = vsf_vm_name(def, VSF_VM_NAME_NOVA, NULL);
    const VsfNovaPort *port = def->nova->ports->pdata[1];

    assert_disk(def, 0, INSTANCES "01/disk", NULL, TRUE);
    assert_disk(def, 1, INSTANCES "01/disk.swap", NULL, TRUE);
    assert_disk(def, 2, INSTANCES "01/disk.config", NULL, FALSE);
    g_assert_true(disk(def, 2)->config_drive);
    g_assert_false(disk(def, 1)->config_drive);

    g_assert_cmpstr(def->nova->name, ==, "web <1> \xc3\xbc");
    g_assert_cmpstr(name, ==, "web-1-9d3b1f0a");
    g_assert_cmpstr(def->nova->image, ==, "f0c1e2d3-1111-4222-8333-444455556666");
    g_assert_cmpuint(def->nics->len, ==, 2);
    assert_nic(def, 0, VSF_NIC_TAP, "tap00000010-9f", PORT("10"));
    g_assert_cmpstr(nic(def, 0)->port, ==, PORT("10"));
    /* Hybrid plug: a Linux bridge between, and no virtualport. */
    assert_nic(def, 1, VSF_NIC_TAP, "tap00000011-9f", PORT("11"));
    g_assert_null(nic(def, 1)->port);
    g_assert_cmpstr(nic(def, 1)->bridge, ==, "qbr00000011-9f");
    g_assert_cmpstr(port->id, ==, PORT("11"));
    g_assert_cmpuint(port->addresses->len, ==, 2);
    g_assert_cmpstr(port->addresses->pdata[1], ==, "2001:db8::11");
}

static void
test_linux_bridge_and_routed_tap(void)
{
    g_autoptr(VsfDomainDef) def = recorded("linuxbridge");

    assert_nic(def, 0, VSF_NIC_TAP, "tap00000020-9f", PORT("20"));
    assert_nic(def, 1, VSF_NIC_TAP, "tap00000021-9f", PORT("21"));
    g_assert_null(nic(def, 1)->bridge);
    assert_disk(def, 0, "/dev/nova-vg/9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e102_disk", NULL, TRUE);
    assert_disk(def, 1, "/dev/disk/by-id/wwn-0x6000000000000020",
                "c1dec0de-0000-4000-8000-000000000020", TRUE);
    /* A config drive of vfat: a disk that can be written. */
    assert_disk(def, 2, INSTANCES "02/disk.config", NULL, FALSE);
    g_assert_false(disk(def, 2)->readonly);
}

static void
test_vhost_user(void)
{
    g_autoptr(VsfDomainDef) def = recorded("vhostuser");

    assert_nic(def, 0, VSF_NIC_VHOST_USER, "vhu00000030-9f", PORT("30"));
    g_assert_cmpstr(nic(def, 0)->socket, ==, "/run/openvswitch/vhu00000030-9f");
}

static void
test_sr_iov(void)
{
    g_autoptr(VsfDomainDef) def = recorded("sriov");

    g_assert_cmpuint(def->nics->len, ==, 2); /* the <hostdev> is none */
    assert_nic(def, 0, VSF_NIC_HOSTDEV, NULL, NULL);
    assert_nic(def, 1, VSF_NIC_HOSTDEV, NULL, NULL);
    g_assert_cmpstr(nic(def, 0)->pci, ==, "0000:81:00.2");
    g_assert_cmpstr(nic(def, 1)->pci, ==, "0000:81:1f.7");
}

static void
test_volumes_of_rbd(void)
{
    g_autoptr(VsfDomainDef) def = recorded("rbd");

    g_assert_null(def->nova->image); /* it boots from a volume */
    g_assert_cmpuint(def->disks->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpint(disk(def, i)->kind, ==, VSF_DISK_NETWORK);
    assert_disk(def, 0, "rbd:volumes/volume-c1dec0de-0000-4000-8000-000000000050",
                "c1dec0de-0000-4000-8000-000000000050", TRUE);
    assert_disk(def, 1, "rbd:vms/9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e105_disk.eph0", NULL, TRUE);
    assert_disk(def, 2, "rbd:vms/9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e105_disk.config", NULL, FALSE);
    g_assert_true(disk(def, 2)->config_drive);
    assert_disk(def, 3, "rbd:volumes/volume-c1dec0de-0000-4000-8000-000000000051",
                "c1dec0de-0000-4000-8000-000000000051", TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/nova-recorded/open-vswitch", test_open_vswitch);
    g_test_add_func("/model/nova-recorded/linux-bridge-and-routed-tap",
                    test_linux_bridge_and_routed_tap);
    g_test_add_func("/model/nova-recorded/vhost-user", test_vhost_user);
    g_test_add_func("/model/nova-recorded/sr-iov", test_sr_iov);
    g_test_add_func("/model/nova-recorded/volumes-of-rbd", test_volumes_of_rbd);
    return g_test_run();
}
