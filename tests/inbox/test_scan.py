"""What a look into an inbox finds, passes over and refuses."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from impexd.core import durable
from impexd.inbox import desk, scan
from impexd.inbox.scan import Look
from impexd.model.problem import Code


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "inbox"
    folder.mkdir()
    yield folder


def look(inbox: Path, *, match: str = "", largest: int = 1000, most: int = 99) -> Look:
    pattern = desk.pattern(match) if match else None
    with durable.opened(inbox) as folder:
        return scan.look(folder, match=pattern, largest=largest, most=most)


def names(found: Look) -> list[bytes]:
    return [one.seen.name for one in found.candidates]


def fault(inbox: Path, **rules: int) -> str | None:
    (one,) = look(inbox, **rules).candidates
    return one.fault.code if one.fault else None


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.csv",
        "x.csv.part",
        "x.csv.TMP",
        "x.csv.filepart",
        "x.csv.crdownload",
        "x.csv~",
        "~$x.csv",
        "#x.csv#",
        ".x.csv.swp",
        "Thumbs.db",
        "desktop.ini",
        ".impexd",
    ],
)
def test_temporary_names_are_passed_over_whatever_the_group_says(inbox: Path, name: str) -> None:
    (inbox / name).write_bytes(b"x")
    assert names(look(inbox)) == []
    assert names(look(inbox, match=".*")) == []


@pytest.mark.parametrize("name", ["x.csv.exe", "x.exe", "README", "trail.csv ", "x.csv.recovered"])
def test_unknown_suffixes_are_passed_over_unless_the_group_asks_for_them(
    inbox: Path, name: str
) -> None:
    (inbox / name).write_bytes(b"x")
    assert names(look(inbox)) == []
    assert names(look(inbox, match=".*")) == [name.encode()]


@pytest.mark.parametrize(
    "name",
    [
        *("a.csv", "a.TSV", "a.txt", "a.Xml", "a.json", "a.jsonl", "a.xlsx", "a.ZIP", "a.csv.gz"),
        *("a.png", "a.jpg", "a.JPEG", "a.gif", "a.webp"),
        "-rf.csv",
        " lead.csv",
        "a'b\".csv",
        "$(touch canary).csv",
        ";reboot;.csv",
        "%s%n.csv",
        "CON.csv",
        "é.csv",
        "e\u0301.csv",
        "<img src=x onerror=alert(1)>.csv",
        "n" * 251 + ".csv",
    ],
)
def test_odd_names_are_names(inbox: Path, name: str) -> None:
    (inbox / name).write_bytes(b"x")
    assert names(look(inbox)) == [name.encode()]
    assert fault(inbox) is None


@pytest.mark.parametrize(
    "name",
    [b"new\nline.csv", b"cr\rlf.csv", b"\x1b[2J.csv", b"\xc2\x85.csv", b"latin\xe9.csv", b"\xff\xfe.csv",
     b"line\xe2\x80\xa8sep.csv"],
)  # fmt: skip
@pytest.mark.parametrize("match", ["", r".*\.csv"])
def test_names_that_are_no_printable_text_are_refused(inbox: Path, name: bytes, match: str) -> None:
    with open(os.path.join(os.fsencode(inbox), name), "wb") as file:
        file.write(b"x")
    (one,) = look(inbox, match=match).candidates
    assert one.fault
    assert one.fault.code == Code.BAD_NAME
    assert one.fault.message.isprintable()


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "socket", "device"])
def test_what_is_no_file_is_refused_unopened(inbox: Path, kind: str) -> None:
    path = inbox / "x.csv"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "dangling":
        path.symlink_to("x.csv")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        try:
            os.mknod(path, 0o020666, os.makedev(1, 5))
        except PermissionError:  # only root makes devices; the others are enough
            os.mkfifo(path)
    assert fault(inbox) == Code.NOT_REGULAR


def test_folders_and_links_without_our_suffix_are_left_alone(inbox: Path) -> None:
    (inbox / "dir.csv").mkdir()
    (inbox / "root").symlink_to("/")
    assert names(look(inbox)) == []


def test_a_file_with_two_names_is_refused_unless_it_is_copied(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")
    (inbox / "x.csv").hardlink_to(tmp_path / "other")
    assert fault(inbox) == Code.MULTIPLE_LINKS
    with durable.opened(inbox) as folder:
        (one,) = scan.look(folder, largest=9, links=True).candidates
    assert one.fault is None


def test_a_file_beyond_the_limit_is_refused_by_its_size(inbox: Path) -> None:
    with open(inbox / "x.csv", "wb") as file:
        file.truncate(10 << 30)
    assert fault(inbox) == Code.TOO_LARGE


def test_an_empty_file_is_refused(inbox: Path) -> None:
    (inbox / "x.csv").touch()
    assert fault(inbox) == Code.EMPTY_FILE


def test_candidates_come_in_the_order_of_their_bytes(inbox: Path) -> None:
    for name in ("b.csv", "a.csv", "Z.csv", "é.csv", "a10.csv", "a9.csv"):
        (inbox / name).write_bytes(b"x")
    ordered = [b"Z.csv", b"a.csv", b"a10.csv", b"a9.csv", b"b.csv", "é.csv".encode()]
    assert names(look(inbox)) == ordered
    assert names(look(inbox, most=2)) == ordered[:2]


def test_companions_are_no_candidates(inbox: Path) -> None:
    for name in ("a.csv", "a.csv.ready", "b.csv.sha256"):
        (inbox / name).write_bytes(b"x")
    found = look(inbox, match=".*")
    assert names(found) == [b"a.csv"]
    assert found.companions == {b"a.csv.ready", b"b.csv.sha256"}


def test_a_groups_own_rule_matches_the_whole_name_in_any_case(inbox: Path) -> None:
    for name in ("Stock.DAT", "stock.dat.old", "x.csv"):
        (inbox / name).write_bytes(b"x")
    assert names(look(inbox, match=r"stock\.dat")) == [b"Stock.DAT"]
