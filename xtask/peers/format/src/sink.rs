use std::cell::RefCell;
use std::io;

/// Where every side writes its document: a buffer of the thread, which keeps what it has grown to.
pub(crate) struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        with(|document| document.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn clear() {
    with(Vec::clear);
}

pub(crate) fn with<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    DOCUMENT.with(|document| work(&mut document.borrow_mut()))
}

thread_local! {
    static DOCUMENT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
