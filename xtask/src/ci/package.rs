//! What goes to crates.io.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::failure::{Failure, fail};
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Packs every published crate, builds each one from what was packed, and looks at the files that are in it.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut pack = process::cargo();
    // A change that is not committed can be checked too.
    pack.args(["package", "--quiet", "--locked", "--allow-dirty"]);
    let mut count = 0;
    let mut faults = Vec::new();
    for package in workspace.libraries() {
        pack.args(["--package", &package.name]);
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
    process::run(&mut pack, BUILD)?;
    Ok(format!("{count} files in {} packages", workspace.libraries().count()))
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

const EVERYWHERE: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];

/// Files that a crate must have beside those. Others build on the specification of the codec and on its vectors.
const OWN: &[(&str, &[&str])] = &[(
    "lumberjack-codec",
    &[
        "PROTOCOL.md",
        "README.md",
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
    fn sources_texts_and_licences_belong_into_a_package() {
        for file in ["src/lib.rs", "tests/it/main.rs", "README.md", "LICENSE-MIT", "Cargo.lock"] {
            assert!(belongs(file), "{file}");
        }
        for file in ["target/debug/x", "notes.txt", "fuzz/Cargo.toml", ".env"] {
            assert!(!belongs(file), "{file}");
        }
    }
}
