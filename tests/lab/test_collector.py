# SPDX-License-Identifier: GPL-2.0-or-later
"""The collector's questions, over datagrams that it is given."""

import collector
import tap

UUID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
OTHER = "2b4e28ba-2fa1-11d2-883f-0016d3cca427"


def sample(name, **values):
    """A custom-metrics sample as the oracle tells it."""
    return {"format": "4300:1002", "name": name, "metrics": [
        {"name": key, "type": 4, "value": value} for key, value in values.items()]}


class Given(collector.Collector):
    """A collector without a socket: add() is what arrives."""

    def __init__(self):
        self.given = []

    def add(self, time, *samples):
        self.given.append(collector.Datagram(time, b"", None, {"samples": list(samples)}))

    def datagrams(self):
        return self.given


def test_metrics():
    """The samples of one source are found by its UUID, in order"""
    given = Given()
    given.add(10, sample(UUID, a=1), sample(OTHER, a=9), {"format": "0:4", "source": "3:1"})
    given.add(20, sample(UUID.replace("-", "").upper(), a=2))
    tap.equal([one.content["metrics"][0]["value"] for one in given.metrics(UUID)], [1, 2])
    tap.equal([one.time for one in given.metrics(UUID, since=11)], [20])
    tap.equal(given.metrics("web01"), [])


def test_newest_metrics():
    """A round that came as several samples is one dict, without what an older one told"""
    given = Given()
    tap.equal(given.newest_metrics(UUID), {})
    given.add(10, sample(UUID, a=1, gone=1))
    given.add(30, sample(UUID, a=2), sample(OTHER, a=9), sample(UUID, b=None))
    given.add(31.9, sample(UUID, c=4))
    tap.equal(given.newest_metrics(UUID), {"a": 2, "b": None, "c": 4})
    given.add(32.1, sample(UUID, d=5))
    tap.equal(given.newest_metrics(UUID), {"c": 4, "d": 5})
    tap.equal(given.newest_metrics(UUID, since=33), {})


if __name__ == "__main__":
    tap.main(globals())
