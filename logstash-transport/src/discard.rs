use crate::batch::Batch;
use crate::error::TransportError;
use crate::probe::ProbeReport;
use crate::transport::Transport;
use std::time::Duration;

/// Takes everything and delivers nothing, for trials and measurements.
///
/// **Acknowledged** means thrown away. Not even the documents of a window are looked at, so what is
/// measured with it is everything before the transport.
///
/// ```
/// use logstash_transport::{Batch, DiscardTransport, Transport};
///
/// let mut batch = Batch::from_events(["{}", "{}"]);
/// DiscardTransport::new().send(&mut batch)?;
/// assert!(batch.is_done());
/// # Ok::<(), logstash_transport::TransportError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DiscardTransport(());

impl DiscardTransport {
    /// A transport to nowhere.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Transport for DiscardTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        batch.acknowledge(batch.remaining_events());
        Ok(())
    }

    /// Finds nothing that could fail.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let mut report = ProbeReport::new();
        report.push("open", "nowhere: everything is thrown away", Duration::ZERO);
        Ok(report)
    }

    fn close(&mut self) {}
}
