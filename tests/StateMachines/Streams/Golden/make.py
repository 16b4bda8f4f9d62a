"""Makes the batches of this folder anew: python3 make.py (Debian: kcat, iproute2, python3-kafka, python3-snappy, python3-lz4).

kcat's come out of the mock broker that librdkafka brings along; how many records they get depends on when it sends them.
"""
import os
import re
import socket
import struct
import subprocess
import time

from kafka.record.default_records import DefaultRecordBatchBuilder

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 60


def key(i):
    return b"key-%d" % (i % 10)


def value(i):
    return b"package %d depends on library %d of release %d" % (i, i * 7 % 13, i % 3)


def keep(name, batch):
    with open(os.path.join(HERE, name + ".batch"), "wb") as file:
        file.write(batch)


def from_kcat(codec):
    kcat = subprocess.Popen(
        ["kcat", "-b", "mock", "-X", "test.mock.num.brokers=1", "-X", "linger.ms=500", "-P", "-t", "t", "-p", "0", "-K:", "-z", codec],
        stdin=subprocess.PIPE)
    for i in range(COUNT):
        kcat.stdin.write(key(i) + b":" + value(i) + b"\n")
    kcat.stdin.flush()
    time.sleep(4)
    sockets = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True).stdout
    broker = socket.create_connection(("127.0.0.1", int(re.search(r":(\d+) .*pid=%d," % kcat.pid, sockets).group(1))))
    fetch = struct.pack(">hhih", 1, 4, 7, 1) + b"x" + struct.pack(">iiiibi", -1, 100, 1, 1 << 20, 0, 1)
    fetch += struct.pack(">h", 1) + b"t" + struct.pack(">iiqi", 1, 0, 0, 1 << 20)
    broker.sendall(struct.pack(">i", len(fetch)) + fetch)
    answer = broker.recv(struct.unpack(">i", broker.recv(4, socket.MSG_WAITALL))[0], socket.MSG_WAITALL)
    kcat.stdin.close()
    kcat.wait()
    at = 4 + 4 + 4 + 2 + 1 + 4
    aborted = struct.unpack_from(">ihqqi", answer, at)[4]
    at += 26 + max(aborted, 0) * 16
    keep("kcat-" + codec, answer[at + 4:at + 4 + struct.unpack_from(">i", answer, at)[0]])


def from_kafka_python(name, codec):
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for i in range(COUNT):
        builder.append(i, 1700000000000 + i, key(i), value(i), [])
    keep("kafkapython-" + name, bytes(builder.build()))


for codec in ("gzip", "snappy", "lz4", "zstd"):
    from_kcat(codec)
for number, name in enumerate(("gzip", "snappy", "lz4"), start=1):
    from_kafka_python(name, number)
