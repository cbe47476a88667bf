"""The bill of an idle month, from the templates of real environments."""

import re
from pathlib import Path

import pytest

from cli.cost.idle_month import BillLine, idle_month
from cli.cost.templates import read_templates
from stacks.config.price_table import PriceTable
from stacks.environment_file import read_environment_file
from tests.infrastructure.conftest import Synthesize, TemplatesOf
from tests.infrastructure.templates import Templates

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
REGION = "eu-central-1"
#: Dollars that `dev` may cost in a month without tasks.
LIMIT_OF_DEV = 5


def bill_of(templates: Templates) -> list[BillLine]:
    return idle_month(read_templates(templates.folder), templates.environment, PriceTable.load(), REGION)


def dollars(lines: list[BillLine]) -> float:
    return sum(line.usd or 0 for line in lines)


def test_the_price_of_every_resource_is_known_but_for_the_nodes_that_eks_chooses(templates: Templates) -> None:
    unknown = [line.item for line in bill_of(templates) if line.usd is None]
    expected = ["small instances for KEDA, of a type that EKS chooses"] if templates.environment.engine == "eks" else []
    # A replica may be kept on a type without a known price.
    assert [item for item in unknown if not item.startswith("replicas of ")] == expected


def test_alarms_and_queues_of_ecs_are_on_the_bill(ecs: Templates) -> None:
    quantities = {line.item: line.quantity for line in bill_of(ecs)}
    alarms = ecs.resources("AWS::CloudWatch::Alarm")
    assert quantities["alarm metrics"] > len(alarms)
    assert quantities["secrets"] == len(ecs.resources("AWS::SecretsManager::Secret"))


@pytest.mark.slow
def test_dev_at_rest_costs_less_than_five_dollars(templates_of: TemplatesOf) -> None:
    lines = bill_of(templates_of("dev"))
    assert dollars(lines) < LIMIT_OF_DEV
    # Other environments of the account may use what is free of charge, but for the dashboards.
    in_full = sum(line.quantity * (line.usd_each or 0) for line in lines if line.item != "dashboards")
    assert in_full < LIMIT_OF_DEV


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mine", "fleet"])
def test_the_documents_say_what_their_examples_cost(name: str, synthesize: Synthesize, tmp_path: Path) -> None:
    page = (DOCS / "deployment.md").read_text(encoding="utf-8")
    file = tmp_path / f"{name}.yaml"
    example = re.search(rf"^ *```yaml\n( *)name: {name}\n.*?^ *```$", page, re.MULTILINE | re.DOTALL)
    assert example
    lines = example[0].splitlines()[1:-1]
    file.write_text("\n".join(line.removeprefix(example[1]) for line in lines))
    bill = bill_of(synthesize(read_environment_file(file)))

    said = re.search(rf"^\| `{name}` .*\| (\d+) \|$", (DOCS / "cost.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert said
    # A new alarm costs 10 cents for each metric.
    assert dollars(bill) == pytest.approx(int(said[1]), abs=2)
    # What the endpoints of a new network would cost several times, NAT does alone.
    assert "interface endpoints in a zone" not in {line.item for line in bill}
