"""Which file is for which platform."""

from __future__ import annotations

import platform

import pytest
from rapyer_embedded import UnsupportedPlatformError
from rapyer_embedded.platforms import Platform, wheel_for


@pytest.mark.parametrize(
    ("here", "tag"),
    [
        (Platform("Linux", "x86_64", (2, 34)), "manylinux_2_38_x86_64"),
        (Platform("Linux", "x86_64", (2, 41)), "manylinux_2_38_x86_64"),
        (Platform("Darwin", "arm64", (14, 0)), "macosx_14_0_arm64"),
        (Platform("Darwin", "x86_64", (26, 1)), "macosx_14_0_x86_64"),
    ],
)
def test_a_supported_platform_has_a_wheel(here: Platform, tag: str) -> None:
    wheel = wheel_for(here)
    assert tag in wheel.pip_options
    assert len(wheel.sha256) == 64


@pytest.mark.parametrize(
    ("here", "named"),
    [
        (Platform("Linux", "x86_64", (2, 33)), "Linux x86_64 with glibc 2.33"),
        (Platform("Linux", "x86_64", None), "Linux x86_64 with no glibc"),
        (Platform("Linux", "aarch64", (2, 39)), "Linux aarch64 with glibc 2.39"),
        (Platform("Darwin", "arm64", (13, 6)), "Darwin 13.6 arm64"),
        (Platform("FreeBSD", "amd64", None), "FreeBSD amd64"),
    ],
)
def test_an_unsupported_platform_is_named_with_what_to_do(here: Platform, named: str) -> None:
    with pytest.raises(UnsupportedPlatformError, match=f"is packaged for {named}, only") as caught:
        wheel_for(here)
    assert "RAPYER_REDIS_SERVER" in str(caught.value)
    assert "RAPYER_REDIS_URL" in str(caught.value)


def test_the_platform_of_this_process_is_known() -> None:
    here = Platform.current()
    assert (here.system, here.machine) == (platform.system(), platform.machine())
    if platform.libc_ver()[0] == "glibc":
        assert here.version is not None
        assert platform.libc_ver()[1].startswith("{}.{}".format(*here.version))
