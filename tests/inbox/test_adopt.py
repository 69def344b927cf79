"""Files that a person names."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from impexd.core.errors import DataError, UsageError, WorldError
from impexd.inbox.adopt import Order
from impexd.model.problem import Code
from tests.inbox.conftest import Place


async def test_an_adopted_file_is_a_run_and_stays_where_it_was(both: Place, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"rows")
    order = Order(actor="anna", dry=True, parent=7, note="mended")
    assert (await both.adopt(path, order)).run == 1
    (run,) = await both.runs()
    assert (run["state"], run["origin"], run["name"]) == ("claimed", "command", "a.csv")
    assert (run["actor"], run["dry"], run["parent"], run["note"]) == ("anna", True, 7, "mended")
    assert both.bytes_of(1, [run]) == path.read_bytes() == b"rows"
    assert both.jobs == [1]


async def test_an_upload_goes_by_the_name_it_was_given(place: Place, tmp_path: Path) -> None:
    (tmp_path / "upload-17").write_bytes(b"rows")
    order = Order(origin="upload", name=b"stock.csv")
    await place.adopt(tmp_path / "upload-17", order)
    assert await place.states() == [("stock.csv", "claimed")]


async def test_an_adopted_file_may_have_any_suffix(place: Place, tmp_path: Path) -> None:
    (tmp_path / "stock.dat").write_bytes(b"rows")
    assert (await place.adopt(tmp_path / "stock.dat")).run == 1


async def test_imported_bytes_are_a_duplicate_unless_forced(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"rows")
    await place.adopt(path)
    await place.mark(1, state="archived")
    assert (await place.adopt(path)).duplicate
    assert not (await place.adopt(path, Order(forced=True))).duplicate
    assert [state for _, state in await place.states()] == ["archived", "duplicate", "claimed"]
    assert place.drops("archive") == ["2026-01-31/000002/a.csv"]


def zip_without_end(path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", "x")
    path.write_bytes(made.getvalue()[:-1])


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.touch(), Code.EMPTY_FILE),
        (lambda path: path.symlink_to("/etc/passwd"), Code.NOT_REGULAR),
        (lambda path: os.mkfifo(path), Code.NOT_REGULAR),
        (lambda path: os.truncate(path.open("wb").name, 3 << 30), Code.TOO_LARGE),
        (zip_without_end, Code.INCOMPLETE),
    ],
)
async def test_refused_files_are_said_journalled_and_left(
    place: Place, tmp_path: Path, make: object, code: Code
) -> None:
    path = tmp_path / "a.csv"
    make(path)  # type: ignore[operator]
    with pytest.raises(DataError) as caught:
        await place.adopt(path)
    assert caught.value.code == code
    (run,) = await place.runs()
    assert (run["state"], run["code"]) == ("failed", code)
    assert os.path.lexists(path)
    assert place.names("work") == place.names("failed") == []
    assert (await place.restart()).orphans == []


@pytest.mark.parametrize("name", ["nothing.csv", "folder", "x.csv.part", "no/such/a.csv"])
async def test_what_is_no_drop_at_all_is_wrong_use(place: Place, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.csv.part").touch()
    with pytest.raises(UsageError):
        await place.adopt(tmp_path / name)
    assert await place.runs() == []


async def test_a_file_that_is_being_written_is_not_taken(place: Place, tmp_path: Path) -> None:
    with open(tmp_path / "a.csv", "wb") as writer:
        writer.write(b"rows")
        writer.flush()
        with pytest.raises(WorldError, match="still being written"):
            await place.adopt(tmp_path / "a.csv")


async def test_a_copy_that_fails_leaves_nothing_but_a_void_run(
    place: Place, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"rows")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impexd.core.durable.copy", full)
        with pytest.raises(WorldError, match="No space left"):
            await place.adopt(path)
    assert await place.states() == [("a.csv", "void")]
    assert place.names("work") == place.jobs == []
    assert (await place.adopt(path)).run == 2
