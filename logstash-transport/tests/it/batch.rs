use bytes::Bytes;
use logstash_transport::{Batch, Segment};
use lumberjack_codec::WindowEncoder;

fn windows() -> Batch<'static> {
    let mut encoder = WindowEncoder::new(3);
    Batch::from_windows([encoder.encode(["a", "b", "c"]).unwrap(), encoder.encode(["d", "e"]).unwrap()])
}

fn shape(batch: &mut Batch<'_>, at: u64) -> String {
    match batch.segment(at, 10).unwrap() {
        None => "end".into(),
        Some(Segment::Window(window)) => format!("window of {}", window.events()),
        Some(Segment::Events(events)) => events
            .iter()
            .map(|event| String::from_utf8_lossy(event).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[test]
fn whole_windows_stay_encoded() {
    let mut batch = windows();
    assert_eq!(shape(&mut batch, 0), "window of 3");
    assert_eq!(shape(&mut batch, 3), "window of 2");
    assert_eq!(shape(&mut batch, 5), "end");
}

#[test]
fn a_window_acknowledged_in_part_is_read_back() {
    let mut batch = windows();
    batch.acknowledge(2);
    assert_eq!(shape(&mut batch, 2), "c");
    assert_eq!(shape(&mut batch, 3), "window of 2");
    assert_eq!(batch.remaining().unwrap(), ["c", "d", "e"]);
}

#[test]
fn a_segment_of_payloads_is_no_longer_than_asked_for() {
    let mut batch = Batch::from_events(["a", "b", "c"]);
    assert!(matches!(batch.segment(0, 2).unwrap(), Some(Segment::Events(events)) if events == ["a", "b"]));
    assert!(matches!(batch.segment(2, 2).unwrap(), Some(Segment::Events(events)) if events == ["c"]));
}

#[test]
fn a_limit_cuts_inside_a_window() {
    let mut batch = windows().starting_at(1).limited_to(3);
    assert_eq!(batch.events(), 4);
    assert_eq!(shape(&mut batch, 1), "b c");
    assert_eq!(shape(&mut batch, 3), "d");
    assert_eq!(batch.remaining().unwrap(), ["b", "c", "d"]);
    batch.acknowledge(3);
    assert!(batch.is_done());
    assert!(batch.remaining().unwrap().is_empty());
}

#[test]
fn the_observer_hears_of_each_event_once_and_the_cursor_stops_at_the_end() {
    let mut seen = Vec::new();
    let mut observer = |events| seen.push(events);
    let mut batch = Batch::from_events(["a", "b", "c"]).observed_by(&mut observer);
    batch.acknowledge(0);
    batch.acknowledge(2);
    batch.acknowledge(7);
    batch.acknowledge(1);
    assert_eq!(batch.acknowledged(), 3);
    drop(batch);
    assert_eq!(seen, [2, 1]);
}

#[test]
fn a_damaged_window_is_an_error_and_not_a_panic() {
    let good = WindowEncoder::new(3).encode(["a", "b"]).unwrap();
    let mut bytes = good.bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    let bad = lumberjack_codec::EncodedWindow::from_parts(
        2,
        good.inflated_len(),
        good.encoding(),
        Bytes::from(bytes),
    );
    let mut batch = Batch::from_windows([bad]).starting_at(1);
    assert!(batch.segment(1, 10).is_err());
    assert!(batch.remaining().is_err());
}

#[test]
fn an_empty_batch_is_done() {
    let mut batch = Batch::from_events(Vec::<Bytes>::new());
    assert!(batch.is_done());
    assert_eq!(shape(&mut batch, 0), "end");
    assert!(Batch::from_windows([]).is_done());
}
