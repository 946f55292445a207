"""W1 on LangGraph: the same turns and tools, every step durable before the next (`durability="sync"`).

Runs in an environment of its own (scripts/bench --peers). Prints one JSON line: seconds, processor
seconds and commits per run.

    python langgraph_w1.py postgres|sqlite DATABASE RUNS
"""

import json
import sys
import time
import uuid
from contextlib import contextmanager
from typing import Annotated, Any, TypedDict

from commits import commits
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

TOOLS = {
    "lookup_order": lambda number: {"number": number, "status": "delivered", "total": "120.00", "refunded": "0.00"},
    "check_policy": lambda number, amount: {"allowed": True, "reason": "within 30 days"},
}
ANSWER = "Your order A-1001 was delivered, and 120.00 EUR can be refunded."


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]


def think(state: State) -> dict[str, Any]:
    """The scripted LLM: two tools, then the answer."""
    turn = sum(message.type == "ai" for message in state["messages"])
    if turn == 2:
        return {"messages": [{"role": "assistant", "content": ANSWER, "id": str(uuid.uuid4())}]}
    name = ("lookup_order", "check_policy")[turn]
    arguments = {"number": "A-1001"} if turn == 0 else {"number": "A-1001", "amount": "120.00"}
    call = {"name": name, "args": arguments, "id": f"call_{turn}"}
    return {"messages": [{"role": "assistant", "content": "", "tool_calls": [call], "id": str(uuid.uuid4())}]}


def use_tool(state: State) -> dict[str, Any]:
    """Call the one tool that was asked for."""
    call = state["messages"][-1].tool_calls[0]
    result = json.dumps(TOOLS[call["name"]](**call["args"]))
    return {"messages": [{"role": "tool", "content": result, "tool_call_id": call["id"]}]}


def graph(saver: Any, think: Any = think, use_tool: Any = use_tool) -> Any:
    """LLM → tool → LLM → … → end."""
    builder = StateGraph(State)
    builder.add_node("think", think)
    builder.add_node("use_tool", use_tool)
    builder.add_edge(START, "think")
    builder.add_conditional_edges(
        "think", lambda state: "use_tool" if state["messages"][-1].tool_calls else END, ["use_tool", END]
    )
    builder.add_edge("use_tool", "think")
    return builder.compile(checkpointer=saver)


@contextmanager
def saver_of(kind: str, database: str) -> Any:
    """The checkpointer on one open connection."""
    if kind == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(database) as saver:
            saver.setup()
            yield saver
    else:
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(database) as saver:
            saver.setup()
            saver.conn.execute("PRAGMA synchronous=FULL")
            yield saver


def main(kind: str, database: str, runs: int) -> None:
    """Some runs to warm up, then `runs` one after the other."""
    written = (lambda: commits(database)) if kind == "postgres" else (lambda: 0)
    with saver_of(kind, database) as saver:
        app = graph(saver)

        def one() -> None:
            thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
            state = app.invoke(
                {"messages": [{"role": "user", "content": "Where is my order A-1001?"}]}, thread, durability="sync"
            )
            assert state["messages"][-1].content == ANSWER, state

        for _ in range(20):
            one()
        before, begun, spent = written(), time.perf_counter(), time.process_time()
        for _ in range(runs):
            one()
        seconds, processor = (time.perf_counter() - begun) / runs, (time.process_time() - spent) / runs
        print(json.dumps({"seconds": seconds, "processor": processor, "commits": (written() - before) / runs}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
