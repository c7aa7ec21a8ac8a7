# SPDX-License-Identifier: ISC
"""The JSON schema of a TLS report, tests/unit/data/report/tlsrpt.schema.json:
the keywords that it uses, as tap_schema.c has them for tests in C."""
import ipaddress
import json
import os
import re

TYPES = {"object": dict, "array": list, "string": str, "integer": int}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")

with open(os.path.join(os.path.dirname(__file__),
                       "../data/report/tlsrpt.schema.json"),
          encoding="utf-8") as text:
    SCHEMA = json.load(text)


def check_text(rule, value):
    if len(value) < rule.get("minLength", 0):
        yield "too short"
    if value not in rule.get("enum", [value]):
        yield "not in the list"
    what = rule.get("format")
    if what == "date-time" and not DATE_TIME.match(value):
        yield "no date-time"
    if what == "ip":
        if str(ipaddress.ip_address(value)) != value:
            yield "no address as RFC 5952 has it"


def faults(value, rule=None, place=""):
    """What the schema finds in a parsed report, a sentence each."""
    rule = SCHEMA if rule is None else rule
    if not isinstance(value, TYPES[rule["type"]]) or isinstance(value, bool):
        yield "%s: no %s" % (place, rule["type"])
        return
    if isinstance(value, str):
        for fault in check_text(rule, value):
            yield "%s: %s" % (place, fault)
    if isinstance(value, int) and value < rule.get("minimum", value):
        yield "%s: too small" % place
    if isinstance(value, list):
        if len(value) < rule.get("minItems", 0):
            yield "%s: too few" % place
        for i, item in enumerate(value):
            yield from faults(item, rule["items"], "%s[%d]" % (place, i))
    if isinstance(value, dict):
        for name in rule.get("required", []):
            if name not in value:
                yield "%s: no %s" % (place, name)
        for name, item in value.items():
            if name not in rule["properties"]:
                yield "%s: %s is additional" % (place, name)
            else:
                yield from faults(item, rule["properties"][name],
                                  place + "." + name)
