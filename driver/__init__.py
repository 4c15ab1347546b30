"""Targets by URL, buffers, streams, the JIT runtime, programs and bundles.

Needs numpy and the standard library only; simulators are found by URL scheme.
"""

from .assemble import ProgramBuilder
from .buffers import Allocator, Buffer
from .bundle import read_bundle, write_bundle
from .check import LaunchCheck, check_program
from .errors import (
    AccessError,
    AllocationError,
    AuthenticationError,
    BundleError,
    BusyError,
    CheckError,
    DeviceError,
    HostStepError,
    IdentityError,
    LayoutError,
    LinkError,
    OutOfMemoryError,
    ProgramError,
    StreamError,
    TargetError,
    TargetTimeout,
    UrlError,
    WindowError,
)
from .execute import LoadedProgram, RunResult, run_program
from .identity import check_identity
from .kernels import Kernel, make_kernel
from .launch import RunReport, launch, read_performance
from .profile import Profile, profile_program
from .program import HostStep, LaunchStep, Program, Segment, Tensor
from .runtime import Runtime
from .spy import SpyTarget
from .stream import Stream, StreamBuilder, rqt_immediate
from .target import Target, known_schemes, open_target, parse_url

__all__ = [
    "AccessError", "AllocationError", "Allocator", "AuthenticationError", "Buffer", "BundleError",
    "BusyError", "CheckError", "DeviceError", "HostStep", "HostStepError", "IdentityError",
    "Kernel", "LaunchCheck", "LaunchStep", "LayoutError", "LinkError", "LoadedProgram",
    "OutOfMemoryError", "Profile", "Program", "ProgramBuilder", "ProgramError", "RunReport",
    "RunResult", "Runtime", "Segment", "SpyTarget", "Stream", "StreamBuilder", "StreamError",
    "Target", "TargetError", "TargetTimeout", "Tensor", "UrlError", "WindowError",
    "check_identity", "check_program", "known_schemes", "launch", "make_kernel", "open_target",
    "parse_url", "profile_program", "read_bundle", "read_performance", "rqt_immediate",
    "run_program", "write_bundle",
]
