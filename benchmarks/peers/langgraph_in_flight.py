"""Many runs of W1 at once on LangGraph, async, with PostgreSQL.

python langgraph_in_flight.py DATABASE RUNS SECONDS-OF-EACH-LLM-TURN
"""

import asyncio
import json
import sys
import time
import uuid
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph_w1 import ANSWER, State, graph, think, use_tool
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

CONNECTIONS = 4
"""As many as a worker of ours has."""


async def main(database: str, runs: int, seconds: float) -> None:
    """All at once, on one loop."""

    async def slow_think(state: State) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return think(state)

    async def async_tool(state: State) -> dict[str, Any]:
        return use_tool(state)

    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(database, max_size=CONNECTIONS, kwargs=options, timeout=600) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        app = graph(saver, slow_think, async_tool)

        async def one() -> None:
            thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
            state = await app.ainvoke(
                {"messages": [{"role": "user", "content": "Where is my order A-1001?"}]}, thread, durability="sync"
            )
            assert state["messages"][-1].content == ANSWER, state

        await asyncio.gather(*(one() for _ in range(20)))
        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(runs)))
        print(json.dumps({"seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
