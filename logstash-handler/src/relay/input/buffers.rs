//! Memory for windows that are put together, used again and again: to give it back to the system and to get it
//! cleared from there costs more than to fill it.

use bytes::{Bytes, BytesMut};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that are free.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<BytesMut>>,
}

impl Buffers {
    /// A buffer that is empty.
    pub(super) fn take(&self) -> BytesMut {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn put(&self, mut buffer: BytesMut) {
        if buffer.capacity() == 0 || buffer.capacity() > LARGEST {
            return;
        }
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST {
            free.push(buffer);
        }
    }

    /// The content of a buffer, which comes back when nobody has it any more.
    pub(super) fn lend(self: &Arc<Self>, buffer: BytesMut) -> Bytes {
        Bytes::from_owner(Lent { buffer, home: Arc::clone(self) })
    }
}

struct Lent {
    buffer: BytesMut,
    home: Arc<Buffers>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.put(mem::take(&mut self.buffer));
    }
}

/// Those that are kept for the next windows of an input, and how large they are.
const MOST: usize = 8;
const LARGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_content_is_gone_everywhere() {
        let buffers = Arc::new(Buffers::default());
        let mut buffer = buffers.take();
        buffer.extend_from_slice(b"content");
        let place = buffer.as_ptr();
        let content = buffers.lend(buffer);
        let part = content.slice(3..);
        drop(content);
        assert_eq!((&part[..], buffers.take().capacity()), (&b"tent"[..], 0));
        drop(part);
        let again = buffers.take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let buffers = Buffers::default();
        buffers.put(BytesMut::with_capacity(LARGEST + 1));
        assert_eq!(buffers.take().capacity(), 0);
        (0..=MOST).for_each(|_| buffers.put(BytesMut::with_capacity(10)));
        let kept = (0..=MOST).filter(|_| buffers.take().capacity() > 0).count();
        assert_eq!(kept, MOST);
    }
}
