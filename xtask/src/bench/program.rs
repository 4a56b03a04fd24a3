use std::path::PathBuf;

use crate::failure::Failure;
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Builds one of the programs in `xtask/peers` that measure several crates in one process, in release mode, from its
/// own lock file. `peer` is its folder there, such as `codec/frames`, which makes `codec-frames-peer`.
///
/// They lie outside of the workspace: they bring the crates of others, or are built on several backends in turn. A
/// dependency that one of our crates got since then is added to the lock file.
pub(super) fn build(workspace: &Workspace, peer: &str, feature: Option<&str>) -> Result<PathBuf, Failure> {
    let folder = feature.map_or_else(|| peer.to_owned(), |feature| format!("{peer}-{feature}"));
    let target = workspace.peer_target()?.join(folder);
    let mut cargo = process::cargo();
    cargo
        .args(["build", "--quiet", "--release", "--manifest-path"])
        .arg(workspace.peer_sources(peer).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    if let Some(feature) = feature {
        cargo.args(["--features", feature]);
    }
    process::output(&mut cargo, BUILD)?;
    let name = format!("{}-peer{}", peer.replace('/', "-"), std::env::consts::EXE_SUFFIX);
    Ok(target.join("release").join(name))
}
