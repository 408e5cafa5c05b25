"""`python -m benchmarks compare`, in numbers that say nothing about speed."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Page
from redis.asyncio import Redis

from benchmarks.compare import candidates, plots
from benchmarks.compare.candidates import CANDIDATES, Entry
from benchmarks.compare.command import _parser, main
from benchmarks.compare.errors import CompareError, PlotsMissingError, WorkerError
from benchmarks.compare.growth import grow
from benchmarks.compare.measure import Cell, Row, Run, spread
from benchmarks.compare.process import workers
from benchmarks.compare.report import Report, markdown, place_in, write_into
from benchmarks.compare.works import GROWTH, WORKS

ROOT = Path(__file__).parents[2]
RATIO = re.compile(r"^\d+(\.\d\d)? \(\d+(\.\d\d)? to \d+(\.\d\d)?\)$")


def table(page: str) -> dict[str, list[str]]:
    """Give the cells of the first table of a page, without marks of notes, by their titles."""
    lines = [line for line in page.splitlines() if line.startswith("| ")][2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: [re.sub(r" <sup>\d+</sup>$", "", cell) for cell in row[1:]] for row in rows}


def compare(redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "compare", *arguments],
        cwd=ROOT,
        env={"RAPYER_REDIS_URL": redis_url, "PATH": "", "HOME": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def page(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("compare") / "page.md"
    run = compare(
        redis_url, "--candidates", "raw", "ours", "--rounds", "2", "--documents", "100",
        "--markdown", str(path),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return path.read_text()


def test_ours_does_every_work_right_and_is_told_as_a_ratio_with_its_spread(page: str):
    rows = table(page)
    assert len(rows) == len(WORKS)
    for title, (raw, ours) in rows.items():
        assert re.fullmatch(r"[\d.e+]+ (us|ms|s)", raw), title
        assert RATIO.fullmatch(ours), title


def test_the_page_says_what_was_measured_on_what_and_names_no_machine(page: str):
    assert re.search(r"Medians of 2 rounds.* \d+ cores \(.*Redis \d.*RedisJSON \d", page)
    assert re.search(r"^- redis-py \+ pydantic: redis \d.*pydantic \d", page, re.MULTILINE)
    assert platform.node() not in page
    assert str(Path.home()) not in page


async def test_a_collection_is_asked_at_each_of_its_sizes(redis: Redis, redis_url: str):
    async with workers(["raw", "ours"], Path("unused")) as running:
        for worker in running.values():
            await worker.must(open=redis_url, documents=100)
        run = Run(running, rounds=2, documents=100)
        rows, megabytes = await grow(run, redis_url, [300, 120])
    assert [(row.work, row.documents) for row in rows] == [
        (work, size) for size in (120, 300) for work in GROWTH
    ]
    assert all(len(cell.seconds) == 2 for row in rows for cell in row.cells.values())
    assert {size: set(found) for size, found in megabytes.items()} == {
        120: {"raw", "ours"}, 300: {"raw", "ours"},
    }  # fmt: skip


@pytest.fixture
def _cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CANDIDATES, "cut", Entry("cut", "tests.benchmarks.cut"))


@pytest.mark.usefixtures("_cut")
@pytest.mark.parametrize(
    ("work", "instead", "note"),
    [
        ("query", "wrong: gives 10 of 50 documents", ""),
        ("save", "wrong: a document is missing", ""),
        ("get", "-", "it has no get"),
        ("delete", "fails", "NotImplementedError: later"),
    ],
)
async def test_what_is_wrong_is_shown_instead_of_a_time(
    redis: Redis, redis_url: str, work: str, instead: str, note: str
):
    async with workers(["raw", "cut"], Path("unused")) as running:
        for worker in running.values():
            await worker.must(open=redis_url, documents=100)
        row = await Run(running, rounds=1, documents=100).row(work)
    assert row.cells["cut"] == Cell(instead=instead, note=note)
    assert len(row.cells["raw"].seconds) == 1
    assert f"| {row.title} |" in markdown(Report("works", [row], [], {}))
    assert instead in markdown(Report("works", [row], [], {}))


def test_the_run_fails_where_ours_or_raw_is_wrong(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    monkeypatch.setitem(CANDIDATES, "ours", Entry("rapyer 2", "tests.benchmarks.cut"))
    with pytest.raises(SystemExit, match=r"rapyer 2, 'query for 50 of 100': wrong: gives 10 of 50"):
        main(["--candidates", "ours", "--works", "query", "--documents", "100", "--rounds", "1"])
    assert "wrong: gives 10 of 50" in capsys.readouterr().out


async def test_a_candidate_that_ends_is_an_error_that_names_it(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(CANDIDATES, "gone", Entry("gone", "tests.benchmarks.nowhere"))
    with pytest.raises(WorkerError, match="gone has ended"):
        async with workers(["gone"], Path("unused")) as running:
            await running["gone"].ask(open=redis_url, documents=100)


def row(ours: tuple[float, ...]) -> Row:
    return Row("get", "get", 100, {"raw": Cell((1.0, 2.0, 4.0)), "ours": Cell(ours)})


def test_a_ratio_is_of_one_round_and_the_table_has_the_median_of_them():
    assert row((2.0, 2.0, 2.0)).ratios("ours") == (2.0, 1.0, 0.5)
    assert spread([2.0, 1.0, 0.5]).median == 1.0
    text = markdown(Report("works", [row((2.0, 2.0, 2.0))], ["About."], {}))
    assert "| get | 2 s | 1.00 (0.75 to 1.50) |" in text


def test_a_report_takes_the_place_of_the_last_one_and_of_nothing_else(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n<!-- compare: works -->\nold\n<!-- end of compare: works -->\nafter\n"
        "<!-- compare: growth -->\nstays\n<!-- end of compare: growth -->\n"
    )
    write_into(page, Report("works", [row((1.0, 2.0, 4.0))], ["New."], {}))
    write_into(page, Report("works", [row((2.0, 4.0, 8.0))], ["Newer."], {}))
    text = page.read_text()
    assert text.startswith("# Title\n<!-- compare: works -->\n|")
    assert text.endswith(
        "Newer.\n<!-- end of compare: works -->\nafter\n"
        "<!-- compare: growth -->\nstays\n<!-- end of compare: growth -->\n"
    )
    assert "old" not in text
    assert "New." not in text
    assert "2.00 (2.00 to 2.00)" in text


@pytest.fixture
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever is measured fail."""
    monkeypatch.setenv("RAPYER_REDIS_URL", "unix:///nowhere")


@pytest.mark.usefixtures("_no_server")
def test_a_page_without_a_place_is_refused_before_anything_is_measured(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    with pytest.raises(SystemExit, match=r"has to have once '<!-- compare: works -->'"):
        main(["--markdown", str(page)])
    assert page.read_text() == "# Title\n"


def test_the_commands_of_the_page_are_understood_and_have_their_places_in_it():
    (block,) = Page("docs/performance.md").blocks("console")
    for command in block.commands:
        words = shlex.split(command.partition(" compare ")[2])
        options = _parser().parse_args(words)
        place_in(ROOT / options.markdown, "works" if options.growth is None else "growth")
        assert (ROOT / options.plots).is_dir()


@pytest.mark.usefixtures("_no_server")
def test_plots_without_matplotlib_say_what_brings_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotsMissingError, match="uv run --group plots"):
        plots.pyplot()
    with pytest.raises(SystemExit, match="uv run --group plots"):
        main(["--plots", "unused"])


def test_an_environment_that_cannot_be_made_says_what_uv_has_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho no such package >&2\nexit 2\n")
    uv.chmod(0o700)
    monkeypatch.setenv("UV", str(uv))
    with pytest.raises(CompareError, match=r"no such package.*--candidates raw ours"):
        candidates.python_of("redis-om", tmp_path / "cache")
    monkeypatch.delenv("UV")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(CompareError, match="uv is not on the PATH"):
        candidates.python_of("redis-om", tmp_path / "cache")


def test_an_environment_is_made_once_and_anew_when_it_was_not_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    uv, calls = tmp_path / "uv", tmp_path / "calls"
    uv.write_text(f'#!/bin/sh\necho "$2" >> {calls}\nfor last; do :; done\nmkdir -p "$last"\n')
    uv.chmod(0o700)
    monkeypatch.setenv("UV", str(uv))
    cache = tmp_path / "cache"
    python = Path(candidates.python_of("redis-om", cache))
    assert candidates.python_of("redis-om", cache) == str(python)
    assert calls.read_text().split() == ["venv", "pip"]
    (python.parents[1] / "requirements").unlink()
    candidates.python_of("redis-om", cache)
    assert calls.read_text().split() == ["venv", "pip", "venv", "pip"]


@pytest.mark.slow
def test_peers_show_at_each_work_a_ratio_or_a_reason(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    page = tmp_path / "page.md"
    main(["--documents", "100", "--rounds", "2", "--markdown", str(page)])
    rows = table(page.read_text())
    assert len(rows) == len(WORKS)
    for title, cells in rows.items():
        for cell in cells[1:]:
            assert RATIO.fullmatch(cell) or cell == "-" or cell.startswith("wrong: gives"), title
    assert rows["query for 50 of 100"][2] == "wrong: gives 10 of 50 documents"
