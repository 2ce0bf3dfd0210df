#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's start, run by busybox init as its sysinit step. Kernel arguments:
#   vsf.ip=MAC=ADDRESS/BITS[,...]  an address for the NIC with that MAC
#   vsf.gw=ADDRESS                 default route
#   vsf.name=NAME                  host name
#   vsf.run=BASE64                 a shell command run as soon as the network is up
#   vsf.trial                      says that the kernel came up and switches off
#   vsf.agent, vsf.agent.block     see guest-agent.sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/virtio-ports /run /tmp /mnt
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run

argument() { # NAME: its value on the kernel's command line
    for word in $(cat /proc/cmdline); do
        case $word in "$1="*) echo "${word#*=}" ;; esac
    done
}

case " $(cat /proc/cmdline) " in *" vsf.trial "*)
    echo "vsf-trial: the kernel is up" >/dev/ttyS0
    poweroff -f ;;
esac

while read -r module; do
    insmod "/modules/$module"
done </modules/order

hostname "$(argument vsf.name)"
ip link set lo up
for pair in $(argument vsf.ip | tr , ' '); do
    for nic in /sys/class/net/*; do
        [ "$(cat "$nic/address")" = "${pair%%=*}" ] || continue
        ip address add "${pair#*=}" dev "${nic##*/}"
        ip link set "${nic##*/}" up
    done
done
gateway=$(argument vsf.gw)
[ -z "$gateway" ] || ip route add default via "$gateway"
first=$(argument vsf.run)
[ -z "$first" ] || echo "$first" | base64 -d | sh

[ ! -b /dev/vda ] || mount -t ext4 /dev/vda /mnt

for name in /sys/class/virtio-ports/*/name; do
    [ -e "$name" ] || continue
    port=${name%/name}
    ln -s "/dev/${port##*/}" "/dev/virtio-ports/$(cat "$name")"
done
