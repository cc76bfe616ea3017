"""Writes what was learned of a PBX as a dialect file, with comments on what is not sure (step 9)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cti.pbx.column_forms import ColumnForm
from cti.pbx.fitting import Fit
from cti.pbx.guesses import Form
from cti.pbx.shapes import DIRECTIONS

WIDTH: Final = 100


def head(source: str, name: str, known: Sequence[Fit]) -> str:
    """The beginning of the file: where it comes from, and which dialects that there are read some of it."""
    text = comment(f"Proposed by `tipring pbx learn` from {source}.")
    text += comment(f"Save it as /etc/tipring/pbx/{name}.yaml, look at each line that says unsure, and try it:")
    text += comment(f"tipring pbx decode --dialect {name} {source}")
    if not known:
        text += "# Of the known dialects none reads any line.\n"
    else:
        text += "# Known dialects:\n" + "".join(f"#   {fit}\n" for fit in known[:5])
    return text + f"name: {quoted(name)}\n"


def comment(line: str) -> str:
    """A printed line as a comment of the file."""
    return "# " + "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in line) + "\n"


def text_of(
    forms: Sequence[Form | ColumnForm],
    settings: Mapping[str, str],
    lines: Sequence[str],
    examples: Mapping[str, Sequence[str]],
) -> str:
    """The sections; examples: of each form's name."""
    text = ""
    if "bits" in settings:
        text += "serial:\n  smdr: {bits: 7, parity: even}    # unsure: even or odd; bit 7 is set in many bytes\n\n"
    text += f"smdr:\n  terminators: {settings['terminators']}\n"
    for key in ("block", "encoding"):
        if key in settings:
            text += f"  {key}: {settings[key]}\n"
    skip = _headers(lines)
    if skip:
        text += "  skip:\n" + "".join(f"    - {quoted(pattern)}\n" for pattern in skip)
    shaped = [form for form in forms if isinstance(form, Form)]
    marks = [form.texts(index) for form in shaped if (index := form.role("direction")) is not None]
    said = {text for texts in marks for text in texts}
    if said:
        text += "  directions: {" + ", ".join(f"{quoted(word)}: {DIRECTIONS[word]}" for word in sorted(said)) + "}\n"
    if not forms:
        return text + "  records: []    # no line has a date or a time that can be told\n"
    return text + "  records:\n" + "".join(_form_text(form, examples.get(form.name, ())) for form in forms)


def _form_text(form: Form | ColumnForm, examples: Sequence[str]) -> str:
    text = f"    - name: {form.name}    # {len(form.lines)} of the lines\n"
    text += "".join(f"      # unsure: {what}: {why}\n" for what, why in form.unsure)
    if isinstance(form, Form):
        text += f"      pattern: {quoted(_pattern(form))}\n"
    elif form.pattern:
        text += f"      pattern: {quoted(form.pattern)}\n"
    else:
        columns = sorted(form.columns.items(), key=lambda one: one[1])
        text += _mapping("columns", [f"{name}: [{first}, {last}]" for name, (first, last) in columns])
        text += _mapping(
            "shapes", [f"{name}: {quoted(form.shapes[name])}" for name, _ in columns if name in form.shapes]
        )
        text += _mapping("usual", [f"{name}: {quoted(usual)}" for name, usual in form.usual.items()])
    text += f"      stamp: {form.stamp}\n"
    if form.order:
        text += f"      date_order: {form.order}\n"
    if form.direction:
        text += f"      direction: {form.direction}\n"
    if form.event != "end":
        text += f"      event: {form.event}\n"
    if examples:
        text += "      examples:\n" + "".join(f"        - {json.dumps(line)}\n" for line in examples)
    return text


def _mapping(name: str, items: Sequence[str]) -> str:
    """A mapping in braces, at most WIDTH characters a line; "" where it is empty."""
    rows: list[str] = []
    row = ""
    for item in items:
        if row and len(row) + len(item) > WIDTH:
            rows, row = [*rows, row], ""
        row += f"{item}, "
    rows.append(row)
    return f"      {name}:\n        {{" + "\n         ".join(row.rstrip() for row in rows)[:-1] + "}\n" if items else ""


def _headers(lines: Sequence[str]) -> list[str]:
    """Lines without digits that are printed again and again, or rule off: patterns that skip them."""
    found = []
    rulers = [line for line in lines if re.fullmatch(r"\s*[-=_*]{5,}\s*", line)]
    if rulers:
        found.append(r"^\s*[-=_*]{5,}\s*$")
    for line in dict.fromkeys(lines):
        words = line.split()
        if len(words) > 2 and "\n" not in line and not re.search(r"\d", line):
            found.append("^" + r"\s*" + r"\s+".join(re.escape(word) for word in words[:3]) + r"\b")
    return list(dict.fromkeys(found))[:10]


def _pattern(form: Form) -> str:
    names: Counter[str] = Counter()
    text = "^ *"
    for index, atom in enumerate(form.rows[0]):
        role = form.roles.get(index)
        if role == "stamp":
            text += r"(?P<date>\d{8})(?P<time>\d{6})"
        elif role == "duration6":
            text += r"(?P<duration_h>\d\d)(?P<duration_m>\d\d)(?P<duration_s>\d\d)"
        elif role is not None:
            text += f"(?P<{role}>{_shape(form, index)})"
        elif atom.kind in ("flag", "name"):
            names[atom.kind] += 1
            suffix = "" if names[atom.kind] == 1 else "abcdefghijklmnopqrstuvwxyz"[min(names[atom.kind], 26) - 1]
            repeated = names[atom.kind] > 26
            text += _shape(form, index) if repeated else f"(?P<{atom.kind}{suffix}>{_shape(form, index)})"
        else:
            text += _shape(form, index)
    return text + " *$"


def _shape(form: Form, index: int) -> str:
    """The regular expression of one atom."""
    atom, texts = form.rows[0][index], form.texts(index)
    if atom.kind == "gap":
        between = 0 < index < len(form.rows[0]) - 1 and form.rows[0][index - 1].kind == form.rows[0][index + 1].kind
        if between and form.rows[0][index - 1].kind == "name":
            return r"(?:\s{2,}|\t)"  # one blank belongs to a name
        return " +" if all("\t" not in text for text in texts) else r"\s+"
    if atom.kind == "newline":
        return r" *\n *"
    if atom.kind in ("date", "hms", "hm", "ms", "date6", "time6"):
        digit = r"[\d*]" if any("*" in text for text in texts) else r"\d"
        runs = re.findall(r"[\d*]+|[^\d*]", atom.text)
        return "".join(
            (digit * len(run) if len(run) < 3 else f"{digit}{{{len(run)}}}")
            if run[0] in "0123456789*"
            else "[AaPp]"
            if run in "AaPp"
            else re.escape(run)
            for run in runs
        )
    if atom.kind == "letter":
        return "[A-Z]"
    if atom.kind == "flag":
        if form.roles.get(index) == "direction":  # a mark that was never seen is told, not guessed
            return "|".join(re.escape(text) for text in sorted(set(texts), key=lambda text: (-len(text), text)))
        return "[A-Z]{1,2}" if all(text.isalpha() and len(text) < 3 for text in texts) else r"\S+"
    if atom.kind == "name":
        return r"[^\W\d][^\s\d]*(?: [^\s\d]+)*"
    if atom.kind == "digits":
        lazy = "?" if index + 1 < len(form.rows[0]) and form.rows[0][index + 1].kind in ("hm", "hms", "ms") else ""
        if not all(text.isdecimal() for text in texts):
            return r"[\d*#.-]+"
        if form.roles.get(index) == "number":  # some are shorter than those that happened to be seen
            return rf"\d{{1,32}}{lazy}"
        short, long = min(map(len, texts)), max(map(len, texts))
        return rf"\d{{{max(short - 1, 1)},{max(long + 1, 32 if long > 5 else 0)}}}{lazy}"
    return re.escape(atom.text)


def quoted(text: str) -> str:
    """The text as YAML."""
    if not text.isprintable():
        return json.dumps(text)
    return "'" + text.replace("'", "''") + "'"
