"""`darkroom mcp`: a server of the Model Context Protocol for an assistant on this machine."""

import click

from cli.errors import Misconfigured
from cli.session import Session, with_session


@click.command(short_help="Serve an assistant by the Model Context Protocol.")
@with_session
def mcp(session: Session) -> None:
    """Serve the environment's tools to an assistant, on standard input and output.

    An assistant starts this command itself: docs/how-to/mcp.md shows its configuration.
    """
    try:
        from cli.mcp_bridge import McpBridge
    except ModuleNotFoundError as error:
        raise Misconfigured(f"the package {error.name} is missing; install it: pip install 'darkroom[mcp]'") from None
    import asyncio

    from darkroom import AsyncClient

    environment = session.environment()
    url, key = environment.http_url, environment.api_key
    bridge = McpBridge(reads=AsyncClient(url, key), submits=AsyncClient(url, key, retries=0))
    with session.client(environment):
        asyncio.run(bridge.serve())
