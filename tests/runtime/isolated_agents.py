"""An agent whose tool runs in a process of its own; that process finds it through the settings beside."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from agents_app import Agent, ApprovalRequired, ToolContext, ToolFailed, tool


class Loner(Agent[str]):
    name = "loner"

    @tool(effect="external", isolation="process", timeout=30)
    def act(self, context: ToolContext, what: str) -> Any:
        """Do what is said."""
        print("a tool may print")  # noqa: T201 - that is the case
        name, _, path = what.partition(" ")
        match name:
            case "return":
                return [os.getpid(), context.idempotency_key]
            case "run-program":
                subprocess.run(["/usr/bin/printf", "50 percent"], check=True)
                return "ran"
            case "leave-program":
                subprocess.Popen(["/usr/bin/sleep", "60"])
                return "left"
            case "fail":
                raise ToolFailed("sold out")
            case "ask":
                raise ApprovalRequired("really?")
            case "die":
                os._exit(9)
            case "hang":
                Path(path).write_text(str(os.getpid()))
                time.sleep(300)
        raise ValueError(what)
