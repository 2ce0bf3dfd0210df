#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records domain XML as OpenStack nova writes it: make-nova-xml.py FOLDER

Needs Debian's python3-nova (`apt-get install --no-install-recommends python3-nova`, best in a
chroot: it brings 180 packages). The results lie in `nova/` beside this file and are what the
tests read; nothing but this script needs nova. Metadata, NICs and volumes come from nova's own
driver code (LibvirtDriver._get_guest_config_meta, the generic VIF driver with os-vif, the image
backends' and volume drivers' configurations); only what they are given is made up here: what
Neutron, Cinder and the scheduler would have said."""

import os
import sys
import time
from unittest import mock

import os_vif

from nova import conf, objects
from nova.network import model
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import driver, vif
from nova.virt.libvirt.volume import net as net_volume
from nova.virt.libvirt.volume import volume as block_volume

objects.register_all()
CONF = conf.CONF
CONF([], project="nova", version="recorded", default_config_files=[])
CONF.set_override("virt_type", "qemu", "libvirt")
CREATED = 1709287872  # 2024-03-01 10:11:12 UTC


def port_id(number):
    return f"{number:08x}-9f00-4a3c-b6de-c3a1c6c6e0{number & 255:02x}"


def neutron_port(number, kind, details=None, network="br-int", profile=None, **options):
    """What Neutron tells nova of one port."""
    subnets = [model.Subnet(cidr="10.0.0.0/24", version=4,
                            ips=[model.FixedIP(address=f"10.0.0.{number & 255}", version=4)]),
               model.Subnet(cidr="2001:db8::/64", version=6,
                            ips=[model.FixedIP(address=f"2001:db8::{number & 255:x}", version=6)])]
    name = port_id(number)[:11]
    network = model.Network(id="9d3b1f0a-0000-4b22-a3c1-d1f9f0a7e0ff", bridge=network, label="net",
                            subnets=subnets, mtu=1442)
    return model.VIF(id=port_id(number), address=f"fa:16:3e:00:00:{number & 255:02x}",
                     network=network, type=kind, details=details or {}, profile=profile or {},
                     devname=f"tap{name}", ovs_interfaceid=port_id(number), active=True, **options)


def instance(number, name, volume=False, flavor="m1.small"):
    """What nova's database has of one VM."""
    return objects.Instance(
        id=number, uuid=f"9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e1{number:02x}", display_name=name,
        user_id="3a0d5c1e9b7f4c6d8e2a1b0c9d8e7f60", project_id="7b1c2d3e4f5061728394a5b6c7d8e9f0",
        image_ref="" if volume else "f0c1e2d3-1111-4222-8333-444455556666",
        system_metadata={"owner_user_name": "ann", "owner_project_name": "Web & shop"},
        host="compute-1", metadata={}, vm_state="active",
        flavor=objects.Flavor(id=1, flavorid="2", name=flavor, memory_mb=64, vcpus=1, root_gb=1,
                              ephemeral_gb=0, swap=16, extra_specs={}))


def file_disk(made, target="vda", name="disk", form="qcow2", device="disk", bus="virtio"):
    disk = vconfig.LibvirtConfigGuestDisk()
    disk.source_type, disk.source_device = "file", device
    disk.driver_name, disk.driver_format, disk.driver_cache = "qemu", form, "none"
    disk.source_path = os.path.join("/var/lib/nova/instances", made.uuid, name)
    disk.target_dev, disk.target_bus = target, bus
    disk.readonly = device == "cdrom"
    return disk


def rbd_disk(made, target="vda", name="disk", device="disk", bus="virtio"):
    disk = vconfig.LibvirtConfigGuestDisk()
    disk.source_type, disk.source_device = "network", device
    disk.driver_name, disk.driver_format, disk.driver_cache = "qemu", "raw", "writeback"
    disk.source_protocol, disk.source_name = "rbd", f"vms/{made.uuid}_{name}"
    disk.source_hosts, disk.source_ports = ["192.0.2.11", "192.0.2.12"], ["6789", "6789"]
    disk.target_dev, disk.target_bus = target, bus
    disk.readonly = device == "cdrom"
    return disk


def lvm_disk(made, target="vda"):
    disk = vconfig.LibvirtConfigGuestDisk()
    disk.source_type, disk.source_device = "block", "disk"
    disk.driver_name, disk.driver_format, disk.driver_cache = "qemu", "raw", "none"
    disk.source_path = f"/dev/nova-vg/{made.uuid}_disk"
    disk.target_dev, disk.target_bus = target, "virtio"
    return disk


def cinder(number, target, protocol):
    """A volume, attached."""
    volume = f"c1dec0de-0000-4000-8000-0000000000{number:02x}"
    info = {"driver_volume_type": protocol, "serial": volume,
            "data": {"access_mode": "rw", "qos_specs": None, "volume_id": volume}}
    if protocol == "rbd":
        info["data"].update(name=f"volumes/volume-{volume}", hosts=["192.0.2.11"], ports=["6789"],
                            auth_enabled=True, auth_username="cinder",
                            secret_type="ceph", secret_uuid="aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
        made = net_volume.LibvirtNetVolumeDriver(host())
    else:
        info["data"]["device_path"] = f"/dev/disk/by-id/wwn-0x600{number:013x}"
        made = block_volume.LibvirtVolumeDriver(host())
    return made.get_config(info, {"dev": target, "bus": "virtio", "type": "disk"})


def host():
    found = mock.Mock()
    found.has_min_version.return_value = True
    found.supports_virtio_packed = False
    found.find_secret.return_value = None
    return found


def hostdev(address):
    """A device of a PCI request, as the driver adds it."""
    device = vconfig.LibvirtConfigGuestHostdevPCI()
    domain, bus, slot = address.split(":")
    device.domain, device.bus = domain, bus
    device.slot, device.function = slot.split(".")
    return device


def write(folder, name, made, ports, disks, extra=()):
    with mock.patch.object(time, "time", return_value=CREATED):
        meta = driver.LibvirtDriver._get_guest_config_meta(mock.Mock(), made, ports)
    guest = vconfig.LibvirtConfigGuest()
    guest.virt_type, guest.name, guest.uuid = "qemu", f"instance-{made.id:08x}", made.uuid
    guest.memory, guest.vcpus = made.flavor.memory_mb * 1024, made.flavor.vcpus
    guest.os_type, guest.os_mach_type, guest.os_boot_dev = "hvm", "pc", ["hd"]
    guest.metadata.append(meta)
    guest.features.append(vconfig.LibvirtConfigGuestFeatureACPI())
    for disk in disks:
        guest.add_device(disk)
    plugged = vif.LibvirtGenericVIFDriver(host())
    image = objects.ImageMeta.from_dict({"properties": {"hw_vif_model": "virtio"}})
    for port in ports:
        guest.add_device(plugged.get_config(made, port, image, made.flavor, "qemu"))
    channel = vconfig.LibvirtConfigGuestChannel()
    channel.type, channel.target_name = "unix", "org.qemu.guest_agent.0"
    channel.source_path = f"/var/lib/libvirt/qemu/org.qemu.guest_agent.0.{guest.name}.sock"
    guest.add_device(channel)
    balloon = vconfig.LibvirtConfigMemoryBalloon()
    balloon.model, balloon.period = "virtio", "10"
    guest.add_device(balloon)
    for device in extra:
        guest.add_device(device)
    with open(os.path.join(folder, f"{name}.xml"), "w", encoding="utf-8") as file:
        file.write(guest.to_xml())


def main(folder):
    os_vif.initialize()
    made = instance(1, "web <1> \u00fc")
    write(folder, "ovs", made,
          [neutron_port(0x10, "ovs", {"port_filter": True, "ovs_hybrid_plug": False}),
           neutron_port(0x11, "ovs", {"port_filter": True, "ovs_hybrid_plug": True},
                        network="br-int")],
          [file_disk(made), file_disk(made, "vdb", "disk.swap"),
           file_disk(made, "hda", "disk.config", "raw", "cdrom", "ide")])
    made = instance(2, "batch")
    write(folder, "linuxbridge", made,
          [neutron_port(0x20, "bridge", {"port_filter": True}, network="brq9d3b1f0a-00"),
           neutron_port(0x21, "tap", network=None)],
          [lvm_disk(made), cinder(0x20, "vdb", "iscsi"),
           file_disk(made, "vdc", "disk.config", "raw")])
    made = instance(3, "router")
    write(folder, "vhostuser", made,
          [neutron_port(0x30, "vhostuser", {
              "vhostuser_mode": "server", "vhostuser_ovs_plug": True,
              "vhostuser_socket": f"/run/openvswitch/vhu{port_id(0x30)[:11]}"})],
          [file_disk(made)])
    made = instance(4, "probe")
    write(folder, "sriov", made,
          [neutron_port(0x40, "hw_veb", {"vlan": "42"}, vnic_type="direct",
                        profile={"pci_slot": "0000:81:00.2", "physical_network": "dc"}),
           neutron_port(0x41, "hw_veb", {"vlan": "43"}, vnic_type="direct",
                        profile={"pci_slot": "0000:81:1f.7", "physical_network": "dc"})],
          [file_disk(made)], [hostdev("0000:82:00.0")])
    made = instance(5, "db", volume=True)
    write(folder, "rbd", made,
          [neutron_port(0x50, "ovs", {"port_filter": True})],
          [cinder(0x50, "vda", "rbd"), rbd_disk(made, "vdb", "disk.eph0"),
           rbd_disk(made, "hda", "disk.config", "cdrom", "ide"), cinder(0x51, "vdc", "rbd")])


if __name__ == "__main__":
    main(sys.argv[1])
