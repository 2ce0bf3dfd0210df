# SPDX-License-Identifier: GPL-2.0-or-later
"""The live view's arithmetic and layout."""

import live
import tap


def datagram(uptime, cpu, received, name="web01", source="3:200001"):
    return {"agent": "192.0.2.1", "uptime": uptime, "samples": [
        {"format": "0:4", "source": source, "records": {
            "host_descr": {"hostname": name}, "virt_cpu": {"state": 1, "cpuTime": cpu},
            "host_adapters": {"adapters": [{"ifIndex": 7, "macs": []}]},
            "virt_memory": {"memory": 64 << 20, "maxMemory": 192 << 20},
            "virt_disk_io": {"capacity": 4 << 30, "available": 3 << 30,
                             "rd_bytes": None, "wr_bytes": 0},
            "virt_net_io": {"bytes_in": received, "bytes_out": 0}}}]}


def flow(n=1):
    return {"uptime": 1, "samples": [
        {"format": "0:3", "source": "0:7", "sampling_rate": 20, "input": 7, "records": {
            "sampled_header": {"frame_length": 102, "packet": {
                "ethertype": 2048, "ip_protocol": 1,
                "src": "10.77.0.10", "dst": "10.77.0.1"}}}}] * n}


def test_rates():
    """Rates come from two reports by the agent's clock"""
    view = live.View("t")
    view.feed(datagram(1000, 500, 1000), 0)
    assert "web01           running       -  64M/192M" in view.lines(0)[4], view.lines(0)[4]
    view.feed(datagram(6000, 3000, 1_001_000), 9)
    tap.equal(view.lines(9)[4], "web01           running    50.0  64M/192M 1.0G/4.0G        -/0"
              "           1.6M/0")


def test_columns():
    """The table keeps to 79 columns with the widest values, and its heads stand over them"""
    view = live.View("t")
    view.feed(datagram(1000, 0, 0, "n" * 40), 0)
    view.feed(datagram(2000, 99_900, 10 ** 18, "n" * 40), 1)
    tap.equal(len(live.HEAD), 79)
    tap.equal(len(view.lines(1)[4]), 79)
    assert live.HEAD[:view.lines(1)[4].index("64M") + 8].endswith("MEMORY"), live.HEAD


def test_disk_used():
    """What is used of a disk is shown only where its size and what is left are known"""
    for capacity, available, wanted in [(200, 50, "150/200"), (200, 200, "0/200"),
                                        (200, 0, "200/200"), (0, 0, "-/-"), (None, 50, "-/-"),
                                        (200, None, "-/200"), (200, 201, "-/200")]:
        tap.equal(live.used_of(capacity, available), wanted)


def test_restart():
    """A counter that goes back gives no rate, a 32-bit one that wrapped does"""
    tap.equal(live.delta(5, 10, 64), None)
    tap.equal(live.delta(5, 10, 32), None)
    tap.equal(live.delta(5, (1 << 32) - 5, 32), 10)
    tap.equal(live.delta(None, 5, 32), None)


def test_flow():
    """A packet sample is named by its VM and counted by its rate"""
    view = live.View("t")
    view.feed(datagram(1000, 500, 1000), 0)
    view.feed(flow(), 0)
    tap.equal(view.lines(0)[-1],
              "web01        sends ICMP   10.77.0.10 -> 10.77.0.1 (ifIndex 7, 1 in 20) 102 bytes")
    tap.equal((view.n_flows, view.estimate), (1, 2040))


def test_flow_between_two():
    """A packet that another VM sent is told as one that this one gets"""
    for ends, sense in ({"input": 7, "output": 8}, "sends"), ({"input": 8, "output": 7}, "gets "):
        view = live.View("t")
        view.feed(datagram(1000, 500, 1000), 0)
        sample = flow()
        sample["samples"][0].update(ends)
        view.feed(sample, 0)
        assert view.lines(0)[-1].startswith(f"web01        {sense} ICMP"), view.lines(0)[-1]


def test_size():
    """The view keeps to the screen with many VMs and packets, or nothing"""
    for n_vms, n_flows in [(0, 0), (1, 0), (40, 60)]:
        view = live.View("t" * 200)
        for number in range(n_vms):
            view.feed(datagram(1, 1, 1, f"vm{number}" * 30, f"3:{200000 + number}"), 0)
        view.feed(flow(n_flows), 0)
        for width, height in [(80, 24), (40, 15), (200, 60)]:
            lines = view.lines(0, width, height)
            tap.between(len(lines), 10, height - 1)
            assert max(map(len, lines)) <= width


def test_warning():
    """While there is no VM, the daemon's complaint is shown whole"""
    view = live.View("t")
    view.warning = "libvirt: qemu:///system: " + "no such socket " * 5
    shown = " ".join(view.lines(0)[4:7])
    assert view.warning.strip() in shown, shown
    view.feed(datagram(1000, 1, 1), 0)
    assert "no such socket" not in " ".join(view.lines(0))


def test_gone():
    """A VM that reports no more leaves the table"""
    view = live.View("t")
    view.feed(datagram(1000, 1, 1), 0)
    view.feed(datagram(6000, 2, 2), 5)
    assert view.vms and view.lines(20)
    tap.equal(list(view.vms), ["3:200001"])
    view.lines(24)
    tap.equal(list(view.vms), [])


def test_short():
    """Numbers take at most four characters"""
    for value, wanted in [(None, "-"), (0, "0"), (999, "999"), (999.6, "1.0k"), (12345, "12k"),
                          (5e6, "5.0M"), (9.96e6, "10M"), (1e20, ">1E")]:
        tap.equal(live.short(value), wanted)


if __name__ == "__main__":
    tap.main(globals())
