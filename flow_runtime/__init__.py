"""Runs a flow document. Pure: no clock, no network, no database, no web.

start() or resume() in, Outcome out; whatever the flow wants done in the world is an effect in that Outcome.
"""

from flow_runtime.checks import Checker, interface_of, problems_of
from flow_runtime.compile import load_flow
from flow_runtime.effects import (
    Button,
    Call,
    CancelTimer,
    Card,
    Effect,
    End,
    HandOff,
    Media,
    Option,
    Say,
    SetTimer,
    Track,
    effect_from_json,
    effect_to_json,
)
from flow_runtime.errors import ExpressionError, FlowError, InvalidFlow, InvalidInput, InvalidState, LimitExceeded, NodeFailure, NotExpected
from flow_runtime.flow import Flow, Node
from flow_runtime.inputs import (
    AgentDone,
    Attachment,
    CallError,
    CallResult,
    Choice,
    ConversationStarted,
    EventReceived,
    File,
    Input,
    Location,
    Message,
    TimerFired,
    Triggered,
    input_from_json,
    input_to_json,
)
from flow_runtime.interpreter import resume, start
from flow_runtime.nodes import Library, NodeType, Port, Step, Turn
from flow_runtime.outcome import Failure, Outcome, Visit
from flow_runtime.problems import ChannelLimits, FlowInterface, Problem, Surroundings
from flow_runtime.state import State
from flow_runtime.upgrades import SCHEMA_VERSION

__all__ = [
    "SCHEMA_VERSION",
    "AgentDone",
    "Attachment",
    "Button",
    "Call",
    "CallError",
    "CallResult",
    "CancelTimer",
    "Card",
    "ChannelLimits",
    "Checker",
    "Choice",
    "ConversationStarted",
    "Effect",
    "End",
    "EventReceived",
    "ExpressionError",
    "Failure",
    "File",
    "Flow",
    "FlowError",
    "FlowInterface",
    "HandOff",
    "Input",
    "InvalidFlow",
    "InvalidInput",
    "InvalidState",
    "Library",
    "LimitExceeded",
    "Location",
    "Media",
    "Message",
    "Node",
    "NodeFailure",
    "NodeType",
    "NotExpected",
    "Option",
    "Outcome",
    "Port",
    "Problem",
    "Say",
    "SetTimer",
    "State",
    "Step",
    "Surroundings",
    "TimerFired",
    "Track",
    "Triggered",
    "Turn",
    "Visit",
    "effect_from_json",
    "effect_to_json",
    "input_from_json",
    "input_to_json",
    "interface_of",
    "load_flow",
    "problems_of",
    "resume",
    "start",
]
