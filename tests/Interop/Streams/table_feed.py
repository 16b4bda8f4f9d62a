"""A table, and the topic that its changes go to, by clients that know of nothing else: table_feed.py HOST...

Says "running" when it writes, and reads lines: "enough" ends the writing (it answers "written" when what expires has expired), and
"check" reads the topic and compares it with the table. Says "done" at its end, and fails with a message otherwise.
"""

import json
import random
import sys
import threading
import time

import cassandra
import cassandra.cluster
import cassandra.policies
import confluent_kafka

HOSTS = sys.argv[1:]
KEYS = 4
TIME_TO_LIVE_S = 2


def say(text):
    print(text, flush=True)


def check(condition, text):
    if not condition:
        raise SystemExit(f"FAILED: {text}")


class Table:
    """Writes rows until it is told to stop; each write is repeated until it is acknowledged."""

    def __init__(self):
        policy = cassandra.policies.RoundRobinPolicy()
        profile = cassandra.cluster.ExecutionProfile(load_balancing_policy=policy, request_timeout=1)
        self.cluster = cassandra.cluster.Cluster(
            HOSTS, execution_profiles={cassandra.cluster.EXEC_PROFILE_DEFAULT: profile}, protocol_version=4)
        self.session = self.cluster.connect()
        self.numbered = {}  # of rows that are written and never deleted: what was written, in order
        self.tried_twice = set()  # numbers whose first attempt may have taken effect later than what was written next
        self.writes = 0
        self.random = random.Random(1)

    def create(self):
        # The second that statements have is to find another node in time; there is none to be found for these.
        self.session.execute(
            "CREATE KEYSPACE feeds WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}", timeout=30)
        self.session.execute("CREATE TABLE feeds.t (k int, c int, v int, tags set<text>, s int static, PRIMARY KEY (k, c))", timeout=30)

    def until_done(self, statement):
        """Whether it was done at the first attempt."""
        deadline = time.monotonic() + 60
        attempts = 0
        while True:
            attempts += 1
            try:
                self.session.execute(statement)
                return attempts == 1
            except (cassandra.DriverException, cassandra.RequestExecutionException, cassandra.cluster.NoHostAvailable) as error:
                check(time.monotonic() < deadline, f"{statement}: {error}")

    def write(self):
        self.writes += 1
        k, c, number = self.random.randrange(KEYS), self.random.randrange(6), self.writes
        choice = self.random.randrange(10)
        if choice < 4:
            if not self.until_done(f"INSERT INTO feeds.t (k, c, v) VALUES ({k}, {100 + k}, {number})"):
                self.tried_twice.add(number)
            self.numbered.setdefault((k, 100 + k), []).append(number)
        elif choice < 6:
            self.until_done(f"UPDATE feeds.t SET v = {number}, tags = tags + {{'{number % 5}', 'ب'}} WHERE k = {k} AND c = {c}")
        elif choice == 6:
            self.until_done(f"INSERT INTO feeds.t (k, c, v) VALUES ({k}, {c}, {number}) USING TTL {TIME_TO_LIVE_S}")
        elif choice == 7:
            self.until_done(f"DELETE FROM feeds.t WHERE k = {k} AND c >= {c} AND c < {c + 3}")
        elif choice == 8:
            self.until_done(f"UPDATE feeds.t SET s = {number} WHERE k = {k}")
        else:
            self.until_done(f"DELETE FROM feeds.t WHERE k = {k} AND c = {c}")

    def contents(self):
        """What the feed should have led to: rows by key, and the static columns of partitions by theirs."""
        rows = {}
        for (text,) in self.session.execute("SELECT JSON * FROM feeds.t"):
            row = json.loads(text)
            static = row.pop("s")
            if row["c"] is not None:
                rows[(row["k"], row["c"])] = row
            if static is not None:
                rows[(row["k"], None)] = {"k": row["k"], "s": static}
        return rows


def read_topic():
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": ",".join(f"{host}:9092" for host in HOSTS), "group.id": "unused", "enable.auto.commit": False,
        "enable.partition.eof": True, "isolation.level": "read_committed"})
    partitions = consumer.list_topics("changes", 30).topics["changes"].partitions
    consumer.assign([confluent_kafka.TopicPartition("changes", partition, 0) for partition in partitions])
    ended, messages, deadline = set(), [], time.monotonic() + 60
    while len(ended) < len(partitions):
        check(time.monotonic() < deadline, "the topic cannot be read to its end")
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            if message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                ended.add(message.partition())
        else:
            messages.append(message)
    consumer.close()
    return messages


def compare(table):
    versions, told, rows, operations = {}, {}, {}, set()
    for message in read_topic():
        headers = {name: value.decode() for name, value in message.headers()}
        operations.add(headers["atoll-operation"])
        if message.key() is None:
            continue  # a mark: it may have fallen behind
        key = json.loads(message.key())
        place = (key["k"], key.get("c"))
        version = int(headers["atoll-version"])
        check(headers["atoll-operation"] == "snapshot" or versions.get(place, 0) < version, f"{place}: {version} after {versions.get(place)}")
        versions[place] = version
        if message.value() is None:
            rows.pop(place, None)
        else:
            rows[place] = json.loads(message.value())
            told.setdefault(place, []).append(rows[place].get("v"))
    check("snapshot-begin" not in operations, "the feed has fallen behind")
    check({"snapshot", "put", "delete", "expire"} <= operations, f"only {sorted(operations)} were told")
    there = table.contents()
    check(rows == there, f"what was told leads to {rows}, and there is {there}")
    for place, written in table.numbered.items():
        values = [value for value in told[place] if value not in table.tried_twice]
        written = [value for value in written if value not in table.tried_twice]
        check(len(values) > 1 and values == written[-len(values):], f"{place}: {values} was told, {written} written")


def main():
    table = Table()
    table.create()
    for _ in range(40):
        table.write()
    say("created")
    enough = threading.Event()
    said = []

    def listen():
        for line in sys.stdin:
            said.append(line.strip())
            enough.set()

    threading.Thread(target=listen, daemon=True).start()
    while not enough.is_set():
        table.write()
        if table.writes % 20 == 0:
            say(f"running {table.writes}")
    time.sleep(TIME_TO_LIVE_S + 2)
    say("written")
    deadline = time.monotonic() + 120
    while "check" not in said:
        check(time.monotonic() < deadline, "nobody asks for the end")
        time.sleep(0.05)
    compare(table)
    table.cluster.shutdown()
    say("done")


if __name__ == "__main__":
    main()
