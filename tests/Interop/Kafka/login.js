// npm's clients of Kafka, as they are published, that log in: node login.js HOST TOKEN AUTHORITY, the last one "-" where there is no TLS.
//
// The role is there; each client comes in by each mechanism, and with a wrong password is told so.
'use strict';

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { Kafka, logLevel } = require('kafkajs');

// It is an ES module, and those are not looked for where NODE_PATH says.
const library = import(require.resolve('@platformatic/kafka'));

const [host, , authority] = process.argv.slice(2);
const broker = `${host}:9092`;
const PATIENCE_MS = 30000; // nothing is tried again, and the machine may be busy
const tls = authority === '-' ? undefined : { ca: [readFileSync(authority, 'utf8')] };

async function kafkajs(mechanism, password) {
  const kafka = new Kafka({
    clientId: 'kafkajs', brokers: [broker], ssl: tls, logLevel: logLevel.NOTHING, retry: { retries: 0 },
    connectionTimeout: PATIENCE_MS, authenticationTimeout: PATIENCE_MS,
    sasl: { mechanism: mechanism.toLowerCase(), username: 'ada', password },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

async function platformatic(mechanism, password) {
  const { Admin } = await library;
  const admin = new Admin({
    clientId: 'platformatic', bootstrapBrokers: [broker], tls, retries: 0, connectTimeout: PATIENCE_MS,
    sasl: { mechanism, username: 'ada', password },
  });
  try {
    await admin.listTopics();
  } finally {
    await admin.close();
  }
}

function causes(error) {
  return [error.message, ...[...error.errors ?? [], ...error.cause ? [error.cause] : []].flatMap(causes)];
}

async function main() {
  for (const client of [kafkajs, platformatic]) {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      await client(mechanism, 'lovelace');
      const failure = await client(mechanism, 'Lovelace').then(() => undefined, error => error);
      assert(failure !== undefined, `${client.name} came in by ${mechanism} with a wrong password`);
      assert(
        causes(failure).some(text => /authentication/i.test(text)), `${client.name}, ${mechanism}: ${causes(failure).join('; ')}`);
    }
  }
}

main().then(() => {
  console.log('done');
  process.exit();
}, error => {
  console.error(`FAILED: ${error.stack}\n${causes(error).join('\n')}`);
  process.exit(1);
});
