//! Waiting between attempts, growing windows, cutting them.

use lumberjack_codec::{Backoff, RetryPlan, SlowStart, Verdict, window_prefix};
use std::time::Duration;

#[test]
fn backoff_doubles_up_to_its_maximum_and_stays_in_the_upper_half() {
    let second = Duration::from_secs(1);
    for seed in 0..50 {
        let mut backoff = Backoff::new().seed(seed);
        for step in [1, 2, 4, 8, 16, 32, 60, 60, 60].map(|factor| second * factor) {
            let delay = backoff.next_delay();
            assert!(delay >= step / 2 && delay <= step, "{delay:?} in a step of {step:?}");
        }
        assert_eq!(backoff.attempts(), 9);
    }
}

#[test]
fn backoff_spreads_the_callers() {
    let delays: Vec<Duration> = (0..100).map(|seed| Backoff::new().seed(seed).next_delay()).collect();
    let early = delays.iter().filter(|delay| **delay < Duration::from_millis(750)).count();
    assert!((25..=75).contains(&early), "{early} of 100 in the lower half");
}

#[test]
fn backoff_repeats_under_the_same_seed_and_starts_over_after_a_reset() {
    let draw = |backoff: &mut Backoff| -> Vec<Duration> { (0..5).map(|_| backoff.next_delay()).collect() };
    assert_eq!(draw(&mut Backoff::new().seed(7)), draw(&mut Backoff::new().seed(7)));
    let mut backoff = Backoff::default();
    draw(&mut backoff);
    backoff.reset();
    assert_eq!(backoff.attempts(), 0);
    assert!(backoff.next_delay() <= Duration::from_secs(1));
}

#[test]
fn backoff_survives_extreme_settings() {
    let mut tiny = Backoff::new().base(Duration::ZERO).max(Duration::ZERO);
    let mut huge = Backoff::new().base(Duration::MAX).max(Duration::MAX);
    for _ in 0..100 {
        assert!(tiny.next_delay() >= Duration::from_micros(500), "no hot loop");
        assert!(huge.next_delay() >= Duration::MAX / 4);
    }
}

#[test]
fn slow_start_grows_by_half_while_windows_fill_it() {
    let mut window = SlowStart::new(100);
    let mut sizes = vec![window.size()];
    for _ in 0..7 {
        window.succeeded(window.size());
        sizes.push(window.size());
    }
    assert_eq!(sizes, [10, 15, 22, 33, 49, 73, 100, 100]);
    window.succeeded(99);
    assert_eq!(window.size(), 100);
}

#[test]
fn slow_start_halves_down_to_one_and_recovers() {
    let mut window = SlowStart::new(2048);
    let mut sizes = Vec::new();
    for _ in 0..5 {
        window.failed();
        sizes.push(window.size());
    }
    assert_eq!(sizes, [5, 2, 1, 1, 1]);
    window.succeeded(1);
    assert_eq!(window.size(), 2);
    window.succeeded(1);
    assert_eq!(window.size(), 2, "the window was smaller than the size");
}

#[test]
fn slow_start_keeps_within_its_maximum() {
    assert_eq!(SlowStart::new(3).size(), 3);
    assert_eq!(SlowStart::new(0).size(), 1);
    let mut endless = SlowStart::new(usize::MAX);
    for _ in 0..200 {
        endless.succeeded(usize::MAX);
    }
    assert_eq!(endless.size(), usize::MAX);
}

#[test]
fn a_window_takes_payloads_up_to_both_bounds() {
    let cases: &[(&[usize], usize, usize, usize)] = &[
        (&[], 10, 10, 0),
        (&[5], 10, 10, 1),
        (&[5, 5], 10, 10, 2),
        (&[5, 6], 10, 10, 1),
        (&[5, 5, 1], 2, 100, 2),
        (&[11, 1], 10, 10, 1),
        (&[0, 0, 0], 10, 0, 3),
        (&[1, 1], 0, 0, 1),
        (&[usize::MAX, usize::MAX], 10, usize::MAX - 1, 1),
    ];
    for (lengths, max_events, max_bytes, want) in cases {
        let taken = window_prefix(lengths.iter().copied(), *max_events, *max_bytes);
        assert_eq!(taken, *want, "{lengths:?} within {max_events} events and {max_bytes} bytes");
    }
}

#[test]
fn a_retry_plan_finds_the_event_that_a_server_cannot_take() {
    for (count, bad) in [(1, 0), (2, 1), (7, 3), (2048, 0), (2048, 1500), (2048, 2047)] {
        let mut plan = RetryPlan::new().patience(2);
        let (mut first, mut failures, mut suspects) = (0_usize, 0, Vec::new());
        while first < count {
            let events = plan.size(2048).min(count - first);
            if !(first..first + events).contains(&bad) {
                plan.acknowledged(events);
                first += events;
                continue;
            }
            failures += 1;
            if plan.failed(events, 0) == Verdict::Suspect {
                assert_eq!(events, 1);
                suspects.push(first);
                plan.set_aside();
                first += 1;
            }
        }
        assert_eq!(suspects, [bad], "of {count}");
        assert!(failures <= 2 * (count.ilog2() + 2), "{failures} failures for {bad} of {count}");
        assert_eq!(plan, RetryPlan::new().patience(2), "nothing is in doubt any more");
    }
}

#[test]
fn a_retry_plan_is_patient_while_there_is_progress() {
    let mut plan = RetryPlan::new();
    for _ in 0..2 {
        assert_eq!(plan.failed(100, 0), Verdict::Resend);
    }
    assert_eq!(plan.failed(100, 1), Verdict::Resend);
    for _ in 0..2 {
        assert_eq!(plan.failed(99, 0), Verdict::Resend);
        assert_eq!(plan.size(100), 100);
    }
    assert_eq!(plan.failed(99, 0), Verdict::Resend);
    assert_eq!(plan.size(100), 49);
    plan.acknowledged(48);
    assert_eq!(plan.size(100), 49, "51 are still in doubt");
    plan.acknowledged(51);
    assert_eq!(plan.size(100), 100);
}

#[test]
fn a_suspect_is_reported_again_and_no_setting_breaks_the_plan() {
    let mut plan = RetryPlan::new().patience(0);
    assert_eq!([plan.failed(1, 0), plan.failed(1, 0)], [Verdict::Suspect; 2]);
    assert_eq!(plan.size(2048), 1, "tried again, it is alone");
    plan.acknowledged(1);
    assert_eq!(plan.size(2048), 2048);
    assert_eq!(plan.failed(0, 0), Verdict::Suspect);
    assert_eq!(plan.failed(3, 9), Verdict::Resend);
    plan.acknowledged(usize::MAX);
    assert_eq!((plan.size(0), plan.size(usize::MAX)), (1, usize::MAX));
}
