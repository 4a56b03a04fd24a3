use std::collections::BTreeMap;
use std::ops::Range;

use super::word::last_word;

/// The names that an object has so far, so that none comes twice.
///
/// Names are compared as they stand in the output, escaped; the first few are found there by their
/// place, so that ordinary objects need no copies.
#[derive(Default)]
pub(crate) struct Names {
    places: Vec<Place>,
    /// Of the names in `places`.
    digests: Digests,
    /// Names beyond [`SCANNED`], and whether each is the document's own.
    more: BTreeMap<Box<[u8]>, bool>,
}

struct Place {
    digest: Digest,
    name: Range<usize>,
    own: bool,
}

/// Different for most names that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

/// Says at once of most names that they are not among some others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digests(u64);

/// Whether a name may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Free,
    /// Given before, with another value.
    Given,
    /// Used by the document itself.
    Own,
}

impl Names {
    /// Whether the name at `name` in `out` is free.
    #[inline]
    pub(crate) fn check(&self, out: &[u8], name: Range<usize>, digest: Digest) -> Claim {
        match self.digests.may_have(digest) || !self.more.is_empty() {
            true => self.search(&out[name], digest, out),
            false => Claim::Free,
        }
    }

    #[inline(never)]
    fn search(&self, name: &[u8], digest: Digest, out: &[u8]) -> Claim {
        let scanned =
            self.places.iter().find(|place| place.digest == digest && out[place.name.clone()] == *name);
        match scanned.map(|place| place.own).or_else(|| self.more.get(name).copied()) {
            None => Claim::Free,
            Some(false) => Claim::Given,
            Some(true) => Claim::Own,
        }
    }

    /// Notes the name at `name` in `out`, which must be free, as given or as the document's own.
    #[inline]
    pub(crate) fn insert(&mut self, out: &[u8], name: Range<usize>, digest: Digest, own: bool) {
        if self.places.len() < SCANNED {
            self.digests.add(digest);
            self.places.push(Place { digest, name, own });
        } else {
            self.more.insert(out[name].into(), own);
        }
    }

    /// Forgets all names and keeps the memory of the scanned ones.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.digests = Digests::default();
        if !self.more.is_empty() {
            self.more.clear();
        }
    }
}

impl Digest {
    /// Of a name in quotation marks.
    ///
    /// From the length and the end of it; the end tells more than the start, which many names share.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Self {
        Self(last_word(name) ^ (name.len() as u64).wrapping_mul(SPREAD))
    }

    /// Of a name whose case does not matter; of other such names that differ in it, the same.
    #[inline]
    pub(crate) fn ignoring_case(name: &[u8]) -> Self {
        Self((last_word(name) | LOWER_CASE) ^ (name.len() as u64).wrapping_mul(SPREAD))
    }

    /// One bit of 64, by all of the digest.
    fn bit(self) -> u64 {
        1 << (self.0.wrapping_mul(SPREAD) >> 58)
    }
}

impl Digests {
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    pub(crate) fn add(&mut self, digest: Digest) {
        self.0 |= digest.bit();
    }

    /// Whether the name of this digest may be among them; `false` is certain.
    pub(crate) fn may_have(self, digest: Digest) -> bool {
        self.0 & digest.bit() != 0
    }
}

/// The golden ratio in 64 bits: spreads small numbers over all of them.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bit that makes letters of ASCII small ones; it makes few other bytes the same.
const LOWER_CASE: u64 = u64::from_ne_bytes([0x20; 8]);

/// Names up to this many are scanned, further ones looked up in a tree.
const SCANNED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whether_scanned_or_looked_up() {
        let (mut out, mut names) = (Vec::new(), Names::default());
        let mut add = |name: &str| {
            let start = out.len();
            out.extend_from_slice(name.as_bytes());
            let (place, digest) = (start..out.len(), Digest::of(&out[start..]));
            let claim = names.check(&out, place.clone(), digest);
            if claim == Claim::Free {
                names.insert(&out, place, digest, name.starts_with("own"));
            }
            claim
        };
        for number in 0..100 {
            assert_eq!(add(&format!("field-{number}")), Claim::Free);
            assert_eq!(add(&format!("own-{number}")), Claim::Free);
        }
        for number in 0..100 {
            assert_eq!(add(&format!("field-{number}")), Claim::Given);
            assert_eq!(add(&format!("own-{number}")), Claim::Own);
        }
        assert_eq!(add(""), Claim::Free);
        assert_eq!(add(""), Claim::Given);
    }
}
