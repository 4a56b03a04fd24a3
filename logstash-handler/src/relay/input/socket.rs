//! Sockets for datagrams.

use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::UdpSocket;

/// A socket that is bound.
pub(super) enum Socket {
    Udp(UdpSocket, Option<kernel::Drops>),
    #[cfg(unix)]
    Unix(unix::Bound),
}

impl Socket {
    pub(super) fn udp(socket: UdpSocket) -> Self {
        let drops = kernel::Drops::of(&socket);
        Self::Udp(socket, drops)
    }

    /// A socket of the file system, to which everybody on this machine may write, as to `/dev/log`.
    #[cfg(unix)]
    pub(super) fn unix(path: &Path) -> io::Result<Self> {
        unix::Bound::to(path).map(Self::Unix)
    }

    #[cfg(not(unix))]
    pub(super) fn unix(_: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets"))
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket, _) => socket.readable().await,
            #[cfg(unix)]
            Self::Unix(bound) => bound.socket.readable().await,
        }
    }

    /// The length of the next datagram, and who sent it if that can be told.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        match self {
            Self::Udp(socket, _) => socket.try_recv_from(buffer).map(|(length, peer)| (length, Some(peer))),
            #[cfg(unix)]
            Self::Unix(bound) => bound.socket.try_recv(buffer).map(|length| (length, None)),
        }
    }

    /// Datagrams that the system dropped, where it tells.
    pub(super) fn drops(&self) -> Option<u64> {
        match self {
            Self::Udp(_, drops) => drops.as_ref()?.count(),
            // Senders wait.
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

/// Asks the system for a buffer of so many bytes; tells how many it grants.
pub(super) fn set_receive_buffer(socket: &UdpSocket, bytes: usize) -> io::Result<usize> {
    let socket = SockRef::from(socket);
    // The system counts in 32 bits, and would take what is more for little.
    socket.set_recv_buffer_size(bytes.min(i32::MAX as usize))?;
    let granted = socket.recv_buffer_size()?;
    // Linux tells twice as much, for what it notes about each datagram.
    Ok(if cfg!(target_os = "linux") { granted / 2 } else { granted })
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, Permissions};
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use tokio::net::UnixDatagram;

    /// A socket with a name, which is removed with it.
    pub(in super::super) struct Bound {
        pub(super) socket: UnixDatagram,
        path: PathBuf,
    }

    impl Bound {
        pub(super) fn to(path: &Path) -> io::Result<Self> {
            remove_stale(path)?;
            let socket = UnixDatagram::bind(path)?;
            let bound = Self { socket, path: path.to_owned() };
            fs::set_permissions(path, Permissions::from_mode(0o666))?;
            Ok(bound)
        }
    }

    impl Drop for Bound {
        fn drop(&mut self) {
            // It may have been removed by somebody else.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Removes the socket of a process that is gone.
    fn remove_stale(path: &Path) -> io::Result<()> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        let probe = std::os::unix::net::UnixDatagram::unbound()?;
        match probe.connect(path) {
            Err(error) if is_socket && error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
            _ => Ok(()),
        }
    }
}

/// What the system dropped, because its buffer for the socket was full.
#[cfg(target_os = "linux")]
mod kernel {
    use std::fs;
    use std::os::fd::AsRawFd;
    use tokio::net::UdpSocket;

    /// A socket in the tables of the kernel.
    pub(in super::super) struct Drops {
        table: &'static str,
        inode: String,
    }

    impl Drops {
        pub(super) fn of(socket: &UdpSocket) -> Option<Self> {
            let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            let is_ipv6 = socket.local_addr().ok()?.is_ipv6();
            Some(Self { table: if is_ipv6 { "/proc/self/net/udp6" } else { "/proc/self/net/udp" }, inode })
        }

        /// Datagrams dropped since the socket is there.
        pub(super) fn count(&self) -> Option<u64> {
            let table = fs::read_to_string(self.table).ok()?;
            let columns =
                |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
            let row = table.lines().map(columns).find(|row| row.get(INODE) == Some(&self.inode))?;
            row.last()?.parse().ok()
        }
    }

    /// Where the inode stands in a row; the count of drops stands at its end.
    const INODE: usize = 9;
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use tokio::net::UdpSocket;

    /// Not to be had here.
    pub(in super::super) struct Drops;

    impl Drops {
        pub(super) const fn of(_: &UdpSocket) -> Option<Self> {
            None
        }

        pub(super) const fn count(&self) -> Option<u64> {
            None
        }
    }
}
