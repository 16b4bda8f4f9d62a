"""Administers a cluster, with an unchanged client, while brokers die and links between them are cut: admin.py LIBRARY ADDRESS...

At each "round" that it is told, a topic is made, grown, configured, written and deleted, and a group's offset is set and set back; then it
says "administered". Each step is asked for until it can be seen: an answer may be lost, and whoever is asked may die. Ends with its input.
"""

import sys
import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin
import kafka.errors

from common import KAFKA_PYTHON, LIBRDKAFKA, check, say

PATIENCE_SECONDS = 90
CALL_SECONDS = 5
RETENTION = "retention.ms"
MESSAGES = 10


class Confluent:
    """confluent_kafka. It has no verb for a group's offsets but those of who reads."""
    failures = confluent_kafka.KafkaException

    def __init__(self):
        self.admin = confluent_kafka.admin.AdminClient(LIBRDKAFKA)

    def done(self, futures):
        (future,) = futures.values()
        return future.result()

    def topics(self):
        """How many partitions each topic has."""
        return {name: len(topic.partitions) for name, topic in self.admin.list_topics(timeout=CALL_SECONDS).topics.items()}

    def create(self, topic, partitions):
        self.done(self.admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 3)], request_timeout=CALL_SECONDS))

    def grow(self, topic, partitions):
        self.done(self.admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, partitions)], request_timeout=CALL_SECONDS))

    def resource(self, topic, **config):
        return confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ConfigResource.Type.TOPIC, topic, **config)

    def configure(self, topic, retention_ms):
        self.done(self.admin.alter_configs([self.resource(topic, set_config={RETENTION: retention_ms})], request_timeout=CALL_SECONDS))

    def retention(self, topic):
        return self.done(self.admin.describe_configs([self.resource(topic)], request_timeout=CALL_SECONDS))[RETENTION].value

    def delete(self, topic):
        self.done(self.admin.delete_topics([topic], request_timeout=CALL_SECONDS))

    def send(self, topic):
        failures = []
        producer = confluent_kafka.Producer({**LIBRDKAFKA, "enable.idempotence": True})
        for number in range(MESSAGES):
            producer.produce(topic, str(number), partition=0, on_delivery=lambda error, _: failures.append(error) if error else None)
        check(producer.flush(PATIENCE_SECONDS) == 0 and not failures, f"{topic} is written: {failures[:3]}")

    def with_group(self, group, call):
        reader = confluent_kafka.Consumer({**LIBRDKAFKA, "group.id": group, "enable.auto.commit": False})
        try:
            return call(reader)
        finally:
            reader.close()

    def reset(self, group, topic, offset):
        self.with_group(group, lambda reader: reader.commit(
            offsets=[confluent_kafka.TopicPartition(topic, 0, offset)], asynchronous=False))

    def committed(self, group, topic):
        return self.with_group(group, lambda reader: reader.committed(
            [confluent_kafka.TopicPartition(topic, 0)], timeout=CALL_SECONDS)[0].offset)


class KafkaPython:
    """kafka-python, with a client for each call: one that has found a broker asks that one until it is closed."""
    failures = (kafka.errors.KafkaError, OSError)  # it lets the latter through when a broker dies during a handshake of TLS

    def ask(self, call):
        client = kafka.admin.KafkaAdminClient(**KAFKA_PYTHON, request_timeout_ms=CALL_SECONDS * 1000)
        try:
            return call(client)
        finally:
            client.close()

    def topics(self):
        return self.ask(lambda client: {topic["topic"]: len(topic["partitions"]) for topic in client.describe_topics()})

    def create(self, topic, partitions):
        self.ask(lambda client: client.create_topics([kafka.admin.NewTopic(topic, partitions, 3)]))

    def grow(self, topic, partitions):
        self.ask(lambda client: client.create_partitions({topic: kafka.admin.NewPartitions(partitions)}))

    def resource(self, topic, **config):
        return kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, topic, **config)

    def configure(self, topic, retention_ms):
        self.ask(lambda client: client.alter_configs([self.resource(topic, configs={RETENTION: retention_ms})]))

    def retention(self, topic):
        (answer,) = self.ask(lambda client: client.describe_configs([self.resource(topic)]))
        return next((config[1] for config in answer.resources[0][4] if config[0] == RETENTION), None)

    def delete(self, topic):
        self.ask(lambda client: client.delete_topics([topic]))

    def send(self, topic):
        producer = kafka.KafkaProducer(**KAFKA_PYTHON, acks="all", retries=sys.maxsize)
        for sending in [producer.send(topic, str(number).encode(), partition=0) for number in range(MESSAGES)]:
            sending.get(PATIENCE_SECONDS)
        producer.close()

    def reset(self, group, topic, offset):
        part = kafka.TopicPartition(topic, 0)
        reader = kafka.KafkaConsumer(**KAFKA_PYTHON, group_id=group, enable_auto_commit=False)
        try:
            reader.assign([part])
            reader.commit({part: kafka.OffsetAndMetadata(offset, "")})
        finally:
            reader.close(autocommit=False)

    def committed(self, group, topic):
        found = self.ask(lambda client: client.list_consumer_group_offsets(group))
        return found[kafka.TopicPartition(topic, 0)].offset if kafka.TopicPartition(topic, 0) in found else None


def insist(library, what, call, is_so):
    """Calls until it is so; says how often."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    begun = time.monotonic()
    failures = []
    while True:
        for step in (call, is_so):
            try:
                if step():
                    took = f"{what} after {time.monotonic() - begun:.1f} s"
                    if failures:
                        say(f"{took}: {failures}")
                    return
            except library.failures as error:
                failures.append(str(error)[:200])
        check(time.monotonic() < deadline, f"not in time: {what}: {failures}")
        time.sleep(0.1)


def work(library, name, number):
    """One round."""
    topic, group = f"{name}-administered-{number}", f"{name}-administrators"
    retention_ms = str(3600000 + number)
    insist(library, f"{topic} is made", lambda: library.create(topic, 2), lambda: library.topics().get(topic) == 2)
    insist(library, f"{topic} is grown", lambda: library.grow(topic, 3), lambda: library.topics().get(topic) == 3)
    insist(library, f"{topic} is configured", lambda: library.configure(topic, retention_ms),
           lambda: library.retention(topic) == retention_ms)
    library.send(topic)
    for offset in (MESSAGES, 3):
        insist(library, f"{group} is set to {offset}", lambda: library.reset(group, topic, offset),
               lambda: library.committed(group, topic) == offset)
    insist(library, f"{topic} is deleted", lambda: library.delete(topic), lambda: topic not in library.topics())


LIBRARIES = {"confluent_kafka": Confluent, "kafka-python": KafkaPython}

if __name__ == "__main__":
    rounds = 0
    for _ in sys.stdin:
        begun = time.monotonic()
        work(LIBRARIES[sys.argv[1]](), sys.argv[1], rounds)
        rounds += 1
        say(f"administered: {time.monotonic() - begun:.1f} s")
    say("done")
