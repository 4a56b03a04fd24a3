use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Trying};
use crate::process::{cargo, output};

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// The target folder.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) published: bool,
    /// Each with those that it switches on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// The oldest Rust that it compiles with, such as `1.89`; empty if it does not tell.
    pub(crate) rust_version: String,
    /// Whether docs.rs is to show what all features bring.
    pub(crate) is_documented_with_all_features: bool,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self, Failure> {
        let text = output(
            cargo().args(["metadata", "--no-deps", "--format-version", "1"]),
            Duration::from_secs(60),
        )?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::because("cannot read `cargo metadata`", error))?;
        Self::from_metadata(&metadata)
            .ok_or_else(|| Failure::Failed("`cargo metadata` does not describe a workspace".to_owned()))
    }

    fn from_metadata(metadata: &Value) -> Option<Self> {
        let packages = metadata["packages"]
            .as_array()?
            .iter()
            .map(|package| {
                let manifest = Path::new(package["manifest_path"].as_str()?);
                Some(Package {
                    name: package["name"].as_str()?.to_owned(),
                    folder: manifest.parent()?.to_owned(),
                    // `publish = false` is an empty list of registries.
                    published: package["publish"].is_null(),
                    features: serde_json::from_value(package["features"].clone()).ok()?,
                    rust_version: package["rust_version"].as_str().unwrap_or_default().to_owned(),
                    is_documented_with_all_features: package["metadata"]["docs"]["rs"]["all-features"]
                        == true,
                })
            })
            .collect::<Option<_>>()?;
        Some(Self {
            root: metadata["workspace_root"].as_str()?.into(),
            target: metadata["target_directory"].as_str()?.into(),
            packages,
        })
    }

    /// The crates that users depend on.
    pub(crate) fn libraries(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.published)
    }

    /// The crates that have fuzz targets, each with the folder of the package that holds them. Those packages are not
    /// members of the workspace.
    pub(crate) fn fuzz_packages(&self) -> impl Iterator<Item = (&Package, PathBuf)> {
        self.packages
            .iter()
            .map(|package| (package, package.folder.join("fuzz")))
            .filter(|(_, folder)| folder.join("Cargo.toml").exists())
    }

    /// The sources of a peer.
    pub(crate) fn peer_sources(&self, peer: &str) -> PathBuf {
        self.root.join("xtask").join("peers").join(peer)
    }

    /// What is built and installed for the peers; made when it does not exist.
    pub(crate) fn peer_target(&self) -> Result<PathBuf, Failure> {
        let folder = self.target.join("peers");
        fs::create_dir_all(&folder).trying(format_args!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// An empty folder for the files of one run of a task.
    pub(crate) fn scratch(&self, task: &str) -> Result<Scratch, Failure> {
        let folder = self.target.join("xtask").join(format!("{task}-{}", process::id()));
        fs::create_dir_all(&folder).trying(format_args!("cannot make {}", folder.display()))?;
        Ok(Scratch { folder })
    }
}

/// A folder that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_the_crates_and_which_of_them_are_published() {
        let workspace = Workspace::load().unwrap();
        let names: Vec<&str> = workspace.libraries().map(|package| package.name.as_str()).collect();
        assert!(names.contains(&"lumberjack-codec"), "{names:?}");
        assert!(!names.contains(&"xtask"), "{names:?}");
        assert!(workspace.packages.iter().any(|package| package.name == "xtask"));
        assert!(workspace.peer_sources("go-lumber").join("go.mod").exists());
        let fuzzed: Vec<&str> = workspace.fuzz_packages().map(|(package, _)| package.name.as_str()).collect();
        assert!(fuzzed.contains(&"lumberjack-codec"), "{fuzzed:?}");
    }
}
