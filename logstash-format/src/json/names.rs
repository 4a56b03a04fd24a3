use std::collections::BTreeMap;
use std::ops::Range;

/// The names that an object has so far, so that none comes twice.
///
/// Names are compared as they stand in the output, escaped; the first few are found there by their
/// place, so that ordinary objects need no copies.
#[derive(Default)]
pub(crate) struct Names {
    places: Vec<Place>,
    /// Names beyond [`SCANNED`], and whether each is the document's own.
    more: BTreeMap<Box<[u8]>, bool>,
}

struct Place {
    /// Different for most names that differ.
    digest: u64,
    name: Range<usize>,
    own: bool,
}

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
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), more: BTreeMap::new() }
    }

    /// Whether the name at `name` in `out` is free.
    pub(crate) fn check(&self, out: &[u8], name: Range<usize>) -> Claim {
        let name = &out[name];
        let digest = digest(name);
        let scanned = self
            .places
            .iter()
            .find(|place| place.digest == digest && out[place.name.clone()] == *name)
            .map(|place| place.own);
        let own = scanned.or_else(|| match self.more.is_empty() {
            true => None,
            false => self.more.get(name).copied(),
        });
        match own {
            None => Claim::Free,
            Some(false) => Claim::Given,
            Some(true) => Claim::Own,
        }
    }

    /// Notes the name at `name` in `out`, which must be free, as given or as the document's own.
    pub(crate) fn insert(&mut self, out: &[u8], name: Range<usize>, own: bool) {
        if self.places.len() < SCANNED {
            let digest = digest(&out[name.clone()]);
            self.places.push(Place { digest, name, own });
        } else {
            self.more.insert(out[name].into(), own);
        }
    }

    /// Forgets all names and keeps the memory of the scanned ones.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.more.clear();
    }
}

/// From the length and the end of a name; the end tells more than the start, which many names share.
fn digest(name: &[u8]) -> u64 {
    let end = name.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut padded = [0; 8];
        padded[..name.len()].copy_from_slice(name);
        padded
    });
    u64::from_ne_bytes(end) ^ (name.len() as u64).wrapping_mul(SPREAD)
}

/// The golden ratio in 64 bits: spreads small numbers over all of them.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

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
            let place = start..out.len();
            let claim = names.check(&out, place.clone());
            if claim == Claim::Free {
                names.insert(&out, place, name.starts_with("own"));
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
