"""A reader that says where it is reads from the replicas there: nearest.py RACK NODE ADDRESS...

Says "near" when every partition is read from that node, and "done" when it has read all that was written until its input ended.
"""

import json
import sys
import threading

import confluent_kafka

from common import LIBRDKAFKA, check, create, say, wait

PARTITIONS = 6
TOPIC = "nearest"


def main(rack, node):
    create(TOPIC, PARTITIONS)
    read_from = {}  # node by partition, as librdkafka says it

    def note(statistics):
        for number, partition in json.loads(statistics)["topics"].get(TOPIC, {"partitions": {}})["partitions"].items():
            if int(number) >= 0:
                read_from[int(number)] = partition["broker"]

    reader = confluent_kafka.Consumer({
        **LIBRDKAFKA, "group.id": "near", "client.rack": rack, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "statistics.interval.ms": 200, "stats_cb": note, "topic.metadata.refresh.interval.ms": 1000})
    reader.assign([confluent_kafka.TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
    got = [[] for _ in range(PARTITIONS)]
    failures = []
    producer = confluent_kafka.Producer({**LIBRDKAFKA, "enable.idempotence": True})
    is_over = threading.Event()

    def listen():
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=listen, daemon=True).start()
    sent = 0

    def work():
        nonlocal sent
        if not is_over.is_set():
            for partition in range(PARTITIONS):
                producer.produce(TOPIC, str(sent), partition=partition, on_delivery=lambda error, _: error and failures.append(error))
            sent += 1
        producer.poll(0)
        message = reader.poll(0.02)
        while message is not None:
            if message.error() is None:
                got[message.partition()].append(int(message.value()))
            message = reader.poll(0)

    def near():
        work()
        return len(read_from) == PARTITIONS and all(broker == node for broker in read_from.values()) and min(map(len, got)) > 20

    def everything():
        work()
        return is_over.is_set() and all(len(each) == sent for each in got)

    wait(near, lambda: f"node {node} serves all partitions: {read_from}, read {list(map(len, got))}")
    say("near")
    wait(everything, lambda: f"all is read: {list(map(len, got))} of {sent}")
    check(not failures, f"{len(failures)} deliveries failed: {failures[:3]}")
    check(all(each == list(range(sent)) for each in got), "each message once, and in order")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    say("done")
