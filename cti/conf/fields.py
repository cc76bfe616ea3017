"""What fields of the site file have in common, whatever section they stand in. Serves all of the nine steps."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$"
Name = Annotated[
    str, Meta(pattern=NAME, extra_json_schema={"description": "a short name in Latin letters, as sales or office_2"})
]
Extension = Annotated[
    str, Meta(pattern=r"^[0-9*#]{1,20}$", extra_json_schema={"description": 'digits in quotes: "2001"'})
]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
TcpPort = Annotated[int, Meta(ge=0, le=65535)]
Wait = Annotated[float, Meta(ge=0, le=86400)]
PortNumber = Annotated[int, Meta(ge=0, le=255)]
PortCount = Annotated[int, Meta(ge=1, le=256)]
