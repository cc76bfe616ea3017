"""All of it put together on one engine, with a PBX or without one."""
