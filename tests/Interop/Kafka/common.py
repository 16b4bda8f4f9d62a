"""What the programs of Kafka's clients beside this file share: whom they talk to, what they say, and how they look at what is there."""

import os
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin

ADDRESSES = [argument for argument in sys.argv[1:] if ":" in argument]
BOOTSTRAP = ",".join(ADDRESSES)

# What each library is told of the cluster; where one has to log in, over TLS, the environment says how.
LIBRDKAFKA = {"bootstrap.servers": BOOTSTRAP}
# It finds out when it begins what brokers can do, and would give up after two seconds of a machine that has other work.
KAFKA_PYTHON = {"bootstrap_servers": ADDRESSES, "api_version_auto_timeout_ms": 30000}
if "ATOLL_KAFKA_AUTHORITY" in os.environ:
    AUTHORITY, MECHANISM, USER, PASSWORD = (
        os.environ[f"ATOLL_KAFKA_{name}"] for name in ("AUTHORITY", "MECHANISM", "USER", "PASSWORD"))
    LIBRDKAFKA |= {
        "security.protocol": "SASL_SSL", "ssl.ca.location": AUTHORITY, "sasl.mechanism": MECHANISM, "sasl.username": USER,
        "sasl.password": PASSWORD}
    KAFKA_PYTHON |= {
        "security_protocol": "SASL_SSL", "ssl_cafile": AUTHORITY, "sasl_mechanism": MECHANISM, "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD}
KCAT = ["kcat", *(word for name, value in LIBRDKAFKA.items() for word in ("-X", f"{name}={value}"))]
ADMINS = []


class Failed(Exception):
    """What a program looked for is not so. An ordinary exception: a thread that asks to exit ends alone, and nobody hears of it."""


def fail(kind, failure, trace):
    """Ends all of it when a thread fails, the first one or another: else the rest would go on, and nobody would hear of it."""
    sys.stdout.flush()
    sys.__excepthook__(kind, failure, trace)
    os._exit(1)


sys.excepthook = fail
threading.excepthook = lambda failed: fail(failed.exc_type, failed.exc_value, failed.exc_traceback)


def say(text):
    print(text, flush=True)


def check(condition, text):
    if not condition:
        raise Failed(text)


def wait(condition, text, seconds=90):
    """Waits until something is so; text says what, and may be a function that says how far it is."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            check(False, f"not in time: {text() if callable(text) else text}")
        time.sleep(0.05)


def admin():
    if not ADMINS:
        ADMINS.append(confluent_kafka.admin.AdminClient(LIBRDKAFKA))
    return ADMINS[0]


def create(topic, partitions, **config):
    new = confluent_kafka.admin.NewTopic(topic, partitions, 3, config={key.replace("_", "."): value for key, value in config.items()})
    for future in admin().create_topics([new], request_timeout=30).values():
        future.result()


def consumer(**more):
    """A reader of partitions, one by one: not a member of any group."""
    return confluent_kafka.Consumer({
        **LIBRDKAFKA, "group.id": "unused", "enable.auto.commit": False, "auto.offset.reset": "error",
        "enable.partition.eof": True, **more})


def read_all(topic, partition, offset=0, **more):
    """All messages of a partition from an offset to its end."""
    reader = consumer(**more)
    reader.assign([confluent_kafka.TopicPartition(topic, partition, offset)])
    messages = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = reader.poll(5)
        if message is None:
            continue
        if message.error() is None:
            messages.append(message)
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            reader.close()
            return messages
        elif not message.error().retriable() and message.error().code() >= 0:
            raise Failed(message.error())
    raise Failed("the end of the partition was not reached in time")


def committed(reader, topic, partitions):
    """What a reader's group has committed, by partition; empty while no coordinator answers."""
    try:
        parts = reader.committed([confluent_kafka.TopicPartition(topic, number) for number in range(partitions)], timeout=5)
        return {part.partition: part.offset for part in parts if part.error is None and part.offset >= 0}
    except confluent_kafka.KafkaException:
        return {}
