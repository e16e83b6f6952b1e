"""`shoptalk run`."""

from __future__ import annotations

import argparse
import contextlib
import socket
from pathlib import Path

from shoptalk.cli.flags import add_log_targets, add_remote_storage, add_unused, logs_of, refuse_remote_storage
from shoptalk.errors import ConfigError

PASSED_TO_ACTIONS = (
    "--ssl-keyfile",
    "--ssl-certificate",
    "--ssl-password",
    "--auto-reload",
    "--log-file",
    "--debug",
    "--quiet",
)
"""Flags that the action server of rasa-sdk understands as we do."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `run` mean the same."""
    parser.add_argument("what", nargs="?", help="`actions` for an action server, or the path of a model")
    parser.add_argument(
        "-m", "--model", type=Path, default=Path("models"), help="a model, or a folder of models"
    )
    parser.add_argument("--endpoints", type=Path, default=Path("endpoints.yml"), help="services to use")
    parser.add_argument("--credentials", type=Path, default=Path("credentials.yml"), help="channels to serve")
    parser.add_argument("-i", "--interface", default="127.0.0.1", help="address to listen on")
    parser.add_argument("-p", "--port", type=int, help="port to listen on (default: 5005; actions: 5055)")
    parser.add_argument("--connector", help="serve only this channel")
    parser.add_argument("--cors", nargs="*", default=[], help="origins whose pages may call the server")
    parser.add_argument("--enable-api", action="store_true", help="serve Rasa's HTTP API beside the channels")
    parser.add_argument(
        "--allow-open-api", action="store_true", help="serve the API to anybody, beyond this machine"
    )
    parser.add_argument("--watch", action="store_true", help="serve a newer model as soon as it is trained")
    parser.add_argument("--page", action="store_true", help="serve the demo page at /")
    parser.add_argument("--router", nargs="*", default=[], help="dotted paths of FastAPI routers of your own")
    parser.add_argument("-t", "--auth-token", help="unlocks the API")
    parser.add_argument("--jwt-secret", help="verifies JWTs that unlock the API")
    parser.add_argument("--jwt-method", default="HS256", help="algorithm of these JWTs")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that serve; they share the tracker store"
    )
    parser.add_argument("--max-text", type=int, default=2000, help="characters a message may have")
    parser.add_argument(
        "--sender-rate", type=float, default=5.0, help="messages a second of one sender (0: any)"
    )
    parser.add_argument(
        "--address-rate", type=float, default=20.0, help="widget requests a second of one address (0: any)"
    )
    parser.add_argument(
        "--actions", default="actions", help="module of the custom actions (with `run actions`)"
    )
    parser.add_argument("--ssl-certificate", help="serve HTTPS with this certificate")
    parser.add_argument("--ssl-keyfile", help="its key")
    parser.add_argument("--ssl-password", help="the key's password")
    parser.add_argument("--ssl-ca-file", help="certificates of the authorities that clients are verified by")
    _add_other_flags_of_rasa(parser)
    parser.set_defaults(run=run)


def _add_other_flags_of_rasa(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--response-timeout", type=float, default=3600.0, help="seconds until an answer must have begun"
    )
    parser.add_argument(
        "--request-timeout", type=float, default=30.0, help="seconds until a request must be there as a whole"
    )
    add_unused(parser, "tokens are verified here, never signed; see --jwt-secret", "--jwt-private-key")
    add_remote_storage(parser)
    parser.add_argument(
        "--auto-reload", action="store_true", help="load changed actions (with `run actions`)"
    )
    add_log_targets(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    if args.what == "actions":
        return _run_actions(args)
    refuse_remote_storage(args)
    from rich.console import Console

    from shoptalk.server.app import API_BODIES
    from shoptalk.server.auth import Auth
    from shoptalk.server.limits import Bounds
    from shoptalk.server.serve import Options
    from shoptalk.server.serve import run as serve

    port = args.port or 5005
    auth = Auth(args.auth_token, args.jwt_secret, args.jwt_method)
    if args.enable_api and auth.is_open and args.interface not in LOOPBACK and not args.allow_open_api:
        raise ConfigError(
            f"The API would be open to everybody who reaches {args.interface}: anyone could read any conversation.",
            hint="Add --auth-token or --jwt-secret, listen on 127.0.0.1, or insist with --allow-open-api.",
        )
    if args.workers < 1:
        raise ConfigError(f"--workers {args.workers} would serve nothing.", hint="Say 1 or more.")
    check_port(args.interface, port)
    bounds = Bounds(
        larger=API_BODIES,
        body_s=args.request_timeout,
        answer_s=args.response_timeout,
        max_text=args.max_text,
        sender_rate=args.sender_rate,
        address_rate=args.address_rate,
    )
    options = Options(
        model=Path(args.what) if args.what else args.model,
        endpoints=args.endpoints,
        credentials=args.credentials,
        host=args.interface,
        port=port,
        connector=args.connector,
        cors=args.cors,
        auth=auth,
        enable_api=args.enable_api,
        page=args.page,
        watch=args.watch,
        routers=args.router,
        ssl_certificate=args.ssl_certificate,
        ssl_keyfile=args.ssl_keyfile,
        ssl_password=args.ssl_password,
        ssl_ca_file=args.ssl_ca_file,
        workers=args.workers,
        bounds=bounds,
        logs=logs_of(args),
    )
    console = Console(stderr=True, highlight=False)
    scheme = "https" if args.ssl_certificate else "http"
    address = f"{scheme}://{args.interface}:{port}"
    # The server has stopped cleanly when it passes Ctrl-C on.
    with contextlib.suppress(KeyboardInterrupt):
        serve(options, lambda: console.print(f"[bold green]Ready[/] at [bold]{address}[/]  (Ctrl-C stops)"))
    return 0


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken before anything slow begins.

    Raises:
        ConfigError: it is taken.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                hint=f"Stop what uses it, or take another one: --port {port + 1}.",
            ) from error


def _run_actions(args: argparse.Namespace) -> int:
    """rasa-sdk's own server on the project's actions."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "rasa_sdk", "--actions", args.actions, "--port", str(args.port or 5055)]
    if args.cors:
        command += ["--cors", *args.cors]
    for flag in PASSED_TO_ACTIONS:
        value = getattr(args, flag.strip("-").replace("-", "_"), None)
        if value:
            command += [flag] if value is True else [flag, str(value)]
    if getattr(args, "logging_config_file", None):
        command += ["--logging-config_file", str(args.logging_config_file)]
    return subprocess.call(command)
