# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration of Host sFlow is taken over: virt-sflowd runs with what import-hsflowd printed, keeps
the old graphs, and `compare` finds what a recorded datagram of Host sFlow says of the VM equal."""

import os
import shutil
import struct
import subprocess
import time

import lab as labs
import pcapfile
import tap
from monitor import Monitor, records

FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
HSFLOWD = """# hsflowd configuration file
sflow {
  DNSSD = off
  polling = 2      # the site's example has 20
  sampling = 512
  collector { ip = 127.0.0.1 udpport = 6343 }
  kvm { }
}
"""
COUNT, SIZE = 400, 100
RECORDED = os.path.join(os.path.dirname(FRAMES), "..", "data", "hsflowd")


def lab():
    return tap.fixture(labs.Lab)


def hsflowd_index(uuid):
    """Host sFlow's, on a processor whose C characters have a sign (x86) or none (ARM)."""
    value = 0x811C9DC5
    signed = os.uname().machine in ("x86_64", "i686")
    for byte in bytes.fromhex(uuid.replace("-", "")):
        value = ((value ^ (byte - 256 if signed and byte > 127 else byte) & 0xFFFFFFFF)
                 * 0x01000193) & 0xFFFFFFFF
    return 100000 + value % 50000


def theirs(sequence, guest, ours):
    """The recorded datagram as Host sFlow would have sent it of this VM."""
    with open(os.path.join(os.path.dirname(FRAMES), "..", "data", "vectors", "vm.bin"), "rb") as file:
        raw = bytearray(file.read())
    raw[36:40] = struct.pack(">I", sequence)
    raw[40:48] = struct.pack(">II", 3, hsflowd_index(guest.uuid))
    recorded = bytes.fromhex("112233445566778899aabbccddeeff00")
    at = raw.index(recorded)
    raw[at:at + 16] = bytes.fromhex(guest.uuid.replace("-", ""))
    at = raw.index(bytes.fromhex("525400123456"))
    raw[at:at + 6] = bytes.fromhex(guest.nics[0].mac.replace(":", ""))
    for tag, layout in ((2101, "III"), (2102, "QQ"), (2103, "QQQIQIQI"), (2104, "QIIIQIII")):
        values = [0 if value is None else value
                  for value in list(ours[f"0:{tag}"].values())[1:]]
        length = struct.calcsize(">" + layout)
        at = raw.index(struct.pack(">II", tag, length)) + 8
        raw[at:at + length] = struct.pack(">" + layout, *values)
    return bytes(raw)


def test_taken_over():
    """virt-sflowd with an imported configuration keeps names, indexes, memory and directions"""
    old = os.path.join(lab().folder, "hsflowd.conf")
    with open(old, "w") as file:
        file.write(HSFLOWD)
    # The name that the recorded datagram has.
    guest = lab().define_tiny("instance-0000001a")
    guest.start(paused=True)
    tap.on_exit(guest.destroy)
    with Monitor(lab(), start=False) as monitor:
        made = monitor.command("import-hsflowd", old).stdout
        with open(monitor.config, "w") as file:
            file.write(made)
        monitor.start()
        device = guest.taps()[0]
        monitor.wait_sampling(device)
        before = monitor.vm_records(guest.uuid)
        lab().run(["python3", FRAMES, "tap", device, str(COUNT), str(SIZE), "52:54:00:ff:ff:01",
                   guest.nics[0].mac], timeout=60)
        after = monitor.vm_records(guest.uuid, since=time.time())
        tap.equal(after["0:2000"]["hostname"], "instance-0000001a")
        tap.equal(after["0:2102"]["memory"], after["0:2102"]["maxMemory"], "the balloon's size")
        # What the VM sent is "in", and nothing else than this came from it.
        tap.equal(after["0:2104"]["pkts_in"] - before["0:2104"]["pkts_in"], COUNT)
        tap.equal(after["0:2104"]["bytes_in"] - before["0:2104"]["bytes_in"], COUNT * SIZE)
        samples = monitor.collector.vm(guest.uuid)
        tap.equal({sample.content["source"] for sample in samples},
                  {f"3:{hsflowd_index(guest.uuid)}"})
        monitor.collector.check()
    check_compare(monitor, guest, samples)


def check_compare(monitor, guest, samples):
    """Ours as they came, and Host sFlow's beside each."""
    capture = os.path.join(lab().folder, "both.pcap")
    pcapfile.write(capture, [
        pair for number, sample in enumerate(samples, 1)
        for pair in ((sample.time, sample.datagram.raw),
                     (sample.time + 0.01, theirs(number, guest, records(sample))))])
    done = monitor.command("compare", "--pcap", capture, check=False)
    tap.diagnostics(done.stdout)
    tap.equal(done.returncode, 0, done.stdout + done.stderr)
    assert " 0 unexpected" in done.stdout, done.stdout
    for field in ("source", "host_descr.hostname", "virt_memory.memory", "virt_net_io.pkts_in"):
        assert f"  equal         {field}" in done.stdout, field


class Beside:
    """A process that is named as Host sFlow's is, with the files that it would have."""

    def __init__(self):
        self.config = os.path.join(lab().folder, "hsflowd.conf")
        self.output = os.path.join(lab().folder, "hsflowd.auto")
        for path in (self.config, self.output):
            shutil.copy(os.path.join(RECORDED, os.path.basename(path)), path)
        program = os.path.join(lab().folder, "hsflowd")
        with open(program, "w") as file:
            file.write("#!/bin/sh\nread nothing\n")
        os.chmod(program, 0o755)
        self.process = lab().popen([program, "-d", "-f", self.config, "-o", self.output],
                                   stdin=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


def sources(monitor):
    beside = monitor.status()["beside"]
    return {(source["what"], source["name"], source["source"], source["theirs"])
            for source in beside["sources"]}


def test_beside():
    """Beside a Host sFlow the status names the data sources that both export, and doctor what has
    each of them once"""
    guest = lab().define_tiny("instance-0000001b")
    guest.start(paused=True)
    tap.on_exit(guest.destroy)
    device = guest.taps()[0]
    ifindex = lab().ifindex(device)
    index = f"3:{hsflowd_index(guest.uuid)}"
    of_host = ("host", None, "2:1", "2:1")
    of_tap = ("interface", device, f"0:{ifindex}", f"0:{ifindex}")
    with Beside() as other, Monitor(lab(), name="beside", port=6345, polling=1,
                                    agent_address="127.0.0.1") as monitor:
        monitor.wait_sampling(device)
        beside = monitor.wait_status(lambda status: status["beside"])
        tap.equal((beside["agent"], beside["config"], beside["trouble"]),
                  ("hsflowd", other.config, None))
        tap.equal((beside["agent_address"], beside["same_agent_address"]),
                  ("127.0.0.1", True))
        tap.equal((beside["sub_agent_ids"], beside["same_sub_agent_id"]), ([100000, 100001], False))
        tap.equal(beside["collectors"], ["127.0.0.1 6344"])
        tap.equal(lab().run(["cat", f"/proc/{beside['pid']}/comm"]).stdout, "hsflowd\n")
        own = f"3:{monitor.vm(guest)['index']}"
        tap.equal(sources(monitor), {of_host, of_tap, ("vm", guest.name, own, index)})
        shown = monitor.command("doctor", "--runtime-dir", monitor.runtime, check=False).stdout
        assert "both export the host (2:1), 1 VM, 1 interface." in " ".join(shown.split()), shown
        assert "kvm { } and the rules that match taps" in " ".join(shown.split()), shown
        # What doctor says of the host helps.
        monitor.reload(polling=1, agent_address="127.0.0.1",
                       sections={"host": {"enabled": "off"}})
        tap.equal(sources(monitor), {of_tap, ("vm", guest.name, own, index)})
        since = time.time() + 1
        monitor.collector.wait(lambda: len(monitor.collector.vm(guest.uuid, since)) > 2)
        tap.equal(monitor.collector.samples("0:4", "2:1", since), [], "of the host")
        # As a file without these rules does, which is read at the next start.
        monitor.stop()
        with open(other.config, "w") as file:
            file.write("sflow { subAgentId = 199999 collector { ip = 127.0.0.1 } }\n")
        monitor.configure(polling=1, vm_index="hsflowd", sub_agent_id=200000,
                          agent_address="127.0.0.1")
        monitor.start()
        beside = monitor.wait_status(lambda status: status["beside"] and status.get("vms") and
                                     status["beside"])
        tap.equal((sources(monitor), beside["same_sub_agent_id"]), ({of_host}, True))
        shown = monitor.command("doctor", "--runtime-dir", monitor.runtime, check=False)
        assert "has this agent's address and its sub-agent id" in " ".join(shown.stdout.split())
        tap.equal(shown.returncode, 1)
        monitor.stop()
        shutil.copy(os.path.join(RECORDED, "hsflowd.conf"), other.config)
        monitor.start()
        monitor.wait_sampling(device)
        monitor.wait_status(lambda status: status["beside"])
        # The number that it has of Host sFlow.
        assert ("vm", guest.name, index, index) in sources(monitor), sources(monitor)
        # What is in force there, by DNS perhaps, is not what its configuration says.
        monitor.stop()
        with open(other.output, "r+") as file:
            text = file.read().replace("polling=20", "polling=0")
            text = text.replace("agentIP=127.0.0.1", "agentIP=192.0.2.1")
            file.seek(0)
            file.write(text)
            file.truncate()
        monitor.start()
        monitor.wait_sampling(device)
        beside = monitor.wait_status(lambda status: status["beside"])
        tap.equal(sources(monitor), {of_tap})
        tap.equal((beside["agent_address"], beside["same_agent_address"]), ("192.0.2.1", False))
    with Monitor(lab(), name="alone", port=6346, polling=1) as monitor:
        # It was looked for by then.
        monitor.wait_status(lambda status: status["uptime_s"] > 7)
        tap.equal(monitor.status()["beside"], None)


if __name__ == "__main__":
    tap.main(globals(), system=True)
