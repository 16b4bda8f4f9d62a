"""Groups of consumers, unchanged clients, against a cluster: groups.py SCENARIO ADDRESS...

Each scenario says "done" at its end, and fails with a message otherwise. The members of groups,
processes of their own, are in members.py.
"""

import sys
import threading
import time

import confluent_kafka
import kafka
import kafka.admin
import kafka.errors

from common import KAFKA_PYTHON, LIBRDKAFKA, check, committed, create, say, wait
from members import LOCK, Member, shares, split

TOPIC = "work"
GROUP = "workers"
PARTITIONS = 6


def watch(history, stop):
    reader = confluent_kafka.Consumer({**LIBRDKAFKA, "group.id": GROUP})
    while not stop.is_set():
        history.append(committed(reader, TOPIC, PARTITIONS))
        time.sleep(0.1)
    reader.close()


def find_coordinator():
    """Asks again while the coordinator moves, and while a login fails: kafka-python's client for administrators asks once."""
    failures = []
    for _ in range(20):
        try:
            client = kafka.admin.KafkaAdminClient(**KAFKA_PYTHON)
            try:
                return client._find_coordinator_ids([GROUP])[GROUP]
            finally:
                client.close()
        except (kafka.errors.KafkaError, OSError) as failure:
            failures.append(failure)
            time.sleep(0.5)
    check(False, f"nobody says who coordinates {GROUP}: {failures}")


def group():
    """One member of three dies, and the coordinator's node with it: everything is read, and no committed offset goes back."""
    create(TOPIC, PARTITIONS)
    producer = confluent_kafka.Producer({**LIBRDKAFKA, "acks": "all", "linger.ms": 2})
    stop = threading.Event()
    sent = []

    def produce():
        while not stop.is_set():
            producer.produce(TOPIC, str(len(sent)), partition=len(sent) % PARTITIONS)
            sent.append(len(sent))
            producer.poll(0.005)

    producing = threading.Thread(target=produce)
    producing.start()
    members = [Member("confluent_kafka", TOPIC, GROUP) for _ in range(3)]
    wait(lambda: split(members, PARTITIONS), lambda: f"three members share the partitions: {shares(members)}")
    history = []
    enough = threading.Event()
    watching = threading.Thread(target=watch, args=(history, enough))
    watching.start()
    wait(lambda: all(len(each.got) > 50 for each in members) and history and len(history[-1]) == PARTITIONS, "all read and commit")

    coordinator = find_coordinator()
    members[0].process.kill()
    say(f"coordinator {coordinator}")
    sys.stdin.readline()
    survivors = members[1:]
    before = [len(each.got) for each in survivors]
    wait(lambda: split(survivors, PARTITIONS), lambda: f"two members share the partitions: {shares(members)}")
    wait(lambda: all(len(each.got) > count + 50 for each, count in zip(survivors, before)), "they go on")

    stop.set()
    producing.join()
    check(producer.flush(60) == 0, "not all was delivered")

    def got():
        with LOCK:
            return {value for each in members for _, _, value in each.got}

    wait(lambda: len(got()) == len(sent), "every message is read")
    for each in survivors:
        check(each.end() == 0, "a member ends by itself")
    time.sleep(0.5)
    enough.set()
    watching.join()

    check(not any(each.faults for each in members), f"read in order: {[each.faults[:3] for each in members]}")
    newest = {}
    for sample in history:
        for partition, offset in sample.items():
            check(offset >= newest.get(partition, -1), f"partition {partition}: {newest.get(partition)} went back to {offset}")
            newest[partition] = offset
    ends = {partition: 1 + max(offset for each in members for part, offset, _ in each.got if part == partition)
            for partition in range(PARTITIONS)}
    reader = confluent_kafka.Consumer({**LIBRDKAFKA, "group.id": GROUP})
    wait(lambda: committed(reader, TOPIC, PARTITIONS) == ends, f"all is committed: {ends}", 30)
    reader.close()
    say(f"messages {len(sent)}")


def plain():
    """The client that is written in Python alone: reads as a group, goes on where it was, and administers groups."""
    client = kafka.admin.KafkaAdminClient(**KAFKA_PYTHON)
    client.create_topics([kafka.admin.NewTopic("plain", 2, 3)])
    producer = kafka.KafkaProducer(**KAFKA_PYTHON, acks="all")
    for number in range(100):
        producer.send("plain", str(number).encode(), partition=number % 2)
    producer.flush()

    def read(count):
        reader = kafka.KafkaConsumer(
            "plain", **KAFKA_PYTHON, group_id="plain", auto_offset_reset="earliest", enable_auto_commit=False,
            max_poll_records=10, consumer_timeout_ms=30000)
        found = [next(reader).value for _ in range(count)]
        description = client.describe_consumer_groups(["plain"])[0]
        check(description.state == "Stable" and len(description.members) == 1, f"one member, not {description}")
        positions = {part: kafka.OffsetAndMetadata(reader.position(part), "so far") for part in reader.assignment()}
        reader.commit(positions)
        reader.close()
        return found

    first = read(30)
    rest = read(70)
    check(sorted(first + rest, key=int) == [str(number).encode() for number in range(100)], "each message once")
    offsets = client.list_consumer_group_offsets("plain")
    check({part.partition: found.offset for part, found in offsets.items()} == {0: 50, 1: 50}, f"all is committed, not {offsets}")
    check(all(found.metadata == "so far" for found in offsets.values()), "with words")
    check(("plain", "consumer") in client.list_consumer_groups(), "the group is listed")
    check(client.describe_consumer_groups(["plain"])[0].state == "Empty", "nobody is there")
    check(client.delete_consumer_groups(["plain"])[0][1].errno == 0, "the group can be deleted")
    check(client.list_consumer_group_offsets("plain") == {}, "its offsets are gone")
    client.close()


SCENARIOS = {"group": group, "plain": plain}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]]()
    say("done")
