// Administers a cluster, with one of npm's clients as it is published, while brokers die and links between them are cut: node admin.js
// CLIENT ADDRESS...
//
// As admin.py: at each "round" that it is told, a topic is made, grown, configured, written and deleted, and a group's offset is set;
// then it says "administered". Each step is asked for until it can be seen. Ends with its input.
'use strict';

const assert = require('node:assert');
const readline = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');

const [name, ...addresses] = process.argv.slice(2);
const client = require(`./${name}.js`);
const PATIENCE_MS = 90000;
const CALL_MS = 10000;
const MESSAGES = 10;

// Calls until it is so: each time as a new client, which looks for brokers anew, and is not waited for for ever.
async function insist(cluster, what, call, isSo) {
  const failures = [];
  for (let attempt = 0, begun = Date.now(); ; attempt++) {
    const admin = await cluster.admin().catch(error => void failures.push(error.message));
    for (const step of admin ? [call, isSo] : []) {
      const late = sleep(CALL_MS, undefined, { ref: false }).then(() => {
        throw new Error('no answer');
      });
      const answer = await Promise.race([step(admin, attempt), late]).catch(error => void failures.push(error.message));
      if (step === isSo && answer) {
        if (failures.length > 0) {
          console.log(`${what} after ${(Date.now() - begun) / 1000} s: ${failures.join('; ')}`);
        }
        await admin.close().catch(() => {});
        return;
      }
    }
    admin?.close().catch(() => {});
    assert(Date.now() < begun + PATIENCE_MS, `not in time: ${what}: ${failures.join('; ')}`);
    await sleep(100);
  }
}

async function work(cluster, writer, number) {
  const topic = `${name}-administered-${number}`;
  const retentionMs = String(3600000 + number);
  const hasPartitions = async (admin, count) => (await admin.topics()).includes(topic) && await admin.partitions(topic) === count;
  await insist(cluster, `${topic} is made`, admin => admin.create(topic, 2), admin => hasPartitions(admin, 2));
  await insist(cluster, `${topic} is grown`, admin => admin.grow(topic, 3), admin => hasPartitions(admin, 3));
  await insist(cluster, `${topic} is configured`, admin => admin.configure(topic, 'retention.ms', retentionMs),
    async admin => await admin.config(topic, 'retention.ms') === retentionMs);
  await writer.send(topic, Array.from({ length: MESSAGES }, (_, at) => ({ value: `${at}`, partition: 0 })));
  // Each time another group: kafkajs is a member of it meanwhile, and stays that for a while when its broker dies. It takes 5 s besides.
  const group = attempt => `${name}-administrators-${number}-${attempt}`;
  await insist(cluster, `${group(0)} is set`, (admin, attempt) => admin.reset(group(attempt), topic, [0], 3),
    async (admin, attempt) => (await admin.committed(group(attempt), topic))[0] === 3);
  await insist(cluster, `${topic} is deleted`, admin => admin.delete(topic), async admin => !(await admin.topics()).includes(topic));
}

async function administer() {
  const cluster = client.connect(addresses);
  const writer = await cluster.writer({ idempotent: true, beginsAnew: true });
  let rounds = 0;
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    const begun = Date.now();
    await work(cluster, writer, rounds++);
    console.log(`administered: ${(Date.now() - begun) / 1000} s`);
  }
}

process.on('unhandledRejection', error => {
  console.error(`FAILED: ${name}: ${error.stack}`);
  process.exit(1);
});
administer().then(() => {
  console.log('done');
  process.exit();
});
