//! What each frame does to a server session.

use super::ServerSession;
use super::config::SequencePolicy;
use super::event::{Payload, ServerEvent, WindowId};
use super::window::OpenWindow;
use crate::error::ProtocolErrorKind;
use crate::frame::{Frame, Version};
use crate::window::EncodedWindow;

impl ServerSession {
    pub(super) fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Window { version, size } => self.on_window(version, size),
            Frame::Json { sequence, payload, .. } => {
                let length = payload.len() as u64 + 10;
                self.on_payload(sequence, Payload::Json(payload), length);
            }
            Frame::Data { sequence, pairs, .. } => self.on_payload(sequence, Payload::Data(pairs), 0),
            Frame::CompressedBegin { .. } => {
                if let Some(open) = &mut self.open {
                    open.form.compressed_frames += 1;
                }
            }
            Frame::CompressedEnd { inflated } => self.on_compressed_end(inflated),
            // The grammar of a server has no acknowledgements.
            Frame::Ack { .. } => {}
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
                self.empty_in_compressed = Some(version);
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
        self.open = Some(OpenWindow::new(id, version, size, self.config.partial_acks, compressed));
        self.events.push_back(ServerEvent::WindowStart { window: id, version, events: size });
    }

    fn on_payload(&mut self, sequence: u32, payload: Payload, frame_bytes: u64) {
        let Some(open) = &mut self.open else {
            return self.violate(ProtocolErrorKind::DataOutsideWindow { sequence });
        };
        if let (SequencePolicy::Strict, Some(last)) = (self.config.sequence_policy, open.last_sequence) {
            let want = last.wrapping_add(1);
            if sequence != want {
                return self.violate(ProtocolErrorKind::SequenceGap { got: sequence, want });
            }
        }
        let compressed = self.decoder.in_compressed();
        let index = open.count;
        open.form.canonical &= compressed && sequence == index + 1 && frame_bytes > 0;
        open.form.frame_bytes += frame_bytes;
        open.count += 1;
        open.last_sequence = Some(sequence);
        if let Some(sequences) = &mut open.sequences {
            sequences.push(sequence);
        }
        self.events.push_back(ServerEvent::Event { window: open.id, index, sequence, payload });
        if open.missing() > 0 {
            return;
        }
        let Some(full) = self.open.take() else { return };
        if !compressed {
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
        if let Some(version) = self.empty_in_compressed.take() {
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
