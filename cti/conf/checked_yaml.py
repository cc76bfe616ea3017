"""A YAML file checked against a msgspec Struct, field by field, with every fault found at once.

msgspec alone stops at the first fault and knows no line numbers; here each value is checked beside the YAML node that
it came from, so that a fault says file, line, field, what is wrong and what would be right. Unknown keys are faults,
with the nearest known key as a suggestion. Serves the site file, the PBX dialects and the menu flows, hence all of the
nine steps.

Limits: a file of more than 1 MiB, of more than 100,000 nodes (aliases count each time they are used), or nested deeper
than 64 is a fault, not an attempt.
"""

from __future__ import annotations

import difflib
import functools
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import NODEFAULT
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cti.errors import ConfigFaults, Fault

T = TypeVar("T")
Step = str | int
MAX_BYTES = 1 << 20
MAX_NODES = 100_000
MAX_DEPTH = 64
_BAD = object()


class Document:
    """A YAML file with the positions of its values; the place to ask on which line a field stands."""

    def __init__(self, file: str, root: Node | None, yaml: YAML) -> None:
        self.file = file
        self.root = root
        self._yaml = yaml

    def line(self, *path: Step) -> int:
        """The line, from 1, of the value at path (keys and list indexes), or of its nearest existing parent."""
        node, line = self.root, 1
        for step in path:
            found = None
            if isinstance(node, MappingNode):
                for key, value in node.value:
                    if key.value == str(step):
                        found, line = value, _line(key)
            elif isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
                found = node.value[step]
                line = _line(found)
            if found is None:
                break
            node = found
        return line

    def fault(self, path: Iterable[Step], message: str, remedy: str = "") -> Fault:
        """A fault at path, for checks that look at several fields together."""
        steps = tuple(path)
        return Fault(self.file, self.line(*steps), dotted(steps), message, remedy)

    @property
    def has_fields(self) -> bool:
        """Whether the file is a group of fields, not a list or a single value."""
        return isinstance(self.root, MappingNode)

    def has(self, *path: str) -> bool:
        """Whether there is a value at path, in groups of fields."""
        node = self.root
        for step in path:
            pairs = node.value if isinstance(node, MappingNode) else ()
            node = next((value for key, value in pairs if key.value == step), None)
        return node is not None

    def over(self, base: Document) -> Document:
        """This file with those fields of base that it does not have itself, in the file and in its sections.

        Both must be groups of fields. What is inside a section's field is never mixed.
        """
        assert isinstance(self.root, MappingNode) and isinstance(base.root, MappingNode)
        below = {key.value: value for key, value in base.root.value}
        pairs = [(key, _over(value, below.get(key.value))) for key, value in self.root.value]
        return Document(self.file, _over(_like(self.root, pairs), base.root), self._yaml)

    def take(self, key: str) -> tuple[Document, str | None]:
        """The file without a top-level key, and that key's text; None where it has none."""
        if isinstance(self.root, MappingNode):
            for pair in self.root.value:
                if pair[0].value == key and isinstance(pair[1], ScalarNode):
                    rest = [other for other in self.root.value if other is not pair]
                    return Document(self.file, _like(self.root, rest), self._yaml), str(pair[1].value)
        return self, None

    def at(self, node: Node) -> Document:
        """The part of the file below node, to be converted by itself; paths in it begin there."""
        return Document(self.file, node, self._yaml)

    def scalar(self, node: Node) -> Any:
        """The Python value of a scalar node by YAML 1.2."""
        return self._yaml.constructor.construct_object(node)


def dotted(path: Iterable[Step]) -> str:
    """The written form of a path: groups[2].name"""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(source: Path | str, name: str | None = None) -> Document:
    """Read YAML: a Path is a file, a str is the text itself. Raises ConfigFaults when it is not readable YAML."""
    if isinstance(source, Path):
        name = name or str(source)
        try:
            raw = source.read_bytes()
        except OSError as error:
            raise ConfigFaults([Fault(name, 0, "", f"cannot be read: {error.strerror}")]) from error
        if len(raw) > MAX_BYTES:
            raise ConfigFaults([Fault(name, 0, "", f"{len(raw)} bytes long", f"the limit is {MAX_BYTES}")])
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise ConfigFaults([Fault(name, line, "", "is not UTF-8", "save the file as UTF-8")]) from error
    else:
        name, text = name or "<text>", source
        if len(text) > MAX_BYTES:
            raise ConfigFaults([Fault(name, 0, "", f"{len(text)} characters long", f"the limit is {MAX_BYTES}")])
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"is not YAML: {error.problem or error.context}"
        raise ConfigFaults([Fault(name, mark.line + 1 if mark else 0, "", what, _remedy(error))]) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise ConfigFaults([Fault(name, 0, "", f"is not YAML: {error}")]) from error
    return Document(name, root, yaml)


def _remedy(error: MarkedYAMLError) -> str:
    """What to write where the text is not YAML; nothing where that cannot be told."""
    what = f"{error.problem or error.context}"
    began = f" of line {error.context_mark.line + 1}" if error.context_mark is not None else ""
    if "'\\t'" in what:
        return "write blanks where there is a tab 用空格，不用制表符"
    for opening, closing in ("{}", "[]"):
        if what.startswith(f"expected ',' or '{closing}'"):
            return f"close the {opening}{began} with {closing}, or put a text with a colon in quotes 括号要成对"
    if "mapping values are not allowed" in what:
        return 'put a text with a colon in quotes: "A: b"; or a field stands too far to the right 含冒号的文字加引号'
    if "unexpected end of stream" in what:
        return f"close the quotes{began} 引号要成对"
    if "that cannot start any token" in what:
        return "put the text in quotes 文字加引号"
    if what.startswith("expected <block end>"):
        return "let the fields of one group begin in the same column 同一组的字段左对齐"
    if "'<stream end>'" in what:
        return "close what was opened with { or [ 括号要成对"
    return ""


def check(
    source: Path | str,
    kind: type[T],
    *,
    name: str | None = None,
    also: Callable[[T, Document], Iterable[Fault]] | None = None,
) -> T:
    """The value of type kind that the YAML file (Path) or text (str) holds. Raises ConfigFaults with all the faults.

    also is asked for further faults (references between fields) once every field by itself is right.
    """
    return check_document(read(source, name), kind, also=also)


def check_document(
    document: Document, kind: type[T], *, also: Callable[[T, Document], Iterable[Fault]] | None = None
) -> T:
    """As check, of a file that was read before."""
    value, faults = convert(document, kind)
    if not faults and also is not None:
        faults = list(also(cast(T, value), document))
    if faults:
        raise ConfigFaults(faults)
    return cast(T, value)


def convert(document: Document, kind: type[T]) -> tuple[T | None, list[Fault]]:
    """As check, but the faults are returned, so that several files can be reported together."""
    checker = _Checker(document)
    value = checker.value(document.root, kind, ())
    return (None if checker.faults else cast(T, value)), checker.faults


def readable(document: Document, kind: type[T]) -> tuple[T | None, list[Fault]]:
    """The value where wrong fields have their defaults, and a wrong text that must be there is Unread, for checks of
    the rest; None where that gives nothing whole; with the faults that there are."""
    checker = _Checker(document, lenient=True)
    value = checker.value(document.root, kind, ())
    return (None if value is _BAD else cast(T, value)), checker.faults


class Unread(str):
    """Stands for a text that cannot be read: like no other text that a file may have."""


def describe(kind: Any) -> str:
    """What a field of this type wants, in words, for the remedy: 'a whole number from 1 to 60'."""
    return _describe(msgspec.inspect.type_info(kind))


class _Checker:
    def __init__(self, document: Document, *, lenient: bool = False) -> None:
        self.document = document
        # a wrong field is left out where it has a default, a wrong entry of a plain list too; and, with Unread in its
        # place, a text without a default
        self.lenient = lenient
        self.faults: list[Fault] = []
        self.nodes = 0
        self.cut = False  # the limit was met and reported
        self.stack: list[int] = []

    def fault(self, node: Node | None, path: tuple[Step, ...], message: str, remedy: str = "") -> Any:
        line = _line(node) if node is not None else 1
        self.faults.append(Fault(self.document.file, line, dotted(path), message, remedy))
        return _BAD

    def value(self, node: Node | None, kind: Any, path: tuple[Step, ...]) -> Any:
        """The value of node as kind, or _BAD after noting the fault."""
        self.nodes += 1
        if self.nodes > MAX_NODES or len(self.stack) > MAX_DEPTH or (node is not None and id(node) in self.stack):
            if not self.cut:
                self.cut = True
                self.fault(node, path, "too many or too deeply nested values", "write it without aliases to itself")
            return _BAD
        self.stack.append(id(node))
        try:
            return self._value(node, kind, path)
        finally:
            self.stack.pop()

    def _value(self, node: Node | None, kind: Any, path: tuple[Step, ...]) -> Any:
        members = _members(kind)
        if isinstance(node, MappingNode):
            structs = [m for m in members if _is_struct(m)]
            if structs:
                picked = self.pick(node, structs, path)
                return _BAD if picked is None else self.struct(node, picked, path)
            for member in members:
                if get_origin(member) is dict or member is dict:
                    key, value = get_args(member) or (Any, Any)
                    return self.mapping(node, key, value, path)
            if Any in members:
                return self.mapping(node, Any, Any, path)
            return self.fault(node, path, "is a group of fields", f"write {describe(kind)}")
        if isinstance(node, SequenceNode):
            for member in members:
                if (origin := get_origin(member) or member) in (list, tuple, frozenset, set) or member is Any:
                    return self.sequence(node, kind, member, origin, path)
            return self.fault(node, path, "is a list", f"write {describe(kind)}")
        data = None if node is None else self.scalar(node, path)
        if data is _BAD:
            return _BAD
        if isinstance(data, str) and _has_form(kind):
            data = data.rstrip("\n")  # a block (> or |), in which long hashes are written, ends with a line end
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError:
            shown = "is empty" if data is None else f"is {node.value!r}" if isinstance(node, ScalarNode) else "is wrong"
            remedy = f"write {describe(kind)}"
            if data is not None and _is_secret(kind):
                return self.fault(node, path, "is not a hash", remedy)  # what was typed there may be a password
            if not isinstance(data, str) and data is not None and str in members:
                remedy = f'put it in quotes: "{cast(ScalarNode, node).value}"'
                self.fault(node, path, shown, remedy)
                return cast(ScalarNode, node).value if self.lenient else _BAD  # the rest can be read all the same
            return self.fault(node, path, shown, remedy)

    def scalar(self, node: Node, path: tuple[Step, ...]) -> Any:
        try:
            return self.document.scalar(node)
        except (YAMLError, ValueError) as error:
            return self.fault(node, path, f"is not a value: {error}".splitlines()[0])

    def pick(
        self, node: MappingNode, structs: list[type[msgspec.Struct]], path: tuple[Step, ...]
    ) -> type[msgspec.Struct] | None:
        """Among tagged Structs the one whose tag the mapping carries; a fault where it carries none of them."""
        if len(structs) == 1:
            return structs[0]
        field = structs[0].__struct_config__.tag_field
        tags = {str(struct.__struct_config__.tag): struct for struct in structs}
        given = next((value for key, value in node.value if key.value == field), None)
        if isinstance(given, ScalarNode) and given.value in tags:
            return tags[given.value]
        what = "is missing" if given is None else f"is {given.value!r}" if isinstance(given, ScalarNode) else "is wrong"
        near = difflib.get_close_matches(str(getattr(given, "value", "")), tags, 1, 0.6)
        remedy = f"did you mean {near[0]}?" if near else f"write one of: {', '.join(tags)}"
        self.fault(given or node, (*path, str(field)), what, remedy)
        return None

    def keys(self, node: MappingNode, path: tuple[Step, ...]) -> dict[str, tuple[Node, Node]]:
        found: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fault(key, path, "a key is not a plain word")
            elif key.value in found:
                first = _line(found[key.value][0])
                self.fault(key, (*path, key.value), "is there twice", f"keep one; the first is on line {first}")
            else:
                found[key.value] = (key, value)
        return found

    def struct(self, node: MappingNode, kind: type[msgspec.Struct], path: tuple[Step, ...]) -> Any:
        before = len(self.faults)
        fields = _fields(kind)
        values: dict[str, Any] = {}
        for name, (key, value) in self.keys(node, path).items():
            if name == kind.__struct_config__.tag_field:
                continue
            if name not in fields:
                near = difflib.get_close_matches(name, fields, 1, 0.6)
                known = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(sorted(fields))
                self.fault(key, (*path, name), "is not known", known)
                continue
            values[fields[name].name] = self.value(value, fields[name].type, (*path, name))
        for name, field in fields.items():
            if _is_required(field) and field.name not in values:
                self.fault(node, (*path, name), "is missing", f"add {name}: {describe(field.type)}")
        if len(self.faults) > before:
            values = {name: value for name, value in values.items() if value is not _BAD}
            needed = {field.name for field in fields.values() if _is_required(field)}
            if self.lenient:
                texts = {field.name for field in fields.values() if _members(field.type) == [str]}
                values |= {name: Unread(f"\0{path} {name}") for name in (needed & texts) - values.keys()}
            if not self.lenient or not needed <= values.keys():
                return _BAD
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:
            return self.fault(node, path, str(error))

    def mapping(self, node: MappingNode, key_kind: Any, kind: Any, path: tuple[Step, ...]) -> Any:
        found: dict[Any, Any] = {}
        for name, (key, value) in self.keys(node, path).items():
            try:
                one = self.value(value, kind, (*path, name))
                if one is not _BAD or not self.lenient:
                    found[msgspec.convert(name, key_kind, strict=False)] = one
            except msgspec.ValidationError:
                self.fault(key, (*path, name), "is not known", f"write {describe(key_kind)}")
        return found

    def sequence(self, node: SequenceNode, kind: Any, member: Any, origin: Any, path: tuple[Step, ...]) -> Any:
        arguments = get_args(member)
        fixed = origin is tuple and arguments and arguments[-1] is not Ellipsis
        if fixed and len(arguments) != len(node.value):
            return self.fault(node, path, f"has {len(node.value)} entries", f"write {len(arguments)}")
        before = len(self.faults)
        values = []
        for index, child in enumerate(node.value):
            of = arguments[index] if fixed else arguments[0] if arguments else Any
            values.append(self.value(child, of, (*path, index)))
        if len(self.faults) > before:
            lost = [child for child, value in zip(node.value, values, strict=True) if value is _BAD]
            if not self.lenient or not all(isinstance(child, ScalarNode) for child in lost):
                return _BAD  # without an entry that is a group the others would be told at wrong places
            values = [value for value in values if value is not _BAD]
        limits = _limits(kind)
        for meta in limits:
            low, high = meta.min_length, meta.max_length
            if (low is not None and len(values) < low) or (high is not None and len(values) > high):
                return self.fault(node, path, f"has {len(values)} entries", f"write {describe(kind)}")
        return values if origin is Any else origin(values)


def _like(node: MappingNode, pairs: list[tuple[Node, Node]]) -> MappingNode:
    return MappingNode(node.tag, pairs, node.start_mark, node.end_mark)


def _over(node: Node, base: Node | None) -> Node:
    """A group of fields with those of base that it does not have; anything else as it is."""
    if not isinstance(node, MappingNode) or not isinstance(base, MappingNode):
        return node
    own = {key.value for key, _ in node.value}
    return _like(node, node.value + [pair for pair in base.value if pair[0].value not in own])


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """By the name in the file. Kept: to ask msgspec takes longer than to check a small group."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _is_required(field: Any) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _members(kind: Any) -> list[Any]:
    """The types that kind may be: Annotated and unions opened."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [member for arm in get_args(kind) for member in _members(arm)]
    return [kind]


def _limits(kind: Any) -> list[msgspec.Meta]:
    if get_origin(kind) is Annotated:
        return [meta for meta in get_args(kind)[1:] if isinstance(meta, msgspec.Meta)]
    return []


def _is_secret(kind: Any) -> bool:
    """Whether what is written there may be shown to nobody."""
    return any((meta.extra_json_schema or {}).get("secret") for meta in _limits_of_all(kind))


def _has_form(kind: Any) -> bool:
    """Whether it is a text of one line, of a form. (To a pattern's $ a line end behind it is no matter.)"""
    return any(meta.pattern is not None for meta in _limits_of_all(kind))


def _limits_of_all(kind: Any) -> list[msgspec.Meta]:
    """Also those of the arms of a union."""
    arms = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return [meta for arm in arms for meta in _limits(arm)]


def _between(low: Any, high: Any, exclusive_low: Any, exclusive_high: Any) -> str:
    words = ""
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        words += f" of {low} or more"
    if exclusive_low is not None:
        words += f" above {exclusive_low}"
    if high is not None:
        words += f" up to {high}"
    if exclusive_high is not None:
        words += f" below {exclusive_high}"
    return words


def _describe(info: Any) -> str:
    inspect = msgspec.inspect
    if isinstance(info, inspect.Metadata):
        return str((info.extra_json_schema or {}).get("description") or _describe(info.type))
    if isinstance(info, inspect.UnionType):
        return " or ".join(_describe(arm) for arm in info.types)
    if isinstance(info, inspect.LiteralType):
        return "one of: " + ", ".join(str(value) for value in info.values)
    if isinstance(info, inspect.EnumType):
        return "one of: " + ", ".join(str(member.value) for member in info.cls)
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.NoneType):
        return "null"
    if isinstance(info, (inspect.IntType, inspect.FloatType)):
        noun = "a whole number" if isinstance(info, inspect.IntType) else "a number"
        return noun + _between(info.ge, info.le, info.gt, info.lt)
    if isinstance(info, inspect.StrType):
        if info.pattern is not None:
            return f"a text of the form {info.pattern}"
        return "a text" + (f" of {info.min_length} or more characters" if info.min_length else "")
    if isinstance(info, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)):
        low = f" ({info.min_length} or more)" if info.min_length else ""
        return f"a list{low}, each {_describe(info.item_type)}"
    if isinstance(info, inspect.StructType):
        return "a group of fields: " + ", ".join(field.encode_name for field in info.fields)
    if isinstance(info, inspect.DictType):
        return f"a group of fields, each {_describe(info.value_type)}"
    return type(info).__name__.removesuffix("Type").lower()
