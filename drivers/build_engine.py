"""Compiles the media engine: cffi reads the declarations from csrc/engine.h, between its CDEF markers, and nowhere
else.

ISDN's signalling is libpri, linked statically: a copy of its library, in which the functions that csrc/libpri.symbols
lists are renamed to ours (objcopy), so that it reads our clock; one call within it is led through ours (--wrap,
csrc/pri_again.c). LIBPRI=/path/to/libpri.a names another one than the compiler finds; its header libpri.h must be where
the compiler looks.

`ffibuilder` is named in setup.py (cffi_modules). `python drivers/build_engine.py --stub` prints what belongs into
`_engine.pyi`, from the compiled module; a test compares it. Serves all nine steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from glob import glob
from typing import Any

from cffi import FFI

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADER = os.path.join(ROOT, "csrc", "engine.h")


def declarations(header: str = HEADER) -> str:
    """The part of the header that is meant for cffi."""
    with open(header, encoding="utf-8") as source:
        text = source.read()
    return text.split("/* CDEF BEGIN */", 1)[1].split("/* CDEF END */", 1)[0]


def _relative(pattern: str) -> list[str]:
    """Paths from the project's root, with slashes, as setuptools wants sources."""
    return sorted(os.path.relpath(path, ROOT).replace(os.sep, "/") for path in glob(os.path.join(ROOT, pattern)))


def signalling(build: str = os.path.join(ROOT, "build")) -> str:
    """Makes the renamed copy of libpri, where it is older than what it is made of; returns its path from the root."""
    source = os.environ.get("LIBPRI") or _run(os.environ.get("CC", "gcc"), "-print-file-name=libpri.a")
    if not os.path.isfile(source):
        raise SystemExit(
            "libpri.a is not there: `make setup` installs it, or `apt-get install libpri-dev`; "
            "elsewhere build libpri 1.6 and say LIBPRI=/path/to/libpri.a"
        )
    made, symbols = os.path.join(build, "libpri.a"), os.path.join(ROOT, "csrc", "libpri.symbols")
    stamp = f"{os.path.realpath(source)} {os.path.getmtime(source)} {os.path.getmtime(symbols)}"
    if not os.path.isfile(made) or _read(made + ".from") != stamp:
        os.makedirs(build, exist_ok=True)
        _run("objcopy", f"--redefine-syms={symbols}", source, made + ".new")
        os.replace(made + ".new", made)
        with open(made + ".from", "w", encoding="utf-8") as file:
            file.write(stamp)
    return os.path.relpath(made, ROOT)


def _run(*words: str) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        raise SystemExit(f"{words[0]} is not there: apt-get install gcc binutils") from None
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{' '.join(words)}: {failed.stderr.strip()}") from None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def fingerprint(header: str = HEADER) -> str:
    """A line that puts the header's checksum into the engine: drivers/__init__.py tells by it one that is outdated."""
    with open(header, "rb") as source:
        return f"#define TR_HEADER {zlib.crc32(source.read())}\n"


LIBPRI = signalling()
ffibuilder = FFI()
ffibuilder.cdef(declarations() + fingerprint())
ffibuilder.set_source(
    "drivers._engine",
    '#include "engine.h"\n' + fingerprint(),
    sources=_relative("csrc/*.c"),
    depends=[*_relative("csrc/*.h"), LIBPRI, "drivers/build_engine.py"],
    include_dirs=["csrc"],
    extra_objects=[LIBPRI],
    extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--wrap=q931_dl_event"],
    libraries=["m", "pthread"],
    extra_compile_args=["-O2", "-std=c11", "-ffp-contract=off", "-Wall", "-Wextra"],
    py_limited_api=True,
)


def stub() -> str:
    """The text of `_engine.pyi`, made from the compiled module."""
    from drivers._engine import ffi, lib

    lines = [
        '"""The media engine as cffi compiled it from csrc/engine.h.',
        "",
        'Made by `python -m drivers.build_engine --stub`; a test compares it with the compiled module."""',
        "",
        "from typing import Any",
        "",
        "class FFI:",
        "    NULL: Any",
        "    errno: int",
        "    def new(self, cdecl: str, init: Any = ...) -> Any: ...",
        "    def cast(self, cdecl: str, value: Any) -> Any: ...",
        "    def buffer(self, cdata: Any, size: int = ...) -> Any: ...",
        "    def from_buffer(self, cdecl: str, buffer: Any, require_writable: bool = ...) -> Any: ...",
        "    def string(self, cdata: Any, maxlen: int = ...) -> bytes: ...",
        "    def unpack(self, cdata: Any, length: int) -> Any: ...",
        "    def memmove(self, dest: Any, src: Any, n: int) -> None: ...",
        "    def gc(self, cdata: Any, destructor: Any, size: int = ...) -> Any: ...",
        "    def sizeof(self, cdecl: Any) -> int: ...",
        "    def typeof(self, cdecl: Any) -> Any: ...",
        "    def release(self, cdata: Any) -> None: ...",
        "    def addressof(self, cdata: Any, *fields: Any) -> Any: ...",
        "",
        "class Lib:",
    ]
    for name in sorted(dir(lib)):
        value = getattr(lib, name)
        lines.append(f"    {name}: int" if isinstance(value, int) else f"    {_signature(ffi, name, value)}")
    return "\n".join([*lines, "", "ffi: FFI", "lib: Lib", ""])


def _signature(ffi: Any, name: str, function: Any) -> str:
    kind = ffi.typeof(function)
    args = ", ".join(f"_{at}: {_python(arg)}" for at, arg in enumerate(kind.args))
    return f"def {name}(self{', ' + args if args else ''}) -> {_python(kind.result)}: ..."


def _python(kind: Any) -> str:
    if kind.kind == "void":
        return "None"
    if kind.kind == "primitive":
        return "float" if kind.cname in ("double", "float") else "int"
    return "Any"


if __name__ == "__main__":
    if "--stub" in sys.argv:
        print(stub(), end="")
    else:
        ffibuilder.compile(tmpdir=ROOT, verbose=True)
