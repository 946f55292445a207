"""W1 on DBOS: the same turns and tools as steps of a workflow. Prints one JSON line: seconds and commits per run.

python dbos_w1.py DATABASE RUNS
"""

import json
import sys
import time

from commits import commits
from dbos import DBOS, DBOSConfig
from langgraph_w1 import ANSWER, TOOLS


@DBOS.step()
def think(turn: int) -> dict[str, object]:
    """The scripted LLM: two tools, then the answer."""
    if turn == 2:
        return {"answer": ANSWER}
    name = ("lookup_order", "check_policy")[turn]
    arguments = {"number": "A-1001"} if turn == 0 else {"number": "A-1001", "amount": "120.00"}
    return {"name": name, "arguments": arguments}


@DBOS.step()
def use_tool(name: str, arguments: dict[str, str]) -> object:
    """Call the tool."""
    return TOOLS[name](**arguments)


@DBOS.workflow()
def run(question: str) -> str:
    """LLM → tool → LLM → … → end."""
    turn = 0
    while "answer" not in (said := think(turn)):
        use_tool(said["name"], said["arguments"])  # type: ignore[arg-type]
        turn += 1
    return str(said["answer"])


def main(database: str, runs: int) -> None:
    """Some runs to warm up, then `runs` one after the other."""
    config: DBOSConfig = {"name": "bench", "system_database_url": database, "run_admin_server": False}
    DBOS(config=config)
    DBOS.launch()
    for _ in range(20):
        assert run("Where is my order A-1001?") == ANSWER
    before, begun = commits(database), time.perf_counter()
    for _ in range(runs):
        assert run("Where is my order A-1001?") == ANSWER
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds / runs, "commits": (commits(database) - before) / runs}), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
