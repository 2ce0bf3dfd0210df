#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest agent, with its PID in /run/qemu-ga.pid. Started once: a test may stop
# or end it for good, or run this again: guest-agent.sh [COMMAND,COMMAND]
# The argument, or this kernel argument, names commands that the agent refuses:
#   vsf.agent.block=COMMAND,COMMAND
# Others:
#   vsf.agent=off    no agent
#   vsf.agent=hang   something that opens the agent's port and never answers
port=/dev/virtio-ports/org.qemu.guest_agent.0
[ -e "$port" ] || exit
block=$1
for word in $(cat /proc/cmdline); do
    case $word in
        vsf.agent=off) exit ;;
        vsf.agent=hang) exec sleep 1000000 <>"$port" ;;
        vsf.agent.block=*) block=${block:-${word#*=}} ;;
    esac
done
# In the foreground it writes no PID.
echo $$ >/run/qemu-ga.pid
exec qemu-ga -m virtio-serial -p "$port" -t /run ${block:+-b "$block"}
