"""Members of groups of consumers, each a process of its own: members.py LIBRARY TOPIC GROUP ADDRESS...

A member reads what it is assigned, says what, and commits behind it, until it is told to end (SIGTERM) or its parent has gone. kcat is a
program already, and needs none.
"""

import os
import signal
import subprocess
import sys
import threading

import confluent_kafka
import kafka
import kafka.errors

from common import ADDRESSES, KAFKA_PYTHON, KCAT, LIBRDKAFKA, say

LOCK = threading.Lock()
SESSION_MS, HEARTBEAT_MS = 6000, 500


def say_assigned(partitions):
    say("assigned " + " ".join(str(part.partition) for part in partitions))


class Confluent:
    """confluent_kafka."""
    refusals = confluent_kafka.KafkaException

    def __init__(self, topic, group):
        self.reader = confluent_kafka.Consumer({
            **LIBRDKAFKA, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": HEARTBEAT_MS})
        self.reader.subscribe([topic], on_assign=lambda _, partitions: say_assigned(partitions))

    def read(self):
        message = self.reader.poll(0.2)
        return [] if message is None or message.error() else [(message.partition(), message.offset(), message.value())]

    def commit(self):
        self.reader.commit(asynchronous=False)

    def close(self):
        self.reader.close()


class KafkaPython(kafka.ConsumerRebalanceListener):
    """kafka-python."""
    refusals = kafka.errors.KafkaError

    def __init__(self, topic, group):
        self.reader = kafka.KafkaConsumer(
            **KAFKA_PYTHON, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS)
        self.reader.subscribe([topic], listener=self)

    def on_partitions_revoked(self, revoked):
        pass

    def on_partitions_assigned(self, assigned):
        say_assigned(assigned)

    def read(self):
        records = self.reader.poll(200, max_records=20)
        return [(record.partition, record.offset, record.value) for some in records.values() for record in some]

    def commit(self):
        self.reader.commit()

    def close(self):
        self.reader.close(autocommit=False)


def member(library, topic, group):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    parent = os.getppid()
    reader = library(topic, group)

    uncommitted = 0
    while not stop.is_set() and os.getppid() == parent:
        try:
            messages = reader.read()
        except OSError as error:
            # kafka-python lets through that a broker died between its connection and its login over TLS: it is started anew.
            say(f"begins anew: {error}")
            os.execv(sys.executable, [sys.executable, *sys.argv])
        for partition, offset, value in messages:
            say(f"got {partition} {offset} {value.decode()}")
        uncommitted += len(messages)
        if uncommitted >= 20 or uncommitted and not messages:
            try:
                reader.commit()
                uncommitted = 0
            except library.refusals as error:
                say(f"not committed: {error}")
    try:
        reader.commit()
    except library.refusals as error:
        say(f"not committed: {error}")
    reader.close()


def command(library, topic, group):
    if library == "kcat":
        return [*KCAT, "-G", group, "-u", "-E", "-f", "got %p %o %s\\n", "-X", "auto.offset.reset=earliest",
                "-X", f"session.timeout.ms={SESSION_MS}", "-X", f"heartbeat.interval.ms={HEARTBEAT_MS}",
                "-X", "auto.commit.interval.ms=500", topic]
    return [sys.executable, __file__, library, topic, group, *ADDRESSES]


class Member:
    """A member's process, what it has read, and what it was assigned last."""

    def __init__(self, library, topic, group):
        self.got = []
        self.assigned = None
        self.faults = []
        self.places = {}
        self.process = subprocess.Popen(
            command(library, topic, group), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.listening = threading.Thread(target=self.listen, daemon=True)
        self.listening.start()

    def listen(self):
        begun = ""
        for line in self.process.stdout:
            # kcat and librdkafka write lines that begin with "%" from other threads, also in the middle of a message.
            said, mark, aside = line.partition("%")
            with LOCK:
                if begun or said.startswith("got "):
                    begun += said
                    if begun.endswith("\n"):
                        self.hear(begun)
                        begun = ""
                    if mark:
                        self.hear(mark + aside)
                else:
                    self.hear(line)

    def hear(self, line):
        words = line.split()
        if line.startswith("got "):
            self.take(*map(int, words[1:]))
        elif line.startswith("assigned"):
            self.change(int(word) for word in words[1:])
        elif line.startswith("% Group"):  # kcat: "% Group NAME rebalanced (memberid ID): assigned: TOPIC [0], TOPIC [1]"
            done, _, partitions = line.partition("): ")[2].partition(": ")
            self.change(int(part.strip(" []\n").rpartition("[")[2]) for part in partitions.split(",") if done == "assigned")
        elif not line.startswith("% Reached end"):
            print(line, end="", flush=True)

    def change(self, partitions):
        """A new share: each partition is read from what was committed on, and so some of it again."""
        self.assigned = set(partitions)
        self.places.clear()

    def take(self, partition, offset, value):
        before = self.places.get(partition)
        if before is not None and offset != before + 1:
            self.faults.append(f"partition {partition}: {offset} came behind {before}")
        self.places[partition] = offset
        self.got.append((partition, offset, value))

    def end(self):
        """Tells it to end, and waits until it has."""
        self.process.terminate()
        self.process.wait(60)
        self.listening.join()
        return self.process.returncode


def split(members, partitions):
    """Whether the members have all partitions, each one member."""
    with LOCK:
        given = [part for each in members for part in each.assigned or ()]
        return sorted(given) == list(range(partitions)) and all(each.assigned for each in members)


def shares(members):
    """What each has, and how it has ended, in words."""
    with LOCK:
        return [(each.assigned, each.process.poll()) for each in members]


if __name__ == "__main__":
    member({"confluent_kafka": Confluent, "kafka-python": KafkaPython}[sys.argv[1]], *sys.argv[2:4])
