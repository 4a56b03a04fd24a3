use std::fmt;
use std::time::Duration;

/// What [`Transport::probe`](crate::Transport::probe) did, step by step.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProbeReport {
    /// The steps that succeeded, in order.
    pub steps: Vec<ProbeStep>,
    /// The certificate that the peer presented over TLS; of several peers, the one that expires first.
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

    /// Adds what another report found, each detail as `text` makes it.
    pub(crate) fn absorb(&mut self, found: Self, text: impl Fn(&str) -> String) {
        self.absorb_steps(&found.steps, text);
        #[cfg(feature = "tls")]
        {
            let both = self.certificate.take().into_iter().chain(found.certificate);
            self.certificate = both.min_by_key(|certificate| certificate.not_after);
        }
    }

    /// Adds steps, each detail as `text` makes it.
    pub(crate) fn absorb_steps(&mut self, steps: &[ProbeStep], text: impl Fn(&str) -> String) {
        for step in steps {
            self.push(step.name, text(&step.detail), step.duration);
        }
    }
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// One step on the way to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProbeStep {
    /// `resolve`, `connect`, `proxy`, `tls` or `protocol`; `open` for what is no peer, such as a file, and
    /// `failed` for one of several members that cannot be used.
    pub name: &'static str,
    /// What was found.
    pub detail: String,
    /// How long it took.
    pub duration: Duration,
}

impl fmt::Display for ProbeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:>8.1} ms  {}", self.name, self.duration.as_secs_f64() * 1e3, self.detail)
    }
}
