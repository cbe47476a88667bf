import pytest

from local.cloudformation.errors import TemplateError
from local.cloudformation.intrinsics import replace_dynamic_references

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"
SECRETS = {ARN: "plain", "named": "other"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to do", "nothing to do"),
        (f"{{{{resolve:secretsmanager:{ARN}:SecretString:::}}}}", "plain"),
        (f"{{{{resolve:secretsmanager:{ARN}}}}}", "plain"),
        ("<{{resolve:secretsmanager:named:SecretString}}>", "<other>"),
    ],
)
def test_secrets_take_the_place_of_references(text: str, expected: str) -> None:
    assert replace_dynamic_references(text, SECRETS.__getitem__) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{resolve:ssm:/a/parameter}}",
        f"{{{{resolve:secretsmanager:{ARN}:SecretString:user}}}}",
        "{{resolve:secretsmanager:named:SecretString::AWSPREVIOUS}}",
    ],
)
def test_what_cannot_be_resolved_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        replace_dynamic_references(text, SECRETS.__getitem__)
