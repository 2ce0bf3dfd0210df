# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration of Host sFlow is taken over: virt-sflowd runs with what import-hsflowd printed, keeps
the old graphs, and `compare` finds what a recorded datagram of Host sFlow says of the VM equal."""

import os
import struct
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


if __name__ == "__main__":
    tap.main(globals(), system=True)
