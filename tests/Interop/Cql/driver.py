"""Python's driver for Cassandra, as Debian packages it, against Atoll.

    driver.py SCENARIO ADDRESS...

A scenario prints a line for each thing that holds, and ends with an error at the first that does not.
"""
import datetime
import decimal
import sys
import threading
import time
import uuid
import warnings

from cassandra import (
    AlreadyExists, ConsistencyLevel, InvalidRequest, OperationTimedOut, ReadFailure, Timeout, Unavailable, WriteFailure,
    Unauthorized, WriteTimeout)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, EXEC_PROFILE_DEFAULT, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import ConstantSpeculativeExecutionPolicy, DCAwareRoundRobinPolicy, FallthroughRetryPolicy, TokenAwarePolicy
from cassandra.protocol import ErrorMessage, SyntaxException
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, SimpleStatement
from cassandra.util import Date, Duration, Time

warnings.simplefilter("ignore")
PATIENCE_SECONDS = 60
CAS_WRITE_UNKNOWN = 0x1700

ROWS = 100000 # of the table that is read in pages
PARTITIONS = 16


def ok(what):
    print("ok:", what, flush=True)


def equal(expected, got, what):
    if expected != got:
        raise AssertionError("%s: expected %r, got %r" % (what, expected, got))
    ok(what)


def raises(kind, query, what, session):
    try:
        session.execute(query)
    except kind as error:
        ok("%s (%s)" % (what, type(error).__name__))
        return error
    raise AssertionError("%s: no error" % what)


def connect(addresses, **options):
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=ConsistencyLevel.QUORUM, request_timeout=30)
    return Cluster(addresses, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=30, **options)


def keyspace(session, name):
    session.execute("CREATE KEYSPACE IF NOT EXISTS %s WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 3}" % name, timeout=PATIENCE_SECONDS)
    session.set_keyspace(name)


# ---- what a driver reads of the cluster

def system(addresses):
    for version, compression in ((None, True), (3, False), (4, "lz4"), (5, False), (5, "lz4")):
        options = {} if version is None else {"protocol_version": version}
        cluster = connect(addresses[:1], compression=compression, **options)
        session = cluster.connect()
        name = "version %s, compression %s" % (cluster.protocol_version, compression)
        equal(len(addresses), len(cluster.metadata.all_hosts()), "%s: every node is found through one" % name)
        equal(sorted(addresses), sorted(host.address for host in cluster.metadata.all_hosts()), "%s: by its address" % name)
        local = session.execute("SELECT * FROM system.local WHERE key = 'local'").one()
        equal("COMPLETED", local.bootstrapped, "%s: system.local" % name)
        peers = session.execute("SELECT * FROM system.peers_v2").all()
        equal(len(addresses) - 1, len(peers), "%s: system.peers_v2" % name)
        equal(True, all(peer.tokens for peer in peers), "%s: tokens" % name)
        equal(True, "system" in cluster.metadata.keyspaces and "system_schema" in cluster.metadata.keyspaces, "%s: keyspaces" % name)
        raises(InvalidRequest, "SELECT * FROM system.nothing", "%s: an unknown table" % name, session)
        cluster.shutdown()


def credentials(addresses):
    token = sys.stdin.readline().strip()
    try:
        connect(addresses, auth_provider=PlainTextAuthProvider("ada", "guess")).connect()
        raise AssertionError("a wrong password is let in")
    except NoHostAvailable as error:
        equal(True, "AuthenticationFailed" in repr(error), "a wrong password is refused")
    cluster = connect(addresses, auth_provider=PlainTextAuthProvider("ada", token))
    equal("local", cluster.connect().execute("SELECT key FROM system.local").one().key, "the token is let in")
    roles(addresses, cluster.connect())
    cluster.shutdown()


def roles(addresses, operator):
    created = operator.execute("CREATE ROLE bea WITH PASSWORD = 'b\u00e9a' AND LOGIN = true", trace=True)
    equal(False, "b\u00e9a" in str(created.get_query_trace().parameters), "a trace has no password")
    cluster = connect(addresses, auth_provider=PlainTextAuthProvider("bea", "b\u00e9a"))
    session = cluster.connect()
    equal([("bea", False, True)], [tuple(row)[:3] for row in session.execute("LIST ROLES")], "a role is listed")
    raises(Unauthorized, "CREATE ROLE eve WITH SUPERUSER = true", "a role may not make others", session)
    session.execute("ALTER ROLE bea WITH PASSWORD = 'other'")
    cluster.shutdown()
    try:
        connect(addresses, auth_provider=PlainTextAuthProvider("bea", "b\u00e9a")).connect()
        raise AssertionError("an old password is let in")
    except NoHostAvailable as error:
        equal(True, "AuthenticationFailed" in repr(error), "an old password is refused")
    cluster = connect(addresses, auth_provider=PlainTextAuthProvider("bea", "other"))
    equal("bea", cluster.connect().execute("SELECT role FROM system_auth.roles").one().role, "a role with its new password")
    cluster.shutdown()
    operator.execute("DROP ROLE bea")


# ---- tables

def tables(addresses):
    cluster = connect(addresses)
    session = cluster.connect()
    keyspace(session, "driver")
    schema(cluster, session)
    values(session)
    collections(cluster, session)
    paging(session)
    batches(session)
    conditions(session)
    counters(session)
    errors(session)
    tracing(session)
    cluster.shutdown()


def schema(cluster, session):
    session.execute("CREATE TABLE IF NOT EXISTS users (id int, at timestamp, name text, PRIMARY KEY (id, at)) "
                    "WITH CLUSTERING ORDER BY (at DESC)")
    table = cluster.metadata.keyspaces["driver"].tables["users"]
    equal(["id"], [column.name for column in table.partition_key], "the driver knows the partition key of a new table")
    equal(["at"], [column.name for column in table.clustering_key], "and its clustering key")
    session.execute("ALTER TABLE users ADD age int")
    equal(True, "age" in cluster.metadata.keyspaces["driver"].tables["users"].columns, "the driver learns of a new column")
    raises(AlreadyExists, "CREATE TABLE users (id int PRIMARY KEY)", "a table that exists", session)
    session.execute("CREATE TABLE gone (k int PRIMARY KEY)")
    session.execute("DROP TABLE gone")
    equal(False, "gone" in cluster.metadata.keyspaces["driver"].tables, "the driver learns of a dropped table")
    equal(True, cluster.control_connection.wait_for_schema_agreement(), "the nodes agree on the schema")


def values(session):
    types = [
        ("ascii", "abc"), ("bigint", -(2 ** 63)), ("blob", b"\x00\xff"), ("boolean", True), ("date", Date("2024-02-29")),
        ("decimal", decimal.Decimal("-12.345")), ("double", 1.5), ("duration", Duration(1, 2, 3)), ("float", 0.25),
        ("inet", "127.0.0.1"), ("int", 2 ** 31 - 1), ("smallint", -(2 ** 15)), ("text", "h\u00e9llo \U0001F600"),
        ("time", Time("12:34:56.789")), ("timestamp", datetime.datetime(2024, 2, 29, 1, 2, 3, 456000)),
        ("timeuuid", uuid.uuid1()), ("tinyint", -128), ("uuid", uuid.uuid4()), ("varchar", ""), ("varint", 2 ** 100),
    ]
    columns = ", ".join("c_%s %s" % (name, name) for name, _ in types)
    session.execute("CREATE TABLE every (k int PRIMARY KEY, %s)" % columns)
    names = ", ".join("c_" + name for name, _ in types)
    insert = session.prepare("INSERT INTO every (k, %s) VALUES (?%s)" % (names, ", ?" * len(types)))
    session.execute(insert, [1] + [value for _, value in types])
    row = session.execute("SELECT %s FROM every WHERE k = 1" % names).one()
    for (name, value), got in zip(types, row):
        equal(value, got, "a value of type %s" % name)
    session.execute(insert, [1] + [UNSET_VALUE] * len(types))
    equal(row, session.execute("SELECT %s FROM every WHERE k = 1" % names).one(), "what is not set stays as it was")
    session.execute(insert, [1] + [None] * len(types))
    equal([None] * len(types), list(session.execute("SELECT %s FROM every WHERE k = 1" % names).one()), "null removes")
    session.execute("INSERT INTO every (k, c_int) VALUES (2, 5) USING TTL 1000 AND TIMESTAMP 1234")
    row = session.execute("SELECT ttl(c_int), writetime(c_int) FROM every WHERE k = 2").one()
    equal((True, 1234), (900 < row[0] <= 1000, row[1]), "TTL and timestamp")


def collections(cluster, session):
    session.execute("CREATE TYPE address (street text, number int)")
    session.execute("CREATE TABLE c (k int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>, f frozen<list<text>>, "
                    "t tuple<int, text>, a frozen<address>)")
    session.execute("INSERT INTO c (k, l, s, m, f, t, a) VALUES (1, [1, 2], {'b', 'a'}, {'x': 1}, ['f'], (7, 'seven'), "
                    "{street: 'Main', number: 5})")
    session.execute("UPDATE c SET l = l + [3], s = s - {'a'}, m['y'] = 2 WHERE k = 1")
    row = session.execute("SELECT * FROM c WHERE k = 1").one()
    equal([1, 2, 3], row.l, "a list grows")
    equal({"b"}, set(row.s), "a set shrinks")
    equal({"x": 1, "y": 2}, dict(row.m), "a map gets an entry")
    equal((["f"], (7, "seven")), (row.f, row.t), "a frozen list and a tuple")
    equal(("Main", 5), (row.a.street, row.a.number), "a user-defined type")
    equal(True, "address" in cluster.metadata.keyspaces["driver"].user_types, "the driver knows the type")


def paging(session):
    session.execute("CREATE TABLE pages (k int, n int, v text, PRIMARY KEY (k, n))")
    insert = session.prepare("INSERT INTO pages (k, n, v) VALUES (?, ?, ?)")
    rows = [(k, n, "value %d" % n) for k in range(4) for n in range(1500)]
    results = execute_concurrent_with_args(session, insert, rows, concurrency=64)
    equal(True, all(result.success for result in results), "6,000 rows through concurrent requests")
    page = SimpleStatement("SELECT k, n FROM pages WHERE k = 2", fetch_size=100)
    equal(list(range(1500)), [row.n for row in session.execute(page)], "a partition in pages of 100 rows, in order")
    whole = SimpleStatement("SELECT k, n FROM pages", fetch_size=777)
    equal(sorted((k, n) for k, n, _ in rows), sorted((row.k, row.n) for row in session.execute(whole)), "the table in pages")
    first = session.execute(SimpleStatement("SELECT n FROM pages WHERE k = 1", fetch_size=10))
    state, seen = first.paging_state, len(first.current_rows)
    rest = session.execute(SimpleStatement("SELECT n FROM pages WHERE k = 1", fetch_size=5000), paging_state=state)
    equal(list(range(seen, 1500)), [row.n for row in rest], "a page by its paging state")
    equal(6000, session.execute("SELECT count(*) FROM pages").one()[0], "count")
    equal([1499, 1498], [row.n for row in session.execute("SELECT n FROM pages WHERE k = 3 ORDER BY n DESC LIMIT 2")], "descending")


def batches(session):
    batch = BatchStatement(BatchType.LOGGED)
    insert = session.prepare("INSERT INTO pages (k, n, v) VALUES (?, ?, ?)")
    for n in range(10):
        batch.add(insert, (100 + n, n, "batched"))
    batch.add(SimpleStatement("DELETE FROM pages WHERE k = 0 AND n = 0"))
    session.execute(batch)
    equal([0], [row.n for row in session.execute("SELECT n FROM pages WHERE k = 100")], "a logged batch")
    equal([], session.execute("SELECT n FROM pages WHERE k = 0 AND n = 0").all(), "with a delete in it")


def conditions(session):
    session.execute("CREATE TABLE lwt (k int PRIMARY KEY, v int)")
    equal(True, session.execute("INSERT INTO lwt (k, v) VALUES (1, 1) IF NOT EXISTS").was_applied, "insert if not exists")
    again = session.execute("INSERT INTO lwt (k, v) VALUES (1, 2) IF NOT EXISTS")
    equal((False, 1), (again.was_applied, again.one().v), "not applied, with the row that there is")
    equal(False, session.execute("UPDATE lwt SET v = 3 WHERE k = 1 IF v = 2").was_applied, "update if: not applied")
    equal(True, session.execute("UPDATE lwt SET v = 3 WHERE k = 1 IF v = 1").was_applied, "update if: applied")
    update = session.prepare("UPDATE lwt SET v = ? WHERE k = 1 IF v = ?")
    update.serial_consistency_level = ConsistencyLevel.SERIAL
    applied = []

    def add(count):
        for _ in range(count):
            while True:
                serial = SimpleStatement("SELECT v FROM lwt WHERE k = 1", consistency_level=ConsistencyLevel.SERIAL)
                value = session.execute(serial).one().v
                if session.execute(update, (value + 1, value)).was_applied:
                    applied.append(1)
                    break

    threads = [threading.Thread(target=add, args=(10,)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal(3 + len(applied), session.execute("SELECT v FROM lwt WHERE k = 1").one().v, "forty increments by compare-and-set of four threads")
    equal(40, len(applied), "all of them")


def counters(session):
    session.execute("CREATE TABLE counts (k int PRIMARY KEY, c counter)")
    update = session.prepare("UPDATE counts SET c = c + ? WHERE k = ?")
    execute_concurrent_with_args(session, update, [(1, 1)] * 200, concurrency=32)
    equal(200, session.execute("SELECT c FROM counts WHERE k = 1").one().c, "two hundred increments of a counter")
    batch = BatchStatement(BatchType.COUNTER)
    batch.add(update, (-50, 1))
    batch.add(update, (7, 2))
    session.execute(batch)
    equal([150, 7], [session.execute("SELECT c FROM counts WHERE k = %d" % k).one().c for k in (1, 2)], "a batch of counters")


def errors(session):
    error = raises(SyntaxException, "SELEC k FROM lwt", "a syntax error", session)
    equal(True, "line 1" in str(error), "with its line")
    raises(InvalidRequest, "SELECT nothing FROM lwt", "an unknown column", session)
    raises(InvalidRequest, "SELECT * FROM lwt WHERE v = 1", "a filter without ALLOW FILTERING", session)
    raises(InvalidRequest, "INSERT INTO lwt (v) VALUES (1)", "a key is missing", session)


def tracing(session):
    future = session.execute_async("SELECT * FROM lwt WHERE k = 1", trace=True)
    future.result()
    equal(True, future.get_query_trace(max_wait=30).duration is not None, "a traced statement")


def load_and_page(session, concurrency):
    """Many requests at once, then all rows in pages of the driver's usual length, then each partition by itself."""
    session.execute("CREATE TABLE rows (k int, n int, v text, PRIMARY KEY (k, n))")
    insert = session.prepare("INSERT INTO rows (k, n, v) VALUES (?, ?, ?)")
    rows = ((n % PARTITIONS, n, "the value of row %d" % n) for n in range(ROWS))
    started = time.monotonic()
    results = execute_concurrent_with_args(session, insert, rows, concurrency=concurrency, results_generator=True)
    equal(ROWS, sum(1 for success, _ in results if success), "100,000 rows are loaded")
    loaded = time.monotonic()
    seen = [(row.k, row.n) for row in session.execute("SELECT k, n FROM rows")]
    equal(sorted((n % PARTITIONS, n) for n in range(ROWS)), sorted(seen), "and read, in pages of 5,000")
    for k in range(PARTITIONS):
        page = [row.n for row in session.execute("SELECT n FROM rows WHERE k = %d" % k)]
        if page != list(range(k, ROWS, PARTITIONS)):
            raise AssertionError("partition %d is not in order, or not whole" % k)
    ok("every partition by itself, in order")
    print("report: %d rows a second in, %d out" % (ROWS / (loaded - started), 2 * ROWS / (time.monotonic() - loaded)), flush=True)


def load(addresses):
    """100,000 rows, loaded through many requests at once, and read in pages of the driver's usual length."""
    cluster = connect(addresses)
    session = cluster.connect()
    session.execute("CREATE KEYSPACE loaded WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 3}")
    session.set_keyspace("loaded")
    load_and_page(session, 256)
    cluster.shutdown()


# ---- eventual tables

def at(level, query, **options):
    return SimpleStatement(query, consistency_level=level, **options)


def eventual(addresses):
    """A keyspace without leaders, RF 3; a node is killed when the other side of the pipe has read "kill one" and says that it did."""
    cluster = connect(addresses)
    session = cluster.connect()
    session.execute("CREATE KEYSPACE eventual WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} "
                    "AND fault_model = 'eventual'")
    session.set_keyspace("eventual")
    create = session.execute("DESCRIBE KEYSPACE eventual").one().create_statement
    equal(True, "fault_model = 'eventual'" in create, "DESCRIBE says what the keyspace is")
    levels(session)
    eventual_collections(session)
    eventual_ttl(session)
    eventual_counters(session)
    eventual_conditions(session)
    eventual_batches(session)
    eventual_paging(session)
    refusals(session)
    one_is_killed(session)
    cluster.shutdown()


def levels(session):
    session.execute("CREATE TABLE t (k int, n int, v text, s text static, PRIMARY KEY (k, n))")
    reads = {"ONE": ConsistencyLevel.ONE, "TWO": ConsistencyLevel.TWO, "THREE": ConsistencyLevel.THREE, "QUORUM": ConsistencyLevel.QUORUM,
             "ALL": ConsistencyLevel.ALL, "LOCAL_ONE": ConsistencyLevel.LOCAL_ONE, "LOCAL_QUORUM": ConsistencyLevel.LOCAL_QUORUM,
             "EACH_QUORUM": ConsistencyLevel.EACH_QUORUM}
    # Where a write's and a read's replicas together are more than there are, the read sees the write.
    for k, (name, level) in enumerate(reads.items()):
        session.execute(at(level, "INSERT INTO t (k, n, v, s) VALUES (%d, 1, 'one', 'static')" % k))
        other = ConsistencyLevel.ALL if "ONE" in name else level
        row = session.execute(at(other, "SELECT v, s FROM t WHERE k = %d AND n = 1" % k)).one()
        equal(("one", "static"), tuple(row), "inserted at %s" % name)
        session.execute(at(level, "UPDATE t SET v = 'two' WHERE k = %d AND n = 1" % k))
        equal("two", session.execute(at(other, "SELECT v FROM t WHERE k = %d AND n = 1" % k)).one().v, "updated at %s" % name)
        session.execute(at(level, "DELETE FROM t WHERE k = %d AND n = 1" % k))
        equal(None, session.execute(at(other, "SELECT v FROM t WHERE k = %d AND n = 1" % k)).one(), "deleted at %s" % name)
        equal("static", session.execute(at(other, "SELECT s FROM t WHERE k = %d" % k)).one().s, "its static column stays")
        session.execute(at(level, "DELETE FROM t WHERE k = %d" % k))
        equal([], session.execute(at(other, "SELECT * FROM t WHERE k = %d" % k)).all(), "the partition is deleted at %s" % name)
    session.execute(at(ConsistencyLevel.ANY, "INSERT INTO t (k, n, v) VALUES (100, 1, 'any')"))
    for n in range(10):
        session.execute("INSERT INTO t (k, n, v) VALUES (101, %d, 'v')" % n)
    session.execute("DELETE FROM t WHERE k = 101 AND n >= 3 AND n < 8")
    equal([0, 1, 2, 8, 9], [row.n for row in session.execute("SELECT n FROM t WHERE k = 101")], "a range of rows is deleted")
    session.execute("INSERT INTO t (k, n, v) VALUES (101, 5, 'again')")
    equal([9, 8, 5, 2, 1, 0], [row.n for row in session.execute("SELECT n FROM t WHERE k = 101 ORDER BY n DESC")], "and one is back")
    session.execute("INSERT INTO t (k, n, v) VALUES (102, 1, 'late') USING TIMESTAMP 2000")
    session.execute("INSERT INTO t (k, n, v) VALUES (102, 1, 'early') USING TIMESTAMP 1000")
    row = session.execute("SELECT v, writetime(v) FROM t WHERE k = 102").one()
    equal(("late", 2000), tuple(row), "the higher timestamp wins")
    session.execute("TRUNCATE t")
    equal([], session.execute("SELECT * FROM t").all(), "a truncated table is empty")


def eventual_collections(session):
    session.execute("CREATE TYPE address (street text, number int)")
    session.execute("CREATE TABLE c (k int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>, a frozen<address>)")
    session.execute("INSERT INTO c (k, l, s, m, a) VALUES (1, [1, 2], {'b', 'a'}, {'x': 1}, {street: 'Main', number: 5})")
    session.execute("UPDATE c SET l = l + [3], s = s - {'a'}, m['y'] = 2 WHERE k = 1")
    session.execute("UPDATE c SET l = [0] + l WHERE k = 1")
    session.execute("UPDATE c SET l[1] = 10 WHERE k = 1")
    row = session.execute("SELECT * FROM c WHERE k = 1").one()
    equal(([0, 10, 2, 3], {"b"}, {"x": 1, "y": 2}, ("Main", 5)), (row.l, set(row.s), dict(row.m), (row.a.street, row.a.number)),
          "collections grow and shrink")
    session.execute("UPDATE c SET l = [7], m = {} WHERE k = 1")
    row = session.execute("SELECT l, m FROM c WHERE k = 1").one()
    equal(([7], None), (row.l, row.m or None), "and are replaced")
    session.execute("DELETE l, s FROM c WHERE k = 1")
    equal((None, None), tuple(session.execute("SELECT l, s FROM c WHERE k = 1").one()), "and deleted")


def eventual_ttl(session):
    session.execute("CREATE TABLE short (k int PRIMARY KEY, v int)")
    session.execute("INSERT INTO short (k, v) VALUES (1, 1) USING TTL 2")
    session.execute("INSERT INTO short (k, v) VALUES (2, 1) USING TTL 1000")
    ttl = session.execute("SELECT ttl(v) FROM short WHERE k = 2").one()[0]
    equal(True, 900 < ttl <= 1000, "time to live")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while session.execute("SELECT * FROM short WHERE k = 1").one() is not None:
        if time.monotonic() > deadline:
            raise AssertionError("a row does not expire")
        time.sleep(0.2)
    ok("a row expires")
    equal(1, session.execute("SELECT v FROM short WHERE k = 2").one().v, "the other one does not")


def eventual_counters(session):
    session.execute("CREATE TABLE counts (k int PRIMARY KEY, c counter)")
    update = session.prepare("UPDATE counts SET c = c + ? WHERE k = ?")
    results = execute_concurrent_with_args(session, update, [(1, 1)] * 200, concurrency=32)
    equal(True, all(result.success for result in results), "two hundred increments are acknowledged")
    equal(200, session.execute("SELECT c FROM counts WHERE k = 1").one().c, "and count two hundred")
    batch = BatchStatement(BatchType.COUNTER)
    batch.add(update, (-50, 1))
    batch.add(update, (7, 2))
    session.execute(batch)
    equal([150, 7], [session.execute("SELECT c FROM counts WHERE k = %d" % k).one().c for k in (1, 2)], "a batch of counters")


def eventual_conditions(session):
    session.execute("CREATE TABLE lwt (k int PRIMARY KEY, v int)")
    equal(True, session.execute("INSERT INTO lwt (k, v) VALUES (1, 1) IF NOT EXISTS").was_applied, "insert if not exists")
    again = session.execute("INSERT INTO lwt (k, v) VALUES (1, 2) IF NOT EXISTS")
    equal((False, 1), (again.was_applied, again.one().v), "not applied, with the row that there is")
    equal(False, session.execute("UPDATE lwt SET v = 3 WHERE k = 1 IF v = 2").was_applied, "update if: not applied")
    equal(True, session.execute("UPDATE lwt SET v = 3 WHERE k = 1 IF v > 0 AND v < 2").was_applied, "update if: applied")
    equal(3, session.execute(at(ConsistencyLevel.LOCAL_SERIAL, "SELECT v FROM lwt WHERE k = 1")).one().v, "read at LOCAL_SERIAL")
    update = session.prepare("UPDATE lwt SET v = ? WHERE k = 1 IF v = ?")
    update.serial_consistency_level = ConsistencyLevel.SERIAL
    applied = []

    def add(count):
        for _ in range(count):
            while True:
                value = session.execute(at(ConsistencyLevel.SERIAL, "SELECT v FROM lwt WHERE k = 1")).one().v
                try:
                    if session.execute(update, (value + 1, value)).was_applied:
                        applied.append(1)
                        break
                except (Timeout, ErrorMessage) as error:
                    # Too many at once: what became of it, the next read says. The driver has no name for the last of them.
                    if isinstance(error, ErrorMessage) and error.code != CAS_WRITE_UNKNOWN:
                        raise

    threads = [threading.Thread(target=add, args=(10,)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    final = session.execute(at(ConsistencyLevel.SERIAL, "SELECT v FROM lwt WHERE k = 1")).one().v
    equal(40, len(applied), "forty increments by compare-and-set of four threads")
    equal(True, final >= 43, "and no update is lost (%d)" % final)
    batch = BatchStatement()
    batch.add(SimpleStatement("INSERT INTO lwt (k, v) VALUES (2, 1) IF NOT EXISTS"))
    batch.add(SimpleStatement("UPDATE lwt SET v = 5 WHERE k = 2"))
    equal([True, False], [session.execute(batch).was_applied for _ in range(2)], "a conditional batch")
    equal(True, session.execute("DELETE FROM lwt WHERE k = 1 IF EXISTS").was_applied, "delete if exists")
    equal(None, session.execute(at(ConsistencyLevel.SERIAL, "SELECT v FROM lwt WHERE k = 1")).one(), "and it is gone")


def eventual_batches(session):
    session.execute("CREATE TABLE b (k int, n int, v text, PRIMARY KEY (k, n))")
    insert = session.prepare("INSERT INTO b (k, n, v) VALUES (?, ?, ?)")
    for kind, first in ((BatchType.LOGGED, 100), (BatchType.UNLOGGED, 200)):
        session.execute(insert, (first - 1, 0, "to go"))
        batch = BatchStatement(kind)
        for n in range(10):
            batch.add(insert, (first + n, n, "batched"))
        batch.add(SimpleStatement("DELETE FROM b WHERE k = %d AND n = 0" % (first - 1)))
        session.execute(batch)
        equal([[n] for n in range(10)], [[row.n for row in session.execute("SELECT n FROM b WHERE k = %d" % (first + n))]
                                         for n in range(10)], "a batch over ten partitions")
        equal([], session.execute("SELECT n FROM b WHERE k = %d" % (first - 1)).all(), "with a delete in it")


def eventual_paging(session):
    load_and_page(session, 128)
    small = SimpleStatement("SELECT n FROM rows WHERE k = 3 ORDER BY n DESC", fetch_size=100)
    equal(list(range(3, ROWS, PARTITIONS))[::-1], [row.n for row in session.execute(small)], "in pages of 100, backwards")
    equal(ROWS, session.execute("SELECT count(*) FROM rows").one()[0], "count")


def refusals(session):
    for level, query, words in (
            (ConsistencyLevel.ANY, "SELECT * FROM t WHERE k = 1", "ANY ConsistencyLevel is only supported for writes"),
            (ConsistencyLevel.SERIAL, "UPDATE t SET v = 'x' WHERE k = 1 AND n = 1",
             "You must use conditional updates for serializable writes"),
            (ConsistencyLevel.SERIAL, "SELECT * FROM t",
             "SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time")):
        equal(True, words in str(raises(InvalidRequest, at(level, query), "level and statement do not go together", session)), words)


def one_is_killed(session):
    insert = "INSERT INTO t (k, n, v) VALUES (%d, 1, 'before')"
    for k in range(200):
        session.execute(at(ConsistencyLevel.ALL, insert % k))
    print("kill one", flush=True)
    sys.stdin.readline()
    # Whoever has not noticed yet waits for the third, and times out; whoever has says at once that it is not there.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            session.execute(at(ConsistencyLevel.ALL, "INSERT INTO t (k, n, v) VALUES (0, 2, 'all')", retry_policy=FallthroughRetryPolicy()))
            raise AssertionError("a write at ALL succeeds without all replicas")
        except Unavailable as error:
            equal((ConsistencyLevel.ALL, 3, 2), (error.consistency, error.required_replicas, error.alive_replicas), "Unavailable at ALL")
            break
        except WriteTimeout as error:
            equal((3, True), (error.required_responses, error.received_responses < 3), "a timeout at ALL")
        except (OperationTimedOut, NoHostAvailable):
            pass
        if time.monotonic() > deadline:
            raise AssertionError("nobody finds out that a node is gone")
    error = raises(Unavailable, at(ConsistencyLevel.THREE, "SELECT v FROM t WHERE k = 1", retry_policy=FallthroughRetryPolicy()),
                   "a read of three", session)
    equal((3, 2), (error.required_replicas, error.alive_replicas), "with its numbers")

    def patiently(statement):
        while True:
            try:
                return session.execute(statement)
            except RETRIED + (ReadFailure, WriteFailure):  # a replica that starts refuses until it is what it was
                if time.monotonic() > deadline:
                    raise

    deadline = time.monotonic() + PATIENCE_SECONDS
    for level, name in ((ConsistencyLevel.QUORUM, "QUORUM"), (ConsistencyLevel.ONE, "ONE")):
        for k in range(200):
            row = patiently(at(ConsistencyLevel.QUORUM, "SELECT v FROM t WHERE k = %d AND n = 1" % k)).one()
            if row.v != "before" and level == ConsistencyLevel.QUORUM:
                raise AssertionError("row %d reads as %r" % (k, row.v))
            patiently(at(level, "UPDATE t SET v = '%s' WHERE k = %d AND n = 1" % (name, k)))
        ok("two hundred rows are read at QUORUM, and written at %s, without the third replica" % name)
    equal(True, patiently(at(ConsistencyLevel.QUORUM, "INSERT INTO lwt (k, v) VALUES (77, 1) IF NOT EXISTS")).was_applied, "conditions, too")
    print("start it", flush=True)
    sys.stdin.readline()
    # All three have everything in the end, without being asked for it.
    deadline = time.monotonic() + PATIENCE_SECONDS
    for k in range(200):
        row = patiently(at(ConsistencyLevel.ALL, "SELECT v FROM t WHERE k = %d AND n = 1" % k)).one()
        if row.v != "ONE":
            raise AssertionError("row %d reads as %r at ALL" % (k, row.v))
    ok("two hundred rows are read at ALL when it is back")


# ---- two regions: eu has the first two nodes, us the third

def in_region(addresses, region):
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=region, used_hosts_per_remote_dc=0)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM, retry_policy=FallthroughRetryPolicy(), request_timeout=30)
    cluster = Cluster(addresses, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=30)
    return cluster, cluster.connect(wait_for_all_pools=True)


def regions(addresses):
    eu, session = in_region(addresses[:2], "eu")
    us, far = in_region(addresses[2:], "us")
    equal({"eu": 2, "us": 1}, {dc: sum(host.datacenter == dc for host in eu.metadata.all_hosts()) for dc in ("eu", "us")},
          "the driver sees the regions")
    error = raises(Exception, "CREATE KEYSPACE wrong WITH replication = {'class': 'NetworkTopologyStrategy', 'asia': 1}",
                   "a region that is not there", session)
    equal(True, "Unrecognized strategy option {asia}" in str(error), "is named")
    session.execute("CREATE KEYSPACE wide WITH replication = {'class': 'NetworkTopologyStrategy', 'eu': 3}")
    error = raises(Exception, "CREATE TABLE wide.t (k int PRIMARY KEY)", "three replicas in a region of two nodes", session)
    equal(True, "region 'eu' need 3 nodes there, the cluster has 2" in str(error), "are refused in words")
    session.execute("CREATE KEYSPACE r WITH replication = {'class': 'NetworkTopologyStrategy', 'eu': 2, 'us': 1} "
                    "AND fault_model = 'eventual' AND allowed_regions = 'eu, us'")
    session.execute("CREATE TABLE r.t (k int PRIMARY KEY, v text)")
    insert = session.prepare("INSERT INTO r.t (k, v) VALUES (?, ?)")
    for k in range(100):
        future = session.execute_async(insert, (k, "eu"))
        future.result()
        host = future._current_host
        if host.datacenter != "eu":
            raise AssertionError("row %d went to %s" % (k, host))
    ok("a hundred rows are written at LOCAL_QUORUM, all through the driver's own region")
    session.execute(at(ConsistencyLevel.EACH_QUORUM, "INSERT INTO r.t (k, v) VALUES (1000, 'each')"))
    equal("each", far.execute(at(ConsistencyLevel.LOCAL_ONE, "SELECT v FROM r.t WHERE k = 1000")).one().v,
          "what EACH_QUORUM has written is read at LOCAL_ONE elsewhere")
    print("kill us", flush=True)
    sys.stdin.readline()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            session.execute(at(ConsistencyLevel.EACH_QUORUM, "INSERT INTO r.t (k, v) VALUES (1001, 'each')"))
            raise AssertionError("a write at EACH_QUORUM succeeds without a region")
        except Unavailable as error:
            equal((ConsistencyLevel.EACH_QUORUM, 1, 0), (error.consistency, error.required_replicas, error.alive_replicas),
                  "Unavailable at EACH_QUORUM")
            break
        except (WriteTimeout, OperationTimedOut, NoHostAvailable):
            if time.monotonic() > deadline:
                raise
    for k in range(100):
        session.execute(insert, (k, "alone"))
    equal("alone", session.execute("SELECT v FROM r.t WHERE k = 5").one().v, "LOCAL_QUORUM goes on in the other region")
    eu.shutdown()
    us.shutdown()


# ---- nodes die

RETRIED = (OperationTimedOut, Timeout, Unavailable, NoHostAvailable)


def failover(addresses):
    """Writes and reads go on while the other side of the pipe kills nodes; every acknowledged write is there in the end."""
    speculative = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(0.2, 2),
        consistency_level=ConsistencyLevel.QUORUM, request_timeout=5)
    cluster = Cluster(addresses, execution_profiles={EXEC_PROFILE_DEFAULT: speculative}, connect_timeout=30)
    session = cluster.connect()
    keyspace(session, "failover")
    # Only what goes on while nodes die gives up soon: a table is there when its shards have leaders.
    session.execute("CREATE TABLE IF NOT EXISTS written (k int PRIMARY KEY, v int)", timeout=PATIENCE_SECONDS)
    insert = session.prepare("INSERT INTO written (k, v) VALUES (?, ?)")
    insert.is_idempotent = True
    select = session.prepare("SELECT v FROM written WHERE k = ?")
    select.is_idempotent = True
    stopping = threading.Event()
    acknowledged = [set() for _ in range(4)]
    failures = []

    def patiently(statement, arguments):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return session.execute(statement, arguments)
            except RETRIED as error:
                failures.append(error)
                if time.monotonic() > deadline:
                    raise

    def write(thread):
        key = thread
        while not stopping.is_set():
            patiently(insert, (key, key * 2))
            acknowledged[thread].add(key)
            row = patiently(select, (key,)).one()
            if row is None or row.v != key * 2:
                failures.append(AssertionError("%d was acknowledged and reads as %r" % (key, row)))
                stopping.set()
            key += len(acknowledged)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(len(acknowledged))]
    [thread.start() for thread in threads]
    print("running", flush=True)
    for line in sys.stdin:
        # Each line: say how far it is when so many more writes went through.
        target = sum(map(len, acknowledged)) + int(line)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while sum(map(len, acknowledged)) < target and not stopping.is_set():
            if time.monotonic() > deadline:
                stopping.set()
                raise AssertionError("no progress: %r" % failures[-3:])
            time.sleep(0.05)
        print("progress", sum(map(len, acknowledged)), flush=True)
    stopping.set()
    [thread.join() for thread in threads]
    broken = [failure for failure in failures if isinstance(failure, AssertionError)]
    equal([], broken, "what was acknowledged is read")
    everything = set().union(*acknowledged)
    found = {row.k for row in patiently("SELECT k FROM written", None)}
    equal(set(), everything - found, "%d acknowledged writes are there, after %d failed attempts" % (len(everything), len(failures)))
    cluster.shutdown()


if __name__ == "__main__":
    {"system": system, "credentials": credentials, "tables": tables, "load": load, "eventual": eventual,
     "failover": failover, "regions": regions}[sys.argv[1]](sys.argv[2:])
    print("done", flush=True)
