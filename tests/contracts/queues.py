"""Each executor with the queue behind it, and what its workers do, without their processes."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import Celery
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q import brokers
from django_q.conf import Conf
from django_q.signing import SignedPackage
from moto.server import ThreadedMotoServer
from pytest_httpserver import HTTPServer
from werkzeug import Response

from agents_app import tasks
from agents_app.brokers import postgresql
from agents_app.core.push_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from agents_app.executors.impatient_redis import ImpatientRedis
from agents_app.runtime.shutdown import replaced
from agents_app.testing import run_until_idle
from agents_app.testing.executor import WAITING, WaitingExecutor
from tests.aws.server import aws_environment, lambda_server
from tests.celery_broker import broker_url, celery_app
from tests.docs.pages import loaded

Nothing = AbstractContextManager[None]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """An executor under test. work: what its workers do until nothing is queued. down: while it lasts the queue takes
    nothing."""

    executor: str
    work: Callable[[], Any]
    down: Callable[[], Nothing]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a queue may ask of its test."""

    request: pytest.FixtureRequest
    patch: pytest.MonkeyPatch
    stack: ExitStack

    def redis(self) -> str:
        url: str = self.request.getfixturevalue("redis_url")
        return url


def executor_set(name: str, **more: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": name, **more})


def immediate(stage: Stage) -> Queue:
    return Queue(executor="immediate", work=lambda: None, down=lambda: refusing(tasks, "continue_run"))


def waiting(stage: Stage) -> Queue:
    return Queue(executor=WAITING, work=run_until_idle, down=lambda: refusing(WaitingExecutor, "submit"))


# django-q2


def django_q2_orm(stage: Stage) -> Queue:
    stage.patch.setattr(Conf, "CLUSTER_NAME", f"contract-{uuid4().hex[:8]}")
    broker = brokers.get_broker()
    stage.patch.setattr("django_q.tasks.get_broker", lambda *_: broker)
    stage.patch.setattr("agents_app.executors.django_q2.get_broker", lambda *_: broker)
    stage.patch.setattr(Conf, "POLL", 0.01)
    stage.stack.callback(broker.delete_queue)
    return Queue(executor="django_q2", work=lambda: work_off(broker), down=lambda: refusing(broker, "enqueue"))


def django_q2_postgresql(stage: Stage) -> Queue:
    stage.patch.setattr(Conf, "BROKER_CLASS", "agents_app.brokers.postgresql.PostgreSQLBroker")
    stage.patch.setattr(postgresql, "MOST_SECONDS", 0.01)
    queue = django_q2_orm(stage)
    stage.stack.callback(brokers_of(stage).close)
    return queue


def django_q2_redis(stage: Stage) -> Queue:
    stage.patch.setattr(Conf, "ORM", None)
    stage.patch.setattr(Conf, "REDIS", stage.redis())
    queue = django_q2_orm(stage)
    return replace(queue, down=lambda: refusing(ImpatientRedis, "enqueue"))


def brokers_of(stage: Stage) -> Any:
    return import_string("django_q.tasks.get_broker")()


def work_off(broker: Any) -> None:
    for task_id, package in broker.dequeue() or []:
        task = SignedPackage.loads(package)
        assert len(task["args"]) == 1, "a message carries the run's id alone"
        assert import_string(task["func"])(*task["args"]) is None
        broker.acknowledge(task_id)


@contextmanager
def refusing(thing: Any, method: str) -> Iterator[None]:
    """While it lasts this method fails as a connection does."""

    def away(*args: Any, **options: Any) -> None:
        raise ConnectionError("The queue is away.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thing, method, away)
        yield


# Celery


def celery(stage: Stage) -> Queue:
    """A queue of its own on the real broker, in a Celery app that is the process's."""
    name = f"contract-{uuid4().hex[:8]}"
    app = stage.stack.enter_context(celery_app(broker_url(stage.redis()), task_default_queue=name))
    import_module("agents_app.tasks.celery")  # a worker of Celery does it when it imports agents_app.tasks
    worker = CeleryWorker(app)
    return Queue(executor="celery", work=worker.work, down=broker_gone)


class CeleryWorker:
    """Fetches, holds what is for later, and calls."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._held: list[Any] = []

    def work(self) -> None:
        with self._app.connection_for_read() as connection:
            queue = connection.SimpleQueue(self._app.conf.task_default_queue)
            try:
                while True:
                    message = queue.get_nowait()
                    message.ack()
                    self._held.append(message)
            except queue.Empty:
                pass
            finally:
                queue.close()
        due = [message for message in self._held if self._is_due(message)]
        self._held = [message for message in self._held if message not in due]
        for message in due:
            arguments, options, _ = message.payload
            assert len(arguments) == 1, "a message carries the run's id alone"
            assert self._app.tasks[message.headers["task"]](*arguments, **options) is None

    def _is_due(self, message: Any) -> bool:
        eta = message.headers["eta"]
        return eta is None or datetime.fromisoformat(eta) <= timezone.now() + timedelta(seconds=0.001)


@contextmanager
def broker_gone() -> Iterator[None]:
    """While it lasts the process's app has a broker where nobody listens."""
    with celery_app("redis+socket:///nowhere/at-all"):
        yield


# AWS Lambda


def aws_lambda(stage: Stage) -> Queue:
    """The Invoke API on loopback; the handler is called here, with five minutes."""
    events: list[Any] = []
    server = stage.stack.enter_context(lambda_server(events.append))

    def work() -> None:
        context = SimpleNamespace(aws_request_id=str(uuid4()), get_remaining_time_in_millis=lambda: 300_000)
        while events:
            event = events.pop(0)
            assert set(event) == {"action", "run_id"}, "a message carries the run's id alone"
            tasks.lambda_handler(event, context)

    @contextmanager
    def throttled() -> Iterator[None]:
        server.throttled = True
        yield
        server.throttled = False

    stage.stack.callback(replaced.clear)
    return Queue(executor="aws_lambda", work=work, down=throttled)


# HTTP


def http_push(stage: Stage) -> Queue:
    """A queue that calls addresses: it takes each request, and sends it on to the view when it is time."""
    taken: list[tuple[bytes, dict[str, str]]] = []
    server = HTTPServer(host="127.0.0.1")
    server.start()
    stage.stack.callback(server.stop)
    answer = {"status": 202}

    def take(request: Any) -> Response:
        if answer["status"] == 202:
            names = (TIMESTAMP_HEADER, SIGNATURE_HEADER)
            taken.append((request.data, {name: request.headers[name] for name in names}))
        return Response(status=answer["status"])

    def work() -> None:
        while taken:
            body, headers = taken.pop(0)
            assert set(json.loads(body)) == {"run_id"}, "a message carries the run's id alone"
            assert Client().post("/api/push/", body, "application/json", headers=headers).status_code == 204

    @contextmanager
    def down() -> Iterator[None]:
        answer["status"] = 500
        yield
        answer["status"] = 202

    server.expect_request("/api/push/").respond_with_handler(take)
    ours = {"PUSH_URL": server.url_for("/api/push/"), "PUSH_KEYS": ["key-of-the-contract-key-of-the-contract"]}
    return Queue(executor="http_push", work=work, down=down, settings=ours)


# Those of the how-to pages


def cron(stage: Stage) -> Queue:
    """Nothing is submitted, and `agents_drive` is started by the clock: there is no queue that could be down."""
    stage.stack.enter_context(loaded("cron"))
    executor = "how_to_cron.CronExecutor"
    return Queue(
        executor=executor,
        work=lambda: call_command("agents_drive", "--seconds", "30"),
        down=lambda: refusing(import_string(executor), "submit"),
    )


def failover(stage: Stage) -> Queue:
    """The first never accepts, the second does as long as it is not down."""
    module = stage.stack.enter_context(loaded("failover"))
    own = stage.stack.enter_context(loaded("your-own-executor"))
    refused: list[UUID] = []

    class Refusing:
        def submit(self, run_id: UUID) -> None:
            refused.append(run_id)
            raise ConnectionError("This region is away.")

    own.Refusing = Refusing  # type: ignore[attr-defined]
    names = ("how_to_your_own_executor.Refusing", "how_to_your_own_executor.ListExecutor")
    stage.patch.setattr(module.FailoverExecutor, "executors", names)

    def work() -> None:
        while own.QUEUE:
            run_id = own.QUEUE.pop()
            assert UUID(run_id) in refused
            tasks.continue_run(run_id)

    executor = "how_to_failover.FailoverExecutor"
    return Queue(executor=executor, work=work, down=lambda: refusing(own.ListExecutor, "submit"))


def sqs(stage: Stage) -> Queue:
    """moto's server, on a loopback address; left alone it would listen on all of them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    stage.stack.callback(server.stop)
    host, port = server.get_host_and_port()
    assert host == "127.0.0.1"
    for name, value in aws_environment(f"http://127.0.0.1:{port}").items():
        stage.patch.setenv(name, value)
    module = stage.stack.enter_context(loaded("sqs"))
    url = module.sqs(5).create_queue(QueueName=f"agents-{uuid4().hex[:8]}")["QueueUrl"]
    stage.patch.setenv("AGENTS_QUEUE", url)

    def work() -> None:
        while module.work(wait=0):
            pass

    @contextmanager
    def away() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            module.sqs.cache_clear()
            yield
        module.sqs.cache_clear()

    return Queue(executor="how_to_sqs.SqsExecutor", work=work, down=away)


QUEUES: dict[str, Callable[[Stage], Queue]] = {
    "immediate": immediate,
    "waiting": waiting,
    "django_q2 orm": django_q2_orm,
    "django_q2 postgresql": django_q2_postgresql,
    "django_q2 redis": django_q2_redis,
    "celery": celery,
    "aws_lambda": aws_lambda,
    "http_push": http_push,
    "cron": cron,
    "failover": failover,
    "sqs": sqs,
}
MARKS = {"django_q2 postgresql": pytest.mark.postgresql_only}
