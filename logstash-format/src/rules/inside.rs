use super::{Fate, MASK, Rules};
use crate::json::{elements, members};

impl Rules {
    /// JSON of this crate's own that stands under `name`, escaped, in every document, as the rules make
    /// it. Whether they meet the name itself is not looked at.
    pub(crate) fn inside(&self, name: &str, json: String) -> String {
        if !self.reach_inside() {
            return json;
        }
        let mut ruled = Vec::new();
        self.write_inside(&mut name.as_bytes().to_vec(), json.as_bytes(), &mut ruled);
        String::from_utf8_lossy(&ruled).into_owned()
    }

    fn write_inside(&self, path: &mut Vec<u8>, json: &[u8], out: &mut Vec<u8>) {
        match json.first() {
            Some(b'{') => {
                out.push(b'{');
                self.write_members(path, json, out);
                out.push(b'}');
            }
            Some(b'[') => {
                out.push(b'[');
                for (at, element) in elements(json).enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write_inside(path, &json[element], out);
                }
                out.push(b']');
            }
            _ => out.extend_from_slice(json),
        }
    }

    fn write_members(&self, path: &mut Vec<u8>, json: &[u8], out: &mut Vec<u8>) {
        let around = path.len();
        let mut names = Vec::new();
        for (name, value) in members(json, 0) {
            let name = &json[name];
            path.truncate(around);
            path.push(b'.');
            path.extend_from_slice(name);
            let Fate::Write { name: new_name, is_masked } = self.fate(path) else { continue };
            let name = new_name.map_or_else(|| name.to_vec(), |new_name| self.escaped(new_name));
            if names.contains(&name) {
                continue;
            }
            if !names.is_empty() {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(&name);
            out.extend_from_slice(b"\":");
            match is_masked {
                true => out.extend_from_slice(format!("\"{MASK}\"").as_bytes()),
                false => self.write_inside(path, &json[value], out),
            }
            names.push(name);
        }
        path.truncate(around);
    }
}
