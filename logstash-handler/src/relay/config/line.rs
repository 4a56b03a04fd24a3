use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line on which a key stands in a text; of keys that are not there, the one around them. Entries of lists count
/// from 1.
pub(super) fn line<'k>(text: &str, keys: impl IntoIterator<Item = &'k str>) -> Option<usize> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let mut values = DeValue::Table(root);
    let mut place = None;
    for key in keys {
        let Some((start, inner)) = inside(values, key) else { break };
        place = Some(start);
        values = inner;
    }
    let before = text.get(..place?)?;
    Some(before.matches('\n').count() + 1)
}

/// Where a key begins in a table or list, and what it has.
fn inside<'t>(values: DeValue<'t>, key: &str) -> Option<(usize, DeValue<'t>)> {
    match values {
        DeValue::Table(table) => {
            let (key, value) = table.into_iter().find(|(name, _)| name.get_ref() == key)?;
            Some((key.span().start, value.into_inner()))
        }
        DeValue::Array(values) => {
            let index = key.parse::<usize>().ok()?.checked_sub(1)?;
            let value: Spanned<DeValue<'t>> = values.into_iter().nth(index)?;
            Some((value.span().start, value.into_inner()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_however_they_are_written() {
        let text = "# first\n[inputs.'a.b']\nlisten = 'x'\ntags = [\n'1', '2',\n'3']\n\n\
                    [outputs]\none.handler.window.events = 0\ntwo = { format = 'raw' }\n\
                    [[routes]]\n[[routes]]\noutputs = []\n";
        let found = |keys: &[&str]| line(text, keys.iter().copied());
        assert_eq!(found(&["inputs", "a.b", "listen"]), Some(3));
        assert_eq!(found(&["inputs", "a.b", "tags", "3"]), Some(6));
        assert_eq!(found(&["inputs", "a.b", "missing", "listen"]), Some(2));
        assert_eq!(found(&["outputs", "one", "handler", "window", "events"]), Some(9));
        assert_eq!(found(&["outputs", "two", "format"]), Some(10));
        assert_eq!((found(&["routes", "1"]), found(&["routes", "2", "outputs"])), (Some(11), Some(13)));
        assert_eq!((found(&["missing"]), found(&[]), line("no TOML", ["no"])), (None, None, None));
    }
}
