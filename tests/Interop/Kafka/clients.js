// npm's clients of Kafka, as they are published, against a cluster: node clients.js CLIENT SCENARIO ADDRESS...
//
// Each scenario says "done" at its end, and fails with a message otherwise. What the clients call things is in kafkajs.js and
// platformatic.js beside this file. "member" is one member of a group, a process of its own.
'use strict';

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');
const { isDeepStrictEqual } = require('node:util');

const [name, scenario, ...addresses] = process.argv.slice(2);
const client = require(`./${name}.js`);
const PARTITIONS = 3;
const SESSION_MS = 6000; // of members in faults: one that begins anew is another one, and the others wait for the one that it was
const BACKLOG_MAX = 50; // a transaction takes longer than a message, and what is left at the end is waited for

function say(text) {
  console.log(text);
}

async function wait(condition, what, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  while (!await condition()) {
    assert(Date.now() < deadline, `not in time: ${typeof what === 'function' ? what() : what}`);
    await sleep(20);
  }
}

function ascending(values) {
  return [...values].sort((a, b) => a - b);
}

// Reads until there are so many, and closes. No offset comes twice, nor what was written once; but where brokers have died a client may
// begin anew.
async function read(from, group, topic, count, { mayBeginAnew = false, commits = false, ...options } = {}) {
  const places = new Map();
  let times = 0;
  let enough;
  const all = new Promise(resolve => (enough = resolve));
  const reader = await from.reader(group, topic, async message => {
    places.set(`${message.partition} ${message.offset}`, message);
    times++;
    if (places.size >= count) {
      enough();
    }
  }, options);
  await Promise.race([all, sleep(60000, undefined, { ref: false })]);
  const found = [...places.values()];
  const words = found.map(({ partition, offset, value }) => `${partition} ${offset} ${value.slice(0, 40)}`);
  assert(mayBeginAnew || times === found.length, `${group}: an offset came twice: ${words}`);
  assert.strictEqual(found.length, count, `${group}: messages of ${topic}: ${words}`);
  if (commits) {
    for (const last of new Map(found.map(message => [message.partition, message])).values()) {
      await last.commit();
    }
  }
  await reader.close();
  return found;
}

// Topics, every compression and acknowledgement, groups that go on where they were, offsets that are set, places that are looked up.
async function plain() {
  const topic = `${name}-events`;
  const cluster = client.connect(addresses);
  const admin = await cluster.admin();
  await admin.create(topic, PARTITIONS);
  assert((await topicsOf(admin)).includes(topic), 'the topic is listed');
  assert.strictEqual(await admin.partitions(topic), PARTITIONS);

  await wait(
    async () => (await admin.leaders(topic)).every(({ leader, replicas }) => leader === replicas[0]), 'the first replicas lead');
  await assert.rejects(async () => {
    // kafkajs says it by its answer, @platformatic/kafka by an error.
    assert.notStrictEqual(await admin.create(topic, PARTITIONS), false);
  }, 'a topic is not created twice');

  const sent = [];
  const writer = await cluster.writer({ idempotent: true });
  const unnumbered = await cluster.writer();
  for (const compression of cluster.compressions) {
    for (const acks of [-1, 1, 0]) {
      const messages = Array.from({ length: 30 }, (_, number) => ({
        key: compression, value: `${compression} ${acks} ${number} ${'x'.repeat(200)}`, partition: number % PARTITIONS,
        headers: { acks: `${acks}` },
      }));
      await (acks < 0 ? writer : unnumbered).send(topic, messages, { compression, acks });
      sent.push(...messages);
    }
  }

  const group = await groupWhileNothingMoves(cluster, admin, writer, topic, sent);
  await unnumbered.close();
  await writer.close();
  await admin.deleteGroup(group);
  assert(!(await admin.groups()).includes(group), 'the group is gone');
  await admin.delete(topic);
  assert(!(await topicsOf(admin)).includes(topic), 'the topic is gone');
  await transactions(cluster, admin);
  if (admin.quotas) {
    const rates = { consumer_byte_rate: 2000000, producer_byte_rate: 1000000 };
    assert.deepStrictEqual(await admin.quotas('nobody', rates), rates, 'quotas are as they were set');
    assert.deepStrictEqual(await admin.quotas('nobody', { consumer_byte_rate: undefined }), { producer_byte_rate: 1000000 });
    assert.deepStrictEqual(await admin.quotas('nobody', { producer_byte_rate: undefined }), {}, 'and gone');
  }
  await admin.close();
}

async function topicsOf(admin) {
  let topics;
  await wait(async () => (topics = await admin.topics()) !== undefined, 'topics are listed');
  return topics;
}

// Where a leader moves, kafkajs joins its group anew: it reads again from what was committed, and what it then commits is refused. What a
// group does is looked at while nothing moves: when something has (the machine may stop a node for seconds), another group begins.
async function groupWhileNothingMoves(cluster, admin, writer, topic, sent) {
  const leaders = async () => (await admin.leaders(topic)).map(({ leader }) => leader);
  for (let attempt = 1; ; attempt++) {
    const group = `${name}-readers-${attempt}`;
    const before = await leaders();
    try {
      await goOnInGroup(cluster, admin, writer, topic, sent, group);
      return group;
    } catch (error) {
      const after = await leaders();
      if (isDeepStrictEqual(after, before)) {
        throw error;
      }
      say(`leaders were ${before} and are ${after}: ${error.message}`);
    }
  }
}

// A group goes on where it was, also from offsets that were set; a reader begins at a place.
async function goOnInGroup(cluster, admin, writer, topic, sent, group) {
  const first = await read(cluster, group, topic, sent.length, { commits: true });
  assert.deepStrictEqual(first.map(message => message.value).sort(), sent.map(message => message.value).sort());
  assert(first.every(message => message.value.startsWith(`${message.key} ${message.headers.acks} `)), 'keys and headers');
  const ends = {};
  for (const { partition, offset } of first) {
    assert.strictEqual(offset, ends[partition] ?? 0, 'offsets are in order, and none is missing');
    ends[partition] = offset + 1;
  }
  assert.deepStrictEqual(await admin.committed(group, topic), ends);
  assert((await admin.groups()).includes(group), 'the group is listed');

  const more = [0, 1, 2].map(partition => ({ key: 'more', value: `more -1 ${partition}`, partition, headers: { acks: '-1' } }));
  await writer.send(topic, more, { compression: 'gzip' });
  sent.push(...more);
  const rest = await read(cluster, group, topic, PARTITIONS, { commits: true });
  assert.deepStrictEqual(rest.map(message => message.value).sort(), more.map(message => message.value), 'it goes on where it was');
  await admin.reset(group, topic, [0, 1, 2]);
  assert.strictEqual((await read(cluster, group, topic, sent.length)).length, sent.length, 'from the beginning again');
  const offsets = Object.fromEntries(Object.entries(ends).map(([partition, end]) => [partition, end - 1]));
  const last = await read(cluster, `${group}-seekers`, topic, 6, { offsets });
  assert.deepStrictEqual(ascending(last.map(message => message.offset - offsets[message.partition])), [0, 0, 0, 1, 1, 1], 'from a place');
}

// What is aborted is seen by nobody who reads what is committed; what was read, worked on and written in a transaction is there once.
async function transactions(cluster, admin) {
  const [input, output] = [`${name}-raw`, `${name}-cooked`];
  await admin.create(input, 1);
  await admin.create(output, 1);
  const feeder = await cluster.writer({ idempotent: true });
  for (let number = 0; number < 10; number++) {
    await feeder.send(input, [{ value: `${number}`, partition: 0 }]);
  }
  if (admin.producers) {
    const [producer, ...others] = await admin.producers(input, 0);
    assert.strictEqual(others.length, 0, 'the feeder alone has written');
    assert.strictEqual(producer.lastSequence, 9, 'ten records, numbered from 0 on');
    assert.strictEqual(producer.currentTxnStartOffset, -1n, 'and in no transaction');
  }
  const writer = await cluster.writer({ transactionalId: `${name}-cook` });
  let aborted = 0;
  const cook = await cluster.reader(`${name}-cooks`, input, async (message, reader) => {
    for (const isLast of cluster.aborts(message.offset) ? [false, true] : [true]) {
      const transaction = await writer.begin();
      await transaction.send(output, [{ value: `${isLast ? 'cooked' : 'burnt'} ${message.value}`, partition: 0 }]);
      await transaction.take(reader, message);
      if (isLast) {
        await transaction.commit();
      } else {
        aborted++;
        await transaction.abort();
      }
    }
  });
  const found = await read(cluster, `${name}-guests`, output, 10);
  assert.deepStrictEqual(found.map(message => message.value), Array.from({ length: 10 }, (_, number) => `cooked ${number}`));
  const uncommitted = client.connect(addresses, { isolation: 'read_uncommitted' });
  const all = await read(uncommitted, `${name}-inspectors`, output, 10 + aborted);
  assert.strictEqual(all.filter(message => message.value.startsWith('burnt')).length, aborted, 'those who do not mind see all');
  assert.deepStrictEqual(await admin.committed(`${name}-cooks`, input), { 0: 10 }, 'offsets are committed with the transactions');
  await cook.close();
  await writer.close();
  await feeder.close();
}

// A group whose coordinator shares out the partitions: a second member gets its share, and gives it back. Each message is read, and once
// where nobody's share has just changed: when one has, the client asks for the committed offsets of all of it, and begins there again.
async function assigned() {
  const [topic, group, partitions] = [`${name}-parts`, `${name}-assigned`, 4];
  const cluster = client.connect(addresses);
  const admin = await cluster.admin();
  await admin.create(topic, partitions);
  const writer = await cluster.writer({ idempotent: true });
  const got = [];
  let count = 0;
  const goOn = async (what, hasNewShare) => {
    const read = () => hasNewShare ? [...new Set(got)] : got;
    await writer.send(topic, Array.from({ length: 40 }, (_, at) => ({ value: `${count + at}`, partition: at % partitions })));
    count += 40;
    await wait(() => read().length >= count, () => `${what}: read ${read().length} of ${count}`);
    assert.deepStrictEqual(ascending(read().map(Number)), Array.from({ length: count }, (_, at) => at), `${what}: each message`);
  };
  const open = () => cluster.reader(group, topic, async message => {
    got.push(message.value);
    await message.commit();
  }, { isAssigned: true });
  const has = (...members) => members.map(each => each.assigned.length).join();
  const first = await open();
  await goOn('alone', false);
  assert.deepStrictEqual(ascending(first.assigned), [0, 1, 2, 3]);
  const second = await open();
  await wait(() => has(first, second) === '2,2', () => `two members have ${has(first, second)}`);
  assert.deepStrictEqual(ascending([...first.assigned, ...second.assigned]), [0, 1, 2, 3], 'no partition has two readers');
  await goOn('together', true);
  await second.close();
  await wait(() => has(first) === '4', () => `who is left has ${has(first)}`);
  await goOn('alone again', true);
  const all = JSON.stringify({ 0: 30, 1: 30, 2: 30, 3: 30 });
  await wait(async () => JSON.stringify(await admin.committed(group, topic)) === all, 'all is committed');
  await first.close();
  await writer.close();
  await admin.deleteGroup(group);
  await admin.delete(topic);
  await admin.close();
}

// Reads what it is assigned, says what, and commits behind it.
async function member() {
  await client.connect(addresses).reader(`${name}-members`, `${name}-orders`, async message => {
    say(`got ${message.partition} ${message.offset} ${message.value}`);
    if (message.offset % 10 === 9) {
      await message.commit();
    }
  }, { sessionTimeout: SESSION_MS, beginsAnew: true, changed: () => say('changed') });
  process.stdin.resume();
  await once(process.stdin, 'end'); // with its parent
  process.exit();
}

class Member {
  constructor() {
    this.got = new Map(); // from "partition offset" to the number there
    this.start();
  }

  start() {
    this.places = [];
    this.jumps = [];
    this.changes = 0;
    this.process = spawn(process.execPath, [__filename, name, 'member', ...addresses], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process.stdin.on('error', () => {}); // it is killed
    this.process.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') {
        // @platformatic/kafka looks for brokers that are gone, and throws where nobody can catch it.
        assert.strictEqual(name, 'platformatic', `a member ended with ${code}`);
        say('a member is started anew');
        this.start();
      }
    });
    readline.createInterface({ input: this.process.stdout }).on('line', line => {
      const [word, ...numbers] = line.split(' ');
      if (word === 'got') {
        this.take(...numbers.map(Number));
      } else if (word === 'changed') {
        this.changes++;
      } else {
        say(line);
      }
    });
  }

  // In order. What is not committed may be given again, as when a commit has failed; only as often as its share has changed is something
  // passed over, which others have read: but it gives first what it has fetched already.
  take(partition, offset, number) {
    const passesOver = offset > (this.places[partition] ?? offset) + 1;
    this.jumps[partition] = (this.jumps[partition] ?? 0) + (passesOver ? 1 : 0);
    assert(this.jumps[partition] <= this.changes, `partition ${partition}: ${offset} came behind ${this.places[partition]}`);
    this.places[partition] = offset;
    this.got.set(`${partition} ${offset}`, number);
  }
}

// A numbered producer, a group one of whose members dies, and a processor that works in transactions, where the client goes on in them, go
// on while brokers are killed.
async function failover() {
  const cluster = client.connect(addresses);
  const admin = await cluster.admin();
  const [orders, input, output] = [`${name}-orders`, `${name}-in`, `${name}-out`];
  await admin.create(orders, PARTITIONS);
  const works = cluster.goesOnInTransactions;
  if (works) {
    await admin.create(input, 1);
    await admin.create(output, 2);
  }
  const members = [new Member(), new Member(), new Member()];
  let isOver = false;
  let count = 0;
  let worked = 0;
  const feeder = await cluster.writer({ idempotent: true, beginsAnew: true });
  const feeding = (async () => {
    while (!isOver) {
      // One by one: of several in one call kafkajs forgets those whose leader moves to a broker that has taken others of them.
      for (let at = 0; at < PARTITIONS; at++) {
        const compression = cluster.compressions[count / PARTITIONS % cluster.compressions.length];
        await feeder.send(orders, [{ value: `${count + at}`, partition: at }], { compression });
      }
      if (works) {
        await feeder.send(input, [{ value: `${count / PARTITIONS}`, partition: 0 }]);
      }
      count += PARTITIONS;
      do {
        await sleep(10);
      } while (!isOver && works && count / PARTITIONS > worked + BACKLOG_MAX);
    }
  })();
  const working = works ? await work(cluster, admin, input, output, () => worked++) : undefined;
  await wait(
    () => members.every(each => each.got.size > 10) && (!works || worked > 10),
    () => `members (who got ${members.map(each => each.got.size)}) and processor (${worked}) are at work, producer (${count}) too`);
  members[0].process.kill('SIGKILL');
  say('running');
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  for (let line = await lines.next(); line.value === 'progress?'; line = await lines.next()) {
    const before = [count, worked];
    await wait(
      () => count > before[0] + 30 && (!works || worked > before[1] + 10),
      () => `producer and processor go on: ${count} and ${worked}, from ${before} on`);
    say('progress');
  }

  isOver = true;
  await feeding;
  const survivors = members.slice(1);
  const got = () => new Set(members.flatMap(each => [...each.got.values()])).size;
  await wait(() => got() === count, () => `the group reads every message: ${got()} of ${count}`);
  await wait(() => !works || worked === count / 3, () => `every message is worked on: ${worked} of ${count / 3}`);
  const found = await read(cluster, `${name}-checkers`, orders, count, { mayBeginAnew: true });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const values = found.filter(message => message.partition === partition).map(message => Number(message.value));
    const expected = Array.from({ length: count / 3 }, (_, at) => at * PARTITIONS + partition);
    assert.deepStrictEqual(values, expected, `partition ${partition}: nothing lost, nothing doubled, in order`);
  }
  const log = new Map(found.map(message => [`${message.partition} ${message.offset}`, Number(message.value)]));
  members.forEach(each => each.got.forEach((value, place) => assert.strictEqual(value, log.get(place), `read at ${place}`)));
  if (works) {
    const results = await read(cluster, `${name}-checkers-of-out`, output, count / 3, { mayBeginAnew: true });
    assert.deepStrictEqual(ascending(results.map(message => Number(message.value))), Array.from({ length: count / 3 }, (_, at) => at));
  }
  survivors.forEach(each => each.process.stdin.end());
  await working?.close();
  await feeder.close();
  await admin.close();
  say(`messages ${count}`);
}

// Passes on each message in a transaction of its own; some are aborted first. When one fails, nobody knows how it ended: a new
// producer of the same id ends it, and the group's offset says whether it was committed.
async function work(cluster, admin, input, output, done) {
  const group = `${name}-workers`;
  let writer = await cluster.writer({ transactionalId: `${name}-worker` });
  return cluster.reader(group, input, async (message, reader) => {
    for (let isAborted = cluster.aborts(message.offset); ; isAborted = false) {
      try {
        const transaction = await writer.begin();
        await transaction.send(output, [{ value: message.value, partition: message.offset % 2 }]);
        await transaction.take(reader, message);
        if (!isAborted) {
          await transaction.commit();
          break;
        }
        await transaction.abort();
      } catch (error) {
        say(`failed: ${error.message}`);
        writer = await cluster.writer({ transactionalId: `${name}-worker` });
        if ((await admin.committed(group, input))[0] > message.offset) {
          break;
        }
      }
    }
    done();
  }, { sessionTimeout: SESSION_MS });
}

// What is behind an error, each once.
function causes(error) {
  const inner = [...error.errors ?? [], ...error.cause ? [error.cause] : []];
  return [...new Set(inner.flatMap(each => [`${each.apiId ?? ''} ${each.message}`, ...causes(each)]))];
}

const scenarios = { plain, assigned, failover, member };
process.on('unhandledRejection', error => {
  console.error(`FAILED: ${name} ${scenario}: ${error.stack}\n${causes(error).join('\n')}`);
  process.exit(1);
});
scenarios[scenario]().then(() => {
  say('done');
  process.exit();
});
