"""manage.py agents_memory_erase"""

from agents_app.management.commands.agents_erase_user import Command as EraseUser


class Command(EraseUser):
    help = (
        "Erase everything about a person: what agents remember of them (facts, entities, working memories, summaries, "
        "vectors, history), and what their runs hold, in the database and in archives. The same as agents_erase_user: "
        "what was said in runs is memory, too. May be stopped and repeated."
    )
