use std::sync::Arc;
use std::time::Duration;

use logstash_format::LogstashFormatter;
use logstash_handler::queue::MemoryQueue;
use logstash_handler::{DropReason, Guard, Handler};
use logstash_transport::{Batch, ProbeReport, Transport, TransportError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::Side;
use crate::gate::Gate;

/// The handler with its defaults, in front of a peer that takes everything at once, or nothing.
pub(crate) struct Ours {
    handler: Handler,
    _guard: Guard,
}

impl Ours {
    pub(crate) fn start(is_idle: bool) -> Self {
        let transport = Peer(Arc::new(Gate::new(is_idle)));
        let queue = MemoryQueue::new();
        // Full with the first window.
        let queue = if is_idle { queue } else { queue.max_bytes(1) };
        let (handler, guard) = Handler::builder(LogstashFormatter::new().program("shop"), transport)
            .queue(queue)
            .stderr(false)
            .start()
            .expect("the handler starts");
        tracing::subscriber::set_global_default(Registry::default().with(handler.layer()))
            .expect("there is no subscriber yet");
        handler.init_log(log::LevelFilter::Info).expect("there is no logger yet");
        Self { handler, _guard: guard }
    }
}

impl Side for Ours {
    fn drain(&self, _logged: u64) {
        assert!(self.handler.flush(Duration::from_secs(60)).complete, "a burst is not delivered");
    }

    fn dropped(&self) -> Option<u64> {
        Some(self.handler.stats().dropped.of(DropReason::Overflow))
    }
}

struct Peer(Arc<Gate>);

impl Transport for Peer {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        self.0.pass(batch.remaining_events());
        batch.acknowledge(batch.remaining_events());
        Ok(())
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        Ok(ProbeReport::new())
    }

    fn close(&mut self) {}
}
