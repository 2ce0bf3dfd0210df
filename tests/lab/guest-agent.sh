#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Starts the guest agent, once: a test may stop or end it for good.
port=/dev/virtio-ports/org.qemu.guest_agent.0
grep -q 'vsf.agent=off' /proc/cmdline && exit
[ -e "$port" ] || exit
exec qemu-ga -m virtio-serial -p "$port" -f /run/qemu-ga.pid -t /run
