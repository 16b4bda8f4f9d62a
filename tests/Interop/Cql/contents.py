"""An index of files (path and package, as Debian's Contents has it), loaded into an eventual table by Python's driver while nodes are killed.

    contents.py PATHS ADDRESS...

PATHS is a number: so many made-up paths. Or a file with lines "package<TAB>path", loaded in its order; ../index_of_files.py makes one from
Debian's own index. Prints "share N" when N tenths are acknowledged at QUORUM, and "loaded"; on a line from
standard input ("healed") it goes on: an export at QUORUM, and then one at ONE through each node, must have the checksum of the input.
"""
import collections
import os
import queue
import subprocess
import sys
import threading
import time
import warnings

from cassandra import ConsistencyLevel, OperationTimedOut, Timeout, Unavailable
from cassandra.cluster import Cluster, EXEC_PROFILE_DEFAULT, ExecutionProfile, NoHostAvailable
from cassandra.policies import (
    ConstantSpeculativeExecutionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy, WhiteListRoundRobinPolicy)
from cassandra.query import SimpleStatement

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import index_of_files

warnings.simplefilter("ignore")
PATIENCE_SECONDS = 120
RETRY_SECONDS = 0.5
UNDER_WAY = 256
RETRIED = (OperationTimedOut, Timeout, Unavailable, NoHostAvailable)


class Sum:
    """The checksum of a set of rows, in whatever order they come, each any number of times: sort and sha256sum do it, as anybody could."""

    def __init__(self):
        self._sorting = subprocess.Popen(
            "LC_ALL=C sort -u | tee >(wc -l >&2) | sha256sum", shell=True, executable="/bin/bash",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def add(self, package, path):
        self._sorting.stdin.write(("%s\t%s\n" % (package, path)).encode())

    def end(self):
        out, count = self._sorting.communicate()
        return int(count), out.split()[0].decode()


class Loader:
    """Keeps many writes under way, each tried until it is acknowledged."""

    def __init__(self, session, insert):
        self._session, self._insert = session, insert
        self._room = threading.Semaphore(UNDER_WAY)
        self._lock = threading.Lock()
        self.acknowledged, self.retries = 0, collections.Counter()
        self._waiting = set() # the driver may call back for a statement twice, when it gave up on one attempt and another one succeeds
        self._begun = 0
        self._failure = None
        self._again = queue.Queue()
        threading.Thread(target=self._try_again, daemon=True).start()

    def write(self, row):
        self._room.acquire()
        if self._failure is not None:
            raise self._failure
        with self._lock:
            self._begun += 1
            number = self._begun
            self._waiting.add(number)
        self._try(row, number, time.monotonic() + PATIENCE_SECONDS)

    def finish(self):
        for _ in range(UNDER_WAY):
            self._room.acquire()
        if self._failure is not None:
            raise self._failure

    def _try(self, row, number, deadline):
        try:
            self._session.execute_async(self._insert, row).add_callbacks(
                self._acknowledged, self._failed, callback_args=(number,), errback_args=(row, number, deadline))
        except Exception as error:
            self._failed(error, row, number, deadline)

    def _try_again(self):
        while True:
            due, row, number, deadline = self._again.get()
            time.sleep(max(0, due - time.monotonic()))
            if number in self._waiting:
                self._try(row, number, deadline)

    def _acknowledged(self, _, number):
        with self._lock:
            if number not in self._waiting:
                return
            self._waiting.remove(number)
            self.acknowledged += 1
        self._room.release()

    def _failed(self, error, row, number, deadline):
        with self._lock:
            if number not in self._waiting:
                return
            self.retries[type(error).__name__] += 1
        if isinstance(error, RETRIED) and time.monotonic() < deadline:
            self._again.put((time.monotonic() + RETRY_SECONDS, row, number, deadline))
        else:
            self._failure = error
            self._room.release()


def connect(addresses, balancing=None, level=ConsistencyLevel.QUORUM):
    profile = ExecutionProfile(
        load_balancing_policy=balancing or TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(0.5, 2), consistency_level=level, request_timeout=10)
    return Cluster(addresses, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=30)


def export(session, level):
    """All rows, page after page."""
    sum_of, started, rows = Sum(), time.monotonic(), 0
    statement = SimpleStatement("SELECT package, path FROM debian.contents", fetch_size=5000, consistency_level=level, is_idempotent=True)
    for row in patiently(session, statement):
        sum_of.add(row.package, row.path)
        rows += 1
        if rows % 500000 == 0:
            print("%d rows read" % rows, flush=True)
    return rows, sum_of.end(), time.monotonic() - started


def patiently(session, statement, arguments=None):
    """A page that does not come is asked for again."""
    place, deadline = None, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            page = session.execute(statement, arguments, paging_state=place)
        except RETRIED:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
            continue
        deadline = time.monotonic() + PATIENCE_SECONDS
        yield from page.current_rows
        place = page.paging_state
        if place is None:
            return


def check(right, what):
    if not right:
        raise AssertionError(what)
    print("ok:", what, flush=True)


def main(paths, addresses):
    rows = lambda: index_of_files.rows(paths)
    sum_of, count, sizes = Sum(), 0, collections.Counter()
    for package, path in rows():
        sum_of.add(package, path)
        sizes[package] += 1
        count += 1
    distinct, expected = sum_of.end()
    print("report: %d paths, %d rows, %d partitions, sha256 %s" % (count, distinct, len(sizes), expected), flush=True)

    cluster = connect(addresses)
    session = cluster.connect()
    session.execute("CREATE KEYSPACE debian WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} "
                    "AND fault_model = 'eventual'")
    session.execute("CREATE TABLE debian.contents (package text, path text, PRIMARY KEY (package, path))")
    insert = session.prepare("INSERT INTO debian.contents (package, path) VALUES (?, ?)")
    insert.is_idempotent = True
    loader, started, told = Loader(session, insert), time.monotonic(), 0
    for number, row in enumerate(rows(), 1):
        loader.write(row)
        if number * 10 // count > told and number < count:
            told = number * 10 // count
            print("share %d after %.1f s" % (told, time.monotonic() - started), flush=True)
    loader.finish()
    seconds = time.monotonic() - started
    check(loader.acknowledged == count, "%d of %d rows are acknowledged at QUORUM" % (loader.acknowledged, count))
    print("report: %d rows a second in, %.1f s, tried again: %s" % (count / seconds, seconds, dict(loader.retries)), flush=True)
    print("loaded", flush=True)

    sys.stdin.readline()
    healed = time.monotonic()
    read, found, seconds = export(session, ConsistencyLevel.QUORUM)
    check(read == distinct and found == (distinct, expected), "an export at QUORUM has the input's checksum")
    print("report: %d rows a second out" % (read / seconds), flush=True)
    for package, size in sizes.most_common(3):
        statement = session.prepare("SELECT path FROM debian.contents WHERE package = ?")
        statement.fetch_size = 777
        seen = [row.path for row in patiently(session, statement, (package,))]
        check(len(seen) <= size and seen == sorted(set(seen)), "the %d rows of %s, in pages, in order" % (len(seen), package))
        wanted = {path for of, path in rows() if of == package}
        check(wanted == set(seen), "and they are all")
    for address in addresses:
        one = connect([address], WhiteListRoundRobinPolicy([address]), ConsistencyLevel.ONE)
        alone = one.connect()
        while True:
            read, found, seconds = export(alone, ConsistencyLevel.ONE)
            if (read, found) == (distinct, (distinct, expected)):
                break
            if time.monotonic() > healed + PATIENCE_SECONDS + 10 * seconds:
                raise AssertionError("%s has %d of %d rows at ONE" % (address, read, distinct))
        check(True, "an export at ONE through %s has it, too, %.1f s after all nodes were back" % (address, time.monotonic() - healed))
        one.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    print("done", flush=True)
