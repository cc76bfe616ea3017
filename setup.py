"""Packages, the compiled engine, and the sub-commands of `tipring`. Form and tools are in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent

COMMANDS = {
    "demo": "simulators.rig.demo",
    "run": "cti.commands.run",
    "sim": "simulators.rig.sim",
    "check": "cti.commands.check",
    "detect": "cti.commands.detect",
    "card": "cti.commands.card",
    "status": "cti.commands.status",
    "calls": "cti.commands.calls",
    "recordings": "cti.commands.recordings",
    "trace": "cti.commands.trace",
    "agent": "cti.commands.agent",
    "port": "cti.commands.port",
    "span": "cti.commands.span",
    "drain": "cti.commands.drain",
    "pbx": "cti.commands.pbx",
    "serial": "cti.commands.serial",
    "line": "cti.commands.line",
    "site": "cti.commands.site",
    "audio": "cti.commands.audio",
    "bench": "cti.commands.bench",
}

setup(
    name="tipring",
    version="0.1.0",
    description="Telephony-card driver and CTI middleware for call centres",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-2.0-or-later",
    python_requires=">=3.11",
    packages=[
        "drivers",
        "drivers.signalling",
        "cti",
        "cti.acd",
        "cti.arrivals",
        "cti.commands",
        "cti.customers",
        "cti.desk",
        "cti.install",
        "cti.operations",
        "cti.pbx",
        "cti.recordings",
        "cti.records",
        "cti.records.migrations",
        "cti.records.migrations.versions",
        "cti.sides",
        "cti.site",
        "cti.switch",
        "cti.switch.verbs",
        "cti.talks",
        "cti.trunks",
        "cti.vru",
        "simulators",
        "simulators.makes",
        "simulators.rig",
        "tipring_conf",
    ],
    package_dir={"tipring_conf": "conf"},
    package_data={
        "drivers": ["_engine.pyi", "py.typed"],
        "cti": ["py.typed"],
        "cti.vru": ["*.yaml"],
        "cti.records.migrations": ["*.mako"],
        "tipring_conf": ["*.yaml", "pbx/*.yaml", "tones/*.yaml", "flows/*.yaml", "systemd/*.service"],
    },
    cffi_modules=["drivers/build_engine.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    install_requires=[
        "Twisted>=24.3",
        "pyserial>=3.5",
        "cffi>=1.16",
        "SQLAlchemy>=2.0",
        "alembic>=1.13",
        "prometheus-client>=0.20",
        "msgspec>=0.18",
        "ruamel.yaml>=0.18",
        "argon2-cffi>=23.1",
        "phonenumbers>=8.13",
        "uvloop>=0.19",
        "rich>=13",
    ],
    extras_require={"postgresql": ["psycopg[binary]>=3.1"]},
    entry_points={
        "console_scripts": ["tipring = cti.commands:main"],
        "tipring.commands": [f"{name} = {module}" for name, module in COMMANDS.items()],
    },
)
