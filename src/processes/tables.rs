//! Parses the kernel's tables of sockets, which are texts and messages. No I/O.
//!
//! Sources: `proc(5)`, `sock_diag(7)`, the kernel's `linux/unix_diag.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A file, as the kernel's tables name it: device and inode, cut to 32 bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    pub(super) device: u32,
    pub(super) inode: u32,
}

/// A Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnixSocket {
    /// 0 until its process accepts it.
    pub(super) inode: u64,
    pub(super) listening: bool,
    pub(super) connected: bool,
    /// The path it was bound to, as it was given; an abstract name begins with NUL. An accepted socket has the path of its
    /// listener.
    pub(super) name: Vec<u8>,
    /// The socket file.
    pub(super) file: Option<FileId>,
    /// The inode of the other end, if the kernel tells; 0 if that is not accepted yet, or gone.
    pub(super) peer: Option<u64>,
    /// The inodes of the clients that wait for a listener; 0 for one that is gone.
    pub(super) waiting: Vec<u64>,
}

/// A TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TcpSocket {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) listening: bool,
    /// True if it is connected, or its client is gone before it was accepted.
    pub(super) connected: bool,
    /// 0 until its process accepts it.
    pub(super) inode: u64,
}

const LISTEN: u8 = 10;
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;

/// Reads `/proc/net/unix`, which does not tell the peers. It skips other lines.
pub(super) fn unix_text(text: &[u8]) -> Vec<UnixSocket> {
    text.split(|&byte| byte == b'\n').skip(1).filter_map(unix_line).collect()
}

/// Reads `Num: RefCount Protocol Flags Type St Inode Path`.
fn unix_line(line: &[u8]) -> Option<UnixSocket> {
    const ACCEPTS: u32 = 0x1_0000;
    let mut rest = line;
    let mut next = || {
        let start = rest.iter().position(|&byte| byte != b' ')?;
        let field = &rest[start..];
        let end = field.iter().position(|&byte| byte == b' ').unwrap_or(field.len());
        rest = field.get(end + 1..).unwrap_or_default();
        std::str::from_utf8(&field[..end]).ok()
    };
    let (_, _, _) = (next()?, next()?, next()?);
    let flags = u32::from_str_radix(next()?, 16).ok()?;
    let _kind = next()?;
    let state = next()?;
    let inode = next()?.parse().ok()?;
    // An abstract name has `@` for each NUL.
    let is_abstract = rest.starts_with(b"@");
    let name = rest.iter().map(|&byte| if is_abstract && byte == b'@' { 0 } else { byte }).collect();
    let listening = flags & ACCEPTS != 0;
    Some(UnixSocket { inode, listening, connected: state == "03", name, ..UnixSocket::default() })
}

/// Reads `/proc/net/tcp` or `/proc/net/tcp6`.
pub(super) fn tcp_text(text: &str) -> Vec<TcpSocket> {
    text.lines().skip(1).filter_map(tcp_line).collect()
}

/// Reads `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …`.
fn tcp_line(line: &str) -> Option<TcpSocket> {
    let mut fields = line.split_ascii_whitespace();
    let local = socket_address(fields.nth(1)?)?;
    let remote = socket_address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let inode = fields.nth(5)?.parse().ok()?;
    let connected = state == ESTABLISHED || (state == CLOSE_WAIT && inode == 0);
    Some(TcpSocket { local, remote, listening: state == LISTEN, connected, inode })
}

/// Reads `0100007F:1F90`: the address in words of the machine's byte order.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words = ip.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok().filter(|word| word.len() == 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// The states of the sockets to ask the kernel for.
#[derive(Debug, Clone, Copy)]
pub(super) enum States {
    ListeningAndConnected,
    /// Bound sockets, whether they listen yet or not.
    Bound,
}

/// Makes the message that asks for Unix sockets with their names, files and peers.
pub(super) fn unix_diag_request(states: States) -> Vec<u8> {
    const LENGTH: u32 = 40;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST_DUMP: u16 = 0x301;
    const AF_UNIX: u8 = 1;
    const CLOSE: u8 = 7; // neither connected nor listening
    const NAME_FILE_PEER_WAITING: u32 = 1 | 2 | 4 | 8;
    const NO_COOKIE: [u8; 8] = [0xff; 8];
    let mut message = Vec::new();
    message.extend(LENGTH.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend([0; 8]); // sequence number, port
    message.extend([AF_UNIX, 0, 0, 0]);
    let states: u32 = match states {
        States::ListeningAndConnected => 1 << LISTEN | 1 << ESTABLISHED,
        States::Bound => 1 << LISTEN | 1 << CLOSE,
    };
    message.extend(states.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes()); // any inode
    message.extend(NAME_FILE_PEER_WAITING.to_ne_bytes());
    message.extend(NO_COOKIE);
    message
}

/// What follows one datagram of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dump {
    More,
    Done,
    /// Nothing: the kernel refused, or the datagram is not understood.
    Failed,
}

/// Adds the sockets of one datagram of the answer.
pub(super) fn unix_diag_answer(mut datagram: &[u8], sockets: &mut Vec<UnixSocket>) -> Dump {
    const ERROR: u16 = 2;
    const DONE: u16 = 3;
    const HEADER: usize = 16;
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = datagram.get(HEADER..length) else { return Dump::Failed };
        match kind {
            DONE => return Dump::Done,
            ERROR => return Dump::Failed,
            _ => sockets.extend(unix_diag_message(body)),
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Dump::More
}

/// Reads a `struct unix_diag_msg` and its attributes.
fn unix_diag_message(body: &[u8]) -> Option<UnixSocket> {
    const STREAM: u8 = 1;
    let (&kind, &state) = (body.get(1)?, body.get(2)?);
    let mut socket = UnixSocket {
        inode: u64::from(u32_at(body, 4)?),
        listening: state == LISTEN,
        connected: state == ESTABLISHED,
        ..UnixSocket::default()
    };
    let mut rest = body.get(16..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let value = rest.get(4..usize::from(length))?;
        match kind {
            // A path comes with its NUL, an abstract name begins with one.
            0 if value.first() == Some(&0) => socket.name = value.to_vec(),
            0 => socket.name = value.strip_suffix(b"\0").unwrap_or(value).to_vec(),
            1 => {
                let file = u32_at(value, 4).zip(u32_at(value, 0));
                socket.file = file.map(|(device, inode)| FileId { device, inode });
            }
            2 => socket.peer = u32_at(value, 0).map(u64::from),
            3 => socket.waiting = value.chunks_exact(4).filter_map(|inode| u32_at(inode, 0)).map(u64::from).collect(),
            _ => {}
        }
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    (kind == STREAM).then_some(socket)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
