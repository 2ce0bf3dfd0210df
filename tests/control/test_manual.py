# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages name the commands and options that there are, and no others. (The keys of
virt-sflow.conf(5) are tested with the configuration.) The same of the journal's events."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["VSF_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lab"))
import tap  # noqa: E402


def page(name):
    with open(os.path.join(SOURCE, "data", name), encoding="utf-8") as file:
        return file.read()


def shown(program, *words):
    done = subprocess.run([os.environ[program], *words, "--help"], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done
    return done.stdout


def options_of_help(text):
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.M)) - {"--help"}


def options_of_roff(text):
    """What begins an item, or stands in the synopsis."""
    return {"--" + name.replace(r"\-", "-")
            for name in re.findall(r"\\-\\-([a-z](?:[a-z]|\\-)*)", text)} - {"--help"}


def commands():
    return re.findall(r"^  ([a-z][a-z-]+)  +\S", shown("VIRT_SFLOW").split("Commands:")[1], re.M)


def sections():
    """Command -> its part of the DESCRIPTION of virt-sflow(1)."""
    text = page("virt-sflow.1").split(".SH DESCRIPTION\n")[1].split("\n.SH ")[0]
    # Options are items as well, but inside .RS and .RE.
    flat, depth, found, name = text.split("\n"), 0, {}, None
    for number, line in enumerate(flat):
        depth += (line == ".RS") - (line == ".RE")
        if depth == 0 and line == ".TP":
            name = re.sub(r"^\.BR? ", "", flat[number + 1]).replace(r"\-", "-").split()[0]
            found[name] = ""
        elif name:
            found[name] += line + "\n"
    return found


def test_commands():
    """virt-sflow(1) has each command, in DESCRIPTION and SYNOPSIS, and no other"""
    tap.equal(sorted(sections()), sorted(commands()))
    synopsis = page("virt-sflow.1").split(".SH SYNOPSIS\n")[1].split(".SH DESCRIPTION")[0]
    for name in commands():
        word = re.escape(name.replace("-", r"\-"))
        assert re.search(rf"^\.BR? .*\b{word}\b", synopsis, re.M), f"SYNOPSIS: {name}"


def test_options():
    """virt-sflow(1) has each option of each command, unless it leaves them to --help"""
    for name, text in sections().items():
        there, told = options_of_help(shown("VIRT_SFLOW", name)), options_of_roff(text)
        # An option of another command, or the daemon's, may be spoken of; one of none may not.
        everywhere = set().union(options_of_help(shown("VIRT_SFLOWD")),
                                 *(options_of_help(shown("VIRT_SFLOW", other))
                                   for other in commands()))
        assert told <= everywhere, f"{name}: no such options: {told - everywhere}"
        if not re.search(r"\\-\\-help\b", text):
            assert there <= told, f"{name}: not in the manual: {there - told}"


def test_daemon():
    """virt-sflowd(8) has each option of the daemon, and no other"""
    compare_options("VIRT_SFLOWD", "virt-sflowd.8")


def test_agent():
    """virt-sflow-agent(8) has each option of the agent service, and no other"""
    compare_options("VIRT_SFLOW_AGENT", "virt-sflow-agent.8")


def compare_options(program, name):
    options = options_of_help(shown(program))
    assert len(options) > 5, options
    text = page(name)
    synopsis, rest = text.split(".SH SYNOPSIS\n")[1].split("\n.SH ", 1)
    tap.equal(options_of_roff(synopsis), options, "SYNOPSIS")
    items = set()
    for line in re.findall(r"^\.TP\n(.*)", rest, re.M):
        items |= options_of_roff(line)
    tap.equal(items, options, "items")


def test_fields():
    """virt-sflow(1) and docs/explain-json.md have the fields that explain knows"""
    fields = re.search(r"^Fields: (.*)$", shown("VIRT_SFLOW", "explain"), re.M)[1].split(", ")
    assert len(fields) > 5, fields
    told = re.search(r"The fields are (.*?)\.", sections()["explain"], re.S)[1]
    tap.equal(re.split(r", | and |,\n", told), fields)
    told = re.search(r"of a VM: (.*?); of the node", findings_page())[1]
    tap.equal(re.findall(r"`(\w+)`", told), fields)


def findings_page():
    with open(os.path.join(SOURCE, "docs", "explain-json.md"), encoding="utf-8") as file:
        return file.read()


def calls(room, function):
    """The arguments of each call of a function in daemon/cli/ROOM*.c, and what both rooms share."""
    found = []
    folder = os.path.join(SOURCE, "daemon", "cli")
    for path in sorted(glob.glob(os.path.join(folder, room + "*.c"))) + [folder + "/refused.c"]:
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for call in re.finditer(rf"\b{function}\(", text):
            found.append(arguments(text[call.end():]))
    assert len(found) > 5, (room, function, found)
    return found


def arguments(text):
    """What stands before the bracket that closes, split at its own commas; what is in brackets
    inside is left out, strings are kept."""
    found, depth = [""], 0
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|.', text, re.S):
        depth += (token == "(") - (token == ")")
        if depth < 0:
            return found
        if depth == 0 and token == ",":
            found.append("")
        elif depth == 0:
            found[-1] += token
    raise AssertionError(f"a call without an end: {text[:80]}")


def words(argument):
    """The strings that an argument can be: one, or those of a choice."""
    found = re.findall(r'"([^"]*)"', argument)
    assert found, f"a word that this test cannot read: {argument.strip()}"
    return found


def test_findings():
    """docs/explain-json.md has the fields and the codes that explain and doctor say, no others"""
    page_text = findings_page()
    told = re.search(r"of the node: (.*?) \|$", page_text, re.M)[1]
    # Of one that is copied (a group of VMs) the field is a VM's.
    fields = [call[1] for call in calls("doctor", "vsf_finding_new") if '"' in call[1]]
    tap.equal(sorted(re.findall(r"`(\w+)`", told)),
              sorted({word for field in fields for word in words(field)}), "fields of the node")
    for title, room in (("Of a VM", "explain"), ("Of the node", "doctor")):
        table = re.search(rf"^## {title}\n(.*?)(?:^## |\Z)", page_text, re.M | re.S)[1]
        cells = re.findall(r"^\| (`.*?) \|", table, re.M)
        told = [word for cell in cells for word in re.findall(r"`([a-z-]+)`", cell)]
        said = {word for call in calls(room, "vsf_finding_say") for word in words(call[2])}
        tap.equal(sorted(told), sorted(said | {"ok"}), f"codes, {title}")


def events():
    """MESSAGE_IDs in the order of the table."""
    with open(os.path.join(SOURCE, "daemon", "base", "event.c"), encoding="utf-8") as file:
        found = re.findall(r'\[VSF_EVENT_\w+\] = {"(\w+)"', file.read())
    assert len(found) > 20, found
    return found


# Kinds that tests/lab/test_journal.py does not raise: the test that judges the line, by words that
# stand in the call and in the test; or why there is none.
RAISED = {
    "AGENTS_REFUSED": ("tests/daemon/test-guests-ask.c", "guest agents: "),
    "AGENT_DENIED": ("tests/daemon/test-guests-ask.c", "; it is not asked"),
    "AGENT_FAILING": ("tests/daemon/test-guests-ask.c", "; asked again"),
    "AGENT_ANSWERS": ("tests/daemon/test-guests-ask.c", "answers again"),
    "AGENT_QUARANTINED": ("tests/daemon/test-guests.c", "quarantine"),
    "BALLOON_SET": ("tests/lab/test_guest.py", "the balloon collects"),
    "BALLOON_FAILED": ("tests/daemon/test-guests-ask.c", "the balloon's period cannot be set: "),
    "SAMPLER_FAILED": ("tests/daemon/test-flows-room.c", "its counters go on"),
    "NO_ROOM": ("tests/daemon/test-flows-room.c", "their counters go on"),
    "ROOM_AGAIN": ("tests/daemon/test-flows-room.c", "room for a sampler on every interface"),
    "FLOOD": ("tests/daemon/test-flows-bound.c", "more samples than"),
    "CPU_LIMIT": ("tests/lab/test_brakes.py", "[daemon] cpu-limit = "),
    "DNS_REFUSED": "what could be refused, an agent address, is looked for just before: only a host "
                   "that loses it in between refuses it",
    "CPU_CALM": "30 s of calm after a flood; unit cpu-brake judges when that is, not the line",
}


def calls_of_events():
    """The words of each call that logs an event, by its kind: [text]."""
    found = {}
    for path in glob.glob(os.path.join(SOURCE, "daemon", "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # Neither ends within a string.
        for call in re.findall(r'(?:vsf_log_event|VSF_GUEST_LOG)'
                               r'\(((?:"(?:[^"\\]|\\.)*"|[^";])*)\);', text):
            kind = re.match(r"[^,]+, (?:VSF_EVENT_)?([A-Z_]+),", call)
            if kind:
                found.setdefault(kind[1], []).append(
                    "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call)))
    return found


def test_events_are_raised():
    """Each kind of event is raised by a test that looks for it, or stands here with the reason"""
    with open(os.path.join(SOURCE, "daemon", "base", "event.c"), encoding="utf-8") as file:
        known = set(re.findall(r"\[VSF_EVENT_(\w+)\]", file.read()))
    calls_of = calls_of_events()
    tap.equal(set(calls_of), known, "kinds that are logged")
    with open(os.path.join(SOURCE, "tests", "lab", "test_journal.py"), encoding="utf-8") as file:
        raised = set(re.findall(r'\b(?:event|kind)\("(\w+)"', file.read()))
    tap.equal(raised & set(RAISED), set(), "kinds that need no entry here")
    tap.equal(raised | set(RAISED), known)
    for kind, where in RAISED.items():
        if isinstance(where, tuple):
            path, words = where
            with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
                assert words in file.read(), f"{kind}: {path} has not {words!r}"
            assert any(words in text for text in calls_of[kind]), f"{kind}: {calls_of[kind]}"


def catalogued():
    return re.findall(r"^-- ([0-9a-f]{32})$", page("virt-sflow.catalog"), re.M)


def test_events():
    """virt-sflowd(8) has each MESSAGE_ID, with a star if it is in the catalogue, and each field"""
    text = page("virt-sflowd.8").split(".SH JOURNAL\n")[1].split("\n.SH ")[0]
    told = re.findall(r"^([0-9a-f]{32}) (\*|\\ ) \w", text, re.M)
    tap.equal([event for event, _ in told], events())
    tap.equal([event for event, star in told if star == "*"], catalogued())
    with open(os.path.join(SOURCE, "daemon", "base", "log.c"), encoding="utf-8") as file:
        fields = set(re.findall(r'"(VSF_\w+|MESSAGE_ID)"', file.read()))
    tap.equal(set(re.findall(r"^\.B (VSF_\w+|MESSAGE_ID)$", text, re.M)), fields)
    assert set(re.findall(r"@(\w+)@", page("virt-sflow.catalog"))) <= fields


def test_catalogue():
    """journalctl takes the catalogue, and finds each event in it"""
    tap.need("journalctl")
    assert len(catalogued()) > 5 and set(catalogued()) <= set(events()), catalogued()
    with tempfile.TemporaryDirectory() as root:
        place = os.path.join(root, "usr/lib/systemd/catalog")
        os.makedirs(place)
        shutil.copy(os.path.join(SOURCE, "data", "virt-sflow.catalog"), place)
        for words in (["--update-catalog"], ["--list-catalog"]):
            done = subprocess.run(["journalctl", "--root=" + root, *words], capture_output=True,
                                  text=True)
            tap.equal((done.returncode, done.stderr), (0, ""), words)
        lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        tap.equal(set(lines), set(catalogued()))
        for line in lines.values():
            assert re.match(r"virt-sflow: \S", line), line


def test_pages():
    """Each page is roff without a warning"""
    tap.need("man")
    for name in ("virt-sflow.1", "virt-sflow.conf.5", "virt-sflowd.8"):
        done = subprocess.run(["man", "--warnings", "-l", "-E", "UTF-8", "-Tutf8", "-Z",
                               os.path.join(SOURCE, "data", name)],
                              capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80"})
        tap.equal((done.returncode, done.stderr), (0, ""), name)


if __name__ == "__main__":
    tap.main(globals())
