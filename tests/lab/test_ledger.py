# SPDX-License-Identifier: GPL-2.0-or-later
"""The soak's account of samples, on datagrams made by hand."""

import tap
from ledger import Ledger, Life

ONE, TWO = "1" * 32, "2" * 32


def vm(index, sequence, uuid, ports=()):
    return {"format": "0:4", "source": f"3:{index}", "sequence": sequence, "records": [
        {"format": "0:2000", "uuid": uuid},
        {"format": "0:2001", "adapters": [{"macs": [mac], "ifIndex": ifindex}
                                          for ifindex, mac in ports]}]}


def flow(ifindex, sequence, pool, rate=10):
    return {"format": "0:3", "source": f"0:{ifindex}", "sequence": sequence, "sample_pool": pool,
            "sampling_rate": rate, "records": []}


def filled(*datagrams, interval=5):
    """A ledger of (time, sequence, samples...)."""
    ledger = Ledger(interval)
    for time, sequence, *samples in datagrams:
        ledger.add(time, {"sequence": sequence, "samples": samples})
    return ledger


def broken(ledger, *words):
    tap.equal(len(ledger.broken), 1, str(ledger.broken))
    assert all(word in ledger.broken[0] for word in words), ledger.broken[0]


def test_whole():
    """Samples that come in order and in time break no rule and are counted"""
    ledger = filled((0, 1, vm(7, 1, ONE, [(3, "aa")])), (5, 2, vm(7, 2, ONE, [(3, "aa")])),
                    (10.5, 3, vm(7, 3, ONE, [(3, "aa")])))
    ledger.lives.append(Life(ONE, ("aa",), 0, 11, n_nics=2))
    ledger.close(0, 11)
    tap.equal(ledger.broken, [])
    tap.equal(ledger.rows()[0], ["vm", "3", "3", "0", "0.50", "0.50", "0.50"])
    tap.equal(ledger.rows()[1][:4], ["interface", "6", "0", "0"])


def test_lost():
    """Numbers that are missing are lost samples, and datagrams"""
    ledger = filled((0, 1, vm(7, 1, ONE)), (15, 4, vm(7, 4, ONE)), (16, 5, flow(3, 1, 10)),
                    (17, 6, flow(3, 5, 50)))
    tap.equal((ledger.kinds["vm"].sent, ledger.kinds["vm"].lost), (4, 2))
    tap.equal((ledger.kinds["flow"].sent, ledger.kinds["flow"].lost), (5, 3))
    tap.equal(ledger.kinds["flow"].expected, 4)
    tap.equal(ledger.datagrams_lost, 2)
    tap.equal(ledger.kinds["vm"].late, [], "lateness over a gap")


def test_back():
    """A sequence that goes back is broken, but by a daemon that begins anew"""
    broken(filled((0, 1, vm(7, 5, ONE)), (5, 2, vm(7, 4, ONE))), "3:7", "sequence")
    broken(filled((0, 9), (5, 8)), "datagram 8 after 9")
    tap.equal(filled((0, 9, vm(7, 5, ONE)), (5, 1, vm(7, 1, ONE))).broken, [])
    tap.equal(filled((0, 1, vm(7, 5, ONE)), (5, 2, vm(7, 1, ONE))).broken, [], "a source anew")


def test_identity():
    """An index is one VM's for good, and an ifIndex one NIC's"""
    broken(filled((0, 1, vm(7, 1, ONE)), (5, 2, vm(7, 1, TWO))), "3:7", ONE, TWO)
    broken(filled((0, 1, vm(7, 1, ONE)), (5, 2, vm(8, 1, ONE))), ONE, "3:7", "3:8")
    broken(filled((0, 1, vm(7, 1, ONE, [(3, "aa")])), (5, 2, vm(8, 1, TWO, [(3, "bb")]))),
           "ifIndex 3")


def test_pool():
    """A pool that goes back is broken, one that wraps is not"""
    broken(filled((0, 1, flow(3, 1, 100)), (1, 2, flow(3, 2, 90))), "pool 90 after 100")
    tap.equal(filled((0, 1, flow(3, 1, 2**32 - 5)), (1, 2, flow(3, 2, 5))).broken, [])


def test_due():
    """What was due leaves out the time without a daemon, and pieces that are too short"""
    ledger = Ledger(5)
    ledger.down = [(20, 22), (50, 60)]
    tap.equal(ledger.due(0, 20), 5)
    tap.equal(ledger.due(0, 24), 5, "2 s beyond the gap")
    tap.equal(ledger.due(0, 100), 5 + 6 + 9)
    tap.equal(ledger.due(51, 59), 0)
    tap.equal(ledger.due(61, 64), 0)


def test_lives():
    """A VM that lived is seen, and one that ended is not"""
    ledger = filled((0, 1, vm(7, 1, ONE)))
    ledger.lives += [Life(ONE, (), 0, 2), Life(TWO, (), 0, 9)]
    ledger.close(0, 10)
    broken(ledger, TWO, "no sample")
    ledger = filled((0, 1, vm(7, 1, ONE)), (5, 2, vm(7, 2, ONE)), (10, 3, vm(7, 3, ONE)))
    ledger.lives.append(Life(ONE, (), 0, 4))
    ledger.close(0, 10)
    broken(ledger, ONE, "after its end")


def test_strangers():
    """A UUID or a MAC that no VM ever had is broken"""
    ledger = filled((0, 1, vm(7, 1, ONE, [(3, "aa")])))
    ledger.close(0, 1)
    tap.equal(ledger.n_broken, 2, str(ledger.broken))


if __name__ == "__main__":
    tap.main(globals())
