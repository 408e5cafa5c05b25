"""docs/from-redis-om.md: its model reads a document as redis-om 1.2 stores it."""

from __future__ import annotations

import re
from pathlib import Path

from rapyer import init_rapyer
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[1] / "docs/from-redis-om.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
#: As redis-om 1.2.0 has written it.
KEY = "shop:customer:01M8M9DFGAH4RRWR0JAYJTRG4W"
DOCUMENT = (
    '{"pk":"01M8M9DFGAH4RRWR0JAYJTRG4W","name":"Ada","age":36,"joined":1577923200.0,'
    '"address":{"city":"Oslo"}}'
)


async def test_the_model_of_the_page_reads_what_redis_om_wrote(redis_url, redis):
    await redis.execute_command("JSON.SET", KEY, "$", DOCUMENT)
    namespace = {"__name__": "redis_om_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "from-redis-om.md", "exec", dont_inherit=True), namespace)
        async with init_rapyer(redis_url):
            customer = namespace["Customer"]
            found = await customer.find(customer.name == "Ada").one()
            assert found.key == KEY
            assert (found.id, found.age, found.address.city) == (KEY[14:], 36, "Oslo")
            assert await customer.age.increase(found.key, 1) == 37
            await found.load()
            await found.save()
    stored = await redis.execute_command("JSON.GET", KEY)
    assert b'"pk":"01M8M9DFGAH4RRWR0JAYJTRG4W"' in stored
    assert b'"age":37' in stored
