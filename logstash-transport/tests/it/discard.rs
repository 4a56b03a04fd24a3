use crate::support::numbered;
use logstash_transport::{Batch, DiscardTransport, Transport};
use lumberjack_codec::WindowEncoder;

#[test]
fn everything_that_remains_is_taken_once() {
    let mut taken = 0;
    let mut count = |events| taken += events;
    let window = WindowEncoder::new(3).encode(numbered(0..10)).unwrap();
    let mut batch = Batch::from_windows([window.clone(), window]).starting_at(3).observed_by(&mut count);
    let mut transport = DiscardTransport::new();
    transport.send(&mut batch).unwrap();
    assert!(batch.is_done());
    transport.send(&mut batch).unwrap();
    drop(batch);
    assert_eq!(taken, 17);
}

#[test]
fn a_probe_says_where_it_goes() {
    let report = DiscardTransport::new().probe().unwrap();
    assert_eq!((report.steps.len(), report.steps[0].name), (1, "open"));
    assert!(report.to_string().contains("nowhere"), "{report}");
}
