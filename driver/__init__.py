"""Targets by URL, buffers, streams, the JIT runtime, programs and bundles.

Needs numpy and the standard library only; simulators are found by URL scheme.
"""

from .errors import (
    AccessError,
    AllocationError,
    AssemblyMemoryError,
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
    RegisterError,
    StreamError,
    TargetError,
    TargetTimeout,
    UrlError,
    WindowError,
)
from .program.buffers import Allocator, Buffer
from .program.bundle import read_bundle, write_bundle
from .program.extension_layout import depthwise_tile, lookup_table
from .program.program import HostStep, LaunchStep, Program, ProgramTensor, Segment
from .program.program_builder import ProgramBuilder
from .program.program_check import LaunchCheck, check_program
from .run.launch import RunReport, launch, read_performance
from .run.profile import Profile, profile_program
from .run.program_runner import LoadedProgram, RunResult, run_program
from .run.runtime import Runtime
from .stream.instruction_stream import InstructionStream
from .stream.kernels import Kernel, make_kernel
from .stream.stream import StreamBuilder, rqt_immediate
from .target.base_target import BaseTarget
from .target.identity import check_identity
from .target.open_target import open_target
from .target.protocol import Target
from .target.schemes import Advice, OpenRequest, TargetScheme, known_schemes
from .target.target_url import parse_url
from .target.tracing import SpyTarget

__all__ = [
    "AccessError", "Advice", "AllocationError", "Allocator", "AssemblyMemoryError",
    "AuthenticationError", "BaseTarget", "Buffer", "BundleError", "BusyError", "CheckError",
    "DeviceError", "HostStep", "HostStepError", "IdentityError", "Kernel", "LaunchCheck",
    "LaunchStep", "LayoutError", "LinkError", "LoadedProgram", "OpenRequest", "OutOfMemoryError",
    "Profile", "Program", "ProgramBuilder", "ProgramError", "RegisterError", "RunReport",
    "RunResult", "Runtime", "Segment", "SpyTarget", "InstructionStream", "StreamBuilder",
    "StreamError", "Target", "TargetError", "TargetScheme", "TargetTimeout", "ProgramTensor",
    "UrlError", "WindowError", "check_identity", "check_program", "depthwise_tile",
    "known_schemes", "launch", "lookup_table", "make_kernel", "open_target", "parse_url",
    "profile_program", "read_bundle", "read_performance", "rqt_immediate", "run_program",
    "write_bundle",
]
