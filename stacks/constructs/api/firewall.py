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
_Acl: Final = aws_wafv2.CfnWebACL


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
        rate = _Acl.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=requests_per_address, evaluation_window_sec=WINDOW_SECONDS
        )
        acl = _Acl(
            self,
            "WebAcl",
            scope="REGIONAL",
            description="Refuses calls without a key, and addresses that send too many requests",
            default_action=_Acl.DefaultActionProperty(allow={}),
            visibility_config=_visibility("WebAcl"),
            custom_response_bodies={
                error.code: _Acl.CustomResponseBodyProperty(content=error.body(), content_type="APPLICATION_JSON")
                for error in (missing, _TOO_MANY)
            },
            rules=[
                _rule("WithoutKey", 0, missing, _without_key(allows_preflights=allows_preflights)),
                _rule("TooManyOfOneAddress", 1, _TOO_MANY, _Acl.StatementProperty(rate_based_statement=rate)),
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
    seconds = refusal.retry_after_seconds
    headers = [_Acl.CustomHTTPHeaderProperty(name="Retry-After", value=str(seconds))] if seconds else None
    response = _Acl.CustomResponseProperty(
        response_code=refusal.status, custom_response_body_key=refusal.code, response_headers=headers
    )
    return _Acl.RuleProperty(
        name=name,
        priority=priority,
        statement=statement,
        action=_Acl.RuleActionProperty(block=_Acl.BlockActionProperty(custom_response=response)),
        visibility_config=_visibility(name),
    )


def _without_key(*, allows_preflights: bool) -> aws_wafv2.CfnWebACL.StatementProperty:
    """Return the statement that no header has a key, although neither path nor method does without one."""
    unchanged = [_Acl.TextTransformationProperty(priority=0, type="NONE")]
    admitted = [
        _Acl.StatementProperty(
            size_constraint_statement=_Acl.SizeConstraintStatementProperty(
                field_to_match=_Acl.FieldToMatchProperty(single_header={"Name": header}),
                comparison_operator="GT",
                size=0,
                text_transformations=unchanged,
            )
        )
        for header in get_args(KeyHeader)
    ]
    open_path = _Acl.RegexMatchStatementProperty(
        field_to_match=_Acl.FieldToMatchProperty(uri_path={}),
        regex_string=_OPEN_PATHS,
        text_transformations=unchanged,
    )
    admitted.append(_Acl.StatementProperty(regex_match_statement=open_path))
    if allows_preflights:
        # A browser sends no key with a preflight.
        preflight = _Acl.ByteMatchStatementProperty(
            field_to_match=_Acl.FieldToMatchProperty(method={}),
            positional_constraint="EXACTLY",
            search_string="OPTIONS",
            text_transformations=unchanged,
        )
        admitted.append(_Acl.StatementProperty(byte_match_statement=preflight))
    others = [_Acl.StatementProperty(not_statement=_Acl.NotStatementProperty(statement=each)) for each in admitted]
    return _Acl.StatementProperty(and_statement=_Acl.AndStatementProperty(statements=others))


def _visibility(name: str) -> aws_wafv2.CfnWebACL.VisibilityConfigProperty:
    # A sampled request would show its headers, and so its key.
    return _Acl.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
