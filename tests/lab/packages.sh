# SPDX-License-Identifier: GPL-2.0-or-later
# What building, the lab and the tests need, by package manager; sourced by
# ./quickstart and ./check. Nothing here starts or configures a service, but a
# distribution's package may start its own when it is installed.
#
# apt is tested on Debian 12. The dnf lists (Fedora, RHEL with CRB and EPEL) have
# not been run by the project's own tests.
# shellcheck shell=bash

apt_build="gcc meson ninja-build pkg-config python3 git libc6-dev libglib2.0-dev libjson-glib-dev
    libvirt-dev libpcap-dev libmnl-dev libbpf-dev clang libncurses-dev"
# qemu-system-x86's and libvirt's Recommends are left out, hence some names here.
apt_lab="libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils
    qemu-guest-agent busybox-static iproute2 dnsmasq-base e2fsprogs util-linux procps kmod"
# Tests that judge by other programs; a test without its program skips itself.
apt_check="clang-format-14 tshark pmacct nfdump nfdump-sflow strace iputils-ping faketime iperf3
    openvswitch-switch libclang-rt-14-dev systemd man-db tmux zsh build-essential debhelper lintian rpm
    rpmlint debootstrap fakeroot dh-apparmor apparmor checkpolicy semodule-utils selinux-policy-dev dbus polkitd"

dnf_build="gcc meson ninja-build pkgconf-pkg-config python3 git glib2-devel json-glib-devel
    libvirt-devel libpcap-devel libmnl-devel libbpf-devel clang ncurses-devel glibc-static"
dnf_lab="libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-driver-storage-core libvirt-client
    qemu-kvm qemu-img qemu-guest-agent busybox kernel-core iproute dnsmasq e2fsprogs util-linux
    procps-ng kmod hostname"
dnf_check="clang-tools-extra wireshark-cli nfdump iperf3 openvswitch strace iputils libfaketime systemd man-db tmux zsh"

package_manager() {
    if command -v apt-get >/dev/null; then echo apt
    elif command -v dnf >/dev/null; then echo dnf
    else echo none
    fi
}

is_installed() { # PACKAGE
    case $(package_manager) in
        apt) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
        dnf) rpm -q --quiet --whatprovides "$1" ;;
    esac
}

# Prints those of the group's packages that are not installed.
missing_packages() { # build | lab | check
    local names=$(package_manager)_$1 name
    for name in ${!names}; do
        is_installed "$name" || echo "$name"
    done
}

# RHEL and its rebuilds keep many -devel packages in CRB and some programs in EPEL
# (which on RHEL itself has to be enabled by hand). What fails here shows in the
# installing that follows.
enable_repositories() {
    [ ! -e /etc/fedora-release ] || return # Fedora has all in its own
    dnf install -y dnf-plugins-core
    dnf install -y epel-release
    # EPEL's crb knows each distribution's name for it.
    crb enable || dnf config-manager --set-enabled crb ||
        dnf config-manager --set-enabled powertools
    return 0
}

# What Debian's maintainer scripts ask before they start a service.
policy_helper=/usr/sbin/policy-rc.d

# Runs a command that installs what only tests need, whose services nobody asked for: Open vSwitch's
# would load its module and become part of the host's network. An answer that is there stands.
without_services() ( # COMMAND...
    if [ ! -e "$policy_helper" ] && [ -w "${policy_helper%/*}" ]; then
        trap 'rm -f "$policy_helper"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy_helper" && chmod 755 "$policy_helper"
    fi
    "$@"
)

# Installs packages; the names that the machine's archive does not know are left
# out with a word on stderr if `optional` is given.
install_packages() { # required | optional, PACKAGE...
    local how=$1 name
    shift
    [ $# -gt 0 ] || return 0
    case $(package_manager) in
        apt)
            export DEBIAN_FRONTEND=noninteractive
            # Fresh machines come without package lists.
            apt-cache show "$1" >/dev/null 2>&1 || apt-get update -q || return
            if [ "$how" = optional ]; then
                for name; do
                    shift
                    if apt-cache show "$name" >/dev/null 2>&1; then set -- "$@" "$name"
                    else echo "not in the archive, left out: $name"
                    fi
                done
                [ $# -gt 0 ] || return 0
            fi
            # Again after an update: lists that are old name packages that are gone.
            apt-get install -q -y --no-install-recommends "$@" ||
                { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } ;;
        dnf)
            [ "$how" = required ] || set -- --skip-broken "$@"
            dnf install -y "$@" || { enable_repositories && dnf install -y "$@"; } ;;
        *)
            echo "neither apt-get nor dnf is here; please install: $*"
            return 1 ;;
    esac
}

has_guest_kernel() { # FOLDER
    compgen -G '/boot/vmlinuz-*-cloud-*' >/dev/null ||
        compgen -G "$1/lab/kernel/boot/vmlinuz-*" >/dev/null
}

# The guest's kernel. Debian's cloud kernel boots fastest, but is only unpacked
# into the build folder: installed, it could become what the machine boots.
fetch_guest_kernel() { # FOLDER
    local folder=$1/lab/kernel package version
    ! has_guest_kernel "$1" || return 0
    [ "$(package_manager)" = apt ] || return 0 # the machine's own kernel does too
    apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get update -q
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || { echo "no cloud kernel in the archive"; return 0; }
    rm -rf "$folder"
    mkdir -p "$folder/new"
    (cd "$folder/new" && apt-get download -q -o APT::Sandbox::User=root "$package") &&
        dpkg-deb --extract "$folder"/new/*.deb "$folder/new" || return
    rm -f "$folder"/new/*.deb
    for version in "$folder"/new/lib/modules/*; do
        depmod -b "$folder/new" "${version##*/}" || return
    done
    # In one step, so that what was interrupted is not taken for whole.
    mv "$folder"/new/* "$folder"
    rmdir "$folder/new"
}
