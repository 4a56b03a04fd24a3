use crate::batch::Batch;
use crate::error::TransportError;
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;

/// A way to deliver events.
///
/// Blocking, because its one caller is a thread that does nothing else: no runtime in the
/// application, usable as a `Box<dyn Transport>`, and every wait has a deadline.
///
/// A wrapper forwards every method.
///
/// ```
/// use logstash_transport::{Batch, DiscardTransport, Interrupt, ProbeReport, Transport, TransportError};
///
/// /// Counts attempts.
/// struct Counted<T> {
///     inner: T,
///     attempts: u64,
/// }
///
/// impl<T: Transport> Transport for Counted<T> {
///     fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
///         self.attempts += 1;
///         self.inner.send(batch)
///     }
///
///     fn probe(&mut self) -> Result<ProbeReport, TransportError> {
///         self.inner.probe()
///     }
///
///     fn close(&mut self) {
///         self.inner.close();
///     }
///
///     fn interrupt_by(&mut self, interrupt: Interrupt) {
///         self.inner.interrupt_by(interrupt);
///     }
/// }
///
/// let mut transport = Counted { inner: DiscardTransport::new(), attempts: 0 };
/// transport.send(&mut Batch::from_events(["{}"]))?;
/// assert_eq!(transport.attempts, 1);
/// # Ok::<(), TransportError>(())
/// ```
pub trait Transport: Send {
    /// Delivers what remains of `batch`, in order. `Ok` means that nothing remains.
    ///
    /// Connects when it must. What the peer took over is marked in the batch as it becomes known,
    /// also when an error follows, so that the same batch can be sent again, by this transport or
    /// by another.
    ///
    /// # Errors
    ///
    /// [`TransportError`], whose [`kind`](TransportError::kind) tells what to do.
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError>;

    /// Tries the way to the peer step by step without sending an event.
    ///
    /// # Errors
    ///
    /// [`TransportError`] of the step that failed; it names the step.
    fn probe(&mut self) -> Result<ProbeReport, TransportError>;

    /// Closes the connection in an orderly way, within a bounded time.
    ///
    /// A later [`send`](Self::send) connects again.
    fn close(&mut self);

    /// Gives the transport a signal that ends its waits early; see [`Interrupt`].
    ///
    /// A transport that ignores it is correct, but a shutdown then leaves it behind.
    fn interrupt_by(&mut self, interrupt: Interrupt) {
        let _ = interrupt;
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        (**self).send(batch)
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        (**self).probe()
    }

    fn close(&mut self) {
        (**self).close();
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        (**self).interrupt_by(interrupt);
    }
}

impl<T: Transport + ?Sized> Transport for &mut T {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        (**self).send(batch)
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        (**self).probe()
    }

    fn close(&mut self) {
        (**self).close();
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        (**self).interrupt_by(interrupt);
    }
}
