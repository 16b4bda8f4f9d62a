// npm's kafkajs, behind the few verbs that clients.js uses.
'use strict';

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = require('kafkajs');

const { login } = require('./access.js');

const COMPRESSIONS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP };

exports.connect = (addresses, { isolation = 'read_committed' } = {}) => {
  const kafka = new Kafka({
    clientId: 'kafkajs', brokers: addresses, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
    ...login && { ssl: login.tls, sasl: { ...login.sasl, mechanism: login.sasl.mechanism.toLowerCase() } },
  });
  return {
    // The others are packages of their own: the client itself has these.
    compressions: Object.keys(COMPRESSIONS),
    goesOnInTransactions: true,
    aborts: number => number % 5 === 0,
    admin: () => openAdmin(kafka),
    writer: options => openWriter(kafka, options),
    reader: (group, topic, take, options) => openReader(kafka, group, topic, take, { isolation, ...options }),
  };
};

async function openAdmin(kafka) {
  const admin = kafka.admin();
  await admin.connect();
  return {
    create: (topic, numPartitions) => admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3 }] }),
    // Undefined where any topic, also somebody else's that is being made, has a partition without a leader: then it swallows what each
    // broker says, and takes the list from null.
    topics: () => admin.listTopics().catch(error => {
      if (!(error instanceof TypeError)) {
        throw error;
      }
    }),
    partitions: async topic => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length,
    leaders: async topic => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions,
    grow: (topic, count) => admin.createPartitions({ topicPartitions: [{ topic, count }] }),
    configure: (topic, name, value) => admin.alterConfigs({
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }],
    }),
    config: async (topic, name) => {
      const found = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }] });
      return found.resources[0].configEntries[0].configValue;
    },
    delete: topic => admin.deleteTopics({ topics: [topic] }),
    committed: async (group, topic) => {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return Object.fromEntries(found.partitions.map(at => [at.partition, Number(at.offset)]));
    },
    reset: (group, topic, partitions, offset = 0) => admin.setOffsets({
      groupId: group, topic, partitions: partitions.map(partition => ({ partition, offset: String(offset) })),
    }),
    groups: async () => (await admin.listGroups()).groups.map(group => group.groupId),
    deleteGroup: group => admin.deleteGroups([group]),
    close: () => admin.disconnect(),
  };
}

async function openWriter(kafka, { idempotent = false, transactionalId } = {}) {
  const producer = kafka.producer({ idempotent: idempotent || transactionalId !== undefined, maxInFlightRequests: 1, transactionalId });
  await producer.connect();
  const send = to => (topic, messages, { compression = 'none', acks = -1 } = {}) =>
    to.send({ topic, messages, compression: COMPRESSIONS[compression], acks });
  return {
    send: send(producer),
    begin: async () => {
      const transaction = await producer.transaction();
      return {
        send: send(transaction),
        take: (reader, message) => transaction.sendOffsets({
          consumerGroupId: reader.group,
          topics: [{ topic: message.topic, partitions: [{ partition: message.partition, offset: String(message.offset + 1) }] }],
        }),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      };
    },
    close: () => producer.disconnect(),
  };
}

async function openReader(kafka, group, topic, take, { offsets, isolation, sessionTimeout = 30000, changed = () => {} }) {
  const consumer = kafka.consumer({
    groupId: group, sessionTimeout, heartbeatInterval: 500, maxWaitTimeInMs: 100, readUncommitted: isolation !== 'read_committed',
  });
  const reader = { group, assigned: [], close: () => consumer.disconnect() };
  const joined = new Promise(resolve => {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      reader.assigned = payload.memberAssignment[topic] ?? [];
      changed();
      resolve();
    });
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ partition, message }) => take({
      topic, partition, offset: Number(message.offset), key: message.key?.toString(), value: message.value.toString(),
      headers: Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, value.toString()])),
      commit: () => consumer.commitOffsets([{ topic, partition, offset: String(BigInt(message.offset) + 1n) }]),
    }, reader),
  });
  for (const [partition, offset] of Object.entries(offsets ?? {})) {
    consumer.seek({ topic, partition: Number(partition), offset: String(offset) });
  }

  await joined;
  return reader;
}
