//! Reads `/proc`, and the kernel's table of Unix sockets by netlink. Linux only.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::command_line::{self, Spec, base_name, is_qemu};
use super::option::lossy;
use super::process::{
    Access, Holder, Language, Monitor, Place, QemuProcess, Silence, State, Stopped, stopped_sentence,
};
use super::resolve::{Wanted, choose};
use super::sockets::{Client, Connection, Observed, ProcessView, Sockets};
use super::tables::{self, Dump, FileId, States, TcpSocket, UnixSocket};
use crate::address::Address;
use crate::text;

/// The accounts of QEMU under libvirt, Incus, LXD and the distributions. Root connects to their VMs by name.
const QEMU_ACCOUNTS: [&str; 5] = ["incus", "libvirt-qemu", "lxd", "qemu", "qemu-libvirtd"];

pub(super) fn find() -> io::Result<Vec<QemuProcess>> {
    let pids = pids()?;
    let found: Vec<_> = pids.iter().filter_map(|&pid| qemu_process(pid)).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let sockets = Sockets::load();
    let mut observed = Vec::new();
    for (mut process, specs) in found {
        let own = sockets_of(process.pid);
        if own.is_none() {
            process.access = Access::Hidden;
        }
        let observe = |spec| (sockets.monitor(&spec, process.pid, own.as_deref()), spec);
        let monitors: Vec<_> = specs.into_iter().map(observe).collect();
        observed.push((process, monitors));
    }
    let ends = observed.iter().flat_map(|(_, monitors)| monitors).filter_map(|(seen, _)| match seen.connection {
        Connection::Held(end) => Some(end),
        _ => None,
    });
    let owners = owners(ends, &pids);
    let finished = observed.into_iter().map(|(mut process, monitors)| {
        process.monitors = monitors
            .into_iter()
            .map(|(seen, spec)| {
                let state = match seen.connection {
                    Connection::Held(end) => State::Held(who(end, &owners)),
                    Connection::Free => State::Free,
                    Connection::NotAccepting => State::NotAccepting,
                    Connection::Unlinked => State::Unlinked,
                    Connection::NotListening => State::NotListening,
                    Connection::NotConnected => State::NotConnected,
                    Connection::Unknown => State::Unknown,
                };
                Monitor { language: spec.language, place: seen.place, wrapper: spec.wrapper, state }
            })
            .collect();
        process
    });
    Ok(finished.collect())
}

/// Returns the process, if it is a QEMU, with the monitors of its command line.
fn qemu_process(pid: u32) -> Option<(QemuProcess, Vec<Spec>)> {
    // The process may have ended by now.
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let (program, is_hidden) = match fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(file) => (file.into_os_string().into_encoded_bytes(), false),
        // Nothing else tells.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            (line.split(|&byte| byte == 0).next().unwrap_or_default().to_vec(), true)
        }
        Err(_) => return None,
    };
    if !is_qemu(&program) {
        return None;
    }
    let uid = user_of(pid)?;
    let user = nix::unistd::User::from_uid(uid.into()).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let own = rustix::process::geteuid();
    let is_trusted = uid == own.as_raw() || (own.is_root() && QEMU_ACCOUNTS.contains(&&*user));
    let read = command_line::read(&line, &program);
    let process = QemuProcess {
        pid,
        program: lossy(base_name(&program)).into_owned(),
        name: read.name,
        uid,
        user,
        monitors: Vec::new(),
        reads_config: read.reads_config,
        // libvirt names the monitor's chardev so.
        libvirt: read.monitors.iter().any(|monitor| monitor.id.as_deref() == Some(b"charmonitor")),
        access: match (is_hidden, is_trusted) {
            (true, _) => Access::Hidden,
            (false, true) => Access::ByName,
            (false, false) => Access::ByPid,
        },
        stopped: stopped(pid),
    };
    Some((process, read.monitors))
}

pub(super) fn silence(address: &Address) -> Option<Silence> {
    let sockets = Sockets::load();
    let (listener, connection) = match address {
        Address::Unix(path) => {
            let name = std::path::absolute(path).ok()?;
            let file = fs::metadata(path).ok().map(|file| FileId::of(&file));
            sockets.at_unix(name.as_os_str().as_bytes(), file)
        }
        Address::Abstract { name, tight } => {
            let mut bound = [b"\0", name.as_bytes()].concat();
            if !tight {
                bound.resize(crate::address::ABSTRACT_NAME_MAX + 1, 0);
            }
            sockets.at_unix(&bound, None)
        }
        Address::Tcp { host, port } => sockets.at_tcp(host, *port),
        Address::Vm(name) => return silence_of(&Wanted::Vm(name.clone())),
        Address::Pid(pid) => return silence_of(&Wanted::Pid(*pid)),
        Address::Exec(_) | Address::Ssh(_) => None,
    }?;
    let pids = pids().ok()?;
    // This process may have inherited the socket.
    let others: Vec<u32> = pids.iter().copied().filter(|&pid| pid != std::process::id()).collect();
    let server = match owners([Client::Inode(listener)], &others).remove(&listener) {
        Some((pid, name)) => Some((
            pid,
            if is_qemu_process(pid) { "QEMU".to_owned() } else { text::line(&name).into_owned() },
            Access::ByPid,
        )),
        // The process of another user may be known by its command line.
        None => find().ok()?.into_iter().find_map(|process| {
            let is_it = |monitor: &Monitor| matches!(&monitor.place, Place::At(at) if is_same(at, address));
            process.monitors.iter().any(is_it).then(|| (process.pid, "QEMU".to_owned(), process.access))
        }),
    };
    if let Some((pid, name, access)) = &server
        && let Some(stopped) = stopped(*pid)
    {
        return Some(Silence::Stopped(stopped_sentence(name, *pid, stopped, *access)));
    }
    match connection {
        Connection::Held(end) => match who(end, &owners([end], &pids)) {
            Holder::Process { pid, .. } if pid == std::process::id() => None,
            // It may be the connection that this process has just closed.
            Holder::Unknown => None,
            holder => Some(Silence::Held(holder)),
        },
        Connection::NotAccepting => {
            let server = server.map_or_else(|| "its process".to_owned(), |(pid, name, _)| format!("{name} ({pid})"));
            Some(Silence::NotAccepting(server))
        }
        _ => None,
    }
}

pub(super) fn stopped_peer() -> Option<String> {
    let own = sockets_of(std::process::id())?;
    let is_own = |inode: u64| own.iter().any(|(_, own)| *own == inode);
    let sockets = Sockets::load();
    let unix = sockets.unix.iter().filter(|socket| is_own(socket.inode)).filter_map(|socket| socket.peer);
    let ends: Vec<_> = sockets.tcp.iter().filter(|socket| socket.connected && is_own(socket.inode)).collect();
    let is_peer = |socket: &&TcpSocket| ends.iter().any(|end| end.local == socket.remote && end.remote == socket.local);
    let tcp = sockets.tcp.iter().filter(is_peer).map(|socket| socket.inode);
    let peers = unix.chain(tcp).filter(|inode| *inode != 0 && !is_own(*inode)).map(Client::Inode);
    let processes = owners(peers, &pids().ok()?).into_values();
    processes.filter(|(pid, _)| is_qemu_process(*pid)).find_map(|(pid, _)| {
        let stopped = stopped(pid)?;
        Some(stopped_sentence("QEMU", pid, stopped, Access::ByPid))
    })
}

fn is_qemu_process(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|file| is_qemu(file.as_os_str().as_bytes()))
}

pub(super) fn is_bound(file: &fs::Metadata) -> bool {
    let file = FileId::of(file);
    ask_for_unix_sockets(States::Bound).unwrap_or_default().iter().any(|socket| socket.file == Some(file))
}

/// Tells why a monitor of this process does not answer.
fn silence_of(wanted: &Wanted) -> Option<Silence> {
    let processes = find().ok()?;
    let monitors = &choose(wanted, &processes).ok()?.monitors;
    monitors.iter().find_map(|monitor| match &monitor.place {
        Place::At(address) if monitor.language == Language::Qmp => silence(address),
        _ => None,
    })
}

/// Returns true if both are one address; a path may be relative.
fn is_same(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => std::path::absolute(other).is_ok_and(|other| other == *one),
        _ => one == other,
    }
}

impl FileId {
    #[expect(clippy::cast_possible_truncation, reason = "the kernel cuts them too")]
    fn of(file: &fs::Metadata) -> Self {
        let device = rustix::fs::major(file.dev()) << 20 | rustix::fs::minor(file.dev());
        Self { device, inode: file.ino() as u32 }
    }
}

fn pids() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// Returns the effective user id of a process.
fn user_of(pid: u32) -> Option<u32> {
    // `Uid:` real, effective, saved, of the file system.
    status_field(pid, "Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Tells why a process is stopped, if it is.
fn stopped(pid: u32) -> Option<Stopped> {
    match status_field(pid, "State:")?.bytes().next()? {
        b'T' => Some(Stopped::Signal),
        b't' => Some(Stopped::Debugger),
        _ => None,
    }
}

/// Returns a line of `/proc/PID/status`, without its name.
fn status_field(pid: u32, name: &str) -> Option<String> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    Some(lossy(&status).lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned())
}

/// Lists the sockets of a process, by descriptor; `None` if this user may not see them.
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

/// Finds the processes of clients, by the inodes of their sockets.
fn owners(ends: impl IntoIterator<Item = Client>, pids: &[u32]) -> HashMap<u64, (u32, String)> {
    let mut wanted: HashSet<u64> = ends
        .into_iter()
        .filter_map(|end| match end {
            Client::Inode(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let mut found = HashMap::new();
    // The youngest first: a client is rarely the oldest process.
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

/// Returns the process of which `pid` is a copy. A fork shares its parent's sockets until it runs another program, and so does a
/// subshell: the parent is the client.
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
    let parent = status_field(pid, "PPid:")?.parse().ok()?;
    (parent > 0).then_some(parent)
}

fn who(end: Client, owners: &HashMap<u64, (u32, String)>) -> Holder {
    match end {
        Client::Remote(address) => Holder::Remote(address),
        Client::Inode(inode) => match owners.get(&inode) {
            Some((pid, name)) => Holder::Process { pid: *pid, name: name.clone() },
            None => Holder::Hidden,
        },
        Client::Unknown => Holder::Unknown,
    }
}

/// Returns the directories from which a process may have bound a relative path: its own, and the one where a shell started it;
/// `-daemonize` makes `/` its own.
fn directories(pid: u32) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_link(format!("/proc/{pid}/cwd")).into_iter().collect();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let started = environment.split(|&byte| byte == 0).find_map(|variable| variable.strip_prefix(b"PWD="));
    found.extend(started.map(|path| PathBuf::from(OsStr::from_bytes(path))).filter(|path| !found.contains(path)));
    found
}

impl Sockets {
    fn load() -> Self {
        let unix = ask_for_unix_sockets(States::ListeningAndConnected).unwrap_or_else(|| {
            // The kernel lacks its module `unix_diag`, or netlink is not allowed.
            tables::unix_text(&fs::read("/proc/net/unix").unwrap_or_default())
        });
        let tcp = |file| tables::tcp_text(&fs::read_to_string(file).unwrap_or_default());
        Self { unix, tcp: [tcp("/proc/net/tcp"), tcp("/proc/net/tcp6")].concat() }
    }

    /// Finds where a monitor of a process is, and its client.
    fn monitor(&self, spec: &Spec, pid: u32, own: Option<&[(u32, u64)]>) -> Observed {
        let observe = |directory: Option<PathBuf>| {
            self.observe(spec, ProcessView { sockets: own, directory: directory.as_deref() })
        };
        let mut first = None;
        for directory in directories(pid) {
            let mut seen = observe(Some(directory));
            if self.find_file(&mut seen, pid) {
                return seen;
            }
            first.get_or_insert(seen);
        }
        let mut seen = first.unwrap_or_else(|| observe(None));
        if !self.find_file(&mut seen, pid) && matches!(seen.connection, Connection::Free | Connection::NotAccepting) {
            seen.connection = Connection::Unlinked;
        }
        seen
    }

    /// Returns false if the monitor has a socket file that does not exist. A file in another root or mount namespace gets
    /// the path that leads there from here.
    fn find_file(&self, seen: &mut Observed, pid: u32) -> bool {
        let Place::At(Address::Unix(path)) = &seen.place else { return true };
        let mut there = PathBuf::from(format!("/proc/{pid}/root"));
        there.push(path.strip_prefix("/").unwrap_or(path));
        for path in [path.clone(), there] {
            match fs::metadata(&path) {
                Ok(file) if seen.file.is_none_or(|bound| self.is_bound_to(bound, FileId::of(&file))) => {
                    seen.place = Place::At(Address::Unix(path));
                    return true;
                }
                // It may exist.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return true,
                _ => {}
            }
        }
        false
    }
}

/// Asks for the Unix sockets with their files and peers; `None` if the kernel does not answer.
fn ask_for_unix_sockets(states: States) -> Option<Vec<UnixSocket>> {
    /// The most bytes of one datagram of the kernel.
    const DATAGRAM: usize = 32 * 1024;
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    rustix::net::send(&socket, &tables::unix_diag_request(states), SendFlags::empty()).ok()?;
    let mut sockets = Vec::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // The kernel answers at once: if there is no answer now, none will come.
        let (_, length) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC).ok()?;
        match tables::unix_diag_answer(buffer.get(..length)?, &mut sockets) {
            Dump::More => {}
            Dump::Done => return Some(sockets),
            Dump::Failed => return None,
        }
    }
}
