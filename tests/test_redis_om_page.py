"""docs/from-redis-om.md: its model reads a document as redis-om 1.2 stores it."""

from __future__ import annotations

from pages import Page

PAGE = Page("docs/from-redis-om.md")
#: As redis-om 1.2.0 has written it.
KEY = "shop:customer:01M8M9DFGAH4RRWR0JAYJTRG4W"
DOCUMENT = (
    '{"pk":"01M8M9DFGAH4RRWR0JAYJTRG4W","name":"Ada","age":36,"joined":1577923200.0,'
    '"address":{"city":"Oslo"}}'
)


async def test_the_model_of_the_page_reads_what_redis_om_wrote(page, redis):
    await redis.execute_command("JSON.SET", KEY, "$", DOCUMENT)
    customer = page["Customer"]
    found = await customer.find(customer.name == "Ada").one()
    assert found.key == KEY
    assert (found.id, found.age, found.address.city) == (KEY[14:], 36, "Oslo")
    assert await customer.age.increase(found.key, 1) == 37
    await found.load()
    await found.save()
    stored = await redis.execute_command("JSON.GET", KEY)
    assert b'"pk":"01M8M9DFGAH4RRWR0JAYJTRG4W"' in stored
    assert b'"age":37' in stored
