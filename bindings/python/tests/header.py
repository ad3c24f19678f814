"""Reads capi/cobatch.h: its functions, structs and constants, as plain text for the tests to compare with."""

import os
import re
from typing import Dict, List, Tuple

PATH = os.path.join(os.path.dirname(__file__), "..", "..", "..", "capi", "cobatch.h")
Parameters = List[Tuple[str, str]]


def _without_comments() -> str:
    with open(PATH, encoding="utf-8") as header:
        text = re.sub(r"/\*.*?\*/", " ", header.read(), flags=re.DOTALL)
    return text.replace("\\\n", " ")


def _type_and_name(declaration: str) -> Tuple[str, str]:
    kind, name = re.fullmatch(r"(.*?)(\w+)", " ".join(declaration.split())).groups()
    return kind.replace(" *", "*").strip(), name


def _parameters(text: str) -> Parameters:
    """Of a function or a callback; the type of one that is a pointer to a function is `function`."""
    text = re.sub(r"\w+ \(\*(\w+)\)\(.*?\)", r"function \1", text)
    return [] if text.strip() == "void" else [_type_and_name(one) for one in text.split(",")]


class Header:
    """`constants` by name; `structs` and `functions` with their members and parameters as (type, name), in order."""

    def __init__(self) -> None:
        text = _without_comments()
        self.macros: Dict[str, str] = dict(re.findall(r"^#define (COBATCH_\w+) +(\S+)$", text, re.MULTILINE))
        text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        self.constants = self._constants(text)
        self.structs = {
            name: self._members(body)
            for body, name in re.findall(r"typedef struct \w+ \{(.*?)\}\s*(\w+);", text, re.DOTALL)
        }
        self.functions: Dict[str, Tuple[str, Parameters]] = {}
        for result, parameters in re.findall(r"COBATCH_API\s+([^;(]*)\((.*?)\);", text, re.DOTALL):
            kind, name = _type_and_name(result)
            self.functions[name] = (kind, _parameters(parameters))

    @staticmethod
    def _constants(text: str) -> Dict[str, int]:
        found: Dict[str, int] = {}
        for body in re.findall(r"enum \{(.*?)\};", text, re.DOTALL):
            for name, value in re.findall(r"(COBATCH_\w+) = (-?\d+)", body):
                found[name] = int(value)
        return found

    @staticmethod
    def _members(body: str) -> Parameters:
        members: Parameters = []
        for line in filter(None, (part.strip() for part in body.split(";"))):
            callback = re.fullmatch(r"(.*?)\(\*(\w+)\)\((.*)\)", line, re.DOTALL)
            if callback:
                arguments = ",".join(kind for kind, _ in _parameters(callback[3]))
                members.append((f"{callback[1].strip()}({arguments})", callback[2]))
                continue
            first, *others = line.partition("[")[0].split(",")
            kind, name = _type_and_name(first)
            members += [(kind, name)] + [(kind, other.strip()) for other in others]
        return members
