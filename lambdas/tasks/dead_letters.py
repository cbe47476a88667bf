"""Dead letters: tasks that used up the deliveries of their message."""

from typing import Final

#: Code of the error of such a task.
DELIVERY_FAILED: Final = "delivery_failed"
