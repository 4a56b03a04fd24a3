//! The fuzz targets without the fuzzer, which needs a C++ compiler and time.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, fail};
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Compiles the targets of each crate as the fuzzer does, and runs their tests, which take them over the corpus.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let target = workspace.target.join("fuzz");
    let mut packages = Vec::new();
    for (package, folder) in workspace.fuzz_packages() {
        compile(&folder, &target.join("check"))?;
        process::run(cargo("test", &folder, &target).arg("--quiet"), BUILD)?;
        packages.push(package.name.as_str());
    }
    if packages.is_empty() {
        fail!("none of the crates has fuzz targets");
    }
    Ok(format!("targets of {}", packages.join(", ")))
}

/// Code under `cfg(fuzzing)` is in no other build.
fn compile(folder: &Path, target: &Path) -> Result<(), Failure> {
    process::run(
        cargo("check", folder, target)
            .args(["--quiet", "--bins"])
            .env("RUSTFLAGS", "--cfg fuzzing")
            // Said to be built already, libFuzzer is not built, and a check does not link it.
            .env("CUSTOM_LIBFUZZER_PATH", target.join("no-libfuzzer.a")),
        BUILD,
    )
}

fn cargo(command: &str, folder: &Path, target: &Path) -> Command {
    let mut cargo = process::cargo();
    cargo
        .arg(command)
        .args([OsStr::new("--manifest-path"), folder.join("Cargo.toml").as_os_str()])
        .args([OsStr::new("--target-dir"), target.as_os_str()]);
    cargo
}
