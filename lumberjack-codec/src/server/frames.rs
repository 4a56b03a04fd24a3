//! What each frame does to a server session.

use super::ServerSession;
use super::config::SequencePolicy;
use super::event::{Payload, ServerEvent, WindowId};
use super::window::OpenWindow;
use crate::error::ProtocolErrorKind;
use crate::frame::{Frame, Version};
use crate::window::EncodedWindow;

impl ServerSession {
    /// The event that the frame is, if it is one; what follows from it waits in the queue.
    ///
    /// An event does not go through the queue itself: that would cost as much as decoding it.
    #[inline]
    pub(super) fn on_frame(&mut self, frame: Frame) -> Option<ServerEvent> {
        if self.open.is_none()
            && self.config.windows_of_one
            && let Frame::Json { version, .. } | Frame::Data { version, .. } = frame
        {
            self.on_window(version, 1);
            // Behind the start of the window, and before its end.
            let at = self.events.len();
            if self.open.is_some()
                && let Some(event) = self.on_announced_frame(frame)
            {
                self.events.insert(at, event);
            }
            return None;
        }
        self.on_announced_frame(frame)
    }

    #[inline]
    fn on_announced_frame(&mut self, frame: Frame) -> Option<ServerEvent> {
        match frame {
            Frame::Json { sequence, payload, .. } => {
                let (window, index) = self.on_event(sequence, payload.len() as u64 + 10)?;
                Some(ServerEvent::Event { window, index, sequence, payload: Payload::Json(payload) })
            }
            Frame::Data { sequence, pairs, .. } => {
                let (window, index) = self.on_event(sequence, 0)?;
                Some(ServerEvent::Event { window, index, sequence, payload: Payload::Data(pairs) })
            }
            frame => {
                self.on_head(&frame);
                None
            }
        }
    }

    fn on_head(&mut self, frame: &Frame) {
        match *frame {
            Frame::Window { version, size } => self.on_window(version, size),
            Frame::CompressedBegin { .. } => {
                if let Some(open) = &mut self.open {
                    open.form.compressed_frames += 1;
                }
            }
            Frame::CompressedEnd { inflated } => self.on_compressed_end(inflated),
            // Events are told apart before, and the grammar of a server has no acknowledgements.
            Frame::Json { .. } | Frame::Data { .. } | Frame::Ack { .. } => {}
        }
    }

    fn on_window(&mut self, version: Version, size: u32) {
        if let Some(open) = &self.open {
            let missing_events = open.missing();
            return self.violate(ProtocolErrorKind::WindowIncomplete { missing_events });
        }
        let compressed = self.decoder.in_compressed();
        if size == 0 {
            if compressed {
                self.on_empty_in_compressed(version);
            } else {
                self.answer_empty_window(version);
            }
            return;
        }
        let limit = self.config.limits.max_window;
        if size > limit {
            return self.violate(ProtocolErrorKind::WindowTooLarge { size, limit });
        }
        let id = WindowId(self.next_id);
        self.next_id += 1;
        let partial_acks = self.config.partial_acks;
        self.open = Some(OpenWindow::new(id, version, size, partial_acks, compressed, self.now));
        self.events.push_back(ServerEvent::WindowStart { window: id, version, events: size });
    }

    /// An empty window is no event, so a frame of nothing but those would be decoded to its end within one
    /// call: few bytes for much work.
    fn on_empty_in_compressed(&mut self, version: Version) {
        let limit = self.config.limits.max_window.max(1);
        let (_, count) = self.empty_in_compressed.unwrap_or((version, 0));
        if count >= limit {
            return self.violate(ProtocolErrorKind::TooManyWindows { limit: limit as usize });
        }
        self.empty_in_compressed = Some((version, count + 1));
    }

    /// Counts an event of the open window; its window and its place there, unless it is against the rules.
    #[inline]
    pub(super) fn on_event(&mut self, sequence: u32, frame_bytes: u64) -> Option<(WindowId, u32)> {
        let Some(open) = &mut self.open else {
            self.violate(ProtocolErrorKind::DataOutsideWindow { sequence });
            return None;
        };
        if let (SequencePolicy::Strict, Some(last)) = (self.config.sequence_policy, open.last_sequence) {
            let want = last.wrapping_add(1);
            if sequence != want {
                self.violate(ProtocolErrorKind::SequenceGap { got: sequence, want });
                return None;
            }
        }
        let (id, index) = (open.id, open.count);
        open.form.canonical &= self.decoder.in_compressed() && sequence == index + 1 && frame_bytes > 0;
        open.form.frame_bytes += frame_bytes;
        open.count += 1;
        open.last_sequence = Some(sequence);
        if let Some(sequences) = &mut open.sequences {
            sequences.push(sequence);
        }
        if open.missing() == 0 {
            self.on_full_window();
        }
        Some((id, index))
    }

    fn on_full_window(&mut self) {
        let Some(full) = self.open.take() else { return };
        if !self.decoder.in_compressed() {
            return self.complete(full, None);
        }
        let limit = self.config.limits.max_pending_windows.max(1);
        if self.full_in_compressed.len() >= limit {
            self.open = Some(full);
            return self.violate(ProtocolErrorKind::TooManyWindows { limit });
        }
        self.full_in_compressed.push(full);
    }

    fn on_compressed_end(&mut self, inflated: u64) {
        if let Some((version, _)) = self.empty_in_compressed.take() {
            self.answer_empty_window(version);
        }
        let bytes = self.decoder.take_compressed();
        for full in std::mem::take(&mut self.full_in_compressed) {
            let encoded = full.form.encoded(full.size, inflated, bytes.clone());
            self.complete(full, encoded);
        }
    }

    fn answer_empty_window(&mut self, version: Version) {
        // While a window waits, a peer of version 1 would take this for its acknowledgement.
        if version == Version::V2 || self.pending.is_empty() {
            self.put_ack(version, 0);
        }
    }

    fn complete(&mut self, window: OpenWindow, encoded: Option<EncodedWindow>) {
        let pending = window.complete(self.now);
        self.events.push_back(ServerEvent::WindowComplete {
            window: pending.id,
            events: pending.size,
            encoded,
        });
        self.pending.push_back(pending);
    }
}
