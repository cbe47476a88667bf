"""Rules of the project's language: banned phrases with their replacement, openings, and names of an earlier design."""

import re

_DURATION = r"(?:\w+ ){0,2}(?:milliseconds?|seconds?|minutes?|hours?|days?|while|moment|third|tenth|fifth|argument)"

#: What follows `take` where it means receive, accept, claim or use; `takes 30 s` and `how long it takes` are fine.
_TAKEN = (
    rf"(?:an?(?! {_DURATION}\b)|the(?! (?:place|time|same time)\b)|it\b(?! \d)|them|this|that|these|those|its|their|our"
    r"|in|from|away|apart|off|out|back|up(?! to)|tasks?|messages?|pictures?|requests?|only(?! \d)|each|every|any"
    r"|new|work|jobs?|care)\b"
)

#: Phrases of prose that the rule bans, and what to write.
PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        (r"\b(?:is|are|was|were) none\b", "say what there is, or `no …`"),
        (r"\b(?:is|are|was|were) over\b(?! (?:\d|the (?:limit|quota)))", "`has finished`, `has ended`"),
        (r"\b[Ss]tands?\b(?!-)|\bstood\b|\bstanding\b", "`is`, `appears`, `represents`"),
        (r"\b[Bb]eside\b", "`next to`, `in addition to`"),
        (r"\bof (?:its|their|his|her|our|one's) own\b", "`separate`, `own …` before the noun"),
        (r"\b[Ww]hoever\b", "name the person or part"),
        (r"\b[Nn]obody\b", "name who does not"),
        (r"\b[Rr]eckon(?:s|ed|ing)?\b", "`compute`, `calculate`, `derive`"),
        (r"\b(?:[Tt]ell(?:s|ing)?|[Tt]old)\b", "`report`, `detect`, `return`, `show`"),
        (r"\b[Nn]otes?(?: that|:| the| how| what| whether| it| its| each| when)\b|\b[Nn]ot(?:ed|ing)\b", "`record`"),
        (rf"\b(?:[Tt]ak(?:e|es|ing|en)|[Tt]ook) {_TAKEN}", "`receive`, `accept`, `claim`, `use`"),
        (r"\b(?:is|are|was|were|be|been|being) taken\b", "`received`, `accepted`, `claimed`, `used`"),
        (r"\b(?:[Hh]and|[Gg]iv)(?:e|es|s|ed|en|ing)?(?: \w+){0,2} back\b", "`release` a record, `requeue` a message"),
        (r"\b[Ss]igns? of life\b", "`heartbeat`"),
        (r"\b[Ll]ets? (?:\w+ ){1,3}be\b", "an active verb"),
        (
            (
                r"\b(?:have|has|had|having) (?:it|them|itself|(?:the|an?|its|their) \w+) (?:done|made|written|sent"
                r"|checked|stopped|started|ended|read|deleted|removed|created|released|returned|answered|stored|kept|shown|given)\b"
            ),
            "name who does it",
        ),
        (
            (
                r"\b(?:[Nn]othing|none|[Nn]o \w+)(?: that| which| who)?(?: \w+)? (?:not|cannot|never|without)\b"
                r"|\b(?:[Nn]ot|[Nn]ever|[Cc]annot)(?: \w+)? without\b|\bnot neither\b"
            ),
            "one negative",
        ),
    )
)

MODULE_OPENING = re.compile(r"(?:What|How|Which|Whose|Whether|Who|Where|When|Why|That|If)\b")
FUNCTION_OPENING = re.compile(
    r"(?:Tells?|Says?|Whether|Return whether|Check whether|True|Is|Are|Has|What|How|Which|Who|Where|Why)\b"
)

#: Private names of an earlier design, and what replaced them (see docs/glossary.md).
_OLD_NAMES = """
Answer Arrivals CallTasks Child Children Claim Condition Crew DeadLetterOffice Depth Dispatcher Ending Endings
FileTransfer GivenUp Ground HeldTask Holdings IdleWatch InFlight Intake Journal Keeper KeptLists KeptProcess Ledger
Loss NamedModels NotHeld Notes Pace Patience Place Preparation Presence Receiver Restarts Room Rounds Sightings
Standing Standstill StopOrder Storing Sweep Transfer Turns WebUiPreparation Workers World
acknowledgement artefacts cut_off due_at_ms examination fleet_figures fleet_widgets give_back give_up given_up
hand_back happens http_answers in_service is_unavailable keep_trying look look_after look_later measure_fleet
meddling_proxy node_start note outlives_kill played pod_rights sign_of_life submission_parts take tell
test_house waiting_functions
"""
OLD_NAMES = frozenset(_OLD_NAMES.split())
OLD_NAME_FORMS = re.compile(r"play_\w+|tell_\w+|take_\w+|note_\w+|\w+Pump")
