"""Clients of Kafka, unchanged, against a cluster: client.py SCENARIO ADDRESS...

Each scenario says "done" at its end, and fails with a message otherwise. Partitions are read one by one; groups are in groups.py, and what
happens while brokers die in failover.py.
"""

import subprocess
import sys
import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin

from common import KAFKA_PYTHON, KCAT, LIBRDKAFKA, admin, check, consumer, create, read_all, say

COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def librdkafka():
    """Topics, settings, every compression and acknowledgement, offsets."""
    create("events", 3, retention_ms="86400000")
    metadata = admin().list_topics(timeout=30)
    check(len(metadata.brokers) == 3, f"3 brokers, not {metadata.brokers}")
    check(len(metadata.topics["events"].partitions) == 3, "3 partitions")

    sent = []
    failures = []
    for partition, compression in enumerate(COMPRESSIONS):
        for acks in [0, 1, -1]:
            producer = confluent_kafka.Producer({
                **LIBRDKAFKA, "compression.type": compression, "acks": acks, "linger.ms": 5})
            for number in range(20):
                value = f"{compression} {acks} {number} " + "x" * 200
                sent.append(value)
                producer.produce("events", value, key=compression, partition=partition % 3, headers=[("acks", str(acks))],
                                 on_delivery=lambda error, _: failures.append(error) if error else None)
            check(producer.flush(60) == 0, f"{compression} with acks {acks}: not all was delivered")
    check(not failures, f"deliveries failed: {failures[:3]}")
    found = [message for partition in range(3) for message in read_all("events", partition)]
    check(sorted(message.value().decode() for message in found) == sorted(sent), f"{len(found)} messages came back of {len(sent)}")
    check(all(message.headers()[0][0] == "acks" for message in found), "headers came back")

    # Offsets: the ends, the middle of a partition, a time.
    reader = consumer()
    low, high = reader.get_watermark_offsets(confluent_kafka.TopicPartition("events", 0), timeout=30)
    check((low, high) == (0, 120), f"partition 0 has offsets 0 to 120, not {low} to {high}")
    middle = read_all("events", 0, 50)
    check([message.offset() for message in middle] == list(range(50, 120)), "reading begins in the middle")
    at = middle[0].timestamp()[1]
    asked = reader.offsets_for_times([confluent_kafka.TopicPartition("events", 0, at)], timeout=30)[0]
    check(asked.offset <= 50, f"the first record of time {at} is at most 50, not {asked.offset}")
    before = [message for message in read_all("events", 0) if message.offset() < asked.offset]
    check(all(message.timestamp()[1] < at for message in before), "all before it are older")
    reader.close()

    resource = confluent_kafka.admin.ConfigResource("topic", "events")
    settings = list(admin().describe_configs([resource], request_timeout=30).values())[0].result()
    check(settings["retention.ms"].value == "86400000", "the setting that was given")
    check(settings["cleanup.policy"].value == "delete", "a setting that was not")
    changed = confluent_kafka.admin.ConfigResource("topic", "events", set_config={"max.message.bytes": "2000000"})
    list(admin().alter_configs([changed], request_timeout=30).values())[0].result()
    settings = list(admin().describe_configs([resource], request_timeout=30).values())[0].result()
    check(settings["max.message.bytes"].value == "2000000", "the setting that was changed")
    check(settings["retention.ms"].value == "604800000", "what is not named has its default again")

    # More partitions: a consumer that is subscribed gets them, and what is there stays.
    reader = confluent_kafka.Consumer({
        **LIBRDKAFKA, "group.id": "growing", "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 500, "enable.auto.commit": False})
    reader.subscribe(["events"])
    deadline = time.monotonic() + 60
    while len(reader.assignment()) < 3 and time.monotonic() < deadline:
        reader.poll(0.2)
    for count, valid in [(4, True), (3, False), (5, False)]:
        new = [confluent_kafka.admin.NewPartitions("events", count)]
        growing = list(admin().create_partitions(new, request_timeout=30, validate_only=count == 5).values())[0]
        try:
            growing.result()
            check(valid or count == 5, f"a topic of 4 partitions cannot have {count}")
        except confluent_kafka.KafkaException as error:
            check(not valid and error.args[0].code() == confluent_kafka.KafkaError.INVALID_PARTITIONS, f"{count} partitions: {error}")
    producer = confluent_kafka.Producer(LIBRDKAFKA)
    producer.produce("events", "more", partition=3)
    check(producer.flush(60) == 0, "the new partition takes records")
    check([message.value() for message in read_all("events", 3)] == [b"more"], "the new partition has what was written to it")
    check(len(read_all("events", 0)) == 120, "the others have what they had")
    while len(reader.assignment()) < 4 and time.monotonic() < deadline:
        reader.poll(0.2)
    check(len(reader.assignment()) == 4, f"a subscribed consumer has 4 partitions, not {reader.assignment()}")
    reader.close()

    try:
        create("events", 3)
        check(False, "a topic cannot be created twice")
    except confluent_kafka.KafkaException as error:
        check(error.args[0].code() == confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS, f"it is there, not {error}")
    list(admin().delete_topics(["events"], operation_timeout=30).values())[0].result()
    check("events" not in admin().list_topics(timeout=30).topics, "it is gone")


def kafka_python():
    """The client that is written in Python alone, and speaks old versions."""
    client = kafka.admin.KafkaAdminClient(**KAFKA_PYTHON)
    client.create_topics([kafka.admin.NewTopic("plain", 2, 3)])
    sent = {0: [], 1: []}
    for compression in [None, "gzip"]:
        for acks in [0, 1, "all"]:
            producer = kafka.KafkaProducer(**KAFKA_PYTHON, compression_type=compression, acks=acks, retries=5)
            for number in range(20):
                value = f"{compression} {acks} {number}".encode()
                sent[number % 2].append(value)
                producer.send("plain", value, partition=number % 2)
            producer.flush()
            producer.close()
    reader = kafka.KafkaConsumer(**KAFKA_PYTHON, consumer_timeout_ms=3000, auto_offset_reset="earliest")
    partitions = [kafka.TopicPartition("plain", partition) for partition in range(2)]
    check(reader.beginning_offsets(partitions) == {partition: 0 for partition in partitions}, "they begin with 0")
    check(reader.end_offsets(partitions) == {partition: 60 for partition in partitions}, f"they end with 60")
    for partition in partitions:
        reader.assign([partition])
        reader.seek_to_beginning(partition)
        found = []
        while len(found) < 60:
            record = next(reader)
            found.append(record.value)
        check(sorted(found) == sorted(sent[partition.partition]), f"{partition}: what came back is what was sent")
    client.create_partitions({"plain": kafka.admin.NewPartitions(3)})
    check(client.describe_topics(["plain"])[0]["partitions"][2]["partition"] == 2, "there is a third partition")
    first = reader.offsets_for_times({partitions[0]: 0})[partitions[0]]
    check(first.offset == 0, f"the first record ever is at 0, not {first}")
    reader.close()
    client.delete_topics(["plain"])
    client.close()


def kcat():
    """The command line's client: topics come into being when something is produced to them."""
    def run(*arguments, given=None):
        done = subprocess.run([*KCAT, *arguments], input=given, capture_output=True, text=True, timeout=120)
        check(done.returncode == 0, f"kcat {arguments}: {done.stderr}")
        return done.stdout

    lines = []
    for compression in COMPRESSIONS:
        some = [f"{compression}-{number}" for number in range(50)]
        lines += some
        run("-P", "-t", "lines", "-z", compression, "-X", "enable.idempotence=true", given="\n".join(some) + "\n")
    check(run("-C", "-t", "lines", "-e", "-q", "-o", "beginning").splitlines() == lines, "the lines, in order")
    check(run("-C", "-t", "lines", "-e", "-q", "-o", "-3").splitlines() == lines[-3:], "the last three")
    check(run("-C", "-t", "lines", "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed").splitlines() == lines,
          "the lines that are committed")
    check('topic "lines" with 1 partitions' in run("-L"), "the topic is listed")


def quotas():
    """A producer that has a quota of 200 kB a second (set before) sees itself held back; another one does not."""
    create("held", 1)
    held = {}
    for name in ["fast", "slow"]:
        held[name] = []
        producer = confluent_kafka.Producer({
            **LIBRDKAFKA, "client.id": name, "linger.ms": 5, "batch.size": 30000, "throttle_cb": held[name].append})
        started = time.monotonic()
        for _ in range(50):
            producer.produce("held", b"x" * 10000, partition=0)
        check(producer.flush(30) == 0, f"all of {name} was delivered")
        took = time.monotonic() - started
    check(not held["fast"], f"the one without a quota was held back: {held['fast']}")
    check(held["slow"] and max(event.throttle_time for event in held["slow"]) > 0, "the one with a quota was told to wait")
    check(took > 1, f"500 kB, of which 200 may come at once, take longer than {took:.2f} s")


def compaction():
    """A change log: 20,000 messages of 500 keys, some deleted at last, until a reader finds little more than the last of each."""
    create("table", 1, cleanup_policy="compact", segment_bytes="50000", min_cleanable_dirty_ratio="0.1", delete_retention_ms="500")
    errors = []
    producer = confluent_kafka.Producer({
        **LIBRDKAFKA, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5,
        "batch.num.messages": 200})

    def write(key, value):
        producer.produce("table", value, key=key, on_delivery=lambda error, _: errors.append(error) if error else None)

    def flush():
        check(producer.flush(60) == 0 and not errors, f"not all was delivered: {errors[:3]}")

    keyless = confluent_kafka.Producer(LIBRDKAFKA)
    keyless.produce("table", "no key", on_delivery=lambda error, _: errors.append(error))
    keyless.flush(60)
    check(errors[0] is not None and errors[0].code() == confluent_kafka.KafkaError.INVALID_RECORD, f"no key: {errors[0]}")
    errors.clear()

    expected = {}
    for number in range(20_000):
        key = f"key {(number * 7919) % 500}"
        expected[key] = f"{number} " + "x" * (number % 100)
        write(key, expected[key])
    for number in range(50):
        write(f"key {number}", None)
        del expected[f"key {number}"]
    flush()

    # The deletions go with the first round that begins half a second after the one that left nothing before them.
    deadline = time.monotonic() + 60
    beat = 0
    while True:
        for _ in range(200):
            beat += 1
            write("heartbeat", f"{beat} " + "y" * (beat * 7919 % 500))
        flush()
        messages = read_all("table", 0)
        offsets = [message.offset() for message in messages]
        check(offsets == sorted(set(offsets)), "offsets go up")
        table = {}
        for message in messages:
            table[message.key().decode()] = message.value() and message.value().decode()
        heartbeat = table.pop("heartbeat")
        check(heartbeat.startswith(f"{beat} "), f"the last heartbeat is {beat}, not {heartbeat[:20]}")
        check({key: value for key, value in table.items() if value is not None} == expected, "the last value of each key is there")
        deleted = sum(value is None for value in table.values())
        if deleted == 0 and len(messages) < 2_500:
            break
        check(time.monotonic() < deadline, f"after a minute there are {len(messages)} messages, and {deleted} deleted keys")
    say(f"compacted {len(messages)}")


SCENARIOS = {
    "librdkafka": librdkafka, "kafka-python": kafka_python, "kcat": kcat, "quotas": quotas, "compaction": compaction}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]]()
    say("done")
