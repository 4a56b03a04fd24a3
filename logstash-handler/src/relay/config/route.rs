use super::error::{ConfigError, nearest};
use super::format::FormatName;
use super::names::some_names;
use super::networks::Networks;
use super::{InputConfig, OutputConfig};
use logstash_transport::PeerCertificate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Which events go where: those that meet all conditions go to all the outputs.
///
/// | key | value | default |
/// | --- | --- | --- |
/// | `inputs` | names | all |
/// | `peers` | addresses and networks, such as `"10.0.0.0/8"` | all |
/// | `tls_client_names` | names or SHA-256 fingerprints, one of which the certificate of the client must hold, as for an [`InputConfig`] | all, also without certificate |
/// | `severity` | a [`Severity`]: that one and what is worse | all |
/// | `outputs` | names | |
/// | `format` | a [`FormatName`] instead of that of the output | that of the output |
/// | `final` | `true`: what meets this route meets none of those below it | `false` |
///
/// An event goes to the outputs of every route that it meets, down to one that is final, and once to each
/// output; the first route decides on the format. Events that meet no route are dropped and counted.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteConfig {
    #[serde(default, deserialize_with = "some_names")]
    inputs: Vec<String>,
    #[serde(default)]
    peers: Networks,
    #[serde(default, deserialize_with = "some_names")]
    tls_client_names: Vec<String>,
    severity: Option<Severity>,
    outputs: Vec<String>,
    format: Option<FormatName>,
    #[serde(default, rename = "final")]
    is_final: bool,
}

impl RouteConfig {
    /// A route that everything meets.
    #[must_use]
    pub const fn to(outputs: Vec<String>) -> Self {
        Self {
            inputs: Vec::new(),
            peers: Networks::new(),
            tls_client_names: Vec::new(),
            severity: None,
            outputs,
            format: None,
            is_final: false,
        }
    }

    /// Whether it is meant for what comes from there.
    pub(crate) fn meets(
        &self,
        input: &str,
        peer: Option<IpAddr>,
        certificate: Option<&PeerCertificate>,
    ) -> bool {
        let by_input = self.takes_input(input);
        let by_peer = self.peers.is_empty() || peer.is_some_and(|peer| self.peers.contain(peer));
        let names = &self.tls_client_names;
        let by_name = names.is_empty()
            || certificate.is_some_and(|certificate| names.iter().any(|name| certificate.is_meant_by(name)));
        by_input && by_peer && by_name
    }

    fn takes_input(&self, input: &str) -> bool {
        self.inputs.is_empty() || self.inputs.iter().any(|name| name == input)
    }

    pub(crate) const fn severity(&self) -> Option<Severity> {
        self.severity
    }

    pub(crate) fn outputs(&self) -> &[String] {
        &self.outputs
    }

    pub(crate) const fn format(&self) -> Option<FormatName> {
        self.format
    }

    /// Whether what meets it meets no other one after it.
    pub(crate) const fn is_final(&self) -> bool {
        self.is_final
    }

    pub(super) fn check(
        &self,
        inputs: &BTreeMap<String, InputConfig>,
        outputs: &BTreeMap<String, OutputConfig>,
    ) -> Result<(), ConfigError> {
        if self.outputs.is_empty() {
            return Err(ConfigError::new("it names none").at("outputs"));
        }
        for name in &self.inputs {
            known("input", name, inputs.keys()).map_err(|error| error.at("inputs"))?;
        }
        for name in &self.outputs {
            known("output", name, outputs.keys()).map_err(|error| error.at("outputs"))?;
        }
        let mut taken = inputs.iter().filter(|(name, _)| self.takes_input(name));
        if !self.tls_client_names.is_empty() && taken.all(|(_, input)| input.client_ca().is_none()) {
            let text = "no input that it takes asks clients for certificates: give one tls_client_ca";
            return Err(ConfigError::new(text).at("tls_client_names"));
        }
        Ok(())
    }
}

/// How severe an event is, as syslog counts: the less the worse. Events that do not tell count as `info`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// 0: the system cannot be used.
    Emergency,
    /// 1: somebody has to act at once.
    Alert,
    /// 2: a part of it has failed.
    Critical,
    /// 3: something failed.
    Error,
    /// 4: something is odd.
    Warning,
    /// 5: all is well, and it is worth knowing.
    Notice,
    /// 6: what goes on.
    Info,
    /// 7: every detail.
    Debug,
}

fn known<'a>(
    what: &str,
    name: &str,
    mut names: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), ConfigError> {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let near = nearest(name, names.by_ref().map(String::as_str));
    let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Err(ConfigError::new(format!("there is no {what} {name:?}{near}")))
}
