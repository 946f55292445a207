"""Settings: one dictionary `AGENTS_APP` in the project's settings, read late, so that tests can override it.

Each attribute below is a setting; its value is the default, the comment above it its meaning.
"""

from typing import Any, Literal

from django.conf import settings


class Conf:
    # The database alias that holds all rows of this app.
    DATABASE: str = "default"
    # Where iterations run: "django_q2", "celery", "aws_lambda", "http_push", "immediate",
    # or the dotted path of an Executor class.
    EXECUTOR: str = "django_q2"
    # The function that the executor "aws_lambda" invokes (name or ARN); empty: the one it runs in.
    LAMBDA_FUNCTION: str = ""
    # Where the executor "http_push" posts wake-ups: the address of push/ beneath `agents_app.urls`.
    PUSH_URL: str = ""
    # Keys of pushed wake-ups; the first signs, each is accepted. Without one push/ answers 404.
    PUSH_KEYS: list[str] = []
    # Seconds after which a signed wake-up is no longer accepted.
    PUSH_AGE_SECONDS: float = 300.0
    # Seconds that a pushed wake-up drives its run at most; below the web server's time limit.
    PUSH_SECONDS: float = 25.0
    # Seconds that sending a wake-up by "http_push", "aws_lambda" or django-q2's Redis may take whoever starts a run or
    # decides; what was not taken by then is sent again by the sweep.
    SUBMIT_SECONDS: float = 2.0
    # The LLM of agents that name none: an alias of LLMS or "provider:model".
    DEFAULT_LLM: str = "demo"
    # The LLM that sums up long talks and proposes what to remember: as DEFAULT_LLM; empty: that of the agent itself.
    MEMORY_LLM: str = ""
    # Whether the runs that do so count under the limits of the user whose memory it is (budgets, MAX_RUNNING_PER_USER).
    MEMORY_COUNTS_FOR_USER: bool = False
    # How many of them are begun within 24 hours for one user (what has no user counts together), None for no limit.
    # What is left out is made up for when a later run ends.
    MEMORY_RUNS_PER_DAY: int | None = None
    # Aliases: {"fast": "openai:gpt-5-mini"} or {"local": {"llm": "openai:qwen3", "base_url": …, "api_key": …}}
    # or {"mine": "dotted.path.to.LLMClass"}. Limits stand there too: see "When an LLM is down or slow".
    LLMS: dict[str, Any] = {}
    # What turns texts into vectors: "openai:text-embedding-3-small", the dotted path of an Embedder class, or
    # {"embedder": "openai:bge-m3", "base_url": …, "api_key": …, "dimensions": 512}. Empty: full text search only.
    EMBEDDER: str | dict[str, Any] = ""
    # Texts that are sent to the embedder at once.
    EMBEDDING_BATCH: int = 64
    # Seconds that one such request may take.
    EMBEDDING_SECONDS: float = 30.0
    # What runs, sessions and users may spend: {"run": {"tokens": …}, "session": {"ever": {…}}, "user": {"day": {…}}}.
    BUDGETS: dict[str, Any] = {}
    # USD per million tokens, {"my-alias": {"input": "0.25", "output": "2.00"}}; else the installed price list counts.
    PRICES: dict[str, Any] = {}
    # Tokens that budgets hold for a reply where neither the agent nor the LLM's alias limits it (`max_tokens`).
    REPLY_TOKENS: int = 4096
    # Seconds a worker holds a run without a sign of life.
    LEASE_SECONDS: float = 30.0
    # Seconds between two signs of life.
    HEARTBEAT_SECONDS: float = 3.0
    # Seconds after which a queue task takes no further run.
    SLICE_SECONDS: float = 60.0
    # Seconds that calls still open at the end of a slice or at shutdown are given.
    DRAIN_SECONDS: float = 75.0
    # Seconds that runs may be due while no worker of an `agents_cluster` does anything, before it is replaced.
    STALL_SECONDS: float = 30.0
    # Runs that one queue task drives at the same time.
    RUNS_PER_WORKER: int = 20
    # How many runs of an agent are driven at once, over all processes: {"support": 20}. Goes before its max_running.
    MAX_RUNNING: dict[str, int] = {}
    # How many runs of one user are driven at once, None for no limit. Runs that wait for people do not count.
    MAX_RUNNING_PER_USER: int | None = None
    # How many runs of one session are driven at once, None for no limit; an agent may say another number.
    MAX_RUNNING_PER_SESSION: int | None = None
    # Seconds after which a run goes to the back of the queue, where others are due and the task drives its most; and
    # how often at most a process makes way for a run whose worker died, which is driven alone.
    HOLD_SECONDS: float = 10.0
    # Seconds between two looks of a driving task for further due runs.
    POLL_SECONDS: float = 0.5
    # Database threads of one driving process; each keeps a connection while there is work.
    DATABASE_THREADS: int = 2
    # Seconds that one piece of database work, a hook of yours included, may take before its thread is left behind.
    DATABASE_SECONDS: float = 60.0
    # Calls of sync tools at the same time in one driving process: each has a thread, and may have a connection.
    TOOL_THREADS: int = 32
    # Attempts of one LLM turn before the run fails.
    LLM_ATTEMPTS: int = 5
    # When an LLM counts as down, unless its alias says otherwise: so many failures in a row within `window` seconds;
    # for how long it is then left alone. None for never.
    LLM_BREAKER: dict[str, float] | None = {"failures": 10, "window": 60.0, "open_seconds": 30.0}
    # Seconds that a run waits for an LLM's rate limit rather than ask its fallback.
    LLM_FALLBACK_SECONDS: float = 10.0
    # Codes of permanent errors at which the fallback is asked, too.
    LLM_FALLBACK_CODES: list[str] = ["quota_exceeded"]
    # Claims in a row that ended with the worker's death before a run is paused as poison.
    POISON_AFTER: int = 5
    # Threads that hang, in tools or hooks, after which a worker process asks to be replaced.
    ABANDONED_THREADS: int = 8
    # Seconds that an approval stays valid between decision and dispatch.
    APPROVAL_VALID_SECONDS: float = 3600.0
    # Effects of tools whose calls the requester may not approve, unless Approvers(four_eyes=…) says otherwise.
    FOUR_EYES_EFFECTS: list[str] = ["external"]
    # Seconds people have to decide, unless a tool says otherwise; "never" for as long as they like.
    APPROVAL_EXPIRES_SECONDS: float | Literal["never"] = 259_200.0
    # What comes of it then: "reject" the call, "cancel" the run, or "keep_waiting".
    APPROVAL_ON_EXPIRY: Literal["reject", "cancel", "keep_waiting"] = "reject"
    # Seconds after which those who may decide are told once more, unless a tool says otherwise; None for not at all.
    APPROVAL_REMIND_SECONDS: float | None = None
    # Seconds a question to the user stays open, None for no limit.
    INPUT_EXPIRES_SECONDS: float | None = None
    # Characters of a tool's result that are stored and told to the LLM.
    RESULT_LIMIT: int = 100_000
    # Characters of an LLM's reply that are accepted.
    REPLY_LIMIT: int = 1_000_000
    # Calls that an LLM may propose in one turn.
    CALLS_PER_TURN: int = 50
    # Characters of the input of a run.
    INPUT_LIMIT: int = 1_000_000
    # Facts that are kept of one user, or of one session; then those confirmed longest ago end.
    MEMORY_FACTS: int = 500
    # Entities that are kept of one user, or of one session.
    MEMORY_ENTITIES: int = 200
    # Days that what is superseded, forgotten or expired stays, and the history of memory; None: until it is erased.
    MEMORY_KEEP_DAYS: float | None = 180.0
    # Characters of the metadata of a run, as JSON.
    METADATA_LIMIT: int = 20_000
    # Keys that encrypt sensitive arguments; the first encrypts, all decrypt.
    ENCRYPTION_KEYS: list[str] = []
    # Days after its end until a run is moved to an archive; None: never by itself.
    ARCHIVE_AFTER_DAYS: float | None = None
    # The same for runs that failed, since people may want to retry them; None: as all others.
    ARCHIVE_FAILED_AFTER_DAYS: float | None = None
    # Days that a restored run stays in the database.
    RESTORED_DAYS: float = 7.0
    # Folder of the archives where STORAGES has no "agents_archive"; relative to BASE_DIR.
    ARCHIVE_FOLDER: str = "agents_archive"
    # Days that an answer of the REST API to a request with an Idempotency-Key is kept.
    RESPONSE_DAYS: float = 30.0
    # Whether /health/ready tells what it looked at to everybody, not to staff alone.
    HEALTH_DETAILS: bool = False
    # Tries of one event before its event handler is parked for that run.
    HANDLER_ATTEMPTS: int = 10
    # Ways to tell people of what waits for them: {"email": {}, "ops": {"channel": "webhook", "url": …, "key": …}}.
    NOTIFY: dict[str, Any] = {}
    # Where people reach this site, for links in what they are told: "https://shop.example.com".
    SITE_URL: str = ""
    # Where an approval request is opened; {id} stands for its id. Empty: its page in the admin, at SITE_URL.
    REQUEST_URL: str = ""
    # Seconds that one attempt to tell somebody may take.
    NOTIFY_SECONDS: float = 10.0
    # Tries of one notification before it is parked.
    NOTIFY_ATTEMPTS: int = 10
    # Seconds between two digests, for people who want to be told of many requests at once.
    DIGEST_SECONDS: float = 14_400.0
    # Seconds that a link which decides is good for.
    LINK_SECONDS: float = 86_400.0
    # Days that notifications are kept which were sent, or have nothing to tell any more.
    NOTIFICATION_DAYS: float = 30.0
    # Whether and how live clients are told of news: "auto", "postgres", "channels" or "poll".
    LIVE: str = "auto"
    # Seconds between two looks of a live tail where nothing tells it of news.
    LIVE_POLL_SECONDS: float = 0.5
    # Seconds that a websocket ticket is valid.
    TICKET_SECONDS: float = 60.0
    # Frames a slow websocket may be behind before it is closed with 4408.
    SOCKET_BACKLOG: int = 1000
    # Folder of the documents of `agents_app.knowledge` where STORAGES has no "agents_knowledge"; relative to BASE_DIR.
    KNOWLEDGE_FOLDER: str = "agents_knowledge"
    # Bytes of a document; larger ones are refused before they are read.
    KNOWLEDGE_BYTES: int = 50_000_000
    # Characters of a document's text.
    KNOWLEDGE_CHARACTERS: int = 10_000_000
    # Pages of a PDF.
    KNOWLEDGE_PAGES: int = 5_000
    # Seconds that one page of a PDF may take to be read, and its beginning.
    KNOWLEDGE_PAGE_SECONDS: float = 20.0
    # Bytes of memory of the process that reads a PDF.
    KNOWLEDGE_MEMORY: int = 1_000_000_000
    # Tries to read a document in a row that came no further, before it counts as failed.
    KNOWLEDGE_ATTEMPTS: int = 3
    # Characters of a chunk at most. What has been read keeps its chunks until it is read again.
    KNOWLEDGE_CHUNK: int = 1_500
    # DRF authentication classes of the API (dotted paths), None for the project's REST_FRAMEWORK default.
    API_AUTHENTICATION_CLASSES: list[str] | None = None

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        if not name.isupper():
            return default
        try:
            # What Django's proxy has read once it keeps, until settings are overridden; to ask it takes long.
            given = object.__getattribute__(settings, "AGENTS_APP")
        except AttributeError:
            given = getattr(settings, "AGENTS_APP", {})
        return given.get(name, default)

    def given(self) -> Any:
        """What the project's settings say, as they stand there: another object whenever they are overridden."""
        return getattr(settings, "AGENTS_APP", None)

    def names(self) -> list[str]:
        """The names of all settings."""
        return [name for name in vars(Conf) if name.isupper()]


conf = Conf()
