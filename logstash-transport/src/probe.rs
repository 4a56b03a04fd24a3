use std::fmt;
use std::time::Duration;

/// What [`Transport::probe`](crate::Transport::probe) did, step by step.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProbeReport {
    /// The steps that succeeded, in order.
    pub steps: Vec<ProbeStep>,
    /// The certificate that the peer presented over TLS.
    #[cfg(feature = "tls")]
    pub certificate: Option<crate::tls::PeerCertificate>,
}

impl ProbeReport {
    /// A report without steps.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            steps: Vec::new(),
            #[cfg(feature = "tls")]
            certificate: None,
        }
    }

    /// Adds a step that took `duration`.
    pub fn push(&mut self, name: &'static str, detail: impl Into<String>, duration: Duration) {
        self.steps.push(ProbeStep { name, detail: detail.into(), duration });
    }
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{:<10} {:>8.1} ms  {}", step.name, step.duration.as_secs_f64() * 1e3, step.detail)?;
        }
        Ok(())
    }
}

/// One step on the way to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProbeStep {
    /// `resolve`, `connect`, `proxy`, `tls` or `protocol`.
    pub name: &'static str,
    /// What was found.
    pub detail: String,
    /// How long it took.
    pub duration: Duration,
}
