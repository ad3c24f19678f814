#!/usr/bin/env python3
"""A stub of the model APIs on the loopback interface, so that real agent programs can run without a model.

    model_stub.py --scenario FILE --log FILE [--port-file FILE] [--bodies DIR]

It speaks as much of Anthropic's Messages API, OpenAI's Responses API and Google's Gemini API as Claude Code, Codex and
Gemini CLI need. Its port is the first line of its standard output, and all that --port-file ever holds.

A scenario is a JSON list of steps. A request is answered by the first step that has answers left and whose `when` is in
what the user said last:

    when            a text; without it, whatever the user said
    times           how often the step is taken (1)
    tools           [{"name": …, "input": {…}}, …]: what the model calls first, all in one answer (`input` is a text for
                    Codex's free-form tools). All that is said below of the answer is about the one to the request that
                    brings the calls' results.
    text            what the model says
    usage           what the answer reports, and the one with the calls, too: {"input", "cache_write_5m",
                    "cache_write_1h", "cache_read", "output", "reasoning"}; `input` is what the cache had no part in,
                    `reasoning` is a part of `output`
    stop            why the model stopped, in the API's own word ("max_tokens", "MAX_TOKENS")
    status, error, headers
                    the answer is this HTTP status, with {"type": …, "message": …} in the API's own wrapping; a header
                    {"after": SECONDS} is the time so much later, in seconds since 1970
    delay_ms        the answer comes so much later
    wait_for        the answer comes when this file exists; FILE.waiting is made when the wait begins
    drop            the connection breaks instead
    midway          delay, wait or break come in the middle of a streamed answer, not before it

Requests beside the conversation (titles, the choice of a model) offer the model no tools. They get a fixed answer that
reports SIDE_USAGE, and no step is taken.

The log has a JSON line for each answer: time of the request, path, model, number of messages, the last user text (200
characters), whether it was a side request, the HTTP status, and the usage that the answer reported; null if none did,
or if the answer did not reach its end. --bodies keeps the requests themselves, as DIR/1.json and so on.
"""

import argparse
import contextlib
import itertools
import json
import math
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USAGE = {"input": 0, "cache_write_5m": 0, "cache_write_1h": 0, "cache_read": 0, "output": 0, "reasoning": 0}
SIDE_USAGE = USAGE | {"input": 7, "output": 3}
# Gemini CLI asks this way which model suits a prompt, and goes on asking if it does not get that; others take any text.
SIDE_TEXT = '{"complexity_reasoning": "a stub knows no other", "complexity_score": 50}'


@dataclass
class Question:
    """What a request asks, whatever its API."""

    model: str
    messages: int
    text: str  # what the user said last
    answered_calls: list  # the ids of those whose results are the last that was said
    streamed: bool
    side: bool


@dataclass
class Answer:
    """What the model says or calls, whatever its API."""

    text: str = ""
    calls: list = field(default_factory=list)  # of {"id", "name", "input"}
    usage: dict = field(default_factory=USAGE.copy)
    stop: str | None = None
    number: int = 0  # makes ids unique


class Scenario:
    """The steps, and how many answers each has left. Any thread may ask."""

    def __init__(self, steps):
        self._steps = steps
        self._left = [step.get("times", 1) for step in steps]
        self._steps_of_calls = {}
        self._lock = threading.Lock()
        self._number = 0

    def next(self, question):
        """The step that answers this question, and its answer."""
        with self._lock:
            self._number += 1
            if question.side:
                return {}, Answer(SIDE_TEXT, usage=SIDE_USAGE, number=self._number)
            index = self._continued(question)
            if index is None:
                index = self._matching(question)
                if index is None:
                    return self._no_step(question), Answer(number=self._number)
                self._left[index] -= 1
                if "tools" in self._steps[index]:
                    return {}, self._calls(index)
            return self._steps[index], self._text(index)

    def _continued(self, question):
        """The step whose calls' results this question brings."""
        steps = [self._steps_of_calls[call] for call in question.answered_calls if call in self._steps_of_calls]
        return steps[0] if steps else None

    def _matching(self, question):
        for index, step in enumerate(self._steps):
            if self._left[index] > 0 and step.get("when", "") in question.text:
                return index
        return None

    def _calls(self, index):
        tools = self._steps[index]["tools"]
        calls = [{"id": f"call_{self._number}_{position}", **tool} for position, tool in enumerate(tools)]
        self._steps_of_calls.update({call["id"]: index for call in calls})
        return Answer(calls=calls, usage=self._usage(index), number=self._number)

    def _text(self, index):
        step = self._steps[index]
        return Answer(step.get("text", ""), usage=self._usage(index), stop=step.get("stop"), number=self._number)

    def _usage(self, index):
        return USAGE | self._steps[index].get("usage", {})

    @staticmethod
    def _no_step(question):
        complaint = f"the scenario has no step for: {question.text[:200]}"
        return {"status": 400, "error": {"type": "invalid_request_error", "message": complaint}}


def last_ids(parts, id_of):
    """The ids of the parts at the end that have one."""
    return list(itertools.takewhile(bool, (id_of(part) for part in reversed(parts))))


def halves(text):
    return [text[: len(text) // 2], text[len(text) // 2 :]]


# An API: what its requests ask (read), and its answers, whole (plain), streamed (events), and for a failure (error).


class Anthropic:
    @staticmethod
    def read(_path, body):
        def blocks(message):
            content = message["content"]
            return [{"type": "text", "text": content}] if isinstance(content, str) else content

        def is_reminder(block):
            # The program's, beside what the user says. The end of a background task is told the same way, and is all
            # that its turn is about.
            text = block.get("text", "")
            return text.startswith("<system-reminder>") and "<task-notification>" not in text

        said = [block for message in body["messages"] if message["role"] == "user" for block in blocks(message)]
        said = [block for block in said if not is_reminder(block)]
        return Question(
            model=body["model"],
            messages=len(body["messages"]),
            text=next((block["text"].strip() for block in reversed(said) if block["type"] == "text"), ""),
            answered_calls=last_ids(said, lambda block: block.get("tool_use_id")),
            streamed=body.get("stream", False),
            side=not body.get("tools"),
        )

    @staticmethod
    def usage(usage):
        return {
            "input_tokens": usage["input"],
            "cache_creation_input_tokens": usage["cache_write_5m"] + usage["cache_write_1h"],
            "cache_read_input_tokens": usage["cache_read"],
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage["cache_write_5m"],
                "ephemeral_1h_input_tokens": usage["cache_write_1h"],
            },
            "output_tokens": usage["output"],
            "service_tier": "standard",
        }

    @classmethod
    def plain(cls, question, answer):
        content = [{"type": "tool_use", **call} for call in answer.calls]
        if answer.text:
            content.append({"type": "text", "text": answer.text})
        return {
            "id": f"msg_{answer.number}",
            "type": "message",
            "role": "assistant",
            "model": question.model,
            "content": content,
            "stop_reason": answer.stop or ("tool_use" if answer.calls else "end_turn"),
            "stop_sequence": None,
            "usage": cls.usage(answer.usage),
        }

    @classmethod
    def events(cls, question, answer):
        whole = cls.plain(question, answer)
        started = whole | {"content": [], "stop_reason": None, "usage": whole["usage"] | {"output_tokens": 1}}
        yield "message_start", {"message": started}
        for index, block in enumerate(whole["content"]):
            if block["type"] == "text":
                empty = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": part} for part in halves(block["text"])]
            else:
                empty = block | {"input": {}}
                parts = halves(json.dumps(block["input"]))
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
            yield "content_block_start", {"index": index, "content_block": empty}
            for delta in deltas:
                yield "content_block_delta", {"index": index, "delta": delta}
            yield "content_block_stop", {"index": index}
        yield "message_delta", {
            "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
            "usage": whole["usage"],
        }
        yield "message_stop", {}

    @staticmethod
    def error(_status, error):
        return {"type": "error", "error": error}


class OpenAI:
    @staticmethod
    def read(_path, body):
        items = body["input"]
        said = [part for item in items if item.get("role") == "user" for part in item["content"]]
        return Question(
            model=body["model"],
            messages=len(items),
            text=said[-1]["text"] if said else "",
            answered_calls=last_ids(items, lambda item: item["type"].endswith("_output") and item["call_id"]),
            streamed=body.get("stream", False),
            side=not body.get("tools"),
        )

    @staticmethod
    def usage(usage):
        cached = usage["cache_write_5m"] + usage["cache_write_1h"] + usage["cache_read"]
        return {
            "input_tokens": usage["input"] + cached,
            "input_tokens_details": {
                "cached_tokens": usage["cache_read"],
                "cache_write_tokens": usage["cache_write_5m"] + usage["cache_write_1h"],
            },
            "output_tokens": usage["output"],
            "output_tokens_details": {"reasoning_tokens": usage["reasoning"]},
            "total_tokens": usage["input"] + cached + usage["output"],
        }

    @classmethod
    def plain(cls, question, answer):
        output = [cls._call(call) for call in answer.calls]
        if answer.text:
            said = {"type": "output_text", "text": answer.text, "annotations": []}
            output.append({"type": "message", "id": f"msg_{answer.number}", "role": "assistant", "content": [said]})
        return {
            "id": f"resp_{answer.number}",
            "object": "response",
            "model": question.model,
            "status": "incomplete" if answer.stop else "completed",
            "incomplete_details": {"reason": answer.stop} if answer.stop else None,
            "output": output,
            "usage": cls.usage(answer.usage),
        }

    @staticmethod
    def _call(call):
        about = {"call_id": call["id"], "id": f"item_{call['id']}", "name": call["name"]}
        if isinstance(call["input"], str):
            return {"type": "custom_tool_call", "input": call["input"], **about}
        return {"type": "function_call", "arguments": json.dumps(call["input"]), **about}

    @classmethod
    def events(cls, question, answer):
        whole = cls.plain(question, answer)
        yield "response.created", {"response": whole | {"status": "in_progress", "output": [], "usage": None}}
        for index, item in enumerate(whole["output"]):
            if item["type"] == "message":
                yield "response.output_item.added", {"output_index": index, "item": item | {"content": []}}
                for part in halves(item["content"][0]["text"]):
                    yield "response.output_text.delta", {
                        "item_id": item["id"],
                        "output_index": index,
                        "content_index": 0,
                        "delta": part,
                    }
            yield "response.output_item.done", {"output_index": index, "item": item}
        yield f"response.{whole['status']}", {"response": whole}

    @staticmethod
    def error(_status, error):
        return {"error": error | {"code": error["type"]}}


class Gemini:
    @staticmethod
    def read(path, body):
        contents = body["contents"]
        said = [part for content in contents if content["role"] == "user" for part in content["parts"]]
        model, method = path.split("?")[0].rsplit("/", 1)[1].split(":")
        return Question(
            model=model,
            messages=len(contents),
            text=next((part["text"] for part in reversed(said) if "text" in part), ""),
            answered_calls=last_ids(said, lambda part: part.get("functionResponse", {}).get("id")),
            streamed=method == "streamGenerateContent",
            side=not body.get("tools"),
        )

    @staticmethod
    def usage(usage):
        prompt = usage["input"] + usage["cache_read"]
        return {
            "promptTokenCount": prompt,
            "cachedContentTokenCount": usage["cache_read"],
            "candidatesTokenCount": usage["output"] - usage["reasoning"],
            "thoughtsTokenCount": usage["reasoning"],
            "totalTokenCount": prompt + usage["output"],
        }

    @classmethod
    def plain(cls, question, answer):
        parts = [
            {"functionCall": {"id": call["id"], "name": call["name"], "args": call["input"]}} for call in answer.calls
        ]
        if answer.text:
            parts.append({"text": answer.text})
        return cls._chunk(question, answer, parts, {"finishReason": answer.stop or "STOP"})

    @classmethod
    def events(cls, question, answer):
        whole = cls.plain(question, answer)
        if answer.text:
            first, second = halves(answer.text)
            yield None, cls._chunk(question, answer, [{"text": first}], {})
            whole["candidates"][0]["content"]["parts"][-1] = {"text": second}
        yield None, whole

    @classmethod
    def _chunk(cls, question, answer, parts, end):
        return {
            "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **end}],
            "usageMetadata": cls.usage(answer.usage),
            "modelVersion": question.model,
            "responseId": f"response_{answer.number}",
        }

    @staticmethod
    def error(status, error):
        return {"error": {"code": status, "message": error["message"], "status": error["type"]}}


def api_of(path):
    """The API of a request that asks the model something; none for all others."""
    path = path.split("?")[0]
    if path.endswith("/v1/messages"):
        return Anthropic
    if path.endswith("/responses"):
        return OpenAI
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return Gemini
    return None


def event(name, data):
    """An event as it is streamed."""
    if name is None:
        return f"data: {json.dumps(data)}\n\n".encode()
    return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode()


def header_text(value):
    return str(math.ceil(time.time() + value["after"]) if isinstance(value, dict) else value)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._begin(200, {}, {})

    def do_GET(self):
        self.wfile.write(self._begin(200, {}, {}))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        api = api_of(self.path)
        if api is None:
            # Counting is free; other requests (telemetry, settings) are noise.
            self.wfile.write(self._begin(200, {"input_tokens": 10, "totalTokens": 10}, {}))
            return
        question = api.read(self.path, body)
        self.server.keep_body(body)
        step, answer = self.server.scenario.next(question)
        record = {
            "time": time.time(),
            "path": self.path,
            "model": question.model,
            "messages": question.messages,
            "text": question.text[:200],
            "side": question.side,
            "status": step.get("status", 200),
        }
        try:
            usage, end = self._answer(api, question, step, answer)
        except ConnectionError:  # the program has gone
            usage, end = None, b""
            self.close_connection = True
        # First the log: who has got the end of an answer finds it there.
        self.server.log(record | {"usage": usage})
        with contextlib.suppress(ConnectionError):
            self.wfile.write(end)

    def _answer(self, api, question, step, answer):
        """Sends the answer as the step says, all but its end: the usage that it reports (or None), and that end."""
        midway = step.get("midway", False) and question.streamed
        if not midway and not self._interlude(step):
            return None, b""
        headers = {"request-id": f"req_{answer.number}"} | step.get("headers", {})
        if "status" in step:
            return None, self._begin(step["status"], api.error(step["status"], step["error"]), headers)
        if not question.streamed:
            return answer.usage, self._begin(200, api.plain(question, answer), headers)
        self._send_head(200, headers | {"content-type": "text/event-stream", "connection": "close"})
        events = [event(name, data) for name, data in api.events(question, answer)]
        middle = len(events) // 2
        self.wfile.write(b"".join(events[:middle]))
        if midway and not self._interlude(step):
            return None, b""
        self.wfile.write(b"".join(events[middle:-1]))
        return answer.usage, events[-1]

    def _interlude(self, step):
        """Delays, waits and breaks. False if it has broken the connection."""
        until = time.monotonic() + step.get("delay_ms", 0) / 1000
        file = Path(step["wait_for"]) if "wait_for" in step else None
        if file:
            file.with_name(file.name + ".waiting").touch()
        while time.monotonic() < until or (file and not file.exists()):
            self._check_client()
            time.sleep(0.01)
        if step.get("drop"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        return True

    def _check_client(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def _begin(self, status, data, headers):
        """Sends the head of an answer in one piece: that piece."""
        encoded = json.dumps(data).encode()
        self._send_head(status, headers | {"content-type": "application/json", "content-length": len(encoded)})
        return encoded

    def _send_head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, header_text(value))
        self.end_headers()

    def log_message(self, *_):
        pass


class Stub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, scenario, log, bodies):
        super().__init__(("127.0.0.1", 0), Handler)
        self.scenario = scenario
        self._log = log
        self._bodies = bodies
        self._kept = 0
        self._lock = threading.Lock()

    def log(self, record):
        with self._lock:
            self._log.write(json.dumps(record) + "\n")
            self._log.flush()

    def keep_body(self, body):
        if self._bodies is None:
            return
        with self._lock:
            self._kept += 1
            (self._bodies / f"{self._kept}.json").write_text(json.dumps(body))


def main():
    parser = argparse.ArgumentParser(description="A stub of the model APIs; the head of this file says how it is used.")
    parser.add_argument("--scenario", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--bodies", type=Path)
    options = parser.parse_args()

    stub = Stub(Scenario(json.loads(options.scenario.read_text())), options.log.open("a"), options.bodies)
    port = stub.server_address[1]
    print(port, flush=True)
    if options.port_file:
        unfinished = options.port_file.with_suffix(".unfinished")
        unfinished.write_text(f"{port}\n")
        unfinished.rename(options.port_file)
    stub.serve_forever()


if __name__ == "__main__":
    main()
