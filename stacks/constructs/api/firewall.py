"""Web ACL in front of the HTTP API: it refuses calls without a key, and addresses that send too many."""

from typing import Final, get_args

from aws_cdk import Stack, aws_apigateway, aws_wafv2
from constructs import Construct

from stacks.config.access import KeyHeader
from stacks.constructs.api.gateway_errors import GATEWAY_ERRORS, GatewayResponse

#: Seconds in which WAF counts the requests of an address.
WINDOW_SECONDS: Final = 300
#: Paths of the description of the API and of the console, which need no key. The stage or the base path of a domain may
#: precede them.
_OPEN_PATHS: Final = r"^(/[^/]+)?/(openapi\.json|docs|console(/.*)?)$"
_TOO_MANY: Final = GatewayResponse(429, "throttled", "Too many requests from this address; slow down", WINDOW_SECONDS)


class Firewall(Construct):
    """WAF refuses a request before API Gateway calls the authorizer or counts anything for a key."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: aws_apigateway.Stage,
        requests_per_address: int,
        allows_preflights: bool,
    ) -> None:
        super().__init__(scope, id_)
        missing = GATEWAY_ERRORS["UNAUTHORIZED"]
        acl = aws_wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            description="Refuses calls without a key, and addresses that send too many requests",
            default_action=aws_wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("WebAcl"),
            custom_response_bodies={error.code: _body(error) for error in (missing, _TOO_MANY)},
            rules=[
                _rule("WithoutKey", 0, missing, _without_key(allows_preflights=allows_preflights)),
                _rule("TooManyOfOneAddress", 1, _TOO_MANY, _more_than(requests_per_address)),
            ],
        )
        aws_wafv2.CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=Stack.of(self).format_arn(
                service="apigateway",
                account="",
                resource="/restapis",
                resource_name=f"{stage.rest_api.rest_api_id}/stages/{stage.stage_name}",
            ),
            web_acl_arn=acl.attr_arn,
        )


def _rule(
    name: str, priority: int, refusal: GatewayResponse, statement: aws_wafv2.CfnWebACL.StatementProperty
) -> aws_wafv2.CfnWebACL.RuleProperty:
    kind = aws_wafv2.CfnWebACL
    seconds = refusal.retry_after_seconds
    headers = [kind.CustomHTTPHeaderProperty(name="Retry-After", value=str(seconds))] if seconds else None
    response = kind.CustomResponseProperty(
        response_code=refusal.status, custom_response_body_key=refusal.code, response_headers=headers
    )
    return kind.RuleProperty(
        name=name,
        priority=priority,
        statement=statement,
        action=kind.RuleActionProperty(block=kind.BlockActionProperty(custom_response=response)),
        visibility_config=_visibility(name),
    )


def _without_key(*, allows_preflights: bool) -> aws_wafv2.CfnWebACL.StatementProperty:
    kind = aws_wafv2.CfnWebACL
    unchanged = [kind.TextTransformationProperty(priority=0, type="NONE")]
    absent = [
        kind.StatementProperty(
            not_statement=kind.NotStatementProperty(
                statement=kind.StatementProperty(
                    size_constraint_statement=kind.SizeConstraintStatementProperty(
                        field_to_match=kind.FieldToMatchProperty(single_header={"Name": header}),
                        comparison_operator="GT",
                        size=0,
                        text_transformations=unchanged,
                    )
                )
            )
        )
        for header in get_args(KeyHeader)
    ]
    open_path = kind.RegexMatchStatementProperty(
        field_to_match=kind.FieldToMatchProperty(uri_path={}),
        regex_string=_OPEN_PATHS,
        text_transformations=unchanged,
    )
    other_path = kind.NotStatementProperty(statement=kind.StatementProperty(regex_match_statement=open_path))
    absent.append(kind.StatementProperty(not_statement=other_path))
    if allows_preflights:
        # A browser sends no key with a preflight.
        preflight = kind.ByteMatchStatementProperty(
            field_to_match=kind.FieldToMatchProperty(method={}),
            positional_constraint="EXACTLY",
            search_string="OPTIONS",
            text_transformations=unchanged,
        )
        other = kind.NotStatementProperty(statement=kind.StatementProperty(byte_match_statement=preflight))
        absent.append(kind.StatementProperty(not_statement=other))
    return kind.StatementProperty(and_statement=kind.AndStatementProperty(statements=absent))


def _more_than(requests_per_address: int) -> aws_wafv2.CfnWebACL.StatementProperty:
    kind = aws_wafv2.CfnWebACL
    rate = kind.RateBasedStatementProperty(
        aggregate_key_type="IP", limit=requests_per_address, evaluation_window_sec=WINDOW_SECONDS
    )
    return kind.StatementProperty(rate_based_statement=rate)


def _visibility(name: str) -> aws_wafv2.CfnWebACL.VisibilityConfigProperty:
    # A sampled request would show its headers, and so its key.
    return aws_wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _body(error: GatewayResponse) -> aws_wafv2.CfnWebACL.CustomResponseBodyProperty:
    return aws_wafv2.CfnWebACL.CustomResponseBodyProperty(content=error.body(), content_type="APPLICATION_JSON")
