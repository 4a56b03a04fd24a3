use std::future::Future;
use std::sync::Arc;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, SdkLoggerProvider,
};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::gate::Gate;
use crate::{BURST, Side};

/// The layer of opentelemetry-appender-tracing, with a batch processor and no network.
pub(crate) struct OpenTelemetry {
    provider: SdkLoggerProvider,
}

impl OpenTelemetry {
    pub(crate) fn start(is_idle: bool) -> Self {
        let mut config = BatchConfigBuilder::default();
        if is_idle {
            // By default half a burst.
            config = config.with_max_queue_size(2 * BURST);
        }
        let processor = BatchLogProcessor::builder(Exporter(Arc::new(Gate::new(is_idle))))
            .with_batch_config(config.build())
            .build();
        let provider = SdkLoggerProvider::builder().with_log_processor(processor).build();
        let layer = OpenTelemetryTracingBridge::new(&provider);
        tracing::subscriber::set_global_default(Registry::default().with(layer))
            .expect("there is no subscriber yet");
        Self { provider }
    }
}

impl Side for OpenTelemetry {
    fn drain(&self, _logged: u64) {
        self.provider.force_flush().expect("a burst is exported");
    }

    fn dropped(&self) -> Option<u64> {
        None
    }
}

struct Exporter(Arc<Gate>);

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exporter")
    }
}

impl LogExporter for Exporter {
    fn export(&self, batch: LogBatch<'_>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.pass(batch.iter().count() as u64);
        std::future::ready(Ok(()))
    }
}
