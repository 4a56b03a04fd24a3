//! The events that are measured: JSON as loggers write it, the same for every side and in every run.

/// Documents of about `size` bytes each: what repeats in real logs repeats, identifiers do not.
pub fn documents(count: usize, size: usize) -> Vec<Vec<u8>> {
    let mut random = Random(0x5eed);
    (0..count).map(|number| document(number, size, &mut random)).collect()
}

fn document(number: usize, size: usize, random: &mut Random) -> Vec<u8> {
    let level = *random.of(&["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"]);
    let logger = *random.of(&["shop::orders", "shop::payment", "shop::stock", "http::access"]);
    let mut text = format!(
        "{{\"@timestamp\":\"2026-11-20T09:{:02}:{:02}.{:03}Z\",\"@version\":\"1\",\"level\":\"{level}\",\
         \"logger\":\"{logger}\",\"host\":\"web-{:02}\",\"trace\":\"{:016x}\",\"order\":{},\"ms\":{},\"message\":\"",
        number / 3000 % 60,
        number / 50 % 60,
        number * 20 % 1000,
        random.below(8),
        random.next(),
        100_000 + number,
        random.below(2000),
    );
    loop {
        let word = random.of(WORDS);
        if text.len() + word.len() + 3 > size {
            break;
        }
        text.push_str(word);
        text.push(' ');
    }
    text.pop();
    text.push_str("\"}");
    text.into_bytes()
}

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "order",
    "accepted",
    "payment",
    "of",
    "customer",
    "was",
    "refused",
    "by",
    "the",
    "provider",
    "after",
    "retry",
    "connection",
    "to",
    "database",
    "timed",
    "out",
    "request",
    "finished",
    "with",
    "status",
    "200",
    "404",
    "cache",
    "miss",
    "for",
    "key",
    "session",
    "expired",
    "user",
    "logged",
    "in",
    "from",
    "address",
    "10.0.12.7",
    "stock",
    "reserved",
    "item",
    "shipped",
    "in",
    "3",
    "parcels",
    "queue",
    "length",
    "is",
    "above",
    "threshold",
    "worker",
    "started",
    "stopped",
    "configuration",
    "reloaded",
    "certificate",
    "valid",
    "until",
    "invoice",
    "sent",
    "mail",
    "bounced",
    "slow",
    "query",
    "took",
    "rows",
    "affected",
];
