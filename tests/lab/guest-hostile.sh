#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest agent that says what a test wants (hostile.py), with its process group, as
# kill takes it, in /run/qemu-ga.pid. It answers guest-sync as an agent should, so that
# libvirt goes on asking. To any other COMMAND the answer is the first that is there of
#   /run/kinds/KIND/COMMAND.sh    shell code, what it writes
#   /run/kinds/KIND/COMMAND       these bytes
# and the same of the kind "good". KIND is the word in /run/kind.
port=/dev/virtio-ports/org.qemu.guest_agent.0
echo "-$$" >/run/qemu-ga.pid
read -r kind </run/kind
exec 3<>"$port"

answer() { # COMMAND
    for folder in "/run/kinds/$kind" /run/kinds/good; do
        if [ -e "$folder/$1.sh" ]; then . "$folder/$1.sh"; return; fi
        if [ -e "$folder/$1" ]; then cat "$folder/$1"; return; fi
    done
    printf '{"error":{"class":"CommandNotFound","desc":"The command %s has not been found"}}\n' "$1"
}

while :; do
    # Nothing comes until libvirt has opened its end.
    read -r line <&3 || { sleep 0.05; continue; }
    command=${line#*\"execute\"*\"}
    command=${command%%\"*}
    id=${line##*\"id\":}
    id=${id%%\}*}
    case $command in
        guest-sync) printf '{"return":%s}\n' "$id" >&3 ;;
        guest-sync-delimited) printf '\377{"return":%s}\n' "$id" >&3 ;;
        *) answer "$command" >&3 ;;
    esac
done
