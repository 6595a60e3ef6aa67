"""What each word of the Open Data Contract Standard means to landing: heeded, for people, or refused.

A word that is accepted and does nothing misleads, so one that would change which data land, or what is
promised of them, is refused. What only people read stays. By the standard's models;
docs/contracts.md shows the same lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """Why landing does not take a word, and what to write in its place."""

    why: str
    fix: str


HEEDED: dict[str, frozenset[str]] = {
    model: frozenset(words.split())
    for model, words in {
        "OpenDataContractStandard": "apiVersion kind version schema",
        "SchemaObject": "name physicalName properties quality",
        "SchemaProperty": "name physicalName physicalType logicalType logicalTypeOptions primaryKey "
        "required enum quality semanticType",
        "EnumValue": "value",
        "DataQuality": "metric arguments unit type mustBe mustBeLessOrEqualTo mustBeLessThan",
    }.items()
}

FOR_PEOPLE: dict[str, frozenset[str]] = {
    model: frozenset(words.split())
    for model, words in {
        "OpenDataContractStandard": "id name tenant tags status dataProduct description domain support price "
        "team roles slaDefaultElement slaProperties authoritativeDefinitions customProperties context "
        "contractCreatedTs",
        "SchemaObject": "id physicalType description businessName deprecated synonyms "
        "authoritativeDefinitions tags customProperties logicalType dataGranularityDescription context",
        "SchemaProperty": "id description businessName deprecated synonyms authoritativeDefinitions tags "
        "customProperties primaryKeyPosition classification examples criticalDataElement",
        "EnumValue": "id label description tags customProperties authoritativeDefinitions",
        "DataQuality": "id name description dimension businessImpact tags authoritativeDefinitions",
        "Description": "usage purpose limitations authoritativeDefinitions customProperties",
        "AuthoritativeDefinition": "id url type description",
        "CustomProperty": "id property value description vendor",
        "Synonym": "id synonym description locale source status customProperties",
        "Context": "instructions verifiedStatements constraints",
        "VerifiedStatement": "id question answer tags customProperties authoritativeDefinitions",
        "Constraint": "id constraint tags customProperties authoritativeDefinitions",
        "Support": "id channel url description tool scope invitationUrl customProperties",
        "Pricing": "id priceAmount priceCurrency priceUnit",
        "Team": "id name description members tags customProperties authoritativeDefinitions",
        "TeamMember": "id username name description role dateIn dateOut replacedByUsername tags "
        "customProperties authoritativeDefinitions",
        "Role": "id role description access firstLevelApprovers secondLevelApprovers customProperties",
        "ServiceLevelAgreementProperty": "id property value valueExt unit element driver description "
        "scheduler schedule customProperties authoritativeDefinitions",
    }.items()
}

_UNCHECKED = "landing does not check '{word}', and a rule that nothing checks misleads"
_UNTRANSFORMED = "landing changes no value, so '{word}' would not be carried out"
_NO_INNER_FIELDS = "landing does not type what is inside a field, so '{word}' would not be checked"
_CHECK_LATER = "take it out, and declare the check in expectations/"
_TEST_OF_MODEL = "take it out, and declare the check as a test of a dbt model"
_MODEL = "take it out, and write the transformation as a model in dbt_project/"
_LEAVE_OUT = "leave the field out of the contract: it is then kept in _unknown, as JSON"
_UNPARTITIONED = Refusal(
    "a landing file has no partitions by value, so '{word}' would do nothing", "take it out"
)
_QUALITY = Refusal("landing does not check '{word}' of a quality rule", _CHECK_LATER)
_QUALITY_WORDS = """
method schedule scheduler severity rule mustNotBe mustBeGreaterThan mustBeGreaterOrEqualTo mustBeBetween
mustNotBeBetween query engine implementation customProperties
"""

REFUSED: dict[str, dict[str, Refusal]] = {
    "OpenDataContractStandard": {
        "servers": Refusal(
            "landing reads from one broker, which 'servers' does not choose",
            "take it out, and set KAFKA_BOOTSTRAP_SERVERS",
        ),
    },
    "SchemaObject": {
        "relationships": Refusal(_UNCHECKED, _TEST_OF_MODEL),
    },
    "SchemaProperty": {
        "unique": Refusal(
            _UNCHECKED,
            "take it out: 'primaryKey: true' says what identifies an event; whether values repeat in a mart "
            "is a check in expectations/",
        ),
        "relationships": Refusal(_UNCHECKED, _TEST_OF_MODEL),
        "encryptedName": Refusal(
            "landing encrypts nothing, so '{word}' would promise what is not", "take it out"
        ),
        "partitioned": _UNPARTITIONED,
        "partitionKeyPosition": _UNPARTITIONED,
        "transformLogic": Refusal(_UNTRANSFORMED, _MODEL),
        "transformSourceObjects": Refusal(_UNTRANSFORMED, _MODEL),
        "transformDescription": Refusal(
            _UNTRANSFORMED,
            "say in 'description' what the producer did; what you want done is a model in dbt_project/",
        ),
        "properties": Refusal(_NO_INNER_FIELDS, _LEAVE_OUT),
        "items": Refusal(_NO_INNER_FIELDS, _LEAVE_OUT),
        "map": Refusal(_NO_INNER_FIELDS, _LEAVE_OUT),
    },
    "DataQuality": dict.fromkeys(_QUALITY_WORDS.split(), _QUALITY),
}

_PATTERN = "take it out; 'pattern' says how a text must look, 'physicalType: UUID' that it is a UUID"
_EXACT = "take it out: physicalType says what the column holds"
_ISO = "take it out: dates are YYYY-MM-DD, times are RFC 3339"

# Of `logicalTypeOptions`, which the models leave open.
HEEDED_OPTIONS: dict[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(),
    "timestamp": frozenset({"defaultTimezone", "timezone"}),
    "date": frozenset(),
}
_BOUNDS = {
    word: Refusal("landing does not check '{word}' of a day or a time", _CHECK_LATER)
    for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
}
REFUSED_OPTIONS: dict[str, dict[str, Refusal]] = {
    "string": {"format": Refusal(_UNCHECKED, _PATTERN)},
    "integer": {"format": Refusal(_UNCHECKED, _EXACT), "multipleOf": Refusal(_UNCHECKED, _CHECK_LATER)},
    "number": {"format": Refusal(_UNCHECKED, _EXACT), "multipleOf": Refusal(_UNCHECKED, _CHECK_LATER)},
    "boolean": {},
    "timestamp": {"format": Refusal(_UNCHECKED, _ISO), **_BOUNDS},
    "date": {"format": Refusal(_UNCHECKED, _ISO), **_BOUNDS},
}


def refusal(model: str, word: str, value: Any) -> Refusal | None:
    """Why a word of a model is refused; None where it is not, or its value says what goes without saying."""
    says_nothing = not value or value == -1  # -1: the standard's default of a position
    found = REFUSED.get(model, {}).get(word)
    return None if found is None or says_nothing else _about(found, word)


def option_refusal(logical_type: str, option: str) -> Refusal | None:
    """Why an option of a logical type is refused; None where landing heeds it."""
    if option in HEEDED_OPTIONS[logical_type]:
        return None
    found = REFUSED_OPTIONS[logical_type].get(option, Refusal(_UNCHECKED, "take it out"))
    return _about(found, option)


def _about(found: Refusal, word: str) -> Refusal:
    return Refusal(found.why.format(word=word), found.fix)
