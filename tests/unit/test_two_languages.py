"""Every text that exists in two languages is whole in each of them."""

import ast
import re
import string
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from bus.core.access_checks import AccessCheck, Operation
from bus.core.dead_letters.letter import LetterId, LetterState
from bus.core.dead_letters.order import OrderState
from bus.core.dead_letters.triage import suggest
from bus.core.events import ServiceName
from bus.core.failure import Stage
from bus.core.plan import ChangeKind, PlanStep, TopologyObject
from bus.core.revocation.statement import RevocationReason, RevocationSource
from bus.core.topology import Binding, Exchange, Queue
from bus.services.revocations import KEY_FOLDER
from schemas import terms
from schemas.errors import ENTRIES, FailureClass
from schemas.problem import AxisError, DocumentError, Language, Problem, Warned
from schemas.term import Term, filled, flat, foreign, of_os, term
from schemas.terms import CAUSES, DATA, VOCABULARIES
from schemas.terms.certificate import CERTIFICATE
from schemas.terms.operation import OPERATION
from schemas.terms.packet import PACKET
from schemas.terms.pdf import PDF
from schemas.terms.proof import PROOF
from schemas.terms.revocation import REVOCATION, REVOCATION_REASONS
from schemas.terms.words import ORDER_STATES, PARTIES, REVOKERS, STAGES, SUBJECTS
from schemas.verdict import About, LegalValue, PdfOutcome
from schemas.warnings import WARNINGS

ROOT = Path(terms.__file__).parents[2]
ENGLISH, VIETNAMESE = Language.ENGLISH, Language.VIETNAMESE

Pair = tuple[str, str]

TEXTS: dict[str, Pair] = {
    **{f"{code} text": (entry.text_en, entry.text_vi) for code, entry in ENTRIES.items()},
    **{f"{code} advice": (entry.advice_en, entry.advice_vi) for code, entry in ENTRIES.items()},
    **WARNINGS,
}
TERMS: dict[str, Pair] = {
    f"{name}: {code}": texts
    for name, vocabulary in VOCABULARIES.items()
    for code, texts in vocabulary.terms.items()
}
TOLD_ABOUT = [
    About(document_id="7", owner="H24", owner_name="Bộ Ví Dụ", held=held) for held in (True, False)
]
THINGS: tuple[TopologyObject, ...] = (
    Exchange(name="7"),
    Queue(name="7"),
    Binding(exchange="7", queue="7", pattern="7"),
)
OTHERS: dict[str, Pair] = {
    **{
        each.name: (each.text(ENGLISH), each.text(VIETNAMESE))
        for each in (*LegalValue, *PdfOutcome)
    },
    **{f"about {each.held}": (each.text(ENGLISH), each.text(VIETNAMESE)) for each in TOLD_ABOUT},
    **{
        f"{change} {type(thing).__name__}": (
            PlanStep(change=change, object=thing).sentence(ENGLISH),
            PlanStep(change=change, object=thing).sentence(VIETNAMESE),
        )
        for change in ChangeKind
        for thing in THINGS
    },
    **{
        f"try to {deed}": (tried.words(ENGLISH), tried.words(VIETNAMESE))
        for deed in Operation
        for tried in [AccessCheck(operation=deed, queue="7")]
    },
    **{
        f"advice on {failure_class}, {code}, {state}": (told.text_en, told.text_vi)
        for failure_class in FailureClass
        for code in ("E_KEYS", *ENTRIES)
        for state in LetterState
        for told in [
            suggest(
                failure_class=failure_class,
                code=code,
                states={state},
                target="--group 1",
                example=LetterId("1"),
            )
        ]
    },
}
"""What is told besides the catalogue: verdicts, plans, trials, advice on dead letters."""

QUOTED = re.compile(
    r"lienthong( [a-z-]+)+|“[^”]*”|'[^']*'|`[^`]*`|--[a-z-]+|<[^>]*>|\S*/\S*|\S+[.=]\S+"
)
"""Quotations, commands, options, addresses, file names: the same in every language."""
NAMES = frozenset(
    {
        *(
            "byte",
            "unicode",
            "pid",
            "id",
            "iat",
            "false",
            "from",
            "bussiness",
            "signature",
            "xlink",
        ),
        *(
            "lienthong",
            "docker",
            "erlang",
            "exchange",
            "install",
            "pip",
            "python",
            "run",
            "server",
            "token",
            "serial",
            "object",
        ),
    }
)
"""Units, commands, and fields of packets, signatures and PKCS #11 URIs."""
SYLLABLES = frozenset({"do", "in", "khi", "an", "sai", "hay"})
"""Vietnamese without an accent that is an English word, too."""


def placeholders(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name)


def words(text: str) -> frozenset[str]:
    """Words of Latin letters alone; what has capitals inside (XML, edXML) is a name."""
    found = re.findall(r"[\w-]+", QUOTED.sub(" ", text))
    return frozenset(
        word.lower()
        for word in found
        if word.isascii() and word.isalpha() and len(word) > 1 and word[1:].islower()
    )


ENGLISH_WORDS = (
    frozenset(
        chain.from_iterable(
            words(re.sub(r"\{\w+\}", " ", pair[0])) for pair in (*TEXTS.values(), *TERMS.values())
        )
    )
    - NAMES
    - SYLLABLES
)


def english_in(text: str) -> frozenset[str]:
    return words(text) & ENGLISH_WORDS


def values(name: str) -> list[Term | str]:
    """All that a parameter can be, as the vocabularies and the list of data say."""
    vocabulary = VOCABULARIES.get(name)
    if vocabulary is None:
        return ["7"]
    told: list[Term | str] = [
        Term(code=code, params=data_of(texts[0])) for code, texts in vocabulary.terms.items()
    ]
    told.append("H24.07" if vocabulary.or_data else foreign("it went wrong"))
    if name == "cause":
        # Of an older version, and of a newer one.
        told += ["it stands in the wrong namespace", "a_code_of_tomorrow"]
        told.append(term("setting_at", path="x", why=term("field_missing")))
    return told


def data_of(template: str) -> dict[str, str]:
    return flat({name: values_of_inner(name) for name in placeholders(template)})


def values_of_inner(name: str) -> Term | str:
    """A term within a term: the first of its vocabulary does for all, each is walked by itself."""
    vocabulary = VOCABULARIES.get(name)
    if vocabulary is None:
        return "7"
    return term("field_missing") if name == "why" else Term(code=next(iter(vocabulary.terms)))


def renderings(pair: Pair) -> Iterator[tuple[str, dict[str, str]]]:
    names = placeholders(pair[0]) | placeholders(pair[1])
    plain = {name: values_of_inner(name) for name in names}
    yield filled(pair[1], flat(plain), VIETNAMESE), {}
    for name in names:
        for value in values(name):
            params = flat(plain | {name: value})
            yield filled(pair[1], params, VIETNAMESE), params


@pytest.mark.parametrize("key", [*TEXTS, *TERMS])
def test_no_vietnamese_text_has_english_in_it_whatever_it_is_filled_with(key: str) -> None:
    """Walks every text with every value that its parameters can have."""
    for text, params in renderings((TEXTS | TERMS)[key]):
        assert not english_in(text), (text, params)
        assert not re.search(r"\{\w+\}", text), (text, params)


def test_what_is_told_besides_the_catalogue_is_whole_in_vietnamese() -> None:
    """Verdicts on files, whose document is meant, plans, trials, advice on dead letters."""
    own_words = frozenset().union(*(words(english) for english, _ in OTHERS.values()))
    for key, (_, vietnamese) in OTHERS.items():
        assert not words(vietnamese) & (ENGLISH_WORDS | own_words - NAMES - SYLLABLES), key


def test_the_search_for_english_finds_some() -> None:
    """The test above would see the fault that it is for."""
    assert english_in("Không thể kiểm tra chữ ký tiêu đề: it stands in the wrong namespace")
    assert english_in("The number of receivers vượt quá giới hạn 5.")
    assert not english_in(term("foreign", said="it went wrong").text(VIETNAMESE))


@pytest.mark.parametrize("key", [*TEXTS, *TERMS])
def test_both_languages_are_filled_with_the_same_declared_values(key: str) -> None:
    """A placeholder is a vocabulary's or declared as data, and stands in both texts."""
    english, vietnamese = (TEXTS | TERMS)[key]

    assert placeholders(english) == placeholders(vietnamese)
    assert placeholders(english) <= DATA | VOCABULARIES.keys()


def test_a_parameter_is_either_a_term_or_data() -> None:
    """None is declared twice, and no two causes share a code."""
    parts = (PACKET, PROOF, CERTIFICATE, REVOCATION, OPERATION, PDF)

    assert not DATA & VOCABULARIES.keys()
    assert len(CAUSES) == sum(map(len, parts))
    assert not CAUSES.keys() & (ENTRIES.keys() | WARNINGS.keys())


# --- where problems are made --------------------------------------------------------------------

CODE = re.compile(r"[EW]_[A-Z0-9_]+")
ABOUT = frozenset({"place", "detail", "line", "field", "file"})
"""Keywords that say where, not what."""
PLAIN_WORDS = re.compile(r"(?!lienthong )([a-z]{2,}( |$)|[A-Za-z]+ [A-Za-z]+)")


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for folder in ("schemas", "adapters", "bus"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{path}:{node.lineno}", node


def called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def told_in(node: ast.Call) -> tuple[str, dict[str, ast.expr], bool] | None:
    """A catalogue code with its parameters, and whether they are all in sight."""
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    whole = all(keyword.arg for keyword in node.keywords)
    if called(node) in {"of", "warn"} and node.args and CODE.fullmatch(literal(node.args[0])):
        return literal(node.args[0]), given, whole
    if called(node) in {"Problem", "Warned"} and CODE.fullmatch(literal(given.get("code"))):
        params = given.get("params")
        if params is None:
            return literal(given["code"]), {}, True
        if isinstance(params, ast.Call) and called(params) == "flat":
            params = params.args[0]
        if isinstance(params, ast.Dict):
            named = {literal(k): v for k, v in zip(params.keys, params.values, strict=True)}
            return literal(given["code"]), named, True
        return literal(given["code"]), {}, False
    return None


def due(code: str) -> frozenset[str]:
    texts: tuple[str, ...]
    if code in ENTRIES:
        entry = ENTRIES[code]
        texts = (entry.text_en, entry.text_vi, entry.advice_en, entry.advice_vi)
    else:
        texts = WARNINGS["W_MISSING_FIELD" if code.startswith("W_MISSING_") else code]
    return frozenset().union(*map(placeholders, texts))


def test_problems_are_made_with_the_parameters_that_their_texts_have() -> None:
    """A parameter too few would leave a hole in a text; one too many is shown to nobody."""
    for where, node in calls():
        told = told_in(node)
        if told is None:
            continue
        code, given, whole = told
        assert given.keys() - ABOUT <= DATA | VOCABULARIES.keys(), (where, code)
        if whole:
            assert due(code) <= given.keys(), (where, code)


def test_data_is_no_sentence() -> None:
    """No words of one language are put where data is declared."""
    for where, node in calls():
        told = told_in(node)
        named = told[1] if told else {}
        if called(node) == "term":
            named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        for name in named.keys() & (DATA - {"extra"}):
            subscripts = [n.slice for n in ast.walk(named[name]) if isinstance(n, ast.Subscript)]
            for part in ast.walk(named[name]):
                if part in subscripts:
                    continue
                assert not PLAIN_WORDS.match(literal(part) if isinstance(part, ast.expr) else ""), (
                    where,
                    name,
                    ast.unparse(named[name]),
                )


def test_problems_are_never_made_with_a_free_text_where_a_term_is_due() -> None:
    """`AxisError.of` is checked by its types; this looks at what is made without it."""
    for where, node in calls():
        told = told_in(node)
        if told is None or called(node) not in {"Problem", "Warned"}:
            continue
        for name in told[1].keys() & {"cause", "why", "what"}:
            assert not isinstance(told[1][name], ast.Constant | ast.JoinedStr), (where, name)


def test_terms_are_made_with_known_codes_and_the_values_that_they_need() -> None:
    """Every literal `term("…")` of the code is in a vocabulary."""
    known = {code: texts for each in VOCABULARIES.values() for code, texts in each.terms.items()}
    seen = 0
    for where, node in calls():
        if called(node) != "term" or not node.args:
            continue
        for choice in ast.walk(node.args[0]):
            code = literal(choice) if isinstance(choice, ast.expr) else ""
            if not code:
                continue
            seen += 1
            assert code in known, (where, code)
            given = {keyword.arg for keyword in node.keywords}
            assert None in given or given == placeholders(known[code][0]), (where, code)
    assert seen > 100


def test_every_term_is_used() -> None:
    """What nobody says any more is taken out; names of the operating system are looked up."""
    said = {
        literal(node)
        for path, tree in sources()
        if path.parts[:2] != ("schemas", "terms")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
    }

    assert {code for code in CAUSES.keys() | SUBJECTS.keys() if code[0] != "E"} - said == set()


PARTY_NAMES = {
    literal(node.value)
    for path, tree in sources()
    for node in ast.walk(tree)
    if path.parts[:2] == ("bus", "keys") and isinstance(node, ast.Assign)
    if literal(node.value).startswith("the ")
}
"""Whom the code of keys calls by a name, where an agency's code is due."""


def test_every_stage_and_state_has_its_words() -> None:
    """The enumerations of the bus and the vocabularies name the same things."""
    stages = {*Stage, *ServiceName, "recognise", "read", "write", "start", "trial"}

    assert stages == STAGES.keys()
    assert set(OrderState) == ORDER_STATES.keys()
    assert set(RevocationReason) == REVOCATION_REASONS.keys()
    assert {*RevocationSource, KEY_FOLDER} == REVOKERS.keys()
    assert {*PARTY_NAMES, "nobody"} == PARTIES.keys()


# --- values -------------------------------------------------------------------------------------


def test_a_problem_can_be_the_cause_of_another() -> None:
    """The inner problem is told in the language of the outer one."""
    inner = AxisError.of("E_SIGNATURE_INVALID", cause=term("jws_long", limit=5)).problem
    outer = AxisError.of("E_SEAL_SIGNATURE", cause=inner).problem

    assert outer.text() == (
        "The signature of the sealed content proves nothing: "
        "The signature does not match the envelope: it is longer than 5 characters."
    )
    assert outer.text(VIETNAMESE) == (
        "Chữ ký bên trong niêm phong không đáng tin: Chữ ký không khớp phong bì: dài hơn 5 ký tự."
    )
    assert Problem.model_validate_json(outer.to_json()) == outer


def test_the_cause_of_a_problem_can_be_told_alone() -> None:
    """A problem without a cause is the cause itself."""
    inner = AxisError.of("E_KEYS", agency="H24", cause=term("ended_on", date="2026-03-12")).problem
    bare = AxisError.of("E_STORE_FULL").problem

    told = AxisError.of("E_SIGNING_KEY_AWAY", agency="H24", cause=inner.because).problem

    assert told.params["cause"] == "ended_on"
    assert "2026-03-12" in told.text(VIETNAMESE)
    assert bare.because.text(VIETNAMESE) == "Đĩa lưu trữ đã đầy"


def test_a_free_text_of_an_older_version_is_quoted_in_vietnamese() -> None:
    """Stored problems still render: as they stand in English, as a quotation in Vietnamese."""
    old = Problem(code="E_ENCODING", params={"cause": "it looks like UTF-16"})

    assert old.text() == "The packet is not UTF-8: it looks like UTF-16."
    assert old.text(VIETNAMESE) == (
        "Gói tin không phải UTF-8: chi tiết kỹ thuật “it looks like UTF-16”."
    )


def test_the_words_of_a_format_that_is_not_ours_are_quoted() -> None:
    """It may give a text where a term is due: nothing breaks, and nothing is mixed."""
    told: Any = {"cause": "the header is upside down"}
    problem = DocumentError.of("E_SCHEMA", **told).problem

    assert problem.text() == (
        "The field does not fit the canonical schema: the header is upside down."
    )
    assert "“the header is upside down”" in problem.text(VIETNAMESE)


def test_a_sentence_that_begins_with_a_term_begins_with_a_capital() -> None:
    """In both languages."""
    problem = DocumentError.of("E_LIMIT", what=term("receivers"), limit=5).problem

    assert problem.text() == "The number of receivers exceeds the limit of 5."
    assert problem.text(VIETNAMESE) == "Số bên nhận vượt quá giới hạn 5."


def test_what_an_operating_system_says_has_words_of_ours() -> None:
    """Known errors are told in both languages; an unknown one is quoted."""
    assert of_os(PermissionError(13, "x")).text(VIETNAMESE) == "không có quyền truy cập"
    assert of_os(OSError("odd")).text(VIETNAMESE) == "chi tiết kỹ thuật “OSError”"


def test_a_warning_renders_its_cause() -> None:
    """Warnings are told like problems."""
    warned = Warned(code="W_SIGNATURE_UNVERIFIABLE", params={"cause": "signature_namespace"})

    assert warned.text(VIETNAMESE) == (
        "Không thể kiểm tra chữ ký tiêu đề: chữ ký nằm trong không gian tên sai."
    )
