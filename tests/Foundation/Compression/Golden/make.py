"""Makes the files of this folder anew: python3 make.py (Debian: zstd, lz4, gzip, python3-snappy, python3-kafka).

Their contents are made by formulas, here and in GoldenFiles.cs, and are not kept.
"""
import os
import subprocess

import snappy
from kafka.codec import snappy_encode

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = bytes.fromhex("5a2a4d1803000000010203")


def text(lines):
    return b"".join(
        b"%d package-%d %d depends on library-%d\n" % (i * 7919 % 10007, i % 61, i * i % 257, i * 31 % 97) for i in range(lines))


def noise(count):
    out, state = bytearray(), 1
    for _ in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        out.append(state >> 16 & 255)
    return bytes(out)


CONTENTS = {
    "empty": b"", "text": text(300), "medium": text(2000), "long": text(4000), "noise": noise(2000), "same": b"a" * 300_000,
}


def run(name, data, *command):
    keep(name, subprocess.run(command, input=data, capture_output=True, check=True).stdout)


def keep(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


for contents in ("empty", "text", "noise", "same"):
    data = CONTENTS[contents]
    for level in (3,) if contents != "text" else (1, 3, 9, 19):
        run(f"{contents}.{level}.zst", data, "zstd", f"-{level}", "-c", "--single-thread")
    run(f"{contents}.lz4", data, "lz4", "-c", "-z")
    run(f"{contents}.gz", data, "gzip", "-n", "-c")
    keep(f"{contents}.raw.snappy", snappy.compress(data))
    keep(f"{contents}.framed.snappy", snappy_encode(data))

run("long.3.zst", CONTENTS["long"], "zstd", "-3", "-c", "--single-thread")
run("long.19.zst", CONTENTS["long"], "zstd", "-19", "-c", "--single-thread")
run("text.22.zst", CONTENTS["text"], "zstd", "--ultra", "-22", "-c")
run("text.window.zst", CONTENTS["text"], "zstd", "-c", "--long=27", "--no-check")
run("text.targeted.zst", CONTENTS["text"], "zstd", "-c", "--no-check", "--target-compressed-block-size=1340")
run("medium.linked.lz4", CONTENTS["medium"], "lz4", "-c", "-z", "-BD", "-B4", "-BX")
run("text.high.lz4", CONTENTS["text"], "lz4", "-c", "-z", "-9", "--no-frame-crc")
run("text.legacy.lz4", CONTENTS["text"], "lz4", "-c", "-z", "-l")

half = len(CONTENTS["text"]) // 2
for extension, command in (("zst", ("zstd", "-c")), ("lz4", ("lz4", "-c", "-z")), ("gz", ("gzip", "-n", "-c"))):
    parts = [subprocess.run(command, input=part, capture_output=True, check=True).stdout
             for part in (CONTENTS["text"][:half], CONTENTS["text"][half:])]
    keep(f"text.parts.{extension}", (b"" if extension == "gz" else SKIPPED).join(parts))

keep("contents.tmp", CONTENTS["long"])
training, dictionary = os.path.join(HERE, "contents.tmp"), os.path.join(HERE, "dictionary.tmp")
subprocess.run(("zstd", "-q", "--train", "-B500", "--maxdict=1024", "-o", dictionary, training), check=True)
run("text.dictionary.zst", CONTENTS["text"], "zstd", "-c", "-D", dictionary)
os.remove(training)
os.remove(dictionary)
