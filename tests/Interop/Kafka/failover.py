"""Clients of Kafka, unchanged, while brokers die and links between them are cut: failover.py LIBRARY ADDRESS...

A producer of numbered messages, and a group that reads them. Says "running" when one of two members has died and another one has come,
"progress" when producer and group have gone on since it was asked ("progress?"), and at the end of its input looks at what is there:
nothing that was acknowledged is lost, nothing is out of order, and nothing is doubled where the producer numbers its batches; and the
group has read all of it.
"""

import subprocess
import sys
import threading
import time

import confluent_kafka
import kafka

from common import KAFKA_PYTHON, KCAT, LIBRDKAFKA, check, committed, create, read_all, say, wait
from members import LOCK, Member, shares, split

PARTITIONS = 3
AT_ONCE = 3
UNDER_WAY_MAX = 5000
STEP = 150
PATIENCE_SECONDS = 120  # what a client is told to try again for


class Confluent:
    """confluent_kafka, which numbers its batches."""
    is_idempotent = True

    def __init__(self, topic):
        self.topic, self.acknowledged, self.failures = topic, 0, []
        self.producer = confluent_kafka.Producer({
            **LIBRDKAFKA, "enable.idempotence": True, "linger.ms": 2, "compression.type": "lz4",
            "delivery.timeout.ms": PATIENCE_SECONDS * 1000})

    def note(self, error, _):
        if error:
            self.failures.append(error)
        else:
            self.acknowledged += 1

    def send(self, number):
        self.producer.produce(self.topic, str(number), partition=number % PARTITIONS, on_delivery=self.note)

    def pause(self):
        self.producer.poll(0)
        time.sleep(0.01)

    def finish(self):
        self.producer.flush(PATIENCE_SECONDS)


class KafkaPython:
    """kafka-python, which cannot number them: what it sends again may be there twice."""
    is_idempotent = False

    def __init__(self, topic):
        self.topic, self.acknowledged, self.failures = topic, 0, []
        self.producer = kafka.KafkaProducer(
            **KAFKA_PYTHON, acks="all", retries=sys.maxsize, max_in_flight_requests_per_connection=1, linger_ms=2,
            compression_type="gzip")

    def note(self, _):
        self.acknowledged += 1

    def send(self, number):
        sending = self.producer.send(self.topic, str(number).encode(), partition=number % PARTITIONS)
        sending.add_callback(self.note).add_errback(self.failures.append)

    def pause(self):
        time.sleep(0.01)

    def finish(self):
        self.producer.flush(PATIENCE_SECONDS)


class Kcat:
    """kcat, a process for each partition; it numbers its batches, and says so on its standard error when a message was delivered."""
    is_idempotent = True

    def __init__(self, topic):
        self.acknowledged, self.failures = 0, []
        self.processes = [
            subprocess.Popen(
                [*KCAT, "-P", "-t", topic, "-p", str(partition), "-E", "-v", "-v", "-z", "snappy", "-X", "acks=all",
                 "-X", "enable.idempotence=true", "-X", "linger.ms=2", "-X", f"message.timeout.ms={PATIENCE_SECONDS * 1000}"],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for partition in range(PARTITIONS)]
        self.listening = [threading.Thread(target=self.listen, args=(process,), daemon=True) for process in self.processes]
        for each in self.listening:
            each.start()

    def listen(self, process):
        for line in process.stderr:
            with LOCK:
                if line.startswith("% Message delivered"):
                    self.acknowledged += 1
                elif line.startswith("% Delivery failed"):
                    self.failures.append(line)
                else:
                    print(line, end="", flush=True)

    def send(self, number):
        stdin = self.processes[number % PARTITIONS].stdin
        stdin.write(f"{number}\n")
        stdin.flush()

    def pause(self):
        time.sleep(0.01)

    def finish(self):
        for process, listening in zip(self.processes, self.listening):
            process.stdin.close()
            check(process.wait(PATIENCE_SECONDS) == 0, f"kcat ended with {process.returncode}: {self.failures[:3]}")
            listening.join()


def produce(producer, members):
    """Sends numbers until there is nothing more to read; says how many."""
    stop, asked = threading.Event(), threading.Event()

    def listen():
        for _ in sys.stdin:
            asked.set()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    number = 0
    aims = None
    while not stop.is_set():
        for _ in range(AT_ONCE):
            producer.send(number)
            number += 1
        producer.pause()
        done = [producer.acknowledged, sum(len(each.got) for each in members)]
        if asked.is_set() and aims is None:
            aims = [now + STEP for now in done]
        if aims is not None and all(now >= aim for now, aim in zip(done, aims)):
            aims = None
            asked.clear()
            say(f"progress: {done[0]} acknowledged, {done[1]} read")
        while number - producer.acknowledged > UNDER_WAY_MAX and not stop.is_set():
            producer.pause()
    producer.finish()
    check(not producer.failures, f"{len(producer.failures)} deliveries failed: {producer.failures[:3]}")
    check(producer.acknowledged == number, f"{producer.acknowledged} were acknowledged of {number}")
    return number


def look_at_topic(topic, number, is_idempotent):
    """Everything is there, in order, and once where the producer sees to that; what is at which offset."""
    log = {}
    doubled = 0
    for partition in range(PARTITIONS):
        messages = read_all(topic, partition)
        log.update({(partition, message.offset()): int(message.value()) for message in messages})
        found = [int(message.value()) for message in messages]
        firsts = list(dict.fromkeys(found))
        expected = list(range(partition, number, PARTITIONS))
        doubled += len(found) - len(firsts)
        places = {}
        for message in messages:
            places.setdefault(int(message.value()), []).append(message.offset())
        twice = [(value, offsets) for value, offsets in places.items() if len(offsets) > 1]
        check(not is_idempotent or not twice, f"partition {partition}: {len(twice)} messages are there twice, as {twice[:3]}")
        check(set(firsts) == set(expected), f"partition {partition}: {len(set(expected) - set(firsts))} messages are lost")
        check(firsts == expected, f"partition {partition}: the order is another one")
    return log, doubled


def look_at_group(topic, group, members, log):
    """The group commits all of it, and has read it as it is there, in order where nobody's share has changed."""
    ends = {partition: 1 + max(offset for part, offset in log if part == partition) for partition in range(PARTITIONS)}
    reader = confluent_kafka.Consumer({**LIBRDKAFKA, "group.id": group})
    wait(lambda: committed(reader, topic, PARTITIONS) == ends, lambda: f"{committed(reader, topic, PARTITIONS)} is {ends}")
    reader.close()
    for each in members[1:]:
        check(each.end() == 0, "a member ends by itself")
    for at, each in enumerate(members):
        check(not each.faults, f"member {at}: {each.faults[:3]}")
        wrong = [place for place in each.got if log.get(place[:2]) != place[2]]
        check(not wrong, f"member {at} got what is not there: {wrong[:3]}")


def failover(library):
    topic, group = f"{library}-orders", f"{library}-readers"
    create(topic, PARTITIONS)
    producer = LIBRARIES[library](topic)
    members = [Member(library, topic, group) for _ in range(2)]

    def begin():
        wait(lambda: split(members, PARTITIONS), lambda: f"two members share the partitions: {shares(members)}")
        members[0].process.kill()
        members.append(Member(library, topic, group))
        wait(lambda: split(members[1:], PARTITIONS), lambda: f"two members share the partitions again: {shares(members)}")
        say("running")

    beginning = threading.Thread(target=begin)
    beginning.start()
    number = produce(producer, members)
    beginning.join()

    def read():
        with LOCK:
            return len({value for each in members for _, _, value in each.got})

    wait(lambda: read() == number, lambda: f"{read()} messages are read of {number}")
    log, doubled = look_at_topic(topic, number, producer.is_idempotent)
    look_at_group(topic, group, members, log)
    say(f"messages {number}, {doubled} there twice, {sum(len(each.got) for each in members) - len(log)} read again")


LIBRARIES = {"confluent_kafka": Confluent, "kafka-python": KafkaPython, "kcat": Kcat}

if __name__ == "__main__":
    failover(sys.argv[1])
    say("done")
