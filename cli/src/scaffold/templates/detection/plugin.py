"""{{name}}: an AiSOC detection, which evaluates the rules in rules/ on events.

A host imports this file by its path, makes `Plugin()` without arguments and awaits
`run(payload, context)`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import ast
import asyncio
import fnmatch
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable

CONFIG_VARIABLE = "{{config_variable}}"
RULES = Path(__file__).resolve().parent / "rules"
SEVERITIES = ("info", "low", "medium", "high")

# Words that are text to some readers of YAML only.
AMBIGUOUS = {"yes", "no", "on", "off", "y", "n", "true", "false", "null"}
# Characters that end a line, or are forbidden, for some readers only; tabs are among them.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
PLAIN_TEXT = re.compile(r"[A-Za-z](?:[^:#]|:(?=\S)|(?<=\S)#)*")


class Plugin:
    """Evaluates every enabled rule on every event."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        if config is None:
            config = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
        minimum = SEVERITIES.index(config.get("minimum_severity", "info"))
        # Read here, so that a broken rule is seen when the plugin is loaded, not at the first event.
        rules = [Rule(path) for path in sorted(RULES.glob("*.yaml"))]
        self.rules = [rule for rule in rules if rule.enabled and SEVERITIES.index(rule.severity) >= minimum]

    async def run(self, payload: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Evaluates `payload["events"]`, or the payload itself as the one event."""
        events = payload.get("events", [payload])
        return {
            "rules": [rule.id for rule in self.rules],
            "alerts": [rule.alert(event) for event in events for rule in self.rules if rule.matches(event)],
        }


class Rule:
    """One file of rules/."""

    def __init__(self, path: Path) -> None:
        try:
            fields = RuleReader(path.read_text(encoding="utf-8")).read()
            self.id: str = fields["id"]
            self.title: str = fields["title"]
            self.severity: str = fields["severity"]
            self.enabled: bool = fields.get("enabled", True)
            if self.severity not in SEVERITIES:
                raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}")
            self.selections = dict(fields["detection"])
            condition = self.selections.pop("condition")
            if not all(isinstance(selection, dict) for selection in self.selections.values()):
                raise ValueError("each selection must be a mapping of fields to patterns")
            self.condition = compile_condition(str(condition), set(self.selections))
        except KeyError as missing:
            raise ValueError(f"{path.name}: {missing} is missing") from None
        except (TypeError, ValueError) as problem:
            raise ValueError(f"{path.name}: {problem}") from None

    def matches(self, event: dict[str, Any]) -> bool:
        """Whether the rule describes this event."""
        return self.condition(lambda name: selects(self.selections[name], event))

    def alert(self, event: dict[str, Any]) -> dict[str, Any]:
        """The alert that this event raises."""
        return {"rule_id": self.id, "title": self.title, "severity": self.severity, "event": event}


def selects(selection: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether all fields match, each with at least one of its patterns."""
    return all(
        any(matches(pattern, field_value(event, field)) for pattern in patterns_of(patterns))
        for field, patterns in selection.items()
    )


def patterns_of(patterns: Any) -> list[Any]:
    """One pattern is a list of one."""
    return patterns if isinstance(patterns, list) else [patterns]


def matches(pattern: Any, value: Any) -> bool:
    """Text by `*` and `?`, everything else by type and value: `true` is not 1."""
    if isinstance(value, list):
        return any(matches(pattern, item) for item in value)
    if isinstance(pattern, str) and isinstance(value, str):
        # fnmatch also knows [sets], which are plain text here.
        return fnmatch.fnmatchcase(value.lower(), pattern.lower().replace("[", "[[]"))
    return type(pattern) is type(value) and pattern == value


def field_value(event: Any, field: str) -> Any:
    """`a.b` as the key "a.b", or as b inside a; None when there is neither."""
    if not isinstance(event, dict):
        return None
    if field in event:
        return event[field]
    head, dot, rest = field.partition(".")
    return field_value(event.get(head), rest) if dot else None


Condition = Callable[[Callable[[str], bool]], bool]


def compile_condition(text: str, names: set[str]) -> Condition:
    """`a and (b or not c)`: Python's own grammar, of which only these words are accepted."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"condition {text!r} is not an expression") from None

    def compile_node(node: ast.expr) -> Condition:
        if isinstance(node, ast.Name) and node.id in names:
            name = node.id
            return lambda holds: holds(name)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            operand = compile_node(node.operand)
            return lambda holds: not operand(holds)
        if isinstance(node, ast.BoolOp):
            join = all if isinstance(node.op, ast.And) else any
            parts = [compile_node(value) for value in node.values]
            return lambda holds: join(part(holds) for part in parts)
        raise ValueError(f"condition {text!r} may hold selections, and, or, not and brackets only")

    return compile_node(tree)


class RuleReader:
    """Reads the part of YAML that every reader of YAML reads alike, and refuses the rest."""

    def __init__(self, text: str) -> None:
        lines = [(number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1)]
        for number, line in lines:
            if FORBIDDEN.search(line):
                raise ValueError(f"line {number}: a character that must be escaped in double quotes")
        lines = [(number, line.rstrip(" ")) for number, line in lines]
        self.lines = [(n, line) for n, line in lines if line and not line.lstrip().startswith("#")]
        self.next = 0

    def read(self) -> dict[str, Any]:
        """The whole file, which must be one mapping."""
        fields = self._block(0)
        if self.next < len(self.lines) or not isinstance(fields, dict):
            raise self._problem("expected `key: value` at the left margin")
        return fields

    def _block(self, indent: int) -> Any:
        """A mapping or a list whose lines all begin at this column."""
        result: Any = [] if self._at(indent).startswith("- ") else {}
        while self._at(indent):
            line = self._at(indent)
            if isinstance(result, list):
                if not line.startswith("- "):
                    raise self._problem("expected `- value`")
                result.append(self._scalar(line[2:].strip()))
                self.next += 1
                continue
            key, colon, value = line.partition(":")
            if not colon or not re.fullmatch(r"[A-Za-z_][\w.-]*", key) or value[:1] not in ("", " "):
                raise self._problem("expected `key: value`")
            if key in result or key.lower() in AMBIGUOUS:
                raise self._problem(f"the key {key!r} stands twice, or is not text to every reader")
            result[key] = self._value(value.strip(), indent)
        return result

    def _value(self, text: str, indent: int) -> Any:
        """The value on this line, or the deeper block below it."""
        if text:
            value = self._scalar(text)
            self.next += 1
            return value
        self.next += 1
        deeper = self._indent()
        if deeper <= indent:
            raise self._problem("expected a deeper block; for nothing write null")
        return self._block(deeper)

    def _scalar(self, text: str) -> Any:
        """One value on one line."""
        if text.startswith('"'):
            try:
                value, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                raise self._problem("double-quoted text that does not end, or has an unknown escape") from None
            if text[end:].strip() and not re.match(r"\s+#", text[end:]):
                raise self._problem("text after the closing quote")
            return value
        text = re.split(r"\s+#", text)[0]
        if text in ("true", "false", "null") or re.fullmatch(r"0|-?[1-9][0-9]{0,14}", text):
            return json.loads(text)
        if PLAIN_TEXT.fullmatch(text) and text.lower() not in AMBIGUOUS:
            return text
        raise self._problem(f"put {text!r} in double quotes")

    def _indent(self) -> int:
        """Where the next line begins; -1 at the end."""
        if self.next == len(self.lines):
            return -1
        line = self.lines[self.next][1]
        return len(line) - len(line.lstrip(" "))

    def _at(self, indent: int) -> str:
        """The next line if it begins at this column; a deeper one is a mistake."""
        if self._indent() > indent:
            raise self._problem("unexpected indentation")
        return self.lines[self.next][1][indent:] if self._indent() == indent else ""

    def _problem(self, text: str) -> ValueError:
        number = self.lines[min(self.next, len(self.lines) - 1)][0] if self.lines else 1
        return ValueError(f"line {number}: {text}")


if __name__ == "__main__":
    sample = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    print(json.dumps(asyncio.run(Plugin().run(sample, {})), indent=2))
