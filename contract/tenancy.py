"""Tenants, the owners of tasks: each key of the HTTP API and each named publisher of the entry topic.

The tenant is part of a task's key in the table, and not of the id that senders see. So two tenants may use one id, and
another tenant's id is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from contract.storage import is_passed_by_reference

#: Separates the tenant from what belongs to it. Ids, names of keys and names of runtimes do not contain it.
SEPARATOR: Final = ":"


def scoped(tenant: str, name: str) -> str:
    """Return the name, within the table, of what belongs to a tenant; without a tenant it is the name itself."""
    return f"{tenant}{SEPARATOR}{name}" if tenant else name


def tenant_in(scoped_name: str) -> str:
    """Return the tenant in a scoped name, empty without one."""
    return scoped_name.rpartition(SEPARATOR)[0]


def name_in(scoped_name: str) -> str:
    """Return the name in a scoped name."""
    return scoped_name.rpartition(SEPARATOR)[2]


class OutputDestination(BaseModel):
    """A bucket, or a folder in it, into which tasks may have their pictures copied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*$")] = Field(
        description="name of a bucket, or `bucket/folder`; below it every folder is allowed"
    )
    tenants: tuple[str, ...] = Field(
        default=(), description="names of the keys and publishers that may use it; all may if it is empty"
    )

    def covers(self, destination: str) -> bool:
        """Return True if an `s3://` URI without `.` and `..` is this place, or lies below it."""
        return f"{destination}/".startswith(f"s3://{self.place}/")


@dataclass(frozen=True)
class Tenant:
    """A tenant, and the other tenants whose tasks it sees."""

    #: Empty in an environment whose keys share all tasks.
    name: str
    #: Every other tenant for an `admin` key, none for any other.
    others: tuple[str, ...] = ()
    destinations: tuple[OutputDestination, ...] = field(default=(), compare=False)

    @property
    def visible(self) -> tuple[str, ...]:
        """Names of the tenants whose tasks it sees."""
        return (self.name, *self.others)

    def key_of(self, task_id: str) -> str:
        """Return the key of the task that this tenant calls `task_id`; an administrator writes `tenant:id`.

        The environment need not name the tenant, because tasks of a revoked key must be found and cancelled.
        """
        return task_id if self.others and tenant_in(task_id) else scoped(self.name, task_id)

    def id_of(self, task_key: str) -> str:
        """Return the id by which this tenant reads a task."""
        return name_in(task_key) if tenant_in(task_key) == self.name else task_key

    def sees(self, task_key: str) -> bool:
        """Return True if this tenant sees a task; an administrator also sees those of revoked keys."""
        return bool(self.others) or self == SHARED or tenant_in(task_key) == self.name


#: The tenant of an environment whose keys share all tasks. Where keys are isolated, no task belongs to it.
SHARED: Final = Tenant("")


class Tenancy(BaseModel):
    """Tenants of an environment. Without names, all senders share all tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Names of the keys, in the order of the environment file, and of the publishers.
    names: tuple[str, ...] = ()
    #: Keys that see the tasks of every tenant.
    administrators: tuple[str, ...] = ()
    #: Tenant of each publisher's own topic, by ARN.
    publishers: Mapping[str, str] = {}
    destinations: tuple[OutputDestination, ...] = ()

    def of_key(self, key_name: str | None) -> Tenant:
        """Return the tenant of a key of the HTTP API; raises ValueError for no key where tasks have owners."""
        if not self.names:
            return self._with_destinations(SHARED)
        if not key_name:
            raise ValueError("a request without a key has no tenant")
        others = (name for name in self.names if name != key_name)
        return self._with_destinations(Tenant(key_name, tuple(others) if key_name in self.administrators else ()))

    def sees_everything(self, tenant: Tenant) -> bool:
        """Return True if a tenant sees the tasks of all tenants."""
        return set(self.names) <= set(tenant.visible)

    def of_topic(self, topic_arn: str | None) -> Tenant:
        """Return the tenant of what a topic delivers; what the entry topic delivers belongs to the first key."""
        tenant = Tenant(self.publishers.get(topic_arn or "", self.names[0])) if self.names else SHARED
        return self._with_destinations(tenant)

    def _with_destinations(self, tenant: Tenant) -> Tenant:
        allowed = (each for each in self.destinations if not each.tenants or tenant.name in each.tenants)
        return replace(tenant, destinations=tuple(allowed))

    def may_point_to(self, topic_arn: str | None, key: str) -> bool:
        """Return True if what a topic delivers may point to this key of the task bucket.

        A sender must not reach the messages and uploads of others. Their content would become a task of the sender.
        Bare messages, without a topic, are those that Darkroom itself has put into the queues of runtimes.
        """
        return topic_arn is None or is_passed_by_reference(key, self.publishers.get(topic_arn))
