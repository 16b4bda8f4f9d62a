// How a program of npm's clients logs in over TLS, as its environment says; nothing where nobody has to.
'use strict';

const { readFileSync } = require('node:fs');

const {
  ATOLL_KAFKA_AUTHORITY: authority, ATOLL_KAFKA_MECHANISM: mechanism, ATOLL_KAFKA_USER: username, ATOLL_KAFKA_PASSWORD: password,
} = process.env;

exports.login = authority && { tls: { ca: [readFileSync(authority, 'utf8')] }, sasl: { mechanism, username, password } };
