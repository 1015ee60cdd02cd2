#!/usr/bin/env python3
"""Holds a SARIF log to the committee's JSON schema: `sarif.py SCHEMA LOG`. Prints how many results it has."""

import json
import sys

import jsonschema


def main(schema_path, log_path):
    with open(schema_path, encoding="utf-8") as schema, open(log_path, encoding="utf-8") as log:
        schema, log = json.load(schema), json.load(log)
    kind = jsonschema.validators.validator_for(schema)
    errors = list(kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(log))
    for error in errors[:20]:
        print("/".join(map(str, error.path)), error.message)
    print(sum(len(run["results"]) for run in log["runs"]), "results")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
