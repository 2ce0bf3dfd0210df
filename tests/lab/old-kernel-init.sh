#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# All that the guest of test_old_kernel.py does: runs each program of /tests, tells what it prints
# over the serial console, and switches off.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/net
exec >/dev/ttyS0 2>&1
while read -r module; do
    insmod "/modules/$module"
done </modules/order
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
ip link set lo up
export VSF_BACKEND=ebpf
echo "@@kernel $(uname -r)"
for program in /tests/*; do
    echo "@@program ${program##*/}"
    "$program" --tap -k
    echo "@@status $?"
done
echo "@@end"
poweroff -f
