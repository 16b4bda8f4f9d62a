// npm's @platformatic/kafka, behind the few verbs that clients.js uses.
'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

const { login } = require('./access.js');

// It is an ES module, and those are not looked for where NODE_PATH says.
const library = import(require.resolve('@platformatic/kafka'));

// Of who begins anew when a call fails: it does so soon, and then asks others.
const IMPATIENCE = { retries: 3 };

// And when nothing comes for so long although something is there, it ends, for somebody else to start it again: a stream may wait for ever.
const SILENCE_MS = 10000;
const TOPIC = 2; // the kind of a resource that has a configuration
const ISOLATIONS = { read_uncommitted: 0, read_committed: 1 };

exports.connect = (addresses, { isolation = 'read_committed' } = {}) => {
  const base = { clientId: 'platformatic', bootstrapBrokers: addresses, retries: 60, retryDelay: 200, ...login };
  return {
    // zstd is there where Node has it: from 22.15 on.
    compressions: ['none', 'gzip', 'snappy', 'lz4', ...require('node:zlib').zstdCompressSync ? ['zstd'] : []],
    // Of several aborted transactions of a producer in one answer it hides the last one only: so there is one.
    aborts: number => number === 0,
    // In transactions it asks brokers that have gone for good, and throws where nobody can catch it.
    goesOnInTransactions: false,
    admin: () => openAdmin(base),
    writer: options => openWriter(base, options),
    reader: (group, topic, take, options) => openReader(base, group, topic, take, { isolation, ...options }),
  };
};

async function openAdmin(base) {
  const { Admin, describeProducersV0, kGetBootstrapConnection } = await library;
  const admin = new Admin(base);
  return {
    create: (topic, partitions) => admin.createTopics({ topics: [topic], partitions, replicas: 3 }),
    topics: () => admin.listTopics(),
    partitions: async topic => (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount,
    leaders: async topic => (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitions,
    grow: (name, count) => admin.createPartitions({ topics: [{ name, count, assignments: [] }] }),
    configure: (topic, name, value) => admin.incrementalAlterConfigs({
      resources: [{ resourceType: TOPIC, resourceName: topic, configs: [{ name, configOperation: 0, value }] }],
    }),
    config: async (topic, name) => {
      const [found] = await admin.describeConfigs({ resources: [{ resourceType: TOPIC, resourceName: topic, configurationKeys: [name] }] });
      return found.configs[0].value;
    },
    delete: topic => admin.deleteTopics({ topics: [topic] }),
    committed: async (group, topic) => {
      const [found] = await admin.listConsumerGroupOffsets({ groups: [group] });
      const partitions = found.topics.find(each => each.name === topic)?.partitions ?? [];
      return Object.fromEntries(partitions.map(at => [at.partitionIndex, Number(at.committedOffset)]));
    },
    reset: (group, topic, partitions, offset = 0) => admin.alterConsumerGroupOffsets({
      groupId: group, topics: [{ name: topic, partitionOffsets: partitions.map(partition => ({ partition, offset: BigInt(offset) })) }],
    }),
    groups: async () => [...(await admin.listGroups()).keys()],
    deleteGroup: group => admin.deleteGroups({ groups: [group] }),
    quotas: async (clientId, rates) => {
      const entities = [{ entityType: 'client-id', entityName: clientId }];
      const ops = Object.entries(rates).map(([key, value]) => ({ key, value: value ?? 0, remove: value === undefined }));
      await admin.alterClientQuotas({ entries: [{ entities, ops }] });
      const found = await admin.describeClientQuotas({ components: [{ entityType: 'client-id', matchType: 0, match: clientId }] });
      return Object.fromEntries(found.flatMap(entry => entry.values).map(({ key, value }) => [key, value]));
    },
    // It can ask for this, but has no verb for it.
    producers: async (topic, partition) => {
      const connection = await new Promise((resolve, reject) =>
        admin[kGetBootstrapConnection]((error, found) => error ? reject(error) : resolve(found)));
      const found = await describeProducersV0.api.async(connection, [{ name: topic, partitionIndexes: [partition] }]);
      return found.topics[0].partitions[0].activeProducers;
    },
    close: () => admin.close(),
  };
}

async function openWriter(base, { idempotent = false, transactionalId, beginsAnew = false } = {}) {
  const { Producer, stringSerializers } = await library;
  const isNumbered = idempotent || transactionalId !== undefined;
  const producer = new Producer({
    ...base, ...beginsAnew ? IMPATIENCE : {}, idempotent: isNumbered, transactionalId, serializers: stringSerializers,
  });
  const send = to => (topic, messages, { compression = 'none', acks = -1 } = {}) =>
    to.send({ messages: messages.map(message => ({ topic, ...message })), compression, acks });
  return {
    send: (...what) => beginsAnew ? insist(producer, () => send(producer)(...what)) : send(producer)(...what),
    begin: async () => {
      const transaction = await producer.beginTransaction();
      return {
        send: send(transaction),
        take: async (reader, message) => {
          await transaction.addConsumer(reader.consumer);
          await transaction.addOffset(message.own);
        },
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      };
    },
    close: () => producer.close(),
  };
}

// When a broker has gone it asks that one until it gives up: who uses it calls again, and it looks for the others. The same producer gives
// what is sent again the same numbers, and so nothing is there twice.
async function insist(producer, call) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      console.log(`sent again: ${error.message} ${error.errors?.at(-1)?.message ?? ''}`);
      producer.clearMetadata();
      await sleep(200);
    }
  }
}

// Its streams end with an error when a broker goes away, and its consumers ask whom they have found first to coordinate their group, until
// they give up. Who uses it begins anew then, from the committed offsets on; one that is told to does so with a consumer of its own.
async function openReader(
  base, group, topic, take, { offsets, isolation, isAssigned = false, sessionTimeout = 30000, beginsAnew = false, changed = () => {} }) {
  const { Consumer, GenericError, stringDeserializers } = await library;
  let consumer;
  let stream;
  let isClosing = false;
  let heardAt = Date.now();
  const watching = beginsAnew ? setInterval(() => {
    if (Date.now() - heardAt > SILENCE_MS) {
      throw new Error(`nothing has come for ${SILENCE_MS} ms`);
    }
  }, 1000) : undefined;
  const reader = {
    group,
    get consumer() {
      return consumer;
    },
    get assigned() {
      return consumer.assignments?.find(each => each.topic === topic)?.partitions ?? [];
    },
    close: async () => {
      isClosing = true;
      clearInterval(watching);
      await stream?.close();
      await consumer.close(true);
    },
  };
  const join = () => {
    consumer = new Consumer({
      ...base, ...beginsAnew ? IMPATIENCE : {}, groupId: group, rebalanceTimeout: 60000, deserializers: stringDeserializers,
      ...isAssigned ? { groupProtocol: 'consumer' } : { sessionTimeout, heartbeatInterval: 500 },
      autocommit: false, isolationLevel: ISOLATIONS[isolation], maxWaitTime: 100,
    });
    consumer.on('consumer:group:join', changed);
  };
  const consume = async () => {
    changed();
    stream = await consumer.consume(offsets === undefined
      ? { topics: [topic], mode: 'committed', fallbackMode: 'earliest' }
      : {
        topics: [topic], mode: 'manual',
        offsets: Object.entries(offsets).map(([partition, offset]) => ({ topic, partition: Number(partition), offset: BigInt(offset) })),
      });
  };
  join();
  await consume();
  (async () => {
    for (;;) {
      try {
        if (stream === undefined) {
          await consume();
        }
        for await (const own of stream) {
          heardAt = Date.now();
          await take({
            topic, partition: own.partition, offset: Number(own.offset), key: own.key, value: own.value,
            headers: Object.fromEntries(own.headers), commit: () => own.commit(), own,
          }, reader);
        }
        return;
      } catch (error) {
        if (isClosing || !(beginsAnew ? GenericError.isGenericError(error) : isOfFormerLeader(error))) {
          throw error;
        }
        if (beginsAnew) {
          console.log(`begins anew: ${error.message}`);
          consumer.close(true).catch(worse => console.log(`not closed: ${worse.message}`));
          join();
        }
        stream = undefined;
      }
    }
  })();
  return reader;
}

function isOfFormerLeader(error) {
  return error.apiId === 'NOT_LEADER_OR_FOLLOWER' || (error.errors ?? []).some(isOfFormerLeader);
}
