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

from common import ADDRESSES, LIBRDKAFKA, Failed, check, create, say, wait

LOCK = threading.Lock()


def producer(transactional_id, **settings):
    made = confluent_kafka.Producer({
        **LIBRDKAFKA, "transactional.id": transactional_id, "linger.ms": 1,
        **{name.replace("_", "."): value for name, value in settings.items()}})
    made.init_transactions(60)
    return made


def consumer(level="read_committed", group="readers", **settings):
    return confluent_kafka.Consumer({
        **LIBRDKAFKA, "group.id": group, "isolation.level": level, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", **{name.replace("_", "."): value for name, value in settings.items()}})


def read(topic, partitions, count, level="read_committed", quiet=0, seconds=60):
    """So many messages from the beginning on, or all that come within some quiet seconds more."""
    reader = consumer(level)
    reader.assign([confluent_kafka.TopicPartition(topic, i, confluent_kafka.OFFSET_BEGINNING) for i in range(partitions)])
    values, deadline = [], time.monotonic() + seconds
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
    raise Failed(f"not refused: {text}")


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
    check(len(read("basic", 2, 10, quiet=0.5)) == 10, "an open transaction is not read")
    check(len(read("basic", 2, 20, "read_uncommitted")) == 20, "an open transaction is read by who does not mind")
    first.abort_transaction(30)
    first.begin_transaction()
    first.produce("basic", "c0", partition=0)
    first.commit_transaction(30)
    check(sorted(read("basic", 2, 11, quiet=0.5)) == [f"a{i}" for i in range(10)] + ["c0"], "an aborted transaction is never read")

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
    check(sorted(read("basic", 2, 12, quiet=0.5))[-2:] == ["c0", "d0"], "nothing of a zombie is read")

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
    late = producer("late", transaction_timeout_ms=1000)
    late.begin_transaction()
    late.produce("basic", "late", partition=0)
    late.flush(30)
    second.begin_transaction()
    second.produce("basic", "e0", partition=0)
    second.commit_transaction(30)
    check(sorted(read("basic", 2, 13))[-1] == "e0", "what is behind a transaction that lasted too long is read")


def find_committed(reader, places):
    """Asks again soon: one question to a broker that is cut off takes as long as it may."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return reader.committed(places, 3)
        except confluent_kafka.KafkaException as failure:
            timed_out = failure.args[0].code() == confluent_kafka.KafkaError._TIMED_OUT
            if time.monotonic() > deadline or not (timed_out or failure.args[0].retriable()):
                raise


def rewind(reader):
    """Back to what was committed: the messages of an aborted transaction are read again."""
    places = reader.assignment()
    for place in find_committed(reader, places) if places else []:
        check(place.offset >= 0, f"offsets were committed before anybody read: {place}")
        try:
            reader.seek(place)
        except confluent_kafka.KafkaException:
            pass  # it was assigned to somebody else meanwhile


def insist(end):
    """Ends a transaction; tries again as long as that may help."""
    while True:
        try:
            return end(30)
        except confluent_kafka.KafkaException as failure:
            if not failure.args[0].retriable():
                raise


def processor():
    """Reads, works and writes in transactions until its parent has gone; some it aborts. In the last one of STALL it waits to be killed."""
    name, stall = sys.argv[2], int(sys.argv[3])
    parent, count = os.getppid(), 0
    reader = consumer(group="processors", session_timeout_ms=6000, heartbeat_interval_ms=500)
    reader.subscribe(["in"])
    writer = None
    while os.getppid() == parent:
        if writer is None:
            writer = producer(f"worker-{name}", transaction_timeout_ms=10000)
        # Who the reader is comes first: where others get its partitions meanwhile, it may not commit what it read of them.
        group = reader.consumer_group_metadata()
        messages = [message for message in reader.consume(10, 0.2) if not message.error()]
        if not messages:
            continue
        count += 1
        behind = {message.partition(): message.offset() + 1 for message in messages}
        try:
            writer.begin_transaction()
            for message in messages:
                writer.produce("out", f"{message.value().decode()}", partition=int(message.value()) % 2)
            writer.send_offsets_to_transaction(
                [confluent_kafka.TopicPartition("in", partition, offset) for partition, offset in behind.items()], group, 30)
            if count == stall:
                writer.flush(30)
                say("stalled")
                time.sleep(600)
            if count % 5 == 0:
                insist(writer.abort_transaction)
                rewind(reader)
                continue
            insist(writer.commit_transaction)
            say(f"committed {len(messages)}")
        except confluent_kafka.KafkaException as failure:
            say(f"failed: {failure}")
            try:
                insist(writer.abort_transaction)
            except confluent_kafka.KafkaException as worse:
                say(f"replaced: {worse}")
                writer = None
            rewind(reader)


class Processor:
    def __init__(self, name, stall=0):
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, __file__, "processor", name, str(stall), *ADDRESSES], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            with LOCK:
                self.said.append(line.strip())

    def has(self, word):
        with LOCK:
            return sum(line.startswith(word) for line in self.said)


def exactly_once():
    """Each message is worked on once, whoever of processors and brokers dies, and whatever is aborted."""
    count = 400
    create("in", 4)
    create("out", 2)
    feeder = confluent_kafka.Producer({**LIBRDKAFKA, "enable.idempotence": True, "linger.ms": 5})
    for i in range(count // 2):
        feeder.produce("in", str(i), partition=i % 4)
    feeder.flush(60)

    # Nobody shall have to ask where a partition begins: when the broker that it asked dies, librdkafka 2.0.2 may ask another one though it
    # reads already, and begins anew behind its processor's back, which then finds each message twice.
    first = consumer(group="processors")
    first.commit(offsets=[confluent_kafka.TopicPartition("in", i, 0) for i in range(4)], asynchronous=False)
    first.close()
    processors = [Processor("a"), Processor("b", stall=3)]
    wait(lambda: processors[1].has("stalled") or processors[0].has("committed") >= 10,
         lambda: f"they work: {[one.said[-20:] for one in processors]}")

    # One is killed in a transaction, with all of it written but the end; another one takes its place.
    processors[1].process.send_signal(signal.SIGKILL)
    processors.append(Processor("b"))
    say("running")
    sys.stdin.readline()
    for i in range(count // 2, count):
        feeder.produce("in", str(i), partition=i % 4)
    feeder.flush(60)
    try:
        values = read("out", 2, count, quiet=1.5, seconds=90)
    finally:
        for at, one in enumerate(processors):
            one.process.kill()
            with LOCK:
                say(f"processor {at}: {one.said[-20:]}")
    check(len(values) == len(set(values)), f"{len(values) - len(set(values))} messages are there twice")
    check(sorted(map(int, values)) == list(range(count)), "every message is there")
    total = len(read("out", 2, count, "read_uncommitted", quiet=1))
    say(f"{len(values)} committed of {total} written")


if __name__ == "__main__":
    {"plain": plain, "processor": processor, "exactly-once": exactly_once}[sys.argv[1]]()
    say("done")
    os._exit(0)
