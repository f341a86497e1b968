"""An APK put together, aligned, signed by a throw-away key and verified."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from aligned_zip import align, misaligned
from project import ABIS, Project
from stage import Failed, Stage, run

from stages import android, core, native, resources

MIB = 2**20
SCHEMES = ("v2", "v3")
_JAVA8 = 52


def check(project: Project) -> str:
    """Build it; what goes in must come out again."""
    parts = [core.classes(project), android.runtime(project), android.app(project)]
    out = project.build / "apk"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    dex = _dex(project, parts)
    apk = out / "unsigned.apk"
    shutil.copy(resources.linked(project) / "base.apk", apk)
    with zipfile.ZipFile(apk, "a", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(dex.glob("*.dex")):
            archive.write(file, file.name)
        for abi in ABIS:
            folders = (native.libraries(project) / abi, project.tools.aar / "jni" / abi)
            for file in (each for folder in folders for each in sorted(folder.glob("*.so"))):
                # Stored, so that they are mapped from the APK itself.
                archive.write(file, f"lib/{abi}/{file.name}", zipfile.ZIP_STORED)
    aligned, signed = out / "aligned.apk", out / "demo.apk"
    align(apk, aligned, native.PAGE)
    run(["zipalign", "-c", "-p", "4", aligned], "checking the alignment")
    key = out / "key.jks"
    secret = "of-no-use"
    create = ["keytool", "-genkeypair", "-keystore", key, "-storepass", secret, "-keypass", secret]
    create += ["-alias", "check", "-keyalg", "RSA", "-keysize", "2048", "-validity", "2"]
    run([*create, "-dname", "CN=check"], "making a key")
    sign = ["apksigner", "sign", "--ks", key, "--ks-pass", f"pass:{secret}"]
    run([*sign, "--key-pass", f"pass:{secret}", "--out", signed, aligned], "signing")
    report = run(["apksigner", "verify", "--verbose", signed], "verifying the signature")
    for scheme in SCHEMES:
        if not re.search(rf"\(APK Signature Scheme {scheme}\): true", report):
            raise Failed(f"the APK has no signature of scheme {scheme}\n{report}")
    wrong = misaligned(signed, native.PAGE)
    if wrong:
        raise Failed("\n".join([f"libraries that {native.PAGE} byte pages cannot map", *wrong]))
    _inspect(project, signed)
    size = signed.stat().st_size / MIB
    return f"{size:.1f} MiB, signed by schemes {' and '.join(SCHEMES)}"


def _dex(project: Project, parts: list[Path]) -> Path:
    libraries = [project.tools.stdlib, project.tools.gson, project.tools.aar / "classes.jar"]

    def make(out: Path) -> None:
        jars = []
        for jar in libraries:
            # Without descriptions of modules, whose format the dexer does not know.
            slim = out / f"{jar.parent.name}-{jar.name}"
            with zipfile.ZipFile(jar) as full, zipfile.ZipFile(slim, "w") as kept:
                for name in full.namelist():
                    if (
                        name.endswith(".class")
                        and "META-INF" not in name
                        and "module-info" not in name
                    ):
                        kept.writestr(name, _java8(full.read(name)))
            jars.append(slim)
        command = [
            "java",
            "-Xmx2g",
            "-cp",
            project.tools.dx,
            "com.android.dx.command.Main",
            "--dex",
        ]
        command += ["--min-sdk-version=26", "--multi-dex", f"--output={out}"]
        run([*command, *parts, *jars], "the dexer")
        for jar in jars:
            jar.unlink()

    return project.cached("dex", [*parts, project.tools.dx], make)


def _java8(code: bytes) -> bytes:
    """A class file under the newest version number that dx reads; D8 needs no such thing.

    The AAR's classes are compiled for Java 17. The dex is never run: it does not matter that
    dx leaves nest mates and string concatenation of Java 9 to 17 as they are.
    """
    version = int.from_bytes(code[6:8], "big")
    return code[:4] + b"\0\0" + min(version, _JAVA8).to_bytes(2, "big") + code[8:]


def _inspect(project: Project, apk: Path) -> None:
    badging = run(["aapt2", "dump", "badging", apk], "reading the APK")
    name = resources.setting(project, "app", "applicationId")
    if f"package: name='{name}'" not in badging or "launchable-activity" not in badging:
        raise Failed(f"the APK is not the app\n{badging[:500]}")
    with zipfile.ZipFile(apk) as archive:
        names = archive.namelist()
    assets = project.root / "app" / "src" / "main" / "assets"
    wanted = [f"assets/{file.relative_to(assets)}" for file in assets.rglob("*") if file.is_file()]
    wanted += [f"lib/{abi}/libonnxruntime.so" for abi in ABIS]
    wanted += ["classes.dex", "resources.arsc"]
    missing = [each for each in wanted if each not in names]
    if missing:
        raise Failed(f"the APK lacks {', '.join(missing)}")


STAGE = Stage("apk", "an APK put together, aligned, signed and verified", check)
