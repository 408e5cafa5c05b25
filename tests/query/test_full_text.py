"""Full-text search, beside plain Python on the words of the same texts."""

from __future__ import annotations

from random import Random
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    ExpressionError,
    Field,
    Key,
    Mapped,
    ModelDefinitionError,
    Text,
)
from rapyer.base import channel_of
from rapyer.testing import use_plugins
from rapyer_query import NotIndexedError, count
from rapyer_query.index import ModelIndex
from rapyer_query.words import has_phrase, read_request, spellings, words_of

pytestmark = pytest.mark.usefixtures("server")


class Section(EmbeddedModel):
    body: Mapped[Annotated[str, Text(stem=False)]]


class Article(AtomicRedisModel):
    id: Key[int]
    title: Mapped[str] = Field(text=Text(weight=3))
    body: Mapped[str] = Field(text=Text(stem=False))
    note: Mapped[Annotated[str, Text()] | None] = Field(default=None)
    name: Mapped[str] = Field(default="x")
    age: Mapped[int] = Field(default=0)
    section: Mapped[Section] = Field(default_factory=lambda: Section(body="default"))
    sections: Mapped[list[Section]] = Field(default_factory=list)

    class Config:
        prefix = "query:article"


A: Any = Article
WORDS = [
    "redis", "Redis", "CACHE", "fast", "the", "quick", "brown", "fox", "x1", "Ärger", "ärger",
    "café", "日本語", "straße", "a_b", "don't", "e.g.", "foo-bar", "fo", "nul\0", "\ufdd0",
]  # fmt: skip
ODD = " \t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aB0é\u00a0\u2014\ufdd0\n"


def a_text(random: Random) -> str:
    if random.random() < 0.4:
        return "".join(random.choice(ODD) for _ in range(random.randrange(25)))
    between = [" ", "  ", ", ", "-", ".", "(", '"', "\t"]
    words = [random.choice(WORDS) for _ in range(random.randrange(9))]
    return "".join(word + random.choice(between) for word in words)


def a_request(random: Random) -> str:
    def word() -> str:
        return random.choice(WORDS) if random.random() < 0.8 else a_text(random)

    parts = [
        random.choice(
            [
                word,
                lambda: f'"{word()} {word()}"',
                lambda: f"-{word()}",
                lambda: f"-({word()} | {word()})",
                lambda: f"{random.choice(['re', 'FO', 'foo', 'x', 'br', 'a_', 'the'])}*",
                lambda: f"({word()}|{word()} {word()})",
                lambda: a_text(random),
            ]
        )()
        for _ in range(random.randint(1, 3))
    ]
    return " ".join(parts)


def has(text: str, terms: Any) -> bool:
    """Whether a text has words and phrases, by its words."""
    words = words_of(text)
    for term in terms.terms:
        written = spellings(term.word)
        if not any(
            word in written or (term.is_start and word.startswith(written)) for word in words
        ):
            return False
    for phrase in terms.phrases:
        known = [spellings(word) for word in phrase]
        places = range(len(words) - len(phrase) + 1)
        if not any(
            all(words[place + k] in written for k, written in enumerate(known)) for place in places
        ):
            return False
    return True


def holds(text: str, request: Any) -> bool:
    wanted = all(any(has(text, one) for one in alternatives) for alternatives in request.wanted)
    return wanted and not any(has(text, one) for one in request.unwanted)


async def stored(random: Random, number: int) -> list[Article]:
    found = [
        await Article(id=place, title=a_text(random), body=a_text(random), age=place % 5).save()
        for place in range(number)
    ]
    await Article.find().count()
    return found


async def check(random: Random, articles: list[Article]) -> bool:
    asked = a_request(random)
    try:
        request = read_request(asked)
        condition = A.body.matches(asked)
        query = Article.find(condition)
        found = await query.to_list()
    except NotIndexedError:
        assert "|" in asked or "(" in asked
        return False
    except ExpressionError as exc:
        known = [
            part in str(exc)
            for part in (
                "no words",
                "which the server cannot find",
                "inside parentheses",
                "at which the server splits",
            )
        ]
        assert any(known), asked
        return False
    expected = sorted(one.id for one in articles if holds(one.body, request))
    wrong = {one.id for one in found} ^ {*expected}
    assert not wrong, (asked, [articles[pk].body for pk in wrong])
    assert await query.count() == len(expected), asked
    young = A.age < 3
    assert await Article.find(condition & young).count() == sum(
        articles[pk].age < 3 for pk in expected
    )
    if len(request.wanted) == 1 and not request.unwanted and " " not in asked.strip():
        others = await Article.find(~condition).values(A.id).to_list()
        assert sorted(pk for (pk,) in others) == sorted({*range(len(articles))} - {*expected})
    return bool(expected)


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_found_has_the_words_by_plain_python(seed):
    random = Random(seed)
    articles = await stored(random, 80)
    hits = [await check(random, articles) for _ in range(200)]
    assert sum(hits) > 40


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
async def test_what_is_found_has_the_words_by_plain_python_in_thousands_of_cases(seed):
    random = Random(seed)
    articles = await stored(random, 200)
    for _ in range(1500):
        await check(random, articles)


@given(st.text())
def test_whatever_is_asked_for_is_words_or_an_error(text):
    try:
        request = read_request(text)
    except ExpressionError:
        assert "\\" in text or all(not words_of(part.strip("*")) for part in text.split())
        return
    for term in request.terms:
        assert term.word
        assert not set(term.word) & set(" \t\"'()")


async def save(**fields: Any) -> Article:
    return await Article(**{"title": "t", "body": "b", **fields}).save()


async def titles(query: Any) -> list[int]:
    return sorted(one.id for one in await query.to_list())


async def test_words_are_found_by_other_forms_but_where_it_is_said():
    await save(id=1, title="Running foxes", body="Running foxes")
    assert await titles(Article.find(A.title.matches("run fox"))) == [1]
    assert await titles(Article.find(A.body.matches("run"))) == []
    assert await titles(Article.find(A.body.matches("running FOXES"))) == [1]


async def test_the_whole_text_is_compared_as_exactly_as_without():
    await save(id=1, title="Redis is fast")
    await save(id=2, title="redis is fast")
    assert await titles(Article.find(A.title == "Redis is fast")) == [1]
    assert await titles(Article.find(A.title.startswith("red"))) == [2]
    assert await titles(Article.find(A.title.matches("redis"))) == [1, 2]


async def test_no_word_is_left_out():
    await save(id=1, body="to be or not to be")
    assert await titles(Article.find(A.body.matches('"to be or not"'))) == [1]
    assert await titles(Article.find(A.body.matches('"be to"'))) == []
    assert await titles(Article.find().search('"not to be"')) == [1]
    assert await titles(Article.find().search('"not be"')) == []
    assert await titles(Article.find(A.body.matches("the"))) == []


async def test_none_and_what_a_document_lacks_have_no_words():
    await save(id=1, note="redis")
    await save(id=2)
    await save(id=3, note="redis")
    await channel_of(Article).execute("JSON.DEL", Article.key_of(3), "$.note")
    assert await titles(Article.find(A.note.matches("redis"))) == [1]
    assert await titles(Article.find(A.note.matches("-redis"))) == [2, 3]
    with pytest.raises(
        NotIndexedError, match=r"cannot be negated by the server.*matches\('-word'\)"
    ):
        await Article.find(~A.note.matches("redis")).count()
    await save(id=4, body="redis")
    assert await titles(Article.find(~A.body.matches("redis"))) == [1, 2, 3]
    assert await titles(Article.find(A.note == None)) == [2, 3, 4]  # noqa: E711


async def test_a_search_is_in_all_texts_and_the_best_comes_first():
    await save(id=1, title="nothing", body="redis")
    await save(id=2, title="redis", body="nothing")
    await save(id=3, title="a redis among other words", body="nothing")
    query = Article.find().search("redis")
    assert [one.id for one in await query.to_list()] == [2, 3, 1]
    assert await query.keys() == [Article.key_of(pk) for pk in (2, 3, 1)]
    assert [one.id for one in await query.skip(1).limit(1).to_list()] == [3]
    assert await query.values(A.id).to_list() == [(2,), (3,), (1,)]
    scored = await query.values(A.id).with_scores().to_list()
    assert [pk for (pk,), _ in scored] == [2, 3, 1]
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    with pytest.raises(ExpressionError, match="with_scores needs a query"):
        query.sort(A.id).with_scores()
    assert (await query.explain()).sorts == "score"
    assert [one.id for one in await query.sort(A.id).to_list()] == [1, 2, 3]
    assert [one.id for one in await query.where(A.title < "o").to_list()] == [3, 1]
    assert await Article.find(A.id < 3).search("-redis").count() == 0
    assert await query.group_by(A.title).aggregate(count()).sort("title").to_list() == [
        ("a redis among other words", 1), ("nothing", 1), ("redis", 1),
    ]  # fmt: skip


async def test_a_search_of_more_than_a_page_comes_in_order():
    channel = channel_of(Article)
    first = await save(id=0, title="redis")
    raw: bytes = await channel.execute("JSON.GET", first.key)
    commands = [
        ("JSON.SET", Article.key_of(n), "$", raw.replace(b'"id":0', b'"id":%d' % n))
        for n in range(1, 2500)
    ]
    await channel.execute_many(commands)
    worst = await save(id=9999, title="redis and many other words", body="nothing")
    found = await Article.find().search("redis").to_list()
    assert (len(found), found[-1].id) == (2501, worst.id)
    assert [one.key for one in found[:-1]] == sorted(one.key for one in found[:-1])


async def test_words_may_differ_by_some_letters():
    await save(id=1, body="panic")
    assert await titles(Article.find(A.body.matches("panik"))) == []
    assert await titles(Article.find(A.body.matches("panik", fuzzy=1))) == [1]
    assert await titles(Article.find().search("pank", fuzzy=2)) == [1]
    told = await Article.find(A.body.matches("panik", fuzzy=1)).explain()
    assert "is searched for among all words" in told.estimates[0]
    assert "roughly:" in str(told)


async def test_a_word_in_quotes_is_the_word_as_it_is_written():
    await save(id=1, title="redis run")
    await save(id=2, title="running")
    assert await titles(Article.find(A.title.matches("running"))) == [1, 2]
    assert await titles(Article.find(A.title.matches('"running"'))) == [2]
    assert await titles(Article.find(A.title.matches('-"running"'))) == [1]
    assert await titles(Article.find(A.title.matches('-"running'))) == [1]
    assert await titles(Article.find(A.title.matches("-running"))) == [1]
    assert await titles(Article.find(A.title.matches("-run"))) == [2]
    assert await titles(Article.find(A.title.matches("-run*"))) == []
    assert await titles(Article.find().search("-run")) == [2]


async def test_a_long_text_is_looked_at_quickly():
    words = " ".join(f"w{number}" for number in range(100_000))
    assert has_phrase(words, ("w99998", "w99999"))
    assert not has_phrase(words, ("w99999", "w99998"))


async def test_what_python_looks_at_again_is_the_rest():
    await save(id=1, body="redis", name="a")
    await save(id=2, body="redis", name="z")
    query = Article.find(A.body.matches("redis"), A.name < "b")
    assert await titles(query) == [1]
    told = await query.explain()
    assert (told.is_exact, told.checks) == (False, "Article.name < 'b'")
    assert await query.update(age=50) == 1
    assert await Article.find(A.body.matches("redis")).delete() == 2


@pytest.mark.parametrize(
    "condition",
    [
        A.body.matches("x") | (A.name < "b"),
        ~(A.body.matches("x") & (A.name < "b")),
        A.name.matches("x"),
        A.name.matches("x") & (A.age > 3),
        A.sections.body.matches("x"),
        A.sections[0].body.matches("x"),
        A.sections.any(Section.body.matches("x")),
    ],
    ids=str,
)
async def test_what_only_the_index_could_answer_and_does_not_is_an_error(condition):
    with pytest.raises(
        NotIndexedError, match=r"does not answer .* exactly, and only the index can"
    ):
        await Article.find(condition).scan().to_list()


async def test_texts_within_models_have_words():
    await save(id=1, section=Section(body="redis cache"))
    assert await titles(Article.find(A.section.body.matches("cache"))) == [1]


def test_python_does_not_know_the_words():
    with pytest.raises(ExpressionError, match=r"can only be answered by an index"):
        A.body.matches("x").matches(Article(id=1, title="x", body="x"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: A.age.matches("x"), r"it is for strings"),
        (lambda: A.body.matches(3), r"was given 3, a int\. Give a str"),
        (lambda: A.body.matches("x", fuzzy=4), r"fuzzy is 4\. Give 0, 1, 2 or 3"),
        (lambda: A.body.matches("x", fuzzy=True), r"fuzzy is True"),
        (lambda: Article.find(A.body.matches("&&")), r"'&&' has no words to search for"),
        (lambda: Article.find(A.body.matches("")), r"'' has no words"),
        (lambda: Article.find().search("*"), r"has no words"),
        (lambda: Article.find().search(3), r"search was given 3"),
        (lambda: Article.find().search("(a | -b)"), r"excludes words inside parentheses"),
        (lambda: Article.find().search("\ud800"), r"cannot be encoded as UTF-8"),
        (lambda: Article.find().search("x" * 129), r"is a word of more than 128 bytes"),
        (lambda: Article.find().search("x", fuzzy=-1), r"fuzzy is -1"),
    ],
)
def test_what_has_no_words_is_refused_where_it_is_written(make, message):
    with pytest.raises(ExpressionError, match=message):
        make()


async def test_the_start_of_a_word_that_is_too_short_is_refused():
    with pytest.raises(ExpressionError, match=r"start with 'r', which .* 2 bytes \(MINPREFIX\)"):
        await Article.find(A.body.matches("r*")).to_list()


def test_what_cannot_have_words_is_refused_where_it_is_declared():
    with pytest.raises(TypeError, match="index=False and text=True"):
        Field(index=False, text=True)
    with pytest.raises(ValueError, match="weight of a Text is 0"):
        Text(weight=0)
    with pytest.raises(ValueError, match=r"language of a Text is 'klingon'\. Give one of arabic"):
        Text(language="klingon")
    wrong: Any = "german"
    with pytest.raises(TypeError, match=r"text is 'german'\. Give a Text"):
        Field(text=wrong)
    with pytest.raises(TypeError, match=r"vector is 'german'\. Give a Vector"):
        Field(vector=wrong)
    with pytest.raises(TypeError, match="stem of a Text is 'german'"):
        Text(stem=wrong)
    with use_plugins(installed=True):

        class Counted(AtomicRedisModel):
            number: int = 0

        Counted.__pydantic_fields__["number"].metadata.append(Text())
        with pytest.raises(ModelDefinitionError, match=r"number is declared for full-text search"):
            ModelIndex.of(Counted)
        with pytest.raises(ModelDefinitionError, match=r"language 'english'.*of 'german'"):

            class Mixed(AtomicRedisModel):
                one: Annotated[str, Text(language="german")] = ""
                other: str = Field(default="", text=True)


async def test_words_are_those_of_the_language():
    with use_plugins(installed=True):

        class Buch(AtomicRedisModel):
            id: Key[int]
            titel: Mapped[Annotated[str, Text(language="german")]]

            class Config:
                prefix = "query:buch"

        B: Any = Buch
        await Buch(id=1, titel="Die Häuser am Fluss").save()
        assert await Buch.find(B.titel.matches("haus")).count() == 1
        assert (await Buch.index.status()).state == "ready"
        assert (await Buch.index.diff()).action == "none"


async def test_a_text_that_is_to_be_searched_from_now_on_is_found_by_its_words():
    def book(**how: Any) -> Any:
        config = type("Config", (), {"prefix": "query:book", "index_retention": 60})
        annotations = {"id": Key[int], "title": str}
        body = {"__annotations__": annotations, "Config": config, "__module__": __name__, **how}
        return type(AtomicRedisModel)("Book", (AtomicRedisModel,), body)

    with use_plugins(installed=True):
        before = book()
        await before(id=1, title="the redis book").save()
        assert await before.find(before.title == "the redis book").count() == 1
    with use_plugins(installed=True):
        after = book(title=Field(text=True))
        assert [field.type for field in (await after.index.diff()).added] == ["TEXT"]
        assert await after.find(after.title.matches("books")).count() == 1
        assert (await after.index.diff()).action == "none"
    with use_plugins(installed=True):
        german = book(title=Field(text=Text(language="german")))
        assert (await german.index.diff()).action == "build"
        assert await german.find(german.title.matches("book")).count() == 1


async def test_a_separator_that_is_escaped_is_in_texts_but_not_in_what_is_asked_for():
    with pytest.raises(ExpressionError, match="Search for the words on both sides"):
        await Article.find(A.body.matches("foo\\-bar")).to_list()
