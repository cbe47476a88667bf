"""Names that another stack reads with one look-up, whatever their number.

CloudFormation looks up each `Fn::GetStackOutput` alone, and an account may do about one such look-up per second. A
template with many of them fails with `Throttling`. So a stack publishes its names as one list. The reader keeps the
list in a parameter, and selects each name from there. The reference is weak: the stack may remove what is named.
"""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Fn, Stack, aws_ssm
from constructs import Construct

#: Character between two names. No name, ARN or URL of ours contains it.
_SEPARATOR = ","


class SharedNames:
    """Names of resources of `stack` by any keys. `id_` differs from that of all other names that a stack reads."""

    def __init__(self, stack: Stack, id_: str, names: Mapping[str, str]) -> None:
        self._stack = stack
        self._id = f"Shared{id_}"
        self._keys = tuple(names)
        CfnOutput(stack, self._id, value=Fn.join(_SEPARATOR, list(names.values())))

    def read(self, scope: Construct) -> dict[str, str]:
        """Return the names for the stack of `scope`, by their keys."""
        parameter = aws_ssm.CfnParameter(
            scope,
            self._id,
            type="String",
            # A list of more than 4 KiB costs a few cents a month.
            tier="Intelligent-Tiering",
            value=Fn.get_stack_output(self._stack.stack_name, self._id),
        )
        names = Fn.split(_SEPARATOR, parameter.attr_value)
        return {key: Fn.select(position, names) for position, key in enumerate(self._keys)}
