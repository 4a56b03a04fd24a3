use super::PickleLimits;
use super::error::PickleErrorKind;
use super::value::{Id, Node};

/// Checks that the value has an end and how large it is with everything written out, without doing so.
pub(super) fn expand(nodes: &[Node<'_>], root: Id, limits: &PickleLimits) -> Result<(), PickleErrorKind> {
    let mut sizes = vec![Size::Unknown; nodes.len()];
    let mut path = vec![(root, 0)];
    sizes[root as usize] = Size::InPath;
    while let Some((id, next)) = path.last_mut() {
        let node = &nodes[*id as usize];
        if let Some(child) = node.children().get(*next) {
            *next += 1;
            match sizes[*child as usize] {
                Size::Known { .. } => {}
                Size::InPath => return Err(PickleErrorKind::Cyclic),
                Size::Unknown => {
                    sizes[*child as usize] = Size::InPath;
                    path.push((*child, 0));
                }
            }
            continue;
        }
        let own = VALUE + node.text_length() as u64;
        let (mut bytes, mut depth) = (own, 0);
        for child in node.children() {
            if let Size::Known { bytes: more, depth: below } = sizes[*child as usize] {
                bytes = bytes.saturating_add(more);
                depth = depth.max(below + 1);
            }
        }
        if bytes > limits.expanded_bytes {
            return Err(PickleErrorKind::TooLarge { limit: limits.expanded_bytes });
        }
        if depth > limits.depth {
            return Err(PickleErrorKind::TooDeep { limit: limits.depth });
        }
        sizes[*id as usize] = Size::Known { bytes, depth };
        path.pop();
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Size {
    Unknown,
    /// Its children are being looked at.
    InPath,
    Known {
        bytes: u64,
        /// Levels below it.
        depth: usize,
    },
}

/// What a value counts for, without its text.
const VALUE: u64 = 8;
