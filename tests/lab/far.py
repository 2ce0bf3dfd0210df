# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies between a lab's hypervisor and its collectors, so that it can fail: a
router, a far host behind it, and cables of which each can be made slow or narrow.

    hypervisor                        router                        far host
    up0   10.1.0.1, fd01::1    ----   down0 10.1.0.2, fd01::2
                                      net0  10.2.0.1, fd02::1 ----  far0  10.2.0.2 ..., fd02::2
                                      thin0 10.4.0.1          ----  thin1 10.4.0.2
    slow0 10.3.0.1             ----------------------------------   slow1 10.3.0.2"""

import os
import time

from collector import Collector
from sandbox import Sandbox

NET = "10.2.0."
ADDRESSES = range(2, 10)  # of the far host: NET + each


class Far:
    """    with Far(lab) as far, far.collector("10.2.0.2", 7000) as collector: ..."""

    def __init__(self, lab):
        self.lab = lab
        self.router = self.host = None

    def __enter__(self):
        try:
            self.router, self.host = Sandbox("router", []), Sandbox("far", [])
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for sandbox in (self.host, self.router):
            if sandbox is not None:
                sandbox.stop()

    def _cable(self, one, name, other, peer):
        one.network_run(["ip", "link", "add", name, "type", "veth", "peer", "name", peer,
                         "netns", str(other.pid)])
        for sandbox, device in ((one, name), (other, peer)):
            sandbox.run(f"echo 0 >/proc/sys/net/ipv6/conf/{device}/disable_ipv6\n"
                        f"ip link set {device} up")

    def _connect(self):
        near = self.lab.sandbox
        self._cable(near, "up0", self.router, "down0")
        self._cable(self.router, "net0", self.host, "far0")
        self._cable(self.router, "thin0", self.host, "thin1")
        self._cable(near, "slow0", self.host, "slow1")
        self.router.run("""set -e
            echo 1 >/proc/sys/net/ipv4/ip_forward
            echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
            # No bound on how often it says that something cannot be reached.
            echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
            echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
            ip address add 10.1.0.2/24 dev down0
            ip address add fd01::2/64 dev down0 nodad
            ip address add 10.2.0.1/24 dev net0
            ip address add fd02::1/64 dev net0 nodad
            ip address add 10.4.0.1/24 dev thin0""")
        numbers = "\n".join(f"ip address add {NET}{number}/24 dev far0" for number in ADDRESSES)
        self.host.run(f"""set -e
            {numbers}
            echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
            echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
            ip address add fd02::2/64 dev far0 nodad
            ip address add 10.3.0.2/24 dev slow1
            ip address add 10.4.0.2/24 dev thin1
            ip route add default via 10.2.0.1
            ip -6 route add default via fd02::1""")
        near.run("""set -e
            ip address add 10.1.0.1/24 dev up0
            ip address add 10.3.0.1/24 dev slow0
            ip route add 10.2.0.0/24 via 10.1.0.2
            ip route add 10.4.0.0/24 via 10.1.0.2""")
        self.give_ipv6()

    def give_ipv6(self):
        self.lab.run("ip address add fd01::1/64 dev up0 nodad && "
                     "ip route replace fd02::/64 via fd01::2")

    def take_ipv6(self):
        """As when an address is not renewed: its routes go with it."""
        self.lab.run("ip address delete fd01::1/64 dev up0; ip -6 route flush fd02::/64")

    def collector(self, address, port):
        return Collector(self.host, address, port)


class Names:
    """A name server of one name inside a lab, the only one that is asked there:
    names.start("10.2.0.3"), names.process."""

    def __init__(self, lab, name):
        self._lab, self._name = lab, name
        self.process = None
        self.patience(1)
        # /run is the lab's own; nothing else may be made here.
        lab.run(["sh", "-ec", """
            file=$(readlink -m /etc/resolv.conf)
            case $file in /run/*) mkdir -p "${file%/*}"; [ -e "$file" ] || : >"$file" ;; esac
            mount --bind "$1" "$file" """, "sh", os.path.join(lab.folder, "resolv.conf")])

    def patience(self, timeout_s):
        """How long a program here waits for an answer."""
        self._lab.write("resolv.conf", "nameserver 127.0.0.53\n"
                        f"options timeout:{timeout_s} attempts:1\n")

    def start(self, address):
        self.process = self._lab.daemon("dnsmasq", [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
            "--no-resolv", "--listen-address=127.0.0.53", "--bind-interfaces", "--user=root",
            "--pid-file=", f"--host-record={self._name},{address}", "--local-ttl=1"])
        deadline = time.monotonic() + 20
        while self._lab.run(["getent", "ahostsv4", self._name], check=False).returncode != 0:
            assert time.monotonic() < deadline, f"{self._name} does not resolve"
            time.sleep(0.1)


# ------------------------------------------------------------------ what arrived

def numbers(datagrams):
    return [datagram.content["sequence"] for datagram in datagrams]


def after(collector, since, until=None):
    return [datagram for datagram in collector.datagrams()
            if datagram.time >= since and (until is None or datagram.time < until)]


def missing(datagrams):
    """The sequence numbers that lie between the first and the last and did not arrive."""
    found = numbers(datagrams)
    return sorted(set(range(min(found), max(found) + 1)) - set(found)) if found else []
