//! What a crate must not have: the invariants of the architecture that no compiler checks.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::workspace::Workspace;

/// Checks the dependencies of the codec and of the formatter and that both forbid unsafe code.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut checked = 0;
    for package in PURE {
        let folder = workspace
            .libraries()
            .find(|library| library.name == *package)
            .map(|library| &library.folder)
            .ok_or_else(|| Failure::Failed(format!("there is no crate {package}")))?;
        let source = folder.join("src").join("lib.rs");
        let text = fs::read_to_string(&source).trying(format_args!("cannot read {}", source.display()))?;
        if !forbids_unsafe(&text) {
            fail!("{} has no #![forbid(unsafe_code)]", source.display());
        }

        for features in ["--no-default-features", "--all-features"] {
            let tree = process::output(
                process::cargo().args([
                    "tree",
                    "--package",
                    package,
                    features,
                    "--edges",
                    "normal,build",
                    "--target",
                    "all",
                    "--prefix",
                    "none",
                    "--format",
                    "{p}",
                ]),
                Duration::from_secs(60),
            )?;
            let crates = names(&tree);
            if !crates.contains(package) {
                fail!("`cargo tree` does not list {package} itself:\n{tree}");
            }
            let banned = banned(&crates, package, features);
            if !banned.is_empty() {
                fail!("{package} ({features}) depends on {}", banned.join(", "));
            }
            checked += crates.len();
        }
    }
    Ok(format!("{checked} dependencies looked at"))
}

/// Crates without sockets, clocks, threads and files.
const PURE: &[&str] = &["lumberjack-codec", "logstash-format"];

/// Crates that do I/O or run threads, by themselves or for others.
const INPUT_OUTPUT: &[&str] = &[
    "async-std",
    "futures-io",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "polling",
    "redis",
    "reqwest",
    "rustls",
    "sled",
    "smol",
    "socket2",
    "tokio",
    "logstash-handler",
    "logstash-transport",
];

/// The codec never looks into an event: a JSON library has no business in it.
const JSON: &[&str] = &["serde", "serde_json", "simd-json"];

fn banned<'c>(crates: &BTreeSet<&'c str>, package: &str, features: &str) -> Vec<&'c str> {
    crates
        .iter()
        .copied()
        .filter(|name| {
            // tokio-util's codec traits need the types of tokio, none of its drivers.
            let allowed = *name == "tokio" && features == "--all-features";
            let json = package == "lumberjack-codec" && JSON.contains(name);
            (INPUT_OUTPUT.contains(name) && !allowed) || json
        })
        .collect()
}

/// The names in the output of `cargo tree --prefix none`, where each line is `name v1.2.3 …`.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

fn forbids_unsafe(source: &str) -> bool {
    source.lines().map(str::trim).any(|line| {
        line.strip_prefix("#![forbid(")
            .and_then(|rest| rest.split(')').next())
            .is_some_and(|lints| lints.split(',').any(|lint| lint.trim() == "unsafe_code"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "lumberjack-codec v0.1.0 (/w/lumberjack-codec)\n\
        bytes v1.12.1\n\
        flate2 v1.1.10\n\
        tokio-util v0.7.17\n\
        tokio v1.54.1\n\
        mio v1.2.4\n\
        tokio v1.54.1 (*)\n";

    #[test]
    fn a_crate_that_does_io_is_found_in_the_tree() {
        let crates = names(TREE);
        assert_eq!(crates.len(), 6);
        assert_eq!(banned(&crates, "lumberjack-codec", "--no-default-features"), ["mio", "tokio"]);
        assert_eq!(banned(&crates, "lumberjack-codec", "--all-features"), ["mio"]);
    }

    #[test]
    fn json_is_for_the_formatter_alone() {
        let crates = names("serde_json v1.0.145\n");
        assert_eq!(banned(&crates, "lumberjack-codec", ""), ["serde_json"]);
        assert!(banned(&crates, "logstash-format", "").is_empty());
    }

    #[test]
    fn the_attribute_is_recognised_among_others_and_not_in_a_comment() {
        assert!(forbids_unsafe("//! Docs\n#![forbid(unsafe_code)]\n"));
        assert!(forbids_unsafe("#![forbid(unused_must_use, unsafe_code)]"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]"));
        assert!(!forbids_unsafe("#![deny(unsafe_code)]"));
    }
}
