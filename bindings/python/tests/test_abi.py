"""The ctypes declarations are those of capi/cobatch.h."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import cobatch
from cobatch import _abi, _replies, _words, agents, errors, records, tasks, turns
from cobatch._library import lib
from header import Header, PATH

HEADER = Header()

SCALARS = {
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "cobatch_status": ctypes.c_int32,
    "void": None,
    "void*": ctypes.c_void_p,
    "const char*": ctypes.c_char_p,
    "int32_t*": ctypes.POINTER(ctypes.c_int32),
    "int64_t*": ctypes.POINTER(ctypes.c_int64),
    "cobatch_log_fn": _abi.LOG,
    "function": _abi.DESTROY,
}


def ctype(declared):
    """Of a C type: structs by pointer are typed, handles are not."""
    if declared in SCALARS:
        return SCALARS[declared]
    name = declared.replace("const", "").replace("*", "").strip()
    stars = declared.count("*")
    if name in HEADER.structs:
        struct = getattr(_abi, name)
        return ctypes.POINTER(struct) if stars else struct
    return {1: ctypes.c_void_p, 2: ctypes.POINTER(ctypes.c_void_p)}[stars]


def members(struct):
    """Of a struct class, base classes first."""
    return [member for base in reversed(struct.__mro__) for member in base.__dict__.get("_fields_", ())]


class TheDeclarationsAreTheHeaders(unittest.TestCase):
    def test_the_header_was_read(self):
        self.assertGreater(len(HEADER.constants), 100)
        self.assertGreater(len(HEADER.structs), 25)
        self.assertGreater(len(HEADER.functions), 65)

    def test_every_constant_is_there_and_equal(self):
        own = {name: value for name, value in vars(_abi).items() if name.startswith("COBATCH_")}
        self.assertEqual(own.pop("COBATCH_ABI_VERSION"), int(HEADER.macros["COBATCH_ABI_VERSION"]))
        self.assertEqual(own.pop("COBATCH_NO_TIME"), -(2**63))
        self.assertEqual(own, HEADER.constants)

    def test_every_struct_has_its_members_in_order(self):
        own = {name for name in vars(_abi) if name.startswith("cobatch_")}
        self.assertEqual(own, set(HEADER.structs))
        for name, declared in HEADER.structs.items():
            with self.subTest(name):
                self.assertEqual([m[0] for m in members(getattr(_abi, name))], [m[1] for m in declared])

    def test_every_function_has_its_types(self):
        self.assertEqual({*_abi.FALLIBLE, *_abi.INFALLIBLE}, set(HEADER.functions))
        for name, (returns, parameters) in HEADER.functions.items():
            with self.subTest(name):
                takes = [ctype(kind) for kind, _ in parameters]
                function = getattr(lib, name)
                self.assertEqual((function.restype, list(function.argtypes)), (ctype(returns), takes))

    def test_functions_that_can_fail_are_those_with_an_error(self):
        fallible = {name for name, (_, p) in HEADER.functions.items() if p and p[-1][0] == "cobatch_error**"}
        self.assertEqual(fallible, set(_abi.FALLIBLE))

    @unittest.skipUnless(shutil.which("cc"), "there is no C compiler to ask for sizes and offsets")
    def test_sizes_and_offsets_are_those_of_the_compiler(self):
        wanted = {}
        for name in HEADER.structs:
            struct = getattr(_abi, name)
            wanted[f"sizeof({name})"] = ctypes.sizeof(struct)
            for member, _ in members(struct):
                wanted[f"offsetof({name}, {member})"] = getattr(struct, member).offset
        self.assertEqual(self.evaluated(wanted), wanted)

    def evaluated(self, expressions):
        prints = "".join(f'  printf("%zu\\n", {expression});\n' for expression in expressions)
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, "layout.c"), os.path.join(folder, "layout")
            with open(source, "w", encoding="utf-8") as file:
                file.write(f'#include <stdio.h>\n#include "{os.path.abspath(PATH)}"\nint main(void) {{\n{prints}}}\n')
            subprocess.run(["cc", "-std=c99", "-o", program, source], check=True)
            printed = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
        return dict(zip(expressions, map(int, printed.split())))


class TheRecordsShowAllThatTheStructsHave(unittest.TestCase):
    def check(self, record, struct):
        own = set(record._fields)
        there = {name[:-3] if name.endswith("_ms") else name for name, _ in struct._fields_ if name[:4] != "has_"}
        self.assertEqual(own, there - {"model_count"})

    def test_in_replies(self):
        for record, (struct, _) in _replies._SOURCES.items():
            with self.subTest(record.__name__):
                self.check(record, struct)

    def test_elsewhere(self):
        for record, struct in (
            (records.Event, _abi.cobatch_event_info),
            (records.Tokens, _abi.cobatch_tokens),
            (records.Budget, _abi.cobatch_budget),
            (records.Changes, _abi.cobatch_changes),
            (records.RunReport, _abi.cobatch_run_report),
            (agents.AgentStart, _abi.cobatch_agent_start),
            (turns.TurnRequest, _abi.cobatch_turn_request),
            (turns.Completion, _abi.cobatch_completion),
            (tasks.TaskSpec, _abi.cobatch_task_spec),
        ):
            with self.subTest(record.__name__):
                self.check(record, struct)

    def test_every_annotation_is_one_that_is_understood(self):
        as_it_is = {"int", "str | None", "int | None", "Usage | None", "Budget | None", "Changes | None", "Tokens"}
        for name in cobatch.__all__:
            record = getattr(cobatch, name)
            if isinstance(record, type) and issubclass(record, records.Record):
                for field in record._fields:
                    annotation = record.__annotations__.get(field, "int")
                    understood = (
                        annotation in as_it_is or annotation in records._SHOWN or annotation.startswith("tuple[")
                    )
                    self.assertTrue(understood or annotation.split(" | ")[0] in _replies._KINDS, f"{name}.{field}")


class TheWordsAreTheHeaders(unittest.TestCase):
    def test_every_status_that_is_raised_has_a_class_of_its_name(self):
        not_raised = {"COBATCH_E_END", "COBATCH_E_CALLBACK"}
        codes = {
            lib.cobatch_status_name(value).decode()
            for name, value in HEADER.constants.items()
            if name.startswith("COBATCH_E_") and name not in not_raised
        }
        only_here = {"closed"}
        self.assertEqual(codes | only_here, set(errors.Error._classes))

    def test_every_type_of_words_lists_what_the_header_has(self):
        with open(_words.__file__, encoding="utf-8") as file:
            listed = re.findall(r"^    (\w+) = Literal\[(.*?)\]", file.read(), re.DOTALL | re.MULTILINE)
        own = {name: set(re.findall(r'"(\w+)"', body)) for name, body in listed}
        words = {
            "Priority": _words.PRIORITIES,
            "TaskState": _words.TASK_STATES,
            "BatchState": _words.BATCH_STATES,
            "TurnEnd": _words.TURN_ENDS,
            "SessionEnd": _words.SESSION_ENDS,
            "RunningWay": _words.RUNNING_WAYS,
            "ErrorRule": _words.ERROR_RULES,
            "UsageSource": _words.USAGE_SOURCES,
            "SaidBy": _words.SAID_BY,
            "EventKind": _words.EVENT_KINDS,
            "Marker": _words.MARKERS,
            "Outcome": _words.OUTCOMES,
            "Answer": _words.ANSWERS,
        }
        self.assertEqual(own, {name: set(of._words.values()) for name, of in words.items()})

    def test_a_number_of_a_later_library_has_a_word_too(self):
        self.assertEqual(_words.TASK_STATES.word(99), "unknown_99")


if __name__ == "__main__":
    unittest.main()
