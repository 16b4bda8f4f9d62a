// npm's driver for Cassandra, as it is published, against Atoll.
//
//     node driver.js SCENARIO ADDRESS...
//
// A scenario prints a line for each thing that holds, and ends with an error at the first that does not.
'use strict';

const assert = require('node:assert');
const cassandra = require('cassandra-driver');
const { types } = cassandra;

function ok(what) {
  console.log('ok: ' + what);
}

function equal(expected, got, what) {
  assert.deepStrictEqual(got, expected, what);
  ok(what);
}

function client(addresses, options) {
  return new cassandra.Client({ contactPoints: addresses.slice(0, 1), localDataCenter: 'datacenter1', ...options });
}

async function system(addresses) {
  const db = client(addresses);
  await db.connect();
  equal(addresses.length, db.hosts.length, 'every node is found through one');
  equal(addresses.slice().sort(), db.hosts.values().map(host => host.address.split(':')[0]).sort(), 'by its address');
  const local = (await db.execute("SELECT * FROM system.local WHERE key='local'")).first();
  equal('COMPLETED', local.bootstrapped, 'system.local');
  equal(true, Object.keys(db.metadata.keyspaces).includes('system'), 'keyspaces');
  const table = await db.metadata.getTable('system', 'local');
  equal(['key'], table.partitionKeys.map(column => column.name), "the definition of a system's table");
  await assert.rejects(db.execute('SELECT * FROM system.nothing'), error => error.code === types.responseErrorCodes.invalid);
  ok('an unknown table');
  await db.shutdown();
}

async function tables(addresses) {
  let db = client(addresses);
  await db.connect();
  await db.execute("CREATE KEYSPACE IF NOT EXISTS npm WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}");
  await db.execute('CREATE TABLE IF NOT EXISTS npm.t (k int, n int, v text, l list<int>, m map<text, int>, PRIMARY KEY (k, n))');
  await db.shutdown();

  db = client(addresses, { keyspace: 'npm', queryOptions: { prepare: true, consistency: types.consistencies.quorum } });
  await db.connect();
  const insert = 'INSERT INTO t (k, n, v, l, m) VALUES (?, ?, ?, ?, ?)';
  await db.execute(insert, [1, 1, 'one', [1, 2], { a: 1 }]);
  const row = (await db.execute('SELECT * FROM t WHERE k = ?', [1])).first();
  equal(['one', [1, 2], { a: 1 }], [row.v, row.l, row.m], 'prepared: what was written is read');
  await db.execute(insert, [1, 1, types.unset, null, undefined]);
  const after = (await db.execute('SELECT * FROM t WHERE k = ?', [1])).first();
  equal(['one', null, { a: 1 }], [after.v, after.l, after.m], 'not set, and null');

  const rows = [];
  for (let n = 0; n < 3000; n++) {
    rows.push([2, n, 'v' + n, null, null]);
  }
  await cassandra.concurrent.executeConcurrent(db, insert, rows, { concurrencyLevel: 64 });
  let seen = [];
  for await (const each of db.stream('SELECT n FROM t WHERE k = ?', [2], { prepare: true, autoPage: true, fetchSize: 100 })) {
    seen.push(each.n);
  }
  equal(rows.map(each => each[1]), seen, 'three thousand rows, in pages, in order');

  await db.batch([
    { query: insert, params: [3, 1, 'a', null, null] },
    { query: 'DELETE FROM t WHERE k = ? AND n = ?', params: [2, 0] },
  ], { prepare: true });
  equal(2999, Number((await db.execute('SELECT count(*) FROM t WHERE k = ?', [2])).first().count), 'a batch, and count');

  const once = await db.execute('INSERT INTO t (k, n, v) VALUES (?, ?, ?) IF NOT EXISTS', [4, 1, 'x']);
  const again = await db.execute('INSERT INTO t (k, n, v) VALUES (?, ?, ?) IF NOT EXISTS', [4, 1, 'y']);
  equal([true, false, 'x'], [once.wasApplied(), again.wasApplied(), again.first().v], 'insert if not exists');

  const definition = await db.metadata.getTable('npm', 't');
  equal([['k'], ['n']], [definition.partitionKeys.map(c => c.name), definition.clusteringKeys.map(c => c.name)], 'the definition of a table');
  await assert.rejects(db.execute('SELEC', [], { prepare: false }), error => error.code === types.responseErrorCodes.syntaxError);
  ok('a syntax error');
  await db.shutdown();
}

async function eventual(addresses) {
  const { one, two, quorum, all, serial } = types.consistencies;
  let db = client(addresses);
  await db.connect();
  await db.execute("CREATE KEYSPACE npm_eventual WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} "
    + "AND fault_model = 'eventual'");
  await db.execute('CREATE TABLE npm_eventual.t (k int, n int, v text, l list<int>, m map<text, int>, PRIMARY KEY (k, n))');
  await db.execute('CREATE TABLE npm_eventual.c (k int PRIMARY KEY, c counter)');
  await db.shutdown();

  db = client(addresses, { keyspace: 'npm_eventual', queryOptions: { prepare: true, consistency: quorum } });
  await db.connect();
  const insert = 'INSERT INTO t (k, n, v, l, m) VALUES (?, ?, ?, ?, ?)';
  for (const [write, read] of [[one, all], [two, two], [quorum, quorum], [all, one]]) {
    await db.execute(insert, [write, 1, 'one', [1, 2], { a: 1 }], { consistency: write });
    await db.execute("UPDATE t SET l = l + ?, m['b'] = 2 WHERE k = ? AND n = 1", [[3], write], { consistency: write });
    const row = (await db.execute('SELECT * FROM t WHERE k = ?', [write], { consistency: read })).first();
    equal(['one', [1, 2, 3], { a: 1, b: 2 }], [row.v, row.l, row.m], `written at ${write}, read at ${read}`);
  }

  const rows = [];
  for (let n = 0; n < 3000; n++) {
    rows.push([100, n, 'v' + n, null, null]);
  }
  await cassandra.concurrent.executeConcurrent(db, insert, rows, { concurrencyLevel: 64 });
  const seen = [];
  for await (const each of db.stream('SELECT n FROM t WHERE k = ?', [100], { prepare: true, autoPage: true, fetchSize: 100 })) {
    seen.push(each.n);
  }
  equal(rows.map(each => each[1]), seen, 'three thousand rows, in pages, in order');
  await db.batch([
    { query: insert, params: [101, 1, 'a', null, null] },
    { query: 'DELETE FROM t WHERE k = ? AND n = ?', params: [100, 0] },
  ], { prepare: true });
  equal(2999, Number((await db.execute('SELECT count(*) FROM t WHERE k = ?', [100])).first().count), 'a batch, and count');
  await Promise.all(Array.from({ length: 50 }, () => db.execute('UPDATE c SET c = c + 2 WHERE k = 1')));
  equal(100, Number((await db.execute('SELECT c FROM c WHERE k = 1')).first().c), 'a counter');

  const once = await db.execute('INSERT INTO t (k, n, v) VALUES (?, ?, ?) IF NOT EXISTS', [102, 1, 'x'], { serialConsistency: serial });
  const again = await db.execute('INSERT INTO t (k, n, v) VALUES (?, ?, ?) IF NOT EXISTS', [102, 1, 'y']);
  equal([true, false, 'x'], [once.wasApplied(), again.wasApplied(), again.first().v], 'insert if not exists');
  const decided = (await db.execute('SELECT v FROM t WHERE k = ?', [102], { consistency: serial })).first();
  equal('x', decided.v, 'read at SERIAL');
  await db.shutdown();
}

async function credentials(addresses) {
  const token = require('node:fs').readFileSync(0, 'utf8').trim();
  const wrong = client(addresses, { credentials: { username: 'ada', password: 'guess' } });
  await assert.rejects(wrong.connect());
  await wrong.shutdown();
  ok('a wrong password is refused');
  const db = client(addresses, { credentials: { username: 'ada', password: token } });
  await db.connect();
  ok('the token is let in');
  await db.shutdown();
}

({ system, tables, eventual, credentials })[process.argv[2]](process.argv.slice(3)).then(() => console.log('done'), error => {
  console.error(error);
  process.exit(1);
});
