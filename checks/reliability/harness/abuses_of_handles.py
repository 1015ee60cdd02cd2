"""Plugins that ask their host for too much: floods, broken lines, all that may be kept, and servers that do not end."""

from .abuses import ANSWERS, FIND_CHANNEL, Abuse, code

# In how many seconds of a call a flood comes: many more asks than a host answers at once.
FLOOD = "import time\nuntil = time.monotonic() + 0.25\nwhile time.monotonic() < until:\n    "
SWALLOW = "try:\n        %s\n    except (PermissionError, RuntimeError):\n        pass\nreturn {}"


def flood(what, before=""):
    """Code that does that again and again, whatever the host says."""
    return code("", before + FLOOD + SWALLOW % what)


def beside_each_other(count, what):
    """Code of so many threads that do that at once."""
    return code("import threading", f"def ask():\n    for _ in range(5):\n        try:\n            {what}\n"
                f"        except (PermissionError, RuntimeError) as error:\n            pass\n"
                f"all_of_them = [threading.Thread(target=ask) for _ in range({count})]\n"
                "[one.start() for one in all_of_them]\n[one.join() for one in all_of_them]\nreturn {}")


def fetching(path):
    """Code that fetches that of the server which its operator lets it go to."""
    return code("", f"return {{'status': context.get_network_outbound().fetch('GET', payload['server'] + '{path}').status}}")


FACTS, AUDIT, NETWORK = ("facts.read", "facts.write"), ("audit.emit", "audit.read"), ("network.outbound",)
RECALL = (*FACTS, "recall.read", "recall.write")
WRITER = "facts = context.get_facts_writer()\n"

ASKS = [
    Abuse("asks-what-it-may-not", flood("context.get_tenant_writer()"), statuses=(200,)),
    Abuse("asks-without-reading", code(FIND_CHANNEL, "for n in range(10 ** 5):\n    os.write(channel(), b'?%d %d "
                                                     "{\"handle\": "
                                                     "\"facts.read\", \"method\": \"open\"}\\n' % (n, n))\nreturn {}"),
          statuses=ANSWERS, ends=True, is_fresh=True, capabilities=FACTS, beside=2),
    Abuse("asks-in-broken-lines", code(FIND_CHANNEL, "os.write(channel(), b'?x y {\\n')\nreturn {}"), statuses=ANSWERS,
          ends=True),
    Abuse("asks-with-huge-numbers", code(FIND_CHANNEL, "os.write(channel(), b'?' + b'9' * 400 + b' 1 {}\\n')\nreturn {}"),
          statuses=ANSWERS, ends=True),
    Abuse("asks-in-deep-json", code(FIND_CHANNEL, "os.write(channel(), b'?3 1 ' + b'[' * 60000 + b'\\n')\nreturn {}"),
          statuses=ANSWERS, ends=True),
    Abuse("asks-in-bytes", code(FIND_CHANNEL, "os.write(channel(), b'?3 1 \\xff\\xfe\\x00{}\\n')\nreturn {}"),
          statuses=ANSWERS, ends=True),
    Abuse("asks-for-no-call", code(FIND_CHANNEL, "ask = b'?%d %d {\"handle\": \"facts.read\", \"method\": \"open\"}\\n'\n"
                                                 "for n in range(100):\n    os.write(channel(), ask % (10 ** 6 + n, n))\n"
                                                 "return {}"), statuses=ANSWERS, ends=True, capabilities=FACTS),
    Abuse("asks-longer-than-may-be", flood("context.get_facts_writer().put('a', 'x' * (1 << 20))"), statuses=(200,),
          capabilities=FACTS),
    Abuse("asks-in-50-threads", beside_each_other(50, "context.get_facts_reader().list('')"), statuses=(200,),
          capabilities=FACTS),
    Abuse("asks-after-its-call", code("import threading, time", "it = context.get_facts_reader()\n\ndef go_on():\n"
                                      "    for _ in range(200):\n        try:\n            it.usage()\n"
                                      "        except RuntimeError:\n            pass\n"
                                      "[threading.Thread(target=go_on, daemon=True).start() for _ in range(8)]\nreturn {}"),
          statuses=(200,), capabilities=FACTS, is_fresh=True),
    Abuse("asks-in-forks", code("import os", "it = context.get_facts_reader()\nfor _ in range(4):\n    if os.fork() == 0:\n"
                                             "        try:\n            for _ in range(50):\n                it.usage()\n"
                                             "        finally:\n            os._exit(0)\nreturn it.usage()"),
          statuses=ANSWERS, capabilities=FACTS, ends=True, is_fresh=True, beside=5),
    Abuse("opens-handles", flood("context.get_facts_reader(); context.get_config_reader(); context.get_identity_reader().caller()"),
          statuses=(200,), capabilities=("facts.read", "config.read", "identity.read")),
]

KEPT = [
    Abuse("writes-facts-to-its-quota", code("", WRITER + "for n in range(400):\n    facts.put('big-%d-%d' % (n, id(n)), "
                                                         "'x' * 65000)\n"
                                                         "return {}"), says="keeps at most", capabilities=FACTS),
    Abuse("writes-25000-facts", code("", WRITER + "for n in range(50):\n    facts.put_many({'small-%d-%d' % (n, m): m for "
                                                  "m in "
                                                  "range(500)})\nreturn {}"), says="keeps at most", capabilities=FACTS),
    Abuse("writes-and-forgets", code("", WRITER + "for n in range(40):\n    facts.put('x', 'y%d' % n * 9000)\n    "
                                                  "facts.delete('x')\n"
                                                  "return {}"), statuses=(200,), capabilities=FACTS),
    Abuse("writes-what-cannot-be-kept", flood("facts.put('a\\x00\\n' * 200, float('nan'))", WRITER), statuses=ANSWERS,
          capabilities=FACTS),
    Abuse("recalls-everything", code("", WRITER + "try:\n    for n in range(10):\n        facts.put_many({'%d-%d' % (n, "
                                                  "m): 'word and "
                                                  "another %d' % m for m in range(500)})\nexcept RuntimeError:\n    pass\n"
                                                  "recall = context.get_recall_reader()\n"
                                                  "for _ in range(10):\n    recall.search('word and another', 100)\nreturn {}"),
          statuses=(200,), capabilities=RECALL),
    Abuse("recalls-with-long-queries", flood("context.get_recall_reader().search('w ' * 30000, 10 ** 30)"), statuses=(200,),
          capabilities=RECALL),
    Abuse("pins-everything", code("", WRITER + "facts.put('p', 1)\nrecall = context.get_recall_writer()\nfor n in "
                                               "range(60):\n"
                                               "    recall.pin('p')\n    recall.annotate('p', 'n' * 1000)\nreturn {}"),
          statuses=(200,), capabilities=RECALL),
    Abuse("emits-a-flood", flood("context.get_audit_emitter().emit('abuse\\x1b[2J', target='t' * 100, metadata={'a': 'x' * 1000})"),
          statuses=(200,), capabilities=AUDIT),
    Abuse("emits-long-lines", flood("context.get_audit_emitter().emit('abuse', metadata={'a': 'x' * 100000})"),
          statuses=(200,),
          capabilities=AUDIT),
    Abuse("reads-all-of-the-log", flood("context.get_audit_reader().read(1000)"), statuses=(200,), capabilities=AUDIT),
]

NETWORKED = [
    Abuse("fetches-10-gb", fetching("/endless"), capabilities=NETWORK),
    Abuse("fetches-what-drips", fetching("/drips"), ends=True, capabilities=NETWORK, beside=5),
    Abuse("fetches-endless-headers", fetching("/headers"), capabilities=NETWORK),
    Abuse("fetches-in-circles", fetching("/circle"), capabilities=NETWORK),
    Abuse("fetches-garbage", fetching("/garbage"), capabilities=NETWORK),
    Abuse("fetches-what-lies", fetching("/lies"), capabilities=NETWORK),
    Abuse("fetches-bombs", fetching("/bomb"), statuses=ANSWERS, capabilities=NETWORK),
    Abuse("fetches-elsewhere", flood("context.get_network_outbound().fetch('GET', 'http://169.254.169.254/latest')"),
          statuses=(200,), capabilities=NETWORK),
    Abuse("fetches-a-flood", flood("context.get_network_outbound().fetch('POST', payload['server'] + '/small', {'a': 'b'}, "
                                   "'x' * 60000)"), statuses=(200,), capabilities=NETWORK),
    Abuse("fetches-in-50-threads", beside_each_other(50, "context.get_network_outbound().fetch('GET', payload['server'] + '/small')"),
          statuses=(200,), capabilities=NETWORK),
    Abuse("fetches-with-false-headers", flood("context.get_network_outbound().fetch('GET\\r\\nX: y', payload['server'], "
                                              "{'a\\r\\nb': 'c\\r\\n\\r\\nd', 'Host': 'x', 'Content-Length': '9'})"),
          statuses=(200,), capabilities=NETWORK),
]

ALL = [*ASKS, *KEPT, *NETWORKED]
