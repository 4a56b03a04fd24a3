//! How to drive the sessions: from blocking sockets, from tokio, from any other runtime.
//!
//! A session never waits and never reads a clock. Something has to carry bytes and time to it: the
//! driver. Every driver is the same loop, whatever it runs on.
//!
//! # The loop
//!
//! | step | call | what matters |
//! | --- | --- | --- |
//! | 1. take what happened | `poll_event` until `None` | input is decoded here, so this is also what frees memory |
//! | 2. write | `poll_transmit`, then write all of it | a client then calls [`transmitted`](crate::ClientSession::transmitted): its timers start when the bytes are out |
//! | 3. end | `is_closed` | after step 2: the last acknowledgements are in there |
//! | 4. wait | for bytes, for the deadline of `poll_timeout`, for the application | a server reads only while [`wants_read`](crate::ServerSession::wants_read); that is its back-pressure |
//! | 5. tell | `receive`, `receive_eof`, `handle_timeout`, `acknowledge`, `send`, … with the time | then go to 1 |
//!
//! An error of the socket and its end are the same to a session: `receive_eof`. The deadline may change
//! with every call, so ask for it each time; waking up early is harmless, waking up late delays only.
//!
//! What goes wrong when the loop is written by hand:
//!
//! | mistake | what follows |
//! | --- | --- |
//! | acknowledging on [`Event`](crate::ServerEvent::Event) instead of [`WindowComplete`](crate::ServerEvent::WindowComplete) | events of a damaged frame count as received |
//! | keeping events after [`WindowAborted`](crate::ServerEvent::WindowAborted) | duplicates: the client sends them again |
//! | storing inside the loop, for long | no keepalives; Filebeat gives up after 30 s and sends again |
//! | reading although `wants_read` is false | memory grows with what the peer sends |
//! | not reading for long without a [`pause`](crate::ServerSession::pause) | the client is closed for a silence that is not its own |
//! | a write without a timeout | a peer that does not read holds the driver for ever |
//! | closing a socket with unread input | RST, which can destroy acknowledgements on their way; shut down the sending half, then read on for a moment |
//! | not resending what [`Failed`](crate::ClientEvent::Failed) lists | loss |
//!
//! # Blocking sockets
//!
//! One thread for each connection: the read timeout of the socket is the timer. This is the whole driver
//! of a server; the examples `echo_server` and `send_file` are programs of it.
//!
//! ```
//! use bytes::BytesMut;
//! use lumberjack_codec::{ServerConfig, ServerEvent, ServerSession};
//! use std::io::{self, ErrorKind, Read, Write};
//! use std::net::TcpStream;
//! use std::time::{Duration, Instant};
//!
//! fn serve(mut stream: TcpStream, mut store: impl FnMut(&ServerEvent)) -> io::Result<()> {
//!     stream.set_write_timeout(Some(Duration::from_secs(30)))?;
//!     let mut session = ServerSession::new(ServerConfig::new(), Instant::now());
//!     let (mut wire, mut chunk) = (BytesMut::new(), [0; 16 * 1024]);
//!     loop {
//!         while let Some(event) = session.poll_event() {
//!             store(&event);
//!             if let ServerEvent::WindowComplete { window, .. } = event {
//!                 session.acknowledge(window, Instant::now());
//!             }
//!         }
//!         if session.poll_transmit(&mut wire) {
//!             stream.write_all(&wire.split())?;
//!         }
//!         if session.is_closed() {
//!             stream.shutdown(std::net::Shutdown::Write)?;
//!             // What is not read would turn the close into a reset.
//!             stream.set_read_timeout(Some(Duration::from_secs(1)))?;
//!             let end = Instant::now() + Duration::from_secs(2);
//!             while Instant::now() < end && stream.read(&mut chunk).is_ok_and(|length| length > 0) {}
//!             return Ok(());
//!         }
//!         let wait = session.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
//!         // A timeout of zero would be an error.
//!         stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
//!         match stream.read(&mut chunk) {
//!             Ok(0) => session.receive_eof(Instant::now()),
//!             Ok(length) => session.receive(&mut BytesMut::from(&chunk[..length]), Instant::now()),
//!             Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
//!                 session.handle_timeout(Instant::now());
//!             }
//!             Err(error) if error.kind() == ErrorKind::Interrupted => {}
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! # let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
//! # client.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}").unwrap();
//! # client.shutdown(std::net::Shutdown::Write).unwrap();
//! # let mut events = 0;
//! # serve(listener.accept().unwrap().0, |_| events += 1).unwrap();
//! # let mut answer = Vec::new();
//! # client.read_to_end(&mut answer).unwrap();
//! # assert_eq!((&answer[..], events), (&b"2A\0\0\0\x01"[..], 4));
//! ```
//!
//! Where another thread acknowledges, put the session into a `Mutex`, hold it for the calls and never
//! while reading or writing, and let the thread that acknowledges write what `poll_transmit` gives, in its
//! order, to a clone of the socket.
//!
//! # tokio
//!
//! One task for each connection, and one `select!` in it: bytes, the deadline, what the application
//! finished. Here whole windows go to the application through one channel, and come back through the
//! other when they are safe; keepalives go out meanwhile. The examples `tokio_server` and `tokio_client`
//! are programs that do the same with a task for each window.
//!
//! ```
//! use bytes::BytesMut;
//! use lumberjack_codec::{CollectedWindow, ServerConfig, ServerSession, WindowCollector, WindowId};
//! use std::io;
//! use std::time::{Duration, Instant};
//! use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
//! use tokio::sync::mpsc::{Receiver, Sender};
//! use tokio::time::{sleep_until, timeout};
//!
//! /// `complete` has room for twice `max_pending_windows`, 16 by default: one compressed frame may complete
//! /// as many as may wait already.
//! async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
//!     mut stream: S,
//!     complete: Sender<CollectedWindow>,
//!     mut finished: Receiver<WindowId>,
//! ) -> io::Result<()> {
//!     let mut session = ServerSession::new(ServerConfig::new(), Instant::now());
//!     let mut collector = WindowCollector::new();
//!     let (mut input, mut wire, mut listening) = (BytesMut::new(), BytesMut::new(), true);
//!     loop {
//!         while let Some(event) = session.poll_event() {
//!             let taken = match collector.push(event) {
//!                 Ok(Some(window)) => complete.try_send(window).is_ok(),
//!                 Ok(None) => true,
//!                 Err(_above_the_budget) => false,
//!             };
//!             if !taken {
//!                 // What is not acknowledged, the client sends again, elsewhere.
//!                 session.shutdown(Instant::now());
//!             }
//!         }
//!         if session.poll_transmit(&mut wire) {
//!             timeout(Duration::from_secs(30), stream.write_all(&wire.split())).await??;
//!         }
//!         if session.is_closed() {
//!             stream.shutdown().await?;
//!             // What is not read would turn the close into a reset.
//!             let _ = timeout(Duration::from_secs(2), copy(&mut stream, &mut sink())).await;
//!             return Ok(());
//!         }
//!         let deadline = session.poll_timeout().map(tokio::time::Instant::from_std);
//!         let timer = async { sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)).await };
//!         tokio::select! {
//!             read = stream.read_buf(&mut input), if session.wants_read() => match read? {
//!                 0 => session.receive_eof(Instant::now()),
//!                 _ => session.receive(&mut input, Instant::now()),
//!             },
//!             window = finished.recv(), if listening => match window {
//!                 Some(window) => drop(session.acknowledge(window, Instant::now())),
//!                 None => {
//!                     listening = false;
//!                     session.shutdown(Instant::now());
//!                 }
//!             },
//!             () = timer, if deadline.is_some() => session.handle_timeout(Instant::now()),
//!         }
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let (mut client, server) = tokio::io::duplex(1024);
//! # let (complete, mut received) = tokio::sync::mpsc::channel(16);
//! # let (done, finished) = tokio::sync::mpsc::channel(8);
//! # let client = async {
//! #     client.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}").await.unwrap();
//! #     let window: CollectedWindow = received.recv().await.unwrap();
//! #     assert_eq!(window.events.len(), 1);
//! #     done.send(window.id).await.unwrap();
//! #     let mut answer = [0; 6];
//! #     client.read_exact(&mut answer).await.unwrap();
//! #     assert_eq!(&answer, b"2A\0\0\0\x01");
//! #     client.shutdown().await.unwrap();
//! # };
//! # tokio::join!(async { serve(server, complete, finished).await.unwrap() }, client);
//! # });
//! ```
//!
//! `read_buf` and `recv` may be cancelled without loss, as `select!` does. With `tokio_util`'s `Framed`,
//! `FrameCodec` (feature `tokio-util`) reads and writes single frames; the rules of windows are then yours.
//!
//! # Any other runtime
//!
//! async-std, smol and embassy: the loop above with their `select` and their timer. Without futures, on
//! mio, io_uring or an event loop of your own: keep what could not be written, and call one function
//! whenever the socket is ready or the deadline has come. It needs non-blocking `Read` and `Write` only.
//!
//! ```
//! use bytes::BytesMut;
//! use lumberjack_codec::{ClientConfig, ClientEvent, ClientSession};
//! use std::io::{self, ErrorKind, Read, Write};
//! use std::time::Instant;
//!
//! struct Connection<S> {
//!     socket: S,
//!     session: ClientSession,
//!     unsent: BytesMut,
//! }
//!
//! impl<S: Read + Write> Connection<S> {
//!     /// Does all that can be done now; returns when to call again if the socket stays quiet. An error of the
//!     /// socket ends the session: what was on its way is told as failed, and `Closed` comes last.
//!     fn ready(&mut self, on_event: &mut impl FnMut(ClientEvent)) -> Option<Instant> {
//!         let mut more = true;
//!         while more && !self.session.is_closed() {
//!             more = self.write().and_then(|()| self.read()).unwrap_or_else(|_lost| {
//!                 self.session.receive_eof(Instant::now());
//!                 false
//!             });
//!             // After each piece, so that a peer that never pauses fills no memory and stops no timer; and
//!             // what was received counts before time.
//!             self.tell(on_event);
//!             self.session.handle_timeout(Instant::now());
//!             self.tell(on_event);
//!         }
//!         self.session.poll_timeout()
//!     }
//!
//!     fn tell(&mut self, on_event: &mut impl FnMut(ClientEvent)) {
//!         while let Some(event) = self.session.poll_event() {
//!             on_event(event);
//!         }
//!     }
//!
//!     /// Whether there may be more to read.
//!     fn read(&mut self) -> io::Result<bool> {
//!         let mut chunk = [0; 4096];
//!         match self.socket.read(&mut chunk) {
//!             Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
//!             Ok(length) => {
//!                 self.session.receive(&mut BytesMut::from(&chunk[..length]), Instant::now());
//!                 Ok(true)
//!             }
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
//!             Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
//!             Err(error) => Err(error),
//!         }
//!     }
//!
//!     fn write(&mut self) -> io::Result<()> {
//!         self.session.poll_transmit(&mut self.unsent);
//!         while !self.unsent.is_empty() {
//!             match self.socket.write(&self.unsent) {
//!                 Ok(0) => return Err(ErrorKind::WriteZero.into()),
//!                 Ok(length) => drop(self.unsent.split_to(length)),
//!                 Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
//!                 Err(error) if error.kind() == ErrorKind::Interrupted => {}
//!                 Err(error) => return Err(error),
//!             }
//!         }
//!         self.session.transmitted(Instant::now());
//!         Ok(())
//!     }
//! }
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! # let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
//! # let (mut server, _) = listener.accept().unwrap();
//! # socket.set_nonblocking(true).unwrap();
//! # let session = ClientSession::new(ClientConfig::new().compression_level(0));
//! # let mut connection = Connection { socket, session, unsent: BytesMut::new() };
//! # connection.session.send(7, ["{}"], Instant::now()).unwrap();
//! # let mut told = Vec::new();
//! # assert!(connection.ready(&mut |event| told.push(event)).is_some());
//! # server.read_exact(&mut [0; 18]).unwrap();
//! # server.write_all(b"2A\0\0\0\x01").unwrap();
//! # connection.socket.set_nonblocking(false).unwrap();
//! # connection.socket.peek(&mut [0]).unwrap();
//! # connection.socket.set_nonblocking(true).unwrap();
//! # while told.is_empty() { connection.ready(&mut |event| told.push(event)); }
//! # assert_eq!(told, [ClientEvent::Acknowledged { token: 7, events: 1 }]);
//! # connection.session.send(8, ["{}"], Instant::now()).unwrap();
//! # drop(server);
//! # while told.len() < 3 { connection.ready(&mut |event| told.push(event)); }
//! # assert_eq!(told[1], ClientEvent::Failed { token: 8, acknowledged: 0, events: 1 });
//! # assert!(connection.session.is_closed());
//! ```
