"""The simulators' memory and register master on MyHDL signals, without a simulator."""

from __future__ import annotations

from typing import Any

__all__ = ["port_signals"]


def port_signals(prefix: str, bundle: Any) -> dict[str, Any]:
    """Return the signals of a bundle by the names of the core's ports: ``m_axi_arvalid``."""
    return {f"{prefix}_{name}": signal for name, signal in vars(bundle).items()}
