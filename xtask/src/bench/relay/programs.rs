use crate::failure::Failure;
use crate::peers::{GoLumber, Profile, Rsyslog, RustPeer, StandardPython, SyslogNg, or_say_so};
use crate::relay::Program;
use crate::workspace::Workspace;

/// Those that can run here, each run of each in a process of its own.
#[derive(Debug)]
pub(super) struct Programs {
    /// Ours.
    pub(super) relay: Program,
    pub(super) ferro: Option<RustPeer>,
    pub(super) go: Option<GoLumber>,
    pub(super) lumberjack_protocol: Option<RustPeer>,
    pub(super) python: Option<StandardPython>,
    pub(super) rsyslog: Option<Rsyslog>,
    pub(super) syslog_ng: Option<SyslogNg>,
}

impl Programs {
    pub(super) fn prepare(workspace: &Workspace) -> Result<Self, Failure> {
        let rust = |library| or_say_so(library, RustPeer::prepare(workspace, library, Profile::Release));
        Ok(Self {
            relay: Program::release(workspace)?,
            ferro: rust("ferro-lumberjack"),
            go: or_say_so("go-lumber", GoLumber::prepare(workspace)),
            lumberjack_protocol: rust("lumberjack-protocol"),
            python: or_say_so("Python", StandardPython::prepare(workspace)),
            rsyslog: or_say_so("rsyslog", Rsyslog::prepare(workspace)),
            syslog_ng: or_say_so("syslog-ng", SyslogNg::prepare(workspace)),
        })
    }
}
