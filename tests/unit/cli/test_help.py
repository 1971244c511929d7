"""The help: its text and its width; and nothing from outside steers the terminal."""

import io
import re

import pytest

from fixlip.cli import GROUPS, PANELS, TRY
from fixlip.cli.console import Printer, styled

COMMANDS = [command.__name__ for commands in PANELS.values() for command in commands]
FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")


def flat(text):
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_and_says_every_default(cli, monkeypatch, command, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = cli(command, "-h")
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    for part in re.split(r"^│ (?=\*? {0,6}--)", out, flags=re.M)[1:]:
        if "<bool>" not in part:
            assert "[default: " in flat(part) or "[required]" in flat(part), part


def test_examples_are_shown_and_their_flags_exist(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    groups = {command: [group.__name__] for group, members in GROUPS.items() for command in members}
    for command, lines in TRY.items():
        text = cli(*groups.get(command, []), command.__name__, "--help")[1]
        for line in lines:
            assert line in flat(text)
            assert len(line) <= 79
            assert set(re.findall(r"--[a-z][a-z-]*", line)) <= set(re.findall(r"--[a-z][a-z-]*", text))


def test_alone_it_says_what_to_try_first(cli):
    code, out, err = cli()
    assert (code, err) == (0, "")
    assert re.findall(r"^  (fixlip \w+)", out, re.M)[:3] == ["fixlip demo", "fixlip explain", "fixlip compare"]
    assert max(map(len, out.splitlines())) <= 80
    assert all(name in cli("--help")[1] for name in COMMANDS)


def test_captions_neither_steer_the_terminal_nor_turn_the_line_around(cli, tmp_path, scene):
    scene.image.save(tmp_path / "photo.png")
    caption = "a [bold]dog[/bold] \x1b[31m \u202ebus\u202c 狗"
    code, out, _ = cli("explain", tmp_path / "photo.png", caption, *FAST)
    assert code == 0
    assert "[bold]dog[/bold]" in out
    assert r"\x1b[31m \u202ebus\u202c 狗" in out
    assert not set("\x1b\u202e\u202c") & set(out)


@pytest.mark.parametrize("label", ["🐍", "仙人掌", "כלב", "👩‍🚀", "e\u0301", "\u202ex", "plain"])
def test_columns_are_aligned_whatever_the_script(label):
    from rich.cells import cell_len
    from rich.table import Table

    console, table = Printer(file=io.StringIO(), width=60), Table("word", "value", box=None)
    table.add_row(styled(label), "1")
    table.add_row("word", "2")
    console.print(table)
    lines = console.file.getvalue().splitlines()[1:]
    ends = [cell_len(line[: line.index(digit)]) for line, digit in zip(lines, "12", strict=True)]
    assert ends[0] == ends[1]
