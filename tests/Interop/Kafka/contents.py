"""An index of files (path and package, as Debian's Contents has it) through a topic, while brokers and a consumer are killed.

    contents.py PATHS ADDRESS...

PATHS is a number (so many made-up paths) or a file with lines "package<TAB>path"; a message a line, keyed by the package. Four
idempotent producers with acks=all, each a process, send every fourth line; a group of three consumers, each a process, reads meanwhile.
Prints "share N" when N tenths are acknowledged, and "produced"; at two shares it kills a consumer, and starts another one. At its end it
has looked at all that the group read: nothing lost, nothing doubled, each producer's messages in order in every partition.
"""
import array
import collections
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import confluent_kafka
import confluent_kafka.admin

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import index_of_files

TOPIC, GROUP, PARTITIONS, PRODUCERS, CONSUMERS = "contents", "readers", 12, 4, 3
CONSUMER_DIES, CONSUMER_RETURNS = 5, 8
SHARES = 10
SECONDS_MIN = 14  # a small input is sent no faster, so that what is killed is killed while it is sent
PATIENCE_SECONDS = 180
READ = struct.Struct("<iqiI")  # partition, offset, number of the line, its checksum


def check(right, what):
    if not right:
        raise SystemExit("FAILED: " + what)


def sum_of(package, path):
    return zlib.crc32(package + b"\t" + path)


def produce(which, count, paths, addresses):
    """One producer: says how many of its messages are acknowledged, now and then."""
    producer = confluent_kafka.Producer({
        "bootstrap.servers": ",".join(addresses), "enable.idempotence": True, "acks": "all", "compression.type": "lz4", "linger.ms": 5,
        "queue.buffering.max.messages": 20000, "delivery.timeout.ms": PATIENCE_SECONDS * 1000})
    acknowledged, failures, said = 0, [], 0

    def delivered(error, _):
        nonlocal acknowledged
        if error is not None:
            failures.append(error)
        else:
            acknowledged += 1

    started = time.monotonic()
    for number, (package, path) in enumerate(index_of_files.rows(paths)):
        if number % PRODUCERS != which:
            continue
        if number % 100 == which:
            time.sleep(max(0, started + SECONDS_MIN * number / count - time.monotonic()))
        key, value = package.encode(), b"%d\t%s" % (number, path.encode())
        while True:
            try:
                producer.produce(TOPIC, value, key, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
        check(not failures, "a message was not delivered: %s" % failures[:1])
        if acknowledged >= said + 1000:
            said = acknowledged
            print(acknowledged, flush=True)
    left = producer.flush(PATIENCE_SECONDS)
    check(left == 0 and not failures, "%d messages were not delivered: %s" % (left + len(failures), failures[:1]))
    print(acknowledged, flush=True)


def consume(file, addresses):
    """One member of the group: notes what it reads, and only then commits it."""
    reader = confluent_kafka.Consumer({
        "bootstrap.servers": ",".join(addresses), "group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "session.timeout.ms": 6000, "fetch.message.max.bytes": 1048576, "queued.max.messages.kbytes": 16384})
    reader.subscribe([TOPIC])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with open(file, "ab") as notes:
        while not ended.is_set():
            messages = reader.consume(5000, 0.2)
            for message in messages:
                if message.error() is None:
                    number, _, path = message.value().partition(b"\t")
                    notes.write(READ.pack(message.partition(), message.offset(), int(number), sum_of(message.key(), path)))
                else:
                    check(message.error().retriable() or message.error().code() < 0, str(message.error()))
            if messages:
                notes.flush()
                try:
                    reader.commit(asynchronous=False)
                except confluent_kafka.KafkaException:
                    pass  # somebody else owns the partition now, and reads it again from the last commit on
    reader.close()


class Producers:
    """The producers' processes, and how far they are together."""

    def __init__(self, count, paths, addresses):
        self._acknowledged = [0] * PRODUCERS
        self._processes = [start("produce", which, count, paths, *addresses, stdout=subprocess.PIPE) for which in range(PRODUCERS)]
        self._threads = [threading.Thread(target=self._listen, args=(which,), daemon=True) for which in range(PRODUCERS)]
        for thread in self._threads:
            thread.start()

    @property
    def acknowledged(self):
        return sum(self._acknowledged)

    @property
    def are_running(self):
        return any(thread.is_alive() for thread in self._threads)

    def check(self):
        for process in self._processes:
            check(process.poll() in (None, 0), "a producer ended with %s" % process.poll())

    def _listen(self, which):
        for line in self._processes[which].stdout:
            self._acknowledged[which] = int(line)
        self._processes[which].wait()


def start(*arguments, **streams):
    return subprocess.Popen([sys.executable, os.path.abspath(__file__), *map(str, arguments)], **streams)


class Findings:
    """What the members have read, line by line of the input."""

    def __init__(self, sums):
        self._sums = sums
        self._places = array.array("q", [-1]) * len(sums)
        self._offsets = [array.array("q") for _ in range(PARTITIONS)]  # the line at each offset; -1: not read yet
        self._read = collections.Counter()
        self.found, self.again = 0, 0

    def take(self, file):
        """What a member has noted since the last time."""
        with open(file, "rb") as notes:
            notes.seek(self._read[file])
            while block := notes.read(READ.size * 50000):
                whole = len(block) // READ.size * READ.size
                self._read[file] += whole
                for note in READ.iter_unpack(block[:whole]):
                    self._take(*note)
                if whole < len(block):
                    return

    def _take(self, partition, offset, number, checksum):
        lines, place = self._offsets[partition], offset * PARTITIONS + partition
        check(0 <= number < len(self._sums) and checksum == self._sums[number], "line %d came back as another one" % number)
        if offset >= len(lines):
            lines.extend([-1] * (offset + 1 - len(lines)))
        if lines[offset] >= 0:
            check(lines[offset] == number, "offset %d of partition %d was line %d, then %d" % (offset, partition, lines[offset], number))
            self.again += 1
            return
        check(self._places[number] < 0, "line %d is doubled: partition %d, offset %d" % (number, partition, offset))
        lines[offset], self._places[number] = number, place
        self.found += 1

    def check_order(self):
        for partition, lines in enumerate(self._offsets):
            last = [-1] * PRODUCERS
            for offset, number in enumerate(lines):
                check(number >= 0, "nobody read offset %d of partition %d" % (offset, partition))
                check(number > last[number % PRODUCERS], "line %d is behind %d in partition %d" % (
                    number, last[number % PRODUCERS], partition))
                last[number % PRODUCERS] = number

    def ends(self):
        return [len(lines) for lines in self._offsets]


def main(paths, addresses):
    sums = array.array("I", (sum_of(package.encode(), path.encode()) for package, path in index_of_files.rows(paths)))
    count = len(sums)
    print("report: %d messages" % count, flush=True)
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": ",".join(addresses)})
    admin.create_topics([confluent_kafka.admin.NewTopic(TOPIC, PARTITIONS, 3)])[TOPIC].result(30)
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, "member-%d" % member) for member in range(CONSUMERS + 1)]
        members = [start("consume", file, *addresses) for file in files[:CONSUMERS]]
        started, told = time.monotonic(), 0
        producers = Producers(count, paths, addresses)
        try:
            while producers.are_running:
                time.sleep(0.05)
                producers.check()
                while told < SHARES - 1 and producers.acknowledged * SHARES // count > told:
                    told += 1
                    print("share %d after %.1f s" % (told, time.monotonic() - started), flush=True)
                    if told == CONSUMER_DIES:
                        members.pop().kill()
                    elif told == CONSUMER_RETURNS:
                        members.append(start("consume", files[CONSUMERS], *addresses))
            producers.check()
            seconds = time.monotonic() - started
            check(producers.acknowledged == count, "%d of %d are acknowledged" % (producers.acknowledged, count))
            print("report: %d messages a second in, %.1f s" % (count / seconds, seconds), flush=True)
            print("produced", flush=True)
            findings, news = Findings(sums), time.monotonic()
            while findings.found < count:
                before = findings.found
                for file in filter(os.path.exists, files):
                    findings.take(file)
                for member in members:
                    check(member.poll() is None, "a member ended with %s" % member.poll())
                if findings.found > before:
                    news = time.monotonic()
                check(time.monotonic() < news + PATIENCE_SECONDS, "%d of %d lines were read, and nothing more" % (findings.found, count))
                time.sleep(0.2)
            print("report: all read after %.1f s, %d of them again" % (time.monotonic() - started, findings.again), flush=True)
            findings.check_order()
            asking = confluent_kafka.Consumer({"bootstrap.servers": ",".join(addresses), "group.id": "nobody"})
            ends = [asking.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, partition), timeout=30)
                    for partition in range(PARTITIONS)]
            check(ends == [(0, end) for end in findings.ends()], "partitions end at %s, read to %s" % (ends, findings.ends()))
            print("ok: every message once and in order, in %d partitions of %d to %d messages" % (
                PARTITIONS, min(findings.ends()), max(findings.ends())), flush=True)
        finally:
            for member in members:
                member.terminate()
            for member in members:
                member.wait(30)


if __name__ == "__main__":
    if sys.argv[1] == "produce":
        produce(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
    elif sys.argv[1] == "consume":
        consume(sys.argv[2], sys.argv[3:])
    else:
        main(sys.argv[1], sys.argv[2:])
        print("done", flush=True)
