//! What documents say that the compiler does not see: features, versions, files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::{Failure, Trying, fail};
use crate::workspace::{Package, Workspace};

/// Compares the READMEs, the pages of the crates and the map of the architecture with what is there.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut faults = Vec::new();
    let mut tell = |document: &Path, found: Vec<String>| {
        let name = document.strip_prefix(&workspace.root).unwrap_or(document).display();
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    };
    for package in workspace.libraries() {
        if !package.is_documented_with_all_features {
            tell(
                &package.folder.join("Cargo.toml"),
                vec!["docs.rs is not told to show all features".to_owned()],
            );
        }
        let readme = package.folder.join("README.md");
        let text = read(&readme)?;
        tell(&readme, unmentioned_features(&text, &package.features));
        tell(&readme, wrong_features(&text, &package.features));
        tell(&readme, wrong_version(&text, "Needs Rust ", &package.rust_version));
        let page = package.folder.join("src").join("lib.rs");
        tell(&page, wrong_features(&read(&page)?, &package.features));
    }
    let front = workspace.root.join("README.md");
    let text = read(&front)?;
    tell(&front, wrong_version(&text, "a Rust toolchain (", oldest_rust(workspace)?));
    tell(&front, dead_links(&text, &workspace.root));
    let map = workspace.root.join(".github").join("ARCHITECTURE.md");
    tell(&map, missing_paths(&read(&map)?, workspace));
    if !faults.is_empty() {
        fail!("{}", faults.join("\n"));
    }
    Ok(String::new())
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).trying(format_args!("cannot read {}", path.display()))
}

fn oldest_rust(workspace: &Workspace) -> Result<&str, Failure> {
    let first = workspace.libraries().next();
    first
        .map(|package| package.rust_version.as_str())
        .ok_or_else(|| Failure::Failed("no crate is published".to_owned()))
}

type Features = BTreeMap<String, Vec<String>>;

/// Those that users can choose, and that stand nowhere in the text.
fn unmentioned_features(text: &str, features: &Features) -> Vec<String> {
    features
        .keys()
        .filter(|name| *name != "default" && !name.starts_with('_') && !text.contains(&format!("`{name}`")))
        .map(|name| format!("the feature `{name}` is not mentioned"))
        .collect()
}

/// What tables with a column `feature`, and perhaps one `default`, say that is not so.
fn wrong_features(text: &str, features: &Features) -> Vec<String> {
    let defaults = features.get("default").map(Vec::as_slice).unwrap_or_default();
    let mut faults = Vec::new();
    let (mut feature_at, mut default_at) = (None, None);
    for line in text.lines() {
        let line = line.trim_start_matches("//!").trim();
        if !line.starts_with('|') {
            (feature_at, default_at) = (None, None);
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let column = |name| cells.iter().position(|cell| *cell == name);
        if feature_at.is_none() {
            (feature_at, default_at) = (column("feature"), column("default"));
            continue;
        }
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
        let Some(name) = cell(feature_at).strip_prefix('`').and_then(|cell| cell.strip_suffix('`')) else {
            continue;
        };
        let is_default = defaults.iter().any(|default| default == name);
        if !features.contains_key(name) {
            faults.push(format!("there is no feature `{name}`"));
        } else if default_at.is_some() && cell(default_at) != if is_default { "yes" } else { "no" } {
            faults.push(format!("`{name}` is {}a default feature", if is_default { "" } else { "not " }));
        }
    }
    faults
}

/// The version behind `words`, which the text must have.
fn wrong_version(text: &str, words: &str, version: &str) -> Vec<String> {
    let Some((_, behind)) = text.split_once(words) else {
        return vec![format!("it does not say {:?}", format!("{words}{version}"))];
    };
    let said = behind.split(|char: char| !char.is_ascii_digit() && char != '.').next().unwrap_or_default();
    match said.trim_end_matches('.') {
        said if said == version => Vec::new(),
        said => vec![format!("it says Rust {said}, and Cargo.toml {version}")],
    }
}

/// Links to files that are not there.
fn dead_links(text: &str, folder: &Path) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.starts_with('#') && !folder.join(target).exists())
        .map(|target| format!("there is no {target}"))
        .collect()
}

/// Paths from the root, in code spans, that lead nowhere. `{a,b}` stands for both; an ending `.rs` may be missing.
fn missing_paths(text: &str, workspace: &Workspace) -> Vec<String> {
    let is_from_root = |path: &str| {
        let first = path.split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| workspace.packages.iter().any(|Package { name, .. }| name == first))
    };
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| is_from_root(span) && !span.contains(char::is_whitespace))
        .flat_map(expanded)
        .filter(|path| {
            !workspace.root.join(path).exists() && !workspace.root.join(format!("{path}.rs")).exists()
        })
        .map(|path| format!("there is no {path}"))
        .collect()
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (names, tail))) => names.split(',').map(|name| format!("{head}{name}{tail}")).collect(),
        None => vec![path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Features {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        [("default", names(&["log"])), ("log", vec![]), ("regex", vec![]), ("_shared", vec![])]
            .map(|(name, switches)| (name.to_owned(), switches))
            .into()
    }

    #[test]
    fn a_feature_that_is_not_mentioned_is_told() {
        assert!(unmentioned_features("`log` and `regex`", &features()).is_empty());
        assert_eq!(unmentioned_features("`log`", &features()), ["the feature `regex` is not mentioned"]);
    }

    #[test]
    fn tables_of_features_are_compared_row_by_row() {
        let table =
            "| feature | default | adds |\n| --- | --- | --- |\n| `log` | yes | a |\n| `regex` | no | b |\n";
        assert!(wrong_features(table, &features()).is_empty());
        let wrong = "//! | what | feature | default |\n//! | --- | --- | --- |\n//! | a | `log` | no |\n//! | b | | |\n//! | c | `tls` | no |";
        assert_eq!(
            wrong_features(wrong, &features()),
            ["`log` is a default feature", "there is no feature `tls`"]
        );
        assert!(wrong_features("| key | value |\n| --- | --- |\n| `tls` | no |", &features()).is_empty());
    }

    #[test]
    fn another_version_is_told_and_so_is_none() {
        assert!(wrong_version("Needs Rust 1.89. Or more.", "Needs Rust ", "1.89").is_empty());
        assert_eq!(
            wrong_version("Needs Rust 1.85.", "Needs Rust ", "1.89"),
            ["it says Rust 1.85, and Cargo.toml 1.89"]
        );
        assert_eq!(wrong_version("", "Needs Rust ", "1.89"), ["it does not say \"Needs Rust 1.89\""]);
    }

    #[test]
    fn links_and_paths_that_lead_nowhere_are_told() {
        let workspace = Workspace::load().unwrap();
        let links = "[a](README.md) [b](https://example.org/x) [c](no-such-file.md)";
        assert_eq!(dead_links(links, &workspace.root), ["there is no no-such-file.md"]);
        let paths = "`xtask/src/{main,task}.rs` `xtask/src/ci` `src/none.rs` `cargo xtask/x` `xtask/src/{ci,none}.rs`";
        assert_eq!(missing_paths(paths, &workspace), ["there is no xtask/src/none.rs"]);
    }
}
