//! What goes to crates.io.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Looks at the files of every published crate, packs them all, and compiles what was packed with its tests and
/// examples.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut count = 0;
    let mut faults = Vec::new();
    for package in workspace.libraries() {
        let list = process::output(
            process::cargo().args(["package", "--list", "--allow-dirty", "--package", &package.name]),
            Duration::from_secs(60),
        )?;
        let files: BTreeSet<&str> = list.lines().collect();
        faults.extend(faults_of(&package.name, &files));
        count += files.len();
    }
    if !faults.is_empty() {
        fail!("{}", faults.join("; "));
    }
    let scratch = workspace.scratch("package")?;
    pack(workspace, scratch.path())?;
    unpack(workspace, scratch.path())?;
    compile(workspace, scratch.path())?;
    Ok(format!("{count} files in {} packages", workspace.libraries().count()))
}

/// Cargo's own verification takes crates of an earlier run for those of this one, where one depends on the other
/// and the version is the same.
fn pack(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let mut cargo = process::cargo();
    // A change that is not committed can be checked too.
    cargo
        .args(["package", "--quiet", "--locked", "--allow-dirty", "--no-verify", "--target-dir"])
        .arg(folder);
    for package in workspace.libraries() {
        cargo.args(["--package", &package.name]);
    }
    process::run(&mut cargo, BUILD)
}

/// Makes a workspace of the packed crates that finds them in place of those on crates.io.
fn unpack(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let packed = folder.join("package");
    let files = fs::read_dir(&packed)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .trying(format_args!("cannot read {}", packed.display()))?;
    let mut members = Vec::new();
    for file in files.iter().filter(|file| file.extension() == Some(OsStr::new("crate"))) {
        // With the time of now: packed files all have one, by which cargo would take what an earlier check built as fresh.
        let tar = [OsStr::new("-xzmf"), file.as_os_str(), OsStr::new("-C"), folder.as_os_str()];
        process::run(Command::new("tar").args(tar), Duration::from_secs(60))?;
        members.push(file.file_stem().and_then(OsStr::to_str).unwrap_or_default());
    }
    let names: Vec<&str> = workspace.libraries().map(|package| package.name.as_str()).collect();
    let manifest = folder.join("Cargo.toml");
    fs::write(&manifest, virtual_workspace(&names, &members)?)
        .and_then(|()| fs::copy(workspace.root.join("Cargo.lock"), folder.join("Cargo.lock")).map(drop))
        .trying(format_args!("cannot write {}", manifest.display()))
}

fn virtual_workspace(names: &[&str], members: &[&str]) -> Result<String, Failure> {
    let mut manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n[patch.crates-io]\n");
    for name in names {
        let version = |member: &&&str| {
            member
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        let Some(member) = members.iter().find(version) else { fail!("{name} was not packed") };
        let _ = writeln!(manifest, "{name} = {{ path = {member:?} }}");
    }
    Ok(manifest)
}

fn compile(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    process::run(
        process::cargo()
            .args(["check", "--quiet", "--workspace", "--all-targets", "--all-features", "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workspace.target.join("package-check")),
        BUILD,
    )
}

fn faults_of(package: &str, files: &BTreeSet<&str>) -> Vec<String> {
    let own = OWN.iter().find(|(name, _)| *name == package).map_or(&[][..], |(_, own)| own);
    let missing = EVERYWHERE
        .iter()
        .chain(own)
        .filter(|file| !files.contains(**file))
        .map(|file| format!("the package of {package} lacks {file}"));
    let foreign = files
        .iter()
        .filter(|file| !belongs(file))
        .map(|file| format!("{file} has no business in the package of {package}"));
    missing.chain(foreign).collect()
}

fn belongs(file: &str) -> bool {
    match file.split_once('/') {
        Some((folder, _)) => FOLDERS.contains(&folder),
        None => {
            file.ends_with(".md")
                || [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"].contains(&file)
                || file.starts_with("LICENSE-")
        }
    }
}

const EVERYWHERE: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"];

/// Files that a crate must have beside those. Others build on the specification of the codec and on its vectors.
const OWN: &[(&str, &[&str])] = &[(
    "lumberjack-codec",
    &[
        "PROTOCOL.md",
        "examples/echo_server.rs",
        "examples/send_file.rs",
        "examples/tokio_client.rs",
        "examples/tokio_server.rs",
        "tests/data/scenarios.json",
        "tests/data/vectors.json",
    ],
)];

const FOLDERS: &[&str] = &["benches", "examples", "src", "tests"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_foreign_is_named() {
        let mut files: BTreeSet<&str> = EVERYWHERE.iter().copied().collect();
        assert!(faults_of("logstash-format", &files).is_empty());
        assert_eq!(faults_of("lumberjack-codec", &files).len(), OWN[0].1.len());
        files.remove("LICENSE-MIT");
        files.insert("fuzz/corpus/decoder/a.bin");
        assert_eq!(
            faults_of("logstash-format", &files),
            [
                "the package of logstash-format lacks LICENSE-MIT",
                "fuzz/corpus/decoder/a.bin has no business in the package of logstash-format",
            ]
        );
    }

    #[test]
    fn packed_crates_stand_in_for_those_of_the_registry() {
        let names = ["log", "log-format"];
        assert_eq!(
            virtual_workspace(&names, &["log-format-0.1.0", "log-0.2.0"]).unwrap(),
            "[workspace]\nresolver = \"3\"\nmembers = [\"log-format-0.1.0\", \"log-0.2.0\"]\n\n[patch.crates-io]\n\
             log = { path = \"log-0.2.0\" }\nlog-format = { path = \"log-format-0.1.0\" }\n"
        );
        let failure = virtual_workspace(&names, &["log-format-0.1.0"]).unwrap_err().to_string();
        assert_eq!(failure, "log was not packed");
    }

    #[test]
    fn sources_texts_and_licences_belong_into_a_package() {
        for file in ["src/lib.rs", "tests/it/main.rs", "README.md", "LICENSE-MIT", "Cargo.lock"] {
            assert!(belongs(file), "{file}");
        }
        for file in ["target/debug/x", "notes.txt", "fuzz/Cargo.toml", ".env"] {
            assert!(!belongs(file), "{file}");
        }
    }
}
