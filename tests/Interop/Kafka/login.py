"""Clients of Kafka, unchanged, that log in: login.py HOST TOKEN AUTHORITY, the last one "-" where there is no TLS.

Roles are made by CQL, as an operator would make them; then each client comes in by each mechanism, and with a wrong password does not.
"""

import sys
import time

import confluent_kafka
import kafka

from roles import make_roles

HOST, TOKEN, AUTHORITY = sys.argv[1:]
BROKER = f"{HOST}:9092"
IS_SECURE = AUTHORITY != "-"
PROTOCOL = "SASL_SSL" if IS_SECURE else "SASL_PLAINTEXT"
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
NAME = "ad,a="  # a comma and an equals sign are escaped by SCRAM
PASSWORD = "l\u00f6velace, 1"


def say(text):
    print(text, flush=True)


def check(condition, text):
    if not condition:
        raise SystemExit(f"FAILED: {text}")


def librdkafka(mechanism):
    settings = {"bootstrap.servers": BROKER, "security.protocol": PROTOCOL, "sasl.mechanism": mechanism, "sasl.username": NAME}
    if IS_SECURE:
        settings["ssl.ca.location"] = AUTHORITY
    failures = []
    good = confluent_kafka.Producer({**settings, "sasl.password": PASSWORD})
    good.produce("logins", mechanism, on_delivery=lambda error, _: failures.append(error) if error else None)
    check(good.flush(30) == 0 and not failures, f"librdkafka comes in by {mechanism}: {failures}")

    bad = confluent_kafka.Producer({**settings, "sasl.password": "Lovelace", "error_cb": failures.append, "log_level": 0})
    deadline = time.monotonic() + 30
    while not failures and time.monotonic() < deadline:
        bad.poll(0.05)
    code = confluent_kafka.KafkaError._AUTHENTICATION
    check(failures and failures[0].code() == code, f"librdkafka is told that the password is wrong by {mechanism}: {failures}")


def kafka_python(mechanism):
    # It does not escape what is in names, so that it gets the plain one.
    settings = {"bootstrap_servers": [BROKER], "security_protocol": PROTOCOL, "sasl_mechanism": mechanism, "sasl_plain_username": "ada"}
    if IS_SECURE:
        settings["ssl_cafile"] = AUTHORITY
    good = kafka.KafkaProducer(**settings, sasl_plain_password="lovelace", api_version_auto_timeout_ms=30000)
    good.send("logins", mechanism.encode()).get(30)
    good.close()

    # It speaks the oldest version, in which a connection that is closed is the only answer: after this time it gives up.
    try:
        kafka.KafkaProducer(**settings, sasl_plain_password="Lovelace", api_version_auto_timeout_ms=500)
        check(False, f"kafka-python came in by {mechanism} with a wrong password")
    except kafka.errors.NoBrokersAvailable:
        pass


make_roles(HOST, TOKEN, AUTHORITY, [(NAME, PASSWORD), ("ada", "lovelace")])
say("roles")
for each in MECHANISMS:
    librdkafka(each)
kafka_python("SCRAM-SHA-256")
kafka_python("SCRAM-SHA-512")
say("done")
