"""Voila's settings: those of the server."""

load_subconfig("jupyter_server_config.py")  # type: ignore[name-defined]  # noqa: F821
