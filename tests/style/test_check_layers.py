# SPDX-License-Identifier: GPL-2.0-or-later
"""Does check_layers.py find what it should? Each test breaks one rule in a small
tree of its own."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))

import check_layers  # noqa: E402
import tap  # noqa: E402

TOP = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
GOOD = {
    "include/hook-msg.h": "#include <stdint.h>\n",
    "hooks/hook.c": '#include "hook-msg.h"\n#include <sys/socket.h>\n',
    "daemon/model/a.h": "#include <glib.h>\n",
    "daemon/model/b.c": '#include "a.h"\n',
    "daemon/virt/c.c": '#include <libvirt/libvirt.h>\n#include "model/a.h"\n',
    "daemon/app.c": '#include "model/a.h"\n#include <gio/gio.h>\n',
}


def wrong(check, changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(text if text.startswith("RAW") else TOP + text)
        return check(check_layers.Tree(root))


def expect(check, path, text, *parts):
    found = wrong(check, {path: text})
    tap.equal(len(found), 1, f"{path}: {found}: ")
    for part in parts:
        assert part in found[0], found


def test_good():
    """A tree that keeps the rules passes"""
    for check in check_layers.CHECKS[:5]:
        tap.equal(wrong(check, {}), [], check.__name__)


def test_room():
    """A room that includes a forbidden room fails"""
    expect(check_layers.check_rooms, "daemon/model/x.c", '#include "../virt/v.h"\n'
           '#include "virt/c.c"\n', "daemon/model may not include daemon/virt")
    expect(check_layers.check_rooms, "daemon/sflow/x.c", '#include "model/a.h"\n', "daemon/model")
    expect(check_layers.check_rooms, "daemon/net/x.h", '#include "virt/c.c"\n', "daemon/virt")


def test_third_party():
    """A room that uses a forbidden library fails"""
    rooms = check_layers.check_rooms
    expect(rooms, "daemon/model/x.c", "#include <libvirt/libvirt.h>\n", "libvirt")
    expect(rooms, "daemon/sflow/x.c", "#include <gio/gio.h>\n", "gio")
    expect(rooms, "hooks/x.c", "#include <glib.h>\n", "glib")
    expect(rooms, "daemon/virt/x.c", "  # include <pcap.h>\n", "pcap")
    expect(rooms, "daemon/app2.c", "#include <libvirt/libvirt.h>\n", "libvirt")


def test_hook():
    """The hook sees only its own message of the doors"""
    found = wrong(check_layers.check_rooms,
                  {"include/qga.h": "", "hooks/x.c": '#include "qga.h"\n'})
    tap.equal(len(found), 1)


def test_unknown_room():
    """Code in a folder that is no room fails"""
    expect(check_layers.check_rooms, "qga2/x.c", "", "no known room")


def test_cycle():
    """Headers that include each other fail"""
    found = wrong(check_layers.check_cycles, {"daemon/model/x.h": '#include "y.h"\n',
                                              "daemon/model/y.h": '#include "x.h"\n'})
    tap.equal(len(found), 1)
    assert "daemon/model/x.h -> daemon/model/y.h -> daemon/model/x.h" in found[0], found


def test_cycle_of_rooms():
    """Rooms that include each other fail even where no two files do"""
    found = wrong(check_layers.check_cycles, {
        "daemon/net/n.h": "", "daemon/net/m.h": '#include "virt/w.h"\n',
        "daemon/virt/w.h": "", "daemon/virt/v.h": '#include "net/n.h"\n'})
    tap.equal(len(found), 1)


def test_length():
    """A file of 501 lines fails, one of 500 passes"""
    expect(check_layers.check_length, "daemon/model/x.c", "\n" * 500, "501 lines")
    tap.equal(wrong(check_layers.check_length, {"daemon/model/x.c": "\n" * 499}), [])


def test_licence():
    """A file without its licence line fails"""
    expect(check_layers.check_licence, "daemon/model/x.c", "RAW", "x.c")


def test_undone():
    """A note of work left undone fails"""
    expect(check_layers.check_undone, "daemon/model/x.c", "/* TO" + "DO: later */\n", "x.c:2")


def test_format():
    """A file that clang-format would change fails"""
    try:
        check_layers.find_clang_format()
    except check_layers.Skip as reason:
        tap.skip(str(reason))
    found = wrong(check_layers.check_format, {**{path: "int x;\n" for path in GOOD},
                                              "daemon/model/x.c": "int   x ;\n"})
    tap.equal([line.split(":")[0] for line in found], ["daemon/model/x.c"])


if __name__ == "__main__":
    tap.main(globals())
