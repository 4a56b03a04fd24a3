use std::cmp::Ordering;
use std::ops::Range;

use super::path;
use crate::json::{Json, members};

/// Fields with dotted names, collected until all of them are known and they can be written as
/// objects within objects.
#[derive(Default)]
pub(super) struct Entries {
    names: Vec<u8>,
    values: Vec<u8>,
    list: Vec<Entry>,
}

struct Entry {
    /// The path that was given, in `names`.
    given: Range<usize>,
    /// The path that it is written at, likewise.
    path: Range<usize>,
    /// The value as JSON, in `values`.
    value: Range<usize>,
    /// Of entries with one given path the one with the lowest rank counts.
    rank: usize,
    is_dropped: bool,
}

impl Entry {
    fn is_renamed(&self, names: &[u8]) -> bool {
        names[self.given.clone()] != names[self.path.clone()]
    }
}

impl Entries {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.values.clear();
        self.list.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.list.iter().map(|entry| (self.path(entry), &self.values[entry.value.clone()]))
    }

    /// Adds a field. Objects are taken apart, so that their members find together with fields of
    /// dotted names. What is null or empty is left out.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        self.add_at(name, |path| path::push_valid(name, 0, path), |to| to.extend_from_slice(value));
    }

    /// Adds a field whose path and value are written by functions.
    pub(super) fn add_at(
        &mut self,
        name: &[u8],
        path: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        let first = self.values.len();
        value(&mut self.values);
        let value = first..self.values.len();
        let given = self.push_name(|names| names.extend_from_slice(name));
        let path = self.push_name(path);
        self.add_parts(given, path, value);
    }

    fn add_parts(&mut self, given: Range<usize>, path: Range<usize>, value: Range<usize>) {
        let json = &self.values[value.clone()];
        if is_nothing(json) {
            return;
        }
        if json.first() != Some(&b'{') {
            let rank = self.list.len();
            self.list.push(Entry { given, path, value, rank, is_dropped: false });
            return;
        }
        // Objects are rare among the fields of events, so a list of their members is no matter.
        let around = path::depth(&self.names[path.clone()]) + 1;
        let parts: Vec<_> = members(&self.values, value.start).collect();
        for (name, value) in parts {
            let name = self.values[name].to_vec();
            let inner_given = self.push_member(&given, |names| names.extend_from_slice(&name));
            let inner_path = self.push_member(&path, |names| path::push_valid(&name, around, names));
            self.add_parts(inner_given, inner_path, value);
        }
    }

    fn push_member(&mut self, of: &Range<usize>, name: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        self.push_name(|names| {
            names.extend_from_within(of.clone());
            names.push(b'.');
            name(names);
        })
    }

    fn push_name(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.names.len();
        push(&mut self.names);
        start..self.names.len()
    }

    /// Orders the fields by their paths and settles conflicts.
    ///
    /// Of fields with one name the first counts. Where one path leads through another, which
    /// therefore would have to be both a value and an object, the value gets an underscore after
    /// its name, and so does one of two fields that came to one path with different names. The
    /// outcome does not depend on the order of fields with different names.
    pub(super) fn resolve(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.sort();
            if !self.rename_conflicts() {
                return;
            }
        }
        self.sort();
        self.drop_conflicts();
    }

    fn sort(&mut self) {
        let Self { names, list, .. } = self;
        list.sort_unstable_by(|a, b| {
            path::compare(&names[a.path.clone()], &names[b.path.clone()])
                .then((a.is_renamed(names), a.rank).cmp(&(b.is_renamed(names), b.rank)))
        });
    }

    /// Returns whether there were any.
    fn rename_conflicts(&mut self) -> bool {
        let mut is_changed = false;
        let mut kept = 0;
        for at in 1..self.list.len() {
            match self.conflict(kept, at) {
                Some(Ordering::Equal) if self.is_same_field(kept, at) => self.list[at].is_dropped = true,
                Some(Ordering::Equal) => {
                    self.lengthen(at);
                    is_changed = true;
                }
                Some(_) => {
                    self.lengthen(kept);
                    is_changed = true;
                    kept = at;
                }
                None => kept = at,
            }
        }
        self.list.retain(|entry| !entry.is_dropped);
        is_changed
    }

    /// Leaves out what is still in conflict.
    fn drop_conflicts(&mut self) {
        let mut kept = 0;
        for at in 1..self.list.len() {
            match self.conflict(kept, at) {
                Some(Ordering::Equal) => self.list[at].is_dropped = true,
                Some(_) => {
                    self.list[kept].is_dropped = true;
                    kept = at;
                }
                None => kept = at,
            }
        }
        self.list.retain(|entry| !entry.is_dropped);
    }

    /// Whether two entries have the same path, or the first one leads to the second one.
    fn conflict(&self, first: usize, second: usize) -> Option<Ordering> {
        let (first, second) = (self.path(&self.list[first]), self.path(&self.list[second]));
        if first == second {
            Some(Ordering::Equal)
        } else {
            path::is_within(second, first).then_some(Ordering::Less)
        }
    }

    fn is_same_field(&self, one: usize, other: usize) -> bool {
        self.names[self.list[one].given.clone()] == self.names[self.list[other].given.clone()]
    }

    fn lengthen(&mut self, at: usize) {
        let path = self.list[at].path.clone();
        self.list[at].path = self.push_name(|names| {
            names.extend_from_within(path);
            names.push(b'_');
        });
    }

    fn path(&self, entry: &Entry) -> &[u8] {
        &self.names[entry.path.clone()]
    }

    /// Writes the members of an object that `json` has just opened.
    pub(super) fn write_members(&self, json: &mut Json<'_>) {
        let mut last: Option<&[u8]> = None;
        for (path, value) in self.iter() {
            let open = last.map_or(0, |last| {
                let open = path::shared_depth(last, path);
                close(path::depth(last) - open, json);
                json.raw(",");
                open
            });
            path::write_name(path, open, json.out);
            json.out.extend_from_slice(value);
            last = Some(path);
        }
        close(last.map_or(0, path::depth), json);
    }
}

/// Whether a value says nothing.
pub(super) fn is_nothing(json: &[u8]) -> bool {
    json.len() <= LONGEST_NOTHING && matches!(json, b"" | b"null" | b"\"\"" | b"[]" | b"{}")
}

/// Ends that many objects.
pub(super) fn close(objects: usize, json: &mut Json<'_>) {
    if objects > 0 {
        json.out.resize(json.out.len() + objects, b'}');
    }
}

/// Bytes of `null`.
const LONGEST_NOTHING: usize = 4;

/// How often names that are in conflict are made longer before a field is left out.
const MAX_ROUNDS: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::PLAIN;

    #[track_caller]
    fn check(fields: &[(&str, Value)], expected: Value) {
        let mut entries = Entries::default();
        for (name, value) in fields {
            entries.add(name.as_bytes(), value.to_string().as_bytes());
        }
        entries.resolve();
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, &PLAIN);
        json.raw("{");
        entries.write_members(&mut json);
        json.raw("}");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, expected.to_string());
    }

    #[test]
    fn objects_and_dotted_names_find_together() {
        check(
            &[
                ("b", json!(11)),
                ("b.c", json!({"d.e": [2, [{"f.g": 3}, 4], 5], "h": null})),
                ("b.c.x", json!({"y": 6})),
                ("c", json!({"d": [1], "e": 2})),
                ("c.d", json!([2])),
                ("c.f", json!(3)),
            ],
            json!({
                "b": {"c": {"d": {"e": [2, [{"f.g": 3}, 4], 5]}, "x": {"y": 6}}},
                "b_": 11,
                "c": {"d": [1], "e": 2, "f": 3},
            }),
        );
    }

    #[test]
    fn a_value_gives_way_to_an_object_whatever_the_order() {
        let expected = || json!({"a": {"b": {"c": 1}, "b_": 2}, "a_": 3});
        check(&[("a.b.c", json!(1)), ("a.b", json!(2)), ("a", json!(3))], expected());
        check(&[("a", json!(3)), ("a.b", json!(2)), ("a.b.c", json!(1))], expected());
    }

    #[test]
    fn what_gave_way_displaces_nothing() {
        check(
            &[("a", json!(1)), ("a.b", json!(2)), ("a_", json!(3)), ("a__.c", json!(4)), ("a.b", json!(5))],
            json!({"a": {"b": 2}, "a_": 3, "a__": {"c": 4}, "a___": 1}),
        );
    }

    #[test]
    fn nothing_is_left_out_but_nothing() {
        check(
            &[
                ("a", json!({})),
                ("b", json!([])),
                ("c", json!({"d": {"e": ""}})),
                ("f", json!(0)),
                ("..", json!(1)),
            ],
            json!({"_": {"_": {"_": 1}}, "f": 0}),
        );
    }

    #[test]
    fn names_that_become_one_are_of_two_fields() {
        check(
            &[("", json!(1)), ("", json!(2)), ("_", json!(3)), (" ", json!(4))],
            json!({"_": 3, "__": 1, "___": 4}),
        );
    }

    #[test]
    fn endless_conflicts_end() {
        let names: Vec<_> = (0..40).map(|n| format!("a{}", "_".repeat(n))).collect();
        let mut entries = Entries::default();
        for name in &names {
            entries.add(name.as_bytes(), b"1");
            entries.add(format!("{name}.b").as_bytes(), b"2");
        }
        entries.resolve();
        let paths: Vec<_> = entries.iter().map(|(path, _)| path.to_vec()).collect();
        assert!(paths.windows(2).all(|two| !path::is_within(&two[1], &two[0]) && two[0] != two[1]));
        assert!(paths.len() >= 40);
    }
}
