//! What Linux tells: `/proc`, and the kernel's table of Unix sockets by netlink.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::command_line::{self, base_name};
use super::option::lossy;
use super::sockets::{Connection, End, Inside, Sockets};
use super::tables::{self, Dump, UnixSocket};
use super::{Holder, Monitor, Place, QemuProcess, State};
use crate::address::Address;

pub(super) fn find() -> io::Result<Vec<QemuProcess>> {
    let mut found: Vec<(QemuProcess, Vec<command_line::Spec>)> = Vec::new();
    let pids = pids()?;
    for &pid in &pids {
        // It may have ended by now: then it is none.
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        let Some(program) = program(pid, &line) else { continue };
        let read = command_line::read(&line, &program);
        let process = QemuProcess {
            pid,
            program: lossy(base_name(&program)).into_owned(),
            name: read.name,
            monitors: Vec::new(),
            reads_config: read.reads_config,
            // libvirt's own name for the monitor's chardev.
            libvirt: read.monitors.iter().any(|monitor| monitor.id.as_deref() == Some(b"charmonitor")),
            hidden: false,
        };
        found.push((process, read.monitors));
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let sockets = Sockets::load();
    let mut observed = Vec::new();
    for (mut process, specs) in found {
        let (own, directory) = (sockets_of(process.pid), fs::read_link(format!("/proc/{}/cwd", process.pid)).ok());
        process.hidden = own.is_none();
        let inside = Inside { sockets: own.as_deref(), directory: directory.as_deref() };
        let monitors: Vec<_> = specs
            .into_iter()
            .map(|spec| {
                let (place, connection) = sockets.observe(&spec, inside);
                (spec, visible(place, process.pid), connection)
            })
            .collect();
        observed.push((process, monitors));
    }
    let ends = observed.iter().flat_map(|(_, monitors)| monitors).filter_map(|(_, _, connection)| match connection {
        Connection::Held(end) => Some(*end),
        _ => None,
    });
    let owners = owners(ends, &pids);
    let finished = observed.into_iter().map(|(mut process, monitors)| {
        process.monitors = monitors
            .into_iter()
            .map(|(spec, place, connection)| {
                let state = match connection {
                    Connection::Free => State::Free,
                    Connection::Held(end) => State::Held(who(end, &owners)),
                    Connection::NotListening => State::NotListening,
                    Connection::NotConnected => State::NotConnected,
                    Connection::Unknown => State::Unknown,
                };
                Monitor { language: spec.language, place, wrapper: spec.wrapper, state }
            })
            .collect();
        process
    });
    Ok(finished.collect())
}

pub(super) fn holder(address: &Address) -> Option<Holder> {
    let sockets = Sockets::load();
    let end = match address {
        Address::Unix(path) => {
            let name = std::path::absolute(path).ok()?;
            let file = fs::metadata(path).ok().map(|file| kernels_file(&file));
            sockets.client_at_unix(name.as_os_str().as_bytes(), file)
        }
        Address::Abstract { name, tight } => {
            let mut bound = [b"\0", name.as_bytes()].concat();
            if !tight {
                bound.resize(crate::address::ABSTRACT_NAME_MAX + 1, 0);
            }
            sockets.client_at_unix(&bound, None)
        }
        Address::Tcp { host, port } => sockets.client_at_tcp(host, *port),
        Address::Vm(_) | Address::Pid(_) | Address::Exec(_) | Address::Ssh(_) => None,
    }?;
    let holder = who(end, &owners([end], &pids().ok()?));
    match holder {
        Holder::Process { pid, .. } if pid == std::process::id() => None,
        // It may be this process's own connection, just closed.
        Holder::Unknown => None,
        holder => Some(holder),
    }
}

/// Device and inode as the kernel writes them in its tables: cut to 32 bits each.
#[expect(clippy::cast_possible_truncation, reason = "the kernel cuts them too")]
fn kernels_file(file: &fs::Metadata) -> (u32, u32) {
    let device = rustix::fs::major(file.dev()) << 20 | rustix::fs::minor(file.dev());
    (device, file.ino() as u32)
}

fn pids() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// The program, if it is QEMU; by its command line, which it may have changed, or by its file.
fn program(pid: u32, command_line: &[u8]) -> Option<Vec<u8>> {
    let called = command_line.split(|&byte| byte == 0).next().unwrap_or_default();
    if called.is_empty() {
        // The kernel's own threads, and what has ended.
        return None;
    }
    if command_line::is_qemu(called) {
        return Some(called.to_vec());
    }
    let file = fs::read_link(format!("/proc/{pid}/exe")).ok()?.into_os_string();
    command_line::is_qemu(file.as_bytes()).then(|| file.as_bytes().to_vec())
}

/// The sockets of a process, by descriptor; `None` if this user may not see them.
fn sockets_of(pid: u32) -> Option<Vec<(u32, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()? {
        let entry = entry.ok()?;
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let inode = target.as_os_str().as_bytes().strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        let inode = inode.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let number = entry.file_name().to_str().and_then(|digits| digits.parse().ok());
        found.extend(number.zip(inode));
    }
    Some(found)
}

/// The processes at the other ends, by the inodes of their sockets.
fn owners(ends: impl IntoIterator<Item = End>, pids: &[u32]) -> HashMap<u64, (u32, String)> {
    let mut wanted: HashSet<u64> = ends
        .into_iter()
        .filter_map(|end| match end {
            End::Inode(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let mut found = HashMap::new();
    // The youngest first: shells rather than what has always been there.
    for &pid in pids.iter().rev() {
        if wanted.is_empty() {
            break;
        }
        for (_, inode) in sockets_of(pid).unwrap_or_default() {
            if wanted.remove(&inode) {
                let pid = original(pid, inode);
                let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
                found.insert(inode, (pid, lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned()));
            }
        }
    }
    found
}

/// The process whose copy this one is. Who has just been forked shares its parent's sockets until it runs another program, and so does a
/// subshell: the one to be named is the parent.
fn original(mut pid: u32, inode: u64) -> u32 {
    let command = |pid| fs::read(format!("/proc/{pid}/cmdline")).ok();
    while let Some(parent) = parent_of(pid)
        && command(parent) == command(pid)
        && sockets_of(parent).is_some_and(|sockets| sockets.iter().any(|(_, own)| *own == inode))
    {
        pid = parent;
    }
    pid
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    (parent > 0).then_some(parent)
}

fn who(end: End, owners: &HashMap<u64, (u32, String)>) -> Holder {
    match end {
        End::Remote(address) => Holder::Remote(address),
        End::Inode(inode) => match owners.get(&inode) {
            Some((pid, name)) => Holder::Process { pid: *pid, name: name.clone() },
            None => Holder::Hidden,
        },
        End::Unknown => Holder::Unknown,
    }
}

/// A socket in another root or mount namespace, by the way that leads there from here.
fn visible(place: Place, pid: u32) -> Place {
    let Place::At(Address::Unix(path)) = &place else { return place };
    let there = || {
        let mut there = PathBuf::from(format!("/proc/{pid}/root"));
        there.push(path.strip_prefix("/").unwrap_or(path));
        there
    };
    if Path::new(path).exists() || !there().exists() { place } else { Place::At(Address::Unix(there())) }
}

impl Sockets {
    fn load() -> Self {
        let unix = ask_for_unix_sockets().unwrap_or_else(|| {
            // Without the kernel's module `unix_diag`, or where netlink is not allowed.
            tables::unix_text(&fs::read("/proc/net/unix").unwrap_or_default())
        });
        let tcp = |file| tables::tcp_text(&fs::read_to_string(file).unwrap_or_default());
        Self { unix, tcp: [tcp("/proc/net/tcp"), tcp("/proc/net/tcp6")].concat() }
    }
}

/// All Unix sockets with their peers; `None` if the kernel does not answer.
fn ask_for_unix_sockets() -> Option<Vec<UnixSocket>> {
    /// What the kernel fills at most with one datagram.
    const DATAGRAM: usize = 32 * 1024;
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    rustix::net::send(&socket, &tables::unix_diag_request(), SendFlags::empty()).ok()?;
    let mut sockets = Vec::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // The kernel answers while it is asked: if nothing is there, nothing will come.
        let (_, length) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC).ok()?;
        match tables::unix_diag_answer(buffer.get(..length)?, &mut sockets) {
            Dump::More => {}
            Dump::Done => return Some(sockets),
            Dump::Failed => return None,
        }
    }
}
