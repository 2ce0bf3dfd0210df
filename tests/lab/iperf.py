# SPDX-License-Identifier: GPL-2.0-or-later
"""iperf3 in a guest, against one in the lab. The guest's image has none: it comes over the network,
with the libraries that it needs."""

import json
import os
import re
import subprocess
import tarfile
import time

import tap

PORT, FILES_PORT = 5201, 8000


def _bundle(path):
    program = tap.find_program("iperf3")
    shown = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    with tarfile.open(path, "w") as archive:
        for file in [program, *re.findall(r"(/\S+) \(0x", shown)]:
            archive.add(os.path.realpath(file), "iperf/" + os.path.basename(file))


def tcp_segments(text):
    """OutSegs of /proc/net/snmp: what TCP sent, counted as it leaves on a wire."""
    names, values = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("OutSegs")])


def _wait_listening(lab, port):
    deadline = time.monotonic() + 20
    while f":{port:04X} " not in lab.run("cat /proc/net/tcp /proc/net/tcp6").stdout:
        assert time.monotonic() < deadline, f"nobody listens on port {port}"
        time.sleep(0.05)


class Iperf:
    def __init__(self, lab, guest):
        self.lab, self.guest = lab, guest
        tap.need("iperf3")
        _bundle(lab.path("run", "vsf/iperf.tar"))
        # Python's own would ask name servers, which the lab has none of, for its address.
        files = lab.popen(["busybox", "httpd", "-f", "-p", f"{lab.address}:{FILES_PORT}", "-h",
                           "/run/vsf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_listening(lab, FILES_PORT)
            guest.run(f"wget -q -O - http://{lab.address}:{FILES_PORT}/iperf.tar | tar x -C /tmp",
                      timeout=60)
        finally:
            files.end()

    def segments(self):
        """(sent by the guest, sent by the lab) since they are there."""
        return (tcp_segments(self.guest.run("cat /proc/net/snmp")),
                tcp_segments(self.lab.run(["cat", "/proc/net/snmp"]).stdout))

    def run(self, *arguments):
        """The client's own report; it is the guest that connects."""
        server = self.lab.daemon("iperf3", ["iperf3", "-s", "-1", "-p", str(PORT)])
        try:
            _wait_listening(self.lab, PORT)
            said = self.guest.run(
                "cd /tmp/iperf; ./ld-linux*.so.* --library-path . ./iperf3 -J -c "
                f"{self.lab.address} -p {PORT} {' '.join(arguments)}", timeout=120)
            return json.loads(said)
        finally:
            server.end()
