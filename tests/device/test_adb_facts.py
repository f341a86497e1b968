"""What a device is, and what it does not tell."""

from __future__ import annotations

import os

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.facts import PROPERTIES, parse_properties, read_facts
from phone_kit.phone import Phone

PHONE = """\
ro.product.model=Pixel 8 [test]
ro.product.manufacturer=Google
ro.build.fingerprint=google/shiba/shiba:15/AP3A/1:user/release-keys
ro.soc.manufacturer=Google
ro.soc.model=Tensor G3
ro.build.version.release=15
ro.build.version.sdk=35
ro.product.cpu.abi=arm64-v8a
ro.empty=
"""
CPU = "devices/system/cpu/cpu{n}/cpufreq/{file}"


def test_all_a_phone_tells(adb: Adb, phone: Phone) -> None:
    phone.simulate("properties", PHONE)
    phone.set_sys(
        {
            CPU.format(n=10, file="cpuinfo_max_freq"): "2900000\n",
            CPU.format(n=2, file="cpuinfo_max_freq"): "1700000\n",
            CPU.format(n=2, file="scaling_governor"): "walt\n",
            CPU.format(n=10, file="scaling_governor"): "sched_pixel\n",
        }
    )
    facts = read_facts(adb)
    assert facts.serial == phone.serial
    assert (facts.model, facts.manufacturer) == ("Pixel 8 [test]", "Google")
    assert (facts.soc_manufacturer, facts.soc_model) == ("Google", "Tensor G3")
    assert facts.fingerprint == "google/shiba/shiba:15/AP3A/1:user/release-keys"
    assert (facts.android_release, facts.sdk, facts.abi) == ("15", 35, "arm64-v8a")
    assert facts.max_khz == {2: 1700000, 10: 2900000} and facts.cores == 2
    assert facts.governors == {2: "walt", 10: "sched_pixel"}
    assert facts.kernel == os.uname().release
    assert facts.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert facts.reasons == {} and facts.emulated is None
    assert facts.simulated, "no Android runs there, whatever its properties say"


def test_reasons_for_what_is_missing(adb: Adb) -> None:
    facts = read_facts(adb)
    missing = {*PROPERTIES, "max_khz", "governors"}
    assert set(facts.reasons) == missing
    assert all(getattr(facts, name) is None for name in missing)
    assert "simulated as missing" in facts.reasons["model"]
    assert facts.abi == "x86_64" and facts.cores == os.cpu_count()


def test_a_single_missing_property_is_named(adb: Adb, phone: Phone) -> None:
    phone.simulate("properties", PHONE.replace("ro.soc.model", "ro.other"))
    facts = read_facts(adb)
    assert facts.soc_model is None
    assert facts.reasons["soc_model"] == "the property ro.soc.model is not set"


def test_emulators_are_named(adb: Adb, phone: Phone) -> None:
    phone.simulate("properties", "ro.hardware=ranchu\nro.kernel.qemu=1\n")
    assert read_facts(adb).emulated == "virtual device ranchu"


def test_an_emulated_processor_is_named(arm_phone: Phone) -> None:
    facts = read_facts(Adb(arm_phone.serial))
    assert facts.emulated is not None and facts.emulated.startswith("qemu-aarch64")
    assert (facts.abi, facts.simulated) == ("arm64-v8a", True)


def test_an_android_is_not_called_simulated(adb: Adb, phone: Phone) -> None:
    """Its own sign is the program that starts apps."""
    program = phone.root / "system" / "bin" / "app_process64"
    program.touch()
    try:
        assert not read_facts(adb).simulated
    finally:
        program.unlink()


def test_properties_keep_their_brackets() -> None:
    text = "[a]: [x [y]]\n[b]: []\nnoise\n[c.d]: [1]\n"
    assert parse_properties(text) == {"a": "x [y]", "c.d": "1"}
