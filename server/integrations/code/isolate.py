"""A process that runs JavaScript: one line of JSON in, one out, and a new V8 isolate for each. Started by `pool`, never imported.

V8 ends the whole process when some kinds of its memory run out (`Map` growth: "Fatal JavaScript out of memory"), and its heap limit does
not count array buffers. So it lives here, where nothing else does: without the code's environment, without files to write, with buffers
taken away, and with the memory of the process itself limited.
"""

import json
import os
import re
import resource
import sys
from typing import Any

from py_mini_racer import DEFAULT_V8_FLAGS, JSEvalException, JSOOMException, JSTimeoutException, MiniRacer, init_mini_racer

HEAP_MB = 64
HEAP_FLAGS = (f"--max-heap-size={HEAP_MB}", "--max-semi-space-size=4", "--stack-size=512")
MORE_MEMORY = 192 << 20
LARGEST_RSS = 200 << 20
MOST_RESULT_CHARACTERS = 256 << 10
EXACT_DIGITS = 15

_TAKEN_AWAY = (
    *("ArrayBuffer", "SharedArrayBuffer", "DataView", "WebAssembly", "Atomics", "FinalizationRegistry", "WeakRef"),
    *("Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"),
    *("Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"),
    *("setTimeout", "clearTimeout", "__timer_manager"),
)
_PREPARE = f"for (const name of {json.dumps(_TAKEN_AWAY)}) {{ globalThis[name] = undefined; delete globalThis[name]; }} 0"
_LINES_BEFORE_THE_SOURCE = 3
_PLACE = re.compile(r"^(\S*?):(\d+): (.*)")
_RUN = """(() => {
  const source = %s, input = JSON.parse(%s), stringify = JSON.stringify;
  const value = stringify(new Function("input", '"use strict";\\n' + source)(input));
  return value === undefined ? "null" : value;
})()"""


def limit_this_process() -> None:
    """Little memory more than V8 has at rest (570 MB of reserved data, hence relative), no files to write, no core dumps."""
    with open("/proc/self/status") as status:
        at_rest = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
    for kind, limit in (
        (resource.RLIMIT_DATA, at_rest + MORE_MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    os.nice(10)


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """What the code returns as `{"value": ...}`, or `{"error": kind, "message": sentence}`."""
    engine = MiniRacer()
    seconds = asked["timeout_ms"] / 1000
    try:
        engine.eval(_PREPARE)
        engine.set_hard_memory_limit(48 << 20)
        text = engine.eval(_RUN % (json.dumps(asked["source"]), json.dumps(json.dumps(asked["input"]))), timeout_sec=seconds)
        if not isinstance(text, str):
            return {"error": "code_error", "message": "The code must return something that can be written as JSON."}
        if len(text) > MOST_RESULT_CHARACTERS:
            return {"error": "too_large", "message": f"The result is larger than {MOST_RESULT_CHARACTERS >> 10} KB."}
        return {"value": json.loads(text, parse_int=_number)}
    except JSTimeoutException:
        return {"error": "timeout", "message": f"The code did not end within {seconds:g} s.", "last": True}
    except JSOOMException:
        return {"error": "memory", "message": f"The code needs more than {HEAP_MB} MB of memory.", "last": True}
    except JSEvalException as error:
        return {"error": "code_error", "message": _in_short(str(error))}
    except RecursionError:
        return {"error": "too_large", "message": "The result is nested too deeply."}
    finally:
        engine.close()  # an open isolate keeps the interpreter from ending


def _number(digits: str) -> int | float:
    """Every number of JavaScript is a double: long ones are not exact and stay one."""
    return int(digits) if len(digits) <= EXACT_DIGITS else float(digits)


def _in_short(message: str) -> str:
    """The sentence of an error, with the line of the source when it is known."""
    first = message.strip().partition("\n")[0]
    found = _PLACE.match(first)
    if found is None:
        return first[:500]
    line = int(found[2]) - _LINES_BEFORE_THE_SOURCE
    return found[3][:500] + (f" (line {line})" if found[1] == "undefined" and line > 0 else "")


def main() -> None:
    """Answer line by line until the input closes or the memory is worn."""
    init_mini_racer(flags=(*DEFAULT_V8_FLAGS, *HEAP_FLAGS))
    first = MiniRacer()
    first.eval("1")
    first.close()
    limit_this_process()
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
    os.dup2(2, 1)
    answers.write('{"ready": true}\n')
    for line in sys.stdin:
        answer = run(json.loads(line))
        with open("/proc/self/statm") as statm:
            rss = int(statm.read().split()[1]) * resource.getpagesize()
        answer["last"] = answer.get("last", False) or rss > LARGEST_RSS
        answers.write(json.dumps(answer) + "\n")
        if answer["last"]:
            break


if __name__ == "__main__":
    main()
