"""Chaos: real servers and worker processes are killed, stopped and cut off while runs go on; then everything that was
promised is checked. `scripts/chaos` runs it.

world      the servers and processes, which can be restarted
llm        an LLM behind real HTTP that says what the plan of a run says
agents     an agent with a tool of every effect; each execution is noted in the diary
people     processes that start runs and decide
harm       inside each process: what happens at a failpoint
killers    what is done from outside
plants     the product broken on purpose
verdict    what must hold afterwards
report     what is printed
"""
