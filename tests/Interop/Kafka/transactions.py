"""Transactions, unchanged clients, against a cluster: transactions.py SCENARIO ADDRESS...

Each scenario says "done" at its end, and fails with a message otherwise. "processor" is one that reads, works and writes in transactions, a
process of its own.
"""

import os
import signal
import subprocess
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin

ADDRESSES = sys.argv[2:] if sys.argv[1] != "processor" else sys.argv[4:]
BOOTSTRAP = ",".join(ADDRESSES)
LOCK = threading.Lock()


def say(text):
    print(text, flush=True)


def check(condition, text):
    if not condition:
        raise SystemExit(f"FAILED: {text}")


def wait(condition, text, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f"not in time: {text}")
        time.sleep(0.05)


def create(topic, partitions):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": BOOTSTRAP})
    admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 3)])[topic].result(30)


def producer(transactional_id, **settings):
    made = confluent_kafka.Producer({
        "bootstrap.servers": BOOTSTRAP, "transactional.id": transactional_id, "linger.ms": 1,
        **{name.replace("_", "."): value for name, value in settings.items()}})
    made.init_transactions(60)
    return made


def consumer(level="read_committed", group="readers", **settings):
    return confluent_kafka.Consumer({
        "bootstrap.servers": BOOTSTRAP, "group.id": group, "isolation.level": level, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", **{name.replace("_", "."): value for name, value in settings.items()}})


def read(topic, partitions, count, level="read_committed", quiet=0):
    """So many messages from the beginning on, or all that come within some quiet seconds more."""
    reader = consumer(level)
    reader.assign([confluent_kafka.TopicPartition(topic, i, confluent_kafka.OFFSET_BEGINNING) for i in range(partitions)])
    values, deadline = [], time.monotonic() + 60
    while len(values) < count or quiet:
        message = reader.poll(quiet if len(values) >= count else 0.5)
        if message is None and len(values) >= count:
            break
        check(time.monotonic() < deadline, f"{len(values)} messages of {count} in {topic}, {level}")
        if message is not None and not message.error():
            values.append(message.value().decode())
    reader.close()
    return values


def refused(action, text):
    try:
        action()
    except confluent_kafka.KafkaException as error:
        return error.args[0]
    raise SystemExit(f"FAILED: not refused: {text}")


def plain():
    """What is committed is seen, what is aborted never; who was replaced is fenced off; what lasts too long is aborted."""
    create("basic", 2)
    first = producer("one")
    first.begin_transaction()
    for i in range(10):
        first.produce("basic", f"a{i}", partition=i % 2)
    first.commit_transaction(30)
    check(sorted(read("basic", 2, 10)) == [f"a{i}" for i in range(10)], "a committed transaction is read")

    first.begin_transaction()
    for i in range(10):
        first.produce("basic", f"b{i}", partition=i % 2)
    first.flush(30)
    check(len(read("basic", 2, 10, quiet=1)) == 10, "an open transaction is not read")
    check(len(read("basic", 2, 20, "read_uncommitted")) == 20, "an open transaction is read by who does not mind")
    first.abort_transaction(30)
    first.begin_transaction()
    first.produce("basic", "c0", partition=0)
    first.commit_transaction(30)
    check(sorted(read("basic", 2, 11, quiet=1)) == [f"a{i}" for i in range(10)] + ["c0"], "an aborted transaction is never read")

    # Another producer with the same id: the open transaction of the first one is aborted, and it can do no more.
    first.begin_transaction()
    first.produce("basic", "zombie", partition=1)
    first.flush(30)
    second = producer("one")
    first.produce("basic", "zombie again", partition=1)
    error = refused(lambda: first.commit_transaction(30), "a zombie's commit")
    check(error.fatal(), f"a zombie is told so: {error}")
    second.begin_transaction()
    second.produce("basic", "d0", partition=1)
    second.commit_transaction(30)
    check(sorted(read("basic", 2, 12, quiet=1))[-2:] == ["c0", "d0"], "nothing of a zombie is read")

    # Offsets of a group are committed with the transaction, and only then.
    reader = consumer(group="moving")
    reader.subscribe(["basic"])
    wait(lambda: reader.poll(0.5) is not None, "a member reads")
    second.begin_transaction()
    moved = [confluent_kafka.TopicPartition("basic", 0, 5)]
    second.send_offsets_to_transaction(moved, reader.consumer_group_metadata(), 30)
    second.abort_transaction(30)
    place = [confluent_kafka.TopicPartition("basic", 0)]
    check(reader.committed(place, 30)[0].offset < 0, "offsets of an aborted transaction are not there")
    second.begin_transaction()
    second.send_offsets_to_transaction(moved, reader.consumer_group_metadata(), 30)
    second.commit_transaction(30)
    check(reader.committed(place, 30)[0].offset == 5, "offsets of a committed transaction are there")
    reader.close()

    # Who dies in a transaction holds back readers no longer than its time-out.
    late = producer("late", transaction_timeout_ms=2000)
    late.begin_transaction()
    late.produce("basic", "late", partition=0)
    late.flush(30)
    second.begin_transaction()
    second.produce("basic", "e0", partition=0)
    second.commit_transaction(30)
    check(sorted(read("basic", 2, 13, quiet=1))[-1] == "e0", "what is behind a transaction that lasted too long is read")


if __name__ == "__main__":
    {"plain": plain}[sys.argv[1]]()
    say("done")
    os._exit(0)
