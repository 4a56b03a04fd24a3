use super::*;
use std::thread;

const NOW: Duration = Duration::ZERO;

fn push(arena: &Arena, event: &[u8], patience: Duration, urgent: bool) -> Result<u64, Refusal> {
    arena.push(event, SystemTime::now(), patient(patience), urgent)
}

fn patient(patience: Duration) -> Admission {
    Admission { patience, share: Share::ALL, displaces: false, tentative: false }
}

fn take(arena: &Arena) -> (Vec<String>, Taken) {
    let mut chunk = Chunk::default();
    let taken = arena.take(&mut chunk, NOW, None, |_| {});
    (chunk.events().map(|event| String::from_utf8_lossy(event).into_owned()).collect(), taken)
}

#[test]
fn events_come_out_in_order_with_their_positions() {
    let arena = Arena::new(200, 100, 10);
    assert_eq!(push(&arena, b"one", NOW, false), Ok(0));
    assert_eq!(push(&arena, b"two", NOW, false), Ok(1));
    assert_eq!(take(&arena), (vec!["one".into(), "two".into()], Taken::More));
    assert_eq!(push(&arena, b"three", NOW, false), Ok(2));
    assert_eq!(take(&arena), (vec!["three".into()], Taken::More));
}

#[test]
fn a_full_arena_turns_away_and_counts() {
    let arena = Arena::new(20, 10, 10);
    assert_eq!(push(&arena, b"0123456789", NOW, false), Ok(0));
    assert_eq!(push(&arena, b"x", NOW, false), Err(Refusal::Full));
    assert_eq!(arena.snapshot(|counts| (counts.pushed, counts.overflowed, counts.bytes)), (1, 1, 10));
    take(&arena);
    assert_eq!(push(&arena, b"x", NOW, false), Ok(1));
}

#[test]
fn an_arena_without_room_is_known_as_such_until_the_writer_comes() {
    let arena = Arena::new(1_280, 640, 100);
    let small = vec![b'x'; 100 - PLACE];
    (0..11).for_each(|_| assert!(push(&arena, &small, NOW, false).is_ok()));
    assert!(!arena.is_exhausted_for(patient(NOW)));
    assert_eq!(push(&arena, &[b'x'; 600], NOW, false), Err(Refusal::Full));
    assert!(!arena.is_exhausted_for(patient(NOW)), "smaller events have room");
    assert!(push(&arena, &[b'x'; 170 - PLACE], NOW, false).is_ok());
    assert_eq!(push(&arena, &small, NOW, false), Err(Refusal::Full));
    assert!(arena.is_exhausted_for(patient(NOW)));
    assert!(!arena.is_exhausted_for(patient(Duration::from_secs(1))), "who waits may get in");
    assert!(!arena.is_exhausted_for(Admission { displaces: true, ..patient(NOW) }), "others make room");
    assert_eq!(take(&arena).0.len(), 12);
    assert!(!arena.is_exhausted_for(patient(NOW)));
}

#[test]
fn a_patient_producer_gets_in_when_the_writer_makes_room() {
    let arena = Arena::new(27, 13, 10);
    push(&arena, b"0123456789", NOW, false).unwrap();
    thread::scope(|scope| {
        let producer = scope.spawn(|| push(&arena, b"later", Duration::from_secs(10), false));
        while arena.lock().blocked == 0 {
            thread::yield_now();
        }
        take(&arena);
        assert_eq!(producer.join().unwrap(), Ok(1));
    });
    let impatient = Instant::now();
    push(&arena, b"01234", NOW, false).unwrap();
    assert_eq!(push(&arena, b"x", Duration::from_millis(20), false), Err(Refusal::Full));
    assert!(impatient.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_closed_arena_takes_nothing_and_gives_the_rest() {
    let arena = Arena::new(200, 100, 10);
    push(&arena, b"last", NOW, false).unwrap();
    arena.close();
    assert_eq!(push(&arena, b"late", Duration::from_secs(10), false), Err(Refusal::Closed));
    assert_eq!(take(&arena), (vec!["last".into()], Taken::Last));
}

#[test]
fn lingering_ends_early_when_somebody_hurries() {
    let arena = Arena::new(200, 100, 10);
    push(&arena, b"one", NOW, false).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut chunk = Chunk::default();
            arena.take(&mut chunk, Duration::from_secs(60), None, |_| {});
            chunk.len()
        });
        while arena.lock().writer != Writer::Lingering {
            thread::yield_now();
        }
        push(&arena, b"two", NOW, true).unwrap();
        assert_eq!(writer.join().unwrap(), 2);
    });
}

#[test]
fn lingering_ends_early_when_enough_is_there() {
    let arena = Arena::new(200, 10, 10);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut chunk = Chunk::default();
            arena.take(&mut chunk, Duration::from_secs(60), None, |_| {});
            chunk.len()
        });
        while arena.lock().writer != Writer::Asleep {
            thread::yield_now();
        }
        push(&arena, b"01234", NOW, false).unwrap();
        push(&arena, b"56789", NOW, false).unwrap();
        assert_eq!(writer.join().unwrap(), 2);
    });
}

#[test]
fn lingering_ends_early_when_a_window_is_full_by_count_or_an_event_finds_no_room() {
    for (arena, events) in [(Arena::new(10_000, 5_000, 3), 3), (Arena::new(40, 1_000, 10), 2)] {
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut chunk = Chunk::default();
                arena.take(&mut chunk, Duration::MAX, None, |_| {});
                chunk.len()
            });
            while arena.lock().writer != Writer::Asleep {
                thread::yield_now();
            }
            for _ in 0..3 {
                let _ = push(&arena, b"0123456789", NOW, false);
            }
            assert_eq!(writer.join().unwrap(), events);
        });
    }
}

#[test]
fn each_stretch_of_a_chunk_knows_the_time_of_its_oldest_event() {
    let arena = Arena::new(10_000, 5_000, 100);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for seconds in [100, 100, 101, 99, 102, 102] {
        arena.push(b"x", at(seconds), patient(NOW), false).unwrap();
    }
    let mut chunk = Chunk::default();
    arena.take(&mut chunk, NOW, None, |_| {});
    assert_eq!(chunk.oldest(0, 2), at(100));
    assert_eq!(chunk.oldest(1, 2), at(100));
    assert_eq!(chunk.oldest(2, 2), at(99));
    assert_eq!(chunk.oldest(4, 2), at(102));
    assert_eq!(chunk.oldest(5, 1), at(102));
}

#[test]
fn the_oldest_make_room_for_the_newest_and_keep_their_positions() {
    let arena = Arena::new(10 * (4 + PLACE), 1_000, 1_000);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let admission = Admission { displaces: true, ..patient(NOW) };
    for number in 0..25_u64 {
        let event = format!("{number:04}");
        assert_eq!(arena.push(event.as_bytes(), at(number), admission, false), Ok(number));
    }
    let counts = arena.snapshot(|counts| counts);
    assert_eq!((counts.pushed, counts.accepted), (25, 25));
    assert_eq!(counts.overflowed + counts.events, 25);

    let mut chunk = Chunk::default();
    arena.take(&mut chunk, NOW, None, |_| {});
    assert_eq!(chunk.displaced(), counts.overflowed);
    let first = chunk.displaced();
    let wanted: Vec<String> = (first..25).map(|number| format!("{number:04}")).collect();
    assert_eq!(chunk.events().collect::<Vec<_>>(), wanted.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert!(chunk.len() >= 8, "only as many as must be were given up: {}", chunk.len());
    assert_eq!(chunk.oldest(0, 1), at(first));
    assert_eq!(chunk.oldest(chunk.events().count() - 1, 1), at(24));

    arena.push(b"next", at(30), admission, false).unwrap();
    arena.take(&mut chunk, NOW, None, |_| {});
    assert_eq!((chunk.displaced(), chunk.len()), (0, 1));
}

#[test]
fn an_event_as_large_as_the_arena_displaces_everything() {
    let arena = Arena::new(100, 1_000, 1_000);
    let admission = Admission { displaces: true, ..patient(NOW) };
    for event in [&[1_u8; 30][..], &[2; 30], &[3; 100], &[4; 10]] {
        arena.push(event, SystemTime::now(), admission, false).unwrap();
    }
    let counts = arena.snapshot(|counts| counts);
    assert_eq!((counts.pushed, counts.overflowed, counts.events), (4, 3, 1));
}

#[test]
fn an_event_with_a_share_of_the_room_leaves_the_rest_to_others() {
    let arena = Arena::new(10 * (4 + PLACE), 1_000, 1_000);
    let half = Admission { share: Share(50), ..patient(NOW) };
    let taken = (0..10).filter(|_| arena.push(b"0123", SystemTime::now(), half, false).is_ok()).count();
    assert_eq!(taken, 5);
    let taken = (0..10).filter(|_| push(&arena, b"0123", NOW, false).is_ok()).count();
    assert_eq!(taken, 5);
}

fn window(events: u32) -> EncodedWindow {
    let payloads = (0..events).map(|number| format!("{{\"n\":{number}}}"));
    lumberjack_codec::WindowEncoder::new(3).encode(payloads).unwrap()
}

/// `e2` for two single events, `w3` for a window of three.
fn shape(chunk: &Chunk) -> Vec<String> {
    let name = |piece: Piece<'_>| match piece {
        Piece::Events(places) => format!("e{}", places.len()),
        Piece::Window(window, _) => format!("w{}", window.events()),
    };
    chunk.pieces().map(name).collect()
}

#[test]
fn windows_keep_their_place_among_events_and_count_as_what_they_hold() {
    let arena = Arena::new(10_000, 5_000, 1000);
    let now = SystemTime::now();
    assert_eq!(push(&arena, b"a", NOW, false), Ok(0));
    assert_eq!(arena.push_window(window(3), now), Ok(1..4));
    assert_eq!(arena.push_window(window(2), now), Ok(4..6));
    assert_eq!(push(&arena, b"b", NOW, false), Ok(6));
    assert_eq!(push(&arena, b"c", NOW, false), Ok(7));
    assert_eq!(arena.snapshot(|counts| (counts.pushed, counts.accepted, counts.events)), (8, 8, 8));
    let mut chunk = Chunk::default();
    arena.take(&mut chunk, NOW, None, |chunk| assert_eq!(chunk.len(), 8));
    assert_eq!(shape(&chunk), ["e1", "w3", "w2", "e2"]);
    assert!(arena.snapshot(|counts| (counts.events, counts.bytes)) == (0, 0));
}

#[test]
fn a_window_without_room_is_not_counted_and_fits_alone_whatever_its_size() {
    let arena = Arena::new(100, 50, 10);
    let now = SystemTime::now();
    assert_eq!(arena.push_window(window(50), now), Ok(0..50));
    assert_eq!(arena.push_window(window(1), now), Err(Refusal::Full));
    assert_eq!(arena.snapshot(|counts| (counts.accepted, counts.overflowed)), (50, 0));
    take(&arena);
    assert_eq!(arena.push_window(window(1), now), Ok(50..51));
    arena.close();
    assert_eq!(arena.push_window(window(1), now), Err(Refusal::Closed));
}

#[test]
fn windows_make_room_as_a_whole() {
    let capacity = 400;
    let arena = Arena::new(capacity, 1000, 1000);
    let now = SystemTime::now();
    push(&arena, &[b'x'; 20], NOW, false).unwrap();
    arena.push_window(window(5), now).unwrap();
    push(&arena, &[b'y'; 150], NOW, false).unwrap();
    let terms = Admission { displaces: true, tentative: false, ..Admission::TENTATIVE };
    let position = arena.push(&[b'z'; 190], now, terms, false).unwrap();
    assert_eq!(position, 7);
    let mut chunk = Chunk::default();
    let displaced = |chunk: &Chunk| assert_eq!((chunk.displaced(), chunk.len()), (6, 2));
    arena.take(&mut chunk, NOW, None, displaced);
    assert_eq!(shape(&chunk), ["e2"]);
    assert_eq!(arena.snapshot(|counts| (counts.accepted, counts.overflowed)), (8, 6));
}
